"""PREPARED ▶ SENDING ▶ SUBMITTED: one paid request, once, on purpose.

Everything slow (uploads) is done before; the receipt file and the intent are committed before; the answer is
written wherever it can be. What a failure means for the money is said by the class the provider raises.
"""

from __future__ import annotations

import logging
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, LedgerError, MediaError, NoSlot, StaleMove
from otio_bridge.media.probe import probe
from otio_bridge.media.stills import save_frame
from otio_bridge.model.conform import Join, Part
from otio_bridge.model.money import Money
from otio_bridge.model.take import HOLDING_CALLS, CallState, WaitCode
from otio_bridge.provider import NotSent, PartRequest, ProviderFailure, Refused, RemoteProvider
from otio_bridge.store import calls, parts, takes, uploads
from otio_bridge.store.ledger import new_id
from otio_bridge.store.records import CallRecord, TakeRecord
from otio_bridge.workflow import receipts
from otio_bridge.workflow.choose import in_budget
from otio_bridge.workflow.fetch import bring_home
from otio_bridge.workflow.inputs import submission_of
from otio_bridge.workflow.lease import Lease, Waiting
from otio_bridge.workflow.places import room
from otio_bridge.workflow.receipts import End, Outcome

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
    if take.cancel_asked_at is not None:
        stop(app, take, lease)
        return
    part = next_part(app, take)
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
    except BridgeError:
        # Nothing was committed, so nothing is sent.
        receipt.unlink(missing_ok=True)
        raise
    call_once(app, provider, request, receipt, lease, first=cleared is None)


def stop(app: App, take: TakeRecord, lease: Lease) -> None:
    """Cancel was asked for, and nothing more is sent: bring home what finished, then give the rest up."""
    again = [call for call in calls.calls_of(app.ledger, take.id) if call.again]
    if again:
        # It may have arrived the first time: that has to be found out first.
        for call in again:
            # Was it us, then that is over: we are here.
            over = call.sender == take.lease_owner
            why = "cancel was asked for, and it may have arrived"
            calls.uncertain(app.ledger, call.uuid, why=why, due_in=app.settings.queue.poll, over=over)
        return
    bring_home(app, take, lease)
    lease.check()
    takes.cancel_now(app.ledger, take, author=take.lease_owner or "", why="cancel was asked for")


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
    app: App, provider: RemoteProvider, request: PartRequest, receipt: Path, lease: Lease, *, first: bool
) -> None:
    """The paid moment: check the deadline, send, and write down what came back.

    `first`: it was never sent before; else "not sent" says only that it was not sent once more.
    """
    uuid = request.reference
    try:
        lease.check()
    except StaleMove as exc:
        # Nobody has sent anything: that is proof, and it is ours to give.
        end = Outcome(end=End.NOT_SENT, why=exc.what)
    else:
        end = exchange(app, provider, request)
    receipts.end(app, uuid, receipt, end.model_copy(update={"first": first}))


def exchange(app: App, provider: RemoteProvider, request: PartRequest) -> Outcome:
    """Send it, once, and say how that ended."""
    try:
        return Outcome(end=End.ACCEPTED, accepted=provider.submit(request))
    except NotSent as exc:
        due = exc.retry_after if exc.retry_after is not None else app.settings.queue.poll
        wait = WaitCode.RATE if exc.throttled else WaitCode.REMOTE
        return Outcome(end=End.NOT_SENT, why=str(exc), wait_code=wait, due_in=min(max(due, 0.0), 3600.0))
    except Refused as exc:
        code = "moderated" if exc.moderated else "refused"
        return Outcome(end=End.REFUSED, why=str(exc), code=code, charged=exc.charged)
    except ProviderFailure as exc:
        return Outcome(end=End.LOST, why=str(exc))
    except Exception as exc:
        # Anything else a plug-in raises may have been raised after the request had left. Its words may quote
        # the answer, and so a secret: they stay in this process.
        log.exception("%s broke while it was sending", provider.name, extra={"call": request.reference})
        return Outcome(end=End.LOST, why=f"{provider.name} raised {type(exc).__name__}")
