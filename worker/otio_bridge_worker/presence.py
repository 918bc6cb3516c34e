"""What a process tells the ledger about itself, as long as it lives."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from otio_bridge import __version__
from otio_bridge.app import App
from otio_bridge.errors import LedgerError
from otio_bridge.platform import Owner
from otio_bridge.store import processes
from otio_bridge.store.records import ProcessWrite

log = logging.getLogger(__name__)


@contextmanager
def present(app: App, owner: Owner, kind: str, queues: Sequence[str]) -> Iterator[None]:
    """Be seen in the ledger, again and again, until the body ends; then known to be gone."""
    ended = threading.Event()

    def beat() -> None:
        try:
            processes.beat(app.ledger, _as_is(app, owner, kind, queues))
        except LedgerError as exc:
            # Locked or away for a moment; it is told again.
            log.warning("%s", exc)

    def keep() -> None:
        while not ended.wait(app.settings.queue.renew):
            beat()

    beat()
    thread = threading.Thread(target=keep, name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        try:
            processes.gone(app.ledger, str(owner), why="ended", by=str(owner))
        except LedgerError as exc:
            log.warning("%s", exc)


def _as_is(app: App, owner: Owner, kind: str, queues: Sequence[str]) -> ProcessWrite:
    root = app.settings.media_root
    able = ("rw" if os.access(root, os.W_OK) else "ro") if root.is_dir() else "missing"
    return ProcessWrite(
        id=str(owner),
        kind=kind,
        host=owner.host,
        pid=owner.pid,
        started=owner.started,
        queues=tuple(queues),
        roots={str(root): able},
        detail={"version": __version__, "slot": owner.slot},
    )
