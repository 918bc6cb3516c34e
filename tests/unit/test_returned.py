"""What comes back: every take frame is the right returned frame, or it says that it is not."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.errors import MediaError
from otio_bridge.model.conform import Box, ConformPlan, FrameGrid, Limits, Raster, Submission
from otio_bridge.model.media import MediaInfo, MediaKind
from otio_bridge.model.request import OperationClass
from otio_bridge.model.returned import plan_conform
from otio_bridge.model.submission import plan_submission

NTSC = Fraction(30000, 1001)
FILM = Fraction(24)
SCOPE = Raster(width=1920, height=804)
WIDE = Raster(width=1280, height=720)


def plan(op: OperationClass, frames: int, rate: Fraction, limits: Limits, **more: int) -> Submission:
    return plan_submission(op_class=op, frames=frames, rate=rate, raster=WIDE, limits=limits, **more)


def came(
    frames: int,
    rate: Fraction = FILM,
    width: int = 1280,
    height: int = 720,
    pixel_aspect: Fraction = Fraction(1),
    rotation: int = 0,
) -> MediaInfo:
    return MediaInfo(
        path="got.mp4",
        kind=MediaKind.MOVIE,
        width=width,
        height=height,
        rate=rate,
        frames=frames,
        pixel_aspect=pixel_aspect,
        rotation=rotation,
    )


def as_sent(submission: Submission) -> list[MediaInfo]:
    return [came(part.frames, submission.sent_rate) for part in submission.parts]


def shown(submission: Submission, plan: ConformPlan) -> list[int]:
    """The plate frame each take frame shows, if everything came back as it was sent."""
    return [
        submission.parts[source.part].plate.start + source.frame - submission.parts[source.part].pad_head
        for source in plan.frames
    ]


@given(
    frames=st.integers(1, 400),
    step=st.integers(1, 17),
    offset=st.integers(0, 9),
    maximum=st.integers(60, 200),
    before=st.integers(0, 9),
    after=st.integers(0, 9),
    extra=st.integers(0, 9),
)
def test_source_class_is_the_identity(
    frames: int, step: int, offset: int, maximum: int, before: int, after: int, extra: int
) -> None:
    limits = Limits(
        grid=FrameGrid(step=step, offset=offset, minimum=5, maximum=maximum), rates=(Fraction(16),)
    )
    sent = plan(OperationClass.SOURCE, frames, NTSC, limits, pad_before=before, pad_after=after)
    # The answer's rate is of no matter, and frames beyond what was sent are cut off.
    back = [came(info.frames + extra, Fraction(25)) for info in as_sent(sent)]
    made = plan_conform(sent, back)
    assert shown(sent, made) == list(range(frames))
    assert (made.rate, made.held, made.surplus) == (NTSC, (), 0)
    assert len(made.seams) == len(sent.parts) - 1
    assert bool(extra) == any("trimmed" in note for note in made.notes)
    for seam in made.seams:
        earlier, later = (sent.parts[index].plate for index in seam.parts)
        assert later.start <= seam.frame <= earlier.end


@given(frames=st.integers(1, 300), rate=st.sampled_from([FILM, Fraction(25), NTSC, Fraction(50)]))
def test_record_class_shows_what_an_nle_would_and_keeps_the_rest(frames: int, rate: Fraction) -> None:
    limits = Limits(grid=FrameGrid(step=4, offset=1, maximum=81), rates=(Fraction(16),))
    sent = plan(OperationClass.RECORD, frames, rate, limits)
    back = as_sent(sent)
    made = plan_conform(sent, back)
    run = [(part, frame) for part, info in enumerate(back) for frame in range(1 if part else 0, info.frames)]
    step = Fraction(16) / rate
    assert [(one.part, one.frame) for one in made.frames] == [
        run[floor(index * step)] for index in range(len(made.frames))
    ]
    assert len(made.frames) == frames + made.surplus and made.surplus >= 0
    assert floor(len(made.frames) * step) >= len(run)  # nothing that came is left out
    assert made.held == ()


def test_record_class_restamps_within_five_percent() -> None:
    sent = plan(OperationClass.RECORD, 100, Fraction(25), Limits(grid=FrameGrid(step=8, offset=1)))
    made = plan_conform(sent, [came(105, FILM)])
    assert [source.frame for source in made.frames] == list(range(105))
    assert made.surplus == 5


def test_chained_parts_drop_one_frame_a_seam() -> None:
    sent = plan(OperationClass.RECORD, 15, FILM, Limits(grid=FrameGrid(maximum=7)))
    assert [part.frames for part in sent.parts] == [6, 6, 5]
    made = plan_conform(sent, as_sent(sent))
    assert len(made.frames) == 6 + 6 + 5 - 2
    assert [(seam.frame, seam.parts) for seam in made.seams] == [(6, (0, 1)), (11, (1, 2))]
    assert (made.frames[6].part, made.frames[6].frame) == (1, 1)


def test_record_class_too_few_holds_the_last_and_marks_it() -> None:
    sent = plan(OperationClass.RECORD, 20, FILM, Limits())
    made = plan_conform(sent, [came(17)])
    assert made.held == (17, 18, 19)
    assert [source.frame for source in made.frames[-4:]] == [16, 16, 16, 16]
    assert "3 frames too few" in made.notes[-1]
    with pytest.raises(MediaError, match="only 9 of 20"):
        plan_conform(sent, [came(9)])


def test_a_still_is_held() -> None:
    sent = plan(OperationClass.STILL, 50, FILM, Limits())
    made = plan_conform(sent, [came(1)])
    assert len(made.frames) == 50 and {source.frame for source in made.frames} == {0}


def test_fewer_than_sent_but_all_that_is_needed() -> None:
    sent = plan(OperationClass.SOURCE, 20, FILM, Limits(grid=FrameGrid(step=8, offset=1)), pad_after=2)
    assert sent.parts[0].frames == 25
    made = plan_conform(sent, [came(20)])
    assert shown(sent, made) == list(range(20)) and not made.held


@pytest.mark.parametrize(
    ("lag", "frames", "held"),
    [
        (0, [*range(17), 16, 16, 16], (17, 18, 19)),  # the tail is missing
        (-3, [0, 0, 0, *range(17)], (0, 1, 2)),  # the head is missing
        (-1, [0, *range(17), 16, 16], (0, 18, 19)),
    ],
)
def test_fewer_frames_are_placed_by_the_measured_lag(
    lag: int, frames: Sequence[int], held: tuple[int, ...]
) -> None:
    sent = plan(OperationClass.SOURCE, 20, FILM, Limits())
    made = plan_conform(sent, [came(17)], lag=lag)
    assert [source.frame for source in made.frames] == list(frames)
    assert made.held == held
    assert any("3 missing frames" in note for note in made.notes)


def test_more_frames_with_a_measured_lag() -> None:
    sent = plan(OperationClass.SOURCE, 20, FILM, Limits())
    made = plan_conform(sent, [came(24)], lag=4)
    assert [source.frame for source in made.frames] == list(range(4, 24))
    assert any("measured lag of 4" in note for note in made.notes)


def test_missing_frames_that_cannot_be_placed_are_refused() -> None:
    sent = plan(OperationClass.SOURCE, 20, FILM, Limits())
    with pytest.raises(MediaError, match="could not be measured"):
        plan_conform(sent, [came(17)])
    with pytest.raises(MediaError, match="only 9 of 20"):
        plan_conform(sent, [came(9)], lag=0)
    with pytest.raises(MediaError, match="2 files returned for 1 parts"):
        plan_conform(sent, [came(20), came(20)])
    with pytest.raises(MediaError, match="no pictures"):
        plan_conform(sent, [came(0)])


def test_parts_that_disagree_are_refused() -> None:
    sent = plan(OperationClass.RECORD, 15, FILM, Limits(grid=FrameGrid(maximum=7)))
    with pytest.raises(MediaError, match="different rates"):
        plan_conform(sent, [came(6), came(6, Fraction(30)), came(5)])
    with pytest.raises(MediaError, match="different sizes"):
        plan_conform(sent, [came(6), came(6, width=640, height=360), came(5)])


def scope_in_wide() -> Submission:
    return plan_submission(
        op_class=OperationClass.SOURCE,
        frames=9,
        rate=FILM,
        raster=SCOPE,
        limits=Limits(rasters=(WIDE,)),
    )


@pytest.mark.parametrize(
    ("back", "box"),
    [
        (came(9), (0, 92, 1280, 536)),
        (came(9, width=2560, height=1440), (0, 184, 2560, 1072)),
        (came(9, width=640, height=360), (0, 46, 640, 268)),
        (came(9, width=848, height=480), (0, 61, 848, 358)),
        # The same picture in oblong pixels.
        (came(9, width=960, height=720, pixel_aspect=Fraction(4, 3)), (0, 92, 960, 536)),
    ],
)
def test_the_box_is_found_in_the_returned_raster(back: MediaInfo, box: tuple[int, int, int, int]) -> None:
    made = plan_conform(scope_in_wide(), [back])
    assert made.box == Box(x=box[0], y=box[1], width=box[2], height=box[3])
    assert made.raster == SCOPE


def test_another_aspect_or_a_rotation_is_refused() -> None:
    with pytest.raises(MediaError, match="another aspect"):
        plan_conform(scope_in_wide(), [came(9, width=1280, height=704)])
    with pytest.raises(MediaError, match="rotation"):
        plan_conform(scope_in_wide(), [came(9, rotation=90)])


@given(st.integers(100, 4000), st.integers(100, 4000), st.integers(1, 4))
def test_a_larger_answer_scales_the_box_with_it(width: int, height: int, times: int) -> None:
    sent = plan_submission(
        op_class=OperationClass.SOURCE,
        frames=1,
        rate=FILM,
        raster=Raster(width=width, height=height),
        limits=Limits(rasters=(WIDE,)),
    )
    made = plan_conform(sent, [came(1, width=1280 * times, height=720 * times)])
    assert (made.box.x, made.box.width) == (sent.box.x * times, sent.box.width * times)
    assert (made.box.y, made.box.height) == (sent.box.y * times, sent.box.height * times)
