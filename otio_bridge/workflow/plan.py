"""Against the ledger: what is covered, what needs work and why, what would be sent, at what cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from otio_bridge.app import App
from otio_bridge.model.choice import Choice as ShotChoice
from otio_bridge.model.identify import Identified, identify
from otio_bridge.model.money import Money
from otio_bridge.model.naming import propose_names
from otio_bridge.model.shot import Occurrence, ShotNote
from otio_bridge.model.value import Value
from otio_bridge.store import money
from otio_bridge.store.records import OccurrenceRecord, ShotRecord
from otio_bridge.timeline.load import Edit
from otio_bridge.workflow.claims import Claim, carried, claims, joined, of_original
from otio_bridge.workflow.known import held, known_shot, paired, restored, shows_in
from otio_bridge.workflow.planned import PlanEntry, Planned, Wish, hold
from otio_bridge.workflow.pulled import pulled_media
from otio_bridge.workflow.reading import clips, looker, open_edit, specs
from otio_bridge.workflow.unasked import LeftOut, told_apart


class PlanReport(Value):
    """What `plan EDIT` says, and `send` does."""

    edit: str
    cut: str
    entries: tuple[PlanEntry, ...]
    omitted: tuple[str, ...]
    to_send: int
    total: Money
    budget: Money | None = None
    left: Money | None = None
    notes: tuple[ShotNote, ...] = ()


@dataclass
class Plan:
    """Everything `send` needs: the edit as read, and every shot."""

    edit: Edit
    cut: str
    shots: list[Planned]
    omitted: tuple[str, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    #: By address, what each clip was when this cut was last sent.
    before: Mapping[str, OccurrenceRecord] = field(default_factory=dict)
    #: Shots of the ledger that the edit shows without asking for them: their clips.
    unasked: tuple[tuple[ShotRecord, tuple[Occurrence, ...]], ...] = ()
    report: PlanReport | None = field(default=None)

    @cached_property
    def left_out(self) -> LeftOut:
        """The clips no shot asks for."""
        asked = (clip.address for one in self.shots for clip in one.entry.spec.occurrences)
        return LeftOut(self.occurrences, frozenset(asked))


class Wishes(TypedDict, total=False):
    """What may be asked of `plan`, and so of `send`, beside the choice of shots."""

    rate: Fraction | None
    cut: str | None
    #: Takes of every shot, instead of what each asks for.
    takes_each: int | None
    #: This many takes beyond those asked before.
    more: int
    allow_proxy: bool
    #: A folder of plates pulled elsewhere.
    plates: Path | None


def plan(
    app: App,
    path: Path,
    *,
    choice: ShotChoice,
    rate: Fraction | None = None,
    cut: str | None = None,
    takes_each: int | None = None,
    more: int = 0,
    allow_proxy: bool = False,
    plates: Path | None = None,
) -> Plan:
    """Read an edit and hold it against the ledger. Writes nothing.

    `plates` is a folder of plates pulled elsewhere, used instead of cutting them.

    Raises RefusedInput for an edit that cannot be read and for a clip that could be several shots.
    """
    edit = open_edit(app.settings, path, rate=rate)
    look = looker()
    everything = clips(edit, look)
    cut = cut or edit.cut
    ledger = held(app)
    records = ledger.shots
    identified = identify(everything, [known_shot(record, ledger.takes) for record in records], cut=cut)
    everything = restored(everything, identified, ledger)
    shown = {clip.address: clip for clip in everything}
    found = list(specs(edit, app.settings, choice, look))
    if not found and not choice.rows and not choice.select:
        rows = carried(everything, identified, ledger, cut)
        found = joined(specs(edit, app.settings, ShotChoice(rows=rows), look)) if rows else []
    handles = app.settings.project.handles
    claimed = claims([of_original(spec, shown, look, handles) for spec in found], identified, ledger)
    names = propose_names(
        [
            claim.known.name if claim.known else claim.spec.name
            for index, claim in enumerate(claimed)
            if claim.leader == index
        ],
        taken={record.name for record in records},
        pattern=app.settings.project.naming,
        project=app.settings.project.name,
        cut=cut,
    )
    leaders = dict(zip(sorted({claim.leader for claim in claimed}), names, strict=True))
    wish = Wish(
        takes=takes_each, more=more, allow_proxy=allow_proxy, pulled=pulled_media(plates) if plates else ()
    )
    before = pairs(claimed, cut)
    planned: list[Planned] = []
    for claim in claimed:
        claim.spec = claim.spec.model_copy(update={"name": leaders[claim.leader]})
        mine = [one for one in planned if one.entry.name == claim.spec.name] if claim.known else []
        planned.append(
            hold(app, claim, before, ledger, cut, look, wish, sum(one.plate is None for one in mine))
        )
    seen = {claim.known.id for claim in claimed if claim.known} | set(identified.shots())
    seen |= {key for entry in identified.ambiguous for key in entry.shot_ids}
    omitted = tuple(record.name for record in records if shows_in(record, cut) and record.id not in seen)
    result = Plan(edit=edit, cut=cut, shots=planned, omitted=omitted, occurrences=everything, before=before)
    result.unasked = unasked(records, identified, claimed, everything, cut)
    result.report = _report(app, result)
    return result


def unasked(
    records: Sequence[ShotRecord],
    identified: Identified,
    claimed: Sequence[Claim],
    everything: Sequence[Occurrence],
    cut: str,
) -> tuple[tuple[ShotRecord, tuple[Occurrence, ...]], ...]:
    """The shots an edit shows and does not ask for, with their clips: unmarked, and still there."""
    asked = {claim.known.id for claim in claimed if claim.known}
    by_shot: dict[str, list[Occurrence]] = defaultdict(list)
    for clip in everything:
        entry = identified.by_address.get(clip.address)
        if entry is not None and entry.shot_id not in asked:
            by_shot[entry.shot_id].append(clip)
    told = (
        (record, told_apart(by_shot[record.id], record, cut, identified.by_address)[0])
        for record in records
        if record.id in by_shot
    )
    return tuple((record, tuple(mine)) for record, mine in told if mine)


def pairs(claimed: Sequence[Claim], cut: str) -> dict[str, OccurrenceRecord]:
    """By address, what each clip was when this cut was last sent; all clips of a shot looked at together."""
    groups: dict[str, list[Claim]] = defaultdict(list)
    for claim in claimed:
        if claim.known is not None:
            groups[claim.known.id].append(claim)
    found: dict[str, OccurrenceRecord] = {}
    for group in groups.values():
        shown = {clip.address: clip for claim in group for clip in claim.spec.occurrences}
        told = paired(tuple(shown.values()), group[0].known, cut)
        found |= {clip.address: old for clip, old in told if old is not None}
    return found


def _report(app: App, result: Plan) -> PlanReport:
    entries = tuple(planned.entry for planned in result.shots)
    total = Money(micro=0, currency=app.settings.money.currency)
    for entry in entries:
        total = total + entry.total if entry.total is not None else total
    budget = next((row for row in money.budgets(app.ledger) if row.scope == "project"), None)
    return PlanReport(
        edit=str(result.edit.path),
        cut=result.cut,
        entries=entries,
        omitted=result.omitted,
        to_send=sum(entry.to_send for entry in entries if not entry.refused),
        total=total,
        budget=budget.money(budget.cap) if budget else None,
        left=budget.free if budget else None,
        notes=result.edit.notes,
    )
