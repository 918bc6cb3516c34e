"""A plate's sound, cut to the sample apart from the pictures."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from pathlib import Path

from av.audio.frame import AudioFrame

from otio_bridge.media.ffmpeg import STREAMS, input_args, output_arg, run
from otio_bridge.media.graphs import apply, arguments, sound_between, stream
from otio_bridge.media.opening import opened
from otio_bridge.media.probe import sounds
from otio_bridge.media.timing import SEEKS_EXACTLY, Clock, clock_of
from otio_bridge.model.media import MediaInfo, SoundInfo

#: Seconds decoded before the first wanted sample: compressed sound needs its past, and more where a seek
#: lands late.
_PREROLL, _PREROLL_STREAMS = 1, 10


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
    args = sound_args(info, sounds(info.path), clock_of(info.path), first / rate, frames / rate, out)
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
    info: MediaInfo,
    heard: tuple[SoundInfo, ...],
    clock: Clock,
    first: Fraction,
    seconds: Fraction,
    out: Path,
) -> list[str]:
    """Arguments that cut `seconds` of every sound stream, from `first` seconds after the first picture."""
    # AVI and the like count pictures from 0, whatever the decoder's delay shows as the first one's time.
    counted = info.container not in SEEKS_EXACTLY | STREAMS
    begin = first if counted else clock.picture + first
    stream_clock = clock.file if info.container in STREAMS else Fraction(0)
    # A whole second is a whole sample at every rate.
    zero = Fraction(floor(begin) - (_PREROLL_STREAMS if info.container in STREAMS else _PREROLL))
    seek = None if counted or zero <= 0 or zero <= clock.file else zero - stream_clock
    # The file's own clock, from wherever the seek lands: which sample is which, only the samples' times say.
    source = ["-copyts", "-noaccurate_seek", *input_args(info.path, seek=seek)]
    cut = [
        apply(
            stream(0, f"a:{index}"),
            sound_between(
                sound.sample_rate,
                round((begin - zero) * sound.sample_rate),
                round(seconds * sound.sample_rate),
                zero,
            ),
        )
        for index, sound in enumerate(heard)
    ]
    return [*source, *arguments(*cut), "-c:a", "pcm_s24le", "-map_metadata", "-1", output_arg(out)]
