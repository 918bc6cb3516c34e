"""Which takes each clip of an edit is offered, and which one it shows (design §2 rule 2).

Shown is the picked take, else the newest approved, else the newest selected (with `--newest` the newest
READY one), and only if it covers what the clip needs. A pick is per occurrence, a review per take.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from otio_bridge.app import App
from otio_bridge.model.diff import covered, need_of
from otio_bridge.model.identify import Identified, identify
from otio_bridge.model.media import MediaKind
from otio_bridge.model.relink import Json, Link, TakeLink, plain
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.take import ReviewState, TakeState
from otio_bridge.model.time import FrameRange
from otio_bridge.store.records import ShotRecord, TakeRecord
from otio_bridge.timeline.shots import placement_of
from otio_bridge.workflow.deciding import Deciding, deciding, picked_take, read_back
from otio_bridge.workflow.known import (
    copied_from,
    known_shot,
    paired,
    restored,
    take_reel,
)
from otio_bridge.workflow.plates import PlateNotes, key_of
from otio_bridge.workflow.shown import ShownClip
from otio_bridge.workflow.status import take_range
from otio_bridge.workflow.unasked import left_out_of

#: Reviews that make a take worth showing, best first.
_GOOD = (ReviewState.APPROVED, ReviewState.SELECTED)


def identified(state: Deciding, everything: Sequence[Occurrence], cut: str) -> Identified:
    """Which shot each clip is."""
    known = [known_shot(record, state.ledger.takes) for record in state.ledger.shots]
    return identify(everything, known, cut=cut)


@dataclass
class Linked:
    """What an edit is offered."""

    links: list[Link]
    who: Identified
    #: By address, the clips that look like a shot's and were not asked for when the edit was sent.
    left_out: dict[str, ShotRecord]
    #: By address, what the ledger is told of each clip linked.
    clips: dict[str, ShownClip]


def links_for(
    app: App,
    everything: Sequence[Occurrence],
    cut: str,
    *,
    only: Sequence[str] = (),
    newest: bool = False,
    temp: bool = False,
) -> tuple[list[Link], Identified]:
    """A link for every clip that is a shot of ours (those named in `only`, where any are)."""
    made = linked(app, everything, cut, only=only, newest=newest, temp=temp)
    return made.links, made.who


def linked(
    app: App,
    everything: Sequence[Occurrence],
    cut: str,
    *,
    only: Sequence[str] = (),
    newest: bool = False,
    temp: bool = False,
) -> Linked:
    """As `links_for`, with all a report says beside them."""
    state = deciding(app)
    who = identified(state, everything, cut)
    everything = restored(everything, who, state.ledger)
    out = left_out_of(everything, who, state.ledger, cut)
    by_address = {clip.address: clip for clip in everything if clip.address not in out}
    owned: dict[str, list[Occurrence]] = defaultdict(list)
    for entry in who.found:
        if entry.address in by_address:
            owned[entry.shot_id].append(by_address[entry.address])
    links: list[Link] = []
    told: dict[str, ShownClip] = {}
    for record in state.ledger.shots:
        if only and record.name not in only:
            continue
        mine = owned[record.id]
        shows = {entry.address: entry.pick for entry in who.found if entry.shot_id == record.id}
        for clip, old in paired(mine, record, cut):
            before = old or copied_from(clip, record, cut)
            found = read_back(state, record, shows.get(clip.address))
            picked, why = picked_take(state, record, before.id if before else "", old is not None, found)
            made = link(state, record, clip, picked=picked, newest=newest, temp=temp)
            links.append(made.model_copy(update={"notes": (*made.notes, *why)}))
            told[clip.address] = ShownClip(
                shot_id=record.id,
                occurrence=old.id if old is not None else "",
                found=found.name if found is not None else None,
                clip=clip.model_copy(update={"need": made.need, "cut": cut}).model_dump(mode="json"),
            )
    order = {clip.address: index for index, clip in enumerate(everything)}
    return Linked(sorted(links, key=lambda entry: order[entry.address]), who, out, told)


def link(
    state: Deciding, record: ShotRecord, clip: Occurrence, *, picked: str | None, newest: bool, temp: bool
) -> Link:
    """One clip with every READY take of its shot, and the one it shows."""
    need = held_need(clip) if _holds_still(record, clip) else need_of(clip, record.op_class)
    ready = [take for take in state.ledger.takes.get(record.id, []) if take.state is TakeState.READY]
    offered = [offer for take in ready if (offer := take_link(state, take, record, clip, need)) is not None]
    chosen, notes = _choose(state, ready, offered, picked=picked, newest=newest, temp=temp)
    by_hand = any(take.id == picked and take.name == chosen for take in ready)
    said = next((offer.state for offer in offered if offer.key == chosen), "")
    return Link(
        address=clip.address,
        shot=record.name,
        shot_id=record.id,
        token=record.id,
        placement=placement_of(record.op_class, clip),
        need=need,
        span=clip.span,
        takes=tuple(offered),
        active=chosen,
        wish="picked" if by_hand else said if said in _GOOD else "",
        allow_temp=temp,
        notes=notes,
    )


def _is_still(clip: Occurrence) -> bool:
    return clip.media is not None and clip.media.kind is MediaKind.STILL


def _holds_still(record: ShotRecord, clip: Occurrence) -> bool:
    return record.op_class is OperationClass.SOURCE and _is_still(clip)


def held_need(clip: Occurrence) -> FrameRange:
    """The frames a still is held for, counted as its clip counts them."""
    span = clip.span
    return FrameRange(start=floor(span.start) - span.head, duration=span.n + span.head + span.tail)


def take_link(
    state: Deciding, take: TakeRecord, record: ShotRecord, clip: Occurrence, need: FrameRange
) -> TakeLink | None:
    """A READY take as an edit can show it; None for one that counts in other coordinates than the shot now."""
    frames = take_range(take)
    plate = next((entry for entry in record.plates if entry.id == take.plate_id), None)
    if frames is None or (plate is not None and PlateNotes.of(plate).op_class is not record.op_class):
        return None
    # Frame numbers alone do not tell: it must be of the clip's media, and in the cut at the clip's speed.
    made_for = key_of(record.op_class, clip.media.identity if clip.media else "none", clip.span.s)
    # One picture is held as long as the clip likes: its range is stated as the whole need.
    path = take.result["file"]
    if record.op_class is OperationClass.STILL or _holds_still(record, clip):
        frames = need
    if _is_still(clip):
        path = take.result.get("still", path)
    return TakeLink(
        key=take.name,
        take=take_reel(take),
        path=path,
        range=frames,
        rate=take.request.rate,
        drop=bool(take.result.get("stamp", {}).get("drop")),
        first_number=take.result.get("first_number"),
        covers=covered(need, (frames,)) and (plate is None or plate.media == made_for),
        temp=take.temp,
        state=state.reviews.get(take.id, ReviewState.UNREVIEWED),
        metadata=told(take),
    )


def told(take: TakeRecord) -> Json:
    """The provenance an edit carries: what made the take, nothing that is a secret."""
    request = take.request
    said = plain(
        {
            "take": take.label,
            "operation": request.operation.value,
            "provider": take.provider,
            "model": take.model,
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "seed": take.seed,
            "sha256": take.result.get("sha256"),
            "cost": str(take.spent_money),
            "made": take.changed_at.isoformat(),
            "held": list(take.result.get("held", ())),
            "notes": list(take.result.get("notes", ())),
            "temp": take.temp,
        }
    )
    assert isinstance(said, dict)
    return said


def _choose(
    state: Deciding,
    ready: Sequence[TakeRecord],
    offered: Sequence[TakeLink],
    *,
    picked: str | None,
    newest: bool,
    temp: bool,
) -> tuple[str | None, tuple[str, ...]]:
    """The key of the take to show, and what to say where a wish could not be met."""
    by_key = {offer.key: offer for offer in offered}
    notes: list[str] = []
    if picked is not None:
        name = next((take.name for take in ready if take.id == picked), None)
        if name is not None and name in by_key:
            # Said by a person: shown if it may be, and said why where not (Link.shown).
            return name, ()
        notes.append("the picked take is not READY")
    fitting = [take for take in ready if _may(by_key.get(take.name), temp)]
    for wish in _GOOD:
        good = [take for take in fitting if state.reviews.get(take.id) is wish]
        if good:
            return _newest_first(good)[0].name, tuple(notes)
    # Not shown (Link.shown), which then says what stands against what people decided.
    hidden = [take for take in ready if not temp and _may(by_key.get(take.name), True)]
    if not hidden and not any(offer.covers for offer in offered):
        hidden = [take for take in ready if take.name in by_key]
    wished = [take for wish in _GOOD for take in _newest_first(hidden) if state.reviews.get(take.id) is wish]
    liked = [take for take in fitting if state.reviews.get(take.id) is not ReviewState.REJECTED]
    if newest and liked:
        if wished:
            notes.append(f"{wished[0].name} is {state.reviews[wished[0].id]} but temp (--temp shows it)")
        return _newest_first(liked)[0].name, tuple(notes)
    if wished:
        return wished[0].name, tuple(notes)
    if newest and ready and not fitting:
        return _newest_first(ready)[0].name, tuple(notes)
    return None, tuple(notes)


def _newest_first(rows: Sequence[TakeRecord]) -> list[TakeRecord]:
    return sorted(rows, key=lambda take: -take.number)


def _may(offer: TakeLink | None, temp: bool) -> bool:
    return offer is not None and offer.covers and (temp or not offer.temp)
