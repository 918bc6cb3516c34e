"""What the ledger knows, in the form the matching of clips to shots works on (design §7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from otio_bridge.app import App
from otio_bridge.model.identify import KnownShot
from otio_bridge.model.media import MediaRef
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.take import TakeState
from otio_bridge.model.value import Value
from otio_bridge.store import shots, takes
from otio_bridge.store.records import OccurrenceRecord, ShotRecord, TakeRecord


class Held(Value):
    """Every shot of the project and its takes, read once."""

    shots: tuple[ShotRecord, ...]
    takes: dict[str, list[TakeRecord]]


def held(app: App) -> Held:
    """Read the ledger once for a whole edit, so that ten thousand clips do not mean ten thousand questions."""
    by_shot: dict[str, list[TakeRecord]] = defaultdict(list)
    for take in takes.by_state(app.ledger, TakeState):
        by_shot[take.shot_id].append(take)
    return Held(shots=tuple(shots.all_shots(app.ledger)), takes=dict(by_shot))


def known_shot(record: ShotRecord, by_shot: Mapping[str, Sequence[TakeRecord]]) -> KnownShot:
    """A shot as identification sees it."""
    mine = by_shot.get(record.id, ())
    media = record.spec.get("media")
    return KnownShot(
        id=record.id,
        name=record.name,
        op_class=record.op_class,
        rate=record.rate,
        media=MediaRef.model_validate(media) if media else None,
        ranges=tuple(plate.range for plate in record.plates),
        occurrences=tuple(Occurrence.model_validate(seen.spec) for seen in record.occurrences if seen.spec),
        take_paths=frozenset(str(take.result["file"]) for take in mine if take.result.get("file")),
        take_reels=frozenset(take_reel(take) for take in mine),
        token=record.id,
    )


def take_reel(take: TakeRecord) -> str:
    """The reel written on a take: its own name, so that no two answer to one reel and timecode (design §5)."""
    return f"{take.shot}_{take.name}"


def shows_in(record: ShotRecord, cut: str) -> bool:
    """Whether the shot was seen in this cut when it was last sent."""
    return any(occurrence.cut == cut and occurrence.present for occurrence in record.occurrences)


def paired(
    occurrences: Sequence[Occurrence], known: ShotRecord | None, cut: str
) -> list[tuple[Occurrence, OccurrenceRecord | None]]:
    """Each clip of a shot beside what it was when the cut was last sent: the nearest in record time, one to one."""
    before = [old for old in known.occurrences if old.cut == cut] if known else []
    pairs = sorted(
        (
            (abs(old.record.start - now.record.start), i, j)
            for i, now in enumerate(occurrences)
            for j, old in enumerate(before)
        ),
    )
    of_now: dict[int, int] = {}
    for _, i, j in pairs:
        if i not in of_now and j not in of_now.values():
            of_now[i] = j
    return [(now, before[of_now[i]] if i in of_now else None) for i, now in enumerate(occurrences)]
