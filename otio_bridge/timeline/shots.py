"""From an edit to shots: every picture clip as an Occurrence, and the asked-for ones as ShotSpecs.

What an editor would expect, decided here:

* A mark on a disabled clip counts, with a note; selections and marks over the timeline mean enabled clips.
* The same media marked for the same thing is one shot where what its clips need, with handles, overlaps or
  touches (a blade copies the mark); so are copies that carry the same id or token of ours and the same ask.
  Selected clips are one shot only where they show the same frames: a film cut up by scenes stays its scenes.
  A row of a shot list is a shot of its own.
* Clips without media (gaps, missing, generators) are a shot each.
* A still, and a clip with a freeze, need one source frame; what lives in the cut needs the whole length.
* Handles of what lives in the cut are not limited by media, only by coordinate 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Choice
from otio_bridge.model.encoding import finer
from otio_bridge.model.frames import had, needs_mixed, record_need, source_handles
from otio_bridge.model.marks import odd_option
from otio_bridge.model.media import FieldOrder, MediaKind
from otio_bridge.model.request import CLASS_OF, Ask, Operation, OperationClass, Placement, canonical_json
from otio_bridge.model.shot import Occurrence, Severity, ShotNote, ShotSpec
from otio_bridge.model.time import FrameRange, can_drop, timecode
from otio_bridge.settings import Settings
from otio_bridge.timeline.asking import Asked, Look, asked
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.ontop import above
from otio_bridge.timeline.ours import written
from otio_bridge.timeline.seeing import Seen, see
from otio_bridge.timeline.walk import Survey, survey


def sightings(edit: Edit, probe: Look) -> tuple[Occurrence, ...]:
    """Every picture clip and gap, in record order, bottom track first; needs count source frames.

    `probe` is asked only for media whose range the edit does not state. Where a take of ours is shown, `media`
    names the take, with the original's range.
    """
    seen = [see(edit, item, probe, always=False).occurrence for item in survey(edit).items]
    return tuple(sorted(seen, key=lambda clip: (clip.record.start, clip.track)))


def list_shots(edit: Edit, *, choice: Choice, probe: Look, settings: Settings) -> tuple[ShotSpec, ...]:
    """The shots an edit asks for, in record order; named only where the editor named them.

    Raises RefusedInput for bad marks, selections and rows; what is wrong with one shot is noted on it.
    """
    found = survey(edit)
    wanted = asked(edit, found, choice, selection=settings.project.selection, look=probe)
    wishes = [_wish(edit, found, one, probe, settings) for one in wanted]
    groups = list(_groups(wishes))
    _refuse_torn_rows(groups)
    shots = [_shot(edit, group) for group in groups]
    return tuple(sorted(shots, key=lambda s: (s.occurrences[0].record.start, s.occurrences[0].track)))


def placement_of(op_class: OperationClass, clip: Occurrence) -> Placement:
    """How a take gets to where this clip is (design §2 rule 1)."""
    if op_class is OperationClass.SOURCE:
        return Placement.IN_PLACE
    if op_class is OperationClass.STILL:
        return Placement.IN_PLACE if clip.span.freeze else Placement.REFERENCE
    plain = clip.time_scalar in (None, 1)
    if clip.media is None or not clip.media.has_pictures:
        return Placement.IN_PLACE if plain else Placement.ABOVE
    same_rate = clip.media.rate == clip.timeline_rate
    return Placement.IN_PLACE if plain and same_rate else Placement.ABOVE


@dataclass(frozen=True)
class _Wish:
    """One asked clip in its shot's coordinates."""

    asked: Asked
    seen: Seen
    clip: Occurrence
    op_class: OperationClass
    need: FrameRange
    wanted: FrameRange

    @property
    def marked(self) -> bool:
        return self.asked.marker is not None

    @property
    def reach(self) -> FrameRange:
        """The frames that must meet another's for both to be one shot."""
        return self.wanted if self.marked else self.need

    @property
    def has_media(self) -> bool:
        return self.seen.media is not None and self.seen.media.has_pictures


def _wish(edit: Edit, found: Survey, one: Asked, probe: Look, settings: Settings) -> _Wish:
    seen = see(edit, one.item, probe, always=True)
    op_class = CLASS_OF[one.ask.operation]
    span = seen.occurrence.span
    handles = settings.project.handles if one.ask.handles is None else one.ask.handles
    if op_class is OperationClass.SOURCE:
        need = seen.occurrence.need
        mixed = seen.media is not None and needs_mixed(seen.media.rate, edit.rate)
        wanted = source_handles(need, span, handles, mixed=mixed)
    else:
        need = record_need(span)
        wanted = FrameRange.between(need.start - handles, need.end + handles)
    on_top = (*seen.occurrence.on_top, *above(one.item, found))
    changes = {"need": need, "on_top": on_top, "marker": one.marker, "original": written(one.item.node)}
    if one.token is not None:
        changes["token"] = one.token
    clip = seen.occurrence.model_copy(update=changes)
    for severity, code, text in _judged(one.ask, op_class, seen, need, settings.media.codec):
        seen.note(severity, code, text)
    return _Wish(one, seen, clip, op_class, need, wanted)


def _judged(
    ask: Ask, op_class: OperationClass, seen: Seen, need: FrameRange, codec: str
) -> Iterator[tuple[Severity, str, str]]:
    """What stands against this operation on this clip, with the remedy."""
    word = odd_option(ask)
    if word is not None:
        yield Severity.WARN, "mark-option", f"its prompt begins with {word!r}, which is no option"
    media, clip = seen.media, seen.occurrence
    absent = media is not None and media.has_pictures and seen.info is None
    if op_class is not OperationClass.SOURCE and ask.operation is not Operation.INTERPOLATE:
        if absent and media is not None:
            text = f"there is no media at {media.path}; say where with [media.paths]"
            yield Severity.WARN, "file-missing", text
        return
    if media is None or not media.has_pictures:
        what = "a generator" if media is not None and media.kind is MediaKind.GENERATOR else "no media"
        text = f"{ask.operation} needs pictures and this is {what}"
        remedy = "relink the clip, give --plates DIR, or ask for generate"
        yield Severity.REFUSE, "no-media", f"{text}; {remedy}"
    elif absent:
        text = f"{ask.operation} needs its media, which is not at {media.path}"
        remedy = "say where with [media.paths], or give --plates DIR"
        yield Severity.REFUSE, "no-media", f"{text}; {remedy}"
    elif op_class is OperationClass.SOURCE and seen.limits is not None and not seen.limits.contains(need):
        text = f"it needs frames {need} and the file holds {seen.limits}"
        yield (
            Severity.REFUSE,
            "media-short",
            f"{text}; correct the edit's range, or relink the clip",
        )
    if any(note.code == "time-effect" for note in seen.notes):
        text = (
            "bake the time effect, or make it one speed; which frames it shows cannot be known from the edit"
        )
        yield Severity.REFUSE, "time-effect", text
    field = FieldOrder.PROGRESSIVE if seen.info is None else seen.info.field_order
    if field in (FieldOrder.TOP, FieldOrder.BOTTOM) and ask.options.get("deinterlace") != "yes":
        yield Severity.REFUSE, "interlaced", f"its media is interlaced ({field}); say deinterlace=yes"
    lost = None if seen.info is None else finer(seen.info, codec)
    if lost is not None:
        yield Severity.WARN, "precision", lost
    if ask.operation is Operation.EXTEND and clip.span.freeze:
        yield Severity.REFUSE, "extend-freeze", "a still or freeze cannot be extended; make the clip longer"


def _groups(wishes: list[_Wish]) -> Iterator[list[_Wish]]:
    """Wishes that are one shot: linked by media and ask, or by our id and ask, where their frames meet."""
    leader = list(range(len(wishes)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    def join(key_of: Callable[[_Wish], Iterable[Hashable]]) -> None:
        buckets: dict[Hashable, list[int]] = defaultdict(list)
        for index, wish in enumerate(wishes):
            for key in key_of(wish):
                buckets[key].append(index)
        for bucket in buckets.values():
            bucket.sort(key=lambda index: wishes[index].reach.start)
            last, end = bucket[0], wishes[bucket[0]].reach.end
            for index in bucket[1:]:
                reach = wishes[index].reach
                if reach.start < end or (reach.start == end and wishes[index].marked):
                    leader[lead(index)] = lead(last)
                last, end = index, max(end, reach.end)

    asks = {id(wish): canonical_json(wish.asked.ask.model_dump(mode="json")) for wish in wishes}

    def line(wish: _Wish) -> Hashable:
        row = wish.asked.row.where if wish.asked.row is not None else None
        # Record-space coordinates of clips at different speeds cannot be compared.
        speed = None if wish.op_class is OperationClass.SOURCE else wish.clip.span.s
        return (asks[id(wish)], wish.marked, row, wish.op_class, speed)

    def by_media(wish: _Wish) -> Iterator[Hashable]:
        if wish.has_media and wish.seen.media is not None:
            yield (line(wish), wish.seen.media.identity, wish.seen.media.rate)

    def by_mark(wish: _Wish) -> Iterator[Hashable]:
        for ours in (wish.clip.shot_id, wish.clip.token):
            if ours is not None and wish.clip.media is not None:
                yield (line(wish), "ours", ours)

    join(by_media)
    join(by_mark)
    groups: dict[int, list[_Wish]] = defaultdict(list)
    for index in range(len(wishes)):
        groups[lead(index)].append(wishes[index])
    yield from groups.values()


def _refuse_torn_rows(groups: list[list[_Wish]]) -> None:
    """A row that is no pattern means one shot. Raises RefusedInput listing the rows that mean several."""
    shots: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        for row in {wish.asked.row.where: wish.asked.row for wish in group if wish.asked.row}.values():
            pattern = row.clip is not None and any(sign in row.clip for sign in "*?[")
            if not pattern or row.ask.name is not None:
                shots[row.where].append(_at(group[0].clip))
    torn = [f"{where} fits {len(at)} shots, at {', '.join(at)}" for where, at in shots.items() if len(at) > 1]
    if torn:
        raise RefusedInput("; ".join(torn), next="add a record or track column, or leave the name out")


def _shot(edit: Edit, group: list[_Wish]) -> ShotSpec:
    group = sorted(group, key=lambda wish: (wish.clip.record.start, wish.clip.track))
    first = group[0]
    ask, op_class = first.asked.ask, first.op_class
    source = op_class is OperationClass.SOURCE
    need, wanted = first.need, first.wanted
    for wish in group[1:]:
        need, wanted = need.union(wish.need), wanted.union(wish.wanted)
    handles = had(wanted, _limits(group) if source else None)
    media = first.seen.media
    places = {placement_of(op_class, wish.clip) for wish in group}
    rate = media.rate if source and media is not None else edit.rate
    drop = bool(media.drop) if source and media is not None and media.drop is not None else edit.drop
    notes = [note for wish in group for note in wish.seen.notes]
    # Where the media has not even the need, another note says so.
    if source and handles.had.contains(need) and (handles.head_short or handles.tail_short):
        ends = (("head", handles.head_short), ("tail", handles.tail_short))
        short = " and ".join(f"{n} frame{'s' * (n != 1)} short at the {end}" for end, n in ends if n)
        text = f"{_at(first.clip)}: the handles are {short}, where the media ends"
        notes.append(ShotNote(severity=Severity.NOTE, code="handles", text=text))
    return ShotSpec(
        name=ask.name,
        ask=ask,
        op_class=op_class,
        placement=places.pop() if len(places) == 1 else Placement.ABOVE,
        rate=rate,
        drop=drop and can_drop(rate),
        need=need,
        handles=handles,
        media=media,
        occurrences=tuple(wish.clip for wish in group),
        why=first.asked.why,
        notes=tuple(dict.fromkeys(notes)),
    )


def _limits(group: list[_Wish]) -> FrameRange | None:
    """What plates of the group can be cut from; never less than what is needed."""
    known = [wish.seen.limits for wish in group if wish.seen.limits is not None]
    if not known:
        return None
    limits = known[0]
    for other in known[1:]:
        limits = limits.union(other)
    return limits


def _at(clip: Occurrence) -> str:
    return timecode(max(0, clip.record.start), clip.timeline_rate, drop=clip.drop)
