"""What goes wrong round a paid request, step by step in one process: money and answers are never lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import SecretStr
from told import Told, opened, prepared, provider_of
from until import until
from wanted import eur

from otio_bridge.app import App
from otio_bridge.errors import LedgerError
from otio_bridge.model.money import Money
from otio_bridge.model.take import CallState, TakeState, WaitCode
from otio_bridge.provider import (
    Accepted,
    Asset,
    Charge,
    Gone,
    Listed,
    NotSent,
    PartRequest,
    Progress,
    Refused,
    Remote,
    RemoteState,
    Unavailable,
    Uncertain,
)
from otio_bridge.store import calls, events, money, parts, takes
from otio_bridge.store.records import CallRecord, TakeRecord
from otio_bridge.testing.framecode import make_movie
from otio_bridge.workflow import mending, poll, receipts
from otio_bridge.workflow.places import receipts_folder
from otio_bridge.workflow.steps import step


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path / "project") as found:
        yield found


def now(app: App, take: TakeRecord) -> TakeRecord:
    return takes.get(app.ledger, take.id)


def calls_of(app: App, take: TakeRecord) -> list[CallRecord]:
    return calls.calls_of(app.ledger, take.id)


def left(app: App) -> list[Path]:
    return sorted(receipts_folder(app).glob("*"))


def books(app: App) -> tuple[int, int]:
    """Held and spent of the project's budget, in EUR."""
    (found,) = money.budgets(app.ledger)
    return found.held // 1_000_000, found.spent // 1_000_000


def send(app: App) -> None:
    assert step(app, "net", owner="test")


def rounds_until(app: App, take: TakeRecord, state: TakeState) -> None:
    def there() -> bool:
        poll.tick(app, owner="p")
        return now(app, take).state is state

    until(there, seconds=20)


def raising(exc: Exception) -> Callable[..., object]:
    def do(*_: object, **__: object) -> object:
        raise exc

    return do


def saying(state: RemoteState, **more: object) -> Callable[[Sequence[Remote]], list[Progress]]:
    return lambda remotes: [Progress(remote_id=one.remote_id, state=state, **more) for one in remotes]


# ---------------------------------------------------------------- the exchange


def test_a_keyed_request_whose_answer_was_lost_is_sent_again_under_its_name(app: App) -> None:
    take, keyed = prepared(app, "keyed"), provider_of(app, "keyed")
    keyed.say["submit"] = raising(Uncertain("lost"))
    send(app)
    # Turned away the second time: that says nothing about the first.
    keyed.say["submit"] = raising(NotSent("429", throttled=True, retry_after=0))
    send(app)
    del keyed.say["submit"]
    until(lambda: step(app, "net", owner="test"))
    assert now(app, take).state is TakeState.SUBMITTED, now(app, take).why
    assert len(keyed.sent) == 3 and len(set(keyed.sent)) == 1
    assert books(app) == (1, 0) and left(app) == []


def test_whatever_a_plug_in_raises_while_sending_is_lost_and_over(app: App) -> None:
    take, told = prepared(app), provider_of(app)
    told.say |= {"submit": raising(KeyError("https://x/y?sig=SECRET")), "list": lambda since: []}
    send(app)
    assert now(app, take).state is TakeState.UNCERTAIN
    assert "SECRET" not in now(app, take).why
    rounds_until(app, take, TakeState.PREPARED)


@pytest.mark.parametrize("said", [Uncertain("timed out"), NotSent("refused")])
def test_a_sender_judged_too_early_still_says_how_it_ended(app: App, said: Exception) -> None:
    take, told = prepared(app), provider_of(app)

    def late(part: PartRequest) -> Accepted:
        calls.uncertain(app.ledger, part.reference, why="fell silent")
        raise said

    told.say |= {"submit": late, "list": lambda since: []}
    send(app)
    rounds_until(app, take, TakeState.PREPARED)
    assert left(app) == []


def test_an_answer_that_comes_after_its_sender_was_judged_is_kept(app: App) -> None:
    take = prepared(app)

    def late(part: PartRequest) -> Accepted:
        calls.uncertain(app.ledger, part.reference, why="fell silent")
        poll.tick(app, owner="p")
        assert len(left(app)) == 1
        return Accepted(remote_id="r1")

    provider_of(app).say["submit"] = late
    send(app)
    assert now(app, take).state is TakeState.SUBMITTED
    assert calls_of(app, take)[0].remote_id == "r1" and left(app) == []


def test_an_answer_whose_file_is_gone_is_written_all_the_same(app: App) -> None:
    take = prepared(app)

    def lose_the_file(part: PartRequest) -> Accepted:
        for path in left(app):
            path.unlink()
        return Accepted(remote_id="r1")

    provider_of(app).say["submit"] = lose_the_file
    send(app)
    assert now(app, take).state is TakeState.SUBMITTED


@pytest.mark.parametrize(
    ("verb", "answer", "after"),
    [
        ("receive", lambda part: Accepted(remote_id="r1"), TakeState.SUBMITTED),
        ("not_sent", raising(NotSent("429", throttled=True)), TakeState.PREPARED),
        ("refused", raising(Refused("no", charged=Money.of("1", "EUR"))), TakeState.FAILED),
        ("uncertain", raising(Uncertain("lost")), TakeState.UNCERTAIN),
    ],
)
def test_an_answer_the_ledger_cannot_take_is_replayed(
    app: App, monkeypatch: pytest.MonkeyPatch, verb: str, answer: Callable[..., object], after: TakeState
) -> None:
    take = prepared(app)
    provider_of(app).say["submit"] = answer
    with monkeypatch.context() as locked:
        locked.setattr(calls, verb, raising(LedgerError("the ledger is locked")))
        send(app)
        receipts.replay(app)
    assert now(app, take).state is TakeState.SENDING and len(left(app)) == 1
    receipts.replay(app)
    assert now(app, take).state is after and left(app) == []
    assert books(app) == {TakeState.FAILED: (0, 1)}.get(after, (1, 0))


def test_a_kept_answer_nobody_can_read_keeps_nobody_waiting(app: App) -> None:
    take = prepared(app)
    receipts_folder(app).mkdir(parents=True)
    receipts.write_receipt(receipts.make(app, "0"), {"end": "nonsense"})
    send(app)
    rounds_until(app, take, TakeState.DONE)


def test_no_money_for_a_part_leaves_no_file(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    take = prepared(app)
    monkeypatch.setattr(Told, "estimate", lambda self, part: eur("1000"))
    send(app)
    assert now(app, take).wait_code is WaitCode.BUDGET
    assert left(app) == [] and provider_of(app).sent == []


def test_a_machine_that_slept_between_intent_and_sending_sends_nothing(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it slept its monotonic clock stood still, and somebody may have said "not sent"."""
    take, real = prepared(app), calls.intend

    def sleep_then(*given: object, **more: object) -> object:
        made = real(*given, **more)  # type: ignore[arg-type]
        later = time.time() + 8 * 3600
        monkeypatch.setattr(time, "time", lambda: later)
        return made

    monkeypatch.setattr(calls, "intend", sleep_then)
    send(app)
    monkeypatch.undo()
    assert provider_of(app).sent == []
    assert now(app, take).state is TakeState.PREPARED
    send(app)
    assert len(provider_of(app).sent) == 1


# ---------------------------------------------------------------- the poller's round


def test_a_plug_in_that_breaks_starves_nobody(app: App) -> None:
    other = prepared(app, "broken")
    send(app)
    take = prepared(app)
    send(app)
    provider_of(app, "broken").say["poll"] = raising(KeyError("x"))
    rounds_until(app, take, TakeState.DONE)
    assert now(app, other).state is TakeState.SUBMITTED
    del provider_of(app, "broken").say["poll"]
    rounds_until(app, other, TakeState.DONE)


def test_a_plug_in_that_was_removed_starves_nobody(app: App) -> None:
    prepared(app, "broken")
    send(app)
    take = prepared(app)
    send(app)
    app.providers._made.pop("broken")
    app.providers._found.pop("broken")
    rounds_until(app, take, TakeState.DONE)


def test_unknown_once_is_not_gone(app: App) -> None:
    take, told = prepared(app), provider_of(app)
    send(app)
    told.say["poll"] = saying(RemoteState.GONE)
    poll.tick(app, owner="p")
    assert now(app, take).state is TakeState.SUBMITTED
    del told.say["poll"]
    rounds_until(app, take, TakeState.DONE)


def test_unknown_again_and_again_is_gone(app: App) -> None:
    take = prepared(app)
    send(app)
    provider_of(app).say["poll"] = saying(RemoteState.GONE)
    rounds_until(app, take, TakeState.FAILED)
    assert now(app, take).code == "gone" and books(app) == (0, 0)


@pytest.mark.parametrize("state", [RemoteState.DONE, RemoteState.FAILED])
def test_a_charge_no_rate_is_known_for_is_booked_by_what_was_held(app: App, state: RemoteState) -> None:
    takes_ = [prepared(app), prepared(app)]
    send(app)
    send(app)
    charge = Charge(amount=Money.of("2", "USD"), reported=True)
    provider_of(app).say["poll"] = saying(state, charge=charge)
    for take in takes_:
        rounds_until(app, take, TakeState(state.name))
    assert books(app) == (0, 2)


def test_what_a_provider_says_is_kept_without_signatures(app: App) -> None:
    take = prepared(app)
    send(app)
    reason = "cannot read https://s3/x?X-Sig=SECRET, sorry"
    provider_of(app).say["poll"] = saying(RemoteState.FAILED, reason=reason)
    rounds_until(app, take, TakeState.FAILED)
    assert "cannot read https://s3/x" in now(app, take).why
    assert "SECRET" not in f"{now(app, take)}{events.events_of(app.ledger)}{calls_of(app, take)}"


# ---------------------------------------------------------------- cancel, fetch


def test_cancel_ends_what_runs(app: App) -> None:
    take, told = prepared(app), provider_of(app)
    told.say["poll"] = lambda remotes: saying(
        RemoteState.CANCELLED if told.cancelled else RemoteState.RUNNING
    )(remotes)
    send(app)
    mending.cancel(app, take.shot)
    rounds_until(app, take, TakeState.CANCELLED)
    assert books(app) == (0, 0)


def test_cancel_of_a_half_bought_take_brings_home_what_was_bought(app: App, tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "made.mp4", range(8), Fraction(24), start=0)
    take, told = prepared(app, parts=2), provider_of(app)
    told.say["poll"] = saying(RemoteState.DONE, assets=(Asset(url=SecretStr("https://x?sig=1")),))
    told.say["fetch"] = lambda remote, asset, into: into.with_suffix(".mp4").write_bytes(movie.read_bytes())
    told.say["fetch"] = lambda remote, asset, into: Path(movie).rename(into.with_suffix(".mp4"))
    send(app)
    poll.tick(app, owner="p")
    assert now(app, take).state is TakeState.PREPARED
    mending.cancel(app, take.shot)

    def over() -> bool:
        poll.tick(app, owner="p")
        step(app, "net", owner="test")
        return now(app, take).state is TakeState.CANCELLED

    until(over)
    assert books(app) == (0, 1) and len(told.sent) == 1
    file = parts.parts_of(app.ledger, take.id)[0].file
    assert file is not None and Path(file).is_file()


def test_cancel_of_a_keyed_request_that_may_have_arrived_finds_out_first(app: App) -> None:
    take, keyed = prepared(app, "keyed"), provider_of(app, "keyed")
    keyed.say |= {"submit": raising(Uncertain("lost")), "list": lambda since: []}
    send(app)
    mending.cancel(app, take.shot)
    step(app, "net", owner="test")
    rounds_until(app, take, TakeState.CANCELLED)
    assert books(app) == (0, 0) and len(keyed.sent) == 1


def test_an_address_that_ran_out_is_asked_for_again(app: App) -> None:
    take, told = prepared(app), provider_of(app)
    told.say["poll"] = saying(RemoteState.DONE, assets=(Asset(url=SecretStr("https://x?sig=1")),))
    send(app)
    rounds_until(app, take, TakeState.DONE)
    asked: list[str] = []

    def fetch(remote: Remote, asset: Asset, into: Path) -> Path:
        asked.append(remote.remote_id)
        raise Gone("the address has run out")

    told.say["fetch"] = fetch
    send(app)
    assert len(asked) == 2
    assert now(app, take).resume_state is TakeState.DONE
    assert calls_of(app, take)[0].state is CallState.SETTLED


def test_a_worker_replays_what_its_machine_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poller may run elsewhere, where nobody sees this machine's files."""
    take = prepared(app)
    with monkeypatch.context() as locked:
        locked.setattr(calls, "receive", raising(LedgerError("the ledger is locked")))
        send(app)
    assert now(app, take).state is TakeState.SENDING
    assert not step(app, "net", owner="test")
    assert now(app, take).state is TakeState.SUBMITTED and left(app) == []


@pytest.mark.parametrize("lists", [True, False])
def test_a_provider_without_a_list_is_not_asked_for_it_at_every_round(
    app: App, monkeypatch: pytest.MonkeyPatch, lists: bool
) -> None:
    take, told = prepared(app), provider_of(app)
    asked: list[object] = []
    can = told.capabilities().model_copy(update={"lists_reference": lists})
    monkeypatch.setattr(Told, "capabilities", lambda self: can)
    told.say |= {"submit": raising(Uncertain("lost")), "list": asked.append}
    send(app)
    until(lambda: calls.open_calls(app.ledger))
    poll.tick(app, owner="p")
    (call,) = calls_of(app, take)
    assert (call.asks, len(asked)) == (1, int(lists)) and call.asked_at is not None
    assert call.due_at is None if not lists else call.due_at is not None and call.due_at > call.asked_at
    assert now(app, take).state is TakeState.UNCERTAIN


@pytest.mark.parametrize("age", [None, 0, 3600])
def test_a_list_that_hides_whose_a_request_is_proves_nothing(app: App, age: int | None) -> None:
    """Declared to keep our references, and yet one of that time stands there without."""
    take, told = prepared(app), provider_of(app)
    when = None if age is None else datetime.now(UTC) - timedelta(seconds=age)
    listed = [Listed(remote_id="r1", reference=None, created=when)]
    told.say |= {"submit": raising(Uncertain("lost")), "list": lambda since: listed}
    send(app)
    for _ in range(20):
        poll.tick(app, owner="p")
        time.sleep(0.01)
    # An old one is nobody's business.
    assert now(app, take).state is (TakeState.PREPARED if age == 3600 else TakeState.UNCERTAIN)


@pytest.mark.parametrize("other", [Uncertain("lost"), Refused("no")])
def test_a_finished_part_is_fetched_while_another_holds_up_its_take(
    app: App, tmp_path: Path, other: Exception
) -> None:
    """The provider does not keep it until somebody has decided."""
    movie = make_movie(tmp_path / "made.mp4", range(8), Fraction(24), start=0)
    take, told = prepared(app, parts=2), provider_of(app)
    told.say["poll"] = saying(RemoteState.DONE, assets=(Asset(url=SecretStr("https://x?sig=1")),))
    asked: list[Remote] = []

    def fetch(remote: Remote, asset: Asset, into: Path) -> Path:
        asked.append(remote)
        if len(asked) == 1:
            raise Unavailable("not now")
        return Path(shutil.copy(movie, into.with_suffix(".mp4")))

    told.say["fetch"] = fetch
    send(app)
    told.say["submit"] = raising(other)
    send(app)
    poll.tick(app, owner="p")
    state = now(app, take).state
    assert state in (TakeState.UNCERTAIN, TakeState.FAILED)

    def home() -> str | None:
        step(app, "net", owner="test")
        return parts.parts_of(app.ledger, take.id)[0].file

    until(home, seconds=10)
    one, two = parts.parts_of(app.ledger, take.id)
    assert (one.state, two.state, now(app, take).state) == (TakeState.FETCHED, state, state)
    assert not step(app, "net", owner="test") and len(asked) == 2
    assert list((app.settings.state_folder / "work").glob("*part0*")) == []
    del told.say["submit"]
    if state is TakeState.FAILED:
        mending.retry(app, take.shot, take.name)
    else:
        mending.resolve_uncertain(app, take.shot, take.name, sent="r9", not_sent=False)

    def fetched() -> bool:
        step(app, "net", owner="test")
        poll.tick(app, owner="p")
        return now(app, take).state is TakeState.FETCHED

    until(fetched, seconds=20)
    assert len(asked) == 3
