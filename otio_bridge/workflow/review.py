"""What people decide: reviews of takes, picks for occurrences."""

from __future__ import annotations

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.model.take import ReviewState, TakeState, parse_take_name
from otio_bridge.model.time import timecode, typed_frames
from otio_bridge.model.value import Value
from otio_bridge.store import reviews, shots, takes
from otio_bridge.store.records import OccurrenceRecord, ShotRecord, TakeRecord


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
    where = occurrences_at(owner, at, cut)
    ids: list[str | None] = [occurrence.id for occurrence in where] or [None]
    name = "none"
    if version == "none":
        for occurrence_id in ids:
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
        for occurrence_id in ids:
            reviews.pick(app.ledger, take, author=app.author, occurrence_id=occurrence_id)
    return Decision(
        take=name,
        shot=owner.name,
        decision="let go" if version == "none" else "picked",
        at=tuple(timecode(entry.record.start, entry.rate, drop=entry.drop) for entry in where),
    )


def occurrences_at(shot: ShotRecord, at: str | None, cut: str | None = None) -> list[OccurrenceRecord]:
    """The occurrences of a shot that play at a record timecode, counted as their edit counts.

    Raises RefusedInput where none does, or clips of several cuts do and `cut` does not say which.
    """
    if at is None:
        if cut is not None:
            raise RefusedInput("a cut alone is no place", value=cut, next="add --at RECORD_TC")
        return []
    shown = [one for one in shot.occurrences if one.present and cut in (None, one.cut)]
    allowed = [timecode(one.record.start, one.rate, drop=one.drop) + f" ({one.cut})" for one in shown]
    found: list[OccurrenceRecord] = []
    for occurrence in shown:
        try:
            frames = typed_frames(at, occurrence.rate, drop=occurrence.drop)
        except ValueError as exc:
            raise RefusedInput(f"not a record timecode of {shot.name}", value=at, allowed=allowed) from exc
        playing = {occurrence.record.holds(frame) for frame in frames}
        if len(playing) > 1:
            meant = (timecode(frame, occurrence.rate, drop=occurrence.drop) for frame in frames)
            raise RefusedInput(
                f"{occurrence.cut} counts non-drop, and a drop-frame label is another frame there",
                value=at,
                allowed=" or ".join(meant),
                next="type it with `:`, or say [project] drop_frame in otio-bridge.toml and send the edit again",
            )
        if True in playing:
            found.append(occurrence)
    cuts = sorted({occurrence.cut for occurrence in found})
    if len(cuts) > 1:
        raise RefusedInput(
            f"{shot.name} plays there in several cuts", value=at, allowed=cuts, next="add --cut NAME"
        )
    if not found:
        raise RefusedInput(
            f"{shot.name} does not play there", value=at, allowed=allowed or "no edit shows it now"
        )
    return found
