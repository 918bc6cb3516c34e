"""The poller's round: ask providers after open calls, judge what died, replay answers, top up the queues."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, LedgerError
from otio_bridge.model.money import Money
from otio_bridge.model.take import OPEN_STATES, CallState
from otio_bridge.provider import (
    Capabilities,
    Charge,
    Listed,
    Progress,
    ProviderFailure,
    Remote,
    RemoteProvider,
    RemoteState,
    Unavailable,
)
from otio_bridge.queue import QUEUES
from otio_bridge.store import calls, takes
from otio_bridge.store.records import CallRecord, TakeRecord
from otio_bridge.workflow.choose import in_budget
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.receipts import replay

log = logging.getLogger(__name__)


def tick(app: App, *, owner: str) -> None:
    """One round. Every part of it may be repeated and may be done by two pollers at once."""
    replay(app)
    judge(app)
    give_up(app)
    ask(app)
    reconcile(app)
    top_up(app)


def ask(app: App) -> None:
    """Ask each provider about all its due calls at once, in bounded threads; write what they say."""
    due: dict[tuple[str, str], list[CallRecord]] = defaultdict(list)
    for call in calls.open_calls(app.ledger, due=True):
        due[call.provider, call.account].append(call)
    if not due:
        return
    with ThreadPoolExecutor(max_workers=app.settings.queue.poll_threads) as pool:
        for batch in pool.map(lambda group: _ask_one(app, group), due.values()):
            for call, progress in batch:
                _book(app, call, progress)


def _ask_one(app: App, group: Sequence[CallRecord]) -> list[tuple[CallRecord, Progress | None]]:
    """The answers for one provider's calls; None where it could not be asked."""
    try:
        provider = app.providers.get(group[0].provider)
        if not isinstance(provider, RemoteProvider):
            return []
        remotes = [Remote(remote_id=call.remote_id or "", reference=call.uuid, model=call.model) for call in group]
        answers = {answer.remote_id: answer for answer in provider.poll(remotes)}
    except Unavailable as exc:
        log.info("%s", exc, extra={"action": "poll_unavailable", "provider": group[0].provider})
        _later(app, group, exc.retry_after)
        return []
    except BridgeError as exc:
        log.warning("%s", exc, extra={"action": "poll_failed", "provider": group[0].provider})
        _later(app, group, None)
        return []
    return [(call, answers.get(call.remote_id or "")) for call in group]


def _later(app: App, group: Sequence[CallRecord], retry_after: float | None) -> None:
    for call in group:
        calls.asked(app.ledger, call.uuid, due_in=wait_for(app, call.asks, retry_after), fraction=call.fraction)


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
    take = calls.settle(app.ledger, call.uuid, charge=charge, reported=reported)
    nudge_for(app, take)


def failed(app: App, call: CallRecord, progress: Progress) -> None:
    """The provider declared failure (or lost the request): settled at what it charged, the take FAILED."""
    charge = in_budget(app, progress.charge.amount) if progress.charge else Money(micro=0, currency=call.currency)
    word = "moderated" if progress.moderated else str(progress.state)
    reason = f"{word}: {progress.reason}" if progress.reason else f"the provider says {word}"
    calls.failed(app.ledger, call.uuid, charge=charge, why=reason, code="moderated" if progress.moderated else word)


def charged(app: App, call: CallRecord, charge: Charge | None) -> tuple[Money, bool]:
    """What a finished call cost in the budgets' currency, and whether the provider said so."""
    if charge is None:
        return Money(micro=call.hold, currency=call.currency), False
    return in_budget(app, charge.amount), charge.reported


def judge(app: App) -> None:
    """Takes whose holder died: work is claimed again by itself; a SENDING one is judged by its provider's kind.

    pure and keyed calls are sent again; a paid one becomes UNCERTAIN, since it may have been sent.
    """
    for take in takes.stale_sending(app.ledger):
        for call in calls.calls_of(app.ledger, take.id):
            if call.state is not CallState.INTENT:
                continue
            calls.uncertain(app.ledger, call.uuid, why="the process that was sending it died")


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
            if call.detail.get("cancel_sent"):
                continue
            try:
                provider.cancel(Remote(remote_id=call.remote_id or "", reference=call.uuid, model=call.model))
            except ProviderFailure as exc:
                log.info("%s", exc, extra={"action": "cancel_failed", "call": call.uuid})
            calls.cancel_sent(app.ledger, call.uuid)


def _give_up_now(app: App, take: TakeRecord) -> None:
    try:
        takes.cancel_now(app.ledger, take, author="poller", why="cancel was asked for")
    except LedgerError as exc:
        # It is being worked on, may still have been sent, or is paid for: it goes on, and is kept.
        log.debug("%s", exc, extra={"action": "cancel_later", "take": take.id})


def reconcile(app: App) -> None:
    """Settle UNCERTAIN calls the provider can speak about: its complete list has our reference, or it has not.

    A match is adopted only by our own reference. "Not there" proves "not sent" only where the process that
    held the lease is known dead and the provider's declared `accept_within` has passed since.
    """
    lost: dict[tuple[str, str], list[CallRecord]] = defaultdict(list)
    for call in calls.uncertain_calls(app.ledger):
        lost[call.provider, call.account].append(call)
    for (name, _), group in lost.items():
        provider = app.providers.get(name)
        can = provider.capabilities()
        if not isinstance(provider, RemoteProvider) or not can.lists_reference or can.accept_within is None:
            continue
        try:
            listed = provider.list_calls(min(call.intent_at for call in group) - timedelta(minutes=5))
        except ProviderFailure as exc:
            log.info("%s", exc, extra={"action": "list_unavailable", "provider": name})
            continue
        if listed is not None:
            for call in group:
                _reconcile_one(app, call, can, listed)


def _reconcile_one(app: App, call: CallRecord, can: Capabilities, listed: Sequence[Listed]) -> None:
    mine = [entry for entry in listed if entry.reference == call.uuid]
    if mine:
        calls.receive(app.ledger, call.uuid, remote_id=mine[0].remote_id, quoted=None)
        return
    quiet = app.ledger.now() - call.quiet_at
    if call.sender_dead(app.ledger) and quiet.total_seconds() > (can.accept_within or 0):
        take = calls.not_sent(app.ledger, call.uuid, why="not in the provider's complete list")
        nudge_for(app, take)


def top_up(app: App) -> None:
    """As many tokens as there are ready takes, queue by queue; a flushed queue is refilled here."""
    for queue in QUEUES:
        ready = takes.due(app.ledger, queue)
        if ready:
            app.nudge(queue, ready)
