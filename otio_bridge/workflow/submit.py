"""PREPARED ▶ SENDING ▶ SUBMITTED: one paid request, once, on purpose.

Everything slow (uploads) is done before; the receipt file and the intent are committed before; the answer is
written wherever it can be. What a failure means for the money is said by the class the provider raises.
"""

from __future__ import annotations

import logging
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import LedgerError, MediaError, NoSlot
from otio_bridge.media.probe import probe
from otio_bridge.media.stills import save_frame
from otio_bridge.model.conform import Join, Part
from otio_bridge.model.money import Money
from otio_bridge.model.take import HOLDING_CALLS, CallState, WaitCode
from otio_bridge.provider import (
    Accepted,
    NotSent,
    PartRequest,
    ProviderFailure,
    Refused,
    RemoteProvider,
)
from otio_bridge.store import calls, parts, uploads
from otio_bridge.store.ledger import new_id
from otio_bridge.store.records import CallRecord, TakeRecord
from otio_bridge.workflow import receipts
from otio_bridge.workflow.choose import in_budget
from otio_bridge.workflow.inputs import submission_of
from otio_bridge.workflow.lease import Lease, Waiting
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.places import room
from otio_bridge.workflow.poll import lost

log = logging.getLogger(__name__)

#: Seconds from the intent to the moment of sending; later than that a step gives up instead of sending.
SEND_WITHIN = 30.0
#: An upload that expires sooner than this is made again.
UPLOAD_MARGIN = 600.0


def submit(app: App, take: TakeRecord, lease: Lease) -> None:
    """Send the take's next part. Raises Waiting where it may not be sent just now."""
    provider = app.providers.get(take.provider)
    if not isinstance(provider, RemoteProvider):
        raise MediaError(
            "the provider cannot be sent anything", value=take.provider, next="otio-bridge doctor"
        )
    part = next_part(app, take)
    if take.cancel_asked_at is not None:
        raise Waiting(WaitCode.HELD, "cancel was asked for", due_in=app.settings.queue.tick)
    cleared = again(app, take, part)
    uploaded = upload_all(app, take, part, provider)
    uuid = cleared.uuid if cleared else new_id()
    request = part_request(app, take, part, uuid, uploaded)
    receipt = receipts.make(app, uuid)
    lease.shorten(SEND_WITHIN)
    lease.check()
    try:
        calls.intend(
            app.ledger,
            take,
            uuid=uuid,
            part=part.index,
            provider=take.provider,
            account=take.account,
            fingerprint=f"{take.request_hash[:16]}:{part.index}",
            hold=estimate(app, provider, request),
            slots=slots(app, take, provider),
            quiet_in=quiet_in(app, take),
        )
    except NoSlot as exc:
        receipt.unlink(missing_ok=True)
        raise Waiting(WaitCode.SLOT, exc.what, due_in=app.settings.queue.poll) from exc
    except LedgerError:
        # Nothing was committed, so nothing is sent.
        receipt.unlink(missing_ok=True)
        raise
    call_once(app, take, provider, request, receipt, lease)


def next_part(app: App, take: TakeRecord) -> Part:
    """The first part that no call holds. Raises StaleMove's cousin LedgerError where there is none."""
    called = {
        call.part
        for call in calls.calls_of(app.ledger, take.id)
        if call.state in HOLDING_CALLS and not call.again
    }
    for part in submission_of(take).parts:
        if part.index not in called:
            return part
    raise LedgerError("every part of the take has been called already", value=take.label)


def again(app: App, take: TakeRecord, part: Part) -> CallRecord | None:
    """The call of a pure or keyed provider that may be sent once more with the same uuid."""
    mine = (call for call in calls.calls_of(app.ledger, take.id) if call.part == part.index)
    return next((call for call in mine if call.again and call.state is CallState.INTENT), None)


def upload_all(app: App, take: TakeRecord, part: Part, provider: RemoteProvider) -> dict[str, str]:
    """Send every input ahead of the call; what lies there already (and will a while) is not sent again."""
    handles: dict[str, str] = {}
    for name, path, digest in inputs_of(app, take, part):
        kept = uploads.find_upload(
            app.ledger, digest, provider=take.provider, account=take.account, valid_for=UPLOAD_MARGIN
        )
        if kept is None:
            made = provider.upload(name, path)
            uploads.save_upload(
                app.ledger,
                digest,
                provider=take.provider,
                account=take.account,
                handle=made.handle,
                expires=made.expires,
            )
            handles[name] = made.handle
        else:
            handles[name] = kept.handle
    return handles


def inputs_of(app: App, take: TakeRecord, part: Part) -> list[tuple[str, Path, str]]:
    """Name at the provider, file and content hash of what this part sends."""
    found: list[tuple[str, Path, str]] = []
    for name, entry in take.result["inputs"].items():
        if name.startswith("plate"):
            if name != f"plate{part.index}":
                continue
            name = "plate"
        found.append((name, Path(entry["path"]), entry["sha256"]))
    if part.index and submission_of(take).join is Join.CHAIN:
        before = parts.parts_of(app.ledger, take.id)[part.index - 1]
        if before.file is None or before.sha256 is None:
            raise LedgerError("the part before has no file to go on from", value=take.label)
        info = probe(before.file)
        picture = save_frame(info, info.frames - 1, room(app, take) / "first.png")
        found = [entry for entry in found if entry[0] != "first"]
        found.append(("first", picture, f"{before.sha256}:last"))
    return found


def part_request(app: App, take: TakeRecord, part: Part, uuid: str, uploaded: dict[str, str]) -> PartRequest:
    """The request as the provider gets it."""
    submission = submission_of(take)
    return PartRequest(
        reference=uuid,
        request=take.request,
        model=take.model,
        part=part.index,
        parts=len(submission.parts),
        frames=part.frames,
        rate=submission.sent_rate,
        raster=submission.sent_raster,
        seed=take.seed,
        uploads=uploaded,
    )


def estimate(app: App, provider: RemoteProvider, request: PartRequest) -> Money:
    """What the part may cost at worst, in the budgets' currency; T1 reserved it already."""
    price = provider.estimate(request)
    return Money(micro=0, currency=app.settings.money.currency) if price is None else in_budget(app, price)


def slots(app: App, take: TakeRecord, provider: RemoteProvider) -> int:
    """Calls this account may have open at once: the setting, else the provider's own limit; 0 for none."""
    section = app.settings.providers.get(take.provider)
    return (section.slots if section else 0) or provider.capabilities().slots


def quiet_in(app: App, take: TakeRecord) -> float:
    """Seconds after which nobody can still be sending: lease, step deadline and HTTP timeout."""
    section = app.settings.providers.get(take.provider)
    return SEND_WITHIN + app.settings.queue.lease + (section.timeout if section else 30.0)


def call_once(
    app: App, take: TakeRecord, provider: RemoteProvider, request: PartRequest, receipt: Path, lease: Lease
) -> None:
    """The paid moment: check the deadline, send, and write down what came back."""
    uuid = request.reference
    try:
        lease.check()
        accepted = provider.submit(request)
    except NotSent as exc:
        receipt.unlink(missing_ok=True)
        wait = WaitCode.RATE if exc.throttled else WaitCode.REMOTE
        due = exc.retry_after if exc.retry_after is not None else app.settings.queue.poll
        calls.not_sent(app.ledger, uuid, why=str(exc), wait_code=wait, due_in=due)
    except Refused as exc:
        receipt.unlink(missing_ok=True)
        nothing = Money(micro=0, currency=app.settings.money.currency)
        charge = in_budget(app, exc.charged) if exc.charged is not None else nothing
        calls.refused(
            app.ledger, uuid, charge=charge, why=str(exc), code="moderated" if exc.moderated else "refused"
        )
    except (ProviderFailure, OSError, ValueError) as exc:
        lost(app, calls.get(app.ledger, uuid), str(exc), over=True)
    else:
        receipts.keep(receipt, accepted)
        book(app, uuid, accepted, receipt)


def book(app: App, uuid: str, accepted: Accepted, receipt: Path) -> None:
    """T4, and let go of the receipt. If the ledger cannot be written, the receipt is replayed later."""
    try:
        done = calls.receive(app.ledger, uuid, remote_id=accepted.remote_id, quoted=accepted.quoted)
    except LedgerError as exc:
        log.error("answer kept in %s: %s", receipt, exc, extra={"action": "receipt_kept", "call": uuid})
        return
    receipt.unlink(missing_ok=True)
    nudge_for(app, done.take)
