"""Rates, frame ranges and timecode: exact fractions and integer frames, never floats.

Timecode is SMPTE ST 12-1. A rate's *nominal* rate is the count of its timecode labels in a second
(24 for 24000/1001). Drop-frame exists at 30000/1001 and 60000/1001 only.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from otio_bridge.model.value import Value, exact, fraction_text

#: Rates editors write; anything nearer than 0.005 fps to one of them *is* that one
#: (Hiero writes float32 23.976024627685547, others 23.98: otio.md §3.2).
_NAMED = tuple(Fraction(n) for n in (8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 96, 100, 120))
_NTSC = tuple(Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 90, 96, 120))
_SNAP = Fraction(5, 1000)
#: A written start this near to a whole frame is that frame (design §5).
FRAME_TOLERANCE = Fraction(1, 10_000)


def snap_rate(value: Any) -> Fraction:
    """The exact rate meant by what a file wrote.

    Raises ValueError for zero, negative and rates above 1000 frames a second.
    """
    rate = exact(value)
    if not 0 < rate <= 1000:
        raise ValueError(f"not a frame rate: {value!r}")
    if rate in _NAMED or rate in _NTSC:
        return rate
    nearest = min(_NAMED + _NTSC, key=lambda known: abs(known - rate))
    return nearest if abs(nearest - rate) <= _SNAP else rate.limit_denominator(1_000_000)


#: Frames a second, exact; reads 23.976 as 24000/1001 and is written as "24000/1001".
Rate = Annotated[
    Fraction,
    BeforeValidator(snap_rate),
    PlainSerializer(fraction_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(/\d+)?$", "examples": ["24000/1001", "25"]}),
]


def nominal(rate: Fraction) -> int:
    """Timecode labels in a second: 24 for 24000/1001, 30 for 30000/1001."""
    return max(1, round(rate))


def can_drop(rate: Fraction) -> bool:
    """Whether drop-frame timecode exists at this rate."""
    return rate in (Fraction(30000, 1001), Fraction(60000, 1001))


def rate_text(rate: Fraction) -> str:
    """How people say it: `23.976`, `25`."""
    return str(rate.numerator) if rate.denominator == 1 else f"{float(rate):.3f}".rstrip("0").rstrip(".")


def snap_frame(value: Fraction) -> Fraction:
    """The whole frame a written float means, or the fraction itself where it is really between frames."""
    if value.denominator == 1:
        return value
    whole = round(value)
    return Fraction(whole) if abs(value - whole) <= FRAME_TOLERANCE else value


class FrameRange(Value):
    """Whole frames from `start`, `duration` of them; `end` is the first frame after."""

    start: int
    duration: int = Field(ge=0)

    @classmethod
    def between(cls, first: int, end: int) -> FrameRange:
        """The range from `first` up to, not including, `end`."""
        return cls(start=first, duration=max(0, end - first))

    @property
    def end(self) -> int:
        """The first frame after the range."""
        return self.start + self.duration

    @property
    def last(self) -> int:
        """The last frame in the range."""
        return self.end - 1

    def contains(self, other: FrameRange) -> bool:
        """Whether every frame of `other` is in this range."""
        return self.start <= other.start and other.end <= self.end

    def holds(self, frame: int) -> bool:
        """Whether `frame` is in this range."""
        return self.start <= frame < self.end

    def union(self, other: FrameRange) -> FrameRange:
        """The shortest range that holds both (what lies between them too)."""
        return FrameRange.between(min(self.start, other.start), max(self.end, other.end))

    def overlap(self, other: FrameRange) -> int:
        """How many frames both have."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))

    def clamped(self, limits: FrameRange) -> FrameRange:
        """The part of this range inside `limits`; of no frames where they do not meet."""
        first = min(max(self.start, limits.start), limits.end)
        return FrameRange.between(first, min(self.end, limits.end))

    def clamp(self, frame: int) -> int:
        """`frame`, held at the first or last frame of the range."""
        return min(max(frame, self.start), self.last)

    def __str__(self) -> str:
        return f"{self.start}-{self.last}" if self.duration else f"{self.start}-(none)"


_TIMECODE = re.compile(r"^(\d{2,3}):(\d{2}):(\d{2})([:;.,])(\d{2,3})$")


def timecode(frame: int, rate: Fraction, *, drop: bool = False) -> str:
    """`01:00:00:00` (`;` before the frames where it drops), wrapping at 24 hours.

    Raises ValueError for a negative frame: timecode is never negative (ffmpeg writes it as positive).
    """
    if frame < 0:
        raise ValueError(f"timecode cannot be negative: frame {frame}")
    labels = nominal(rate)
    if drop and can_drop(rate):
        dropped = labels // 15
        ten, rest = divmod(frame, labels * 600 - 9 * dropped)
        frame += 9 * dropped * ten
        if rest >= dropped:
            frame += dropped * ((rest - dropped) // (labels * 60 - dropped))
    seconds, frames = divmod(frame % (labels * 86400), labels)
    separator = ";" if drop and can_drop(rate) else ":"
    width = 3 if labels > 100 else 2
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{clock}{separator}{frames:0{width}d}"


def typed_frames(text: str, rate: Fraction, *, drop: bool) -> tuple[int, ...]:
    """The frames a typed timecode may mean where labels count drop-frame, or do not: as they count first.

    People type `:` for both. A `;` where labels do not drop may also be a drop-frame label, of another frame:
    both are given, so that nothing is taken for the wrong one in silence. Raises ValueError as `parse_timecode`.
    """
    match = _TIMECODE.match(text.strip())
    if not match:
        raise ValueError(f"not a timecode: {text!r}")
    label = ":".join(match.group(1, 2, 3))
    own, _ = parse_timecode(f"{label}{';' if drop else ':'}{match[5]}", rate)
    if drop or match[4] in ":." or not can_drop(rate):
        return (own,)
    try:
        other, _ = parse_timecode(f"{label};{match[5]}", rate)
    except ValueError:
        return (own,)
    return (own,) if other == own else (own, other)


def parse_timecode(text: str, rate: Fraction) -> tuple[int, bool]:
    """The frame a timecode names at `rate`, and whether it is drop-frame (a `;` says so).

    Raises ValueError for text that is no timecode and for labels that drop-frame leaves out.
    """
    match = _TIMECODE.match(text.strip())
    if not match:
        raise ValueError(f"not a timecode: {text!r}")
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
    frames, drop = int(match[5]), match[4] in ";,"
    labels = nominal(rate)
    if minutes > 59 or seconds > 59 or frames >= labels:
        raise ValueError(f"not a timecode at {rate_text(rate)}: {text!r}")
    frame = (hours * 3600 + minutes * 60 + seconds) * labels + frames
    if drop and can_drop(rate):
        dropped = labels // 15
        if minutes % 10 and seconds == 0 and frames < dropped:
            raise ValueError(f"drop-frame timecode has no label {text!r}")
        total = hours * 60 + minutes
        frame -= dropped * (total - total // 10)
    return frame, drop and can_drop(rate)
