"""Which clips of an edit are asked for what: by marks, by selection, or by a shot list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Choice, Select, SelectKind, ShotRow, matches, parse_select
from otio_bridge.model.marks import parse_mark, split_token
from otio_bridge.model.media import MediaInfo, MediaKind, MediaRef
from otio_bridge.model.request import Ask
from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.time import timecode, typed_frames
from otio_bridge.timeline.black import black_gaps
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.references import media_of
from otio_bridge.timeline.walk import Item, Survey, item_at

Look = Callable[[MediaRef], MediaInfo | None]


@dataclass(frozen=True)
class Asked:
    """One clip, what is asked of it, and why."""

    item: Item
    ask: Ask
    why: str
    marker: str | None = None
    token: str | None = None
    #: The shot-list row, where one asked: it must mean one shot unless it is a pattern.
    row: ShotRow | None = None


@dataclass(frozen=True)
class _Mark:
    ask: Ask
    text: str
    colour: str
    token: str | None
    #: On the clip itself, not over it.
    own: bool


def asked(edit: Edit, survey: Survey, choice: Choice, *, selection: str, look: Look) -> list[Asked]:
    """Every clip asked for. Rows outrank terms, terms outrank marks; `selection` is for edits without marks.

    A mark over nothing asks for nothing, and is told among the edit's notes. Raises RefusedInput with every bad
    mark or row at once.
    """
    if choice.rows:
        return _by_rows(edit, survey, choice.rows)
    marks, astray = _marks(edit, survey)
    edit.notes = tuple(dict.fromkeys((*edit.notes, *astray)))
    terms = choice.select
    if not terms and not astray and not any(marks.values()):
        terms = parse_select(selection)
    if not terms:
        return [found for item in survey.items for found in _marked(item, marks[id(item)])]
    return list(_selected(edit, survey, terms, choice.ask, marks, look))


def token_of(item: Item) -> str | None:
    """Our token in the note of a marker on the clip or over it."""
    for marker in [*item.node.markers, *item.over]:
        for note in _notes(marker):
            token = split_token(note)[1]
            if token:
                return token
    return None


def mark_of(item: Item) -> str | None:
    """The text of the first mark on an item or over it: that it is asked for, and what a gap that moved is known by."""
    for marker in [*item.node.markers, *item.over]:
        for text in (marker.name or "", *(split_token(note)[0] for note in _notes(marker))):
            if text.lstrip().startswith("@"):
                return " ".join(text.split())[:80]
    return None


def _marked(item: Item, marks: list[_Mark]) -> Iterator[Asked]:
    for mark in marks:
        where = f"on {_name(item)}" if mark.own else f"over {_name(item)}"
        colour = f" ({mark.colour})" if mark.colour else ""
        yield Asked(item, mark.ask, f"marker '{mark.text}'{colour} {where}", mark.text, mark.token)


def _marks(edit: Edit, survey: Survey) -> tuple[dict[int, list[_Mark]], list[ShotNote]]:
    """The marks of every item, by identity, and those over nothing. Raises RefusedInput naming each bad one."""
    problems: list[RefusedInput] = []
    astray: list[ShotNote] = []
    found: dict[int, list[_Mark]] = {}
    for item in survey.items:
        own = [(marker, True) for marker in item.node.markers] if len(item.node.markers) else []
        here = found[id(item)] = []
        for marker, on_it in [*own, *((marker, False) for marker in item.over)]:
            mark = _read(marker, f"at {_at(edit, item.start)}", problems, own=on_it)
            # A nested or copied marker may stand on and over the same clip: once is meant.
            if mark is not None and all(mark.ask != other.ask for other in here):
                here.append(mark)
    for marker, position in survey.orphans:
        at = _at(edit, position)
        mark = _read(marker, f"at {at}", problems, own=False)
        if mark is not None:
            text = f"the mark '{mark.text}' at {at} is over no picture and no gap: nothing is made for it"
            astray.append(ShotNote(severity=Severity.WARN, code="mark-astray", text=text))
    if problems:
        allowed = dict.fromkeys(bad.allowed for bad in problems if bad.allowed)
        raise RefusedInput(
            "; ".join(bad.what for bad in problems), value=edit.path, allowed="; ".join(allowed) or None
        )
    return found, astray


def _read(marker: otio.schema.Marker, where: str, problems: list[RefusedInput], *, own: bool) -> _Mark | None:
    notes = _notes(marker)
    token = next((token for note in notes if (token := split_token(note)[1])), None)
    for text in [marker.name or "", *(split_token(note)[0] for note in notes)]:
        try:
            ask = parse_mark(text)
        except RefusedInput as exc:
            said = f"{exc.what} ({where})" + (f": {exc.value}" if exc.value else "")
            problems.append(RefusedInput(said, allowed=exc.allowed))
            return None
        if ask is not None:
            return _Mark(ask, " ".join(text.split())[:80], str(marker.color or ""), token, own)
    return None


def _notes(marker: otio.schema.Marker) -> list[str]:
    """What an editor may have written besides the name: the comment, Resolve's Note."""
    metadata = marker.metadata
    # A key that is not there costs 30 µs to get.
    resolve: Any = metadata.get("Resolve_OTIO") if len(metadata) else None
    note = resolve.get("Note") if hasattr(resolve, "get") else None
    return [text for text in (marker.comment, note) if isinstance(text, str) and text]


def _selected(
    edit: Edit,
    survey: Survey,
    terms: tuple[Select, ...],
    ask: Ask | None,
    marks: dict[int, list[_Mark]],
    look: Look,
) -> Iterator[Asked]:
    numbers = _track_numbers(edit)
    black = (
        {id(item) for item in black_gaps(survey)} if any(t.kind is SelectKind.GAPS for t in terms) else set()
    )
    for item in survey.items:
        if not item.enabled:
            continue
        term = next((term for term in terms if _fits(edit, item, term, numbers, black, look)), None)
        if term is None:
            continue
        if marks[id(item)]:
            yield from _marked(item, marks[id(item)])
        elif ask is None:
            raise RefusedInput(
                f"{_name(item)} is selected by {term} and carries no mark", next="add --operation NAME"
            )
        else:
            yield Asked(item, ask, f"selected by {term}")


def _fits(edit: Edit, item: Item, term: Select, numbers: dict[int, str], black: set[int], look: Look) -> bool:
    if term.kind is SelectKind.GAPS:
        return id(item) in black
    if term.kind is SelectKind.MARKER:
        return any(term.fits(str(marker.color or "")) for marker in [*item.node.markers, *item.over])
    if item.gap:
        return False
    if term.kind is SelectKind.ALL:
        return True
    if term.kind is SelectKind.TRACK:
        return term.fits(item.track_name) or term.value.casefold() == numbers.get(item.track, "")
    if term.kind is SelectKind.NAME:
        return term.fits(item.node.name or "")
    ref = media_of(item.node, edit)[0]
    if ref.kind is MediaKind.GENERATOR:
        return False
    return not ref.has_pictures or look(ref) is None


def _track_numbers(edit: Edit) -> dict[int, str]:
    """Track index -> `v1`, `v2` … from the bottom."""
    video = [
        index
        for index, track in enumerate(edit.timeline.tracks)
        if not (isinstance(track, otio.schema.Track) and track.kind == otio.schema.TrackKind.Audio)
    ]
    return {index: f"v{number}" for number, index in enumerate(video, 1)}


def _by_rows(edit: Edit, survey: Survey, rows: tuple[ShotRow, ...]) -> list[Asked]:
    found: list[Asked] = []
    problems: list[str] = []
    numbers = _track_numbers(edit)
    for row in rows:
        try:
            items = _row_items(edit, survey, row, numbers)
        except ValueError as exc:
            problems.append(f"{row.where}: {exc}")
            continue
        if not items:
            places = (("clip", row.clip or (None if row.record else row.ask.name)), ("record", row.record))
            told = " ".join(f"{key} {value}" for key, value in (*places, ("track", row.track)) if value)
            problems.append(f"{row.where} fits nothing in the edit ({told})")
        found += [Asked(item, row.ask, row.where, token=token_of(item), row=row) for item in items]
    if problems:
        raise RefusedInput("; ".join(problems), value=edit.path)
    return found


def _row_items(edit: Edit, survey: Survey, row: ShotRow, numbers: dict[int, str]) -> list[Item]:
    position: Fraction | None = None
    if row.record is not None:
        text = row.record.strip()
        position = Fraction(int(text) if text.isdecimal() else _frame(edit, text))
    items = [
        item
        for item in survey.items
        if item.enabled
        and (
            row.track is None
            or matches(item.track_name, row.track)
            or numbers.get(item.track) == row.track.lower()
        )
        and (position is None or item.start <= position < item.end)
    ]
    clips = [item for item in items if not item.gap]
    if row.clip is not None:
        return [item for item in clips if matches(item.node.name or "", row.clip)]
    if position is not None:
        if row.track is not None:
            return clips[-1:] or items[:1]
        top = item_at(survey, position)
        return [] if top is None else [top]
    if row.ask.name is not None:
        return [item for item in clips if row.ask.name in (item.node.name, _our_name(item))]
    return clips


def _frame(edit: Edit, text: str) -> int:
    """A record timecode as a frame, as the edit counts. Raises ValueError for one that may be another's."""
    own, *others = typed_frames(text, edit.rate, drop=edit.drop)
    if others:
        raise ValueError(
            f"{text} is drop-frame and the edit counts non-drop ({_at(edit, Fraction(others[0]))})"
        )
    return own


def _our_name(item: Item) -> str | None:
    note: Any = item.node.metadata.get("otio_bridge")
    return str(note.get("shot")) if hasattr(note, "get") and note.get("shot") else None


def _at(edit: Edit, position: Fraction) -> str:
    return timecode(max(0, int(position)), edit.rate, drop=edit.drop)


def _name(item: Item) -> str:
    return "a gap" if item.gap else f"clip {item.node.name or item.address}"
