"""What changed between the shots last sent and the shots now, and whether that needs work (design §7).

Work is needed if, and only if, the need is not inside a take's range, or the media is another, or the
request changed. All else (a move, a trim inside the handles, a slip over frames a take holds) is told
and costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from math import floor

from otio_bridge.model.frames import Span, record_need, record_origin, source_need
from otio_bridge.model.media import MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.time import FrameRange, snap_frame
from otio_bridge.model.value import Value


class ChangeWord(StrEnum):
    """What happened to a clip of a shot since it was last sent."""

    NEW = "NEW"  #: it was not there before
    OMITTED = "OMITTED"  #: it is there no more
    REINSTATED = "REINSTATED"  #: it had been omitted and is back
    MOVED = "MOVED"  #: it plays elsewhere in the cut, or on another track
    TRIMMED = "TRIMMED"  #: it is longer or shorter, or its dissolves are
    SLIPPED = "SLIPPED"  #: as long as before, showing other frames
    EXTENDED = "EXTENDED"  #: it needs frames that no take holds
    RETIMED = "RETIMED"  #: its speed changed
    REPLACED = "REPLACED"  #: it shows other media
    REASKED = "REASKED"  #: something else is asked for
    UNCHANGED = "UNCHANGED"  #: nothing of this


class Shown(Value):
    """What one clip showed when it was looked at; ranges as in `Occurrence`."""

    record: FrameRange
    track: str = ""
    span: Span
    #: In the coordinates of a shot of `op_class`, as `need_of` says.
    need: FrameRange
    op_class: OperationClass = OperationClass.SOURCE
    media: MediaRef | None = None
    #: Any text that is equal for equal asks.
    request: str = ""
    #: The edit looked at last did not show it.
    omitted: bool = False

    @classmethod
    def of(
        cls, clip: Occurrence, op_class: OperationClass, *, request: str = "", omitted: bool = False
    ) -> Shown:
        """What this clip of a shot of that class shows."""
        return cls(
            record=clip.record,
            track=clip.track_name or str(clip.track),
            span=clip.span,
            need=need_of(clip, op_class),
            op_class=op_class,
            media=clip.media,
            request=request,
            omitted=omitted,
        )


def need_of(clip: Occurrence, op_class: OperationClass) -> FrameRange:
    """What a clip needs, in the coordinates of a shot of that class.

    `Occurrence.need` of clips not yet made into a shot counts source frames; what lives in the cut counts
    record-space coordinates.
    """
    if op_class is not OperationClass.SOURCE:
        return record_need(clip.span)
    return source_need(clip.span, clip.media.available if clip.media and clip.media.has_pictures else None)


def covered(need: FrameRange, ranges: Iterable[FrameRange]) -> bool:
    """Whether one of the ranges holds every frame of the need."""
    return any(held.contains(need) for held in ranges)


def same_media(one: MediaRef | None, other: MediaRef | None) -> bool:
    """Whether two references mean one piece of media: by UMID or path where both have one, else by URL,
    reel or name. No media is no media."""
    if one is None or other is None:
        return _no_media(one) and _no_media(other)
    pairs = [(one.umid, other.umid), (one.path, other.path)]
    if any(a and a == b for a, b in pairs):
        return True
    if any(a and b for a, b in pairs):
        return False
    weak = [(one.url, other.url), (one.reel, other.reel), (one.name, other.name)]
    return next((a == b for a, b in weak if a and b), _no_media(one) and _no_media(other))


def work_needed(then: Shown | None, now: Shown, ranges: Iterable[FrameRange]) -> bool:
    """Whether something has to be made; `ranges` are those of takes made, or in the making, for `then`."""
    if then is None:
        return not covered(now.need, ranges)
    if then.request != now.request or not same_media(then.media, now.media):
        return True
    return not _held(then, now, ranges)


def changes(
    then: Shown | None, now: Shown | None, ranges: Iterable[FrameRange] = ()
) -> tuple[ChangeWord, ...]:
    """The change words of one clip; `then` is None where it is new, `now` where it is gone.

    `ranges` are what the shot's takes hold, in its coordinates; without any, nothing is called EXTENDED.
    Both None is nothing, and gives no word.
    """
    ranges = tuple(ranges)
    if now is None:
        return () if then is None else (ChangeWord.OMITTED,)
    extended = bool(ranges) and not _held(then, now, ranges)
    if then is None:
        return (ChangeWord.NEW, ChangeWord.EXTENDED) if extended else (ChangeWord.NEW,)
    same_length = _length(then.span) == _length(now.span)
    found = {
        ChangeWord.REINSTATED: then.omitted,
        ChangeWord.MOVED: _moved(then, now),
        ChangeWord.TRIMMED: not same_length,
        # `start` is the lowest frame, so that a clip turned round in place has not slipped.
        ChangeWord.SLIPPED: same_length and _lowest(then.span) != _lowest(now.span),
        ChangeWord.EXTENDED: extended,
        ChangeWord.RETIMED: then.span.s != now.span.s,
        ChangeWord.REPLACED: not same_media(then.media, now.media),
        ChangeWord.REASKED: then.request != now.request,
    }
    return tuple(word for word, so in found.items() if so) or (ChangeWord.UNCHANGED,)


def _lowest(span: Span) -> int:
    return floor(snap_frame(span.start))


def _length(span: Span) -> tuple[int, int, int]:
    return span.n, span.head, span.tail


def _moved(then: Shown, now: Shown) -> bool:
    """Whether it plays elsewhere. A head trimmed in place moves its first frame and nothing else."""
    if then.track != now.track:
        return True
    step = now.record.start - then.record.start
    if then.span.n == now.span.n or then.span.s != now.span.s:
        return step != 0
    return step not in (0, record_origin(now.span) - record_origin(then.span))


def _held(then: Shown | None, now: Shown, ranges: Iterable[FrameRange]) -> bool:
    """Whether ranges made for `then` hold the need of `now`.

    Source frames stay what they are; record-space coordinates are counted at the clip's own speed, so
    that after a retime they name other pictures.
    """
    if then is not None and then.op_class is not now.op_class:
        return False
    if then is not None and now.op_class is OperationClass.RECORD and then.span.s != now.span.s:
        return False
    return covered(now.need, ranges)


def _no_media(media: MediaRef | None) -> bool:
    return media is None or media.identity == "none"
