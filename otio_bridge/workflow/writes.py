"""What the ledger keeps of an edit: its shots, every clip that shows them, and the picks clips inherit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from uuid import NAMESPACE_URL, uuid4, uuid5

from otio_bridge.app import App
from otio_bridge.model.diff import need_of
from otio_bridge.model.request import canonical_json
from otio_bridge.model.shot import Occurrence
from otio_bridge.store import reviews, shots, takes
from otio_bridge.store.records import (
    EditWrite,
    OccurrenceWrite,
    ShotRecord,
    ShotWrite,
)
from otio_bridge.workflow.known import copied_from, paired
from otio_bridge.workflow.plan import Plan
from otio_bridge.workflow.planned import Planned
from otio_bridge.workflow.unasked import kept


def edit_write(result: Plan) -> EditWrite:
    """The edit as the ledger keeps it."""
    edit = result.edit
    return EditWrite(
        cut=result.cut,
        name=edit.path.name,
        path=str(edit.path.absolute()),
        format=edit.format,
        sha256=edit.sha256,
        rate=edit.rate,
        drop=edit.drop,
        start=edit.start,
    )


def shot_writes(app: App, result: Plan) -> dict[str, ShotWrite]:
    """By name, every shot as the ledger keeps it, with every clip that shows it; several requests are one shot."""
    groups: dict[str, list[Planned]] = defaultdict(list)
    for planned in result.shots:
        if planned.request is not None or planned.known is not None:
            groups[planned.entry.name].append(planned)
    return {name: _shot_write(app, result, group) for name, group in groups.items()}


def _shot_write(app: App, result: Plan, group: Sequence[Planned]) -> ShotWrite:
    spec, known = group[0].entry.spec, group[0].known
    clips = {clip.address: clip for planned in group for clip in planned.entry.spec.occurrences}
    need = spec.need
    for planned in group[1:]:
        need = need.union(planned.entry.spec.need)
    spec = spec.model_copy(update={"occurrences": tuple(clips.values()), "need": need})
    shot_id = known.id if known else str(uuid4())
    left = kept(known, result.cut, spec.occurrences, result.left_out.of(spec))
    return ShotWrite(
        id=shot_id,
        name=group[0].entry.name,
        cut=known.cut if known else result.cut,
        op_class=spec.op_class,
        placement=spec.placement,
        media=spec.media_identity,
        rate=spec.rate,
        drop=spec.drop,
        need=need,
        ask=spec.ask,
        spec={**spec.model_dump(mode="json"), "unasked": left},
        occurrences=_occurrences(app, result, group[0].entry.name, known, clips.values()),
    )


def _occurrences(
    app: App, result: Plan, name: str, known: ShotRecord | None, clips: Iterable[Occurrence]
) -> tuple[OccurrenceWrite, ...]:
    """Clips as the ledger keeps them. A new one's id says what it is, so that two sends at once make it once."""
    used = {old.id for old in known.occurrences} if known else set()
    made: list[OccurrenceWrite] = []
    for clip in clips:
        old = result.before.get(clip.address)
        text = canonical_json(
            [
                app.ledger.id,
                name,
                result.cut,
                clip.record.start,
                clip.address,
                clip.span.model_dump(mode="json"),
            ]
        )
        fresh = (str(uuid5(NAMESPACE_URL, f"{text}#{n}")) for n in count())
        key = old.id if old is not None else next(one for one in fresh if one not in used)
        used.add(key)
        if clip.original is None and old is not None:
            clip = clip.model_copy(update={"original": old.spec.get("original")})
        made.append(occurrence_write(clip, result.cut, key))
    return tuple(made)


def remember(app: App, result: Plan, edit: EditWrite, written: Sequence[ShotWrite]) -> None:
    """What the edit shows beside what it asks for: unmarked shots where they are now, left-out ones as gone, and
    the picks of clips that were cut up or copied."""
    mine = {one.id for one in written}
    others = [one for one in shot_writes(app, result).values() if one.id not in mine]
    for record, clips in result.unasked:
        shown = [clip.model_copy(update={"need": need_of(clip, record.op_class)}) for clip in clips]
        told = {clip.address: old for clip, old in paired(shown, record, result.cut) if old is not None}
        result.before = {**result.before, **told}
        fields = {key: getattr(record, key) for key in ShotWrite.model_fields if key != "occurrences"}
        occurrences = _occurrences(app, result, record.name, record, shown)
        others.append(ShotWrite(**fields, occurrences=occurrences))
    if others or result.omitted:
        shots.save_edit(
            app.ledger,
            edit,
            shots=[*written, *others] if result.omitted else others,
            complete=bool(result.omitted),
            author=app.author,
        )
    _inherit(app, result, [*written, *others])


def _inherit(app: App, result: Plan, written: Sequence[ShotWrite]) -> None:
    """A clip cut or copied from another keeps showing what that one was picked."""
    picks = {(row.shot_id, row.occurrence_id): row.take_id for row in reviews.picks(app.ledger)}
    known = {planned.known.id: planned.known for planned in result.shots if planned.known is not None}
    known |= {record.id: record for record, _ in result.unasked}
    for one in written if picks else ():
        record = known.get(one.id)
        for new in one.occurrences if record is not None else ():
            if record is None or any(old.id == new.id for old in record.occurrences):
                continue
            old = copied_from(Occurrence.model_validate(new.spec), record, result.cut)
            take_id = picks.get((record.id, old.id)) if old is not None else None
            if take_id is not None:
                reviews.pick(
                    app.ledger, takes.get(app.ledger, take_id), author=app.author, occurrence_id=new.id
                )


def occurrence_write(occurrence: Occurrence, cut: str, key: str | None) -> OccurrenceWrite:
    """One clip as the ledger keeps it; the one it was before keeps its id, and so its picks."""
    return OccurrenceWrite(
        id=key,
        cut=cut,
        address=occurrence.address,
        track=occurrence.track,
        track_name=occurrence.track_name,
        name=occurrence.name,
        gap=occurrence.gap,
        enabled=occurrence.enabled,
        record=occurrence.record,
        rate=occurrence.timeline_rate,
        drop=occurrence.drop,
        span=occurrence.span,
        need=occurrence.need,
        media=occurrence.media.identity if occurrence.media else "none",
        token=occurrence.token,
        spec={**occurrence.model_dump(mode="json"), "original": occurrence.original},
    )
