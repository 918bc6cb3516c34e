"""Finding shots again in an edit that changed: by take, id, token, media, name, place; never by a guess."""

from fractions import Fraction
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.model.identify import Rule, identify
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from tests.unit.edits import clip, known, media

A = known("a", clip("0:0", 100, 50, at=0, name="A.mov"), token="tok-a", take_paths={"/t/A_v001.mov"})
B = known("b", clip("0:1", 300, 50, at=50, name="B.mov"), token="tok-b")


def shots(*clips: Occurrence, among: tuple[object, ...] = (A, B)) -> list[str]:
    """`address=shot` for what was found, `address=shot|shot` for what is ambiguous."""
    result = identify(clips, among, cut="cut")  # type: ignore[arg-type]
    return [f"{c.address}={'|'.join(result.candidates(c.address))}" for c in clips]


def rule(one: Occurrence) -> Rule:
    return identify([one], [A, B], cut="cut").found[0].rule


def test_the_same_edit_again_is_the_same_shots() -> None:
    assert shots(A.occurrences[0], B.occurrences[0]) == ["0:0=a", "0:1=b"]


def test_each_rule_and_their_order() -> None:
    take = clip("0:0", 300, 50, path="/t/A_v001.mov", shot_id="b")
    found = identify([take], [A, B], cut="cut").found[0]
    assert (found.shot_id, found.rule, found.pick) == ("a", Rule.TAKE, "/t/A_v001.mov")
    assert rule(clip("0:0", 300, 50, shot_id="a", token="tok-b")) is Rule.ID
    assert rule(clip("0:0", 300, 50, token="tok-a")) is Rule.TOKEN
    assert rule(clip("0:0", 90, 50, at=500)) is Rule.MEDIA
    assert rule(clip("0:0", 0, 50, path="/x/other.mov", name="A.mov")) is Rule.NAME
    assert shots(clip("0:0", 5000, 50)) == ["0:0="]


def test_an_id_of_another_project_is_no_id() -> None:
    assert shots(clip("0:0", 110, 20, shot_id="elsewhere")) == ["0:0=a"]


def test_a_take_is_known_by_its_reel_too() -> None:
    shot = known("c", clip("0:5", 0, 9, path="/m/C.mov"), take_reels={"C_V001"})
    tape = MediaRef(kind=MediaKind.MISSING, reel="C_V001")
    found = identify([clip("0:0", 0, 9, media=tape)], [shot], cut="cut").found[0]
    assert (found.rule, found.pick) == (Rule.TAKE, "C_V001")


def test_reel_and_timecode_find_what_lost_its_path() -> None:
    shot = known("c", clip("0:5", 86400, 48, media=media("/m/C.mov", reel="A003C010")))
    tape = MediaRef(kind=MediaKind.MISSING, reel="a003c010", rate=Fraction(24))
    assert shots(clip("0:0", 86410, 20, media=tape), among=(shot,)) == ["0:0=c"]
    assert shots(clip("0:0", 90000, 20, media=tape), among=(shot,)) == ["0:0="]


def test_a_bladed_clip_is_one_shot_on_two_clips() -> None:
    assert shots(clip("0:0", 100, 20), clip("0:1", 120, 30, at=20)) == ["0:0=a", "0:1=a"]


def test_a_copy_of_a_clip_is_its_shot_and_not_a_neighbours() -> None:
    lost = known("c", clip("0:7", 120, 50, at=900))
    twice = clip("0:0", 100, 50), clip("0:1", 100, 50, at=600)
    assert shots(*twice, among=(A, lost)) == ["0:0=a", "0:1=a"]


def test_contested_frames_go_to_the_best_overlap_one_to_one() -> None:
    c = known("c", clip("0:1", 150, 60, at=50))
    assert shots(clip("0:0", 122, 60, at=900), clip("0:1", 145, 60, at=50), among=(A, c)) == [
        "0:0=a",
        "0:1=c",
    ]


def test_two_shots_of_the_same_frames_are_told_apart_by_place_or_not_at_all() -> None:
    twin = known("twin", clip("0:4", 100, 50, at=400))
    stayed = clip("0:0", 100, 50, at=0), clip("0:4", 100, 50, at=410)
    assert shots(*stayed, among=(A, twin)) == ["0:0=a", "0:4=twin"]
    moved = clip("0:0", 100, 50, at=800), clip("0:4", 100, 50, at=900)
    assert shots(*moved, among=(A, twin)) == ["0:0=a|twin", "0:4=a|twin"]


def test_a_neighbour_that_shares_a_few_frames_is_another_picture() -> None:
    assert shots(clip("0:0", 140, 90)) == ["0:0="]


def test_a_name_two_clips_have_names_none() -> None:
    two = clip("0:0", 0, 9, path="/x/1.mov", name="A.mov"), clip("0:1", 0, 9, path="/x/2.mov", name="A.mov")
    assert shots(*two) == ["0:0=", "0:1="]


def test_other_frames_of_the_same_file_are_not_found_by_its_name() -> None:
    assert shots(clip("0:0", 5000, 50, name="A.mov")) == ["0:0="]


def test_gaps_are_known_by_their_mark_or_their_place() -> None:
    first = known("g1", clip("0:0", 0, 24, at=0, path=None, gap=True, marker="@generate dawn"))
    second = known("g2", clip("0:2", 0, 24, at=100, path=None, gap=True))
    moved = clip("0:1", 0, 24, at=300, path=None, gap=True, marker="@generate dawn")
    there = clip("0:3", 0, 30, at=98, path=None, gap=True)
    away = clip("0:5", 0, 24, at=900, path=None, gap=True)
    assert shots(moved, there, away, among=(first, second)) == ["0:1=g1", "0:3=g2", "0:5="]


def test_what_lives_in_the_cut_is_found_by_its_source_frames() -> None:
    slow = known("s", clip("0:0", 100, 50, s=Fraction(1, 2)), op_class=OperationClass.RECORD)
    assert shots(clip("0:0", 100, 25), among=(slow,)) == ["0:0=s"]


def test_shots_of_other_cuts_are_shared() -> None:
    shared = known("s", clip("0:0", 100, 50, cut="trailer"))
    assert shots(clip("0:8", 105, 30), among=(shared,)) == ["0:8=s"]


@pytest.mark.parametrize("one_file", [True, False])
def test_ten_thousand_clips_are_found_within_seconds(one_file: bool) -> None:
    paths = ["/m/A.mov" if one_file else f"/m/{i}.mov" for i in range(10_000)]
    ledger = [known(f"s{i}", clip(f"0:{i}", i * 60, 50, at=i * 50, path=p)) for i, p in enumerate(paths)]
    edit = [clip(f"1:{i}", i * 60 + 2, 46, at=i * 46, path=p) for i, p in enumerate(paths)]
    began = perf_counter()
    found = identify(edit, ledger, cut="cut")
    assert [entry.shot_id for entry in found.found] == [shot.id for shot in ledger]
    assert perf_counter() - began < 15


_clips = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 40), st.sampled_from(["/m/A.mov", "/m/B.mov"])), max_size=6
)


def _placed(rows: list[tuple[int, int, str]], track: int) -> list[Occurrence]:
    return [clip(f"{track}:{i}", start, n, at=40 * i, path=path) for i, (start, n, path) in enumerate(rows)]


@given(_clips, _clips)
def test_every_clip_is_told_once_and_the_order_of_shots_does_not_matter(
    before: list[tuple[int, int, str]], after: list[tuple[int, int, str]]
) -> None:
    ledger = [known(f"s{i}", entry) for i, entry in enumerate(_placed(before, 0))]
    edit = _placed(after, 0)
    result = identify(edit, ledger, cut="cut")
    told = [entry.address for entry in (*result.found, *result.ambiguous)]
    assert len(set(told)) == len(told)
    assert all(len(entry.shot_ids) > 1 for entry in result.ambiguous)
    for entry in result.found:
        shot = next(s for s in ledger if s.id == entry.shot_id)
        one = next(c for c in edit if c.address == entry.address)
        assert one.media == shot.media
    again = identify(edit[::-1], ledger[::-1], cut="cut")
    assert again.by_address == result.by_address
    assert {a: set(e.shot_ids) for a, e in again.unclear.items()} == {
        a: set(e.shot_ids) for a, e in result.unclear.items()
    }


@given(_clips)
def test_an_edit_that_did_not_change_is_found_whole_unless_shots_are_alike(
    rows: list[tuple[int, int, str]],
) -> None:
    edit = _placed(rows, 0)
    result = identify(edit, [known(f"s{i}", entry) for i, entry in enumerate(edit)], cut="cut")
    assert not result.ambiguous
    assert [entry.shot_id for entry in result.found] == [f"s{i}" for i in range(len(edit))]
