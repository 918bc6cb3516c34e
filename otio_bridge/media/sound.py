"""A plate's sound, cut to the sample apart from the pictures."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from pathlib import Path

from av.audio.frame import AudioFrame

from otio_bridge.media.ffmpeg import input_args, output_arg, run
from otio_bridge.media.graphs import apply, arguments, sound_between, stream
from otio_bridge.media.opening import opened
from otio_bridge.media.probe import sounds
from otio_bridge.media.timing import SEEKS_EXACTLY, picture_delay
from otio_bridge.model.media import MediaInfo, SoundInfo

#: Seconds decoded before the first wanted sample: compressed sound needs its past.
_PREROLL = {"mpegts": 10, "mpegps": 10}


def cut_sound(
    info: MediaInfo,
    first: int,
    frames: int,
    rate: Fraction,
    out: Path,
    *,
    ffmpeg: str = "",
    deadline: float | None = None,
) -> Path:
    """Every sound stream under `frames` pictures from the file's frame `first` on, as 24-bit PCM in `out`.

    Silence where the file has none at an end. Raises MediaError.
    """
    begin = picture_delay(info.path) + first / rate
    args = sound_args(info, sounds(info.path), begin, frames / rate, out)
    run(args, what=f"cutting the sound of {out.name}", ffmpeg=ffmpeg, deadline=deadline)
    return out


def sample_counts(path: Path) -> list[int]:
    """Samples in every sound stream of a file, by decoding them."""
    with opened(path) as (_, file):
        streams = file.streams.audio
        counts = dict.fromkeys((stream.index for stream in streams), 0)
        for packet in file.demux(*streams) if streams else ():
            for frame in packet.decode():
                if isinstance(frame, AudioFrame):
                    counts[packet.stream_index] += frame.samples
    return list(counts.values())


def sound_args(
    info: MediaInfo, heard: tuple[SoundInfo, ...], begin: Fraction, seconds: Fraction, out: Path
) -> list[str]:
    """Arguments that cut `seconds` from `begin`, counted from the file's start, out of every sound stream."""
    seek = 0
    if info.container in SEEKS_EXACTLY or info.container in _PREROLL:
        # A whole second is a whole sample at every rate.
        seek = max(0, floor(begin) - _PREROLL.get(info.container, 1))
    cut = [
        apply(
            stream(0, f"a:{index}"),
            sound_between(
                sound.sample_rate,
                round((begin - seek) * sound.sample_rate),
                round(seconds * sound.sample_rate),
            ),
        )
        for index, sound in enumerate(heard)
    ]
    source = input_args(info.path, seek=Fraction(seek))
    return [*source, *arguments(*cut), "-c:a", "pcm_s24le", "-map_metadata", "-1", output_arg(out)]
