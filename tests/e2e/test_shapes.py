"""Clips of every shape through the whole loop: what an editor sees at every record frame is the right picture."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

import opentimelineio as otio

from otio_bridge.app import App
from otio_bridge.media.probe import probe
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import TakeState
from otio_bridge.store import calls, takes
from otio_bridge.store.records import TakeRecord
from otio_bridge.testing.framecode import make_movie, make_sequence, make_still, read_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from otio_bridge.workflow.plan import plan
from otio_bridge.workflow.planned import PlanEntry
from otio_bridge.workflow.relink import relink, undo
from tests.e2e.loop import clip, drive, opened, project, save, timeline
from tests.e2e.shown import active, file_of, frames_of, placed, read, seen

RATE = Fraction(24)
FIRST = 86400
RESTYLE = "@restyle provider=sandbox model=sandbox-any handles=2"
GENERATE = "@generate provider=sandbox model=sandbox-any handles=2"


def span(start: int, frames: int, rate: Fraction = RATE) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, float(rate)), otio.opentime.RationalTime(frames, float(rate))
    )


def gap(frames: int, mark: str = "") -> otio.schema.Gap:
    made = otio.schema.Gap(source_range=span(0, frames))
    if mark:
        made.markers.append(otio.schema.Marker(name=mark, marked_range=span(0, 1)))
    return made


def dissolve(before: int, after: int) -> otio.schema.Transition:
    return otio.schema.Transition(
        transition_type="SMPTE_Dissolve",
        in_offset=otio.opentime.RationalTime(before, 24),
        out_offset=otio.opentime.RationalTime(after, 24),
    )


def mark(item: otio.core.Item, text: str) -> otio.core.Item:
    item.markers.append(otio.schema.Marker(name=text, marked_range=span(0, 1)))
    return item


def used(
    media: Path,
    name: str,
    start: int,
    frames: int,
    text: str = RESTYLE,
    *,
    scalar: float | None = None,
    freeze: bool = False,
) -> otio.schema.Clip:
    """A clip of 24-fps media with 200 frames."""
    return clip(
        media,
        start=FIRST + start,
        frames=frames,
        rate=RATE,
        first=FIRST,
        count=200,
        mark=text,
        scalar=scalar,
        freeze=freeze,
        name=name,
    )


def finished(app: App) -> dict[str, TakeRecord]:
    """Every take after all is done, by `SHOT/vNNN`; all READY."""
    rows = drive(app)
    assert {row.state for row in rows} == {TakeState.READY}, [(row.label, row.why) for row in rows]
    return {row.label: row for row in rows}


def entries(app: App, path: Path, **more: object) -> dict[str, PlanEntry]:
    """The plan's entries by clip name (a gap: "")."""
    report = plan(app, path, choice=Choice(), **more).report  # type: ignore[arg-type]
    assert report is not None
    return {entry.spec.occurrences[0].name: entry for entry in report.entries}


def linked(app: App, edit: Path, **more: object) -> otio.schema.Timeline:
    """The relinked edit; undone, it is what it was."""
    out = edit.with_name(f"out_{edit.name}")
    relink(app, edit, out, newest=True, temp=True, **more)  # type: ignore[arg-type]
    undo(app, out, edit.with_name(f"undone_{edit.name}"))
    assert read(edit.with_name(f"undone_{edit.name}")).is_equivalent_to(read(edit))
    return read(out)


def came_back(app: App, edit: Path) -> dict[str, tuple[str, int]]:
    """What a plan says of the relinked edit, sent as the next version of the cut; clips that have nothing to say
    are left out."""
    out = edit.with_name(f"out_{edit.name}")
    found = entries(app, out, cut="cut")
    told = {name: (" ".join(entry.changes) + entry.refused, entry.to_send) for name, entry in found.items()}
    return {name: said for name, said in told.items() if said != ("UNCHANGED", 0)}


def test_shapes_of_what_lives_in_the_media(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    media = make_movie(folder / "A001.mov", range(200), RATE, codec="prores", start=FIRST, reel="A001")
    pal = make_movie(folder / "P001.mp4", range(1000, 1100), Fraction(25), start=90000, reel="P001")
    ntsc = make_movie(folder / "N001.mp4", range(2000, 2100), Fraction(24000, 1001), start=FIRST, reel="N001")
    png = make_sequence(folder / "png" / "S.%04d.png", range(3000, 3040), first_number=1001)
    exr = make_sequence(folder / "exr" / "E.%04d.exr", range(4000, 4040), first_number=1043)
    still = make_still(folder / "still.png", 5000)

    a = partial(used, media)

    def sequence(pattern: Path, name: str, number: int, text: str) -> otio.schema.Clip:
        made = clip(
            pattern, start=number + 10, frames=5, rate=RATE, first=number, count=40, mark=text, name=name
        )
        made.media_reference = otio.schema.ImageSequenceReference(
            target_url_base=f"{pattern.parent}/",
            name_prefix=pattern.name.partition("%")[0],
            name_suffix=pattern.suffix,
            start_frame=number,
            frame_step=1,
            rate=24.0,
            frame_zero_padding=4,
            available_range=span(number, 40),
        )
        return made

    inner = otio.schema.Track(name="inner", kind="Video")
    inner.extend([a("nested", 120, 12), gap(4)])
    nest = otio.schema.Stack(name="nest", source_range=span(3, 6), children=[inner])
    held = otio.schema.Clip(
        name="still",
        media_reference=otio.schema.ExternalReference(target_url=str(still)),
        source_range=span(0, 7),
    )
    edit = save(
        timeline(
            a("out", 20, 10),
            dissolve(2, 3),
            a("in", 50, 10),
            clip(
                pal,
                start=90030,
                frames=6,
                rate=Fraction(25),
                first=90000,
                count=100,
                mark=RESTYLE,
                name="pal",
            ),
            clip(
                ntsc,
                start=FIRST + 40,
                frames=6,
                rate=Fraction(24000, 1001),
                first=FIRST,
                count=100,
                mark=RESTYLE,
                name="ntsc",
            ),
            a("freeze", 80, 6, freeze=True),
            mark(held, RESTYLE),
            sequence(png, "png", 1001, RESTYLE),
            sequence(exr, "exr", 1043, f"{RESTYLE} colour=as-is"),
            nest,
            a("head", 0, 5),
            a("tail", 194, 6),
            a("larger", 150, 5, "@upscale provider=local size=2x handles=1"),
            a("short", 170, 3, "@restyle provider=sandbox model=sandbox-24 handles=0"),
        ),
        folder / "cut_v001.otio",
    )
    base = {"pal": 1000 - 90000, "ntsc": 2000 - FIRST, "png": 3000 - 1001, "exr": 4000 - 1043}
    # The nest shows 6 frames from its fourth on.
    overhang = {"out": (0, 3), "in": (2, 0), "nested": (-3, -3)}
    with opened(folder) as app:
        found = entries(app, edit)
        assert not any(entry.refused for entry in found.values()), {n: e.refused for n, e in found.items()}
        assert found["head"].spec.handles.head_short == 2 and found["tail"].spec.handles.tail_short == 2
        assert "padded to 5 frames: 2 real frames after" in found["short"].notes
        send(app, edit, choice=Choice())
        rows = finished(app)
        back = linked(app, edit)
        originals = {one.name: one for one in read(edit).find_clips()}
        for made in back.find_clips():
            was, name = originals[made.name], made.name
            assert active(made) == "v001", name
            assert made.source_range == was.source_range
            if name == "still":
                assert seen(made, RATE) == [5000] * 7
                continue
            rate = {"pal": Fraction(25), "ntsc": Fraction(24000, 1001)}.get(name, RATE)
            head, tail = overhang.get(name, (0, 0))
            expected = [n + base.get(name, -FIRST) for n in frames_of(was, RATE, rate, head, tail)]
            assert seen(made, RATE, head, tail) == expected, name
            shot = next(entry for entry in found.values() if entry.spec.occurrences[0].name == name)
            take = rows[f"{shot.name}/v001"]
            said = read_movie(take.result["file"])
            low = take.result["start"] + base.get(name, -FIRST)
            assert said == list(range(low, low + len(said))), name
            assert len(said) == shot.spec.plate.duration, name
        assert probe(rows[f"{found['larger'].name}/v001"].result["file"]).width == 640
        assert came_back(app, edit) == {}


def test_shapes_of_what_lives_in_the_cut(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    media = make_movie(folder / "A001.mov", range(200), RATE, codec="prores", start=FIRST, reel="A001")
    pal = make_movie(folder / "P001.mp4", range(1000, 1100), Fraction(25), start=90000, reel="P001")

    a = partial(used, media)

    missing = otio.schema.Clip(name="missing", source_range=span(100, 9))
    edit = save(
        timeline(
            gap(12, f"{GENERATE} a boat"),
            mark(missing, f"{GENERATE} a harbour"),
            a("fast", 20, 8, f"{GENERATE} gulls", scalar=2.0),
            a("plain", 60, 8, f"{GENERATE} first=plate waves"),
            dissolve(2, 3),
            a("dissolved", 90, 8, f"{GENERATE} rocks"),
            clip(
                pal,
                start=90030,
                frames=25,
                rate=Fraction(25),
                first=90000,
                count=100,
                mark=f"{GENERATE} fog",
                name="pal",
            ),
            a("slow", 120, 9, "@interpolate provider=local model=blend handles=2", scalar=0.5),
            a("reversed", 150, 7, "@interpolate provider=local model=blend handles=2", scalar=-0.5),
            a("ends", 170, 5, "@animate provider=local first=plate last=plate a wave"),
            a("low", 180, 5, "@generate provider=sandbox model=sandbox-long handles=0 at 16 fps"),
        ),
        folder / "cut_v001.otio",
    )
    with opened(folder) as app:
        found = entries(app, edit)
        assert not any(entry.refused for entry in found.values()), {n: e.refused for n, e in found.items()}
        send(app, edit, choice=Choice())
        rows = finished(app)
        back = linked(app, edit)
        before = {one.name: (at, one) for _, at, one in placed(read(edit), RATE)}
        clips = {(track, one.name): (at, one) for track, at, one in placed(back, RATE)}
        takes_ = {name: rows[f"{entry.name}/v001"] for name, entry in found.items()}

        # In place: the gap is a clip of its length, the clip without media has media, one to one.
        names = {
            "": found[""].name,
            "missing": "missing",
            "plain": "plain",
            "dissolved": "dissolved",
            "ends": "ends",
        }
        heads = {"": 0, "missing": 2, "plain": 0, "dissolved": 2, "ends": 0}
        hangs = {"plain": (0, 3), "dissolved": (2, 0)}
        for name, as_now in names.items():
            at, made = clips["Video 1", as_now]
            assert active(made) == "v001", name
            head, tail = hangs.get(name, (0, 0))
            length = round(made.source_range.duration.value) + head + tail
            if name != "ends":  # the animatic draws no code
                assert seen(made, RATE, head, tail) == [heads[name] + n for n in range(length)], name
            else:
                assert probe(file_of(made.media_reference)).frames == 5
        assert clips["Video 1", names[""]][0] == 0
        assert round(clips["Video 1", names[""]][1].source_range.duration.value) == 12
        assert takes_["plain"].result["start"] == FIRST + 60
        assert read_movie(takes_["plain"].result["inputs"]["first"]["path"]) == [60]
        ends = takes_["ends"].result["inputs"]
        assert [read_movie(ends[key]["path"]) for key in ("first", "last")] == [[170], [174]]

        # Above: a new clip at the record position of the old one, 1x; the one below is as it was.
        for name in ("fast", "pal", "slow", "reversed"):
            at, was = before[name]
            under_at, under = clips["Video 1", name]
            assert under.is_equivalent_to(was) and under_at == at
            over_at, over = clips["OTIO Bridge", found[name].name]
            assert (over_at, list(over.effects), active(over)) == (at, [], "v001"), name
            said = seen(over, RATE)
            if name in ("fast", "pal"):
                assert said == [2 + n for n in range(len(said))], name
                assert len(said) == {"fast": 8, "pal": 24}[name]
            elif name == "slow":
                assert said[::2] == [120, 121, 122, 123, 124]
                assert len(said) == 9
            else:
                # The first shown is start + ceil(6 · 0.5), and every second record frame is a whole one.
                assert said[::2] == [153, 152, 151, 150]
        assert [track.name for track in back.tracks] == ["Video 1", "OTIO Bridge"]

        assert came_back(app, edit) == {}

        # A model of 16 fps and 17 frames at least: held to 24, the surplus kept as handle.
        at, low = clips["Video 1", "low"]
        assert seen(low, RATE) == [0, 0, 1, 2, 2]
        assert takes_["low"].result["frames"] > 5 and takes_["low"].result["surplus"] > 0
        # … and what the surplus holds is not asked for again.
        longer = read(edit)
        longer.tracks[0][-1].source_range = span(FIRST + 180, 12)
        assert entries(app, save(longer, folder / "cut_v002.otio"))["low"].to_send == 0


def test_long_clips_go_in_parts(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    media = make_movie(
        folder / "A001.mov", range(140), RATE, codec="prores", start=FIRST, reel="A001", size=(160, 90)
    )
    long = clip(media, start=FIRST + 5, frames=125, rate=RATE, first=FIRST, count=140, name="long")
    mark(long, "@restyle provider=sandbox model=sandbox-24 handles=0")
    edit = save(
        timeline(long, gap(125, "@generate provider=sandbox model=sandbox-24 handles=0 a boat")),
        folder / "cut_v001.otio",
    )
    with opened(folder) as app:
        found = entries(app, edit)
        assert [len(entry.notes) for entry in found.values()] == [1, 1]
        sent = send(app, edit, choice=Choice())
        assert [take.take for take in sent.takes] == ["v001", "v001"]
        rows = finished(app)
        back = linked(app, edit)
        restyled, generated = (one for _, _, one in placed(back, RATE))
        assert seen(restyled, RATE) == list(range(5, 130))
        # Two parts; the second begins with the frame the first ended on, which shows once.
        take = rows["t_0020/v001"]
        (seam,) = take.result["seams"]
        said = seen(generated, RATE)
        assert said[: seam["frame"]] == list(range(seam["frame"]))
        assert said[seam["frame"] :] == list(range(1, 126 - seam["frame"]))
        calls_ = [line for line in sandbox.lines("accepted") if line["reference"] in uuids(app)]
        assert len(calls_) == 4
        assert sum(row.spent for row in rows.values()) == sum(row.hold for row in rows.values())


def uuids(app: App) -> set[str]:
    return {
        call.uuid
        for row in takes.by_state(app.ledger, TakeState)
        for call in calls.calls_of(app.ledger, row.id)
    }


def test_takes_made_from_takes_and_stills(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    media = make_movie(folder / "A001.mov", range(200), RATE, codec="prores", start=FIRST, reel="A001")
    still = make_still(folder / "still.png", 5000)

    a = partial(used, media)

    def held(frames: int, text: str) -> otio.core.Item:
        reference = otio.schema.ExternalReference(target_url=str(still))
        return mark(
            otio.schema.Clip(name="held", media_reference=reference, source_range=span(0, frames)), text
        )

    picture = "@still provider=sandbox model=sandbox-any"

    def cut(name: str, styled: str, held_frames: int, last: str) -> Path:
        return save(
            timeline(
                gap(6, last),
                a("styled", 30, 8, styled),
                held(held_frames, f"{picture} a lighthouse"),
                a("frozen", 60, 6, f"{picture} a door", freeze=True),
                a("key", 90, 6, f"{picture} name=key a lamp"),
            ),
            folder / name,
        )

    one = cut("cut_v001.otio", RESTYLE, 7, f"{GENERATE} a boat")
    with opened(folder) as app:
        send(app, one, choice=Choice())
        finished(app)
        back = {made.name: made for made in linked(app, one).find_clips()}
        assert seen(back["held"], RATE) == [0] * 7 and active(back["held"]) == "v001"
        assert seen(back["frozen"], RATE) == [0] * 6 and active(back["frozen"]) == "v001"
        # A still of a moving clip is a reference for others and is never shown by itself.
        assert active(back["key"]) == "original"

        assert came_back(app, one) == {}

        # Held longer: the same picture. The take made larger, and a picture to start from: two more takes.
        two = cut(
            "cut_v002.otio",
            "@upscale provider=local size=2x parent=v001 handles=2",
            40,
            f"{GENERATE} first=key/v001 a boat",
        )
        found = entries(app, two)
        assert {name: (" ".join(entry.changes), entry.to_send) for name, entry in found.items()} == {
            "styled": ("REASKED", 1),
            "held": ("TRIMMED", 0),
            "frozen": ("MOVED", 0),
            "key": ("MOVED", 0),
            "": ("REASKED", 1),
        }
        send(app, two, choice=Choice())
        rows = finished(app)
        back = {made.name: made for made in linked(app, two).find_clips()}
        assert (active(back["styled"]), active(back[found[""].name])) == ("v002", "v002")
        assert seen(back["styled"], RATE) == list(range(30, 38))
        assert seen(back["held"], RATE) == [0] * 40
        larger = rows[f"{found['styled'].name}/v002"]
        assert (larger.request.parent, probe(larger.result["file"]).width) == ("v001", 640)
        styled = rows[f"{found['styled'].name}/v001"].result["file"]
        assert larger.result["inputs"]["plate"]["path"] == styled
        first = rows[f"{found[''].name}/v002"].result["inputs"]["first"]["path"]
        assert read_movie(first) == [0]

        # What was generated, larger: it lives in the cut as the take it is made from.
        three = cut(
            "cut_v003.otio",
            "@upscale provider=sandbox model=sandbox-any size=2x parent=v002 handles=2",
            40,
            "@upscale provider=local size=2x parent=v001 handles=2",
        )
        found = entries(app, three)
        assert [(entry.to_send, entry.refused) for entry in found.values()][:2] == [(1, ""), (1, "")]
        send(app, three, choice=Choice())
        rows = finished(app)
        back = {made.name: made for made in linked(app, three).find_clips()}
        assert (active(back["styled"]), active(back[found[""].name])) == ("v003", "v003")
        assert seen(back["styled"], RATE) == list(range(30, 38))
        assert seen(back[found[""].name], RATE) == list(range(6))
        widths = [probe(rows[f"{found[name].name}/v003"].result["file"]).width for name in ("", "styled")]
        assert widths == [640, 1280]

        # Nobody extends here: refused, with who does what.
        (refused,) = entries(
            app, save(timeline(a("more", 120, 8, "@extend longer")), folder / "other.otio")
        ).values()
        assert refused.refused.startswith("no provider here does extend")
        assert "local: animate, deflicker, generate, interpolate, upscale" in refused.refused
        assert "sandbox: animate, deflicker, generate, restyle, still, upscale" in refused.refused
