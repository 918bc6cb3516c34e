"""What encoding pictures are in, and whether a model may see them as they are (design §6).

Models know display pictures. Log, HDR, linear and unknown ones need a pair of LUTs, or `colour=as-is`.
"""

from __future__ import annotations

import re

from otio_bridge.model.media import MediaInfo

#: Pictures made to be looked at as they are.
DISPLAY = frozenset({"rec709", "srgb", "rec601", "gamma22", "gamma28"})
UNKNOWN = "unknown"

#: ffmpeg's names of transfer functions (ITU-T H.273 table 3) -> encoding.
_TRANSFERS = {
    "bt709": "rec709",
    "smpte170m": "rec601",
    "bt470m": "gamma22",
    "bt470bg": "gamma28",
    "gamma22": "gamma22",
    "gamma28": "gamma28",
    "iec61966-2-1": "srgb",
    "iec61966-2-4": "rec709",
    "bt2020-10": "rec709",
    "bt2020-12": "rec709",
    "smpte2084": "hdr10",
    "arib-std-b67": "hlg",
    "linear": "linear",
    "log100": "log",
    "log316": "log",
}
#: Codecs whose files say nothing and are nearly always this.
_CODECS = {"exr": "linear", "png": "srgb", "mjpeg": "srgb", "bmp": "srgb", "webp": "srgb"}


def encoding_of(info: MediaInfo | None, project: str = UNKNOWN) -> str:
    """The encoding of a file: its transfer tag, else what the project says, else what its format is by habit.

    A project that says `rec709` speaks of files that do not say; an untagged EXR stays linear all the same,
    since a display picture in one would be a mistake worth a question.
    """
    if info is None:
        return project
    tagged = _TRANSFERS.get(info.colour.transfer)
    if tagged is not None:
        return tagged
    habit = _CODECS.get(info.codec)
    if habit == "linear" or (habit is not None and project == UNKNOWN):
        return habit
    return project


def needs_lut(encoding: str) -> bool:
    """Whether a model would misread pictures of this encoding."""
    return encoding not in DISPLAY


#: Bits of each component that plates and takes of a `[media] codec` keep.
_KEPT = {"prores": 10, "dnxhr": 10, "h264": 8, "png": 16}
#: Pixel formats of floating point: gbrpf32le, gbrapf16be, grayf32le.
_FLOAT = re.compile(r"f(16|32)(le|be)?$")


def finer(info: MediaInfo, codec: str) -> str | None:
    """What plates in `codec` (of `[media] codec`) cannot hold of these pictures, as a sentence; None: nothing."""
    kept = _KEPT.get(codec, 8)
    if info.codec == "exr" or _FLOAT.search(info.pix_fmt):
        text = (
            f"its pictures are floating point ({info.codec}), and plates and takes {kept}-bit whole numbers"
        )
        return f"{text} ({codec}): values below 0 and above 1 are lost"
    if info.bits <= kept:
        return None
    text = f"its pictures have {info.bits} bits, and plates and takes {kept} ({codec}): finer steps are lost"
    return text + ('; [media] codec = "png" keeps 16' if codec != "png" else "")
