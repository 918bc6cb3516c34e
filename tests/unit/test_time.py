"""Rates, ranges and timecode, against slow and independent ways of saying the same."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.model.time import (
    FrameRange,
    can_drop,
    nominal,
    parse_timecode,
    rate_text,
    snap_frame,
    snap_rate,
    timecode,
    typed_frames,
)

RATES = [Fraction(n) for n in (24, 25, 30, 48, 50, 60, 120)] + [
    Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)
]
rates = st.sampled_from(RATES)
ranges = st.builds(FrameRange, start=st.integers(-50, 50), duration=st.integers(0, 60))


def frames_of(of: FrameRange) -> set[int]:
    return set(range(of.start, of.start + of.duration))


# ---------------------------------------------------------------- rates


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_rate_is_understood_in_every_way_files_write_it(rate: Fraction) -> None:
    written = [
        rate,
        str(rate),
        float(rate),
        round(float(rate), 2),
        round(float(rate), 3),
        float(np.float32(rate)),
    ]
    assert {snap_rate(spelling) for spelling in written} == {rate}


@pytest.mark.parametrize("rate", ["0", -24, 1001, float("nan"), float("inf"), None, True, "fast", "24/0"])
def test_what_is_no_rate_is_refused(rate: object) -> None:
    with pytest.raises(ValueError):
        snap_rate(rate)


@given(st.fractions(min_value="1/100", max_value=1000, max_denominator=10**9))
def test_snapping_again_changes_nothing(rate: Fraction) -> None:
    once = snap_rate(rate)
    assert snap_rate(once) == once
    assert abs(once - rate) <= Fraction(5, 1000)


def test_rates_are_said_as_people_say_them() -> None:
    assert [rate_text(rate) for rate in RATES[-5:]] == ["23.976", "29.97", "47.952", "59.94", "119.88"]
    assert rate_text(Fraction(25)) == "25"


@given(st.integers(0, 10**7), st.integers(-40, 40))
def test_a_start_near_a_frame_is_that_frame(frame: int, off: int) -> None:
    written = frame + Fraction(off, 200_000)
    assert snap_frame(written) == (frame if abs(off) <= 20 else written)


# ---------------------------------------------------------------- ranges


@given(ranges, ranges)
def test_ranges_are_sets_of_frames(a: FrameRange, b: FrameRange) -> None:
    assert a.overlap(b) == len(frames_of(a) & frames_of(b))
    assert frames_of(a.clamped(b)) == frames_of(a) & frames_of(b)
    if b.duration:
        assert a.contains(b) == (frames_of(b) <= frames_of(a))
    joined = a.union(b)
    assert frames_of(joined) >= frames_of(a) | frames_of(b)
    assert (joined.start, joined.end) == (min(a.start, b.start), max(a.end, b.end))


@given(ranges.filter(lambda of: of.duration > 0), st.integers(-120, 120))
def test_clamping_a_frame_finds_the_nearest_in_the_range(of: FrameRange, frame: int) -> None:
    assert of.clamp(frame) == min(frames_of(of), key=lambda inside: abs(inside - frame))
    assert of.holds(frame) == (frame in frames_of(of))


def test_a_range_contains_itself() -> None:
    assert FrameRange(start=86400, duration=48).contains(FrameRange(start=86400, duration=48))


# ---------------------------------------------------------------- timecode


def _labels(per_second: int, dropped: int) -> Iterator[str]:
    """Drop-frame labels by the definition: count, and leave out `;00`, `;01` … of minutes not 00, 10, 20 …"""
    minute = 0
    while True:
        for second in range(60):
            for frame in range(per_second):
                if not (minute % 10 and second == 0 and frame < dropped):
                    yield f"{minute // 60:02d}:{minute % 60:02d}:{second:02d};{frame:02d}"
        minute += 1


@pytest.mark.parametrize(("labels", "dropped"), [(30, 2), (60, 4)])
def test_drop_frame_counts_as_the_definition_does(labels: int, dropped: int) -> None:
    rate = Fraction(labels * 1000, 1001)
    for frame, label in zip(range(labels * 60 * 23), _labels(labels, dropped), strict=False):
        assert timecode(frame, rate, drop=True) == label
        assert parse_timecode(label, rate) == (frame, True)


@pytest.mark.parametrize(
    ("frame", "label"),
    [(1800, "00:01:00;02"), (17982, "00:10:00;00"), (107892, "01:00:00;00"), (108000, "01:00:03;18")],
)
def test_known_drop_frame_labels(frame: int, label: str) -> None:
    assert timecode(frame, Fraction(30000, 1001), drop=True) == label


@given(rates, st.booleans(), st.data())
def test_a_timecode_names_its_frame(rate: Fraction, drop: bool, data: st.DataObject) -> None:
    day = nominal(rate) * 86400 - (nominal(rate) // 15 * 54 * 24 if drop and can_drop(rate) else 0)
    frame = data.draw(st.integers(0, day - 1))
    assert parse_timecode(timecode(frame, rate, drop=drop), rate) == (frame, drop and can_drop(rate))
    assert timecode(frame + day, rate, drop=drop) == timecode(frame, rate, drop=drop), "a day later"


def test_a_typed_timecode_is_never_another_frame_in_silence() -> None:
    ntsc = Fraction(30000, 1001)
    assert (
        typed_frames("01:00:00:02", ntsc, drop=True)
        == typed_frames("01:00:00;02", ntsc, drop=True)
        == (107894,)
    )
    assert typed_frames("01:00:00:02", ntsc, drop=False) == (108002,)
    assert typed_frames("01:00:00;02", ntsc, drop=False) == (108002, 107894)
    assert typed_frames("00:00:10;02", ntsc, drop=False) == (302,)
    assert typed_frames(" 01:00:00;02", Fraction(24), drop=False) == (86402,)
    for text in ("01:01:00:00", "01:00:00", "noon"):
        with pytest.raises(ValueError, match="timecode"):
            typed_frames(text, ntsc, drop=True)


@given(rates, st.integers(0, 10**7))
def test_without_drop_a_label_is_plain_division(rate: Fraction, frame: int) -> None:
    per_second = nominal(rate)
    hours, minutes, seconds, frames = (int(part) for part in timecode(frame, rate).split(":"))
    assert ((hours * 60 + minutes) * 60 + seconds) * per_second + frames == frame % (per_second * 86400)


@pytest.mark.parametrize(
    "text",
    ["00:01:00;00", "00:01:00;01", "01:09:00;00", "00:00:00:30", "00:60:00:00", "1:2:3", "", "00:00:00:-1"],
)
def test_labels_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timecode(text, Fraction(30000, 1001))


def test_timecode_is_never_negative() -> None:
    with pytest.raises(ValueError):
        timecode(-1, Fraction(24))
