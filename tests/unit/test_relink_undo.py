"""Every relink can be undone: from the file, a sidecar or the ledger, whatever the editor did since."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otio_bridge.errors import RefusedInput
from otio_bridge.model.frames import Span
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.relink import Original, Sidecar
from otio_bridge.model.time import FrameRange
from otio_bridge.timeline import ours
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.relink import relink
from otio_bridge.timeline.target import TARGETS
from otio_bridge.timeline.undo import undo
from tests.unit.linkable import (
    S,
    above_link,
    again,
    as_json,
    clip,
    cut,
    first,
    gap,
    link,
    plain_link,
    saved,
    small_cut,
    span_of,
    take,
)


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    return small_cut(tmp_path)


@pytest.mark.parametrize("target", ["review", "resolve", "premiere", "nuke"])
def test_undo_gives_the_edit_back_and_touches_nothing_else(edit: Edit, target: str) -> None:
    before = as_json(edit)
    links = [
        plain_link(),
        link("0:2", Span(start=0, n=30), take("v001", 0, 40), record_class=True),
        above_link("0:3", 86450, 40, Fraction(1, 2)),
    ]
    report = relink(edit, links, target=target)
    assert [entry.linked for entry in report.entries] == [True] * 3
    untouched = as_json(edit)["tracks"]["children"][0]["children"][1]
    assert untouched == before["tracks"]["children"][0]["children"][1]
    later = again(edit, report, target)
    assert as_json(later) != before
    sidecar = Sidecar.model_validate_json(report.sidecar.model_dump_json()) if report.sidecar else None
    undone = undo(later, sidecar)
    assert all(entry.linked for entry in undone.entries)
    assert as_json(later) == before


def test_a_sidecar_keeps_what_json_cannot_say(tmp_path: Path) -> None:
    one = clip("A")
    media = one.media_reference.clone()
    media.metadata["odd"] = {"gain": float("-inf"), "list": [float("nan"), 1.5]}
    one.media_reference = media
    edit = saved(cut(one), tmp_path)
    report = relink(edit, [plain_link()], target="resolve")
    assert report.sidecar is not None
    undo(edit, Sidecar.model_validate_json(report.sidecar.model_dump_json()))
    odd = first(edit).media_reference.metadata["odd"]
    assert odd["gain"] == float("-inf") and odd["list"][0] != odd["list"][0]


def test_undo_for_review_needs_nothing_but_the_file(edit: Edit) -> None:
    before = as_json(edit)
    relink(edit, [plain_link()])
    undo(edit)
    assert as_json(edit) == before


def test_undo_refuses_where_nothing_knows_the_original_and_changes_nothing(edit: Edit) -> None:
    relink(edit, [plain_link()], target="resolve")
    linked = as_json(edit)
    with pytest.raises(RefusedInput, match="sidecar"):
        undo(edit)
    assert as_json(edit) == linked
    original = Original(
        references={"DEFAULT_MEDIA": {"OTIO_SCHEMA": "ExternalReference.1", "target_url": "/m/A.mov"}}
    )
    assert undo(edit, originals={"id-10": original}).linked
    assert first(edit).media_reference.target_url == "/m/A.mov"


def test_undo_finds_the_event_after_the_editor_changed_the_cut_and_an_application_dropped_our_notes(
    edit: Edit,
) -> None:
    report = relink(edit, [plain_link()], target="resolve")
    one = first(edit)
    del one.metadata["otio_bridge"]
    media = one.media_reference.clone()
    del media.metadata["otio_bridge"]
    one.media_reference = media
    one.source_range = span_of(86510, 20)
    tail = one.clone()
    tail.source_range = span_of(86530, 10)
    edit.timeline.tracks[0].insert(0, gap(12))
    edit.timeline.tracks[0].append(tail)
    undone = undo(edit, report.sidecar)
    assert [entry.address for entry in undone.entries] == ["0:1", "0:5"]
    for place, (start, n) in ((1, (86510, 20)), (5, (86530, 10))):
        assert first(edit, 0, place).media_reference.target_url == "/m/A.mov"
        assert first(edit, 0, place).source_range == span_of(start, n)


def test_one_take_may_lie_above_here_and_in_place_there(edit: Edit) -> None:
    """Also where an application dropped our notes: only the clip above is taken away."""
    lower = link("0:1", Span(start=86410, n=24), take("v001", 86400, 90))
    report = relink(edit, [above_link("0:0", 86500, 48, Fraction(1)), lower], target="resolve")
    for track in edit.timeline.tracks:
        track.name = track.name.replace("OTIO Bridge", "Video 9")
        track.metadata.pop("otio_bridge", None)
    for one in edit.timeline.find_clips():
        one.metadata.pop("otio_bridge", None)
        if one.name != "sound":
            bare = one.media_reference.clone()
            bare.metadata.pop("otio_bridge", None)
            one.media_reference = bare
    undo(edit, report.sidecar)
    assert [clip.media_reference.target_url for clip in edit.timeline.tracks[0].find_clips()] == [
        "/m/A.mov", "/m/B.mov", "/m/slow.mov",
    ]  # fmt: skip
    assert [type(child).__name__ for child in edit.timeline.tracks[1]] == ["Gap"]


def test_the_ledgers_media_make_an_original() -> None:
    ref = MediaRef(
        kind=MediaKind.MOVIE, url="/m/A.mov", path="/m/A.mov", available=FrameRange(start=86400, duration=240)
    )
    media = ours.from_json(Original.of(ref).references["DEFAULT_MEDIA"])
    assert media.target_url == "/m/A.mov" and media.available_range == span_of(86400, 240)
    assert isinstance(ours.from_json(Original.of(None).references["DEFAULT_MEDIA"]), S.MissingReference)


@pytest.mark.parametrize(
    ("url", "base", "digits"),
    [("/m/seq/S.%04d.png", "/m/seq/", 4), ("file:///m/seq/S.%d.png", "file:///m/seq/", 0)],
)
def test_the_ledgers_sequence_makes_a_sequence_and_its_gap_a_gap(url: str, base: str, digits: int) -> None:
    ref = MediaRef(
        kind=MediaKind.SEQUENCE,
        url=url,
        path="/m/seq/S.%04d.png",
        name="S",
        available=FrameRange(start=86400, duration=40),
        first_number=1001,
    )
    made = ours.from_json(Original.of(ref).references["DEFAULT_MEDIA"])
    assert isinstance(made, S.ImageSequenceReference)
    assert (made.target_url_base, made.name_prefix, made.name_suffix) == (base, "S.", ".png")
    assert (made.start_frame, made.frame_step, made.frame_zero_padding, made.rate) == (1001, 1, digits, 24)
    assert (made.name, made.available_range) == ("S", span_of(86400, 40))
    hole = Original.of(None, gap=FrameRange(start=0, duration=30), rate=Fraction(24))
    assert ours.from_json(hole.gap or {}).source_range == span_of(0, 30)


def test_a_gap_that_is_known_only_to_the_ledger_is_a_gap_again(edit: Edit) -> None:
    relink(edit, [link("0:2", Span(start=0, n=30), take("v001", 0, 40), record_class=True)], target="resolve")
    one = first(edit, 0, 2)
    del one.metadata["otio_bridge"]
    one.source_range = span_of(2, 20)
    undo(
        edit, originals={"id-10": Original.of(None, gap=FrameRange(start=0, duration=30), rate=Fraction(24))}
    )
    back = first(edit, 0, 2)
    assert isinstance(back, S.Gap) and back.source_range == span_of(0, 20)


_kinds = st.lists(
    st.tuples(st.sampled_from(["clip", "bare", "gap", "nest", "off"]), st.integers(1, 50)), max_size=6
)
_wishes = st.sampled_from(["none", "in place", "above", "short", "temp"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_kinds, st.data(), st.sampled_from(sorted(TARGETS)))
def test_any_cut_is_given_back(
    tmp_path: Path, kinds: list[tuple[str, int]], data: st.DataObject, target: str
) -> None:
    """Whatever is linked however, an undo by sidecar gives the edit back, and unlinked clips never change."""
    edit = saved(cut(*(_item(kind, i, n) for i, (kind, n) in enumerate(kinds))), tmp_path)
    before = as_json(edit)
    links, still = [], []
    for i, (kind, n) in enumerate(kinds):
        wish = data.draw(_wishes)
        start = 0 if kind == "gap" else 86400 if kind == "bare" else 86500
        length = 240 if kind == "bare" else n
        address = f"0:{i}/0:0" if kind == "nest" else f"0:{i}"
        if wish == "none":
            still.append(i)
        elif wish == "above":
            links.append(above_link(address, start, length, Fraction(1)))
        else:
            held = length - (wish == "short")
            made = take("v001", start, max(1, held), temp=wish == "temp", covers=wish != "short")
            links.append(link(address, Span(start=start, n=length), made))
    report = relink(edit, links, target=target)
    for i in still:
        assert (
            json.loads(edit.timeline.tracks[0][i].to_json_string())
            == before["tracks"]["children"][0]["children"][i]
        )
    later = again(edit, report, target)
    undo(later, report.sidecar)
    assert as_json(later) == before


def _item(kind: str, i: int, n: int) -> Any:
    if kind == "gap":
        return gap(n)
    one = clip(f"c{i}", 86500, n)
    if kind == "bare":
        one.source_range = None
    if kind == "off":
        one.enabled = False
    if kind != "nest":
        return one
    nest, inner = S.Stack(name="nest"), S.Track(name="inner", kind="Video")
    inner.append(one)
    nest.append(inner)
    return nest
