"""The demo's camera originals: painted scenes written as a camera, an artist and a photographer would.

Long-GOP H.264 with B-frames, ProRes and a PNG sequence, with embedded timecode and reel, one with sound.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from otio_bridge.media import ffmpeg, graphs
from otio_bridge.model.time import Rate, timecode
from otio_bridge.model.value import Value
from otio_bridge.testing.demo_motion import Rain, Train, Walker
from otio_bridge.testing.demo_paint import HEIGHT, WIDTH, Picture
from otio_bridge.testing.demo_places import Lake, Sea, Skyline, Wood

FILM = Fraction(24)
NTSC_FILM = Fraction(24000, 1001)
_SOUND_RATE = 48_000

_SCENES: dict[str, Callable[[], Callable[[int], Picture]]] = {
    "city": Skyline,
    "sea": Sea,
    "train": Train,
    "walker": Walker,
    "rain": Rain,
    "wood": Wood,
    "lake": Lake,
}
_CODECS = {
    # As cameras do: long GOP, B-frames.
    "h264": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-g", "48", "-bf", "3"],
    "prores": ["-c:v", "prores", "-profile:v", "3"],
}
_PIXELS = {"h264": "yuv420p", "prores": "yuv422p10le"}
_COLOUR = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]


class Footage(Value):
    """One original: what is in it, and how it is stored. `start` is its timecode in frames at `rate`."""

    scene: str
    reel: str
    frames: int
    rate: Rate = FILM
    start: int = 0
    #: h264, prores, sequence or still.
    codec: str = "h264"
    sound: bool = False

    @property
    def file(self) -> str:
        """Its path under the footage folder; a sequence is its `%04d` pattern."""
        stem = f"{self.reel}_{self.scene}"
        if self.codec == "sequence":
            return f"{stem}/{stem}.%04d.png"
        return f"{stem}.png" if self.codec == "still" else f"{stem}.mov"


def _hour(rate_labels: int, minutes: int, seconds: int) -> int:
    """The frame of 01:MM:SS:00."""
    return (3600 + minutes * 60 + seconds) * rate_labels


#: Twelve minutes of an imaginary shooting day.
FOOTAGE: dict[str, Footage] = {
    "city": Footage(scene="city", reel="A001C003", frames=80, start=_hour(24, 2, 10)),
    "sea": Footage(
        scene="sea", reel="B002C001", frames=96, rate=NTSC_FILM, start=_hour(24, 0, 24), sound=True
    ),
    "train": Footage(scene="train", reel="A001C007", frames=144, start=_hour(24, 7, 5), codec="prores"),
    "walker": Footage(scene="walker", reel="A002C002", frames=112, start=_hour(24, 9, 30)),
    "rain": Footage(scene="rain", reel="A002C005", frames=60, start=_hour(24, 12, 0)),
    "wood": Footage(scene="wood", reel="D001C002", frames=70, start=1001, codec="sequence"),
    "lake": Footage(scene="lake", reel="P001", frames=1, codec="still"),
}


def shoot(folder: Path) -> dict[str, Path]:
    """Write all footage into `folder`; name -> file (a sequence: its pattern). Raises MediaError."""
    folder.mkdir(parents=True, exist_ok=True)
    # Two at a time: painting and ffmpeg keep two cores busy, more would only wait.
    with ThreadPoolExecutor(2) as pool:
        done = {name: pool.submit(_write, footage, folder) for name, footage in FOOTAGE.items()}
        return {name: future.result() for name, future in done.items()}


def _write(footage: Footage, folder: Path) -> Path:
    paint = _SCENES[footage.scene]()
    out = folder / footage.file
    out.parent.mkdir(parents=True, exist_ok=True)
    if footage.codec == "still":
        Image.fromarray(paint(0)).save(out, compress_level=1)
    elif footage.codec == "sequence":
        for frame in range(footage.frames):
            numbered = out.with_name(out.name.replace("%04d", f"{footage.start + frame:04d}"))
            Image.fromarray(paint(frame)).save(numbered, compress_level=1)
    else:
        _write_movie(footage, paint, out)
    return out


def _write_movie(footage: Footage, paint: Callable[[int], Picture], out: Path) -> None:
    def pictures() -> Iterator[bytes]:
        for frame in range(footage.frames):
            yield paint(frame).tobytes()

    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        inputs = ffmpeg.raw_input_args(WIDTH, HEIGHT, footage.rate)
        sound: list[str] = []
        if footage.sound:
            surf = Path(scratch) / "surf.wav"
            _surf(surf, footage.frames / footage.rate)
            inputs += ["-f", "wav", "-i", ffmpeg.file_url(surf)]
            sound = ["-map", "1:a", "-c:a", "pcm_s16le"]
        stamp = [
            "-timecode",
            timecode(footage.start, footage.rate),
            "-metadata:s:v",
            f"reel_name={footage.reel}",
        ]
        picture = graphs.chain([graphs.step("scale", out_color_matrix="bt709", out_range="tv")])
        codec = [*_CODECS[footage.codec], "-pix_fmt", _PIXELS[footage.codec]]
        args = [*inputs, *picture, *sound, *codec, *_COLOUR, *stamp, str(out)]
        ffmpeg.run(args, what=f"making {out.name}", feed=pictures())


def _surf(path: Path, seconds: Fraction) -> None:
    """Waves breaking, in stereo: soft noise that swells every few seconds."""
    samples = int(seconds * _SOUND_RATE)
    source = np.random.default_rng(90)
    hiss = np.cumsum(source.normal(size=(samples, 2)), axis=0)
    hiss -= np.stack([np.convolve(hiss[:, side], np.ones(400) / 400, "same") for side in (0, 1)], axis=1)
    clock = np.arange(samples)[:, None] / _SOUND_RATE
    swell = 0.25 + 0.75 * np.sin(np.pi * clock / 3.1 + np.array([0.0, 0.4])) ** 4
    sound = hiss / np.abs(hiss).max() * swell * 0.5
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_SOUND_RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
