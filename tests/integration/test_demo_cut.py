"""The demo's cut is real: decodable media with timecode, every kind of event, and marks that are marks."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import opentimelineio as otio
import pytest
from PIL import Image

from otio_bridge.model.marks import parse_mark
from otio_bridge.model.request import Ask
from otio_bridge.model.time import timecode
from otio_bridge.testing.demo_cut import START, make_demo_cut
from otio_bridge.testing.demo_footage import FOOTAGE

MOVIES = [footage for footage in FOOTAGE.values() if footage.codec in ("h264", "prores")]


@pytest.fixture(scope="module")
def edit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    began = time.monotonic()
    edit = make_demo_cut(tmp_path_factory.mktemp("demo"))
    print(f"the demo cut took {time.monotonic() - began:.1f} s")
    return edit


@pytest.fixture(scope="module")
def timeline(edit: Path) -> otio.schema.Timeline:
    return otio.adapters.read_from_file(
        str(edit), media_linker_name=otio.media_linker.MediaLinkingPolicy.DoNotLinkMedia
    )


@pytest.mark.parametrize("footage", MOVIES, ids=lambda footage: footage.scene)
def test_a_movie_holds_its_frames_timecode_and_reel(edit: Path, footage) -> None:
    with av.open(str(edit.parent / "footage" / footage.file)) as container:
        picture = container.streams.video[0]
        kinds = [int(frame.pict_type) for frame in container.decode(picture)]
        stamp = next(stream for stream in container.streams if stream.type == "data").metadata
        assert len(kinds) == footage.frames
        assert picture.average_rate == footage.rate
        assert (picture.width, picture.height) == (640, 360)
        assert stamp["timecode"] == timecode(footage.start, footage.rate)
        assert stamp["reel_name"] == footage.reel
        assert bool(container.streams.audio) == footage.sound
    b_frame = int(av.video.frame.PictureType.B)
    assert (b_frame in kinds) == (footage.codec == "h264")


def test_the_sequence_and_the_still_are_pictures(edit: Path) -> None:
    wood = FOOTAGE["wood"]
    files = sorted((edit.parent / "footage" / wood.file).parent.iterdir())
    assert [int(file.name.split(".")[1]) for file in files] == list(range(1001, 1001 + wood.frames))
    for file in (files[0], files[-1], edit.parent / "footage" / FOOTAGE["lake"].file):
        with Image.open(file) as image:
            assert image.size == (640, 360)
            assert image.getextrema() != ((0, 0),) * 3


def test_every_kind_of_event_is_there(timeline: otio.schema.Timeline) -> None:
    below, above, sound = timeline.tracks
    assert [track.name for track in timeline.tracks] == ["Video 1", "Video 2", "Audio 1"]
    assert timeline.global_start_time.to_frames() == START
    assert sound.kind == otio.schema.TrackKind.Audio
    assert sum(isinstance(child, otio.schema.Gap) for child in below) == 1
    assert sum(isinstance(child, otio.schema.Transition) for child in below) == 1
    clips = list(below.find_clips())
    assert [effect.time_scalar for clip in clips for effect in clip.effects] == [2.0]
    assert sum(isinstance(clip.media_reference, otio.schema.ImageSequenceReference) for clip in clips) == 1
    rates = {clip.media_reference.available_range.start_time.rate for clip in clips}
    assert rates == {24.0, float(Fraction(24000, 1001))}
    assert [clip.enabled for clip in above.find_clips()] == [False, True]
    lost = [clip for clip in clips if "target_url" in dir(clip.media_reference) and not _exists(clip)]
    assert [clip.name for clip in lost] == ["A009C002_key.mov"]


def _exists(clip: otio.schema.Clip) -> bool:
    return Path(clip.media_reference.target_url).exists()


def test_source_times_are_timecode_and_lie_in_the_media(timeline: otio.schema.Timeline) -> None:
    for clip in timeline.find_clips():
        if isinstance(clip.media_reference, otio.schema.ExternalReference) and clip.name.endswith("png"):
            continue  # the still is held
        scalar = Fraction(clip.effects[0].time_scalar) if clip.effects else Fraction(1)
        available, shown = clip.media_reference.available_range, clip.source_range
        rate = Fraction(available.duration.rate).limit_denominator(1001)
        first = Fraction(available.start_time.value) / rate
        end = first + Fraction(available.duration.value) / rate
        start = Fraction(shown.start_time.value) / 24
        assert first <= start
        assert start + Fraction(shown.duration.value) / 24 * scalar <= end


def test_the_two_uses_of_the_walker_overlap_and_ask_the_same(timeline: otio.schema.Timeline) -> None:
    first, second = [clip for clip in timeline.tracks[0].find_clips() if "walker" in clip.name]
    assert first.markers[0].name == second.markers[0].name
    assert first.source_range.start_time < second.source_range.start_time
    assert second.source_range.start_time < first.source_range.end_time_exclusive()


def test_every_mark_is_a_mark_and_the_gap_has_one_over_it(timeline: otio.schema.Timeline) -> None:
    marks = [marker.name for clip in timeline.find_clips() for marker in clip.markers]
    (over,) = timeline.tracks.markers
    marks.append(over.name)
    assert len(marks) == 9
    assert all(isinstance(parse_mark(mark), Ask) for mark in marks)
    assert len(set(marks)) == 8, "eight shots, one of them shown twice"
    place = timeline.tracks[0].child_at_time(over.marked_range.start_time)
    assert isinstance(place, otio.schema.Gap)
