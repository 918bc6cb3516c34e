"""What the ledger knows, in the form the matching of clips to shots works on (design §7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction

from otio_bridge.app import App
from otio_bridge.model.diff import need_of
from otio_bridge.model.frames import source_need
from otio_bridge.model.identify import Identified, KnownShot, Rule
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange
from otio_bridge.model.value import Value
from otio_bridge.store import shots, takes
from otio_bridge.store.records import OccurrenceRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.plates import PlateNotes


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
        take_paths=frozenset(path for take in mine for path in take_files(take)),
        take_reels=frozenset(take_reel(take) for take in mine),
        token=record.id,
    )


def restored(
    everything: Sequence[Occurrence], identified: Identified, ledger: Held
) -> tuple[Occurrence, ...]:
    """Clips that show a take of ours stand for what it was made of: its plate's media is theirs."""
    by_id = {record.id: record for record in ledger.shots}
    made: list[Occurrence] = []
    for clip in everything:
        entry = identified.by_address.get(clip.address)
        if entry is not None and entry.rule is Rule.TAKE:
            mine = ledger.takes.get(entry.shot_id, ())
            shown = next((take for take in mine if entry.pick in (*take_files(take), take_reel(take))), None)
            plates = {plate.id: plate for plate in by_id[entry.shot_id].plates}
            plate = plates.get(shown.plate_id or "") if shown is not None else None
            if plate is not None:
                clip = _of_media(clip, PlateNotes.of(plate).media)
                clip = clip.model_copy(update={"need": need_of(clip, OperationClass.SOURCE)})
        made.append(clip)
    return tuple(made)


def _of_media(clip: Occurrence, media: MediaRef | None) -> Occurrence:
    """The clip as it would be with that media under it: at the media's rate, and a picture is held."""
    span = clip.span
    if media is not None and clip.media is not None:
        ratio = media.rate / clip.media.rate
        s = Fraction(0) if media.kind is MediaKind.STILL else span.s * ratio
        span = span.model_copy(update={"start": span.start * ratio, "s": s})
    return clip.model_copy(update={"media": media, "span": span})


def take_files(take: TakeRecord) -> tuple[str, ...]:
    """The files an edit may show of a take: the movie, and the picture of one that is held."""
    return tuple(str(take.result[key]) for key in ("file", "still") if take.result.get(key))


def take_reel(take: TakeRecord) -> str:
    """The reel written on a take: its own name, so that no two answer to one reel and timecode (design §5)."""
    return f"{take.shot}_{take.name}"


def shows_in(record: ShotRecord, cut: str) -> bool:
    """Whether the shot was seen in this cut when it was last sent."""
    return any(occurrence.cut == cut and occurrence.present for occurrence in record.occurrences)


def paired(
    occurrences: Sequence[Occurrence], known: ShotRecord | None, cut: str
) -> list[tuple[Occurrence, OccurrenceRecord | None]]:
    """Each clip of a shot beside what it was when the cut was last sent, one to one.

    First those that show the same frames, in order, so that a ripple takes nothing from another clip; then
    those that share most frames; then the nearest.
    """
    before = [old for old in known.occurrences if old.cut == cut] if known else []
    found: dict[int, OccurrenceRecord] = {}
    for present in (True, False):
        there = [old for old in before if old.present is present]
        _alike(occurrences, there, found)
    used = {old.id for old in found.values()}
    rest = sorted(
        (
            (
                not old.present,
                -_shown(now).overlap(_shown(old)),
                abs(old.record.start - now.record.start),
                i,
                j,
            )
            for i, now in enumerate(occurrences)
            if i not in found
            for j, old in enumerate(before)
            if old.id not in used
        ),
    )
    for *_, i, j in rest:
        if i not in found and before[j].id not in used:
            found[i] = before[j]
            used.add(before[j].id)
    return [(now, found.get(i)) for i, now in enumerate(occurrences)]


def copied_from(clip: Occurrence, known: ShotRecord, cut: str) -> OccurrenceRecord | None:
    """The occurrence a clip the cut did not have yet was cut or copied from: one that shows all its frames."""
    there = [
        old
        for old in known.occurrences
        if old.cut == cut and old.span.s == clip.span.s and _shown(old).contains(_shown(clip))
    ]
    return min(
        there, key=lambda old: (not old.present, abs(old.record.start - clip.record.start)), default=None
    )


_Seen = Occurrence | OccurrenceRecord


def _alike(
    now: Sequence[Occurrence],
    before: Sequence[OccurrenceRecord],
    found: dict[int, OccurrenceRecord],
) -> None:
    """Pair what shows the same frames, in record order; the nearest where there are more of one than of the other."""
    used = {old.id for old in found.values()}
    there: dict[Hashable, list[OccurrenceRecord]] = defaultdict(list)
    for old in sorted(before, key=_place):
        if old.id not in used:
            there[_frames(old)].append(old)
    here: dict[Hashable, list[int]] = defaultdict(list)
    for i in sorted(range(len(now)), key=lambda i: _place(now[i])):
        if i not in found and _frames(now[i]) in there:
            here[_frames(now[i])].append(i)
    for same, places in here.items():
        olds = there[same]
        if len(places) == len(olds):
            found |= dict(zip(places, olds, strict=True))
            continue
        near = sorted(
            (abs(now[i].record.start - old.record.start), i, j) for i in places for j, old in enumerate(olds)
        )
        taken: set[int] = set()
        for _, i, j in near:
            if i not in found and j not in taken:
                found[i] = olds[j]
                taken.add(j)


def _frames(clip: _Seen) -> tuple[object, ...]:
    return (clip.span.start, clip.span.s, clip.span.n)


def _place(clip: _Seen) -> tuple[int, int]:
    return (clip.record.start, clip.track)


def _shown(clip: _Seen) -> FrameRange:
    return source_need(clip.span)
