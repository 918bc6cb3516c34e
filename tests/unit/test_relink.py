"""Takes in an edit: side by side for review, alone for an application, above where they cannot stand in."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from otio_bridge.errors import RefusedInput
from otio_bridge.model.diff import ChangeWord
from otio_bridge.model.frames import Span
from otio_bridge.model.relink import Original, plain, unsigned
from otio_bridge.model.request import Placement
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.relink import relink
from otio_bridge.timeline.undo import undo
from otio_bridge.timeline.walk import walk
from otio_bridge.timeline.write import relative_notes, write_edit
from tests.unit.linkable import (
    S,
    above_link,
    again,
    as_json,
    clip,
    cut,
    first,
    link,
    plain_link,
    saved,
    small_cut,
    span_of,
    take,
    time,
)


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    return small_cut(tmp_path)


def test_for_review_every_take_lies_beside_the_original(edit: Edit) -> None:
    before = first(edit).source_range
    made = plain_link(
        "0:0", take("v001", 86492, 64), take("v002", 86490, 70, state="approved"), active="v002"
    )
    report = relink(edit, [made])
    one = first(again(edit, report))
    assert set(one.media_references()) == {"DEFAULT_MEDIA", "otio_bridge/v001", "otio_bridge/v002"}
    assert one.active_media_reference_key == "otio_bridge/v002"
    assert one.media_reference.target_url == "file:///t/SC_0010_v002.mov"
    assert one.media_reference.available_range == span_of(86490, 70)
    assert one.media_reference.metadata["otio_bridge"]["state"] == "approved"
    assert one.source_range == before
    assert one.metadata["otio_bridge"]["shot_id"] == "id-10"
    assert one.media_references()["DEFAULT_MEDIA"].target_url == "/m/A.mov"
    assert [(e.active, e.takes, e.why) for e in report.entries] == [("v002", ("v001", "v002"), "")]


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("resolve", "/t/SC_0010_v001.mov"),
        ("kdenlive", "/t/SC_0010_v001.mov"),
        ("premiere", "file:///t/SC_0010_v001.mov"),
        ("nuke", "/t/SC_0010_v001.mov"),
    ],
)
def test_for_an_application_the_take_alone_is_the_media(edit: Edit, target: str, url: str) -> None:
    report = relink(edit, [plain_link()], target=target)
    one = first(again(edit, report, target))
    assert set(one.media_references()) == {"DEFAULT_MEDIA"}
    assert one.media_reference.target_url == url
    assert one.media_reference.available_range == span_of(86492, 64)
    assert report.sidecar is not None
    kept = report.sidecar.entries[0].original.references["DEFAULT_MEDIA"]
    assert kept["target_url"] == "/m/A.mov"
    written = json.loads(edit.path.with_name("out.otio").read_text())
    schema = written["tracks"]["children"][0]["children"][0]["OTIO_SCHEMA"]
    assert schema == ("Clip.1" if target == "nuke" else "Clip.2")


def test_a_take_that_does_not_cover_is_an_alternate_and_the_clip_is_marked(edit: Edit) -> None:
    before = as_json(edit)
    report = relink(edit, [plain_link("0:0", take("v001", 86510, 20))])
    one = first(again(edit, report))
    assert one.active_media_reference_key == "DEFAULT_MEDIA"
    assert "otio_bridge/v001" in one.media_references()
    assert [(m.name, m.comment.splitlines()[-1]) for m in one.markers] == [
        ("OTIO Bridge: EXTENDED", "otio-bridge:tok-10")
    ]
    entry = report.entries[0]
    assert entry.words == (ChangeWord.EXTENDED,) and entry.active is None and "86500-86547" in entry.why
    alone = relink(edit, [plain_link("0:0", take("v001", 86510, 20))], target="resolve").entries[0]
    assert not alone.linked and alone.words == (ChangeWord.EXTENDED,)
    undo(edit)
    assert as_json(edit) == before


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"active": None}, "no take is chosen"),
        ({"active": "v007"}, "v007 is not among"),
        ({"placement": Placement.REFERENCE}, "never shown by itself"),
    ],
)
def test_nothing_is_shown_without_being_chosen(edit: Edit, more: dict[str, Any], why: str) -> None:
    report = relink(edit, [plain_link(**more)])
    assert first(edit).active_media_reference_key == "DEFAULT_MEDIA"
    assert why in report.entries[0].why


def test_temp_takes_are_shown_only_when_told(edit: Edit) -> None:
    animatic = take("v001", 86492, 64, temp=True)
    assert "temp" in relink(edit, [plain_link("0:0", animatic)]).entries[0].why
    assert first(edit).active_media_reference_key == "DEFAULT_MEDIA"
    relink(edit, [plain_link("0:0", animatic, allow_temp=True)])
    assert first(edit).active_media_reference_key == "otio_bridge/v001"


def test_a_gap_becomes_a_clip_of_equal_length_and_a_gap_of_the_clips_length_again(edit: Edit) -> None:
    hole = first(edit, 0, 2)
    hole.markers.append(S.Marker(name="@generate dawn", marked_range=span_of(3, 1)))
    before = as_json(edit)
    made = link("0:2", Span(start=0, n=30), take("v001", 0, 40), record_class=True)
    relink(edit, [made])
    one = first(edit, 0, 2)
    assert isinstance(one, S.Clip) and one.source_range == span_of(0, 30) and one.name == "SC_0010"
    assert isinstance(one.media_references()["DEFAULT_MEDIA"], S.MissingReference)
    assert [m.name for m in one.markers] == ["@generate dawn"]
    one.source_range = span_of(4, 20)
    undo(edit)
    assert isinstance(first(edit, 0, 2), S.Gap) and first(edit, 0, 2).duration() == time(20)
    first(edit, 0, 2).source_range = span_of(0, 30)
    assert as_json(edit) == before


def test_a_gap_without_a_take_to_show_stays_a_gap(edit: Edit) -> None:
    before = as_json(edit)
    made = link("0:2", Span(start=0, n=30), take("v001", 0, 40, temp=True), record_class=True)
    assert not relink(edit, [made]).entries[0].linked
    assert as_json(edit) == before


def test_a_retimed_clips_new_take_goes_above_at_its_place_and_speed(edit: Edit) -> None:
    below = first(edit, 0, 3).to_json_string()
    relink(edit, [above_link("0:3", 86450, 40, Fraction(1, 2))])
    names = [track.name for track in edit.timeline.tracks]
    assert names == ["Video 1", "OTIO Bridge", "Video 2", "Audio 1"]
    track = edit.timeline.tracks[1]
    assert track.range_of_child_at_index(1) == span_of(48 + 24 + 30, 40)
    one = track[1]
    assert one.source_range == span_of(172900, 40)  # 86450 / 0.5: record-space coordinates
    assert one.media_reference.available_range == span_of(172892, 56)
    assert not one.effects
    assert first(edit, 0, 3).to_json_string() == below


def test_above_keeps_what_the_editor_laid_there_and_is_laid_anew_each_time(edit: Edit) -> None:
    made = above_link("0:3", 86450, 40, Fraction(1, 2))
    relink(edit, [made])
    relink(edit, [made])
    assert [track.name for track in edit.timeline.tracks].count("OTIO Bridge") == 1
    assert len(edit.timeline.tracks[1]) == 2
    title = clip("title", n=10)
    edit.timeline.tracks[1][0].source_range = span_of(0, 92)
    edit.timeline.tracks[1].insert(0, title)
    undo(edit)
    track = edit.timeline.tracks[1]
    assert [child.name for child in track] == ["title"] and "otio_bridge" not in track.metadata
    track[0].source_range = span_of(0, 200)
    refused = relink(edit, [made]).entries[0]
    assert not refused.linked and "title" in refused.why


def test_a_clip_without_source_range_is_given_the_one_it_showed(tmp_path: Path) -> None:
    whole = clip("A")
    whole.source_range = None
    edit = saved(cut(whole), tmp_path)
    before = as_json(edit)
    relink(edit, [link("0:0", Span(start=86400, n=240), take("v001", 86390, 260))])
    assert first(edit).trimmed_range() == span_of(86400, 240)
    undo(edit)
    assert as_json(edit) == before


def test_clips_in_nests_are_linked_where_they_are(tmp_path: Path) -> None:
    nest = S.Stack(name="nest", source_range=span_of(5, 40))
    inner = S.Track(name="inner", kind="Video")
    inner.append(clip("inside"))
    nest.append(inner)
    edit = saved(cut(clip("A"), nest), tmp_path)
    before = as_json(edit)
    relink(edit, [plain_link("0:1/0:0"), above_link("0:0", 86500, 48, Fraction(2))])
    assert edit.timeline.tracks[0][1][0][0].active_media_reference_key == "otio_bridge/v001"
    undo(edit)
    assert as_json(edit) == before


def test_above_a_clip_that_a_nest_shows_in_part_lies_what_shows(tmp_path: Path) -> None:
    nest = S.Stack(name="nest", source_range=span_of(5, 40))
    inner = S.Track(name="inner", kind="Video")
    inner.append(clip("inside"))
    nest.append(inner)
    edit = saved(cut(nest), tmp_path)
    shown = next(item for item in walk(edit) if not item.gap)
    assert (shown.trim_head, shown.duration) == (5, 40)
    relink(edit, [above_link("0:0/0:0", 86505, 40, Fraction(1))])
    above = edit.timeline.tracks[0][0][1]
    assert [child.source_range for child in above] == [span_of(0, 5), span_of(86505, 40)]


def test_rates_are_written_as_the_edit_writes_them(tmp_path: Path) -> None:
    """Hiero's float32 23.976: seconds of source_range and of the take's range must be counted alike."""
    odd = 23.976024627685547
    one = clip("A")
    one.media_reference.available_range = span_of(86400, 240, odd)
    one.source_range = span_of(86500, 48, odd)
    edit = saved(cut(one), tmp_path)
    made = take("v001", 86492, 64).model_copy(update={"rate": Fraction(24000, 1001)})
    relink(edit, [plain_link("0:0", made)])
    assert first(edit).media_reference.available_range.start_time.strictly_equal(time(86492, odd))


def test_sequences_are_linked_by_number(edit: Edit) -> None:
    frames = take("v001", 86492, 64, path="/t/v1/SC.%04d.png", first_number=1001)
    relink(edit, [plain_link("0:0", frames)], target="resolve")
    media = first(edit).media_reference
    assert isinstance(media, S.ImageSequenceReference)
    assert media.target_url_for_image_number(0) == "/t/v1/SC.1001.png"
    assert media.available_range == span_of(86492, 64)
    assert media.number_of_images_in_sequence() == 64


def test_a_clip_that_shows_a_take_alone_needs_its_original_for_the_next(edit: Edit) -> None:
    relink(edit, [plain_link()], target="resolve")
    newer = plain_link("0:0", take("v001", 86492, 64), take("v002", 86492, 64), active="v002")
    assert "undo" in relink(edit, [newer]).entries[0].why
    known = Original(
        references={"DEFAULT_MEDIA": {"OTIO_SCHEMA": "ExternalReference.1", "target_url": "/m/A.mov"}}
    )
    report = relink(edit, [newer], originals={"id-10": known})
    assert report.entries[0].active == "v002"
    assert first(edit).media_references()["DEFAULT_MEDIA"].target_url == "/m/A.mov"


def test_two_links_for_one_clip_and_links_to_nothing(edit: Edit) -> None:
    before = as_json(edit)
    with pytest.raises(RefusedInput, match="two shots"):
        relink(edit, [plain_link(), plain_link()])
    report = relink(edit, [plain_link("0:99"), plain_link("7:0")])
    assert [entry.linked for entry in report.entries] == [False, False]
    assert as_json(edit) == before


def test_the_edit_is_never_written_over_and_other_formats_are_told(edit: Edit, tmp_path: Path) -> None:
    raw = edit.path.read_bytes()
    with pytest.raises(RefusedInput, match="never overwritten"):
        write_edit(edit, edit.path)
    with pytest.raises(RefusedInput, match=r"-o cut\.otio"):
        write_edit(edit, tmp_path / "cut.xml")
    with pytest.raises(RefusedInput, match="cannot be written"):
        write_edit(edit, tmp_path / "no" / "such" / "cut.otio")
    assert edit.path.read_bytes() == raw
    assert [path.name for path in tmp_path.iterdir()] == [edit.path.name]


def test_relative_media_are_told_when_the_edit_is_written_elsewhere(tmp_path: Path) -> None:
    edit = saved(cut(clip("A", url="media/A.mov"), clip("B")), tmp_path)
    assert relative_notes(edit, tmp_path / "out.otio") == ()
    assert relative_notes(edit, tmp_path / "x" / "out.otio")[0].startswith("1 clips")


def test_secrets_do_not_travel() -> None:
    url = "https://me:pw@cdn.example.com/a.mov?X-Amz-Signature=abc#t"
    assert plain({"from": [f"got {url} today"], "n": 2**70, 3: {Fraction(1, 2)}}) == {
        "from": ["got https://cdn.example.com/a.mov today"],
        "n": str(2**70),
        "3": ["1/2"],
    }
    assert unsigned({"target_url": url})["target_url"] == "https://cdn.example.com/a.mov"
    assert unsigned("https://cdn.example.com/a.mov?take=3") == "https://cdn.example.com/a.mov?take=3"
    assert unsigned("/m/what?token=1.mov") == "/m/what?token=1.mov"


def test_resolve_is_told_apart_from_edits_it_would_refuse(tmp_path: Path) -> None:
    timeline = cut(clip("A", url="file:///m/A.mov"))
    edit = saved(timeline, tmp_path)
    assert "file://" in relink(edit, [], target="resolve").notes[0]
    fine = saved(cut(clip("A")), tmp_path, "fine.otio")
    assert relink(fine, [plain_link()], target="resolve").notes == ()
