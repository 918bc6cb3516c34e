"""Where things lie: one pass, exact, through nests, windows, dissolves and mixed rates."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest
from cuts import NTSC, R24, clip, dissolve, edit, gap, marker, track
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.errors import RefusedInput
from otio_bridge.timeline.times import otio_range
from otio_bridge.timeline.walk import find, speed_of, survey, walk


def test_clips_gaps_dissolves_and_tracks() -> None:
    cut = edit(
        track(clip("A"), dissolve(6, 8), clip("B"), gap(10), name="V1"),
        track(clip("S"), kind="Audio", name="A1"),
        track(gap(24), clip("C", n=24, enabled=False), name="V2"),
    )
    found = {(item.node.name or "gap", item.track): item for item in walk(cut)}
    a, b, c = found["A", 0], found["B", 0], found["C", 2]
    assert (a.start, a.duration, a.head, a.tail, a.address) == (86400, 48, 0, 8, "0:0")
    assert (b.start, b.duration, b.head, b.tail, b.address) == (86448, 48, 6, 0, "0:2")
    assert (c.start, c.enabled, c.track_name) == (86424, False, "V2")
    assert found["gap", 0].start == 86496 and ("S", 1) not in found
    assert all(find(cut, item.address) is item.node for item in walk(cut))


def test_a_nest_shows_through_its_window() -> None:
    inner = otio.schema.Stack(name="nest", source_range=otio_range(10, 30, R24))
    inner.append(
        track(clip("A", 86410, 20), clip("B", 86400, 20), clip("hidden", 86400, 20), source_range=None)
    )
    cut = edit(track(clip("first"), inner, clip("last")))
    items = {item.node.name: item for item in walk(cut)}
    a, b = items["A"], items["B"]
    assert (a.start, a.duration, a.trim_head, a.trim_tail, a.address) == (86448, 10, 10, 0, "0:1/0:0")
    assert (b.start, b.duration, b.trim_head, b.trim_tail) == (86458, 20, 0, 0)
    assert items["last"].start == 86478 and "hidden" not in items
    assert find(cut, "0:1/0:1") is b.node


def test_nests_without_range_trimmed_tracks_and_bare_clips_in_stacks() -> None:
    inner = otio.schema.Stack(name="nest")
    inner.append(track(clip("A"), source_range=otio_range(8, 20, R24)))
    inner.append(clip("bare", n=12))
    nested_track = track(clip("T", n=6), clip("U", n=6), source_range=otio_range(3, 6, R24))
    cut = edit(track(inner, nested_track, clip("last")))
    items = {item.node.name: item for item in walk(cut)}
    assert (items["A"].duration, items["A"].trim_head, items["A"].trim_tail) == (20, 8, 20)
    assert items["bare"].address == "0:0/1:0" and find(cut, "0:0/1:0") is items["bare"].node
    assert (items["T"].duration, items["U"].duration, items["last"].start) == (3, 3, 86426)
    assert items["U"].address == "0:1/0:1" and find(cut, "0:1/0:1") is items["U"].node


def test_retimed_nests_and_clips_without_length_are_told() -> None:
    inner = otio.schema.Stack(name="nest", source_range=otio_range(0, 10, R24))
    inner.append(track(clip("A")))
    inner.effects.append(otio.schema.LinearTimeWarp(time_scalar=2))
    endless = otio.schema.Clip(name="endless")
    items = {item.node.name: item for item in walk(edit(track(inner, endless, clip("B"))))}
    assert items["A"].warped == "nest" and items["B"].lost == "endless" and items["B"].warped is None


def test_disabled_around_is_disabled_within() -> None:
    inner = otio.schema.Stack(name="nest")
    inner.enabled = False
    inner.append(track(clip("A")))
    off = track(clip("B"))
    off.enabled = False
    assert not any(item.enabled for item in walk(edit(track(inner), off)))


def test_the_other_convention_counts_media_frames() -> None:
    tracks = track(clip("A", n=48, speed=2.0), clip("B", n=48, speed=-0.5)), None
    assert [item.duration for item in walk(edit(tracks[0]))] == [48, 48]
    again = track(clip("A", n=48, speed=2.0), clip("B", n=48, speed=-0.5))
    assert [item.duration for item in walk(edit(again, convention="source"))] == [24, 96]


def test_rates_are_exact_even_mixed() -> None:
    cut = edit(track(clip("A", n=1001, rate=NTSC), clip("B", n=24), clip("C", n=10, rate=Fraction(25))))
    a, b, c = walk(cut)
    assert a.duration == Fraction(1001 * 1001, 1000) and b.start == 86400 + a.duration
    assert c.duration == Fraction(48, 5)
    floats = clip("F", rate=R24)
    floats.source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(0, 23.976024627685547), otio.opentime.RationalTime(48, 23.976024627685547)
    )
    assert walk(edit(track(floats), rate=NTSC))[0].duration == 48


def test_markers_mean_the_topmost_enabled_picture_else_the_lowest_gap() -> None:
    cut = edit(
        track(clip("low", n=24), gap(24), name="V1"),
        track(clip("off", n=24, enabled=False), gap(24), name="V2"),
        track(gap(12), clip("top", n=12), name="V3"),
        marks=[marker("m0", 0), marker("m12", 12), marker("m30", 30), marker("m99", 99)],
    )
    cut.timeline.tracks[0].markers.append(marker("on V1", 13))
    found = survey(cut)
    over = {mark.name: item for item in found.items for mark in item.over}
    assert over["m0"].node.name == "low" and over["m12"].node.name == "top"
    assert over["m30"].gap and over["m30"].track == 0
    assert over["on V1"].node.name == "low"
    assert [mark.name for mark, _ in found.orphans] == ["m99"]


@pytest.mark.parametrize("address", ["9:0", "0:9", "x", "", "0:1/0:0", "0"])
def test_a_place_that_is_not_there_is_refused(address: str) -> None:
    with pytest.raises(RefusedInput):
        find(edit(track(clip("A"), dissolve(1, 1), clip("B"))), address)


def test_speeds_are_the_fractions_meant() -> None:
    assert speed_of(clip(speed=1.9833333333333334)) == Fraction(119, 60)
    assert speed_of(clip(speed=0.1)) == Fraction(1, 10)
    assert speed_of(clip()) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from([24.0, 25.0, 29.97, 23.976024627685547])), max_size=12
    )
)
def test_clips_follow_each_other_without_holes(parts: list[tuple[int, float]]) -> None:
    lane = track()
    for n, rate in parts:
        span = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, rate), otio.opentime.RationalTime(n, rate)
        )
        lane.append(otio.schema.Clip(source_range=span))
    at = Fraction(86400)
    for item in walk(edit(lane)):
        assert item.start == at
        at = item.end
