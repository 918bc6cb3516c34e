"""What changed between the shots last sent and the shots now, and whether that needs work (design §7).

Work is needed if, and only if, the need is not inside a take's range, or the media is another, or the
request changed. All else (a move, a trim inside the handles, a slip over frames a take holds) is told
and costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from otio_bridge.model.frames import Span, record_need, record_origin, source_frame, source_need
from otio_bridge.model.media import MediaRef
from otio_bridge.model.request import OperationClass, canonical_json
from otio_bridge.model.shot import Occurrence, ShotSpec
from otio_bridge.model.time import FrameRange


class ChangeWord(StrEnum):
    """What happened to a shot, or to one clip of it, since it was last sent."""

    NEW = "NEW"  #: it was not there before
    OMITTED = "OMITTED"  #: it is there no more
    REINSTATED = "REINSTATED"  #: it had been omitted and is back
    MOVED = "MOVED"  #: it plays elsewhere in the cut, on another track, or more or less often
    TRIMMED = "TRIMMED"  #: it is longer or shorter, or its dissolves are
    SLIPPED = "SLIPPED"  #: as long as before, showing other frames
    EXTENDED = "EXTENDED"  #: it needs frames that no take holds
    RETIMED = "RETIMED"  #: its speed changed
    REPLACED = "REPLACED"  #: it shows other media
    REASKED = "REASKED"  #: something else is asked for
    UNCHANGED = "UNCHANGED"  #: nothing of this


#: What of an ask makes another request of it: never takes, priority, name, handles or the brief,
_ASKED = {"operation", "prompt", "negative_prompt", "provider", "model", "seed", "references", "options"}
#: nor options that bound the price.
_PRICE_OPTIONS = {"max_cost"}


def need_of(occurrence: Occurrence, op_class: OperationClass) -> FrameRange:
    """What a clip needs, in the coordinates of a shot of that class.

    `Occurrence.need` of clips not yet made into a shot counts source frames; what lives in the cut counts
    record-space coordinates.
    """
    if op_class is OperationClass.RECORD:
        return record_need(occurrence.span)
    media = occurrence.media
    return source_need(occurrence.span, media.available if media and media.has_pictures else None)


def covered(need: FrameRange, ranges: Iterable[FrameRange]) -> bool:
    """Whether one of the ranges holds every frame of the need."""
    return any(held.contains(need) for held in ranges)


def same_media(one: MediaRef | None, other: MediaRef | None) -> bool:
    """Whether two references mean one piece of media: by UMID or path where both have one, else by URL,
    reel or generator name. No media is no media."""
    if one is None or other is None:
        return _no_media(one) and _no_media(other)
    pairs = [(one.umid, other.umid), (one.path, other.path)]
    if any(a and a == b for a, b in pairs):
        return True
    if any(a and b for a, b in pairs):
        return False
    weak = [(one.url, other.url), (one.reel, other.reel), (one.name, other.name)]
    return next((a == b for a, b in weak if a and b), _no_media(one) and _no_media(other))


def work_needed(then: ShotSpec | None, now: ShotSpec, covering: Iterable[FrameRange]) -> bool:
    """Whether something has to be made; `covering` are the ranges of takes made or in the making."""
    if then is not None and not (same_media(then.media, now.media) and _asks(then) == _asks(now)):
        return True
    return not (_comparable(then, now) and covered(now.need, covering))


def changes(
    then: ShotSpec | None,
    now: ShotSpec | None,
    *,
    covering: Iterable[FrameRange] = (),
    omitted: bool = False,
) -> tuple[ChangeWord, ...]:
    """The change words of a shot; `then` is None where it is new, `now` where it is gone.

    `covering` are what the shot's takes hold, in its coordinates; without any, nothing is called EXTENDED.
    `omitted`: the edit looked at last did not show it. Both None is nothing, and gives no word.
    """
    if now is None:
        return () if then is None else (ChangeWord.OMITTED,)
    covering = tuple(covering)
    held = not covering or (_comparable(then, now) and covered(now.need, covering))
    if then is None:
        return (ChangeWord.NEW,) if held else (ChangeWord.NEW, ChangeWord.EXTENDED)
    found = _of_clips(then, now)
    if omitted:
        found.add(ChangeWord.REINSTATED)
    if not same_media(then.media, now.media):
        found.add(ChangeWord.REPLACED)
    if not held:
        found.add(ChangeWord.EXTENDED)
    if _asks(then) != _asks(now):
        found.add(ChangeWord.REASKED)
    return tuple(word for word in ChangeWord if word in found) or (ChangeWord.UNCHANGED,)


def clip_changes(then: Occurrence, now: Occurrence) -> tuple[ChangeWord, ...]:
    """What happened to one clip, whatever it is asked for; no word where nothing did."""
    was, is_ = then.span, now.span
    found = {
        ChangeWord.MOVED: _moved(then, now),
        ChangeWord.TRIMMED: _length(was) != _length(is_),
        ChangeWord.SLIPPED: _length(was) == _length(is_) and source_frame(was, 0) != source_frame(is_, 0),
        ChangeWord.RETIMED: was.s != is_.s,
        ChangeWord.REPLACED: not same_media(then.media, now.media),
    }
    return tuple(word for word, so in found.items() if so)


def _of_clips(then: ShotSpec, now: ShotSpec) -> set[ChangeWord]:
    """The words of all clips: those that did not change are paired first, the rest in record order."""
    cuts = {clip.cut for clip in now.occurrences}
    before = [clip for clip in then.occurrences if clip.cut in cuts]
    after = list(now.occurrences)
    for clip in now.occurrences:
        twin = next((old for old in before if not clip_changes(old, clip)), None)
        if twin is not None:
            before.remove(twin)
            after.remove(clip)
    found = {ChangeWord.MOVED} if len(before) != len(after) else set()
    for old, clip in zip(_in_order(before), _in_order(after), strict=False):
        found.update(clip_changes(old, clip))
    return found


def _in_order(clips: Iterable[Occurrence]) -> list[Occurrence]:
    return sorted(clips, key=lambda clip: (clip.cut, clip.record.start, clip.track))


def _length(span: Span) -> tuple[int, int, int]:
    return span.n, span.head, span.tail


def _moved(then: Occurrence, now: Occurrence) -> bool:
    """Whether it plays elsewhere. A head trimmed in place moves its first frame and nothing else."""
    if (then.track_name or then.track) != (now.track_name or now.track):
        return True
    step = now.record.start - then.record.start
    if then.span.n == now.span.n or then.span.s != now.span.s:
        return step != 0
    return step not in (0, record_origin(now.span) - record_origin(then.span))


def _comparable(then: ShotSpec | None, now: ShotSpec) -> bool:
    """Whether ranges made for `then` lie on the coordinate line of `now`.

    Source frames stay what they are; record-space coordinates are counted at the clip's own speed.
    """
    if then is None:
        return True
    if (then.rate, then.op_class) != (now.rate, now.op_class):
        return False
    return now.op_class is not OperationClass.RECORD or _speeds(then) == _speeds(now)


def _speeds(spec: ShotSpec) -> set[object]:
    return {clip.span.s for clip in spec.occurrences}


def _asks(spec: ShotSpec) -> str:
    asked = spec.ask.model_dump(mode="json", include=_ASKED)
    asked["options"] = {key: value for key, value in spec.ask.options.items() if key not in _PRICE_OPTIONS}
    return canonical_json(asked)


def _no_media(media: MediaRef | None) -> bool:
    return media is None or media.identity == "none"
