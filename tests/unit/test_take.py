"""The states and their moves: nothing is lost on the way, nothing is paid twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.model.take import (
    ADVANCE,
    CALL_MOVES,
    HOLDING_CALLS,
    MOVES,
    OPEN_STATES,
    CallState,
    TakeState,
    may_move,
    of_parts,
    parse_take_name,
    plate_name,
    take_name,
)


def reachable(start: TakeState) -> set[TakeState]:
    seen, todo = {start}, [start]
    while todo:
        for following in MOVES[todo.pop()] - seen:
            seen.add(following)
            todo.append(following)
    return seen


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(TakeState)
    assert set(CALL_MOVES) == set(CallState)
    assert set(ADVANCE) | {TakeState.UNCERTAIN, TakeState.FAILED, TakeState.CANCELLED} == set(TakeState)


@pytest.mark.parametrize("state", sorted(OPEN_STATES | {TakeState.FAILED}))
def test_from_every_open_state_a_take_can_become_ready(state: TakeState) -> None:
    assert TakeState.READY in reachable(state)


def test_what_is_finished_stays_finished() -> None:
    assert MOVES[TakeState.READY] == MOVES[TakeState.CANCELLED] == frozenset()
    assert all(TakeState.READY not in MOVES[state] for state in TakeState if state != TakeState.CONFORMED)


def test_a_call_is_only_sent_after_everything_else_is_prepared() -> None:
    assert [state for state in TakeState if may_move(state, TakeState.SENDING)] == [TakeState.PREPARED]


def test_an_uncertain_take_is_never_cancelled_nor_sent_by_itself() -> None:
    assert MOVES[TakeState.UNCERTAIN] == {TakeState.SUBMITTED, TakeState.PREPARED, TakeState.FAILED}


@pytest.mark.parametrize("before", CallState)
def test_a_call_that_let_go_of_its_part_never_takes_it_back(before: CallState) -> None:
    """Only a new call, recorded as such, can hold the part again."""
    if before not in HOLDING_CALLS:
        assert not CALL_MOVES[before] & HOLDING_CALLS


@given(st.data())
def test_no_path_makes_two_paid_calls_for_a_part(data: st.DataObject) -> None:
    """Any order of answers, losses, decisions and retries: at most one call is open or paid."""
    calls: list[CallState] = []
    for _ in range(data.draw(st.integers(1, 25))):
        moves = [(index, to) for index, state in enumerate(calls) for to in sorted(CALL_MOVES[state])]
        if not any(state in HOLDING_CALLS for state in calls):
            moves.append((len(calls), CallState.INTENT))  # what the ledger's unique index lets in
        if not moves:
            break
        index, to = data.draw(st.sampled_from(moves))
        calls[index : index + 1] = [to]
        assert sum(state in HOLDING_CALLS for state in calls) <= 1


part_states = st.lists(st.sampled_from([*ADVANCE, TakeState.UNCERTAIN, TakeState.FAILED]), min_size=1)


@given(part_states)
def test_a_take_is_as_far_as_its_least_advanced_part(parts: list[TakeState]) -> None:
    state = of_parts(parts)
    assert state in parts
    if TakeState.UNCERTAIN in parts:
        assert state is TakeState.UNCERTAIN
    elif TakeState.FAILED in parts:
        assert state is TakeState.FAILED
    else:
        assert all(ADVANCE.index(state) <= ADVANCE.index(part) for part in parts)
    assert of_parts(reversed(parts)) is state


@given(st.integers(1, 99_999))
def test_takes_are_called_as_they_are_numbered(number: int) -> None:
    assert parse_take_name(take_name(number)) == number
    assert parse_take_name(str(number)) == parse_take_name(f" V{number} ") == number


def test_names_have_three_digits() -> None:
    assert (take_name(1), take_name(1000), plate_name(2)) == ("v001", "v1000", "p002")


@pytest.mark.parametrize("text", ["", "v", "v000", "0", "p001", "v-1", "v1.5", "vv1", "SHOT/v001"])
def test_what_is_no_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_take_name(text)
