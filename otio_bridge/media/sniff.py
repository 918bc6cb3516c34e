"""What a file really is, by its first bytes: an allow-list, so that nothing else is ever opened.

A playlist renamed `.mp4` makes ffmpeg open other files of this machine, whose pictures would then be
uploaded. So every input is opened with the one demuxer its bytes name, and text is never media.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from otio_bridge.errors import MediaError

#: Enough to see the transport stream's third packet and an MXF run-in.
_HEAD = 65_536 + 16
_MXF_KEY = bytes.fromhex("060e2b34020501010d010201")
_QUICKTIME_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


class Container(NamedTuple):
    """A kind of file and the only demuxer that may open it."""

    name: str
    #: ffmpeg's and PyAV's format name.
    demuxer: str
    #: One picture.
    still: bool = False


_STARTS: tuple[tuple[bytes, Container], ...] = (
    (b"\x1a\x45\xdf\xa3", Container("mkv", "matroska")),
    (b"\x00\x00\x01\xba", Container("mpegps", "mpeg")),
    (b"FLV\x01", Container("flv", "flv")),
    (b"YUV4MPEG2 ", Container("y4m", "yuv4mpegpipe")),
    (b"fLaC", Container("flac", "flac")),
    (b"\x89PNG\r\n\x1a\n", Container("png", "png_pipe", still=True)),
    (b"\x76\x2f\x31\x01", Container("exr", "exr_pipe", still=True)),
    (b"\xff\xd8\xff", Container("jpeg", "jpeg_pipe", still=True)),
    (b"II*\x00", Container("tiff", "tiff_pipe", still=True)),
    (b"MM\x00*", Container("tiff", "tiff_pipe", still=True)),
    (b"SDPX", Container("dpx", "dpx_pipe", still=True)),
    (b"XPDS", Container("dpx", "dpx_pipe", still=True)),
    (b"BM", Container("bmp", "bmp_pipe", still=True)),
    (b"8BPS", Container("psd", "psd_pipe", still=True)),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Container("jp2", "j2k_pipe", still=True)),
)
_RIFF: dict[bytes, Container] = {
    b"AVI ": Container("avi", "avi"),
    b"WAVE": Container("wav", "wav"),
    b"WEBP": Container("webp", "webp_pipe", still=True),
}
ALLOWED = (
    "mov, mp4, mxf, mkv, webm, ts, mpg, avi, flv, y4m, wav, aiff, flac, "
    "png, exr, jpg, tif, dpx, bmp, psd, jp2, webp"
)


def container_of(head: bytes) -> Container | None:
    """The container that starts with these bytes; None where none of ours does."""
    if head[4:8] in _QUICKTIME_ATOMS:
        return Container("mov", "mov")
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Container("aiff", "aiff")
    for step, offset in ((188, 0), (192, 4)):
        if len(head) > offset + 2 * step and all(head[offset + step * k] == 0x47 for k in range(3)):
            return Container("mpegts", "mpegts")
    for start, container in _STARTS:
        if head.startswith(start):
            return container
    # MXF may begin with a run-in of up to 64 KiB that does not hold the key.
    return Container("mxf", "mxf") if _MXF_KEY in head else None


def sniff(path: str | Path) -> Container:
    """What the file is by its first bytes. Raises MediaError, one sentence, for anything else."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise MediaError("is not a file", value=path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError as exc:
        raise MediaError("there is no such file", value=path) from exc
    except OSError as exc:
        raise MediaError(f"cannot be read ({exc.strerror or exc})", value=path) from exc
    found = container_of(head)
    if found is not None:
        return found
    if not head:
        raise MediaError("is empty, not media", value=path)
    if _is_text(head[:512]):
        raise MediaError("is text (a playlist, page or project), not media", value=path, allowed=ALLOWED)
    raise MediaError("is no kind of media we open", value=path, allowed=ALLOWED)


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return True
    return all(byte >= 0x20 or byte in b"\t\n\r\f" for byte in head)
