"""Whether an edit's timecode counts drop-frame: `.otio` stores no such flag, and a label is not another's frame.

At 29.97 and 59.94 frames a second only. What the format says is what it is; else the setting; else what its
start and its media say, which is a guess and told as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import opentimelineio as otio

from otio_bridge.model.media import MediaRef
from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.time import can_drop, rate_text, timecode
from otio_bridge.timeline.asking import Look
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.references import media_of

DropFrame = Literal["auto", "yes", "no"]

#: Files looked at; an edit's footage is of one kind.
_LOOKS = 20


def settle_drop(edit: Edit, wish: DropFrame, look: Look) -> None:
    """Set `edit.drop` by the project's wish, and note what was not said by the file itself.

    EDLs are left as they are: their frames were counted by their own labels.
    """
    if not can_drop(edit.rate) or edit.format == "edl":
        return
    if wish != "auto":
        drop = wish == "yes"
        if edit.drop_stated and edit.drop != drop:
            told = f"the file says {_word(edit.drop)}, and [project] drop_frame says {_word(drop)}, which is used"
            _note(edit, told)
        edit.drop = drop
        return
    if edit.drop_stated:
        return
    edit.drop, because = _guess(edit, look)
    other = "no" if edit.drop else "yes"
    at = timecode(max(0, edit.start), edit.rate, drop=edit.drop)
    _note(
        edit,
        f"its timecode is read as {_word(edit.drop)} (it begins at {at}): the file does not say, {because}; "
        f'[project] drop_frame = "{other}" says otherwise',
    )


def _guess(edit: Edit, look: Look) -> tuple[bool, str]:
    whole = {drop: _whole_hour(edit.start, edit.rate, drop=drop) for drop in (True, False)}
    if whole[True] != whole[False]:
        return whole[True], "and so it begins on a whole hour"
    said = [info.drop for ref in _media(edit) if (info := look(ref)) and info.start and can_drop(info.rate)]
    if not said:
        return False, "and no media of it does"
    most = 2 * sum(said) > len(said)
    return most, f"and {said.count(most)} of {len(said)} media looked at count so"


def _whole_hour(start: int, rate: Fraction, *, drop: bool) -> bool:
    return start > 0 and timecode(start, rate, drop=drop)[3:] in ("00:00;00", "00:00:00")


def _media(edit: Edit) -> Iterator[MediaRef]:
    """The first few pieces of media with pictures, each once."""
    seen: set[str] = set()
    for clip in edit.timeline.find_clips():
        parent = clip.parent()
        if isinstance(parent, otio.schema.Track) and parent.kind == otio.schema.TrackKind.Audio:
            continue
        media = media_of(clip, edit)[1]
        if media.path is None or not media.has_pictures or media.path in seen:
            continue
        seen.add(media.path)
        yield media
        if len(seen) == _LOOKS:
            return


def _word(drop: bool) -> str:
    return "drop-frame" if drop else "non-drop"


def _note(edit: Edit, text: str) -> None:
    told = f"the edit runs at {rate_text(edit.rate)}, and {text}"
    edit.notes = (*edit.notes, ShotNote(severity=Severity.NOTE, code="drop-frame", text=told))
