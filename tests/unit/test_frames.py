"""Retime arithmetic: the measured rules, and what trims, blades and slips must leave alone."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.model.frames import (
    Span,
    had,
    needs_mixed,
    record_need,
    record_origin,
    source_frame,
    source_frames,
    source_handles,
    source_need,
)
from otio_bridge.model.time import FrameRange

# Denominators small enough that no position comes within a ten-thousandth of a frame by accident.
speeds = st.fractions(min_value="1/8", max_value=8, max_denominator=60)
backwards = speeds.map(lambda s: -s)
any_speed = st.one_of(speeds, backwards, st.just(Fraction(0)), st.just(Fraction(24000, 24024)))
starts = st.one_of(
    st.integers(1000, 200_000).map(Fraction), st.integers(8000, 10**6).map(lambda n: Fraction(n, 8))
)
media = st.builds(FrameRange, start=st.integers(900, 2000), duration=st.integers(1, 500))


@st.composite
def spans(draw: st.DrawFn, speed: st.SearchStrategy[Fraction] = any_speed) -> Span:
    return Span(
        start=draw(starts),
        s=draw(speed),
        n=draw(st.integers(1, 120)),
        head=draw(st.integers(0, 12)),
        tail=draw(st.integers(0, 12)),
    )


# ---------------------------------------------------------------- the measured rules


@pytest.mark.parametrize(
    ("start", "s", "n", "shown"),
    [
        ("100", "1", 4, [100, 101, 102, 103]),
        ("100", "2", 4, [100, 102, 104, 106]),
        ("100", "1/2", 5, [100, 100, 101, 101, 102]),
        ("91046.625", "24/25", 4, [91046, 91047, 91048, 91049]),
        ("20.000000000000004", "1", 3, [20, 21, 22]),
        ("19.99999", "1", 3, [20, 21, 22]),
        ("100", "0", 3, [100, 100, 100]),
        # Reverse: `start` is the lowest frame, the first shown is start + ceil((n-1)|s|).
        ("100", "-1", 5, [104, 103, 102, 101, 100]),
        ("100", "-1/2", 6, [103, 102, 102, 101, 101, 100]),
        ("100", "-0.3", 6, [102, 101, 101, 101, 100, 100]),
        ("100", "-2", 4, [106, 104, 102, 100]),
    ],
)
def test_which_frame_shows(start: str, s: str, n: int, shown: list[int]) -> None:
    assert list(source_frames(Span(start=start, s=s, n=n))) == shown


@given(spans(backwards))
def test_a_reversed_clip_ends_on_its_start(span: Span) -> None:
    whole = Span(start=Fraction(round(span.start)), s=span.s, n=span.n)
    assert source_frame(whole, whole.n - 1) == whole.start


@given(spans(speeds))
def test_forward_is_the_floor_of_the_line(span: Span) -> None:
    for i in (0, span.n // 2, span.n - 1):
        assert source_frame(span, i) <= span.start + i * span.s < source_frame(span, i) + 1


@given(spans(), media)
def test_players_hold_the_ends_of_the_media(span: Span, limits: FrameRange) -> None:
    free, held = source_frames(span), source_frames(span, limits)
    assert list(held) == [min(max(frame, limits.start), limits.last) for frame in free]


# ---------------------------------------------------------------- needs


@given(spans(), st.none() | media)
def test_the_need_is_what_is_shown(span: Span, limits: FrameRange | None) -> None:
    shown = source_frames(span, limits)
    need = source_need(span, limits)
    assert (need.start, need.last) == (min(shown), max(shown))
    assert len(shown) == span.head + span.n + span.tail


def test_a_clip_of_no_frames_needs_none() -> None:
    assert source_need(Span(start=100, n=0)).duration == 0


@given(spans(st.just(Fraction(1))))
def test_at_plain_speed_record_coordinates_are_source_frames(span: Span) -> None:
    assert record_need(span) == source_need(span)


@given(spans(st.one_of(speeds, backwards)), st.data())
def test_trims_do_not_move_what_stays(span: Span, data: st.DataObject) -> None:
    """A trimmed clip's record coordinates lie inside the old ones and show the same source frames."""
    head = data.draw(st.integers(0, span.n - 1))
    tail = data.draw(st.integers(0, span.n - 1 - head))
    # `start` is the lowest position: the head's for a forward clip, the tail's for a reversed one.
    moved = head * span.s if span.s > 0 else tail * -span.s
    trimmed = Span(start=span.start + moved, s=span.s, n=span.n - head - tail)
    assert record_origin(trimmed) == record_origin(span) + head
    assert record_need(span).contains(record_need(trimmed))
    # Slow reverse clips round their first frame by their length, so that a trim may move it by one.
    if span.s > 0 or span.s.denominator == 1:
        assert (
            source_frames(trimmed)
            == source_frames(Span(**(span.model_dump() | {"head": 0, "tail": 0})))[head : span.n - tail]
        )


@given(spans(backwards))
def test_reversed_coordinates_stay_positive(span: Span) -> None:
    slow = Span(start=min(span.start, Fraction(86_400)), s=min(span.s, Fraction(-1, 2)), n=span.n)
    assert record_origin(slow) > 0


# ---------------------------------------------------------------- handles


@given(spans(), st.integers(0, 100), st.booleans())
def test_handles_are_enough_record_frames_on_both_sides(span: Span, handles: int, mixed: bool) -> None:
    need = source_need(span)
    wide = source_handles(need, span, handles, mixed=mixed)
    assert wide.contains(need)
    if span.freeze:
        assert wide == need
        return
    for more in (
        Span(start=span.start, s=span.s, n=span.n, head=span.head + handles, tail=span.tail),
        Span(start=span.start, s=span.s, n=span.n, head=span.head, tail=span.tail + handles),
    ):
        assert wide.contains(source_need(more))


def test_retimed_and_mixed_clips_get_a_frame_more() -> None:
    need = FrameRange(start=100, duration=10)
    assert source_handles(need, Span(start=100, n=10), 8) == FrameRange.between(92, 118)
    assert source_handles(need, Span(start=100, n=10), 8, mixed=True) == FrameRange.between(91, 119)
    assert source_handles(need, Span(start=100, s=2, n=5), 8) == FrameRange.between(83, 127)
    assert needs_mixed(Fraction(24000, 1001), Fraction(24))


@given(st.builds(FrameRange, start=st.integers(-20, 60), duration=st.integers(0, 80)), st.none() | media)
def test_handles_are_cut_to_the_media_and_the_shortfall_is_told(
    wanted: FrameRange, limits: FrameRange | None
) -> None:
    given_ = had(wanted, limits)
    assert given_.had.start >= 0
    if limits is not None:
        assert given_.had == wanted.clamped(limits)
    if given_.had.duration:
        assert given_.head_short + given_.had.duration + given_.tail_short == wanted.duration
        assert given_.had.start == wanted.start + given_.head_short
