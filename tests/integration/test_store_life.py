"""T2 to T6: claiming, calling, moving, settling, and what people may say about it."""

from __future__ import annotations

import pytest
from wanted import Clock, claimed, eur, intent, prepared, send, wanted

from otio_bridge.errors import LedgerError, MoneyError, NoSlot, StaleMove
from otio_bridge.model.take import CallState, ReviewState, TakeState, WaitCode
from otio_bridge.store import calls, events, money, parts, processes, reviews, takes, uploads
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import ProcessWrite, TakeRecord


def project(ledger: Ledger) -> tuple[int, int]:
    found = next(one for one in money.budgets(ledger) if one.scope == "project")
    return found.held, found.spent


def finish(ledger: Ledger, take: TakeRecord, *steps: TakeState) -> TakeRecord:
    for step in steps:
        take = takes.move(ledger, take, step, queue="cpu")
    return take


REST = (TakeState.FETCHED, TakeState.CONFORMED, TakeState.READY)


# ---------------------------------------------------------------- T2


def test_claim_takes_the_most_urgent_and_counts(ledger: Ledger, clock: Clock) -> None:
    send(ledger, wanted("P_0010", priority=0), wanted("P_0020", priority=5), wanted("P_0030", priority=5))
    assert takes.due(ledger, "cpu") == 3 and takes.due(ledger, "net") == 0
    first = claimed(ledger)
    assert (first.priority, first.token, first.tries, first.lease_owner) == (5, 1, 1, "w1")
    assert takes.claim(ledger, "net", owner="w1", lease=20, tries=3) is None
    others = {claimed(ledger).shot, claimed(ledger).shot}
    assert first.shot not in others and takes.claim(ledger, "cpu", owner="w", lease=20, tries=3) is None


def test_an_expired_lease_is_claimed_again_and_the_first_holder_is_fenced(
    ledger: Ledger, clock: Clock
) -> None:
    send(ledger, wanted())
    first = claimed(ledger, lease=20)
    clock.advance(15)
    first = takes.renew(ledger, first, lease=20)
    clock.advance(15)
    assert takes.claim(ledger, "cpu", owner="w2", lease=20, tries=3) is None
    clock.advance(6)
    second = claimed(ledger, owner="w2")
    assert second.token == first.token + 1
    with pytest.raises(StaleMove):
        takes.move(ledger, first, TakeState.PREPARED, queue="net")
    with pytest.raises(StaleMove):
        takes.renew(ledger, first, lease=20)
    assert takes.move(ledger, second, TakeState.PREPARED, queue="net").tries == 0


def test_what_kills_its_workers_fails_as_poison(ledger: Ledger, clock: Clock) -> None:
    send(ledger, wanted("P_0010", priority=1), wanted("P_0020"))
    for _ in range(3):
        assert claimed(ledger).shot == "P_0010"
        clock.advance(21)
    assert claimed(ledger).shot == "P_0020"
    (dead,) = takes.by_state(ledger, TakeState.FAILED)
    assert (dead.code, dead.resume_state, dead.held) == ("poison", TakeState.PLANNED, 0)
    assert project(ledger) == (1_000_000, 0)
    again = takes.retry(ledger, dead, author="ann")
    assert again.state is TakeState.PLANNED and project(ledger) == (2_000_000, 0)


def test_reclaim_frees_what_was_left_lying(ledger: Ledger, clock: Clock) -> None:
    send(ledger, wanted())
    claimed(ledger)
    assert takes.reclaim(ledger) == []
    clock.advance(21)
    assert [take.queue for take in takes.reclaim(ledger)] == ["cpu"]
    assert takes.reclaim(ledger) == [] and takes.due(ledger, "cpu") == 1


# ---------------------------------------------------------------- the way through


def test_a_local_take_never_sends(ledger: Ledger) -> None:
    send(ledger, wanted(hold="0", provider="local"), budget=None)
    take = finish(ledger, claimed(ledger), TakeState.PREPARED, TakeState.DONE, *REST)
    assert (take.state, take.lease_owner) == (TakeState.READY, None)
    assert {part.state for part in parts.parts_of(ledger, take.id)} == {TakeState.READY}
    with pytest.raises(LedgerError):
        takes.move(ledger, take, TakeState.PREPARED, queue="cpu")
    with pytest.raises(LedgerError):
        takes.ask_cancel(ledger, take, author="ann")


def test_a_paid_take_from_intent_to_ready(ledger: Ledger, clock: Clock) -> None:
    take = prepared(ledger, hold="2")
    call = intent(ledger, take, hold="2")
    sending = takes.get(ledger, take.id)
    assert (sending.state, sending.lease_owner, call.state) == (TakeState.SENDING, "w1", CallState.INTENT)
    receipt = calls.receive(ledger, call.uuid, remote_id="r1", quoted=eur("1.5"), due_in=5)
    assert (receipt.take.state, receipt.take.lease_owner) == (TakeState.SUBMITTED, None)
    assert calls.receive(ledger, call.uuid, remote_id="r1", quoted=None).call == receipt.call
    assert calls.open_calls(ledger) == []
    clock.advance(5)
    (due,) = calls.open_calls(ledger)
    assert (due.remote_id, due.model, due.label) == ("r1", "sandbox-1", "P_0010/v001")
    calls.asked(ledger, due.uuid, due_in=5, fraction=0.5)
    assert calls.get(ledger, due.uuid).asks == 1 and not calls.open_calls(ledger)
    assert project(ledger) == (2_000_000, 0)
    for _ in range(2):
        done = calls.settle(ledger, call.uuid, charge=eur("1.5"), reported=True, queue="net")
        assert (done.take.state, done.take.queue, done.take.spent) == (TakeState.DONE, "net", 1_500_000)
        assert project(ledger) == (0, 1_500_000)
    take = finish(ledger, claimed(ledger, "net"), *REST)
    assert take.held == 0 and calls.calls_of(ledger, take.id)[0].settled_by == "provider"
    kinds = [event.to_state for event in events.events_of(ledger, take.id) if event.kind == "move"]
    assert kinds == ["PREPARED", "SENDING", "SUBMITTED", "DONE", "FETCHED", "CONFORMED", "READY"]
    (spent,) = money.spend(ledger)
    assert (spent.shot, spent.spent, spent.calls) == ("P_0010", 1_500_000, 1)


def test_independent_parts_are_open_together(ledger: Ledger) -> None:
    take = prepared(ledger, hold="4", parts=2)
    first = intent(ledger, take, 0, hold="2")
    with pytest.raises(LedgerError):
        intent(ledger, takes.get(ledger, take.id), 1)
    assert calls.receive(ledger, first.uuid, remote_id="r1", quoted=None).take.state is TakeState.PREPARED
    take = claimed(ledger, "net")
    with pytest.raises(StaleMove):
        intent(ledger, take, 0)
    second = intent(ledger, take, 1, hold="2")
    # The first part is finished while the second is on its way.
    done = calls.settle(ledger, first.uuid, charge=eur("2"), reported=False)
    assert done.take.state is TakeState.SENDING and done.take.lease_owner == "w1"
    assert calls.receive(ledger, second.uuid, remote_id="r2", quoted=None).take.state is TakeState.SUBMITTED
    assert calls.settle(ledger, second.uuid, charge=eur("1"), reported=False).take.state is TakeState.DONE
    assert project(ledger) == (0, 3_000_000)
    take = claimed(ledger, "net")
    parts.set_part(ledger, take, 1, state=TakeState.FETCHED, file="/w/1.mov", sha256="1" * 64)
    parts.set_part(ledger, take, 0, state=TakeState.FETCHED, file="/w/0.mov", sha256="0" * 64)
    take = takes.move(ledger, take, TakeState.FETCHED, queue="cpu")
    assert [part.file for part in parts.parts_of(ledger, take.id)] == ["/w/0.mov", "/w/1.mov"]


def test_chained_parts_run_one_after_the_other(ledger: Ledger) -> None:
    take = prepared(ledger, hold="4", parts=2, chained=True)
    with pytest.raises(StaleMove):
        intent(ledger, take, 1)
    for part in (0, 1):
        call = intent(ledger, take, part, hold="2")
        assert calls.receive(ledger, call.uuid, remote_id=f"r{part}", quoted=None).take.state == "SUBMITTED"
        assert calls.settle(ledger, call.uuid, charge=eur("2"), reported=True).take.state == "DONE"
        take = takes.move(ledger, claimed(ledger, "net"), TakeState.FETCHED, queue="net")
        if part == 0:
            with pytest.raises(LedgerError):
                takes.move(ledger, take, TakeState.CONFORMED, queue="cpu")
            takes.move(ledger, take, TakeState.PREPARED, queue="net")
            take = claimed(ledger, "net")
    with pytest.raises(LedgerError):
        takes.move(ledger, take, TakeState.PREPARED, queue="net")
    assert finish(ledger, take, TakeState.CONFORMED, TakeState.READY).spent == 4_000_000


def test_results_are_merged_and_a_repeated_move_changes_no_state(ledger: Ledger) -> None:
    send(ledger, wanted())
    take = claimed(ledger)
    one = takes.move(ledger, take, TakeState.PREPARED, queue="net", result={"a": 1})
    two = takes.move(ledger, take, TakeState.PREPARED, queue="heavy", result={"b": 2})
    assert one.result == {"a": 1} and two.result == {"a": 1, "b": 2} and two.queue == "heavy"
    moves = [event for event in events.events_of(ledger, take.id) if event.kind == "move"]
    assert len(moves) == 1
    with pytest.raises(StaleMove):
        takes.move(ledger, take, TakeState.FAILED, queue="net")


# ---------------------------------------------------------------- T3's refusals


def test_an_intent_needs_a_living_lease_no_cancel_a_slot_and_money(ledger: Ledger, clock: Clock) -> None:
    send(ledger, wanted("P_0010"), wanted("P_0020"), budget="2")
    for _ in range(2):
        takes.move(ledger, claimed(ledger), TakeState.PREPARED, queue="net")
    one, two = claimed(ledger, "net"), claimed(ledger, "net")
    with pytest.raises(MoneyError):
        intent(ledger, one, hold="1.1")
    call = intent(ledger, one, slots=1)
    with pytest.raises(NoSlot):
        intent(ledger, two, slots=1)
    calls.uncertain(ledger, call.uuid, why="reset", due_in=None)
    takes.ask_cancel(ledger, two, author="ann")
    with pytest.raises(StaleMove, match="cancel"):
        intent(ledger, two, slots=1)
    takes.retry(ledger, takes.get(ledger, two.id), author="ann")
    clock.advance(21)
    with pytest.raises(StaleMove, match="run out"):
        intent(ledger, two, slots=1)
    assert intent(ledger, claimed(ledger, "net"), slots=1).state is CallState.INTENT
    assert project(ledger) == (2_000_000, 0)


def test_waiting_says_why_and_is_claimed_when_due(ledger: Ledger, clock: Clock) -> None:
    take = prepared(ledger)
    waiting = takes.wait(ledger, take, wait_code=WaitCode.SLOT, due_in=5, why="no slot")
    assert (waiting.state, waiting.wait_code, waiting.lease_owner) == ("PREPARED", WaitCode.SLOT, None)
    assert takes.due(ledger, "net") == 0
    clock.advance(5)
    take = claimed(ledger, "net")
    assert take.wait_code is None
    takes.wait(ledger, take, wait_code=WaitCode.BUDGET, due_in=None, why="no money")
    clock.advance(10_000)
    assert takes.due(ledger, "net") == 0
    money.set_cap(ledger, "project", eur("200"))
    assert takes.due(ledger, "net") == 1


# ---------------------------------------------------------------- answers that are not yes


def test_not_sent_goes_back_and_keeps_its_money(ledger: Ledger, clock: Clock) -> None:
    call = intent(ledger, prepared(ledger))
    for _ in range(2):
        back = calls.not_sent(ledger, call.uuid, why="429", due_in=7, wait_code=WaitCode.RATE).take
        assert (back.state, back.wait_code, back.held) == ("PREPARED", WaitCode.RATE, 1_000_000)
    assert takes.due(ledger, "net") == 0
    clock.advance(7)
    again = intent(ledger, claimed(ledger, "net"))
    assert again.n == 2 and again.uuid != call.uuid and project(ledger) == (1_000_000, 0)


def test_refused_fails_and_only_a_person_sends_again(ledger: Ledger) -> None:
    call = intent(ledger, prepared(ledger))
    take = calls.refused(ledger, call.uuid, charge=eur("0.1"), why="nudity", code="moderated").take
    assert (take.state, take.code, take.why) == (TakeState.FAILED, "moderated", "nudity")
    assert project(ledger) == (0, 100_000)
    take = takes.retry(ledger, take, author="ann")
    assert (take.state, take.held, take.code) == (TakeState.PREPARED, 1_000_000, None)
    assert intent(ledger, claimed(ledger, "net")).n == 2


def test_a_declared_failure_is_settled_and_only_that_part_is_called_again(ledger: Ledger) -> None:
    take = prepared(ledger, hold="4", parts=2)
    one = intent(ledger, take, 0, hold="2")
    calls.receive(ledger, one.uuid, remote_id="r1", quoted=None)
    two = intent(ledger, claimed(ledger, "net"), 1, hold="2")
    calls.receive(ledger, two.uuid, remote_id="r2", quoted=None)
    bad = calls.failed(ledger, one.uuid, charge=eur("0.5"), why="gpu died").take
    assert bad.state is TakeState.FAILED and bad.held == 2_000_000  # the other call's
    good = calls.settle(ledger, two.uuid, charge=eur("2"), reported=True).take
    assert good.state is TakeState.FAILED and project(ledger) == (0, 2_500_000)
    take = takes.retry(ledger, good, author="ann")
    assert take.state is TakeState.PREPARED and project(ledger) == (2_000_000, 2_500_000)
    take = claimed(ledger, "net")
    with pytest.raises(StaleMove):
        intent(ledger, take, 1)
    again = intent(ledger, take, 0, hold="2")
    assert again.n == 2
    calls.receive(ledger, again.uuid, remote_id="r3", quoted=None)
    assert calls.settle(ledger, again.uuid, charge=eur("2"), reported=True).take.state is TakeState.DONE


def test_paid_work_resumes_and_reserves_nothing(ledger: Ledger) -> None:
    call = intent(ledger, prepared(ledger))
    calls.receive(ledger, call.uuid, remote_id="r1", quoted=None)
    calls.settle(ledger, call.uuid, charge=eur("1"), reported=True)
    take = takes.move(ledger, claimed(ledger, "net"), TakeState.FETCHED, queue="cpu")
    take = takes.move(ledger, claimed(ledger), TakeState.FAILED, code="conform", why="2 frames")
    assert take.resume_state is TakeState.FETCHED
    with pytest.raises(LedgerError):
        takes.cancel_now(ledger, takes.retry(ledger, take, author="ann"), author="ann")
    take = takes.get(ledger, take.id)
    assert (take.state, take.queue, project(ledger)) == (TakeState.FETCHED, "cpu", (0, 1_000_000))
    take = takes.move(ledger, claimed(ledger), TakeState.FAILED, resume_state=TakeState.DONE)
    take = takes.retry(ledger, take, author="ann", queue="net")
    assert take.state is TakeState.DONE and takes.due(ledger, "net") == 1
    assert takes.move(ledger, claimed(ledger, "net"), TakeState.FETCHED).state is TakeState.FETCHED


def test_an_overage_is_booked_and_shown(ledger: Ledger) -> None:
    send(ledger, wanted(), budget="1")
    takes.move(ledger, claimed(ledger), TakeState.PREPARED, queue="net")
    call = intent(ledger, claimed(ledger, "net"))
    calls.receive(ledger, call.uuid, remote_id="r1", quoted=None)
    calls.settle(ledger, call.uuid, charge=eur("1.2"), reported=True)
    assert project(ledger) == (0, 1_200_000)
    (flag,) = [event for event in events.events_of(ledger) if event.kind == "overage"]
    assert flag.data == {"beyond": ["project"], "charge": 1_200_000} and flag.call_uuid == call.uuid


# ---------------------------------------------------------------- lost answers


def lost(ledger: Ledger) -> tuple[str, TakeRecord]:
    call = intent(ledger, prepared(ledger), quiet_in=60)
    return call.uuid, calls.uncertain(ledger, call.uuid, why="connection reset", due_in=None).take


def test_a_lost_answer_waits_for_a_person_who_says_sent(ledger: Ledger) -> None:
    uuid, take = lost(ledger)
    assert (take.state, take.why) == (TakeState.UNCERTAIN, "connection reset")
    assert calls.open_calls(ledger) == [] and len(calls.open_calls(ledger, due=False)) == 1
    with pytest.raises(LedgerError):
        takes.retry(ledger, take, author="ann")
    with pytest.raises(LedgerError):
        takes.cancel_now(ledger, take, author="ann")
    take = calls.resolve(ledger, take, sent="r9", author="ann")
    assert take.state is TakeState.SUBMITTED and calls.get(ledger, uuid).remote_id == "r9"


def test_not_sent_is_not_believed_too_early(ledger: Ledger, clock: Clock) -> None:
    _, take = lost(ledger)
    with pytest.raises(LedgerError, match="until"):
        calls.resolve(ledger, take, sent=None, author="ann")
    clock.advance(61)
    take = calls.resolve(ledger, take, sent=None, author="ann")
    assert take.state is TakeState.PREPARED and takes.due(ledger, "net") == 1
    with pytest.raises(LedgerError, match="nothing"):
        calls.resolve(ledger, take, sent=None, author="ann")


def test_a_receipt_after_not_sent_is_an_orphan_that_is_paid_for(ledger: Ledger, clock: Clock) -> None:
    uuid, take = lost(ledger)
    clock.advance(61)
    calls.resolve(ledger, take, sent=None, author="ann")
    take = claimed(ledger, "net")
    receipt = calls.receive(ledger, uuid, remote_id="r1", quoted=None)
    assert receipt.orphan and receipt.call.state is CallState.ORPHAN
    with pytest.raises(StaleMove):  # who was about to send it a second time
        intent(ledger, take)
    assert (receipt.take.wait_code, receipt.take.due_at) == (WaitCode.HELD, None)
    assert project(ledger) == (2_000_000, 0)
    assert [call.uuid for call in calls.open_calls(ledger)] == [uuid]
    for _ in range(2):
        assert calls.settle(ledger, uuid, charge=eur("1"), reported=True).orphan
    assert project(ledger) == (1_000_000, 1_000_000) and calls.open_calls(ledger, due=False) == []
    held = takes.retry(ledger, takes.get(ledger, take.id), author="ann")
    assert held.state is TakeState.PREPARED and intent(ledger, claimed(ledger, "net")).n == 2


def test_an_answer_is_never_fenced(ledger: Ledger, clock: Clock) -> None:
    take = prepared(ledger)
    processes.beat(ledger, ProcessWrite(id="w1", kind="worker", host="h", pid=1, started=1))
    call = intent(ledger, take)
    assert takes.stale_sending(ledger) == []
    clock.advance(21)
    assert takes.claim(ledger, "net", owner="w2", lease=20, tries=3) is None
    (stale,) = takes.stale_sending(ledger)
    assert stale.call.uuid == call.uuid and not stale.holder_dead
    processes.gone(ledger, "w1", why="exit 137")
    assert takes.stale_sending(ledger)[0].holder_dead
    assert [row.state for row in takes.reclaim(ledger)] == [TakeState.SENDING]
    calls.uncertain(ledger, call.uuid, why="its sender died")
    assert calls.receive(ledger, call.uuid, remote_id="r1", quoted=None).take.state is TakeState.SUBMITTED
    with pytest.raises(StaleMove):
        calls.not_sent(ledger, call.uuid, why="late")


def test_keyed_calls_are_sent_again_with_their_own_uuid(ledger: Ledger, clock: Clock) -> None:
    call = intent(ledger, prepared(ledger))
    clock.advance(21)
    back = calls.send_again(ledger, call.uuid, why="its sender died").take
    assert back.state is TakeState.PREPARED and takes.stale_sending(ledger) == []
    take = claimed(ledger, "net")
    with pytest.raises(LedgerError):
        intent(ledger, take, fingerprint="other")
    with pytest.raises(StaleMove):
        intent(ledger, take, uuid="another")
    again = intent(ledger, take)
    assert (again.uuid, again.n) == (call.uuid, 1) and project(ledger) == (1_000_000, 0)
    calls.send_again(ledger, call.uuid, why="again")
    late = calls.receive(ledger, call.uuid, remote_id="r1", quoted=None)
    assert late.take.state is TakeState.SUBMITTED and not late.orphan
    assert calls.receive(ledger, call.uuid, remote_id="r2", quoted=None).conflict


def test_a_remote_id_belongs_to_one_call(ledger: Ledger) -> None:
    one = intent(ledger, prepared(ledger))
    calls.receive(ledger, one.uuid, remote_id="r1", quoted=None)
    two = intent(ledger, prepared(ledger, more=1, takes=0))
    assert calls.receive(ledger, two.uuid, remote_id="r1", quoted=None).conflict
    calls.uncertain(ledger, two.uuid, why="no id of its own")
    with pytest.raises(LedgerError, match="another call"):
        calls.resolve(ledger, takes.get(ledger, two.take_id), sent="r1", author="ann")


# ---------------------------------------------------------------- decisions


def test_cancel_releases_what_is_not_bound(ledger: Ledger) -> None:
    send(ledger, wanted(takes=2))
    one, two = takes.by_shot(ledger, "P_0010")
    asked = takes.ask_cancel(ledger, one, author="ann")
    assert asked.cancel_asked_at is not None and asked.state is TakeState.PLANNED
    assert takes.cancel_now(ledger, asked, author="ann").state is TakeState.CANCELLED
    assert project(ledger) == (1_000_000, 0)
    with pytest.raises(StaleMove):
        takes.cancel_now(ledger, one, author="ann")
    assert takes.find(ledger, "P_0010", number=2) == two


def test_reviews_and_picks(ledger: Ledger) -> None:
    from otio_bridge.store import shots

    one, two = send(ledger, wanted(takes=2)).takes
    where = shots.shot_by_name(ledger, "P_0010").occurrences[0].id
    reviews.review(ledger, one, ReviewState.MAYBE, author="bo")
    reviews.review(ledger, one, ReviewState.APPROVED, author="ann", note="yes")
    found = reviews.reviews(ledger)[one.id]
    assert (found.state, found.author, found.note) == (ReviewState.APPROVED, "ann", "yes")
    assert reviews.reviews(ledger, [two.id]) == {}
    reviews.pick(ledger, one, author="ann")
    reviews.pick(ledger, two, author="ann", occurrence_id=where)
    assert {(pick.occurrence_id, pick.take_id) for pick in reviews.picks(ledger)} == {
        ("", one.id),
        (where, two.id),
    }
    reviews.pick(ledger, two, author="ann")
    assert [(pick.occurrence_id, pick.take_id) for pick in reviews.picks(ledger)] == [("", two.id)]
    with pytest.raises(LedgerError):
        reviews.pick(ledger, two, author="ann", occurrence_id="elsewhere")
    reviews.unpick(ledger, one.shot_id, author="ann")
    assert reviews.picks(ledger, [one.shot_id]) == []
    kinds = [event.kind for event in events.events_of(ledger, shot_id=one.shot_id)]
    assert kinds.count("review") == 2 and kinds.count("pick") == 3 and kinds[-1] == "unpick"


def test_uploads_are_found_while_they_last(ledger: Ledger, clock: Clock) -> None:
    from datetime import timedelta

    mine = {"provider": "sandbox", "account": "default"}
    uploads.save_upload(ledger, "c", handle="h1", expires=None, **mine)
    uploads.save_upload(ledger, "c", handle="h2", expires=clock() + timedelta(seconds=60), **mine)
    assert uploads.find_upload(ledger, "c", **mine).handle == "h2"
    assert uploads.find_upload(ledger, "c", valid_for=60, **mine) is None
    uploads.forget_upload(ledger, uploads.find_upload(ledger, "c", **mine).id)
    assert uploads.find_upload(ledger, "c", **mine) is None


def test_processes_show_themselves(ledger: Ledger, clock: Clock) -> None:
    worker = ProcessWrite(
        id="h:1", kind="worker", host="h", pid=1, started=5, queues=("cpu",), roots={"/m": "rw"}
    )
    processes.beat(ledger, worker)
    clock.advance(30)
    assert processes.alive(ledger)[0].queues == ("cpu",) and processes.alive(ledger, within=10) == []
    processes.beat(ledger, worker)
    assert len(processes.alive(ledger, within=10)) == 1
    assert processes.gone(ledger, "h:1").gone_at == clock() and processes.alive(ledger) == []
    assert processes.gone(ledger, "h:2") is None
    clock.advance(100)
    assert processes.forget(ledger, gone_for=60) == 1


def test_notes_are_events(ledger: Ledger) -> None:
    events.note(ledger, "imported by hand", author="ann", data={"x": 1})
    (found,) = events.events_of(ledger)
    assert (found.who, found.kind, found.why, found.data) == ("ann", "note", "imported by hand", {"x": 1})
    assert events.events_of(ledger, after=found.id) == []
