"""An edit that changed after it was sent: the words are right, nothing covered is paid again, frames are true."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import opentimelineio as otio
import pytest

from otio_bridge.app import App
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange
from otio_bridge.store import calls, money, shots, takes
from otio_bridge.testing.framecode import make_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from otio_bridge.workflow.plan import PlanReport, plan
from otio_bridge.workflow.planned import PlanEntry
from otio_bridge.workflow.relink import relink, undo
from otio_bridge.workflow.review import pick
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


def one_clip(folder: Path, sandbox: Sandbox) -> tuple[Path, Path]:
    """A project, and its media of 120 frames."""
    project(folder, sandbox=sandbox.url)
    return folder, make_movie(folder / "A001.mp4", range(120), RATE, start=FIRST, reel="A001")


def used(
    media: Path, start: int, frames: int, *, mark: str | None = ASK, name: str = "A"
) -> otio.schema.Clip:
    return clip(
        media,
        start=FIRST + start,
        frames=frames,
        rate=RATE,
        first=FIRST,
        count=120,
        mark=mark or "",
        name=name,
    )


def test_takes_are_counted_by_what_was_asked(folder: Path, sandbox: Sandbox) -> None:
    _, media = one_clip(folder, sandbox)
    edit = save(timeline(used(media, 30, 8, mark=f"{ASK} seed=7")), folder / "cut_v001.otio")
    again = save(
        timeline(*_gap(5), used(media, 31, 7, mark=f"{ASK} takes=2 seed=7")), folder / "cut_v002.otio"
    )
    with opened(folder) as app:
        assert [take.new for take in send(app, edit, choice=Choice()).takes] == [True]
        assert planned(app, edit, takes_each=3).to_send == 2
        # More of the same in a changed edit are of the same plate, and go on in seeds.
        report = planned(app, again)
        assert (report.to_send, report.entries[0].plate) == (1, "p001")
        assert [take.new for take in send(app, again, choice=Choice(), takes_each=3).takes] == [
            False,
            True,
            True,
        ]
        assert [take.new for take in send(app, edit, choice=Choice(), more=2).takes] == [False] * 3 + [
            True
        ] * 2
        rows = takes.by_state(app.ledger, TakeState)
        assert sorted((row.name, row.seed) for row in rows) == [(f"v{n:03d}", 6 + n) for n in range(1, 6)]
        assert len({row.plate_id for row in rows}) == 1


def test_marks_an_export_dropped_are_still_asked(folder: Path, sandbox: Sandbox) -> None:
    _, media = one_clip(folder, sandbox)
    gap = _gap(10)[0]
    assert isinstance(gap, otio.schema.Gap)
    gap.markers.append(
        otio.schema.Marker(
            name="@generate provider=sandbox model=sandbox-any a boat", marked_range=gap.source_range
        )
    )
    first = timeline(
        used(media, 30, 8), gap, used(media, 60, 8, name="B"), used(media, 90, 8, mark=None, name="C")
    )
    edit = save(first, folder / "cut_v001.otio")
    bare = timeline(
        used(media, 31, 6, mark=None),
        *_gap(2),
        *_gap(10),
        used(media, 60, 20, mark=None, name="B"),
        used(media, 90, 8, mark=None, name="C"),
    )
    stripped = save(bare, folder / "cut_v002.otio")
    with opened(folder) as app:
        assert len(send(app, edit, choice=Choice()).takes) == 3
        report = planned(app, stripped)
        told = {entry.name: (" ".join(entry.changes), entry.to_send) for entry in report.entries}
        assert told == {
            "t_0010": ("TRIMMED", 0),
            "t_0020": ("UNCHANGED", 0),
            "t_0030": ("TRIMMED EXTENDED", 1),
        }
        assert report.omitted == ()
        # Another cut that happens to show the same is not asked for anything.
        assert planned(app, stripped, cut="other").entries == ()


def test_a_clip_asked_for_two_things_is_one_shot(folder: Path, sandbox: Sandbox) -> None:
    _, media = one_clip(folder, sandbox)
    both = used(media, 30, 8)
    both.markers.append(used(media, 30, 8, mark=f"{ASK} snow").markers[0].clone())
    edit = save(timeline(both), folder / "cut_v001.otio")
    with opened(folder) as app:
        sent = send(app, edit, choice=Choice())
        assert [(take.shot, take.take) for take in sent.takes] == [("t_0010", "v001"), ("t_0010", "v002")]
        assert words_of(planned(app, edit)) == ["UNCHANGED", "UNCHANGED"]
        # A copy of one, with words of its own, is another shot.
        copy = save(
            timeline(used(media, 30, 8), *_gap(4), used(media, 30, 8, mark=f"{ASK} fog")),
            folder / "cut_v002.otio",
        )
        report = planned(app, copy)
        assert [(entry.name, entry.to_send) for entry in report.entries] == [("t_0010", 0), ("t_0020", 1)]
        mixed = used(media, 70, 8)
        mixed.markers.append(used(media, 70, 8, mark="@generate provider=sandbox a boat").markers[0].clone())
        report = planned(app, save(timeline(mixed), folder / "cut_v003.otio"))
        assert "different places" in report.entries[1].refused and not report.entries[0].refused


def words_of(report: PlanReport) -> list[str]:
    return [" ".join(entry.changes) for entry in report.entries]


def test_two_cuts_share_a_shot(folder: Path, sandbox: Sandbox) -> None:
    _, media = one_clip(folder, sandbox)
    long = save(timeline(used(media, 30, 20)), folder / "spot30.otio")
    short = save(timeline(*_gap(3), used(media, 34, 6)), folder / "spot10.otio")
    other = save(timeline(used(media, 45, 12)), folder / "spot20.otio")
    with opened(folder) as app:
        send(app, long, choice=Choice())
        report = planned(app, short)
        assert (words_of(report), report.to_send, report.omitted) == (["NEW"], 0, ())
        assert send(app, short, choice=Choice()).takes[0].take == "v001"
        # What reaches beyond is made with what the other cuts show of it, once.
        report = planned(app, other)
        assert (words_of(report), report.to_send) == (["NEW EXTENDED"], 1)
        sent = send(app, other, choice=Choice())
        plates = shots.plates_of(app.ledger, shots.all_shots(app.ledger)[0].id)
        assert [(one.range.start - FIRST, one.range.end - FIRST) for one in plates] == [(27, 53), (30, 60)]
        assert [take.new for take in sent.takes] == [True]
        for path in (long, short, other):
            assert planned(app, path).to_send == 0
        assert planned(app, long).omitted == ()


def test_what_two_plates_cover_is_not_made_a_third_time(folder: Path, sandbox: Sandbox) -> None:
    _, media = one_clip(folder, sandbox)
    first, second = used(media, 30, 8), used(media, 36, 10)
    both = save(timeline(first.clone(), *_gap(4), second.clone()), folder / "cut_v003.otio")
    with opened(folder) as app:
        send(app, save(timeline(first), folder / "cut_v001.otio"), choice=Choice())
        assert (
            send(app, save(timeline(second), folder / "cut_v002.otio"), choice=Choice()).takes[0].take
            == "v002"
        )
        report = planned(app, both)
        assert (words_of(report), report.to_send) == (["NEW MOVED"], 0)
        assert report.entries[0].takes == ("v001 PLANNED", "v002 PLANNED")
        assert not any(take.new for take in send(app, both, choice=Choice()).takes)
        assert len(takes.by_state(app.ledger, TakeState)) == 2


def test_two_sends_at_once_make_one_set_of_takes(folder: Path, sandbox: Sandbox) -> None:
    _, media = one_clip(folder, sandbox)
    edit = save(
        timeline(*(used(media, 10 + 25 * n, 8, mark=f"{ASK} takes=2", name=f"C{n}") for n in range(4))),
        folder / "cut_v001.otio",
    )
    changed = save(
        timeline(*(used(media, 12 + 25 * n, 8, mark=f"{ASK} takes=2", name=f"C{n}") for n in range(4))),
        folder / "cut_v002.otio",
    )
    start = threading.Barrier(3, timeout=60)

    def go(path: Path) -> int:
        with opened(folder) as app:
            start.wait()
            return sum(take.new for take in send(app, path, choice=Choice()).takes)

    for path, fresh in ((edit, 8), (edit, 0), (changed, 0)):
        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(go, [path] * 3)) == fresh
    with opened(folder) as app:
        rows = takes.by_state(app.ledger, TakeState)
        assert len(rows) == 8
        every = shots.all_shots(app.ledger)
        assert [len(shot.occurrences) for shot in every] == [1, 1, 1, 1]
        budget = money.budgets(app.ledger)[0]
        assert budget.held == sum(row.held for row in rows) == 8 * 20_000


@pytest.fixture
def made(folder: Path, sandbox: Sandbox) -> Iterator[tuple[App, Path, Path]]:
    """A project of one clip used twice, three takes READY."""
    _, media = one_clip(folder, sandbox)
    edit = save(timeline(used(media, 30, 8), *_gap(4), used(media, 30, 8)), folder / "cut_v001.otio")
    with opened(folder) as app:
        send(app, edit, choice=Choice(), takes_each=3)
        assert {row.state for row in drive(app)} == {TakeState.READY}
        yield app, media, edit


def test_picks_stay_with_their_clip_and_a_round_trip_knows_its_takes(made: tuple[App, Path, Path]) -> None:
    app, media, edit = made
    folder = edit.parent
    pick(app, "t_0010", "v002", at="01:00:00:00")
    pick(app, "t_0010", "v003", at="01:00:00:12")

    def shows(path: Path, **more: object) -> list[str]:
        relink(app, path, folder / "out.otio", temp=True, **more)  # type: ignore[arg-type]
        return [active(one) for one in read(folder / "out.otio").find_clips()]

    assert shows(edit) == ["v002", "v003"]
    # Twelve frames more in front: the first clip now lies where the second lay.
    ripple = save(
        timeline(*_gap(12), used(media, 30, 8), *_gap(4), used(media, 30, 8)), folder / "cut_v002.otio"
    )
    assert shows(ripple) == ["v002", "v003"]
    # Cut in two, and copied: the pieces show what the clip showed.
    pieces = [used(media, 30, 3), used(media, 33, 5), *_gap(4), used(media, 30, 8), used(media, 31, 4)]
    bladed = save(timeline(*pieces), folder / "cut_v003.otio")
    assert shows(bladed) == ["v002", "v002", "v003", "v003"]
    send(app, bladed, choice=Choice())
    assert shows(bladed) == ["v002", "v002", "v003", "v003"]

    # What an editor that knows one reference and no metadata gives back: media that are our takes, no marks.
    relink(app, bladed, folder / "flat.otio", target="resolve", temp=True)
    flat = read(folder / "flat.otio")
    for one in flat.find_clips():
        one.metadata.clear()
        one.media_reference.metadata.clear()
        del one.markers[:]
    back = save(flat, folder / "cut_v004.otio")
    report = planned(app, back)
    assert (words_of(report), report.to_send, report.omitted) == (["UNCHANGED"], 0, ())
    assert report.entries[0].spec.media is not None and report.entries[0].spec.media.path == str(media)
    pick(app, "t_0010", "none")
    assert shows(back) == ["v002", "v002", "v003", "v003"]
    for one in read(folder / "out.otio").find_clips():
        begin = int(one.source_range.start_time.value) - FIRST
        assert seen(one, RATE) == list(range(begin, begin + int(one.source_range.duration.value)))
        assert one.media_references()["DEFAULT_MEDIA"].target_url == str(media)
    undo(app, folder / "out.otio", folder / "undone.otio")
    files = {one.media_reference.target_url for one in read(folder / "undone.otio").find_clips()}
    assert files == {str(media)}

    # Longer than the take, in the round trip: the original is what a new plate is cut from.
    flat.tracks[0][3].source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(FIRST + 30, 24), otio.opentime.RationalTime(25, 24)
    )
    report = planned(app, save(flat, folder / "cut_v005.otio"))
    assert report.to_send and not report.entries[0].refused, report.entries[0].refused
    assert "EXTENDED" in words_of(report)[0]
    assert report.entries[0].spec.plate.contains(FrameRange(start=FIRST + 30, duration=25))
