"""Clips that show a shot's frames and were left unmarked in the very edit that was sent: they are not the shot's.

Without a word of ours on it a clip is known by its media alone, and then a copy nobody asked for would be shown a
take. What an edit left out is kept with the shot, cut by cut, and told from the shot's own clips as those are told
from one another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from otio_bridge.model.diff import need_of
from otio_bridge.model.identify import Found, Identified, Rule
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence, ShotSpec
from otio_bridge.store.records import OccurrenceRecord, OccurrenceWrite, ShotRecord
from otio_bridge.workflow.known import Held, paired

#: What a clip is known by where nothing on it says whose it is.
_WEAK = (Rule.MEDIA, Rule.NAME)


class LeftOut:
    """The clips of an edit that no shot asks for, by media and first frame."""

    def __init__(self, everything: Iterable[Occurrence], asked: frozenset[str]) -> None:
        self._by_media: dict[str, list[tuple[int, Occurrence]]] = defaultdict(list)
        for clip in everything:
            if clip.address not in asked and clip.media is not None and clip.media.identity != "none":
                start = need_of(clip, OperationClass.SOURCE).start
                self._by_media[clip.media.identity].append((start, clip))
        for found in self._by_media.values():
            found.sort(key=lambda entry: entry[0])
        self._longest = {
            media: max(need_of(clip, OperationClass.SOURCE).duration for _, clip in found)
            for media, found in self._by_media.items()
        }

    def of(self, spec: ShotSpec) -> tuple[Occurrence, ...]:
        """Those that show frames the shot's own clips show."""
        there: dict[str, Occurrence] = {}
        for clip in spec.occurrences:
            media = clip.media.identity if clip.media is not None else "none"
            found = self._by_media.get(media, [])
            need = need_of(clip, OperationClass.SOURCE)
            first = bisect_left(found, need.start - self._longest.get(media, 0), key=lambda entry: entry[0])
            for start, other in found[first:]:
                if start >= need.end:
                    break
                if need.overlap(need_of(other, OperationClass.SOURCE)):
                    there[other.address] = other
        return tuple(there.values())


def kept(
    known: ShotRecord | None, cut: str, asked: Sequence[Occurrence], left: Sequence[Occurrence]
) -> list[dict[str, object]]:
    """What a shot's spec keeps: the clips this cut left out now, and other cuts before.

    One that was asked for once stays the shot's, though another send chose others.
    """
    before = known.spec.get("unasked", ()) if known is not None else ()
    others = [entry for entry in before if entry["cut"] != cut]
    once: set[str] = set()
    if known is not None:
        used = {old.id for _, old in paired(asked, known, cut) if old is not None}
        free = tuple(old for old in known.occurrences if old.id not in used)
        rest = known.model_copy(update={"occurrences": free})
        once = {clip.address for clip, old in paired(left, rest, cut) if old is not None}
    fresh = (clip.model_copy(update={"cut": cut}) for clip in left if clip.address not in once)
    return [*others, *(clip.model_dump(mode="json") for clip in fresh)]


def told_apart(
    clips: Sequence[Occurrence], record: ShotRecord, cut: str, found: Mapping[str, Found]
) -> tuple[list[Occurrence], list[Occurrence]]:
    """Of the clips that look like a shot's, its own, and those the edit that was sent left out.

    A clip with a mark, or with a word of ours on it, is never left out.
    """
    left = [
        _as_record(Occurrence.model_validate(entry), record, number)
        for number, entry in enumerate(record.spec.get("unasked", ()))
        if entry["cut"] == cut
    ]
    if not left:
        return list(clips), []
    both = record.model_copy(update={"occurrences": (*record.occurrences, *left)})
    theirs = {old.id for old in left}
    pairs = paired(clips, both, cut)
    out = {
        clip.address
        for clip, old in pairs
        if old is not None and old.id in theirs and clip.marker is None and found[clip.address].rule in _WEAK
    }
    return [clip for clip in clips if clip.address not in out], [
        clip for clip in clips if clip.address in out
    ]


def left_out_of(
    everything: Sequence[Occurrence], who: Identified, ledger: Held, cut: str
) -> dict[str, ShotRecord]:
    """By address, the clips of an edit that look like a shot's and were left out when its cut was sent."""
    mine: dict[str, list[Occurrence]] = defaultdict(list)
    for clip in everything:
        entry = who.by_address.get(clip.address)
        if entry is not None:
            mine[entry.shot_id].append(clip)
    return {
        clip.address: record
        for record in ledger.shots
        if record.id in mine
        for clip in told_apart(mine[record.id], record, cut, who.by_address)[1]
    }


def _as_record(clip: Occurrence, record: ShotRecord, number: int) -> OccurrenceRecord:
    fields = {key: getattr(clip, key) for key in OccurrenceWrite.model_fields if hasattr(clip, key)}
    own = {"id": f"left out {number}", "rate": clip.timeline_rate, "media": "none", "spec": {}}
    return OccurrenceRecord(
        **{**fields, **own}, shot_id=record.id, edit_id=None, present=True, seen_at=record.changed_at
    )
