"""Which shot of the ledger each asked-for shot of an edit is, after clips were cut, copied, asked anew or unmarked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import ShotRow
from otio_bridge.model.diff import need_of
from otio_bridge.model.frames import Handles, had, needs_mixed, source_handles
from otio_bridge.model.identify import Identified, Rule
from otio_bridge.model.media import MediaKind, first_frame
from otio_bridge.model.request import Ask, OperationClass
from otio_bridge.model.shot import Occurrence, Severity, ShotNote, ShotSpec
from otio_bridge.model.time import FrameRange
from otio_bridge.store.records import ShotRecord
from otio_bridge.timeline.shots import placement_of
from otio_bridge.workflow.known import Held
from otio_bridge.workflow.reading import Look
from otio_bridge.workflow.requests import ask_key
from otio_bridge.workflow.unasked import left_out_of

#: Notes about the file a clip shows.
_OF_THE_FILE = frozenset(
    {
        "beyond-media",
        "handles",
        "media-rate",
        "media-short",
        "media-timecode",
        "no-media",
        "outside-media",
        "precision",
    }
)
#: Rules by which a clip says itself whose it is; a copy of it with another mark is still that shot's.
_SAID = (Rule.TAKE, Rule.ID, Rule.TOKEN)


@dataclass
class Claim:
    """A shot the edit asks for, the ledger's shot it is, and the first one here that is the same shot."""

    spec: ShotSpec
    known: ShotRecord | None
    #: Its own index where it stands for itself.
    leader: int


def claims(found: Sequence[ShotSpec], identified: Identified, ledger: Held) -> list[Claim]:
    """The ledger's shot of every spec.

    Two marks on one clip are two requests of one shot. A copy of a clip with another mark is a shot of its own
    as long as the first one is asked for what it was. Raises RefusedInput for a clip that could be several.
    """
    by_id = {record.id: record for record in ledger.shots}
    made = [
        Claim(spec, by_id.get(_owner(spec, identified, by_id) or ""), index)
        for index, spec in enumerate(found)
    ]
    for claim in made:
        claim.spec = of_parent(claim.spec, claim.known)
    _split(made, identified, ledger)
    first: dict[str, int] = {}
    for index, claim in enumerate(made):
        keys = [f"clip {occurrence.address}" for occurrence in claim.spec.occurrences]
        keys += [f"shot {claim.known.id}"] if claim.known else []
        claim.leader = min((first[key] for key in keys if key in first), default=index)
        for key in keys:
            first.setdefault(key, claim.leader)
        leader = made[claim.leader]
        if leader is claim:
            continue
        claim.known = leader.known
        if leader.spec.op_class is not claim.spec.op_class:
            text = (
                f"the clip is asked for {leader.spec.ask.operation} and {claim.spec.ask.operation}, which live in "
                "different places: keep one mark, and put the other on a copy of the clip"
            )
            note = ShotNote(severity=Severity.REFUSE, code="two-marks", text=text)
            claim.spec = claim.spec.model_copy(update={"notes": (*claim.spec.notes, note)})
    return made


def asked_before(record: ShotRecord, ledger: Held) -> set[str]:
    """Everything a shot was ever asked for, by `ask_key`."""
    kept = (take.provenance.get("ask") for take in ledger.takes.get(record.id, ()))
    return {ask_key(record.ask), *(ask_key(Ask.model_validate(ask)) for ask in kept if ask)}


def _owner(spec: ShotSpec, identified: Identified, by_id: dict[str, ShotRecord]) -> str | None:
    """The known shot this spec's clips are, if they are one. Raises RefusedInput where they are several."""
    owners: list[str] = []
    for occurrence in spec.occurrences:
        candidates = list(identified.candidates(occurrence.address))
        if len(candidates) > 1:
            named = [key for key in candidates if by_id[key].name == spec.name]
            same = [key for key in candidates if ask_key(by_id[key].ask) == ask_key(spec.ask)]
            candidates = next((few for few in (named, same) if len(few) == 1), candidates)
        if len(candidates) > 1:
            raise RefusedInput(
                f"clip {occurrence.name!r} could be several shots",
                value=", ".join(sorted(by_id[key].name for key in candidates)),
                next="give it a name: name=SHOT in its mark",
            )
        owners += candidates
    if len(set(owners)) > 1:
        raise RefusedInput(
            "one request covers clips of several shots",
            value=", ".join(sorted({by_id[key].name for key in owners})),
            next="give each clip a mark of its own",
        )
    return next(iter(owners), None)


def _split(made: list[Claim], identified: Identified, ledger: Held) -> None:
    """Copies that are asked for something else become shots of their own."""
    groups: dict[str, list[Claim]] = defaultdict(list)
    for claim in made:
        if claim.known is not None:
            groups[claim.known.id].append(claim)
    for group in groups.values():
        if len(group) < 2 or group[0].known is None:
            continue
        before = asked_before(group[0].known, ledger)
        keep = [claim for claim in group if ask_key(claim.spec.ask) in before] or group[:1]
        places = {occurrence.address for claim in keep for occurrence in claim.spec.occurrences}
        for claim in group:
            mine = [identified.by_address.get(occurrence.address) for occurrence in claim.spec.occurrences]
            said = any(entry is not None and entry.rule in _SAID for entry in mine)
            here = any(occurrence.address in places for occurrence in claim.spec.occurrences)
            if claim not in keep and not said and not here:
                claim.known = None


def of_original(spec: ShotSpec, clips: Mapping[str, Occurrence], look: Look, handles: int) -> ShotSpec:
    """The shot as asked of the media its takes were made of, where its clips show takes of ours by now.

    `clips` are all clips as `known.restored` gives them. What was said of the take's file is not said of the media.
    """
    shown = tuple(clips.get(clip.address, clip) for clip in spec.occurrences)
    if all(clip.media == was.media for clip, was in zip(shown, spec.occurrences, strict=True)):
        return spec
    handles = handles if spec.ask.handles is None else spec.ask.handles
    source = spec.op_class is OperationClass.SOURCE
    made, needs, wanted = [], [], []
    for clip, was in zip(shown, spec.occurrences, strict=True):
        need = need_of(clip, spec.op_class)
        # What the edit writes here is the take: what was written before it stays in the ledger.
        same = {"media": clip.media, "span": clip.span, "need": need}
        made.append(was.model_copy(update={**same, "original": None}))
        mixed = clip.media is not None and needs_mixed(clip.media.rate, clip.timeline_rate)
        more = FrameRange.between(need.start - handles, need.end + handles)
        wanted.append(source_handles(need, clip.span, handles, mixed=mixed) if source else more)
        needs.append(need)
    media = made[0].media
    info = look(media) if media is not None else None
    limits = media.available if media is not None else None
    if media is not None and info is not None and media.kind is not MediaKind.STILL:
        limits = FrameRange(start=first_frame(media, info), duration=info.frames)
    need, reach = reduce(FrameRange.union, needs), reduce(FrameRange.union, wanted)
    notes = [note for note in spec.notes if note.code not in _OF_THE_FILE]
    if source and info is not None and limits is not None and not limits.contains(need):
        text = f"it needs frames {need} and its original's file holds {limits}"
        notes.append(ShotNote(severity=Severity.REFUSE, code="media-short", text=text))
    return spec.model_copy(
        update={
            "media": media,
            "drop": spec.drop if media is None or media.drop is None or not source else media.drop,
            "occurrences": tuple(made),
            "need": need,
            "handles": had(reach, limits if source else None),
            "notes": tuple(notes),
        }
    )


def of_parent(spec: ShotSpec, known: ShotRecord | None) -> ShotSpec:
    """Work on a take (`parent=`) lives where that take does: an upscale of what was generated lives in the cut."""
    cut = known is not None and known.op_class is OperationClass.RECORD
    if (
        known is None
        or not cut
        or spec.op_class is not OperationClass.SOURCE
        or "parent" not in spec.ask.options
    ):
        return spec
    clips = [
        clip.model_copy(update={"need": need_of(clip, OperationClass.RECORD)}) for clip in spec.occurrences
    ]
    need = reduce(FrameRange.union, (clip.need for clip in clips))
    return spec.model_copy(
        update={
            "op_class": OperationClass.RECORD,
            "placement": placement_of(OperationClass.RECORD, clips[0]),
            "rate": known.rate,
            "drop": known.drop,
            "occurrences": tuple(clips),
            "need": need,
            "handles": had(need, None),
            # Its pictures are the take's: what was said of the clip's own does not matter.
            "notes": tuple(note for note in spec.notes if note.severity is not Severity.REFUSE),
        }
    )


def carried(
    everything: Sequence[Occurrence], identified: Identified, ledger: Held, cut: str
) -> tuple[ShotRow, ...]:
    """What was asked before, for the clips of an edit that carries no marks any more, as rows of a shot list.

    Exports drop markers; what was asked stays asked. Only for shots this cut was sent with.
    """
    by_id = {record.id: record for record in ledger.shots}
    rows: list[ShotRow] = []
    out = left_out_of(everything, identified, ledger, cut)
    for clip in everything:
        entry = identified.by_address.get(clip.address)
        record = by_id.get(entry.shot_id) if entry else None
        if (
            record is None
            or clip.address in out
            or not clip.enabled
            or all(seen.cut != cut for seen in record.occurrences)
        ):
            continue
        rows.append(
            ShotRow(
                where=f"as {record.name} was asked before",
                ask=record.ask.model_copy(update={"name": None}),
                clip=None if clip.gap else "*",
                record=str(clip.record.start),
                track=clip.track_name.replace("[", "[[]") or None,
            )
        )
    return tuple(rows)


def joined(found: Sequence[ShotSpec]) -> list[ShotSpec]:
    """Shots carried over that are one and whose frames meet, as one: what a copied mark would have said."""
    made: list[ShotSpec] = []
    for spec in sorted(found, key=lambda spec: spec.handles.wanted.start):
        last = next((one for one in reversed(made) if one.why == spec.why and one.rate == spec.rate), None)
        if last is None or last.handles.wanted.end < spec.handles.wanted.start:
            made.append(spec)
            continue
        one, other = last.handles, spec.handles
        handles = Handles(
            wanted=one.wanted.union(other.wanted),
            had=one.had.union(other.had),
            head_short=one.head_short,
            tail_short=max((one.wanted.end, one.tail_short), (other.wanted.end, other.tail_short))[1],
        )
        made[made.index(last)] = last.model_copy(
            update={
                "need": last.need.union(spec.need),
                "handles": handles,
                "occurrences": (*last.occurrences, *spec.occurrences),
                "notes": tuple(dict.fromkeys((*last.notes, *spec.notes))),
            }
        )
    return sorted(made, key=lambda spec: (spec.occurrences[0].record.start, spec.occurrences[0].track))
