"""What goes out: every plate frame exactly once, on the model's grid, in the model's raster."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.errors import RefusedInput
from otio_bridge.model.conform import Box, FrameGrid, Join, Limits, Raster, Submission
from otio_bridge.model.request import OperationClass
from otio_bridge.model.submission import (
    OVERLAP,
    asked_parts,
    carried_parts,
    choose_raster,
    choose_rate,
    fit,
    plan_submission,
)

NTSC = Fraction(30000, 1001)
FILM = Fraction(24000, 1001)
HD = Raster(width=1920, height=1080)
WAN = FrameGrid(step=4, offset=1, minimum=5, maximum=81)


@st.composite
def grids(draw: st.DrawFn) -> FrameGrid:
    """Grids that allow at least one length of two frames or more."""
    step, offset = draw(st.integers(1, 60)), draw(st.integers(0, 60))
    minimum = draw(st.integers(2, 60))
    shortest = FrameGrid(step=step, offset=offset, minimum=minimum).at_least(1)
    assert shortest is not None
    maximum = draw(st.one_of(st.none(), st.integers(shortest, shortest + 200)))
    return FrameGrid(step=step, offset=offset, minimum=minimum, maximum=maximum)


def allowed(grid: FrameGrid, length: int) -> bool:
    fits = grid.maximum is None or length <= grid.maximum
    return length >= max(grid.minimum, grid.offset) and (length - grid.offset) % grid.step == 0 and fits


def send(frames: int, rate: Fraction, limits: Limits, raster: Raster = HD, **more: int) -> Submission:
    return plan_submission(
        op_class=OperationClass.SOURCE, frames=frames, rate=rate, raster=raster, limits=limits, **more
    )


def ask(frames: int, rate: Fraction, limits: Limits) -> Submission:
    return plan_submission(op_class=OperationClass.RECORD, frames=frames, rate=rate, raster=HD, limits=limits)


@given(grids(), st.integers(1, 400))
def test_at_least_is_the_next_allowed_length(grid: FrameGrid, frames: int) -> None:
    length = grid.at_least(frames)
    brute = next((n for n in range(frames, 900) if allowed(grid, n)), None)
    assert length == brute
    if grid.longest is not None:
        assert grid.longest == max(n for n in range(1, grid.longest + 200) if allowed(grid, n))


@given(grids(), st.integers(1, 900), st.integers(0, 40), st.integers(0, 40))
def test_carried_parts_cover_every_frame_on_the_grid(
    grid: FrameGrid, frames: int, before: int, after: int
) -> None:
    parts, join = carried_parts(frames, grid, before, after)
    assert {frame for part in parts for frame in range(part.plate.start, part.plate.end)} == set(
        range(frames)
    )
    assert all(allowed(grid, part.frames) for part in parts)
    assert [part.index for part in parts] == list(range(len(parts)))
    assert (join is Join.NONE) == (len(parts) == 1)
    if len(parts) == 1:
        (only,) = parts
        assert only.pad_head <= before and only.pad_tail <= after
        # Real media first: nothing is held while some is left, the tail before the head.
        assert not only.hold_tail or (only.pad_head, only.pad_tail) == (before, after)
        assert not only.pad_head or only.pad_tail == after
    else:
        assert len({part.frames for part in parts}) == 1
        assert not any(part.pad_head or part.pad_tail or part.hold_tail for part in parts)
        common = min(OVERLAP, (grid.longest or 0) // 4)
        pairs = list(pairwise(parts))
        assert all(one.plate.end - two.plate.start >= common for one, two in pairs)
        gaps = [two.plate.start - one.plate.start for one, two in pairs]
        assert min(gaps) > 0 and max(gaps) - min(gaps) <= 1
        # Not one part more than needed.
        longest = grid.longest or 0
        assert (len(parts) - 1) * longest - (len(parts) - 2) * common < frames


@given(grids(), st.integers(1, 900))
def test_asked_parts_chain_without_a_gap(grid: FrameGrid, frames: int) -> None:
    parts, join = asked_parts(frames, grid)
    made = sum(part.frames for part in parts) - (len(parts) - 1)
    assert made >= frames
    assert all(allowed(grid, part.frames) for part in parts)
    assert all(one.plate.last == two.plate.start for one, two in pairwise(parts))
    assert (join is Join.CHAIN) == (len(parts) > 1)
    if len(parts) > 1:
        longest = grid.longest or 0
        assert (len(parts) - 1) * longest - (len(parts) - 2) < frames
        assert max(part.frames for part in parts) - min(part.frames for part in parts) <= grid.step


def test_frame_for_frame_at_any_ratio() -> None:
    sent = send(40, NTSC, Limits(grid=WAN, rates=(Fraction(24),)), pad_after=1)
    (part,) = sent.parts
    assert (sent.sent_rate, part.frames, part.pad_tail, part.hold_tail) == (24, 41, 1, 0)
    assert sent.cost_factor == Fraction(41, 24) / (Fraction(40) / NTSC)
    assert "29.97 stamped 24, frame for frame" in sent.notes
    alone = send(41, NTSC, Limits(grid=WAN, rates=(Fraction(24),)))
    assert round(alone.cost_factor, 3) == Fraction(1249, 1000)


def test_a_long_plate_goes_in_balanced_parts() -> None:
    sent = send(100, Fraction(24), Limits(grid=WAN))
    assert [(part.plate.start, part.plate.end) for part in sent.parts] == [(0, 57), (43, 100)]
    assert sent.join is Join.OVERLAP


def test_record_class_asks_for_the_next_length_at_the_models_rate() -> None:
    seconds = FrameGrid(step=48, minimum=96, maximum=192)
    restamped = ask(110, Fraction(25), Limits(grid=seconds, rates=(Fraction(24),)))
    assert (restamped.parts[0].frames, restamped.sent_rate) == (144, 24)
    held = ask(110, Fraction(24), Limits(grid=WAN, rates=(Fraction(16),)))
    # Frame 109 of 24 lies in frame 72 of 16, so 73 frames, which are on the grid.
    assert held.parts[0].frames == 73
    assert any("held" in note for note in held.notes)
    chained = ask(200, Fraction(24), Limits(grid=WAN))
    assert [part.frames for part in chained.parts] == [69, 69, 65]
    assert chained.join is Join.CHAIN


def test_a_still_is_one_frame_however_long_it_is_shown() -> None:
    sent = plan_submission(
        op_class=OperationClass.STILL, frames=120, rate=Fraction(24), raster=HD, limits=Limits()
    )
    assert (sent.frames, sent.parts[0].frames) == (120, 1)


@pytest.mark.parametrize(
    ("rate", "rates", "chosen"),
    [
        (Fraction(24), (), Fraction(24)),
        (NTSC, (Fraction(24), Fraction(30)), Fraction(30)),
        (FILM, (Fraction(30), Fraction(24)), Fraction(24)),
        (Fraction(50), (Fraction(16), Fraction(24)), Fraction(16)),
        (Fraction(25), (Fraction(24), Fraction(25)), Fraction(25)),
    ],
)
def test_rate(rate: Fraction, rates: tuple[Fraction, ...], chosen: Fraction) -> None:
    assert choose_rate(rate, rates) == chosen


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(RefusedInput, match="no length"):
        send(10, Fraction(24), Limits(grid=FrameGrid(step=50, offset=1, minimum=60, maximum=70)))
    with pytest.raises(RefusedInput, match="one frame at a time"):
        ask(10, Fraction(24), Limits(grid=FrameGrid(maximum=1)))
    with pytest.raises(RefusedInput, match="no frames"):
        send(0, Fraction(24), Limits())
    with pytest.raises(RefusedInput, match="does not fit"):
        send(10, Fraction(24), Limits(max_pixels=100, multiple_of=64))


WIDE = Raster(width=1280, height=720)
TALL = Raster(width=720, height=1280)


@pytest.mark.parametrize(
    ("raster", "limits", "sent", "box"),
    [
        # As it is.
        (HD, Limits(), (1920, 1080), (0, 0, 1920, 1080)),
        # Padded to the multiple, pixels untouched.
        (HD, Limits(multiple_of=16), (1920, 1088), (0, 4, 1920, 1080)),
        (Raster(width=321, height=181), Limits(), (322, 182), (0, 0, 321, 181)),
        # 2.39 in 16:9.
        (Raster(width=1920, height=804), Limits(rasters=(TALL, WIDE)), (1280, 720), (0, 92, 1280, 536)),
        # Desqueezed: 2:1 anamorphic keeps its height.
        (Raster(width=160, height=180, pixel_aspect=Fraction(2)), Limits(), (320, 180), (0, 0, 320, 180)),
        # PAL 4:3 keeps its lines, and never loses a column either.
        (
            Raster(width=720, height=576, pixel_aspect=Fraction(16, 15)),
            Limits(),
            (768, 576),
            (0, 0, 768, 576),
        ),
        # The smallest raster that holds it.
        (WIDE, Limits(rasters=(HD, Raster(width=1280, height=768), TALL)), (1280, 768), (0, 24, 1280, 720)),
        # Reduced to the pixels the model takes.
        (HD, Limits(max_pixels=480 * 832, multiple_of=16), (832, 464), (4, 0, 824, 464)),
    ],
)
def test_raster(
    raster: Raster, limits: Limits, sent: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    chosen, inside = choose_raster(raster, limits)
    assert (chosen.width, chosen.height) == sent
    assert (inside.x, inside.y, inside.width, inside.height) == box


SIDES = st.integers(16, 4096)
ASPECTS = st.sampled_from([Fraction(1), Fraction(2), Fraction(10, 11), Fraction(16, 15), Fraction(4, 3)])


@given(SIDES, SIDES, ASPECTS, SIDES, SIDES)
def test_the_picture_lies_inside_and_keeps_its_shape(
    width: int, height: int, aspect: Fraction, into_width: int, into_height: int
) -> None:
    raster = Raster(width=width, height=height, pixel_aspect=aspect)
    into = Raster(width=into_width, height=into_height)
    box = fit(raster, into)
    assert box.x + box.width <= into.width and box.y + box.height <= into.height
    assert box.width == into.width or box.height == into.height
    shape = Fraction(width, height) * aspect
    # Rounding to even pixels is all that may move an edge.
    if box.width == into.width:
        assert abs(box.height - box.width / shape) <= 2
    else:
        assert abs(box.width - box.height * shape) <= 2


def test_local_work_gets_the_plate_untouched() -> None:
    squeezed = Raster(width=321, height=180, pixel_aspect=Fraction(2))
    large = Raster(width=642, height=360, pixel_aspect=Fraction(2))
    sent = plan_submission(
        op_class=OperationClass.SOURCE,
        frames=9,
        rate=NTSC,
        raster=squeezed,
        limits=Limits(),
        take_raster=large,
        untouched=True,
    )
    assert (sent.sent_raster, sent.raster, sent.sent_rate) == (squeezed, large, NTSC)
    assert sent.box == Box(x=0, y=0, width=321, height=180)
