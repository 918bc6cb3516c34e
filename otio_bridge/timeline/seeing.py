"""One clip as an Occurrence: what it shows, exactly, with everything odd about it noted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

import opentimelineio as otio

from otio_bridge.model.frames import Span, record_need, source_need
from otio_bridge.model.media import MediaInfo, MediaKind, MediaRef, first_frame
from otio_bridge.model.shot import Occurrence, Severity, ShotNote
from otio_bridge.model.time import FrameRange, rate_text, snap_frame, timecode
from otio_bridge.timeline.asking import Look, mark_of, token_of
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.ontop import nonlinear, on_top
from otio_bridge.timeline.references import media_of, outside_roots
from otio_bridge.timeline.times import frames
from otio_bridge.timeline.walk import Item, speed_of


@dataclass
class Seen:
    """An occurrence, the editor's own media under it, and what was found odd."""

    item: Item
    occurrence: Occurrence
    #: What plates are cut from; a take of ours may be shown instead (`occurrence.media`).
    media: MediaRef | None = None
    info: MediaInfo | None = None
    #: The frames that really can be had, on the edit's source line; None where nobody knows.
    limits: FrameRange | None = None
    notes: list[ShotNote] = field(default_factory=list)

    def note(self, severity: Severity, code: str, text: str) -> None:
        """Add a note that names the clip and its record timecode."""
        clip = self.occurrence
        at = timecode(max(0, clip.record.start), clip.timeline_rate, drop=clip.drop)
        name = "gap" if clip.gap else clip.name or clip.address
        self.notes.append(ShotNote(severity=severity, code=code, text=f"{name} at {at}: {text}"))


def see(edit: Edit, item: Item, look: Look, *, always: bool) -> Seen:
    """What one clip or gap shows. The media is looked at where the edit does not state its range, or `always`."""
    if isinstance(item.node, otio.schema.Gap):
        return _see_gap(edit, item)
    shown, media = media_of(item.node, edit)
    if media.path is not None and outside_roots(media.path, edit.roots):
        media = media.model_copy(update={"kind": MediaKind.MISSING, "path": None})
        shown = media
        outside = True
    else:
        outside = False
    info = look(media) if media.has_pictures and (always or media.available is None) else None
    media = _filled(media, info, edit)
    if shown.path != media.path:
        shown = shown.model_copy(update={"available": media.available, "rate": media.rate})
    else:
        shown = media
    span = _span(edit, item, media)
    record, off = _record(item)
    occurrence = _occurrence(edit, item, record, span, shown)
    if media.drop is None and info is not None and info.start is not None:
        # Labels in the media's own time are the camera's, whatever the timeline counts.
        media = media.model_copy(update={"drop": info.drop})
    seen = Seen(item, occurrence, media, info, _limits(media, info))
    if outside:
        seen.note(
            Severity.REFUSE,
            "outside-roots",
            "its media lies outside the folders edits may name ([media] roots)",
        )
    if off:
        seen.note(
            Severity.WARN, "record-fraction", "its cut lies between record frames; the frame before is taken"
        )
    _note_media(seen)
    return seen


def _see_gap(edit: Edit, item: Item) -> Seen:
    start = Fraction(0)
    if item.node.source_range is not None:
        start = frames(item.node.source_range.start_time, edit.rate)
    record, _ = _record(item)
    # A gap's neighbours dissolve into black: the gap shows through the whole transition as well.
    span = Span(start=max(start, Fraction(0)) + item.trim_head, n=record.duration, head=0, tail=0)
    seen = _occurrence(edit, item, record, span, None)
    return Seen(item, seen)


def _occurrence(edit: Edit, item: Item, record: FrameRange, span: Span, shown: MediaRef | None) -> Occurrence:
    metadata = item.node.metadata
    # A key that is not there costs 30 µs to get.
    note: Any = metadata.get("otio_bridge") if len(metadata) else None
    shot_id = note.get("shot_id") if hasattr(note, "get") else None
    limits = shown.available if shown is not None and shown.has_pictures else None
    return Occurrence(
        address=item.address,
        cut=edit.cut,
        track_name=item.track_name,
        track=max(0, item.track),
        name=item.node.name or "",
        gap=shown is None,
        enabled=item.enabled,
        record=record,
        timeline_rate=edit.rate,
        drop=edit.drop,
        span=span,
        need=record_need(span) if shown is None else source_need(span, limits),
        media=shown,
        time_scalar=speed_of(item.node),
        on_top=on_top(item),
        shot_id=str(shot_id) if shot_id else None,
        token=token_of(item),
        marker=mark_of(item),
    )


def _record(item: Item) -> tuple[FrameRange, bool]:
    """The record frames of the cut, and whether its ends lie between frames."""
    start, end = snap_frame(item.start), snap_frame(item.end)
    return FrameRange.between(floor(start), floor(end)), start.denominator != 1 or end.denominator != 1


def _filled(media: MediaRef, info: MediaInfo | None, edit: Edit) -> MediaRef:
    """Rate and range from the file where the edit states none; the timeline's rate where there is no file."""
    if media.available is not None:
        return media
    if info is None:
        rate = (
            edit.rate
            if media.kind in (MediaKind.MISSING, MediaKind.GENERATOR, MediaKind.STILL)
            else media.rate
        )
        return media.model_copy(update={"rate": rate})
    if media.kind is MediaKind.STILL:
        return media.model_copy(update={"rate": edit.rate, "available": FrameRange(start=0, duration=1)})
    found = {"rate": info.rate, "available": info.range}
    if media.kind is MediaKind.SEQUENCE:
        # Numbered files state no rate: it is the edit's.
        found |= {"rate": media.rate, "first_number": info.first_number}
    return media.model_copy(update=found)


def _span(edit: Edit, item: Item, media: MediaRef) -> Span:
    """Source start, media frames per record frame, length and overhang (design §5)."""
    clip = item.node
    stated = clip.source_range
    if stated is not None:
        start = frames(stated.start_time, media.rate)
    else:
        start = Fraction(media.available.start if media.available is not None else 0)
    scalar = speed_of(clip)
    s = (Fraction(1) if scalar is None else scalar) * media.rate / edit.rate
    if media.kind is MediaKind.STILL:
        s = Fraction(0)
    cut_off = item.trim_head * s if s > 0 else item.trim_tail * -s
    record, _ = _record(item)
    return Span(
        start=start + cut_off,
        s=s,
        n=record.duration,
        head=ceil(snap_frame(item.head)),
        tail=ceil(snap_frame(item.tail)),
    )


def _limits(media: MediaRef, info: MediaInfo | None) -> FrameRange | None:
    """The frames a plate can be cut from: the file's own where it was looked at, on the edit's line."""
    if info is None or media.kind is MediaKind.STILL:
        return media.available
    return FrameRange(start=first_frame(media, info), duration=info.frames)


def _note_media(seen: Seen) -> None:
    for severity, code, text in (*_about_reference(seen), *_about_file(seen), *_about_frames(seen)):
        seen.note(severity, code, text)


def _about_reference(seen: Seen) -> Iterator[tuple[Severity, str, str]]:
    media, item = seen.media, seen.item
    assert media is not None
    if not item.enabled:
        yield Severity.NOTE, "disabled", "it is disabled in the edit"
    if item.lost is not None:
        text = f"its record place is unknown, since {item.lost} before it states no length"
        yield Severity.REFUSE, "no-length", f"{text}; give that clip a source range"
    if item.warped is not None:
        text = f"the nest {item.warped} around it is retimed; put the retime on the clip, or bake the nest"
        yield Severity.REFUSE, "warped-nest", text
    if media.proxy:
        yield Severity.WARN, "proxy", "the edit marks its media as a proxy"
    if media.url and media.path is None and media.kind is MediaKind.MISSING:
        yield Severity.WARN, "url", f"its media address means no file: {media.url[:120]}"


def _about_file(seen: Seen) -> Iterator[tuple[Severity, str, str]]:
    media, info = seen.media, seen.info
    assert media is not None
    if info is None or media.kind is MediaKind.STILL:
        return
    stated = media.available
    if info.kind is MediaKind.MOVIE and info.rate != media.rate:
        text = f"the file is at {rate_text(info.rate)}, the edit says {rate_text(media.rate)}; the edit's is used"
        yield Severity.WARN, "media-rate", text
    elif stated is not None and info.start is not None and _disagree(media, info):
        theirs = timecode(max(0, info.start), info.rate, drop=info.drop)
        ours = timecode(max(0, stated.start), media.rate, drop=bool(media.drop))
        text = f"the file's timecode begins at {theirs}, the edit says {ours}; the edit's is used"
        yield Severity.WARN, "media-timecode", text
    if info.variable:
        yield Severity.WARN, "variable-rate", f"its frame rate varies; it is made {rate_text(media.rate)}"


def _disagree(media: MediaRef, info: MediaInfo) -> bool:
    """Whether the edit's range is neither the file's own timecode nor a part of it."""
    stated = media.available
    if stated is None or media.kind is not MediaKind.MOVIE or info.start == stated.start:
        return False
    return not info.range.contains(stated)


def _about_frames(seen: Seen) -> Iterator[tuple[Severity, str, str]]:
    clip, media = seen.occurrence, seen.media
    assert media is not None
    start = snap_frame(clip.span.start)
    if start.denominator != 1 and not clip.span.freeze:
        yield (
            Severity.NOTE,
            "source-fraction",
            f"its source start {float(start):.4f} lies between frames; floored",
        )
    free = source_need(clip.span)
    if media.available is not None and media.kind is not MediaKind.STILL and media.has_pictures:
        before = max(0, media.available.start - free.start)
        after = max(0, free.end - media.available.end)
        if not free.overlap(media.available):
            text = f"it shows frames {free} and its media holds {media.available}: they do not meet"
            yield Severity.REFUSE, "outside-media", f"{text}; is its source range counted from 0?"
        elif before or after:
            text = f"it shows {before + after} frames beyond its media, where the end frame is held"
            yield Severity.WARN, "beyond-media", text
    if clip.span.s < 0 and media.available is not None and clip.span.start <= media.available.start:
        text = (
            "it runs backwards from the media's first frame; the frame it begins with may be lost in the edit"
        )
        yield Severity.WARN, "reverse-start", text
    name = nonlinear(seen.item)
    if name is not None:
        yield Severity.WARN, "time-effect", f"its time effect {name} is no single speed"
