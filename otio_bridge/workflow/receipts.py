"""How an exchange with a provider ended, kept in a file before the ledger knows it, and written by whoever
finds it (design §4): the sender itself, else any worker or poller of this machine.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import LedgerError, MoneyError, StaleMove
from otio_bridge.media.files import age_of, read_receipts, receipt_file, write_receipt
from otio_bridge.model.money import Money
from otio_bridge.model.take import CallState, WaitCode
from otio_bridge.model.value import Value
from otio_bridge.provider import Accepted, SubmitKind
from otio_bridge.store import calls
from otio_bridge.store.records import CallRecord
from otio_bridge.workflow.choose import in_budget
from otio_bridge.workflow.lease import Waiting
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.places import receipts_folder

log = logging.getLogger(__name__)


class End(StrEnum):
    """The ways an exchange can end."""

    ACCEPTED = "accepted"
    NOT_SENT = "not-sent"
    REFUSED = "refused"
    LOST = "lost"


class Outcome(Value):
    """How it ended, with what is to be written of it."""

    end: End
    why: str = ""
    accepted: Accepted | None = None
    #: NOT_SENT: it is sent again after so many seconds, waiting with this code.
    due_in: float = 0.0
    wait_code: WaitCode | None = None
    #: It was never sent before; else the same uuid may have arrived then, and has to be sent again.
    first: bool = True
    #: REFUSED: what was charged all the same, in the provider's money, and the word for it.
    charged: Money | None = None
    code: str = ""


def make(app: App, uuid: str) -> Path:
    """A zero-filled, synced file for one answer: no file, no call. Raises OSError (disk full) before money moves.

    A call that is sent again has the file of its first time; if an answer came after all, that is written
    first (Waiting).
    """
    folder = receipts_folder(app)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid}.receipt"
    if path.exists():
        kept = dict(read_receipts(folder)).get(path)
        if kept is not None and Outcome.model_validate(kept).end is not End.LOST:
            raise Waiting(
                WaitCode.LEDGER, "its first answer is written first", due_in=app.settings.queue.tick
            )
        path.unlink(missing_ok=True)
    return receipt_file(path)


def end(app: App, uuid: str, receipt: Path, outcome: Outcome) -> None:
    """Keep how an exchange ended, then write it; where the ledger cannot be written, the file is replayed."""
    try:
        write_receipt(receipt, outcome.model_dump(mode="json"))
    except FileNotFoundError:
        log.info("its receipt is gone: the call is known", extra={"action": "receipt_gone", "call": uuid})
    except OSError as exc:
        # Whatever became of the file, the answer is in our hand.
        log.error("no receipt: %s", exc, extra={"action": "receipt_lost", "call": uuid})
    try:
        write(app, uuid, outcome)
    except StaleMove as exc:
        log.warning("%s", exc, extra={"action": "answer_late", "call": uuid})
    except LedgerError as exc:
        log.error("answer kept in %s: %s", receipt, exc, extra={"action": "receipt_kept", "call": uuid})
        return
    receipt.unlink(missing_ok=True)


def write(app: App, uuid: str, outcome: Outcome) -> None:
    """Write to the ledger how the exchange of a call ended. Raises LedgerError."""
    if outcome.accepted is not None:
        accepted = outcome.accepted
        done = calls.receive(app.ledger, uuid, remote_id=accepted.remote_id, quoted=accepted.quoted)
        nudge_for(app, done.take)
    elif outcome.end is End.NOT_SENT:
        again = calls.not_sent if outcome.first else calls.send_again
        again(app.ledger, uuid, why=outcome.why, wait_code=outcome.wait_code, due_in=outcome.due_in)
    elif outcome.end is End.REFUSED:
        call = calls.get(app.ledger, uuid)
        charge = cost(app, call, outcome.charged)
        calls.refused(app.ledger, uuid, charge=charge, why=outcome.why, code=outcome.code)
    else:
        lost(app, calls.get(app.ledger, uuid), outcome.why, over=True)


def cost(app: App, call: CallRecord, charged: Money | None) -> Money | None:
    """A charge in the budgets' currency; what was held, where no rate is known (any more): it was spent."""
    if charged is None:
        return None
    try:
        return in_budget(app, charged)
    except MoneyError as exc:
        log.error("charged %s: %s", charged, exc, extra={"action": "no_rate", "call": call.uuid})
        return Money(micro=call.hold, currency=call.currency)


def lost(app: App, call: CallRecord, why: str, *, over: bool = False) -> None:
    """The answer to a call was lost: a paid one is UNCERTAIN, any other is sent again with its uuid.

    `over` is said by the sender itself: its exchange has ended.
    """
    can = app.providers.get(call.provider).capabilities()
    if can.submit is SubmitKind.PAID:
        due = app.settings.queue.poll if can.accept_within is not None else None
        calls.uncertain(app.ledger, call.uuid, why=why, due_in=due, over=over)
    else:
        nudge_for(app, calls.send_again(app.ledger, call.uuid, why=why).take)


def _may_still_come(app: App, uuid: str, path: Path) -> bool:
    """Whether somebody may still be sending the call, or about to commit its intent.

    Also where it is UNCERTAIN: who fell silent may be asleep, and wake with the answer in hand.
    """
    try:
        found = calls.get(app.ledger, uuid)
    except LedgerError:
        # No intent (yet): the file is older than any step that could still commit one, or it is not.
        return age_of(path) < app.settings.queue.step_limit + app.settings.queue.lease
    if found.state is CallState.NOT_SENT:
        return found.quiet_at > app.ledger.now()
    return found.state in (CallState.INTENT, CallState.UNCERTAIN)


def replay(app: App) -> None:
    """Write every kept answer to the ledger (again), then let go of it."""
    for path, kept in read_receipts(receipts_folder(app)):
        try:
            if kept is not None:
                write(app, path.stem, Outcome.model_validate(kept))
            elif _may_still_come(app, path.stem, path):
                continue  # its answer belongs in this file
        except StaleMove as exc:
            log.info("%s", exc, extra={"action": "replay_late", "call": path.stem})
        except LedgerError as exc:
            log.warning("%s", exc, extra={"action": "replay_failed", "call": path.stem})
            continue
        except Exception:  # one file's surprise must not keep the others
            log.exception("a kept answer cannot be used: %s", path, extra={"action": "replay_failed"})
            continue
        path.unlink(missing_ok=True)
