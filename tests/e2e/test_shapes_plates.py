"""Plates pulled elsewhere, proxies, and the sound a take carries."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
from numpy.typing import NDArray

from otio_bridge.model.choice import Choice
from otio_bridge.store import shots
from otio_bridge.testing.framecode import make_movie, read_movie, sample_codes
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from otio_bridge.workflow.relink import relink
from tests.e2e.loop import clip, opened, project, save, timeline
from tests.e2e.shown import active, read, seen
from tests.e2e.test_shapes import RESTYLE, entries, finished, linked, mark, span

RATE = Fraction(24)
FIRST = 86400
LOCAL = "@upscale provider=local handles=2"


def offline(folder: Path, name: str, start: int, *, reel: str | None = None) -> otio.schema.Clip:
    """A clip whose media is not here."""
    made = clip(
        folder / "gone" / f"{name}.mov",
        start=FIRST + start,
        frames=6,
        rate=RATE,
        first=FIRST,
        count=100,
        mark=LOCAL,
    )
    if reel:
        made.metadata["cmx_3600"] = {"reel": reel}
    return made


def samples(path: str | Path) -> NDArray[np.int16]:
    """The sound of a file."""
    with av.open(str(path)) as file:
        got = [frame.to_ndarray() for frame in file.decode(audio=0)]
    # Kept in 24 bits, of which our 16 are the upper ones.
    kept: NDArray[np.int16] = (np.concatenate(got, axis=1)[0] >> 16).astype(np.int16)
    return kept


def test_plates_pulled_elsewhere_and_proxies(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    pulled = folder / "pulled"
    pulled.mkdir()

    def plate(file: str, first: int, count: int, reel: str | None = None) -> Path:
        numbers = range(first, first + count)
        return make_movie(pulled / file, numbers, RATE, codec="prores", start=FIRST + first, reel=reel)

    by_reel = plate("VFX_0001.mov", 18, 12, "A001")
    plate("B002_pull.mov", 40, 10)
    plate("C003.mov", 10, 4)
    # The same timecode of another reel is another picture.
    plate("VFX_0004.mov", 18, 12, "Z009")
    proxy = clip(
        by_reel, start=FIRST + 20, frames=6, rate=RATE, first=FIRST + 18, count=12, mark=LOCAL, name="proxy"
    )
    proxy.media_reference.metadata["proxy"] = True
    edit = save(
        timeline(
            offline(folder, "A001", 20, reel="A001"),
            offline(folder, "B002", 42),
            offline(folder, "C003", 60),
            offline(folder, "D004", 80),
            proxy,
        ),
        folder / "cut_v001.otio",
    )
    with opened(folder) as app:
        assert all(entry.refused for entry in entries(app, edit).values())
        found = entries(app, edit, plates=pulled)
        assert {name.partition(".")[0]: bool(entry.refused) for name, entry in found.items()} == {
            "A001": False, "B002": False, "C003": True, "D004": True, "proxy": True,
        }  # fmt: skip
        assert (
            "C003.mov" in found["C003.mov"].refused and "does not hold its need" in found["C003.mov"].refused
        )
        assert "media" in found["D004.mov"].refused and "--allow-proxy" in found["proxy"].refused
        assert not entries(app, edit, allow_proxy=True)["proxy"].refused
        sent = send(app, edit, choice=Choice(), plates=pulled)
        assert len(sent.takes) == 2
        rows = finished(app)
        assert {shot.name: shot.plates[0].path for shot in shots.all_shots(app.ledger)} == {
            "t_0010": str(by_reel), "t_0020": str(pulled / "B002_pull.mov"),
        }  # fmt: skip
        # The take is as long as the plate that was pulled: more handles than asked for.
        assert read_movie(rows["t_0010/v001"].result["file"]) == list(range(18, 30))
        assert rows["t_0010/v001"].result["start"] == FIRST + 18
        relink(app, edit, folder / "out.otio", newest=True, temp=True)
        a, b, *rest = read(folder / "out.otio").find_clips()
        assert seen(a, RATE) == list(range(20, 26)) and seen(b, RATE) == list(range(42, 48))
        assert [active(one) for one in rest] == ["original"] * 3
        # What is covered stays covered where the media is still gone and no folder is named.
        again = entries(app, edit)
        told = [(entry.to_send, bool(entry.refused), " ".join(entry.changes)) for entry in again.values()]
        assert told[:3] == [(0, False, "UNCHANGED"), (0, False, "UNCHANGED"), (0, True, "NEW")]


def test_sound_is_carried_to_the_sample(folder: Path, sandbox: Sandbox) -> None:
    rate = Fraction(30000, 1001)
    project(folder, rate=rate, sandbox=sandbox.url)
    first = 107892
    media = make_movie(folder / "A001.mov", range(90), rate, start=first, drop=True, sound="pcm")
    edit = save(
        timeline(
            clip(
                media,
                start=first + 31,
                frames=7,
                rate=rate,
                first=first,
                count=90,
                mark="@restyle provider=sandbox model=sandbox-24 handles=2",
            ),
            rate=rate,
        ),
        folder / "cut_v001.otio",
    )
    with opened(folder) as app:
        send(app, edit, choice=Choice())
        (take,) = finished(app).values()
        plate = shots.all_shots(app.ledger)[0].plates[0]
        begin, length = round(29 * 48000 / rate), round(11 * 48000 / rate)
        expected = sample_codes(begin + length)[begin:]
        for path in (plate.path, take.result["file"]):
            assert path is not None
            assert read_movie(path) == list(range(29, 40))
            assert np.array_equal(samples(path), expected), path


def test_plates_and_takes_as_sequences(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    file = folder / "otio-bridge.toml"
    text = file.read_text("utf-8")
    assert 'codec = "prores"' in text
    file.write_text(text.replace('codec = "prores"', 'codec = "png"'), encoding="utf-8")
    media = make_movie(folder / "A001.mp4", range(60), RATE, start=FIRST)
    gap = otio.schema.Gap(source_range=span(0, 6))
    mark(gap, "@generate provider=sandbox model=sandbox-any handles=2 a boat")
    styled = clip(media, start=FIRST + 20, frames=6, rate=RATE, first=FIRST, count=60, mark=RESTYLE)
    edit = save(timeline(styled, gap), folder / "cut_v001.otio")
    with opened(folder) as app:
        send(app, edit, choice=Choice())
        rows = finished(app)
        styled, made = linked(app, edit).find_clips()
        assert isinstance(styled.media_reference, otio.schema.ImageSequenceReference)
        assert seen(styled, RATE) == list(range(20, 26))
        assert seen(made, RATE) == list(range(6))
        assert rows["t_0010/v001"].result["file"].endswith("t_0010_v001.%04d.png")
        # The files the reference names are there.
        reference = styled.media_reference
        first = Path(reference.target_url_for_image_number(0).removeprefix("file://"))
        assert first.is_file(), first
