"""What people decide: reviews of takes, picks for occurrences."""

from __future__ import annotations

from collections.abc import Sequence

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.model.take import ReviewState, TakeState, parse_take_name
from otio_bridge.model.time import timecode, typed_frames
from otio_bridge.model.value import Value
from otio_bridge.store import reviews, shots, takes
from otio_bridge.store.records import OccurrenceWrite, ShotRecord, TakeRecord
from otio_bridge.workflow.shown import relinks
from otio_bridge.workflow.writes import occurrence_write


class Decision(Value):
    """What was decided, of which take."""

    take: str
    shot: str
    decision: str
    note: str = ""
    #: Record timecodes of the occurrences a pick is for; empty: all of them.
    at: tuple[str, ...] = ()


def shot_named(app: App, name: str) -> ShotRecord:
    """The shot of that name. Raises RefusedInput with the names there are."""
    found = shots.shot_by_name(app.ledger, name)
    if found is None:
        names = [record.name for record in shots.all_shots(app.ledger)]
        raise RefusedInput(
            "no shot of that name",
            value=name,
            allowed=names[:20] or "none yet",
            next="otio-bridge takes" if names else "otio-bridge send EDIT",
        )
    return found


def take_of(app: App, shot: str, version: str, *, besides: tuple[str, ...] = ()) -> TakeRecord:
    """The take `vNNN` of a shot. Raises RefusedInput with the takes there are, and the words that do `besides`."""
    owner = shot_named(app, shot)
    mine = takes.by_shot(app.ledger, owner.id)
    try:
        number = parse_take_name(version)
    except ValueError as exc:
        raise RefusedInput(
            "not a take",
            value=version,
            allowed=[*(take.name for take in mine), *besides] or "none yet",
            next=f"otio-bridge takes {owner.name}",
        ) from exc
    found = next((take for take in mine if take.number == number), None)
    if found is None:
        raise RefusedInput(
            f"{shot} has no such take",
            value=version,
            allowed=[*(take.name for take in mine), *besides] or "none yet",
            next=f"otio-bridge takes {shot}",
        )
    return found


def review(app: App, shot: str, version: str, state: str, *, note: str = "") -> Decision:
    """Book what somebody thinks of a take. Raises RefusedInput for a word that is no review."""
    words = [str(word) for word in ReviewState]
    if state not in words:
        raise RefusedInput(
            "not a review",
            value=state,
            allowed=words,
            next=f"otio-bridge review {shot} {version} {ReviewState.APPROVED}",
        )
    take = take_of(app, shot, version)
    reviews.review(app.ledger, take, ReviewState(state), note=note, author=app.author)
    return Decision(take=take.name, shot=take.shot, decision=state, note=note)


def pick(app: App, shot: str, version: str, *, at: str | None = None, cut: str | None = None) -> Decision:
    """Choose what a shot shows, or with `at` (a record timecode) what one occurrence of it shows.

    `none` as version lets go of the pick. Raises RefusedInput for a take that is not READY, and where the
    shot plays at that timecode in several cuts and none is named.
    """
    owner = shot_named(app, shot)
    where = occurrences_at(app, owner, at, cut)
    name = "none"
    if version == "none":
        for occurrence_id in [place.id for place in where] or [None]:
            if occurrence_id is not None or not where:
                reviews.unpick(app.ledger, owner.id, author=app.author, occurrence_id=occurrence_id)
    else:
        take = take_of(app, shot, version, besides=("none",))
        name = take.name
        if take.state is not TakeState.READY:
            raise RefusedInput(
                f"{take.label} is {take.state}, only a READY take can be picked",
                value=version,
                next="otio-bridge status",
            )
        ids: list[str | None] = [_remembered(app, owner, place) for place in where]
        for occurrence_id in ids or [None]:
            reviews.pick(app.ledger, take, author=app.author, occurrence_id=occurrence_id)
    return Decision(
        take=name,
        shot=owner.name,
        decision="let go" if version == "none" else "picked",
        at=tuple(timecode(entry.record.start, entry.rate, drop=entry.drop) for entry in where),
    )


def occurrences_at(
    app: App, shot: ShotRecord, at: str | None, cut: str | None = None
) -> list[OccurrenceWrite]:
    """The clips of a shot that play at a record timecode, counted as their edit counts.

    In the newest edit of the cut that was relinked, where that is newer than what was sent; else as it was sent.
    Raises RefusedInput where none does, or clips of several cuts do and `cut` does not say which.
    """
    if at is None:
        if cut is not None:
            raise RefusedInput("a cut alone is no place", value=cut, next="add --at RECORD_TC")
        return []
    shown = [one for one in shot.occurrences if one.present and cut in (None, one.cut)]
    newer = [one for one in as_relinked(app, shot) if cut in (None, one.cut)]
    found = _playing(shot, at, newer) if newer else []
    found = found or _playing(shot, at, shown)
    cuts = sorted({place.cut for place in found})
    if len(cuts) > 1:
        raise RefusedInput(
            f"{shot.name} plays there in several cuts", value=at, allowed=cuts, next="add --cut NAME"
        )
    if not found:
        raise RefusedInput(
            f"{shot.name} does not play there",
            value=at,
            allowed=_labels(newer or shown) or "no edit shows it now",
        )
    return found


def as_relinked(app: App, shot: ShotRecord) -> list[OccurrenceWrite]:
    """The clips of a shot in every cut that was relinked since it was sent, as they play there.

    One the ledger does not have (a piece, a copy) has no id yet.
    """
    newest = {relinked.cut: relinked for relinked in relinks(app)}
    made: list[OccurrenceWrite] = []
    for cut, relinked in newest.items():
        sent = [one for one in shot.occurrences if one.cut == cut]
        if any(one.seen_at > relinked.at for one in sent):
            continue
        for told in relinked.clips:
            if told.shot_id != shot.id:
                continue
            clip = told.seen
            known = next(
                (
                    one
                    for one in sent
                    if one.id == told.occurrence
                    or (not told.occurrence and (one.address, one.record) == (clip.address, clip.record))
                ),
                None,
            )
            made.append(occurrence_write(clip, cut, known.id if known is not None else None))
    return made


def _playing(shot: ShotRecord, at: str, places: Sequence[OccurrenceWrite]) -> list[OccurrenceWrite]:
    found: list[OccurrenceWrite] = []
    for place in places:
        try:
            frames = typed_frames(at, place.rate, drop=place.drop)
        except ValueError as exc:
            raise RefusedInput(
                f"not a record timecode of {shot.name}", value=at, allowed=_labels(places)
            ) from exc
        playing = {place.record.holds(frame) for frame in frames}
        if len(playing) > 1:
            meant = (timecode(frame, place.rate, drop=place.drop) for frame in frames)
            raise RefusedInput(
                f"{place.cut} counts non-drop, and a drop-frame label is another frame there",
                value=at,
                allowed=" or ".join(meant),
                next="type it with `:`, or say [project] drop_frame in otio-bridge.toml and send the edit again",
            )
        if True in playing:
            found.append(place)
    return found


def _labels(places: Sequence[OccurrenceWrite]) -> list[str]:
    return [timecode(one.record.start, one.rate, drop=one.drop) + f" ({one.cut})" for one in places]


def _remembered(app: App, shot: ShotRecord, place: OccurrenceWrite) -> str:
    """The id of a clip in the ledger, which hears of it now where it has not."""
    if place.id is not None:
        return place.id
    return shots.add_occurrence(app.ledger, shot.id, place, seen_at=shot.created_at).id
