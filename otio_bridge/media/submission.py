"""Rendering one part of a plate for one provider: its frames exactly, at its rate, in its raster."""

from __future__ import annotations

from pathlib import Path

from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.media.feed import feed
from otio_bridge.media.ffmpeg import output_arg, run
from otio_bridge.media.graphs import chain
from otio_bridge.media.pixels import as_read, for_sending
from otio_bridge.model.conform import Limits, Part, Source, Submission
from otio_bridge.model.media import MediaInfo

#: What models ask for, by name. H.264 nearly without loss: every generation adds its own.
SENDING: dict[str, tuple[str, ...]] = {
    "h264": ("-c:v", "libx264", "-preset", "medium", "-crf", "10", "-g", "24", "-movflags", "+faststart"),
    "hevc": ("-c:v", "libx265", "-preset", "fast", "-crf", "10", "-tag:v", "hvc1",
             "-x265-params", "log-level=error", "-movflags", "+faststart"),
    "prores": ("-c:v", "prores", "-profile:v", "3", "-pix_fmt", "yuv422p10le"),
}  # fmt: skip


def make_submission(
    plate: Path,
    submission: Submission,
    part: Part,
    out: Path,
    *,
    info: MediaInfo,
    limits: Limits,
    offset: int = 0,
    deadline: float | None = None,
    ffmpeg: str = "",
) -> Path:
    """Write what `part` sends of the plate to `out` (`.mp4`; `.mov` for ProRes) and return it.

    `info` is the plate's. `offset` is the file's frame that is the plate's frame 0, where the file was cut
    with real frames around it for padding. Raises RefusedInput for a codec we do not send, MediaError.
    """
    codec = SENDING.get(limits.codec)
    if codec is None:
        raise RefusedInput(
            "the provider wants a codec we do not send", value=limits.codec, allowed=[*SENDING]
        )
    first = offset + part.plate.start - part.pad_head
    end = offset + part.plate.end + part.pad_tail
    if first < 0 or end > info.frames:
        raise MediaError(f"has frames 0-{info.frames - 1}, and {first}-{end - 1} are to be sent", value=plate)
    indexes = [*range(first, end), *[end - 1] * part.hold_tail]
    pictures = feed([plate], [Source(part=0, frame=index) for index in indexes], submission.sent_rate)
    steps = for_sending(
        as_read(info.colour, pictures.pix_fmt, pictures.height),
        submission.box,
        submission.sent_raster,
        lut=submission.to_display,
    )
    args = [*pictures.args, *chain(steps), *codec, "-fps_mode", "passthrough", output_arg(out)]
    run(args, feed=pictures.pictures, what=f"making {out.name}", deadline=deadline, ffmpeg=ffmpeg)
    return out
