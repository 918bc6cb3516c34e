"""Which plate and takes answer a shot already, and how far a new plate has to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otio_bridge.model.diff import ChangeWord, need_of
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence, ShotSpec
from otio_bridge.model.time import FrameRange
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.status import take_range

#: Change words that say themselves why something is made.
_SAY_WHY = {
    ChangeWord.NEW,
    ChangeWord.EXTENDED,
    ChangeWord.RETIMED,
    ChangeWord.REPLACED,
    ChangeWord.REASKED,
}


def answering(
    spec: ShotSpec, plates: Sequence[PlateRecord], made: Mapping[str, Sequence[TakeRecord]], asked: int
) -> tuple[PlateRecord | None, list[TakeRecord]]:
    """The plate that serves a shot, and the takes that answer it already: nothing covered is made again.

    A plate serves by its own range; by what its takes hold beyond it (surplus) and, for a shot on several clips,
    clip by clip only where there are enough takes, since new ones would not hold more.
    """

    def holds(plate: PlateRecord, need: FrameRange) -> bool:
        # One picture is held as long as it is wanted.
        return spec.op_class is OperationClass.STILL or plate.range.contains(need)

    def holding(plate: PlateRecord, need: FrameRange) -> list[TakeRecord]:
        if holds(plate, need):
            return list(made[plate.id])
        held_ = ((take, take_range(take)) for take in made[plate.id])
        return [take for take, frames in held_ if frames is not None and frames.contains(need)]

    found = {plate.id: holding(plate, spec.need) for plate in plates}
    serving = [
        plate
        for plate in plates
        if holds(plate, spec.need) or (found[plate.id] and len(found[plate.id]) >= asked)
    ]
    if serving:
        best = max(serving, key=lambda plate: (len(found[plate.id]), plate.number))
        return best, found[best.id]
    best_of = [
        max(
            ((plate, holding(plate, clip.need)) for plate in plates),
            key=lambda pair: len(pair[1]),
            default=None,
        )
        for clip in spec.occurrences
    ]
    each = [pair for pair in best_of if pair is not None and len(pair[1]) >= asked]
    if each and len(each) == len(spec.occurrences):
        takes_ = {take.id: take for _, some in each for take in some}
        return each[0][0], sorted(takes_.values(), key=lambda take: take.number)
    return None, []


def shared(spec: ShotSpec, plate: FrameRange, known: ShotRecord | None, cut: str) -> FrameRange:
    """A new plate's range, stretched over what other cuts show of the shot where it meets it: made once."""
    needs = [
        need_of(Occurrence.model_validate(seen.spec), spec.op_class)
        for seen in (known.occurrences if known else ())
        if seen.cut != cut
        and seen.present
        and seen.media == spec.media_identity
        and (spec.op_class is OperationClass.SOURCE or seen.span.s == spec.occurrences[0].span.s)
    ]
    for need in sorted(needs, key=lambda need: need.start):
        if need.start <= plate.end and plate.start <= need.end:
            plate = plate.union(need)
    return plate


def why_more(
    changes: Sequence[ChangeWord],
    need: FrameRange,
    plates: Sequence[PlateRecord],
    plate: PlateRecord | None,
    there: int,
    asked: int,
    more: int,
) -> tuple[str, ...]:
    """Why something is sent for a known shot, where its change words do not say: how many, the need, or the media.

    `plates` are those of its media, `plate` the one that serves, `there` the takes of the `asked` ones.
    """
    if _SAY_WHY & set(changes):
        return ()
    told = []
    if plate is None and plates:
        held = ", ".join(str(one.range) for one in plates)
        told.append(f"it needs {need}, which lies outside every take's range ({held})")
    elif plate is None:
        told.append("it is of other media, or at another speed, than its takes")
    elif there < asked:
        told.append(f"{there} of the {asked} takes asked for are there")
    if more:
        told.append(f"{more} more is asked for, beside the {there} there are")
    return tuple(told)
