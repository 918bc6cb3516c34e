"""T1: what a send makes, and what it costs."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest
from wanted import Clock, edit, eur, occurrence, request, send, shot, wanted

from otio_bridge.errors import LedgerError, MoneyError, StaleMove
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange
from otio_bridge.store import events, money, parts, shots, takes
from otio_bridge.store.ledger import Ledger


def held(ledger: Ledger, scope: str = "project") -> tuple[int, int]:
    found = next(one for one in money.budgets(ledger) if one.scope == scope)
    return found.held, found.spent


def test_a_send_makes_shots_plates_takes_parts_and_holds_money(ledger: Ledger) -> None:
    done = send(ledger, wanted(takes=3, hold="2.5", parts=2, provenance={"brief": "x"}))
    assert [take.name for take in done.takes] == ["v001", "v002", "v003"]
    assert [take.seed for take in done.takes] == [7, 8, 9]
    assert done.created == {take.id for take in done.takes} and done.held == eur("7.5")
    assert {take.state for take in done.takes} == {TakeState.PLANNED}
    assert done.takes[0].label == "P_0010/v001" and done.takes[0].provenance == {"brief": "x"}
    assert [part.part for part in parts.parts_of(ledger, done.takes[1].id)] == [0, 1]
    assert held(ledger) == (7_500_000, 0)
    (found,) = shots.known_shots(ledger, ["cut"])
    assert [plate.name for plate in found.plates] == ["p001"]
    assert found.occurrences[0].present and found.occurrences[0].edit_id == done.edit.id
    assert found.plates[0].id == done.takes[0].plate_id
    assert {event.kind for event in events.events_of(ledger)} == {"cap", "shot", "take"}


def test_the_same_send_again_makes_nothing(ledger: Ledger) -> None:
    first = send(ledger, wanted(takes=2))
    again = send(ledger, wanted(takes=2, shot=shot(id=first.takes[0].shot_id)))
    assert not again.created and [take.id for take in again.takes] == [take.id for take in first.takes]
    assert again.held.micro == 0 and held(ledger) == (2_000_000, 0)


def test_more_adds_beyond_the_highest_and_numbers_run_over_requests(ledger: Ledger) -> None:
    first = send(ledger, wanted(takes=2)).takes[0]
    mine = shot(id=first.shot_id)
    more = send(ledger, wanted(shot=mine, takes=1, more=2))
    assert [take.ordinal for take in more.takes] == [1, 2, 3, 4]
    assert [take.name for take in more.new] == ["v003", "v004"]
    other = send(ledger, wanted(shot=mine, request=request(prompt="snow")))
    assert [(take.name, take.ordinal) for take in other.takes] == [("v005", 1)]


def test_a_budget_is_never_passed_and_nothing_is_half_done(ledger: Ledger) -> None:
    with pytest.raises(MoneyError) as info:
        send(ledger, wanted("P_0010", takes=2, hold="3"), wanted("P_0020", takes=2, hold="3"), budget="10")
    assert "cap 10.00 EUR" in str(info.value) and "asked 12.00 EUR" in str(info.value) and info.value.next
    assert held(ledger) == (0, 0) and not shots.all_shots(ledger) and not takes.counts(ledger)
    send(ledger, wanted(takes=1, hold="10"), budget="10")
    assert held(ledger) == (10_000_000, 0)


def test_no_budget_forbids_what_costs_and_allows_what_does_not(ledger: Ledger) -> None:
    with pytest.raises(MoneyError):
        send(ledger, wanted(), budget=None)
    assert send(ledger, wanted(hold="0"), budget=None).created


def test_caps_of_shots_and_providers_hold_too(ledger: Ledger) -> None:
    done = send(ledger, wanted(takes=2), shot_cap=eur("3"))
    mine = shot(id=done.takes[0].shot_id)
    scope = f"shot:{mine.id}"
    assert held(ledger, scope) == (2_000_000, 0)
    with pytest.raises(MoneyError, match="shot:"):
        send(ledger, wanted(shot=mine, takes=4), shot_cap=eur("3"))
    assert held(ledger) == (2_000_000, 0)
    # A budget made later knows what was held before it.
    assert money.set_cap(ledger, "provider:sandbox", eur("2")).held == 2_000_000
    with pytest.raises(MoneyError, match="provider:sandbox"):
        send(ledger, wanted(shot=mine, takes=3), shot_cap=eur("9"))
    with pytest.raises(MoneyError):
        money.set_cap(ledger, "moon", eur("2"))


def test_another_currency_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError):
        takes.dispatch(ledger, [wanted()], author="ann", edit=None, currency="USD")


def test_a_new_shot_proposed_twice_is_made_once(ledger: Ledger) -> None:
    first = send(ledger, wanted(shot=shot("P_0010")))
    second = send(ledger, wanted(shot=shot("P_0010")))
    assert not second.created and second.takes == first.takes
    assert len(shots.all_shots(ledger)) == 1 and len(shots.all_shots(ledger)[0].occurrences) == 1
    with pytest.raises(StaleMove):
        send(ledger, wanted(shot=shot("P_0010", need=FrameRange(start=500, duration=9))))


def test_threads_sending_the_same_at_once_make_one_set(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        money.set_cap(ledger, "project", eur("100"))
        asked = [wanted(f"P_{n:04d}", takes=3) for n in range(4)]

        def one(_: int) -> int:
            fresh = [each.model_copy(update={"shot": shot(each.shot.name)}) for each in asked]
            return len(send(ledger, *fresh, budget=None).created)

        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(one, range(12)))
        assert sum(made) == 12 and sorted(made)[-1] == 12
        assert held(ledger) == (12_000_000, 0)


def _send_in_a_process(url: str, barrier: object, result: object) -> None:
    with Ledger.open(url) as ledger:
        asked = [wanted(f"P_{n:04d}", takes=2, hold="3") for n in range(5)]
        barrier.wait(30)
        try:
            result.put(len(send(ledger, *asked, budget=None).created))
        except MoneyError:
            result.put(-1)


@pytest.mark.parametrize(("cap", "answers"), [("30", [0, 10]), ("29", [-1, -1])])
def test_processes_sending_the_same_at_once(ledger_url: str, cap: str, answers: list[int]) -> None:
    with Ledger.open(ledger_url) as ledger:
        money.set_cap(ledger, "project", eur(cap))
        spawn = multiprocessing.get_context("spawn")
        barrier, result = spawn.Barrier(2), spawn.Queue()
        running = [
            spawn.Process(target=_send_in_a_process, args=(ledger_url, barrier, result)) for _ in range(2)
        ]
        for process in running:
            process.start()
        found = sorted(result.get(timeout=60) for _ in running)
        for process in running:
            process.join(30)
        assert found == answers
        assert held(ledger) == ((30_000_000, 0) if cap == "30" else (0, 0))


def test_two_sends_compete_for_the_last_money(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        money.set_cap(ledger, "project", eur("10"))

        def one(n: int) -> bool:
            try:
                send(ledger, wanted(f"P_{n:04d}", hold="3"), budget=None)
            except MoneyError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(one, range(8)))
        assert sum(done) == 3 and held(ledger) == (9_000_000, 0)


def test_a_take_made_elsewhere(ledger: Ledger) -> None:
    first = send(ledger, wanted()).takes[0]
    made = takes.add(
        ledger,
        first.shot_id,
        request=first.request,
        author="ann",
        file="/t/x.mov",
        sha256="1" * 64,
        cost=eur("0.5"),
        provenance={"prompt": "rain"},
    )
    assert (made.state, made.name, made.ordinal, made.queue) == (TakeState.FETCHED, "v002", 2, "cpu")
    (part,) = parts.parts_of(ledger, made.id)
    assert (part.state, part.file) == (TakeState.FETCHED, "/t/x.mov")
    assert held(ledger) == (1_000_000, 500_000)


def test_saving_an_edit_follows_the_occurrences(ledger: Ledger, clock: Clock) -> None:
    first = send(ledger, wanted("P_0010"), wanted("P_0020"))
    mine = shots.shot_by_name(ledger, "P_0010")
    clock.advance(1)
    moved = occurrence("0:4", id=mine.occurrences[0].id)
    again = shot(id=mine.id, occurrences=(moved, occurrence("0:6")))
    shots.save_edit(ledger, edit("cut_v2.otio"), shots=[again], complete=True, author="ann")
    known = {one.name: one for one in shots.known_shots(ledger, ["cut"])}
    assert [(one.address, one.present) for one in known["P_0020"].occurrences] == [("0:0", False)]
    assert sorted((one.address, one.present) for one in known["P_0010"].occurrences) == [
        ("0:4", True),
        ("0:6", True),
    ]
    assert mine.occurrences[0].id in {one.id for one in known["P_0010"].occurrences}
    assert len(shots.edits(ledger, "cut")) == 2 and first.edit.id == shots.edits(ledger)[0].id


def test_a_plate_is_written_once(ledger: Ledger) -> None:
    take = send(ledger, wanted()).takes[0]
    one = shots.set_plate(ledger, take.plate_id, path="/p/p001.mov", sha256="a" * 64)
    two = shots.set_plate(ledger, take.plate_id, path="/p/other.mov", sha256="b" * 64)
    assert one == two and two.path == "/p/p001.mov"
