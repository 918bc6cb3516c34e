"""Frame truth: plate, take and relinked timeline decode to the right frame at every record position."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from pathlib import Path

import opentimelineio as otio
import pytest

from otio_bridge.model.take import TakeState
from otio_bridge.store import shots
from otio_bridge.testing.framecode import make_movie, make_sequence, read_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.relink import relink, undo
from tests.e2e.loop import clip, drive, opened, project, save, says, sent, timeline

NTSC = Fraction(30000, 1001)
TAKE = "otio_bridge/v001"
FIRST = 86400


def media(folder: Path, kind: str, rate: Fraction, count: int = 120) -> tuple[Path, int]:
    """Frame-coded media whose frame k says k, and its first source frame."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "png":
        return make_sequence(folder / "A001.%04d.png", range(count), first_number=1001), 1001
    suffix = {"h264": "mp4", "prores": "mov"}[kind]
    path = make_movie(
        folder / f"A001.{suffix}",
        range(count),
        rate,
        codec=kind,
        start=FIRST,
        drop=rate == NTSC,
        reel="A001",
    )
    return path, FIRST


def shown_by_record(made: otio.schema.Clip) -> list[int]:
    """The source frame at every record frame by the clip's own retime: an oracle of its own."""
    start = Fraction(made.source_range.start_time.value).limit_denominator(1000)
    scalar = Fraction(1)
    for effect in made.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            scalar = Fraction(effect.time_scalar).limit_denominator(1000)
    n = int(made.source_range.duration.value)
    if scalar < 0:
        first = start + -(-(n - 1) * -scalar // 1)
        return [floor(first + i * scalar) for i in range(n)]
    return [floor(start + i * scalar) for i in range(n)]


def active_says(made: otio.schema.Clip) -> list[int | None]:
    """What a player shows at every record frame of a relinked clip: active reference, retime, decoded file."""
    reference = made.media_reference
    available = reference.available_range
    file = (
        str(Path(reference.target_url.removeprefix("file://")))
        if isinstance(reference, otio.schema.ExternalReference)
        else reference.abstract_target_url("%04d").removeprefix("file://")
    )
    begin, length = int(available.start_time.value), int(available.duration.value)
    wanted = [min(max(frame, begin), begin + length - 1) - begin for frame in shown_by_record(made)]
    return says(file, wanted)


RETIMES = {"1x": None, "2x": 2.0, "reverse": -1.0, "freeze": 0.0}


@pytest.mark.parametrize("retime", RETIMES)
@pytest.mark.parametrize("rate", [Fraction(24), NTSC], ids=["24", "29.97"])
@pytest.mark.parametrize("kind", ["h264", "prores", "png"])
def test_every_record_frame_of_a_restyled_clip_is_the_right_one(
    kind: str, rate: Fraction, retime: str, folder: Path, sandbox: Sandbox
) -> None:
    project(folder, rate=rate, sandbox=sandbox.url)
    path, first = media(folder / "footage", kind, rate)
    scalar = RETIMES[retime]
    original = clip(
        path,
        start=first + 30,
        frames=16,
        rate=rate,
        first=first,
        count=120,
        mark="@restyle provider=sandbox neon",
        scalar=None if scalar in (None, 0.0) else scalar,
        freeze=scalar == 0.0,
    )
    if kind == "png":
        original.media_reference = otio.schema.ImageSequenceReference(
            target_url_base=f"{path.parent}/",
            name_prefix="A001.",
            name_suffix=".png",
            start_frame=1001,
            frame_step=1,
            rate=float(rate),
            frame_zero_padding=4,
            available_range=original.media_reference.available_range,
        )
    edit = save(timeline(original, rate=rate), folder / "cut_v001.otio")
    expected = [frame - first for frame in shown_by_record(original)]

    with opened(folder) as app:
        report = sent(app, edit)
        rows = drive(app)
        assert [row.state for row in rows] == [TakeState.READY], [row.why for row in rows]
        shot = shots.all_shots(app.ledger)[0]
        plate = shots.plates_of(app.ledger, shot.id)[0]
        start = plate.range.start - first
        assert plate.path is not None
        assert read_movie(plate.path) == list(range(start, start + plate.range.duration))
        assert read_movie(rows[0].result["file"]) == list(range(start, start + plate.range.duration))
        relink(app, edit, folder / "out.otio", newest=True, temp=True)
        back = otio.adapters.read_from_file(str(folder / "out.otio"))
        made = back.find_clips()[0]
        assert made.active_media_reference_key == TAKE
        assert made.source_range == original.source_range
        assert active_says(made) == expected
        undo(app, folder / "out.otio", folder / "undone.otio")
    assert report.takes[0].new
    undone = otio.adapters.read_from_file(str(folder / "undone.otio"))
    assert undone.is_equivalent_to(otio.adapters.read_from_file(str(edit)))
