"""What an editor gets back of what was never a movie: sequences, gaps and stills, by the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import opentimelineio as otio
import pytest

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.media.probe import probe
from otio_bridge.model.choice import Choice, parse_select
from otio_bridge.model.time import timecode
from otio_bridge.store import shots, takes
from otio_bridge.testing.framecode import make_movie, make_sequence, make_still
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.plan import PlanReport, plan
from otio_bridge.workflow.relink import relink, undo
from otio_bridge.workflow.review import pick
from tests.e2e.loop import clip, opened, project, save, sent, timeline
from tests.e2e.shown import read

RATE = Fraction(24)
FIRST = 86400
GENERATE = "@generate provider=sandbox model=sandbox-any a boat"


def span(start: float, frames: float) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, 24), otio.opentime.RationalTime(frames, 24)
    )


def mark(text: str, start: int) -> otio.schema.Marker:
    return otio.schema.Marker(name=text, marked_range=span(start, 1))


class Made(NamedTuple):
    app: App
    folder: Path
    edit: Path


def sequence(pattern: Path) -> otio.schema.ImageSequenceReference:
    made = otio.schema.ImageSequenceReference(
        target_url_base=f"{pattern.parent}/",
        name_prefix="S001.",
        name_suffix=".png",
        start_frame=1001,
        frame_step=1,
        rate=24,
        frame_zero_padding=4,
        missing_frame_policy=otio.schema.ImageSequenceReference.MissingFramePolicy.hold,
        available_range=span(FIRST, 40),
        metadata={"studio": {"version": 7}},
    )
    made.name = "S001"
    return made


@pytest.fixture
def made(folder: Path, sandbox: Sandbox) -> Iterator[Made]:
    """A sequence, a gap and a movie, each with a take."""
    project(folder, sandbox=sandbox.url)
    movie = make_movie(folder / "A001.mp4", range(60), RATE, start=FIRST, reel="A001")
    pattern = folder / "seq" / "S001.%04d.png"
    make_sequence(pattern, range(40))
    drawn = otio.schema.Clip(
        name="drawn", media_reference=sequence(pattern), source_range=span(FIRST + 10, 8)
    )
    drawn.markers.append(mark("@upscale provider=local", FIRST + 10))
    gap = otio.schema.Gap(source_range=span(0, 10), name="hole", metadata={"studio": {"why": "not shot"}})
    gap.markers.append(mark(GENERATE, 0))
    filmed = clip(
        movie, start=FIRST + 20, frames=8, rate=RATE, first=FIRST, count=60, mark="@upscale provider=local"
    )
    edit = save(timeline(drawn, gap, filmed), folder / "cut_v001.otio")
    with opened(folder) as app:
        report = sent(app, edit)
        assert len(report.takes) == 3
        yield Made(app, folder, edit)


def as_resolve_gives_it(path: Path, out: Path) -> Path:
    """Moved, trimmed, under another name, and nothing left of our notes."""
    made = read(path)
    track = made.tracks[0]
    for one in made.find_clips():
        one.metadata.clear()
        one.media_reference.metadata.clear()
        del one.markers[:]
        one.name = Path(getattr(one.media_reference, "target_url", "")).name or one.media_reference.name
        begin = one.source_range.start_time
        one.source_range = otio.opentime.TimeRange(
            begin + otio.opentime.RationalTime(1, 24),
            one.source_range.duration - otio.opentime.RationalTime(2, 24),
        )
    track.insert(0, otio.schema.Gap(source_range=span(0, 12)))
    return save(made, out)


@pytest.mark.parametrize("relinks", [1, 2])
def test_sequences_and_gaps_come_back_as_they_were_by_the_ledger_alone(made: Made, relinks: int) -> None:
    app, folder, edit = made
    was = read(edit)
    path = edit
    for n in range(relinks):
        out = folder / f"out{n}.otio"
        relink(app, path, out, target="resolve", newest=True, temp=True)
        out.with_suffix(".otio-bridge.json").unlink()
        path = as_resolve_gives_it(out, folder / f"from resolve {n}.otio")
    result = undo(app, path, folder / "undone.otio")
    assert all(line.linked for line in result.lines)
    back = read(folder / "undone.otio")
    drawn, gap, filmed = back.tracks[0][-3:]
    assert drawn.media_reference.is_equivalent_to(was.tracks[0][0].media_reference)
    assert isinstance(gap, otio.schema.Gap)
    assert gap.source_range.duration.value == 10 - 2 * relinks
    assert (gap.name, dict(gap.metadata["studio"])) == ("hole", {"why": "not shot"})
    assert filmed.media_reference.is_equivalent_to(was.tracks[0][2].media_reference)


def test_drop_frame_timecode_is_the_cameras_and_the_timelines(folder: Path, sandbox: Sandbox) -> None:
    rate, start = Fraction(30000, 1001), 107892  # 01:00:00;00
    project(folder, rate=rate, sandbox=sandbox.url)
    camera = 107652  # 00:59:52;00
    movie = make_movie(folder / "C001.mov", range(120), rate, start=camera, drop=True, reel="C001")
    filmed = clip(
        movie,
        start=camera + 92,
        frames=8,
        rate=rate,
        first=camera,
        count=120,
        mark="@upscale provider=local handles=0",
    )
    hole = otio.schema.Gap(
        source_range=otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, float(rate)), otio.opentime.RationalTime(10, float(rate))
        )
    )
    hole.markers.append(otio.schema.Marker(name=f"{GENERATE}", marked_range=hole.source_range))
    edit = save(timeline(filmed, hole, rate=rate, start=start), folder / "cut_v001.otio")
    with opened(folder) as app:
        report = sent(app, edit)
        assert [note.code for note in report.plan.notes] == ["drop-frame"]
        upscaled = shots.all_shots(app.ledger)[0]
        (take,) = takes.by_shot(app.ledger, upscaled.id)
        for file in (upscaled.plates[0].path, take.result["file"]):
            info = probe(file)
            assert timecode(info.start or 0, info.rate, drop=info.drop) == "00:59:55;02"
        (generated,) = takes.by_shot(app.ledger, shots.all_shots(app.ledger)[1].id)
        assert probe(generated.result["file"]).drop
        for at in ("01:00:00;03", "01:00:00:03"):
            assert pick(app, "t_0010", "v001", at=at).at == ("01:00:00;00",)
        (line, _) = relink(app, edit, folder / "out.otio", temp=True).lines
        assert (line.at, line.shows) == ("01:00:00;00", "v001")
    # Who says it is non-drop is asked which frame a drop-frame label means.
    file = folder / "otio-bridge.toml"
    file.write_text(
        file.read_text("utf-8").replace("[project]", '[project]\ndrop_frame = "no"'), encoding="utf-8"
    )
    with opened(folder) as app:
        sent(app, edit)
        assert pick(app, "t_0010", "v001", at="00:59:56:15").at == ("00:59:56:12",)
        with pytest.raises(RefusedInput, match="counts non-drop"):
            pick(app, "t_0010", "v001", at="01:00:00;03")


def test_a_copy_nobody_marked_is_left_alone_and_said(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    movie = make_movie(folder / "A001.mp4", range(90), RATE, start=FIRST, reel="A001")

    def of(start: int, frames: int = 8, *, mark: bool = False, name: str = "") -> otio.schema.Clip:
        return clip(
            movie, start=FIRST + start, frames=frames, rate=RATE, first=FIRST, count=90, name=name,
            mark="@upscale provider=local" if mark else "",
        )  # fmt: skip

    edit = save(timeline(of(20, name="copy"), of(20, mark=True, name="shot")), folder / "cut_v001.otio")
    with opened(folder) as app:
        sent(app, edit)

        def shows(path: Path) -> dict[str, str]:
            result = relink(app, path, folder / "out.otio", newest=True, temp=True)
            left = [note.text for note in result.notes if note.code == "unasked"]
            assert len(left) == 1 and left[0].startswith("copy at") and "t_0010" in left[0]
            return {line.clip: line.at for line in result.lines if line.shows == "v001"}

        assert shows(edit) == {"shot": "01:00:00:08"}
        with pytest.raises(RefusedInput, match="does not play there"):
            pick(app, "t_0010", "v001", at="01:00:00:02")
        # Also in an export that moved both and lost every mark; the editor's own copies are the shot's.
        bare = timeline(of(50, 5), of(20, name="copy"), of(20, name="shot"), of(20, 4, name="again"))
        later = save(bare, folder / "cut_v002.otio")
        assert shows(later) == {"shot": "01:00:00:13", "again": "01:00:00:21"}
        sent(app, later)
        assert shows(later) == {"shot": "01:00:00:13", "again": "01:00:00:21"}
        # Marked, it is one.
        asked = timeline(of(20, mark=True, name="copy"), of(20, mark=True, name="shot"))
        third = save(asked, folder / "cut_v003.otio")
        assert len(relink(app, third, folder / "out.otio", newest=True, temp=True).lines) == 2
        sent(app, third)
        assert pick(app, "t_0010", "v001", at="01:00:00:02").at == ("01:00:00:00",)
        assert len(takes.by_shot(app.ledger, shots.all_shots(app.ledger)[0].id)) == 1
        # What was asked for once stays so, though a send chose another clip.
        sent(app, third, choice=Choice(select=parse_select("name:copy")))
        assert len(relink(app, edit, folder / "out.otio", newest=True, temp=True).lines) == 2


class Played(NamedTuple):
    app: App
    folder: Path
    movie: Path

    def of(self, start: int, frames: int = 8, *, mark: bool = False) -> otio.schema.Clip:
        mark_ = "@restyle provider=sandbox model=sandbox-any takes=3 seed=1 -- x" if mark else ""
        return clip(
            self.movie, start=FIRST + start, frames=frames, rate=RATE, first=FIRST, count=90, mark=mark_
        )

    def shows(self, edit: Path) -> list[tuple[str, str, str]]:
        lines = relink(self.app, edit, self.folder / "out.otio", target="resolve", temp=True).lines
        return [(line.at, line.shows, line.why) for line in lines]


@pytest.fixture
def played(folder: Path, sandbox: Sandbox) -> Iterator[Played]:
    """A shot on one clip, with three takes."""
    project(folder, sandbox=sandbox.url)
    movie = make_movie(folder / "A001.mp4", range(90), RATE, start=FIRST, reel="A001")
    with opened(folder) as app:
        made = Played(app, folder, movie)
        sent(app, save(timeline(made.of(20, mark=True)), folder / "cut_v001.otio"))
        yield made


def test_what_relink_lists_can_be_picked_where_it_lists_it(played: Played) -> None:
    app = played.app
    bladed = save(
        timeline(played.of(60, 5), played.of(20, 3), played.of(23, 5), played.of(20)),
        played.folder / "cut_v002.otio",
    )
    at = [line[0] for line in played.shows(bladed)]
    assert at == ["01:00:00:05", "01:00:00:08", "01:00:00:13"]
    for n, place in enumerate(at):
        assert pick(app, "t_0010", f"v00{n + 1}", at=place).at == (place,)
    assert [line[:2] for line in played.shows(bladed)] == list(zip(at, ["v001", "v002", "v003"], strict=True))
    assert pick(app, "t_0010", "v001", at=at[2]).at == (at[2],)
    assert pick(app, "t_0010", "none", at=at[1]).at == (at[1],)
    assert played.shows(bladed)[2][1] == "v001"
    with pytest.raises(RefusedInput, match="does not play there"):
        pick(app, "t_0010", "v001", at="01:00:01:00")
    sent(app, bladed)
    assert played.shows(bladed)[2][:2] == (at[2], "v001")


def by_hand(played: Played, number: int, name: str) -> Path:
    """The relinked cut with another take put in by the editor, in an application that keeps none of our notes."""
    made = read(played.folder / "out.otio")
    (one,) = made.find_clips()
    one.metadata.clear()
    file = one.media_reference.target_url
    one.media_reference = otio.schema.ExternalReference(
        target_url=f"{file[: file.rindex('_v')]}_v{number:03d}.mov",
        available_range=one.media_reference.available_range,
    )
    return save(made, played.folder / name)


def test_the_later_of_a_pick_and_a_take_put_in_by_hand_counts(played: Played) -> None:
    app, first = played.app, played.folder / "cut_v001.otio"
    pick(app, "t_0010", "v002")
    assert played.shows(first)[0][1] == "v002"
    theirs = by_hand(played, 3, "cut_v002.otio")
    for _ in range(2):
        (line,) = played.shows(theirs)
        assert line[1] == "v003" and "put in after v002 was picked" in line[2]
    # A later pick is the later decision.
    pick(app, "t_0010", "v001")
    assert played.shows(theirs) == [("01:00:00:00", "v001", "")]
    # So is the next one, though the edit still shows what was put in before.
    pick(app, "t_0010", "v002")
    assert played.shows(first)[0][1] == "v002"
    (line,) = played.shows(theirs)
    assert line[1] == "v002"


def test_where_no_relink_tells_the_pick_counts_and_it_is_said(played: Played) -> None:
    pick(played.app, "t_0010", "v002")
    played.shows(played.folder / "cut_v001.otio")
    theirs = by_hand(played, 3, "cut_v002.otio")
    pick(played.app, "t_0010", "v001")
    (line,) = played.shows(theirs)
    assert line[1] == "v001"
    assert "v001 is picked and the edit shows v003; which came later cannot be told" in line[2]


def test_a_still_that_was_given_back_as_its_take_and_moved_has_only_moved(
    folder: Path, sandbox: Sandbox
) -> None:
    project(folder, sandbox=sandbox.url)
    picture = make_still(folder / "board.png", 7)
    held = otio.schema.Clip(
        name="board",
        media_reference=otio.schema.ExternalReference(target_url=str(picture), available_range=span(0, 1)),
        source_range=span(0, 10),
    )
    held.markers.append(mark("@animate provider=sandbox model=sandbox-any -- wind", 0))
    edit = save(timeline(held), folder / "cut_v001.otio")
    with opened(folder) as app:
        assert len(sent(app, edit).takes) == 1
        (line,) = relink(app, edit, folder / "out.otio", target="resolve", newest=True, temp=True).lines
        assert line.shows == "v001"
        moved = read(folder / "out.otio")
        (one,) = moved.find_clips()
        one.metadata.clear()
        one.media_reference.metadata.clear()
        moved.tracks[0].insert(0, otio.schema.Gap(source_range=span(0, 12)))
        for name, marked in (("cut_v002.otio", True), ("cut_v003.otio", False)):
            if not marked:
                del one.markers[:]
            (entry,) = report_of(app, save(moved, folder / name)).entries
            assert (entry.changes, entry.to_send) == (("MOVED",), 0), (name, entry.refused)
        assert (
            relink(app, folder / "cut_v003.otio", folder / "again.otio", newest=True, temp=True)
            .lines[0]
            .linked
        )


def report_of(app: App, edit: Path, **more: object) -> PlanReport:
    report = plan(app, edit, choice=Choice(), **more).report  # type: ignore[arg-type]
    assert report is not None
    return report


def test_what_would_be_sent_for_an_unchanged_shot_says_why(played: Played) -> None:
    app, edit = played.app, played.folder / "cut_v001.otio"

    def why(edit: Path = edit, **more: object) -> tuple[str, int, str]:
        (entry,) = report_of(app, edit, **more).entries
        return " ".join(entry.changes), entry.to_send, entry.notes[0] if entry.notes else ""

    assert why()[:2] == ("UNCHANGED", 0)
    assert why(takes_each=5) == ("UNCHANGED", 2, "3 of the 5 takes asked for are there")
    assert why(more=1) == ("UNCHANGED", 1, "1 more is asked for, beside the 3 there are")
