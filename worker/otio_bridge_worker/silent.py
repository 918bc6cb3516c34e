"""Ends processes of this machine that were sending and fell silent.

That a call was not sent is proved without a person only when its sender is known to be dead (design §4). A
process that was stopped, or hangs as a whole, is alive: so it is ended, by pid and start time, before that is
said. One that still tells the ledger about itself is left alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from otio_bridge.model.take import CallState
from otio_bridge.platform import Owner, this_host
from otio_bridge.settings import QueueSettings
from otio_bridge.store import calls, processes, takes
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import ProcessRecord

log = logging.getLogger(__name__)


class Silence:
    """Since when who has been silent, from one round to the next."""

    def __init__(self, ledger: Ledger, limits: QueueSettings, clock: Callable[[], float] = time.monotonic):
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._since: dict[str, float] = {}

    def end_senders(self) -> None:
        """End every sender of this machine that was silent for a lease, and for another renewal since.

        The second look is for a ledger that was away: then everybody was silent, and speaks within a renewal.
        """
        now = self._clock()
        heard = {row.id for row in processes.alive(self._ledger, within=self._limits.lease)}
        silent = {row.id: row for row in self._senders() if row.id not in heard}
        self._since = {name: self._since.get(name, now) for name in silent}
        for name, since in self._since.items():
            if now - since > self._limits.renew + self._limits.tick:
                self._end(silent[name])

    def _senders(self) -> list[ProcessRecord]:
        """Processes of this machine, not known to be dead, that may have sent what nobody answered for."""
        names = {stale.call.sender for stale in takes.stale_sending(self._ledger)}
        lost = [one for one in calls.open_calls(self._ledger, due=False) if one.state is CallState.UNCERTAIN]
        names |= {one.sender for one in lost}
        here = [row for row in processes.alive(self._ledger) if row.host == this_host()]
        return [row for row in here if row.id in names]

    def _end(self, row: ProcessRecord) -> None:
        log.warning("ending %s (pid %s): it was sending and fell silent", row.kind, row.pid)
        if Owner(row.host, row.pid, row.started, "").end():
            processes.gone(self._ledger, row.id, why="fell silent while sending, and was ended", by="poller")
