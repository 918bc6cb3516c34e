"""The poller's round: ask providers after open calls, judge what died, replay answers, top up the queues."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, LedgerError
from otio_bridge.model.money import Money
from otio_bridge.model.take import OPEN_STATES, CallState
from otio_bridge.provider import (
    Charge,
    Progress,
    ProviderFailure,
    Remote,
    RemoteProvider,
    RemoteState,
    SubmitKind,
)
from otio_bridge.queue import QUEUES
from otio_bridge.store import calls, processes, takes
from otio_bridge.store.records import CallRecord, TakeRecord
from otio_bridge.workflow.choose import in_budget
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.receipts import replay

log = logging.getLogger(__name__)

#: A provider's clock may be this far from ours.
_CLOCKS_DIFFER = timedelta(minutes=5)


def tick(app: App, *, owner: str) -> None:
    """One round. Every part of it may be repeated and may be done by two pollers at once."""
    replay(app)
    judge(app)
    give_up(app)
    ask(app)
    top_up(app)


def ask(app: App) -> None:
    """Ask each provider about all its due calls at once, in bounded threads; write what they say.

    The open ones by their remote id; the UNCERTAIN ones by the provider's own list, where it has one.
    """
    due: dict[tuple[str, str, bool], list[CallRecord]] = defaultdict(list)
    for call in calls.open_calls(app.ledger, due=True):
        due[call.provider, call.account, call.remote_id is None].append(call)
    if not due:
        return
    with ThreadPoolExecutor(max_workers=app.settings.queue.poll_threads) as pool:
        for write in pool.map(lambda group: _answers(app, group), due.values()):
            for booking in write:
                booking()


def _answers(app: App, group: Sequence[CallRecord]) -> list[Callable[[], None]]:
    """Ask one provider (in a thread); what is to be written comes back, to be written in one thread."""
    provider = app.providers.get(group[0].provider)
    if not isinstance(provider, RemoteProvider):
        return []
    try:
        if group[0].remote_id is None:
            return reconcile(app, provider, group)
        remotes = [
            Remote(remote_id=call.remote_id or "", reference=call.uuid, model=call.model) for call in group
        ]
        answers = {answer.remote_id: answer for answer in provider.poll(remotes)}
    except BridgeError as exc:
        # Nothing is lost by asking again later, whatever the reason.
        log.info("%s", exc, extra={"action": "ask_failed", "provider": group[0].provider})
        after = getattr(exc, "retry_after", None)
        return [partial(_later, app, group, after)]
    return [partial(_book, app, call, answers.get(call.remote_id or "")) for call in group]


def _later(app: App, group: Sequence[CallRecord], retry_after: float | None) -> None:
    for call in group:
        calls.asked(
            app.ledger, call.uuid, due_in=wait_for(app, call.asks, retry_after), fraction=call.fraction
        )


def wait_for(app: App, asked: int, retry_after: float | None = None) -> float:
    """Seconds until the next question: what the provider asked for, else backing off, with jitter."""
    limits = app.settings.queue
    if retry_after is not None:
        return min(max(retry_after, 0.1), 3600.0)
    base: float = min(limits.poll_max, limits.poll * 1.25 ** min(asked, 30))
    return base * random.uniform(0.8, 1.2)  # noqa: S311 - spreads questions, protects nothing


def _book(app: App, call: CallRecord, progress: Progress | None) -> None:
    """Write one answer: finished, failed, or ask again later."""
    try:
        if progress is None or progress.state in (RemoteState.WAITING, RemoteState.RUNNING):
            due = wait_for(app, call.asks, progress.retry_after if progress else None)
            calls.asked(app.ledger, call.uuid, due_in=due, fraction=progress.fraction if progress else None)
        elif progress.state is RemoteState.DONE:
            done(app, call, progress)
        else:
            failed(app, call, progress)
    except LedgerError as exc:
        # Not written: the call is still due and is asked after again in the next round.
        log.warning("%s", exc, extra={"action": "book_failed", "call": call.uuid})


def done(app: App, call: CallRecord, progress: Progress) -> None:
    """T6: settled by what the provider reports, else by what was held for it; its part is DONE."""
    charge, reported = charged(app, call, progress.charge)
    nudge_for(app, calls.settle(app.ledger, call.uuid, charge=charge, reported=reported).take)


def failed(app: App, call: CallRecord, progress: Progress) -> None:
    """The provider declared failure (or lost the request): settled at what it charged, the take FAILED."""
    charge = (
        in_budget(app, progress.charge.amount) if progress.charge else Money(micro=0, currency=call.currency)
    )
    word = "moderated" if progress.moderated else str(progress.state)
    reason = f"{word}: {progress.reason}" if progress.reason else f"the provider says {word}"
    calls.failed(
        app.ledger, call.uuid, charge=charge, why=reason, code="moderated" if progress.moderated else word
    )


def charged(app: App, call: CallRecord, charge: Charge | None) -> tuple[Money, bool]:
    """What a finished call cost in the budgets' currency, and whether the provider said so."""
    if charge is None:
        return Money(micro=call.hold, currency=call.currency), False
    return in_budget(app, charge.amount), charge.reported


def judge(app: App) -> None:
    """Free what dead workers held; judge what was being sent by the provider's kind.

    pure and keyed calls are sent again under the same uuid; a paid one becomes UNCERTAIN: it may have arrived.
    """
    for take in takes.reclaim(app.ledger):
        nudge_for(app, take)
    for stale in takes.stale_sending(app.ledger):
        why = (
            "the process that was sending it died"
            if stale.holder_dead
            else "whoever was sending it fell silent"
        )
        lost(app, stale.call, why)


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


def give_up(app: App) -> None:
    """Cancel what was asked to be: with no call open at once, else the provider is asked to stop.

    Nothing that finished is thrown away: a call that ends DONE all the same is fetched and kept.
    """
    asked = (take for take in takes.by_state(app.ledger, OPEN_STATES) if take.cancel_asked_at is not None)
    for take in asked:
        mine = [call for call in calls.calls_of(app.ledger, take.id) if call.state is CallState.ACCEPTED]
        if not mine:
            _give_up_now(app, take)
            continue
        provider = app.providers.get(take.provider)
        if not isinstance(provider, RemoteProvider) or not provider.capabilities().cancels:
            continue
        for call in mine:
            try:
                provider.cancel(Remote(remote_id=call.remote_id or "", reference=call.uuid, model=call.model))
            except ProviderFailure as exc:
                log.info("%s", exc, extra={"action": "cancel_failed", "call": call.uuid})


def _give_up_now(app: App, take: TakeRecord) -> None:
    try:
        takes.cancel_now(app.ledger, take, author="poller", why="cancel was asked for")
    except LedgerError as exc:
        # It is being worked on, may still have been sent, or is paid for: it goes on, and is kept.
        log.debug("%s", exc, extra={"action": "cancel_later", "take": take.id})


def reconcile(app: App, provider: RemoteProvider, group: Sequence[CallRecord]) -> list[Callable[[], None]]:
    """What a provider's complete list says of UNCERTAIN calls. Raises what `list_calls` raises.

    A match is adopted only by our own reference. "Not there" proves "not sent" only where the process that
    held the lease is known dead and the provider's declared `accept_within` has passed since.
    """
    can = provider.capabilities()
    if not can.lists_reference or can.accept_within is None:
        return []
    listed = provider.list_calls(min(call.intent_at for call in group) - _CLOCKS_DIFFER)
    if listed is None:
        return []
    found = {entry.reference: entry.remote_id for entry in listed if entry.reference}
    return [partial(_reconcile_one, app, call, can.accept_within, found.get(call.uuid)) for call in group]


def _reconcile_one(app: App, call: CallRecord, accept_within: float, remote_id: str | None) -> None:
    if remote_id is not None:
        nudge_for(app, calls.receive(app.ledger, call.uuid, remote_id=remote_id).take)
        return
    if _proved_over(app, call, accept_within):
        done = calls.not_sent(app.ledger, call.uuid, why="its sender is dead and the provider never saw it")
        nudge_for(app, done.take)
        return
    calls.asked(app.ledger, call.uuid, due_in=wait_for(app, call.asks))


def _proved_over(app: App, call: CallRecord, accept_within: float) -> bool:
    """Whether nobody has been sending it for longer than the provider needs to show what it accepted.

    Known where the sender itself said that its exchange had ended, and where it is known dead; a sender that
    merely fell silent may be asleep, and wake.
    """
    holder = processes.get(app.ledger, call.sender) if call.sender else None
    if call.detail.get("over"):
        since = call.quiet_at
    elif holder is not None and holder.gone_at is not None:
        since = max(holder.gone_at, call.intent_at)
    else:
        return False
    return (app.ledger.now() - since).total_seconds() > accept_within


def top_up(app: App) -> None:
    """As many tokens as there are ready takes, queue by queue; a flushed queue is refilled here."""
    for queue in QUEUES:
        ready = takes.due(app.ledger, queue)
        if ready:
            app.nudge(queue, ready)
