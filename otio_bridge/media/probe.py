"""What a decoder finds in a file or sequence: `probe`. Reading its pictures: `decode`, `count_frames`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from otio_bridge.errors import MediaError
from otio_bridge.media import sequence, timecode
from otio_bridge.media.decode import count_frames, decode, quarter_turns
from otio_bridge.media.opening import opened, picture_stream
from otio_bridge.media.pixels import is_rgb
from otio_bridge.media.sniff import Container
from otio_bridge.media.timing import timing
from otio_bridge.model.media import ColourTags, FieldOrder, MediaInfo, MediaKind, SoundInfo
from otio_bridge.model.time import snap_rate

__all__ = ["count_frames", "decode", "probe", "sounds"]

#: Rate of stills and sequences nobody states a rate for.
_DEFAULT_RATE = Fraction(24)


def probe(path: str | Path, *, rate: Fraction | None = None) -> MediaInfo:
    """What is in a movie, a still or a `name.%04d.ext` sequence.

    `rate` is the edit's: of sequences and stills, which state none, and of movies whose frames keep to no
    rate, which are counted on its grid. `width`, `height` and `pixel_aspect` are as shown, after `rotation`.
    Raises MediaError, one sentence, for what is missing, no media, or not to be decoded.
    """
    if sequence.is_pattern(path):
        return _probe_sequence(path, rate)
    with opened(path) as (container, file):
        stream = picture_stream(path, file)
        said = _colour(stream.codec_context)
        first = next(file.decode(stream), None)
        if first is None:
            raise MediaError("has no frames", value=path)
        common = _picture(container, file, stream, first)
        common["colour"] = _settled(_colour(first), said, first.format.name)
        if container.still:
            stated = _still_start(Path(path), container, first)
            return _placed(
                MediaInfo(
                    path=str(path), kind=MediaKind.STILL, rate=rate or _DEFAULT_RATE, frames=1, **common
                ),
                *stated,
            )
        delay = Fraction(first.pts or 0) * (first.time_base or Fraction(0))
        heard = sounds_of(file, delay)
    # Opened anew: what was decoded would be missing from the packets.
    with opened(path) as (container, file):
        stream = picture_stream(path, file)
        found = timing(path, container, file, stream)
        tags = [stream.metadata, *(s.metadata for s in file.streams), file.metadata]
        reel = next((tag["reel_name"] for tag in tags if tag.get("reel_name")), None)
        quanta = timecode.quicktime_quanta(Path(path)) if container.name == "mov" else None
        frames, at = found.frames, found.rate
        if found.variable and rate is not None:
            at = snap_rate(rate)
        if found.variable:
            frames = max(1, round(found.seconds * at))
        start = timecode.from_tags(at, *tags, quanta=quanta)
    return MediaInfo(
        path=str(path),
        kind=MediaKind.MOVIE,
        rate=at,
        frames=frames,
        variable=found.variable,
        start=start.frame if start else None,
        drop=start.drop if start else False,
        reel=reel,
        sound=heard[0] if heard else None,
        **common,
    )


def sounds(path: str | Path) -> tuple[SoundInfo, ...]:
    """Every sound stream of a movie, in order; their `start` is after the first picture."""
    if sequence.is_pattern(path):
        return ()
    with opened(path) as (container, file):
        if container.still:
            return ()
        first = next(file.decode(picture_stream(path, file)), None)
        delay = Fraction(first.pts or 0) * (first.time_base or Fraction(0)) if first else Fraction(0)
        return sounds_of(file, delay)


def sounds_of(file: InputContainer, picture_start: Fraction) -> tuple[SoundInfo, ...]:
    """The sound streams of an open file whose first picture shows at `picture_start` seconds."""
    return tuple(
        SoundInfo(
            codec=stream.codec_context.name,
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            layout=stream.codec_context.layout.name,
            start=(stream.start_time or 0) * (stream.time_base or Fraction(0)) - picture_start,
        )
        for stream in file.streams.audio
        if stream.codec_context is not None and stream.codec_context.sample_rate
    )


def _probe_sequence(pattern: str | Path, rate: Fraction | None) -> MediaInfo:
    numbers = sequence.numbers(pattern)
    first = probe(sequence.file_at(pattern, numbers[0]), rate=rate)
    if first.kind is not MediaKind.STILL:
        raise MediaError(f"is a sequence of {first.container} files, not of pictures", value=pattern)
    size = sum(sequence.file_at(pattern, number).stat().st_size for number in numbers)
    return first.model_copy(
        update={
            "path": str(pattern),
            "kind": MediaKind.SEQUENCE,
            "frames": len(numbers),
            "first_number": numbers[0],
            "size_bytes": size,
        }
    )


def _still_start(path: Path, container: Container, frame: VideoFrame) -> tuple[str | None, str | None]:
    """(label, reel) in the header of an EXR or DPX."""
    if container.name == "exr":
        return timecode.exr_header(path)
    return frame.metadata.get("timecode"), None


def _placed(info: MediaInfo, label: str | None, reel: str | None) -> MediaInfo:
    start = timecode.start_of(label, info.rate) if label else None
    if start is not None:
        info = info.model_copy(update={"start": start.frame, "drop": start.drop})
    return info.model_copy(update={"reel": reel})


def _picture(
    container: Container, file: InputContainer, stream: VideoStream, frame: VideoFrame
) -> dict[str, object]:
    """The fields of MediaInfo that one decoded frame tells."""
    aspect = Fraction(stream.sample_aspect_ratio or 0) or Fraction(1)
    width, height = frame.width, frame.height
    turns = quarter_turns(frame)
    if turns % 2:
        width, height, aspect = height, width, 1 / aspect
    parts = frame.format.components
    return {
        "container": container.name,
        "codec": stream.codec_context.codec.canonical_name,
        "pix_fmt": frame.format.name,
        "width": width,
        "height": height,
        "pixel_aspect": aspect,
        "field_order": _field_order(stream, frame),
        "alpha": any(part.is_alpha for part in parts) or frame.format.name == "pal8",
        "bits": parts[0].bits,
        "rotation": -90 * turns % 360,
        "size_bytes": file.size,
    }


def _colour(tagged: VideoFrame | VideoCodecContext) -> ColourTags:
    """The tags of a frame, or those of the file while nothing is decoded."""
    return ColourTags(
        space=_SPACES.get(int(tagged.colorspace), "unknown"),
        primaries=_PRIMARIES.get(int(tagged.color_primaries), "unknown"),
        transfer=_TRANSFERS.get(int(tagged.color_trc), "unknown"),
        range=_RANGES.get(int(tagged.color_range), "unknown"),
    )


def _settled(frame: ColourTags, file: ColourTags, pix_fmt: str) -> ColourTags:
    """What the frame says, else the file: a ProRes frame cannot say every transfer its `colr` atom can.

    For a matrix it has no number for, it says 0, which is RGB; YUV never is.
    """
    stated = {name: value for name, value in frame.model_dump().items() if value != "unknown"}
    settled = file.model_copy(update={k: v for k, v in stated.items() if v != "gbr" or is_rgb(pix_fmt)})
    if settled.space == "gbr" and not is_rgb(pix_fmt):
        return settled.model_copy(update={"space": "unknown"})
    return settled


def _field_order(stream: VideoStream, frame: VideoFrame) -> FieldOrder:
    """By the file's word; UNKNOWN where only the frame says that it is two fields."""
    # AVFieldOrder: 1 progressive, 2 TT, 3 BB, 4 TB (coded top, shown bottom first), 5 BT.
    stated = {2: FieldOrder.TOP, 5: FieldOrder.TOP, 3: FieldOrder.BOTTOM, 4: FieldOrder.BOTTOM}
    order = stated.get(int(stream.codec_context.field_order))
    if order is not None:
        return order
    return FieldOrder.UNKNOWN if frame.interlaced_frame else FieldOrder.PROGRESSIVE


# libavutil's numbers (pixfmt.h, H.273) in ffmpeg's words.
_SPACES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
           9: "bt2020nc", 10: "bt2020c", 14: "ictcp"}  # fmt: skip
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
              10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear",
              9: "log100", 10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1",
              14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 17: "smpte428",
              18: "arib-std-b67"}  # fmt: skip
_RANGES = {1: "tv", 2: "pc"}
