"""Opening media with PyAV, behind the same fence as ffmpeg's inputs: one demuxer, local files only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from otio_bridge.errors import MediaError
from otio_bridge.media.ffmpeg import file_url, open_options
from otio_bridge.media.sniff import Container, sniff


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[Container, InputContainer]]:
    """An open movie, still or sound file. Raises MediaError, also for what PyAV says while it is open."""
    found = sniff(path)
    with translated(path):
        file = av.open(
            file_url(path),
            format=found.demuxer,
            container_options=open_options(found),
            metadata_errors="replace",
        )
        with file:
            yield found, file


@contextmanager
def translated(path: str | Path) -> Iterator[None]:
    """PyAV's errors as MediaError, here once."""
    try:
        yield
    except av.error.FFmpegError as exc:
        raise MediaError(f"cannot be decoded ({exc.strerror})", value=path) from exc


def picture_stream(path: str | Path, file: InputContainer) -> VideoStream:
    """The first real picture stream (cover art is none). Raises MediaError where there is none."""
    for stream in file.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise MediaError("has no pictures", value=path)
