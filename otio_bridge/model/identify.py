"""Which shot a clip is, in an edit that changed since (design §7).

Rules, strongest first: the media *is* one of our takes; our id in the clip's metadata; our token in a
marker; the same media with the best overlap, one to one over the whole edit; a unique name; for clips
without media, the place in the cut. One shot on k clips is normal. A clip that could be several shots is
never guessed: it is listed as ambiguous.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from otio_bridge.model.diff import need_of, same_media
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.overlap import Stretch, assign
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.time import FrameRange, Rate, nominal
from otio_bridge.model.value import Value

#: Reels every EDL uses for "no reel": they name nothing.
_NO_REEL = frozenset({"AX", "BL"})


class Rule(StrEnum):
    """What told a clip's shot, strongest first."""

    TAKE = "shows one of its takes"
    ID = "id in the clip's metadata"
    TOKEN = "token in its marker"  # noqa: S105 (no secret)
    MEDIA = "same media, overlapping frames"
    NAME = "unique name"
    PLACE = "same place in the cut"


class KnownShot(Value):
    """A shot of the ledger, with all a clip can be known by."""

    id: str
    name: str
    op_class: OperationClass
    #: The rate of `ranges`.
    rate: Rate
    media: MediaRef | None = None
    #: What its plates hold, in shot coordinates; none for a shot never sent.
    ranges: tuple[FrameRange, ...] = ()
    #: The clips last seen to show it, in every cut.
    occurrences: tuple[Occurrence, ...] = ()
    #: Files of its takes, as `MediaRef.path` spells them, and the reels written into them.
    take_paths: frozenset[str] = frozenset()
    take_reels: frozenset[str] = frozenset()
    token: str | None = None


class Found(Value):
    """A clip whose shot is known."""

    address: str
    shot_id: str
    rule: Rule
    #: For `Rule.TAKE`: the file or reel it shows, which is the editor's pick.
    pick: str | None = None


class Ambiguous(Value):
    """A clip that could be any of several shots: a person has to say (design §7)."""

    address: str
    name: str
    shot_ids: tuple[str, ...]
    rule: Rule


class Identified(Value):
    """What is known of every clip; those in neither list are of no known shot."""

    found: tuple[Found, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()

    @cached_property
    def by_address(self) -> dict[str, Found]:
        """The clips whose shot is known."""
        return {entry.address: entry for entry in self.found}

    @cached_property
    def unclear(self) -> dict[str, Ambiguous]:
        """The clips that could be several shots."""
        return {entry.address: entry for entry in self.ambiguous}

    def candidates(self, address: str) -> tuple[str, ...]:
        """The shots the clip could be: one where it is known, several where it is ambiguous, else none."""
        if address in self.by_address:
            return (self.by_address[address].shot_id,)
        return self.unclear[address].shot_ids if address in self.unclear else ()

    def shots(self) -> frozenset[str]:
        """The shots the edit still shows."""
        return frozenset(entry.shot_id for entry in self.found)


def identify(sightings: Sequence[Occurrence], known: Sequence[KnownShot], *, cut: str) -> Identified:
    """Tell the shot of each clip of an edit of `cut`; addresses are unique in an edit.

    The same answer for the same input: ties that a person could not break become `ambiguous`.
    """
    found: dict[str, Found] = {}
    ambiguous: dict[str, Ambiguous] = {}
    for rule, told in (
        (Rule.TAKE, _by_take),
        (Rule.ID, _by_id),
        (Rule.TOKEN, _by_token),
        (Rule.MEDIA, _by_media),
        (Rule.NAME, _by_name),
        (Rule.PLACE, _by_place),
    ):
        left = [clip for clip in sightings if clip.address not in found and clip.address not in ambiguous]
        matched = {entry.shot_id for entry in found.values()}
        for clip, shots, pick in told(left, known, _Around(sightings, cut, frozenset(matched))):
            ids = tuple(shot.id for shot in shots)
            if len(ids) == 1:
                found[clip.address] = Found(address=clip.address, shot_id=ids[0], rule=rule, pick=pick)
            elif ids:
                ambiguous[clip.address] = Ambiguous(
                    address=clip.address, name=clip.name, shot_ids=ids, rule=rule
                )
    order = [clip.address for clip in sightings]
    return Identified(
        found=tuple(found[address] for address in order if address in found),
        ambiguous=tuple(ambiguous[address] for address in order if address in ambiguous),
    )


class _Around(NamedTuple):
    """What a rule may look at beside the clips it is asked about."""

    everything: Sequence[Occurrence]
    cut: str
    #: Shots that stronger rules have already found.
    matched: frozenset[str]


_Told = Iterator[tuple[Occurrence, Sequence[KnownShot], str | None]]


def _by_take(clips: Sequence[Occurrence], known: Sequence[KnownShot], around: _Around) -> _Told:
    paths = _index((path, shot) for shot in known for path in shot.take_paths)
    reels = _index((reel, shot) for shot in known for reel in shot.take_reels)
    for clip in clips:
        if clip.media is not None:
            for pick, index in ((clip.media.path, paths), (clip.media.reel, reels)):
                if pick and pick in index:
                    yield clip, index[pick], pick
                    break


def _by_id(clips: Sequence[Occurrence], known: Sequence[KnownShot], around: _Around) -> _Told:
    index = _index((shot.id, shot) for shot in known)
    yield from ((clip, index[clip.shot_id], None) for clip in clips if clip.shot_id in index)


def _by_token(clips: Sequence[Occurrence], known: Sequence[KnownShot], around: _Around) -> _Told:
    index = _index((shot.token, shot) for shot in known if shot.token)
    yield from ((clip, index[clip.token], None) for clip in clips if clip.token in index)


def _by_name(clips: Sequence[Occurrence], known: Sequence[KnownShot], around: _Around) -> _Told:
    """A name, or for gaps the text of the mark, that one clip of the edit and one known shot has."""
    often = Counter(map(_called, around.everything))
    index = _index((name, shot) for shot in known for name in {_called(seen) for seen in shot.occurrences})
    for clip in clips:
        shots = index.get(_called(clip), [])
        unique = often[_called(clip)] == 1 and len(shots) == 1 and shots[0].id not in around.matched
        if unique and _may_be(clip, shots[0]):
            yield clip, shots, None


def _may_be(clip: Occurrence, shot: KnownShot) -> bool:
    """Whether its media does not contradict: other frames of the shot's own media are another picture."""
    if clip.media is None or not same_media(clip.media, shot.media):
        return True
    need = need_of(clip, OperationClass.SOURCE)
    return any(need.overlap(need_of(seen, OperationClass.SOURCE)) for seen in shot.occurrences)


def _by_media(clips: Sequence[Occurrence], known: Sequence[KnownShot], around: _Around) -> _Told:
    shots = [
        [
            stretch
            for seen in shot.occurrences
            for stretch in _of_media(seen, seen.media or shot.media, seen.cut)
        ]
        + _of_plates(shot)
        for shot in known
    ]
    told = assign([_of_media(clip, clip.media, around.cut) for clip in clips], shots)
    yield from ((clip, [known[i] for i in found], None) for clip, found in zip(clips, told, strict=True))


def _by_place(clips: Sequence[Occurrence], known: Sequence[KnownShot], around: _Around) -> _Told:
    free = [shot for shot in known if shot.id not in around.matched]
    shots = [[s for seen in shot.occurrences for s in _of_place(seen, seen.cut)] for shot in free]
    told = assign([_of_place(clip, around.cut) for clip in clips], shots)
    yield from ((clip, [free[i] for i in found], None) for clip, found in zip(clips, told, strict=True))


def _of_media(clip: Occurrence, media: MediaRef | None, cut: str) -> list[Stretch]:
    """The source frames a clip shows, on a line for each name its media answers to."""
    if media is None:
        return []
    need = need_of(clip, OperationClass.SOURCE)
    place = ((cut, clip.track_name or clip.track), clip.record)
    return [Stretch((*line, nominal(media.rate)), need, weight, place) for line, weight in _names(media)]


def _of_plates(shot: KnownShot) -> list[Stretch]:
    """What its plates hold; those of shots that live in the cut count otherwise and tell nothing."""
    if shot.media is None or shot.op_class is OperationClass.RECORD:
        return []
    return [
        Stretch((*line, nominal(shot.rate)), held, strength, plate=True)
        for line, strength in _names(shot.media)
        for held in shot.ranges
    ]


def _of_place(clip: Occurrence, cut: str) -> list[Stretch]:
    """The record frames of a clip without media: all there is to know it by."""
    if clip.media is not None and clip.media.identity != "none":
        return []
    track = clip.track_name or clip.track
    return [Stretch((cut, track, clip.gap), clip.record, place=((cut, track), clip.record))]


def _names(media: MediaRef) -> Iterator[tuple[tuple[str, str], int]]:
    """The lines a piece of media is on, and how much each is to be believed."""
    if media.umid:
        yield ("umid", media.umid), 2
    if media.path:
        yield ("path", media.path), 2
    elif media.url:
        yield ("url", media.url), 2
    if media.reel and media.reel.upper() not in _NO_REEL:
        yield ("reel", media.reel.upper()), 1
    if media.kind is MediaKind.GENERATOR and media.name:
        yield ("generator", media.name), 1


def _called(clip: Occurrence) -> str:
    return clip.name or (clip.marker if clip.gap else None) or ""


def _index(pairs: Iterable[tuple[str | None, KnownShot]]) -> dict[str, list[KnownShot]]:
    index: dict[str, list[KnownShot]] = defaultdict(list)
    for key, shot in pairs:
        if key:
            index[key].append(shot)
    return index
