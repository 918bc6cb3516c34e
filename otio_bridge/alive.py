"""Who of a project's processes runs: what the ledger says, held against what this machine knows."""

from __future__ import annotations

from typing import Final

from otio_bridge.platform import Owner, this_host
from otio_bridge.store import processes
from otio_bridge.store.ledger import Ledger

#: Seconds for which a process of another machine that says nothing is believed to run.
_LATELY: Final = 60.0


def workers_running(ledger: Ledger) -> bool:
    """Whether a worker (or who is starting them) runs on this machine, or was lately seen on another."""
    report_dead(ledger)
    lately = {row.id for row in processes.alive(ledger, within=_LATELY)}
    return any(
        row.kind in ("worker", "supervisor") and row.queues and (row.host == this_host() or row.id in lately)
        for row in processes.alive(ledger)
    )


def report_dead(ledger: Ledger) -> None:
    """Write down every process of this machine that is no more: what it held is then known to be free."""
    for row in processes.alive(ledger):
        if Owner(row.host, row.pid, row.started, "").alive is False:
            processes.gone(ledger, row.id, why="its process has ended", by=f"supervisor on {row.host}")
