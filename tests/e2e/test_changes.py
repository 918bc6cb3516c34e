"""An edit that changed after it was sent: the words are right, nothing covered is paid again, frames are true."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import opentimelineio as otio

from otio_bridge.app import App
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import TakeState
from otio_bridge.store import calls, takes
from otio_bridge.testing.framecode import make_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from otio_bridge.workflow.plan import PlanEntry, PlanReport, plan
from otio_bridge.workflow.relink import relink, undo
from tests.e2e.loop import clip, drive, opened, project, save, timeline
from tests.e2e.shown import active, frames_of, read, seen, takes_of

RATE = Fraction(24)
FIRST = 86400
COUNT = 700
SLOT = 24
ASK = "@restyle provider=sandbox model=sandbox-any handles=3"

#: What is done to each clip of 8 frames (plate: 3 more at each end), and the words of it.
WORDS = {
    "kept": "UNCHANGED",
    "trim": "TRIMMED",
    "slip": "SLIPPED",
    "slip beyond": "SLIPPED EXTENDED",
    "trim beyond": "TRIMMED EXTENDED",
    "move": "MOVED",
    "faster": "TRIMMED RETIMED",
    "faster beyond": "EXTENDED RETIMED",
    "backwards": "RETIMED",
    "blade": "NEW TRIMMED",
    "twice": "NEW",
    "off": "UNCHANGED",
    "replace": "REPLACED",
    "reask": "REASKED",
}
#: Those that need work, and so cost something.
WORK = {"slip beyond", "trim beyond", "faster beyond", "replace", "reask"}


class Bits(NamedTuple):
    """The clips in one clip's slot: offset in the slot, first source frame, record frames, speed."""

    at: int = 0
    start: int = 0
    frames: int = 8
    speed: float | None = None


CHANGED: dict[str, list[Bits]] = {
    "trim": [Bits(0, 1, 6)],
    "slip": [Bits(0, 2)],
    "slip beyond": [Bits(0, 6)],
    "trim beyond": [Bits(0, 0, 15)],
    "move": [Bits(5, 0)],
    "faster": [Bits(0, 0, 4, 2.0)],
    "faster beyond": [Bits(0, 0, 8, 2.0)],
    "backwards": [Bits(0, 0, 8, -1.0)],
    "blade": [Bits(0, 0, 3), Bits(3, 3, 5)],
    "twice": [Bits(0, 0), Bits(12, 0)],
}


class Cut:
    """The footage, and edits of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = {
            reel: make_movie(folder / f"{reel}.mp4", range(base, base + COUNT), RATE, start=FIRST, reel=reel)
            for reel, base in (("A001", 0), ("B001", 10000))
        }

    def clip(self, name: str, bits: Bits, *, ask: str | None, reel: str = "A001") -> otio.schema.Clip:
        base = FIRST + 20 + 40 * [*WORDS, "omit"].index(name)
        return clip(
            self.media[reel],
            start=base + bits.start,
            frames=bits.frames,
            rate=RATE,
            first=FIRST,
            count=COUNT,
            mark=f"{ask} {name}" if ask else "",
            scalar=bits.speed,
            name=name,
        )

    def edit(self, name: str, *, changed: bool, without: tuple[str, ...] = (), marks: bool = True) -> Path:
        items: list[otio.core.Composable] = []
        for word in [*WORDS, "omit"]:
            used = 0
            for bits in [] if word in without else CHANGED.get(word, [Bits()]) if changed else [Bits()]:
                ask = "more rain and" if changed and word == "reask" else ""
                made = self.clip(
                    word,
                    bits,
                    ask=f"{ASK} {ask}".strip() if marks else None,
                    reel="B001" if changed and word == "replace" else "A001",
                )
                made.enabled = not (changed and word == "off")
                items += [*_gap(bits.at - used), made]
                used = bits.at + bits.frames
            items += _gap(SLOT - used)
        return save(timeline(*items), self.folder / name)


def _gap(frames: int) -> list[otio.core.Composable]:
    span = otio.opentime.TimeRange(otio.opentime.RationalTime(0, 24), otio.opentime.RationalTime(frames, 24))
    return [otio.schema.Gap(source_range=span)] if frames else []


def by_clip(report: PlanReport) -> dict[str, PlanEntry]:
    """The plan's entries by the name of their clip."""
    return {entry.spec.occurrences[0].name: entry for entry in report.entries}


def words(report: PlanReport) -> dict[str, str]:
    return {name: " ".join(entry.changes) for name, entry in by_clip(report).items()}


def planned(app: App, path: Path, **more: object) -> PlanReport:
    report = plan(app, path, choice=Choice(), **more).report  # type: ignore[arg-type]
    assert report is not None
    return report


def paid(app: App, sandbox: Sandbox) -> int:
    """Generations the sandbox accepted for this project's takes."""
    mine = {
        call.uuid
        for row in takes.by_state(app.ledger, TakeState)
        for call in calls.calls_of(app.ledger, row.id)
    }
    return sum(line["reference"] in mine for line in sandbox.lines("accepted"))


def true_frames(
    path: Path, original: Path, *, but: Callable[[str], bool] = lambda name: False
) -> dict[str, str]:
    """Hold every clip of a relinked edit to what the original shows there; the take each clip shows, by name."""
    shows: dict[str, str] = {}
    for made, was in zip(read(path).find_clips(), read(original).find_clips(), strict=True):
        base = 10000 if "B001" in was.media_reference.target_url else 0
        expected = [frame - FIRST + base for frame in frames_of(was, RATE, RATE)]
        assert made.source_range == was.source_range
        assert seen(made, RATE) == expected, made.name
        shows[made.name] = active(made)
    return shows


def test_an_edit_changed_after_sending(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    cut = Cut(folder)
    first = cut.edit("cut_v001.otio", changed=False)
    with opened(folder) as app:
        before = send(app, first, choice=Choice())
        assert len(before.takes) == len(WORDS) + 1
        assert {row.state for row in drive(app)} == {TakeState.READY}
        again = planned(app, first)
        assert (again.to_send, set(words(again).values())) == (0, {"UNCHANGED"})

        second = cut.edit("cut_v002.otio", changed=True, without=("omit",))
        report = planned(app, second)
        assert words(report) == WORDS
        found = by_clip(report)
        assert {name for name, entry in found.items() if entry.to_send} == WORK
        assert not any(entry.refused for entry in report.entries)
        plates = {name: entry.plate for name, entry in found.items()}
        assert {name for name, plate in plates.items() if plate == "p002"} == WORK - {"reask"}
        assert list(report.omitted) == [_shot(before.plan, "omit")]

        # Nothing is made yet: what needs more than its take holds keeps its own picture, and says so.
        relink(app, second, folder / "early.otio", newest=True, temp=True)
        shows = true_frames(folder / "early.otio", second)
        assert {name for name, take in shows.items() if take == "original"} == WORK - {"reask"}

        assert paid(app, sandbox) == len(WORDS) + 1
        sent = send(app, second, choice=Choice())
        assert {take.shot for take in sent.takes if take.new} == {found[name].name for name in WORK}
        assert {row.state for row in drive(app)} == {TakeState.READY}
        assert paid(app, sandbox) == len(WORDS) + 1 + len(WORK)

        relink(app, second, folder / "out.otio", newest=True, temp=True)
        shows = true_frames(folder / "out.otio", second)
        assert shows == {name: "v002" if name in WORK else "v001" for name in WORDS}
        for made in read(folder / "out.otio").find_clips():
            assert takes_of(made) == (["v001", "v002"] if made.name in WORK else ["v001"])
        undo(app, folder / "out.otio", folder / "undone.otio")
        assert read(folder / "undone.otio").is_equivalent_to(read(second))

        # The first edit again, under another name: what it needs is there, and what was left out is back.
        third = cut.edit("cut_v003.otio", changed=False)
        report = planned(app, third)
        assert report.to_send == 0
        assert words(report)["omit"] == "REINSTATED"
        send(app, third, choice=Choice())
        relink(app, third, folder / "third.otio", newest=True, temp=True)
        shows = true_frames(folder / "third.otio", third)
        assert set(shows.values()) <= {"v001", "v002"}
        assert shows["replace"] == shows["trim beyond"] == "v001" or shows["trim beyond"] == "v002"
        assert words(planned(app, third))["omit"] == "UNCHANGED"
        assert paid(app, sandbox) == len(WORDS) + 1 + len(WORK)


def _shot(report: PlanReport, name: str) -> str:
    return by_clip(report)[name].name
