"""What media are: as an edit refers to them, and as a decoder found them."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.model.value import Exact, Value


class MediaKind(StrEnum):
    """How a picture is stored."""

    MOVIE = "movie"  #: one file with many frames
    SEQUENCE = "sequence"  #: a numbered file a frame
    STILL = "still"  #: one picture, held
    GENERATOR = "generator"  #: made by the editor (bars, solid, title)
    MISSING = "missing"  #: the edit says there is none, or names none


class MediaRef(Value):
    """Media as the edit names it. Frames are in the edit's own source time at `rate`."""

    kind: MediaKind
    #: As written, for messages and undo.
    url: str = ""
    #: The file it means here: absolute, path maps applied. A sequence is its `%04d` pattern.
    path: str | None = None
    name: str = ""
    reel: str | None = None
    umid: str | None = None
    #: The frames the edit says the media has, in source timecode frames; None where it does not say.
    available: FrameRange | None = None
    rate: Rate = Fraction(24)
    drop: bool | None = None
    #: Sequences: the file number of the first available frame.
    first_number: int | None = None
    #: The edit marks this as a stand-in for better media.
    proxy: bool = False

    @property
    def has_pictures(self) -> bool:
        """Whether there is something to cut a plate from."""
        return self.kind in (MediaKind.MOVIE, MediaKind.SEQUENCE, MediaKind.STILL) and self.path is not None

    @property
    def identity(self) -> str:
        """What makes it this piece of media and no other; goes into the request hash."""
        if self.path:
            return f"path:{self.path}"
        if self.umid:
            return f"umid:{self.umid}"
        if self.url:
            return f"url:{self.url}"
        return f"name:{self.name}" if self.name and self.kind is MediaKind.GENERATOR else "none"


class FieldOrder(StrEnum):
    """Progressive, or which field comes first."""

    PROGRESSIVE = "progressive"
    TOP = "tff"
    BOTTOM = "bff"
    UNKNOWN = "unknown"


class ColourTags(Value):
    """Colour tags in ffmpeg's own words; `unknown` is a value."""

    space: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    range: str = "unknown"


class SoundInfo(Value):
    """The first sound stream. `start` is seconds after the picture's first frame."""

    codec: str
    sample_rate: int
    channels: int
    layout: str = ""
    start: Exact = Fraction(0)


class MediaInfo(Value):
    """What a decoder found in a file or sequence."""

    path: str
    kind: MediaKind
    container: str = ""
    codec: str = ""
    pix_fmt: str = ""
    width: int
    height: int
    #: Pixel aspect: width of a pixel over its height.
    pixel_aspect: Exact = Fraction(1)
    rate: Rate
    #: Frames a player shows (edit lists applied), at `rate`.
    frames: int
    #: Frame number at `rate` of the embedded start timecode; None where there is none.
    start: int | None = None
    drop: bool = False
    reel: str | None = None
    field_order: FieldOrder = FieldOrder.PROGRESSIVE
    alpha: bool = False
    bits: int = 8
    colour: ColourTags = ColourTags()
    sound: SoundInfo | None = None
    #: The frames do not come at a constant rate; `rate` is the average, snapped.
    variable: bool = False
    #: Sequences: number of the first file.
    first_number: int | None = None
    #: Rotation the container asks for, in degrees clockwise.
    rotation: int = 0
    size_bytes: int = 0

    @property
    def range(self) -> FrameRange:
        """All frames, from the embedded timecode, else from the file number, else from 0."""
        first = self.start if self.start is not None else (self.first_number or 0)
        return FrameRange(start=first, duration=self.frames)


def first_frame(ref: MediaRef, info: MediaInfo) -> int:
    """Where the file's first frame lies on the edit's source line.

    The edit outranks the file (design §5), except that an edit's range lying wholly inside the file's own
    timecode is a part of it and not a disagreement. A sequence is anchored by its file numbers.
    """
    if ref.available is None:
        return info.range.start
    if ref.kind is MediaKind.SEQUENCE and ref.first_number is not None and info.first_number is not None:
        return ref.available.start - (ref.first_number - info.first_number)
    if info.start is not None and info.range.contains(ref.available):
        return info.start
    return ref.available.start
