"""Whether an edit counts drop-frame: the file's word, the project's, else a guess that is told as one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from cuts import clip, edit, track

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Choice, ShotRow
from otio_bridge.model.marks import parse_mark
from otio_bridge.model.media import MediaInfo, MediaKind, MediaRef
from otio_bridge.model.time import timecode
from otio_bridge.settings import Settings, load
from otio_bridge.timeline.asking import asked
from otio_bridge.timeline.dropping import DropFrame, settle_drop
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.shots import list_shots
from otio_bridge.timeline.walk import survey

NTSC = Fraction(30000, 1001)
#: 00:59:52;00, as the camera wrote it.
CAMERA = 107652


def footage(drops: dict[str, bool], rate: Fraction = NTSC) -> object:
    def look(ref: MediaRef) -> MediaInfo | None:
        drop = drops.get(Path(ref.path or "").stem)
        if drop is None:
            return None
        return MediaInfo(
            path=str(ref.path), kind=MediaKind.MOVIE, width=320, height=180, rate=rate, frames=300, start=CAMERA,
            drop=drop,
        )  # fmt: skip

    return look


def cut(start: int, *names: str, mark: str = "", rate: Fraction = NTSC) -> Edit:
    marks = [mark] if mark else []
    clips = [clip(name, CAMERA + 90, 30, rate=rate, media=(CAMERA, 300), marks=marks) for name in names]
    return edit(track(*clips), rate=rate, start=start)


@pytest.mark.parametrize(
    ("start", "drops", "drop", "says"),
    [
        (107892, {}, True, "begins on a whole hour"),
        (108000, {"A": True}, False, "begins on a whole hour"),
        (0, {"A": True, "B": True, "C": False}, True, "2 of 3 media"),
        (0, {"A": True, "B": False, "C": False}, False, "2 of 3 media"),
        (500, {}, False, "no media of it does"),
    ],
)
def test_without_a_word_the_start_tells_and_else_most_media(
    start: int, drops: dict[str, bool], drop: bool, says: str
) -> None:
    made = cut(start, "A", "B", "C")
    settle_drop(made, "auto", footage(drops))  # type: ignore[arg-type]
    assert made.drop is drop
    (note,) = made.notes
    assert (note.severity, note.code) == ("note", "drop-frame")
    assert says in note.text and "drop_frame" in note.text


@pytest.mark.parametrize(("wish", "drop"), [("yes", True), ("no", False)])
def test_the_project_settles_it_and_a_file_that_says_so_is_kept(wish: DropFrame, drop: bool) -> None:
    made = cut(0, "A")
    settle_drop(made, wish, footage({"A": not drop}))  # type: ignore[arg-type]
    assert (made.drop, made.notes) == (drop, ())
    stated = cut(107892, "A")
    stated.drop_stated = True
    settle_drop(stated, "auto", footage({"A": True}))  # type: ignore[arg-type]
    assert (stated.drop, stated.notes) == (False, ())
    settle_drop(stated, "yes", footage({}))  # type: ignore[arg-type]
    assert stated.drop and "the file says non-drop" in stated.notes[0].text
    film = cut(86400, "A", rate=Fraction(24))
    settle_drop(film, "yes", footage({}))  # type: ignore[arg-type]
    assert (film.drop, film.notes) == (False, ())


@pytest.mark.parametrize(("timeline", "camera"), [(True, False), (False, True)])
def test_what_lives_in_the_media_counts_as_the_camera_and_the_rest_as_the_cut(
    timeline: bool, camera: bool
) -> None:
    for mark, drop in (("@restyle x", camera), ("@generate x", timeline)):
        made = cut(107892, "A", mark=mark)
        made.drop = timeline
        (shot,) = list_shots(made, choice=Choice(), probe=footage({"A": camera}), settings=Settings())  # type: ignore[arg-type]
        assert shot.drop is drop
        assert shot.occurrences[0].drop is timeline
    made = cut(107892, "A", mark="@restyle x")
    made.drop = timeline
    (shot,) = list_shots(made, choice=Choice(), probe=footage({}), settings=Settings())  # type: ignore[arg-type]
    assert shot.drop is timeline
    assert timecode(CAMERA + 90, NTSC, drop=True) == "00:59:55;00"


def test_a_row_with_a_drop_label_in_a_non_drop_edit_is_refused_and_not_misread() -> None:

    made = cut(107892, "A")
    ask = parse_mark("@generate x")
    assert ask is not None
    for drop, text, fits in (
        (True, "01:00:00:05", True),
        (True, "01:00:00;05", True),
        (False, "01:00:00;05", False),
    ):
        made.drop = drop
        rows = (ShotRow(where="row 1", ask=ask, record=text),)
        if fits:
            (found,) = asked(made, survey(made), Choice(rows=rows), selection="", look=lambda ref: None)
            assert found.item.node.name == "A"
        else:
            with pytest.raises(RefusedInput, match="counts non-drop"):
                asked(made, survey(made), Choice(rows=rows), selection="", look=lambda ref: None)


def test_the_setting_is_a_word_of_three(tmp_path: Path) -> None:
    (tmp_path / "otio-bridge.toml").write_text('[project]\ndrop_frame = "yes"\n', encoding="utf-8")
    assert load(tmp_path).project.drop_frame == "yes"
    assert Settings().project.drop_frame == "auto"
