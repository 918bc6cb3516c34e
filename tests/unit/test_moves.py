"""A take follows its parts: every step a part can make by its call is a legal move of the take."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.model.take import MOVES, TakeState, of_parts
from otio_bridge.store.parts import state_of
from otio_bridge.store.records import PartRecord, TakeRecord

S = TakeState
#: What a call does to its part.
BY_CALL = {
    S.PREPARED: {S.SENDING, S.SUBMITTED},  # SUBMITTED: a late answer to a call cleared to be sent again
    S.SENDING: {S.SUBMITTED, S.UNCERTAIN, S.PREPARED, S.FAILED},
    S.UNCERTAIN: {S.SUBMITTED, S.PREPARED, S.FAILED},
    S.SUBMITTED: {S.DONE, S.FAILED},
}
STATES = [S.PREPARED, S.SENDING, S.UNCERTAIN, S.SUBMITTED, S.DONE, S.FAILED]


def seen(states: tuple[TakeState, ...], *, chained: bool = False) -> TakeState:
    parts = [
        PartRecord(take_id="t", part=n, state=state, file=None, sha256=None, result={})
        for n, state in enumerate(states)
    ]
    return state_of(TakeRecord.model_construct(chained=chained), parts)


def reachable(start: TakeState, to: TakeState, way: set[TakeState]) -> bool:
    """Whether a take gets there at once, or only through states in which nothing is decided."""
    return to in MOVES[start] or any(to in MOVES[step] and step in MOVES[start] for step in way)


@pytest.mark.parametrize("states", list(product(STATES, repeat=3)))
def test_every_step_of_a_part_is_a_move_of_its_take(states: tuple[TakeState, ...]) -> None:
    # Two parts are never on their way at once: only a PREPARED take is sent.
    if states.count(S.SENDING) > 1:
        return
    before = seen(states)
    for n, state in enumerate(states):
        for after in BY_CALL.get(state, ()):
            if after is S.SENDING and before is not S.PREPARED:
                continue
            now = seen((*states[:n], after, *states[n + 1 :]))
            # FAILED stays until a person acts; the parts go on without it.
            if before in (now, S.FAILED):
                continue
            assert reachable(before, now, {S.SENDING, S.SUBMITTED}), (states, n, after)


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=6))
def test_a_part_on_its_way_keeps_its_take_sending(states: list[TakeState]) -> None:
    if S.SENDING in states:
        assert seen(tuple(states)) is S.SENDING
    else:
        assert seen(tuple(states)) is of_parts(states)


@given(st.integers(1, 4), st.integers(0, 4), st.sampled_from(STATES))
def test_a_chain_is_where_its_last_begun_part_is(done: int, waiting: int, current: TakeState) -> None:
    states = (*[S.FETCHED] * done, current, *[S.PLANNED] * waiting)
    assert seen(states, chained=True) is current
    assert seen((S.PLANNED,) * (waiting + 1), chained=True) is S.PLANNED
