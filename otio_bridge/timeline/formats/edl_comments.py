"""The lines below an EDL's events, written as the adapter reads them; what it would drop in silence is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import Severity
from otio_bridge.model.time import timecode

_SOP = re.compile(r"\*?\s*ASC_SOP:?")
_TRIPLE = r"([-+]?[\d.]+),? ([-+]?[\d.]+),? ([-+]?[\d.]+),?"
_GOOD_SOP = re.compile(rf"\*?\s*ASC_SOP:?\s*\({_TRIPLE}\)\s*\({_TRIPLE}\)\s*\({_TRIPLE}\)")
_LOC = re.compile(r"\*?\s*LOC(?::\s*|\s+)(?P<said>.*)")
_PLACED = re.compile(r"(?P<tc>\d\d[:;.,]\d\d[:;.,]\d\d[:;.,]\d\d)(?:\s+(?P<text>.*))?$")
_SOURCE = re.compile(r"\*?\s*SOURCE FILE:?\s*(?P<path>\S.*)")
#: What already tells the adapter where the media is.
_MEDIA = re.compile(r"\*?\s*FROM (?:FILE|CLIP(?! NAME))|\*\s*\* OTIO REFERENCE ")
_FILES = re.compile(
    r"\.(mov|mp4|m4v|mxf|mkv|avi|webm|mts|m2ts|ts|mpe?g|exr|dpx|png|jpe?g|tiff?)$", re.IGNORECASE
)

#: Severity, code and text of what a person should know.
Tell = Callable[[Severity, str, str], None]


def plainly(row: str, where: str, rate: Fraction, frame: Callable[[str], int], tell: Tell) -> str:
    """A comment the adapter will not stumble over; `frame` reads a timecode as the event's are read."""
    locator = _LOC.match(row)
    if locator:
        return _locator(locator["said"].strip(), where, rate, frame, tell)
    if _SOP.match(row) and not _GOOD_SOP.match(row):
        tell(Severity.NOTE, "edl-line", f"{where} has a colour line that was not understood")
        return f"* UNREAD {row.lstrip('* ')}"
    if row[0].isdigit():
        tell(Severity.NOTE, "edl-line", f"a line after {where} was not understood: {row[:60]}")
        return f"* {row}"
    return row


def _locator(said: str, where: str, rate: Fraction, frame: Callable[[str], int], tell: Tell) -> str:
    """`LOC: 01:00:00;10 GREEN text`, whichever separators, with a colour or none."""
    placed = _PLACED.match(said)
    if placed:
        try:
            # The adapter counts without dropping: its label of the same frame.
            at = timecode(frame(placed["tc"]), rate)
        except RefusedInput:
            placed = None
    if placed is None:
        tell(Severity.WARN, "edl-locator", f"a locator of {where} was not understood: {said[:60]}")
        return f"* UNREAD LOC {said}"
    text = placed["text"] or "RED"
    # A word is the colour; before anything else (`@restyle …`) the adapter wants a second space.
    return f"* LOC: {at} {text}" if re.match(r"\w", text) else f"* LOC: {at}  {text}"


def with_media(comments: list[str]) -> list[str]:
    """`SOURCE FILE` as `FROM FILE` where it names a file and nothing else tells where the media is.

    Many lists write the source clip's name there, which is no file.
    """
    if any(_MEDIA.match(row) for row in comments):
        return comments
    named = ((row, _SOURCE.match(row)) for row in comments)
    return [
        f"* FROM FILE: {found['path']}" if found and _file(found["path"]) else row for row, found in named
    ]


def _file(text: str) -> bool:
    return re.search(r"[/\\]", text) is not None or _FILES.search(text.strip()) is not None
