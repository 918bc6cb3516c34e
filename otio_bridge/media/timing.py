"""How many frames a movie shows, at which rate, and whether they keep to it: decoded only if it must be."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from av.container import InputContainer
from av.video.stream import VideoStream

from otio_bridge.errors import MediaError
from otio_bridge.media.opening import opened, picture_stream
from otio_bridge.media.sniff import Container
from otio_bridge.model.time import snap_rate

#: Containers whose packets are the frames shown and whose seek lands on the key frame before. In the
#: others packets may be undecodable (a transport stream's first open GOP) or hold two frames (packed AVI).
SEEKS_EXACTLY = frozenset({"mov", "mkv", "mxf"})
#: A frame this far from its place, in frames, breaks a constant rate.
_LOOSE = Fraction(1, 4)


class Timing(NamedTuple):
    """When the frames show. `variable`: they keep to no rate; `rate` is the average, `seconds` all of it."""

    frames: int
    rate: Fraction
    variable: bool
    seconds: Fraction


def timing(path: str | Path, container: Container, file: InputContainer, stream: VideoStream) -> Timing:
    """The timing of an open movie's pictures; the file is read on, so seek before decoding.

    Raises MediaError where there are no frames or no rate.
    """
    tick = stream.time_base
    assert tick is not None
    times, last = _indexed(container, stream) or _demuxed(file, stream)
    frames = len(times) if container.name in SEEKS_EXACTLY else _decoded(path)
    if not frames or not times:
        raise MediaError("has no frames", value=path)
    span = (times[-1] - times[0]) * tick
    candidates = [stream.guessed_rate, stream.average_rate, stream.base_rate]
    if len(times) > 1 and span:
        candidates.append((len(times) - 1) / span)
    rates = list(dict.fromkeys(snap_rate(rate) for rate in candidates if rate and 0 < rate <= 1000))
    if not rates:
        raise MediaError("states no frame rate", value=path)
    constant = next((rate for rate in rates if _keeps(times, rate, tick)), None)
    # Where packets are not frames (an open GOP's unreadable start), times say nothing certain of a few.
    rate = constant or rates[-1]
    seconds = span + (last * tick if last else 1 / rate)
    return Timing(frames, rate, constant is None, seconds)


def constant_rate(path: str | Path) -> Fraction | None:
    """The rate a movie's frames keep to; None where they keep to none. Raises MediaError."""
    with opened(path) as (container, file):
        found = timing(path, container, file, picture_stream(path, file))
    return None if found.variable else found.rate


def _keeps(times: list[int], rate: Fraction, tick: Fraction) -> bool:
    """Whether frame k shows at k/rate, as nearly as the file's clock can say it."""
    step = 1 / (rate * tick)
    # One tick either way is the clock's own rounding; beyond that a named rate forgives jitter.
    loose = max(Fraction(1), _LOOSE * step) if snap_rate(rate).denominator in (1, 1001) else Fraction(1)
    first = times[0]
    return all(abs(time - first - k * step) <= loose for k, time in enumerate(times))


def _indexed(container: Container, stream: VideoStream) -> tuple[list[int], int] | None:
    """Times from the index of a whole QuickTime file, unread; None where it does not tell all.

    They are decoding times, whose steps are the showing times' wherever frames are re-ordered.
    """
    if container.name != "mov" or not stream.frames or len(stream.index_entries) != stream.frames:
        return None
    entries = list(stream.index_entries)
    if any(entry.is_discard for entry in entries):
        return None
    times = [entry.timestamp for entry in entries]
    last = stream.duration - (times[-1] - times[0]) if stream.duration else 0
    return times, max(0, last)


def _demuxed(file: InputContainer, stream: VideoStream) -> tuple[list[int], int]:
    """Times of every packet that is shown, and how long the last one shows."""
    shown: list[tuple[int, int]] = []
    for packet in file.demux(stream):
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.size and time is not None and not packet.is_discard:
            shown.append((time, packet.duration or 0))
    shown.sort()
    return [time for time, _ in shown], shown[-1][1] if shown else 0


def _decoded(path: str | Path) -> int:
    with opened(path) as (_, file):
        return sum(1 for _ in file.decode(picture_stream(path, file)))


def shown_times(path: str | Path) -> list[Fraction]:
    """When each frame shows, in seconds after the first one; in order. Raises MediaError."""
    with opened(path) as (_, file):
        stream = picture_stream(path, file)
        assert stream.time_base is not None
        times, _ = _demuxed(file, stream)
        return [(time - times[0]) * stream.time_base for time in times]


def longest_group(path: str | Path) -> Fraction:
    """The longest time between two key frames, in seconds: how far a seek may land late."""
    with opened(path) as (_, file):
        stream = picture_stream(path, file)
        assert stream.time_base is not None
        keys = [packet.pts for packet in file.demux(stream) if packet.is_keyframe and packet.pts is not None]
    gaps = [after - before for before, after in pairwise(sorted(keys))]
    return max(gaps, default=0) * stream.time_base


class Clock(NamedTuple):
    """Times on a file's own clock, in seconds: its start as the container says, and its first picture."""

    file: Fraction
    picture: Fraction


def clock_of(path: str | Path) -> Clock:
    """When a movie and its pictures start. Raises MediaError."""
    with opened(path) as (_, file):
        head = next(file.decode(picture_stream(path, file)), None)
        shows = Fraction(0)
        if head is not None and head.pts is not None and head.time_base is not None:
            shows = head.pts * head.time_base
        return Clock(Fraction(file.start_time or 0, 1_000_000), shows)
