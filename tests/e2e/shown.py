"""What an editor sees: every record frame of a timeline, by an arithmetic and a reading of its own."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import opentimelineio as otio

from otio_bridge.testing.framecode import SIZE
from tests.e2e.loop import says


def exact(value: float) -> Fraction:
    """A written number as the fraction it means (29.97002997 is 30000/1001)."""
    ntsc = Fraction(round(value * 1001 / 1000) * 1000, 1001)
    return ntsc if abs(float(ntsc) - value) < 1e-3 and value % 1 else Fraction(value).limit_denominator(10000)


def scalar(clip: otio.schema.Clip) -> Fraction:
    """The clip's speed."""
    for effect in clip.effects:
        if isinstance(effect, otio.schema.FreezeFrame):
            return Fraction(0)
        if isinstance(effect, otio.schema.LinearTimeWarp):
            return Fraction(effect.time_scalar).limit_denominator(1000)
    return Fraction(1)


def length(item: otio.core.Item, rate: Fraction) -> int:
    """Record frames of an item."""
    found = item.source_range.duration
    return round(Fraction(found.value).limit_denominator(10000) / exact(found.rate) * rate)


def frames_of(
    clip: otio.schema.Clip, rate: Fraction, media_rate: Fraction, head: int = 0, tail: int = 0
) -> list[int]:
    """The media frame at every record frame, overhang of `head` and `tail` included; `rate` is the timeline's."""
    written = clip.source_range.start_time
    start = Fraction(written.value).limit_denominator(1000) / exact(written.rate) * media_rate
    step = scalar(clip) * media_rate / rate
    n = length(clip, rate)
    first = start + ceil((n - 1) * -step) if step < 0 else start
    return [floor(first + i * step) for i in range(-head, n + tail)]


def file_of(media: otio.core.MediaReference) -> str:
    """The file of a reference, a sequence as its pattern."""
    if isinstance(media, otio.schema.ImageSequenceReference):
        pattern = f"%0{media.frame_zero_padding}d"
        text = f"{media.target_url_base}{media.name_prefix}{pattern}{media.name_suffix}"
        return text.removeprefix("file://")
    text = media.target_url
    return unquote(urlsplit(text).path) if text.startswith("file:") else text


def seen(clip: otio.schema.Clip, rate: Fraction, head: int = 0, tail: int = 0) -> list[int | None]:
    """The frame code at every record frame of a clip, through its active reference and its retime."""
    media = clip.media_reference
    available = media.available_range
    begin, have = round(available.start_time.value), round(available.duration.value)
    wanted = frames_of(clip, rate, exact(available.start_time.rate), head, tail)
    for frame in wanted:
        assert begin <= frame < begin + have, f"{clip.name}: frame {frame} is not in {begin}+{have}"
    file = file_of(media)
    # A picture file is held.
    held = file.endswith(".png") and "%" not in file
    return says(file, [0 if held else frame - begin for frame in wanted])


def takes_of(clip: otio.schema.Clip) -> list[str]:
    """The takes a clip offers."""
    return sorted(key.partition("/")[2] for key in clip.media_references() if key.startswith("otio_bridge/"))


def active(clip: otio.schema.Clip) -> str:
    """The take it shows, or `original`."""
    key = clip.active_media_reference_key
    return key.partition("/")[2] if key.startswith("otio_bridge/") else "original"


def placed(timeline: otio.schema.Timeline, rate: Fraction) -> Iterator[tuple[str, int, otio.schema.Clip]]:
    """Track name, record frame from the cut's start, and clip, of every clip on a track."""
    for track in timeline.tracks:
        at = 0
        for item in track:
            if isinstance(item, otio.schema.Transition):
                continue
            if isinstance(item, otio.schema.Clip):
                yield track.name, at, item
            at += length(item, rate)


def read(path: Path) -> otio.schema.Timeline:
    """An `.otio`."""
    return otio.adapters.read_from_file(str(path))


__all__ = ["SIZE", "active", "file_of", "frames_of", "placed", "read", "seen", "takes_of"]
