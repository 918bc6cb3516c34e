"""Cutting plates: exactly the promised frames of the edit's media, with its timecode, colour and sound.

The recipe is the winner of media.md §6: seek early with microseconds, put the pictures on the rate's grid,
count frames there, never let the muxer drop or double one; then count again with another library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Literal, NamedTuple

from otio_bridge.errors import MediaError
from otio_bridge.media import sequence
from otio_bridge.media.encoders import Encoder, encoder_for
from otio_bridge.media.ffmpeg import STREAMS, input_args, output_arg, run
from otio_bridge.media.files import Written, sha256
from otio_bridge.media.graphs import Step, chain, cut_by_count, cut_on_grid, deinterlaced, step
from otio_bridge.media.pixels import as_read, as_written, broken, for_take, is_rgb
from otio_bridge.media.probe import probe
from otio_bridge.media.sound import cut_sound, sample_counts
from otio_bridge.media.timing import SEEKS_EXACTLY, clock_of, longest_group, shown_times
from otio_bridge.model.conform import Box, Raster
from otio_bridge.model.media import ColourTags, FieldOrder, MediaInfo, MediaKind
from otio_bridge.model.time import FrameRange, Rate, can_drop, timecode
from otio_bridge.model.value import Value

#: Pictures decoded before the first wanted one, in seconds: more than any re-ordering.
_PREROLL = 2
#: The same for streams, whose seek lands late.
_PREROLL_STREAMS = 10


class PlateSpec(Value):
    """How a plate is written."""

    #: The edit's rate for the media: stamped on the plate, and the grid of media that keep to none.
    rate: Rate
    drop: bool = False
    codec: str = "prores"
    audio: Literal["source", "none", "provider"] = "source"
    #: The plate's own reel, and the camera's.
    reel: str | None = None
    source_reel: str | None = None
    #: Two fields become one frame; without it interlaced media are refused.
    deinterlace: bool = False
    #: Said to be interlaced, known to be progressive (PsF): left as it is.
    segmented: bool = False
    #: The configured ffmpeg, where there is one.
    ffmpeg: str = ""


def suffix_for(codec: str, info: MediaInfo) -> str:
    """What a plate's or take's file name ends with: `.mov`, or `.%04d.png` for sequences."""
    return ".%04d.png" if codec == "png" else ".mov"


def cut_plate(
    info: MediaInfo,
    frames: FrameRange,
    media_range_start: int,
    out: Path,
    *,
    spec: PlateSpec,
    deadline: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Cut `frames` of the media into `out`, a work path (`%04d` in it: a sequence).

    `frames` count on the edit's line, where the file's first frame is `media_range_start`; they become the
    plate's timecode, or file numbers. `deadline` and `progress` are those of `ffmpeg.run`.
    Raises MediaError where the media has not all of them, is interlaced, or the result is not exact.
    """
    if info.variable and info.rate != spec.rate:
        info = probe(info.path, rate=spec.rate)
    first = check_range(info, frames, media_range_start)
    if info.field_order is not FieldOrder.PROGRESSIVE and not (spec.deinterlace or spec.segmented):
        raise MediaError("the media is interlaced", value=info.path, next="deinterlace=yes on the shot")
    source = picture_source(info, first, frames.duration, spec.rate)
    sound: Path | None = None
    if _with_sound(info, spec, out):
        sound = cut_sound(
            info, first, frames.duration, spec.rate, out.with_name("sound.mov"),
            ffmpeg=spec.ffmpeg, deadline=deadline,
        )  # fmt: skip
    encoder = _encoder(info, spec)
    args = plate_args(info, frames, source, out, spec=spec, encoder=encoder, sound=sound)
    run(args, what=f"cutting {out.name}", deadline=deadline, progress=progress, ffmpeg=spec.ffmpeg)
    if sound is not None:
        prove_sound(sound, out)
        sound.unlink()
    return prove(out, frames, spec, _written_as(info, encoder)[1])


def check_range(info: MediaInfo, frames: FrameRange, media_range_start: int) -> int:
    """The file's frame that is first in the plate, from 0. Raises MediaError where the media has not all."""
    if frames.duration < 1 or frames.start < 0:
        raise MediaError("a plate needs a frame, from 0 on", value=frames)
    if info.kind is MediaKind.STILL:
        return 0
    has = FrameRange(start=media_range_start, duration=info.frames)
    if not has.contains(frames):
        raise MediaError(
            f"frames {frames} were asked of media that has {has}", value=info.path, next="otio-bridge plan"
        )
    return frames.start - media_range_start


class PictureSource(NamedTuple):
    """An input and the steps that leave exactly the wanted frames of it."""

    args: list[str]
    steps: tuple[Step, ...]


def picture_source(info: MediaInfo, first: int, frames: int, rate: Fraction) -> PictureSource:
    """How to get `frames` frames from the file's frame `first` on, stamped at `rate`. Raises MediaError."""
    if info.kind is MediaKind.STILL:
        held = (step("tpad", stop_mode="clone", stop=frames - 1),) if frames > 1 else ()
        return PictureSource(input_args(info.path, rate=rate), held)
    if info.kind is MediaKind.SEQUENCE:
        number = (info.first_number or 0) + first
        return PictureSource(
            input_args(info.path, rate=rate, first_number=number), (step("trim", end_frame=frames),)
        )
    if info.container not in SEEKS_EXACTLY | STREAMS:
        # AVI and the like: pictures are counted, their times and index mean little.
        return PictureSource(input_args(info.path), cut_by_count(rate, first, frames))
    before = pre_roll(info, first)
    # The grid may lose a last picture whose length the file does not state; held on, it is not the last.
    last = (step("tpad", stop_mode="clone", stop=2),) if info.variable else ()
    if before == 0:
        # Decoded from the start: the first picture is frame 0 wherever its clock begins.
        begun = step("setpts", "PTS-STARTPTS")
        grid = cut_on_grid(info.rate, first, frames, rate)
        return PictureSource(input_args(info.path), (begun, *last, *grid))
    clock = clock_of(info.path)
    seek = clock.picture + before / info.rate - (clock.file if info.container in STREAMS else 0)
    grid = cut_on_grid(info.rate, first - before, frames, rate)
    return PictureSource(input_args(info.path, seek=seek), (*last, *grid))


def pre_roll(info: MediaInfo, first: int) -> int:
    """The frame to seek to, so that what shows at `first` is surely decoded; 0 means from the start."""
    if info.container in STREAMS:
        if longest_group(info.path) > _PREROLL_STREAMS - 2:
            return 0
        return max(0, floor(first - _PREROLL_STREAMS * info.rate))
    before = max(0, floor(first - _PREROLL * info.rate))
    if info.variable and before:
        # The frame that is held at `first` may have begun long before.
        begun = max(
            time for time in shown_times(info.path) if floor(time * info.rate + Fraction(1, 2)) <= first
        )
        before = max(0, min(before, floor(begun * info.rate) - 1))
    return before


def plate_args(
    info: MediaInfo,
    frames: FrameRange,
    source: PictureSource,
    out: Path,
    *,
    spec: PlateSpec,
    encoder: Encoder,
    sound: Path | None = None,
) -> list[str]:
    """All arguments of the one ffmpeg that writes the plate."""
    fields: tuple[Step, ...] = ()
    if info.field_order is not FieldOrder.PROGRESSIVE:
        fields = (deinterlaced() if spec.deinterlace else step("setfield", "prog"),)
    args = [*source.args, *(input_args(sound) if sound else [])]
    args += chain([*fields, *source.steps, *_pixels(info, encoder)])
    if sound:
        args += ["-map", "1:a", "-c:a", "copy"]
    # No `-frames:v`: reaching it also ends the sound, before its last packet. The steps count exactly.
    args += [*encoder.args, "-fps_mode", "passthrough"]
    return [*args, *embedded(frames.start, spec, out), output_arg(out)]


def _encoder(info: MediaInfo, spec: PlateSpec) -> Encoder:
    """What writes the plate. For odd sides: ffmpeg's `prores` takes no odd width, 4:2:0 no odd side."""
    encoder = encoder_for(spec.codec, alpha=info.alpha, bits=info.bits)
    if encoder.pix_fmt == "yuv420p" and (info.width % 2 or info.height % 2):
        return encoder._replace(pix_fmt="yuv444p")
    if encoder.args[:2] == ("-c:v", "prores") and info.width % 2:
        return encoder._replace(args=("-c:v", "prores_ks", *encoder.args[2:]))
    return encoder


def _pixels(info: MediaInfo, encoder: Encoder) -> Sequence[Step]:
    """The same picture in the encoder's pixel format: raster, pixel aspect and colour tags stay."""
    size = (info.width, info.height)
    return for_take(
        as_read(info.colour, info.pix_fmt, info.height),
        size,
        Box(x=0, y=0, width=info.width, height=info.height),
        Raster(width=info.width, height=info.height, pixel_aspect=info.pixel_aspect),
        pix_fmt=encoder.pix_fmt,
        write=_written_as(info, encoder),
    )


def _written_as(info: MediaInfo, encoder: Encoder) -> tuple[ColourTags, ColourTags]:
    """What the plate's pixels are, and what they are tagged as."""
    # An EXR does not say that it is RGB; whatever matrix it gets is said.
    rgb = {"space": "gbr"} if is_rgb(info.pix_fmt) else {}
    return as_written(info.colour.model_copy(update=rgb), encoder.pix_fmt, info.height, encoder)


def embedded(start: int, spec: PlateSpec, out: Path) -> list[str]:
    """Arguments for start timecode, reels and clock; nothing of the source's own metadata is carried on."""
    args = ["-map_metadata", "-1", "-map_chapters", "-1"]
    if sequence.is_pattern(out):
        # PNG embeds no timecode: the file's number is the frame's coordinate.
        return [*args, "-start_number", str(start), "-f", "image2"]
    drop = spec.drop and can_drop(spec.rate)
    args += ["-timecode", timecode(start, spec.rate, drop=drop), "-write_tmcd", "1"]
    if spec.reel:
        args += ["-metadata:s:v:0", f"reel_name={spec.reel}"]
    if spec.source_reel:
        args += ["-metadata", f"source_reel={spec.source_reel}"]
    # A whole number of ticks a frame, however small the rate.
    ticks = spec.rate.numerator * (1 if spec.rate.numerator >= 1000 else 1000)
    return [*args, "-video_track_timescale", str(ticks), "-movflags", "+write_colr+use_metadata_tags"]


def prove(out: Path, frames: FrameRange, spec: PlateSpec, colour: ColourTags) -> Written:
    """The written plate, after another library has counted its frames and read its stamps and colour tags.

    Raises MediaError where one is not as promised.
    """
    made = probe(out, rate=spec.rate)
    still_one = made.kind is MediaKind.STILL and frames.duration == 1
    if made.frames != frames.duration and not still_one:
        raise MediaError(
            f"{made.frames} frames were written where {frames.duration} were promised", value=out,
            next="report the media: its times are unlike any we know",
        )  # fmt: skip
    if made.kind is MediaKind.MOVIE:
        day = timecode(frames.start, spec.rate, drop=spec.drop)
        got = None if made.start is None else timecode(made.start, made.rate, drop=made.drop)
        if (made.rate, got, made.reel) != (spec.rate, day, spec.reel):
            raise MediaError(
                f"was stamped {made.rate} {got} reel {made.reel}, not {spec.rate} {day} reel {spec.reel}",
                value=out,
            )
        if wrong := broken(made.colour, made.pix_fmt, colour):
            raise MediaError(
                "; ".join(wrong), value=out, next="report the media: its tags are unlike any we know"
            )
    return Written(path=out, sha256=sha256(out), info=made)


def prove_sound(sound: Path, out: Path) -> None:
    """Raises MediaError unless every sample that was cut is in the plate."""
    if sample_counts(sound) != sample_counts(out):
        raise MediaError("the plate's sound is not whole", value=out)


def _with_sound(info: MediaInfo, spec: PlateSpec, out: Path) -> bool:
    """Whether the plate gets sound. At another rate than the file's own its sound has another length."""
    same_speed = info.variable or info.rate == spec.rate
    return spec.audio != "none" and info.sound is not None and same_speed and not sequence.is_pattern(out)
