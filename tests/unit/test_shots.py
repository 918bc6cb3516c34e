"""Shots an edit asks for: chosen, grouped, placed, with needs and handles, and what stands against them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest
from cuts import NTSC, R24, clip, dissolve, edit, gap, marker, track

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Choice, ShotRow, make_choice
from otio_bridge.model.marks import parse_mark
from otio_bridge.model.media import FieldOrder, MediaInfo, MediaKind, MediaRef
from otio_bridge.model.request import OperationClass, Placement
from otio_bridge.model.shot import Severity, ShotSpec
from otio_bridge.model.time import FrameRange
from otio_bridge.settings import ProjectSettings, Settings
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.shots import list_shots, sightings
from otio_bridge.timeline.times import otio_range


def info(path: str, **more: Any) -> MediaInfo:
    values = {
        "kind": MediaKind.MOVIE,
        "width": 320,
        "height": 180,
        "rate": R24,
        "frames": 240,
        "start": 86400,
    }
    return MediaInfo(path=path, **{**values, **more})


def there(ref: MediaRef) -> MediaInfo | None:
    """Every file is there, as the edit says."""
    assert ref.path is not None
    if ref.kind is MediaKind.STILL:
        return info(ref.path, kind=MediaKind.STILL, frames=1, start=None)
    held = ref.available
    return info(
        ref.path, start=held.start if held else 86400, frames=held.duration if held else 240, rate=ref.rate
    )


def shots(
    cut: Edit, *terms: str, operation: str | None = None, look: Any = there, **more: Any
) -> list[ShotSpec]:
    choice = make_choice(terms=terms, operation=operation, prompt="x" if operation else None)
    return list(list_shots(cut, choice=choice, probe=look, settings=Settings(**more)))


def codes(shot: ShotSpec) -> set[str]:
    return {note.code for note in shot.notes}


# ---------------------------------------------------------------- chosen


def test_a_marked_clip_is_a_shot_and_says_why() -> None:
    cut = edit(track(clip("A", marks=["@restyle takes=2 neon"]), clip("B", marks=["nice", "@mail"][:1])))
    (shot,) = shots(cut)
    assert shot.ask.takes == 2 and shot.ask.prompt == "neon"
    assert shot.why == "marker '@restyle takes=2 neon' (GREEN) on clip A"
    assert (shot.op_class, shot.placement, shot.rate) == (OperationClass.SOURCE, Placement.IN_PLACE, 24)
    assert shot.need == FrameRange(start=86410, duration=48)
    assert shot.handles.had == FrameRange.between(86402, 86466) and not shot.refused


def test_marks_in_notes_over_the_timeline_and_several_on_a_clip() -> None:
    resolve = marker("Marker 1", 5)
    resolve.metadata["Resolve_OTIO"] = {"Note": "@upscale size=2x\notio-bridge:abc", "Keywords": []}
    cut = edit(
        track(clip("A"), gap(24)),
        marks=[resolve, marker("x", 5, note="@restyle neon"), marker("@generate dunes", 50)],
    )
    upscale, restyle, generate = sorted(shots(cut), key=lambda shot: shot.ask.operation, reverse=True)
    assert upscale.occurrences[0].token == "abc" and upscale.ask.options == {"size": "2x"}
    assert restyle.why == "marker '@restyle neon' (GREEN) over clip A"
    assert generate.occurrences[0].gap and generate.media is None and generate.media_identity == "none"


def test_all_bad_marks_are_told_at_once() -> None:
    cut = edit(
        track(clip("A", marks=["@paint x"]), clip("B", marks=["@restyle takes=0"])),
        marks=[marker("@still x", 500)],
    )
    with pytest.raises(RefusedInput) as refused:
        shots(cut)
    for words in ("paint", "restyle, upscale", "01:00:02:00"):
        assert words in str(refused.value)


def test_a_mark_over_nothing_is_told_by_its_words_and_the_other_shots_go_on() -> None:
    """Resolve calls every marker "Marker 1" and keeps what was typed as its note."""
    astray = marker("Marker 1", 500, note="@generate a boat")
    cut = edit(track(clip("A", marks=["@restyle x"])), marks=[astray])
    assert [shot.ask.operation for shot in shots(cut)] == ["restyle"]
    shots(cut)
    (note,) = cut.notes
    assert note.severity is Severity.WARN
    assert "'@generate a boat' at 01:00:20:20 is over no picture" in note.text
    alone = edit(track(clip("A")), marks=[astray])
    assert shots(alone, project=ProjectSettings(selection="all")) == []


def test_selections() -> None:
    cut = edit(
        track(
            clip("A1", marks=["@upscale"]), clip("A2"), gap(24), clip("off", enabled=False), name="Video 1"
        ),
        track(gap(96), gap(12), clip("B1", n=12), name="Titles"),
    )
    missing = otio.schema.Clip(name="lost", source_range=otio_range(0, 24, R24))
    cut.timeline.tracks[0].append(missing)

    def chosen(*terms: str) -> list[str]:
        return [shot.occurrences[0].name or "gap" for shot in shots(cut, *terms, operation="generate")]

    assert chosen("all") == ["A1", "A2", "B1", "lost"]
    assert chosen("track:Titles") == chosen("track:v2") == ["B1"]
    assert chosen("name:a?") == ["A1", "A2"]
    assert chosen("missing") == ["lost"]
    assert chosen("marker:green") == ["A1"]
    assert chosen("gaps") == ["gap"]  # black shows for half of it; gaps over pictures are no holes
    first, *_ = shots(cut, "all", operation="generate")
    assert first.ask.operation == "upscale", "a selected clip with a mark keeps its own ask"
    with pytest.raises(RefusedInput, match="--operation"):
        shots(cut, "name:A2")


def test_a_file_that_is_not_there_is_missing() -> None:
    cut = edit(track(clip("A"), clip("B")))

    def look(ref: MediaRef) -> MediaInfo | None:
        return there(ref) if ref.name != "" and ref.path != "/m/A.mov" else None

    (shot,) = shots(cut, "missing", operation="restyle", look=look)
    assert shot.occurrences[0].name == "A" and codes(shot) == {"no-media"} and shot.refused


def test_the_projects_selection_is_for_edits_without_marks() -> None:
    project = ProjectSettings(selection="gaps")
    marked = edit(track(clip("A", marks=["@restyle x"]), gap(24)))
    assert [shot.ask.operation for shot in shots(marked, project=project)] == ["restyle"]
    plain = edit(track(clip("A"), gap(24)))
    (shot,) = shots(plain, project=project, operation="generate")
    assert shot.occurrences[0].gap


def row(mark: str, **places: str) -> ShotRow:
    ask = parse_mark(mark)
    assert ask is not None
    return ShotRow(where=f"shots.csv row {mark[-1]}", ask=ask, **places)


def by_rows(cut: Edit, *rows: ShotRow) -> list[ShotSpec]:
    return list(list_shots(cut, choice=Choice(rows=rows), probe=there, settings=Settings()))


def test_rows_name_clips_by_name_place_and_shot() -> None:
    cut = edit(track(clip("A"), clip("B"), gap(24), name="V1"), track(clip("A", 86500), name="V2"))
    one, two, three, four = by_rows(
        cut,
        row("@restyle 2", clip="b"),
        row("@restyle 3", record="01:00:00:10"),
        row("@restyle 4", clip="A", track="V1"),
        row("@generate 5", record="86500"),
    )
    names = [(shot.why[-1], shot.occurrences[0].track_name) for shot in (one, two, three, four)]
    assert names == [("4", "V1"), ("3", "V2"), ("2", "V1"), ("5", "V1")] and four.occurrences[0].gap
    (named,) = by_rows(cut, row("@restyle name=B 6"))
    assert named.name == "B" and named.occurrences[0].name == "B"


def test_bad_rows_are_told_at_once() -> None:
    cut = edit(track(clip("A"), clip("A", 86500)))
    with pytest.raises(RefusedInput, match=r"row 2 fits nothing.*row 3: not a timecode"):
        by_rows(cut, row("@restyle 2", clip="nope"), row("@restyle 3", record="01:00"))
    with pytest.raises(RefusedInput, match="row 4 fits 2 shots"):
        by_rows(cut, row("@restyle 4", clip="A"))
    assert len(by_rows(cut, row("@restyle 5", clip="A*"))) == 2


def test_a_row_is_a_shot_of_its_own() -> None:
    cut = edit(track(clip("A")))
    assert (
        len(
            by_rows(
                cut,
                row("@restyle neon 1", clip="A"),
                row("@restyle neon 1", clip="A").model_copy(update={"where": "row 9"}),
            )
        )
        == 2
    )


# ---------------------------------------------------------------- needs, rates, places


@pytest.mark.parametrize(
    ("speed", "need", "handles"),
    [
        (None, (86410, 48), (8, 8)),
        (2.0, (86410, 95), (10, 17)),  # the head has 10 frames of media, 17 were wanted
        (0.5, (86410, 24), (5, 5)),
        (-1.0, (86410, 48), (9, 9)),
        (0.0, (86410, 1), (0, 0)),
    ],
)
def test_source_needs_through_retimes(
    speed: float | None, need: tuple[int, int], handles: tuple[int, int]
) -> None:
    (shot,) = shots(edit(track(clip("A", speed=speed, marks=["@restyle x"]))))
    assert (shot.need.start, shot.need.duration) == need
    assert (shot.need.start - shot.plate.start, shot.plate.end - shot.need.end) == handles
    assert ("handles" in codes(shot)) == (speed == 2.0)


@pytest.mark.parametrize(
    ("made", "rate", "placement"),
    [
        (clip("A", marks=["@generate x"]), 24, Placement.IN_PLACE),
        (clip("A", speed=2.0, marks=["@generate x"]), 24, Placement.ABOVE),
        (clip("A", speed=0.0, marks=["@generate x"]), 24, Placement.ABOVE),
        (clip("A", 86410, 48, rate=NTSC, marks=["@generate x"]), 24, Placement.ABOVE),
        (clip("A", speed=2.0, marks=["@restyle x"]), 24, Placement.IN_PLACE),
        (clip("A", marks=["@still x"]), 24, Placement.REFERENCE),
        (clip("A", speed=0.0, marks=["@still x"]), 24, Placement.IN_PLACE),
        (clip("A", 0, 48, url="/m/a.png", media=(0, 1), marks=["@generate x"]), 24, Placement.IN_PLACE),
    ],
)
def test_placements(made: otio.schema.Clip, rate: int, placement: Placement) -> None:
    (shot,) = shots(edit(track(made)))
    assert shot.placement is placement
    if shot.op_class is not OperationClass.SOURCE:
        assert shot.rate == rate and shot.need.duration in (48, 48 * 1001 // 1000)


def test_dissolves_hang_over_and_gaps_begin_at_zero() -> None:
    cut = edit(
        track(clip("A", marks=["@restyle x"]), dissolve(6, 8), clip("B", marks=["@generate x"]), gap(24))
    )
    a, b = shots(cut)
    assert a.need == FrameRange(start=86410, duration=56)
    assert b.need == FrameRange(start=86404, duration=54) and b.plate.start == 86396
    (hole,) = shots(cut, "gaps", operation="generate")
    assert hole.need == FrameRange(start=0, duration=24) and hole.plate == FrameRange(start=0, duration=32)
    assert hole.placement is Placement.IN_PLACE and not hole.notes


def test_a_nests_window_moves_the_source_start_also_backwards() -> None:
    def nested(speed: float) -> ShotSpec:
        inner = otio.schema.Stack(source_range=otio_range(10, 20, R24))
        inner.append(track(clip("A", speed=speed, marks=["@restyle x"])))
        (shot,) = shots(edit(track(inner)))
        return shot

    assert nested(1.0).need == FrameRange(start=86420, duration=20)
    assert nested(2.0).need == FrameRange(start=86430, duration=39)
    # Backwards the record's head shows the highest frames: 18 frames of tail are cut off below.
    assert nested(-1.0).need == FrameRange(start=86428, duration=20)


def test_stills_freezes_and_sequences() -> None:
    still = clip("S", 17, 100, url="/m/still.png", media=(0, 444), marks=["@restyle x"])
    (shot,) = shots(edit(track(still)))
    assert shot.media is not None and shot.media.kind is MediaKind.STILL
    assert shot.need == shot.plate == FrameRange(start=0, duration=1) and not shot.refused
    frames = otio.schema.ImageSequenceReference(
        "/m/seq",
        "a.",
        ".exr",
        start_frame=1001,
        frame_zero_padding=4,
        rate=24,
        available_range=otio_range(86400, 50, R24),
    )
    made = otio.schema.Clip(name="Q", media_reference=frames, source_range=otio_range(86410, 10, R24))
    made.markers.append(marker("@restyle x"))
    (shot,) = shots(edit(track(made)))
    assert shot.media is not None
    assert (shot.media.path, shot.media.first_number) == ("/m/seq/a.%04d.exr", 1001)
    numbered = clip("N", 5, 10, url="/m/a.0101.dpx", media=(0, 50), marks=["@restyle x"])
    (shot,) = shots(edit(track(numbered)))
    assert shot.media is not None and (shot.media.path, shot.media.first_number) == ("/m/a.%04d.dpx", 101)


def test_rates_come_from_the_file_where_the_edit_says_none() -> None:
    cut = edit(track(clip("A", 0, 48, media=None, marks=["@restyle x"])))

    def look(ref: MediaRef) -> MediaInfo:
        return info("/m/A.mov", rate=Fraction(25), frames=100, start=None)

    (shot,) = shots(cut, look=look)
    assert shot.rate == 25 and shot.media is not None
    assert shot.media.available == FrameRange(start=0, duration=100)
    assert shot.need == FrameRange(start=0, duration=49)
    (seen,) = sightings(cut, look)
    assert seen.need == shot.need and seen.media == shot.media


def test_fractional_resolve_starts_are_floored_and_told() -> None:
    made = clip(
        "R", 91046.625, 74, rate=Fraction(25), media=(87399, 200), media_rate=R24, marks=["@restyle x"]
    )
    (shot,) = shots(edit(track(made), rate=Fraction(25)))
    assert shot.rate == 24 and shot.need.start == 91046625 * 24 // 25000 and "source-fraction" in codes(shot)


# ---------------------------------------------------------------- one shot or several


def test_one_shot_where_the_needs_meet() -> None:
    def count(second: int, text: str = "@restyle x", **more: Any) -> int:
        return len(
            shots(edit(track(clip("A", marks=["@restyle x"]), clip("A", second, marks=[text], **more))))
        )

    assert count(86410) == count(86440) == count(86458) == count(86470) == 1
    assert count(86500) == 2
    assert count(86410, "@restyle y") == 2
    assert count(86420, speed=2.0) == 1, "in the media, speeds do not matter"
    (both,) = shots(
        edit(track(clip("A", marks=["@restyle x"]), gap(5), clip("A", 86440, marks=["@restyle x"])))
    )
    assert both.need == FrameRange.between(86410, 86488)
    assert [clip.record.start for clip in both.occurrences] == [86400, 86453]


def test_selected_scenes_of_one_file_stay_scenes() -> None:
    scenes = edit(track(clip("A", 86410, 20), clip("A", 86430, 20), clip("A", 86440, 20)))
    found = shots(scenes, "all", operation="restyle")
    assert [len(shot.occurrences) for shot in found] == [1, 2]


def test_copies_with_our_id_are_one_shot_even_relinked() -> None:
    one, two = clip("A", marks=["@restyle x"]), clip("A", marks=["@restyle x"])
    for made in (one, two):
        made.metadata["otio_bridge"] = {"shot_id": "s1", "shot": "SC_0010"}
    take = otio.schema.ExternalReference("/t/SC_0010_v001.mov", otio_range(86402, 64, R24))
    take.metadata["otio_bridge"] = {"take": "v001"}
    two.set_media_references(
        {"DEFAULT_MEDIA": two.media_reference, "otio_bridge/v001": take}, "otio_bridge/v001"
    )
    (shot,) = shots(edit(track(one, two)))
    assert shot.media is not None and shot.media.path == "/m/A.mov"
    assert [clip.media.path for clip in shot.occurrences if clip.media] == ["/m/A.mov", "/t/SC_0010_v001.mov"]
    assert {clip.shot_id for clip in shot.occurrences} == {"s1"}
    assert shot.occurrences[1].media is not None
    assert shot.occurrences[1].media.available == FrameRange(start=86400, duration=240)


def test_gaps_and_missing_clips_are_a_shot_each() -> None:
    cut = edit(track(clip("A"), gap(24), clip("B"), gap(24), clip("C")))
    assert len(shots(cut, "gaps", operation="generate")) == 2


# ---------------------------------------------------------------- what stands against


def test_what_is_refused_or_told() -> None:
    warped = clip("A", marks=["@restyle x"])
    warped.effects.append(otio.schema.TimeEffect(effect_name="TimeWarp"))
    outside = clip("A", 0, 10, marks=["@restyle x"])
    beyond = clip("A", 86620, 48, marks=["@restyle x"])
    bars = otio.schema.Clip(media_reference=otio.schema.GeneratorReference(generator_kind="SMPTEBars"))
    bars.source_range = otio_range(0, 10, R24)
    bars.markers.append(marker("@restyle x"))
    proxied = clip("A", marks=["@restyle take=3 x"], enabled=False)
    proxied.media_reference.metadata["proxy"] = True
    expected = [
        (warped, {"time-effect"}, True),
        (outside, {"outside-media"}, True),
        (beyond, {"beyond-media", "handles"}, False),
        (bars, {"no-media"}, True),
        (proxied, {"proxy", "mark-option", "disabled"}, False),
        (clip("A", url="https://x/a.mov", marks=["@restyle x"]), {"url", "no-media"}, True),
        (clip("A", 86400, 10, speed=-2.0, marks=["@restyle x"]), {"reverse-start", "handles"}, False),
    ]
    for made, said, refused in expected:
        (shot,) = shots(edit(track(made)))
        assert said <= codes(shot) and bool(shot.refused) == refused, (said, shot.notes)


def test_numbered_files_run_at_the_edits_rate() -> None:
    asked = clip("A", 0, 30, rate=NTSC, media=None, url="/m/a.%04d.png", marks=["@restyle x"])

    def look(ref: MediaRef) -> MediaInfo:
        return info("/m/a.%04d.png", kind=MediaKind.SEQUENCE, rate=R24, first_number=0, start=None)

    (shot,) = shots(edit(track(asked), rate=NTSC), look=look)
    assert shot.rate == NTSC and shot.occurrences[0].span.s == 1
    assert shot.need == FrameRange(start=0, duration=30) and not codes(shot) - {"handles"}


def test_what_the_file_says_against_the_edit() -> None:
    cut = edit(track(clip("A", marks=["@restyle x"])))

    def found(**more: Any) -> ShotSpec:
        (shot,) = shots(cut, look=lambda ref: info("/m/A.mov", **more))
        return shot

    assert not codes(found())
    other = found(start=0)
    assert codes(other) == {"media-timecode"} and other.need.start == 86410
    assert "media-rate" in codes(found(rate=Fraction(25)))
    # Numbered files have no rate; what is probed is only what it was asked with.
    assert not codes(found(kind=MediaKind.SEQUENCE, rate=Fraction(25), first_number=86400, start=None))
    assert "variable-rate" in codes(found(variable=True))
    assert "precision" in codes(found(codec="exr", bits=32))
    assert "interlaced" in codes(found(field_order=FieldOrder.TOP))
    short = found(frames=30)
    assert {"media-short"} <= codes(short) and short.refused
    longer = found(start=86400 - 100, frames=1000)
    assert longer.plate == FrameRange.between(86402, 86466)


def test_media_outside_the_roots_is_refused() -> None:
    cut = edit(track(clip("A", marks=["@restyle x"])), roots=("/somewhere",))
    (shot,) = shots(cut)
    assert (
        "outside-roots" in codes(shot) and shot.refused and shot.media is not None and shot.media.path is None
    )


def test_what_lies_on_top_is_listed() -> None:
    made = clip("A", speed=2.0, marks=["@restyle x"])
    for name, value in (("Transform", 1.5), ("Cropping", 0.0)):
        parameter = {"Default Parameter Value": 0.0 if name == "Cropping" else 1.0, "Parameter Value": value}
        effect = otio.schema.Effect(name="", effect_name="Resolve Effect")
        effect.metadata["Resolve_OTIO"] = {"Effect Name": name, "Enabled": True, "Parameters": [parameter]}
        made.effects.append(effect)
    (shot,) = shots(edit(track(made, dissolve(4, 4), clip("B")), track(gap(10), clip("title", n=5))))
    kinds = [top.kind for top in shot.occurrences[0].on_top]
    assert kinds == ["speed", "reframe", "transition", "composite"]
    assert shot.occurrences[0].time_scalar == 2
