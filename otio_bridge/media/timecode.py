"""Start timecode and reel, as files embed them: QuickTime's tmcd track, tags, EXR and DPX headers.

PyAV tells a tmcd track's label but not its quanta, which may be another than the video's (30 drop-frame
on 59.94: standards.md §5), so that its sample description is read here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

from otio_bridge.model.time import can_drop, nominal, parse_timecode

#: Header bytes of an EXR, and of a sample description, beyond which nothing is believed.
_MOST = 1 << 20


class Start(NamedTuple):
    """An embedded start: the frame at the video's rate, and whether its labels drop."""

    frame: int
    drop: bool


def start_of(text: str, rate: Fraction, quanta: int | None = None) -> Start | None:
    """The frame at `rate` that a label means whose last field counts `quanta` frames in a second.

    None for text that is no timecode.
    """
    labels = nominal(rate)
    counted = rate if quanta in (None, labels) else Fraction(rate * quanta, labels)
    with suppress(ValueError):
        frame, drop = parse_timecode(text, counted)
        return Start(int(frame * nominal(rate) / nominal(counted)), drop and can_drop(rate))
    return None


def from_tags(rate: Fraction, *tags: Mapping[str, str], quanta: int | None = None) -> Start | None:
    """The first readable `timecode` tag (in any case, as Matroska writes it)."""
    for tag in tags:
        for key, text in tag.items():
            if key.lower() == "timecode" and (found := start_of(text, rate, quanta)):
                return found
    return None


def quicktime_quanta(path: Path) -> int | None:
    """Frames a second of a QuickTime file's tmcd track; None where it has none, or it is not to be read."""
    with suppress(OSError, struct.error), path.open("rb") as file:
        size = path.stat().st_size
        for kind, start, end in _atoms(file, 0, size):
            if kind == b"moov":
                return _quanta_in(file, start, end)
    return None


def _quanta_in(file: BinaryIO, start: int, end: int) -> int | None:
    for kind, first, last in _atoms(file, start, end):
        if kind in (b"trak", b"mdia", b"minf", b"stbl"):
            found = _quanta_in(file, first, last)
            if found:
                return found
        elif kind == b"stsd":
            file.seek(first)
            head = file.read(min(last - first, 64))
            # version+flags, count, then one entry: size, "tmcd", 6 reserved, reference, 4 reserved,
            # flags, time scale, frame duration, frames a second (QTFF, Timecode sample description).
            if head[12:16] == b"tmcd" and len(head) >= 41:
                return head[40] or None
    return None


def _atoms(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, first byte, end) of the atoms in a part of the file."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            return
        yield kind, start + head, start + size
        start += size


class ExrHeader(NamedTuple):
    """What an EXR says of its place in time."""

    label: str | None
    reel: str | None


def exr_header(path: Path) -> ExrHeader:
    """`timeCode` and `reelName` of an OpenEXR file, which ffmpeg does not read (OpenEXR file layout)."""
    label = reel = None
    with suppress(OSError, struct.error, ValueError), path.open("rb") as file:
        head = file.read(_MOST)
        at = 8
        while head[at]:
            name_end = head.index(b"\0", at)
            type_end = head.index(b"\0", name_end + 1)
            (size,) = struct.unpack_from("<i", head, type_end + 1)
            if size < 0:
                break
            value = head[type_end + 5 : type_end + 5 + size]
            if head[name_end + 1 : type_end] == b"timecode":
                label = bcd_label(struct.unpack_from("<I", value)[0])
            elif head[at:name_end] == b"reelName":
                reel = value.decode("utf-8", "replace").strip("\0 ") or None
            at = type_end + 5 + size
            if at >= len(head):
                break
    return ExrHeader(label, reel)


def bcd_label(word: int) -> str:
    """A SMPTE 12M time word as `hh:mm:ss:ff`, with `;` where bit 6 says drop-frame."""

    def two(shift: int, tens: int) -> int:
        return (word >> shift & 15) + 10 * (word >> (shift + 4) & tens)

    mark = ";" if word >> 6 & 1 else ":"
    return f"{two(24, 3):02d}:{two(16, 7):02d}:{two(8, 7):02d}{mark}{two(0, 3):02d}"
