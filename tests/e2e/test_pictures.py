"""Pictures as cameras, stills and renderers make them come back as takes: any matrix, range, depth and side."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from PIL import Image

from otio_bridge.media.probe import probe
from otio_bridge.model.choice import Choice
from otio_bridge.model.media import MediaKind
from otio_bridge.model.take import TakeState
from otio_bridge.store import shots
from otio_bridge.testing.framecode import code_picture, make_movie, make_sequence
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from otio_bridge.workflow.relink import relink
from tests.e2e.loop import clip, drive, opened, project, save, timeline
from tests.e2e.shown import seen

RATE = Fraction(24)
ASK = "@restyle provider=sandbox model=sandbox-any handles=1 colour=as-is x"


def numbered(pattern: Path, made: otio.schema.Clip) -> otio.schema.Clip:
    """The clip, naming its files as a sequence that begins with number 1001."""
    stem, suffix = pattern.name.split("%04d")
    made.media_reference = otio.schema.ImageSequenceReference(
        target_url_base=f"{pattern.parent}/", name_prefix=stem, name_suffix=suffix, start_frame=1001,
        frame_step=1, rate=24, frame_zero_padding=4, available_range=made.media_reference.available_range,
    )  # fmt: skip
    return made


@pytest.mark.parametrize("codec", ["prores", "png"])
def test_every_kind_of_picture_comes_back(codec: str, folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    file = folder / "otio-bridge.toml"
    file.write_text(file.read_text("utf-8").replace('"prores"', f'"{codec}"'), encoding="utf-8")
    Image.fromarray(code_picture(7)).save(folder / "still.jpg", quality=92)
    pal = "scale=out_color_matrix=bt601,format=yuv420p,setparams=range=tv:colorspace=bt470bg"
    pal += ":color_primaries=bt470bg:color_trc=bt470bg"
    exr = make_sequence(folder / "exr" / "r.%04d.exr", range(100, 120), extra=["-format", "half"])
    odd = make_sequence(folder / "odd" / "o.%04d.png", range(200, 220), size=(331, 187))
    deep = ("-pix_fmt", "yuv420p10le")
    phone = make_movie(folder / "phone.mp4", range(300, 320), RATE, codec="hevc", extra=deep)
    tv = make_movie(folder / "pal.mov", range(400, 420), RATE, extra=["-vf", pal])

    def asked(
        media: Path, first: int, *, count: int = 20, frames: int = 5, start: int = 6
    ) -> otio.schema.Clip:
        return clip(media, start=first + start, frames=frames, rate=RATE, first=first, count=count, mark=ASK)

    edit = save(
        timeline(
            asked(folder / "still.jpg", 0, count=24, frames=12, start=3),
            numbered(exr, asked(exr, 5000)),
            numbered(odd, asked(odd, 0)),
            asked(phone, 0),
            asked(tv, 0),
            clip(tv, start=12, frames=4, rate=RATE, first=0, count=20, mark=f"{ASK}y", freeze=True),
        ),
        folder / "cut_v001.otio",
    )
    said = [[7] * 12, *(list(range(first + 6, first + 11)) for first in (100, 200, 300, 400)), [412] * 4]
    with opened(folder) as app:
        send(app, edit, choice=Choice())
        rows = drive(app)
        assert {row.state for row in rows} == {TakeState.READY}, [(row.label, row.why) for row in rows]
        relink(app, edit, folder / "out.otio", newest=True, temp=True)
        made = list(otio.adapters.read_from_file(str(folder / "out.otio")).find_clips())
        plates = [shot.plates[0] for shot in shots.all_shots(app.ledger)]
        for each, plate, row, codes in zip(made, plates, rows, said, strict=True):
            info, take = probe(plate.path or ""), probe(row.result["file"])
            assert (take.width, take.height, take.frames) == (info.width, info.height, info.frames)
            assert info.colour.space != "gbr" or codec == "png"
            assert seen(each, RATE) == codes, each.name
            if codec == "png":
                assert take.kind is MediaKind.SEQUENCE and take.first_number == info.first_number
                assert row.result["first_number"] == take.first_number == plate.range.start
        for each in made[1:5] if codec == "png" else ():
            assert isinstance(each.media_reference, otio.schema.ImageSequenceReference)
