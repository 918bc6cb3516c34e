"""The one job: claim the best ready take of a queue, do one bounded step, nudge the next queue.

PLANNED ─prepare▶ PREPARED ─submit▶ SENDING … SUBMITTED (the poller) ▶ DONE ─fetch▶ FETCHED
                      └──run here──────────────────────────────────────▶ DONE
FETCHED ─conform▶ CONFORMED ─check▶ READY
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, LedgerError, MoneyError, StaleMove
from otio_bridge.model.take import TakeState, WaitCode
from otio_bridge.provider import NotSent, Unavailable
from otio_bridge.store import takes
from otio_bridge.store.records import TakeRecord
from otio_bridge.workflow import fetch, finish, prepare, run_here, submit
from otio_bridge.workflow.lease import Lease, Waiting, held
from otio_bridge.workflow.places import tidy
from otio_bridge.workflow.receipts import replay

log = logging.getLogger(__name__)

Step = Callable[[App, TakeRecord, Lease], None]


def _send_or_run(app: App, take: TakeRecord, lease: Lease) -> None:
    if take.provider and app.providers.get(take.provider).capabilities().local:
        run_here.run(app, take, lease)
    else:
        submit.submit(app, take, lease)


#: What the next step is in each state a worker acts on.
STEPS: dict[TakeState, Step] = {
    TakeState.PLANNED: prepare.prepare,
    TakeState.PREPARED: _send_or_run,
    TakeState.DONE: fetch.fetch,
    TakeState.FETCHED: finish.conform,
    TakeState.CONFORMED: finish.check,
}


def step(app: App, queue: str, *, owner: str) -> bool:
    """Do one step of the best ready take of `queue`; False when there was none."""
    limits = app.settings.queue
    if queue == "net":
        # Kept answers lie on the machine that sent, which need not be one with a poller.
        replay(app)
    take = takes.claim(app.ledger, queue, owner=owner, lease=limits.lease, tries=limits.tries)
    if take is None:
        return queue == "net" and fetch.early(app, owner=owner)
    with held(app, take) as lease:
        try:
            STEPS[take.state](app, take, lease)
        except StaleMove as exc:
            log.info("%s", exc, extra={"action": "stale", "take": take.id})
        except Waiting as wait:
            takes.wait(app.ledger, take, wait_code=wait.code, due_in=wait.due_in, why=wait.why)
        except LedgerError as exc:
            # Nothing can be written: the lease runs out and the step is done again.
            log.error("%s", exc, extra={"action": "ledger_failed", "take": take.id})
        except (BridgeError, OSError) as exc:
            _settle(app, take, exc)
        finally:
            tidy(app, take, done=take.state is TakeState.CONFORMED)
    return True


def _settle(app: App, take: TakeRecord, exc: BridgeError | OSError) -> None:
    """Faults of the surroundings wait; faults of the take fail it, resumable where it stood."""
    if app.ending.is_set():
        # A machine that shuts down ends ffmpeg and us together: that is nothing about the take.
        log.info("left for another worker: %s", exc, extra={"action": "ending", "take": take.id})
        return
    waiting = surroundings(exc)
    if waiting is not None:
        due = getattr(exc, "retry_after", None) or app.settings.queue.poll
        takes.wait(app.ledger, take, wait_code=waiting, due_in=min(due, 3600), why=str(exc))
        return
    code = exc.code if isinstance(exc, BridgeError) else "os"
    takes.move(
        app.ledger, take, TakeState.FAILED, queue=take.queue, code=code, why=str(exc), resume_state=take.state
    )


def surroundings(exc: BaseException) -> WaitCode | None:
    """The wait code of a fault that is not the take's own; None where it is."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, OSError):
            if cause.errno in (errno.ENOSPC, errno.EDQUOT):
                return WaitCode.DISK
            if cause.errno in (
                errno.EACCES,
                errno.EROFS,
                errno.ENODEV,
                errno.EIO,
                errno.ESTALE,
                errno.ENOTCONN,
            ):
                return WaitCode.ROOT
        if isinstance(cause, NotSent):
            return WaitCode.RATE if cause.throttled else WaitCode.REMOTE
        if isinstance(cause, Unavailable):
            return WaitCode.REMOTE
        if isinstance(cause, MoneyError):
            return WaitCode.BUDGET
        cause = cause.__cause__
    return None
