"""A step's hold on its take: renewed while the step runs, until its deadline, and no longer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from otio_bridge.app import App
from otio_bridge.errors import LedgerError, StaleMove
from otio_bridge.model.take import WaitCode
from otio_bridge.store import takes
from otio_bridge.store.records import TakeRecord

log = logging.getLogger(__name__)


class Waiting(Exception):
    """The step cannot go on now and nothing is wrong with the take: it waits with a code."""

    def __init__(self, code: WaitCode, why: str, *, due_in: float) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
        self.due_in = due_in


class Lease:
    """What a running step knows of its hold."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        #: By the clock on the wall, once shortened: a machine that sleeps stops its monotonic one.
        self._latest: float | None = None
        self.lost = threading.Event()

    @property
    def deadline(self) -> float:
        """The `time.monotonic()` instant at which the step must have ended."""
        return self._deadline

    def shorten(self, seconds: float) -> None:
        """Give the step no more than this from now: whoever judges it later need not wait for its whole limit."""
        self._deadline = min(self._deadline, time.monotonic() + seconds)
        self._latest = time.time() + seconds

    @property
    def left(self) -> float:
        """Seconds until the step's deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def check(self) -> None:
        """Raise StaleMove when the hold is gone; called immediately before anything that cannot be undone."""
        slept = self._latest is not None and time.time() > self._latest
        if self.lost.is_set() or self.left <= 0 or slept:
            raise StaleMove("this step lost its hold on the take", next="nothing: another worker has it")


@contextmanager
def held(app: App, take: TakeRecord) -> Iterator[Lease]:
    """Renew the take's lease in the background while the body runs."""
    limits = app.settings.queue
    lease = Lease(limits.step_limit)
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(limits.renew) and lease.left > 0:
            try:
                takes.renew(app.ledger, take, lease=limits.lease)
            except StaleMove:
                lease.lost.set()
                return
            except LedgerError as exc:
                # The ledger may be locked or away for a moment; the next renewal tries again.
                log.warning("lease not renewed: %s", exc, extra={"action": "renew_failed", "take": take.id})

    thread = threading.Thread(target=keep, name=f"lease-{take.id}", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        stop.set()
        thread.join(timeout=limits.lease)
