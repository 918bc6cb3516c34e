"""Every failpoint's name, and how a test sets one for the processes it starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from otio_bridge.failpoints import FOLDER, ROLE, SETTING, FailpointError, failpoint

__all__ = ["FAILPOINTS", "TRANSACTIONS", "FailpointError", "environment", "failpoint", "hits"]

#: T1 dispatch, T2 claim, T3 intent, T4 receipt, T5 move, T6 settle.
TRANSACTIONS = ("T1", "T2", "T3", "T4", "T5", "T6")
#: `before` the transaction begins, `inside` with all written and nothing committed, `after` the commit;
#: `send.last-byte` when the paid request's last byte has left, `send.first-byte` when its answer begins,
#: `publish.before` and `publish.after` round the renaming of a finished file.
FAILPOINTS = (
    *(f"{name}.{when}" for name in TRANSACTIONS for when in ("before", "inside", "after")),
    "send.last-byte",
    "send.first-byte",
    "publish.before",
    "publish.after",
)


def environment(folder: Path, points: Iterable[tuple[str, str]], *, role: str = "") -> dict[str, str]:
    """Variables that make each `(name, action)` fire once over all processes given them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = list(points)
    for name, _ in entries:
        if name.partition("@")[0] not in FAILPOINTS:
            raise ValueError(f"no failpoint {name!r}")
    found = {SETTING: ",".join(f"{name}={action}" for name, action in entries), FOLDER: str(folder)}
    return found | ({ROLE: role} if role else {})


def hits(folder: Path) -> frozenset[str]:
    """The failpoints that fired."""
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
