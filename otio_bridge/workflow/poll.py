"""The poller's round: ask providers after open calls, judge what died, replay answers, top up the queues."""

from __future__ import annotations

import logging
import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial

from otio_bridge.app import App
from otio_bridge.errors import BridgeError
from otio_bridge.model.money import Money
from otio_bridge.provider import Charge, Progress, Remote, RemoteProvider, RemoteState
from otio_bridge.queue import QUEUES
from otio_bridge.store import calls, processes, takes
from otio_bridge.store.records import CallRecord
from otio_bridge.workflow.judging import alone, give_up, judge
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.receipts import cost, replay

log = logging.getLogger(__name__)

#: Provider, account, and whether its calls are UNCERTAIN: what is asked after in one question.
_Group = tuple[str, str, bool]
#: A provider's clock may be this far from ours.
_CLOCKS_DIFFER = timedelta(minutes=5)
#: Times a provider has to say that it does not know what it had accepted.
GONE_TIMES = 3
#: What follows an address's question mark may be a signature.
_QUERY = re.compile(r"\?[^\s'\"]+")


class Asking:
    """Questions under way in bounded threads: a provider that hangs holds up its own answers and nothing else."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ask")
        self._open: dict[_Group, Future[list[Callable[[], None]]]] = {}

    @property
    def busy(self) -> bool:
        """Whether a provider has been asked and has not answered yet."""
        return bool(self._open)

    def begin(self, app: App) -> None:
        """Ask every provider that has due calls and is not being asked already."""
        due: dict[_Group, list[CallRecord]] = defaultdict(list)
        for call in calls.open_calls(app.ledger, due=True):
            due[call.provider, call.account, call.remote_id is None].append(call)
        for key, group in due.items():
            if key not in self._open:
                self._open[key] = self._pool.submit(_answers, app, group)

    def book(self, patience: float | None) -> None:
        """Write what was answered within `patience` seconds (None: wait for all); the rest comes next round."""
        wait(self._open.values(), timeout=patience)
        for key, answered in list(self._open.items()):
            if not answered.done():
                continue
            del self._open[key]
            with alone("ask_failed"):
                for booking in answered.result():
                    with alone("book_failed"):
                        booking()

    def close(self) -> None:
        """Ask nothing more; what is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def tick(app: App, *, owner: str, asking: Asking | None = None) -> None:
    """One round. Every part of it may be repeated and may be done by two pollers at once.

    With `asking`, answers that take longer than a tick are booked by a later round.
    """
    replay(app)
    judge(app)
    give_up(app)
    ask(app, asking)
    top_up(app)


def ask(app: App, asking: Asking | None = None) -> None:
    """Ask each provider about all its due calls at once; write what they say.

    The open ones by their remote id; the UNCERTAIN ones by the provider's own list, where it has one.
    """
    questions = asking or Asking(app.settings.queue.poll_threads)
    try:
        questions.begin(app)
        questions.book(None if asking is None else app.settings.queue.tick)
    finally:
        if asking is None:
            questions.close()


def _answers(app: App, group: Sequence[CallRecord]) -> list[Callable[[], None]]:
    """Ask one provider (in a thread); what is to be written comes back, to be written in one thread."""
    try:
        provider = app.providers.get(group[0].provider)
        if not isinstance(provider, RemoteProvider):
            return []
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
    except Exception:  # a plug-in's own fault is Unavailable (provider.py)
        log.exception("%s cannot be asked", group[0].provider, extra={"action": "ask_failed"})
        return [partial(_later, app, group, None)]
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
    if progress is None or progress.state in (RemoteState.WAITING, RemoteState.RUNNING):
        due = wait_for(app, call.asks, progress.retry_after if progress else None)
        calls.asked(app.ledger, call.uuid, due_in=due, fraction=progress.fraction if progress else None)
    elif progress.state is RemoteState.DONE:
        done(app, call, progress)
    elif progress.state is RemoteState.GONE and not _gone_for_good(app, call):
        return
    else:
        failed(app, call, progress)


def _gone_for_good(app: App, call: CallRecord) -> bool:
    """Whether a provider has said often enough that it does not know a request it had accepted.

    Once proves nothing: behind one address are many machines, and not each has heard of it yet.
    """
    times = calls.missed(app.ledger, call.uuid, due_in=wait_for(app, call.asks))
    return times >= GONE_TIMES


def done(app: App, call: CallRecord, progress: Progress) -> None:
    """T6: settled by what the provider reports, else by what was held for it; its part is DONE."""
    said = progress.charge
    charge = cost(app, call, said.amount if said else None)
    # A charge no rate is known for was booked by what was held, and is kept as it was said.
    reported = said is not None and said.reported and (charge is not None)
    nudge_for(
        app,
        calls.settle(
            app.ledger,
            call.uuid,
            charge=charge or Money(micro=call.hold, currency=call.currency),
            reported=reported,
            priced=_priced(call, said),
        ).take,
    )


def failed(app: App, call: CallRecord, progress: Progress) -> None:
    """The provider declared failure (or lost the request): settled at what it charged, the take FAILED."""
    charge = cost(app, call, progress.charge.amount if progress.charge else None)
    word = "moderated" if progress.moderated else str(progress.state)
    said = _QUERY.sub("?…", progress.reason)[:500]
    reason = f"{word}: {said}" if said else f"the provider says {word}"
    calls.failed(
        app.ledger,
        call.uuid,
        charge=charge or Money(micro=0, currency=call.currency),
        why=reason,
        code="moderated" if progress.moderated else word,
    )


def _priced(call: CallRecord, said: Charge | None) -> dict[str, object] | None:
    """What the provider charged in its own money, where that is another."""
    if said is None or said.amount.currency == call.currency:
        return None
    return {"charged": said.amount.model_dump(mode="json")}


def reconcile(app: App, provider: RemoteProvider, group: Sequence[CallRecord]) -> list[Callable[[], None]]:
    """What a provider's complete list says of UNCERTAIN calls. Raises what `list_calls` raises.

    A match is adopted only by our own reference. "Not there" proves "not sent" only where the process that
    held the lease is known dead and the provider's declared `accept_within` has passed since.
    """
    can = provider.capabilities()
    if not can.lists_reference or can.accept_within is None:
        # A person says it (resolve-uncertain), or its answer turns up.
        return [partial(calls.asked, app.ledger, call.uuid, due_in=None) for call in group]
    listed = provider.list_calls(min(call.intent_at for call in group) - _CLOCKS_DIFFER)
    if listed is None:
        return [partial(_later, app, group, None)]
    found = {entry.reference: entry.remote_id for entry in listed if entry.reference}
    nameless = [entry for entry in listed if not entry.reference]
    return [
        partial(
            _reconcile_one,
            app,
            call,
            can.accept_within,
            found.get(call.uuid),
            hidden=any(
                entry.created is None or entry.created > call.intent_at - _CLOCKS_DIFFER for entry in nameless
            ),
        )
        for call in group
    ]


def _reconcile_one(
    app: App, call: CallRecord, accept_within: float, remote_id: str | None, *, hidden: bool
) -> None:
    """`hidden`: a request of that time is listed without a reference, and may be this one."""
    if remote_id is not None:
        nudge_for(app, calls.receive(app.ledger, call.uuid, remote_id=remote_id).take)
        return
    if not hidden and _proved_over(app, call, accept_within):
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
