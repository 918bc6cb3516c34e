"""The poller: asks after what providers have, reclaims what the dead held, tops up the queues.

Any number may run. The first by name of those seen lately does the rounds, the others stand by; a round may
be repeated, and may even overlap another's, so that nothing has to be locked.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from otio_bridge.alive import report_dead
from otio_bridge.app import App
from otio_bridge.errors import BridgeError
from otio_bridge.platform import Owner
from otio_bridge.settings import load
from otio_bridge.store import processes
from otio_bridge.workflow import poll, receipts
from otio_bridge_worker.ending import asked_to_end
from otio_bridge_worker.presence import present
from otio_bridge_worker.silent import Silence

log = logging.getLogger(__name__)

#: Seconds for which the dead are remembered; their deaths prove what they cannot have sent.
_REMEMBERED: Final = 90 * 86400.0


def run(project: Path) -> int:
    """Do the rounds of a project until asked to end."""
    settings = load(project)
    ending = asked_to_end(tied=True)
    owner = Owner.of(os.getpid(), "poller")
    with App.open(settings) as app, present(app, owner, "poller", ()):
        processes.forget(app.ledger, gone_for=_REMEMBERED)
        silence = Silence(app.ledger, settings.queue)
        asking = poll.Asking(settings.queue.poll_threads)
        try:
            while not ending.is_set():
                _round(app, str(owner), silence, asking)
                ending.wait(settings.queue.tick)
        finally:
            asking.close()
    return 0


def _round(app: App, owner: str, silence: Silence, asking: poll.Asking) -> None:
    try:
        # On every poller's own machine: who died there is known only there, and answers are kept there.
        report_dead(app.ledger)
        silence.end_senders()
        receipts.replay(app)
        if leads(app, owner):
            poll.tick(app, owner=owner, asking=asking)
    except BridgeError as exc:
        log.error("%s", exc)
    except Exception:  # the outermost edge: the next round tries again
        log.exception("a round failed unexpectedly")


def leads(app: App, owner: str) -> bool:
    """Whether this poller is the one to do the round."""
    lately = processes.alive(app.ledger, within=app.settings.queue.lease)
    return owner == min((row.id for row in lately if row.kind == "poller"), default=owner)
