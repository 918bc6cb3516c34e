"""Names of shots: tens in record order, fives and ones between, none used twice.

Names belong to the project. A shot keeps its name for good; a new one between 0010 and 0020 is 0015, and
where there is no room left it is the next ten after every number the project has ever used.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from string import Formatter

from otio_bridge.errors import RefusedInput

_FIELDS = ("project", "cut", "number")
#: Numbers are looked for among tens first, then fives, then any: later shots find room between.
_STEPS = (10, 5, 1)


class Pattern:
    """A naming pattern such as `{project}_{number:04d}`, which writes names and reads their number back."""

    def __init__(self, pattern: str, *, project: str, cut: str) -> None:
        """Raises RefusedInput for a pattern without exactly one `{number}`, or with other fields."""
        self._pattern, self._project, self._cut = pattern, project, cut
        try:
            pieces = list(Formatter().parse(pattern))
            self.name(10)
        except (ValueError, KeyError, IndexError, AttributeError) as exc:
            raise self._refused() from exc
        fields = [field for _, field, _, _ in pieces if field is not None]
        if fields.count("number") != 1 or not set(fields) <= set(_FIELDS):
            raise self._refused()
        known = {"project": re.escape(project), "cut": re.escape(cut), "number": r"(\d+)"}
        text = "".join(re.escape(text) + (known[field] if field else "") for text, field, _, _ in pieces)
        self._regex = re.compile(text, re.IGNORECASE)

    def name(self, number: int) -> str:
        """The name of shot `number`."""
        return self._pattern.format(project=self._project, cut=self._cut, number=number)

    def number(self, name: str) -> int | None:
        """The number in a name of this pattern; None for an editor's own name."""
        match = self._regex.fullmatch(name)
        return int(match[1]) if match else None

    def _refused(self) -> RefusedInput:
        return RefusedInput(
            "not a naming pattern",
            value=self._pattern,
            allowed="{number} once, as {number:04d}; {project}, {cut}",
        )


def propose_names(
    ordered: Sequence[str | None], taken: Iterable[str], pattern: str, project: str, cut: str
) -> list[str]:
    """A name for every shot, given in record order; those that have one keep it.

    `taken` are all names the project ever gave, omitted shots' too; letter case does not make a name
    another, since names become files. Raises RefusedInput for a pattern that cannot number.
    """
    form = Pattern(pattern, project=project, cut=cut)
    names = [name or "" for name in ordered]
    used = {name.casefold() for name in (*taken, *names)}
    numbers = [form.number(name) if name else None for name in names]
    highest = max((form.number(name) or 0 for name in used), default=0)

    def free(number: int) -> bool:
        return form.name(number).casefold() not in used

    late: list[int] = []
    before = 0
    for unnamed, run in groupby(range(len(names)), key=lambda i: not names[i]):
        places = list(run)
        if not unnamed:
            before = next((n for i in reversed(places) if (n := numbers[i]) is not None), before)
            continue
        after = next((n for n in numbers[places[-1] + 1 :] if n is not None), None)
        found = _between(before, after, len(places), free) if after is not None else None
        if after is None:
            found = _after(before, len(places), free)
        if found is None:
            late += places
            continue
        for place, number in zip(places, found, strict=True):
            names[place] = form.name(number)
            used.add(names[place].casefold())
        before, highest = found[-1], max(highest, found[-1])
    for place, number in zip(late, _after(highest, len(late), free), strict=True):
        names[place] = form.name(number)
    return names


def _after(number: int, count: int, free: Callable[[int], bool]) -> list[int]:
    """The next `count` free tens after `number`."""
    tens = (ten for ten in itertools.count(number // 10 * 10 + 10, 10) if free(ten))
    return list(itertools.islice(tens, count))


def _between(before: int, after: int, count: int, free: Callable[[int], bool]) -> list[int] | None:
    """`count` free numbers between two, evenly spread over the roundest there are; None without room."""
    for step in _STEPS:
        found = [n for n in range(before // step * step + step, after, step) if free(n)]
        if len(found) >= count:
            return [found[(2 * i + 1) * len(found) // (2 * count)] for i in range(count)]
    return None
