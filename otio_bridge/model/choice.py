"""Which clips become shots, and what is asked of them: selection terms, ask defaults, shot-list rows.

A selection is one or more terms; a clip is chosen where any of them fits:

| term            | chooses                                                                          |
|-----------------|----------------------------------------------------------------------------------|
| `marker:COLOUR` | clips with a marker of that colour, on them or on the timeline above them         |
| `track:NAME`    | clips of the video tracks of that name (a glob); `V1`, `V2` … count from the bottom |
| `name:GLOB`     | clips of that name (`*`, `?`, `[…]`)                                              |
| `missing`       | clips without media, or whose file is not there                                  |
| `gaps`          | gaps through which black shows                                                   |
| `all`           | every enabled picture clip                                                       |

Several terms may stand in one text, separated by spaces; a value with spaces is quoted: `name:"SC 010*"`.
Names and colours are compared without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from fnmatch import fnmatchcase

from otio_bridge.errors import RefusedInput
from otio_bridge.model.marks import KEYS, make_ask
from otio_bridge.model.request import Ask
from otio_bridge.model.value import Value


class SelectKind(StrEnum):
    """The terms of a selection."""

    MARKER = "marker"
    TRACK = "track"
    NAME = "name"
    MISSING = "missing"
    GAPS = "gaps"
    ALL = "all"


_WITH_VALUE = (SelectKind.MARKER, SelectKind.TRACK, SelectKind.NAME)
GRAMMAR = "marker:COLOUR, track:NAME, name:GLOB, missing, gaps, all"
_TERM = re.compile(
    r'\s*(?P<kind>[A-Za-z]+)(?::(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]+)))?(?=\s|$)'
)


class Select(Value):
    """One term of a selection; `value` is the colour, track name or glob."""

    kind: SelectKind
    value: str = ""

    def fits(self, text: str) -> bool:
        """Whether a name or colour fits this term's value."""
        return matches(text, self.value)

    def __str__(self) -> str:
        if not self.value:
            return self.kind.value
        plain = not re.search(r'[\s"]', self.value)
        return f"{self.kind}:" + (
            self.value if plain else '"' + re.sub(r'(["\\])', r"\\\1", self.value) + '"'
        )


class ShotRow(Value):
    """One row of a shot list: where to look, and what is asked. `where` names it: `shots.csv row 4`.

    A row finds its clip by `clip` (name or glob), `record` (timecode or frame inside it) and `track`, all
    that are given; with none of them by `ask.name`: a clip of that name, or one our metadata calls so.
    """

    where: str
    ask: Ask
    clip: str | None = None
    record: str | None = None
    track: str | None = None


class Choice(Value):
    """What to look for in an edit. With rows, the rows; else with terms, those; else the marks.

    A selected clip that carries a mark keeps its own ask; the others are asked `ask`.
    """

    select: tuple[Select, ...] = ()
    ask: Ask | None = None
    rows: tuple[ShotRow, ...] = ()


def parse_select(text: str) -> tuple[Select, ...]:
    """The terms of a selection. Raises RefusedInput for anything else."""
    terms: list[Select] = []
    at = 0
    while text[at:].strip():
        match = _TERM.match(text, at)
        kind = match["kind"].lower() if match else ""
        value = "" if not match else (match["plain"] or re.sub(r"\\(.)", r"\1", match["quoted"] or ""))
        if kind not in [*SelectKind] or (SelectKind(kind) in _WITH_VALUE) != bool(value):
            raise RefusedInput("not a selection", value=text[at:].strip(), allowed=GRAMMAR)
        assert match is not None
        terms.append(Select(kind=SelectKind(kind), value=value))
        at = match.end()
    return tuple(terms)


def make_choice(
    *,
    terms: Sequence[str] = (),
    operation: str | None = None,
    prompt: str | None = None,
    options: Sequence[str] = (),
    rows: Sequence[ShotRow] = (),
) -> Choice:
    """A Choice from the command line's words (`options` are `key=value`). Raises RefusedInput."""
    pairs: list[tuple[str, str]] = []
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not (key in KEYS or key.startswith("option.")):
            raise RefusedInput("not an option", value=option, allowed=[f"{key}=…" for key in sorted(KEYS)])
        pairs.append((key, value))
    if operation is None and (prompt or pairs):
        raise RefusedInput("a prompt or option needs an operation", next="add --operation NAME")
    ask = None if operation is None else make_ask(operation, prompt or "", pairs, where="the command line")
    select = tuple(term for text in terms for term in parse_select(text))
    return Choice(select=select, ask=ask, rows=tuple(rows))


def matches(text: str, glob: str) -> bool:
    """Whether `text` is `glob`, or fits it as a pattern, without regard to case."""
    text, glob = text.casefold().strip(), glob.casefold().strip()
    return text == glob or fnmatchcase(text, glob)
