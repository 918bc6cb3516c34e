"""The contact sheet: a row a shot, its plate beside its takes, at the first, middle and last frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from otio_bridge.errors import MediaError
from otio_bridge.lettering import Font, letters
from otio_bridge.media.decode import decode

Colour = tuple[int, int, int]
Pictures = Sequence[NDArray[np.uint8]]

#: A cell shows this many pictures, in 16:9 tiles of this height; long cuts get smaller ones.
_PICTURES, _TALLEST, _SMALLEST, _LONGEST_SHEET = 3, 100, 40, 30_000
_MARGIN, _NAMES, _BETWEEN, _CELL_GAP, _PAD, _CAPTION, _HEAD = 36, 264, 2, 22, 18, 66, 116
#: Takes in one line of a row; more go on below the first.
_ACROSS = 3

_GROUND, _BAND, _TILE, _RULE = (20, 21, 24), (28, 30, 34), (40, 43, 49), (52, 56, 63)
_BRIGHT, _TEXT, _DIM, _CHOSEN = (240, 241, 244), (186, 191, 200), (124, 130, 141), (245, 185, 66)
_GOOD, _DOUBTFUL, _BAD, _DONE = (108, 201, 124), (216, 180, 98), (232, 106, 98), (122, 178, 234)
#: Words of take and review states by what a person has to do about them; others are dim.
_COLOURS: dict[str, Colour] = {
    "approved": _GOOD,
    "selected": _GOOD,
    "maybe": _DOUBTFUL,
    "rejected": _BAD,
    "FAILED": _BAD,
    "UNCERTAIN": _BAD,
    "READY": _DONE,
}


class SheetCell(NamedTuple):
    """A plate or take: its name, up to three pictures, and what is said below them."""

    name: str
    #: Decoded RGB pictures; or a file and ascending frames of it, from 0.
    pictures: Pictures | tuple[Path, Sequence[int]] = ()
    state: str = ""
    review: str = ""
    note: str = ""
    #: The one the edit shows.
    chosen: bool = False


class SheetRow(NamedTuple):
    """A shot."""

    name: str
    state: str = ""
    #: What it is: operation, timecode, prompt.
    detail: str = ""
    plate: SheetCell | None = None
    takes: Sequence[SheetCell] = ()


class _Layout(NamedTuple):
    """Measures of one sheet, in pixels."""

    tile: tuple[int, int]
    across: int

    @property
    def cell(self) -> int:
        return self.tile[0] * _PICTURES + _BETWEEN * (_PICTURES - 1)

    @property
    def line(self) -> int:
        return self.tile[1] + _CAPTION

    @property
    def width(self) -> int:
        return 2 * _MARGIN + _NAMES + (self.across + 1) * (self.cell + _CELL_GAP) - _CELL_GAP

    def left(self, column: int) -> int:
        """Where a column of cells begins; column 0 is the plate's."""
        return _MARGIN + _NAMES + column * (self.cell + _CELL_GAP)

    def height(self, row: SheetRow) -> int:
        return 2 * _PAD + self.line * max(1, -(-len(row.takes) // self.across))


def draw_sheet(rows: Sequence[SheetRow], out: Path, *, title: str = "") -> Path:
    """Draw the sheet as a PNG and return `out`; a picture that cannot be read is said to be missing."""
    tall = min(_TALLEST, max(_SMALLEST, _LONGEST_SHEET // max(1, len(rows)) - _CAPTION - 2 * _PAD))
    most = max((len(row.takes) for row in rows), default=1)
    layout = _Layout((tall * 16 // 9, tall), min(_ACROSS, max(1, most)))
    tops = [_HEAD]
    for row in rows:
        tops.append(tops[-1] + layout.height(row))
    sheet = Image.new("RGB", (layout.width, tops[-1] + _MARGIN), _GROUND)
    draw = ImageDraw.Draw(sheet)
    _heading(draw, layout, rows, title)
    for index, (row, (top, end)) in enumerate(zip(rows, pairwise(tops), strict=True)):
        if index % 2 == 0:
            draw.rectangle((0, top, layout.width, end - 1), _BAND)
        _row(sheet, draw, layout, row, top + _PAD)
    sheet.save(out, "PNG")
    return out


def _heading(draw: ImageDraw.ImageDraw, layout: _Layout, rows: Sequence[SheetRow], title: str) -> None:
    takes = sum(len(row.takes) for row in rows)
    count = f"{len(rows)} shot{'s' * (len(rows) != 1)} · {takes} take{'s' * (takes != 1)}"
    _write(draw, (_MARGIN, 24), title or "Contact sheet", 30, _BRIGHT, layout.left(1) - 2 * _MARGIN)
    _right(draw, (layout.width - _MARGIN, 34), count, 18, _DIM)
    for column, words in ((0, "PLATE"), (1, "TAKES")):
        _write(draw, (layout.left(column), 84), words, 14, _DIM)
    said = "first · middle · last frame of the need"
    _right(draw, (layout.left(0) + layout.cell, 84), said, 14, _DIM)
    _write(draw, (_MARGIN, 84), "SHOT", 14, _DIM)
    draw.line((0, _HEAD - 1, layout.width, _HEAD - 1), _RULE)


def _row(sheet: Image.Image, draw: ImageDraw.ImageDraw, layout: _Layout, row: SheetRow, top: int) -> None:
    room = _NAMES - 24
    _write(draw, (_MARGIN, top), row.name, 23, _BRIGHT, room)
    below = top + 34
    if row.state:
        _state(draw, (_MARGIN, below), row.state, room)
        below += 26
    for line in _wrapped(row.detail, 15, room, most=max(1, (top + layout.line - below) // 20)):
        _write(draw, (_MARGIN, below), line, 15, _DIM, room)
        below += 20
    if row.plate is not None:
        _cell(sheet, draw, layout, row.plate, (layout.left(0), top))
    else:
        _write(draw, (layout.left(0), top + layout.tile[1] // 2 - 10), "no plate", 15, _DIM)
    for index, take in enumerate(row.takes):
        down, column = divmod(index, layout.across)
        _cell(sheet, draw, layout, take, (layout.left(column + 1), top + down * layout.line))


def _cell(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, layout: _Layout, cell: SheetCell, at: tuple[int, int]
) -> None:
    left, top = at
    width, height = layout.tile
    pictures, problem = _pictures(cell.pictures)
    shown = min(_PICTURES, len(pictures))
    right = left + (shown * (width + _BETWEEN) - _BETWEEN if shown else layout.cell)
    if not shown:
        draw.rectangle((left, top, right - 1, top + height - 1), _TILE)
        _write(draw, (left + 14, top + height // 2 - 9), problem, 15, _DIM, layout.cell - 28)
    for index in range(shown):
        x = left + index * (width + _BETWEEN)
        draw.rectangle((x, top, x + width - 1, top + height - 1), _TILE)
        _paste(sheet, pictures[index], (x, top), layout.tile)
    if cell.chosen:
        for grow in (2, 3, 4, 5):
            draw.rectangle(
                (left - grow, top - grow, right + grow - 1, top + height + grow - 1), None, _CHOSEN
            )
    below, end = top + height + 10, left + layout.cell
    x = _write(draw, (left, below), cell.name, 19, _BRIGHT, layout.cell) + 14
    if cell.state:
        x = _state(draw, (x, below + 2), cell.state, end - x) + 14
    for words, colour in (
        (cell.review, _COLOURS.get(cell.review, _DIM)),
        ("in the edit" * cell.chosen, _CHOSEN),
    ):
        x = _write(draw, (x, below + 2), words, 16, colour, end - x) + 14 * bool(words)
    _write(draw, (left, below + 26), cell.note, 15, _DIM, layout.cell)


def _pictures(given: Pictures | tuple[Path, Sequence[int]]) -> tuple[Pictures, str]:
    """At most three pictures, and what to say where there are none."""
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Path)):
        return list(given)[:_PICTURES], "no pictures yet"
    path, indexes = given
    try:
        return list(decode(path, list(indexes)[:_PICTURES])), "no pictures yet"
    except MediaError as exc:
        return [], exc.what


def _paste(
    sheet: Image.Image, picture: NDArray[np.uint8], at: tuple[int, int], tile: tuple[int, int]
) -> None:
    """The whole picture inside its tile."""
    image = Image.fromarray(picture)
    image.thumbnail(tile, Image.Resampling.LANCZOS, reducing_gap=3)
    if image.width < tile[0] and image.height < tile[1]:
        grow = min(tile[0] / image.width, tile[1] / image.height)
        image = image.resize(
            (round(image.width * grow), round(image.height * grow)), Image.Resampling.LANCZOS
        )
    sheet.paste(image, (at[0] + (tile[0] - image.width) // 2, at[1] + (tile[1] - image.height) // 2))


# ---------------------------------------------------------------- words


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, colour: Colour, room: int = 10_000
) -> int:
    """Words from `at` to the right, shortened to `room` pixels; gives where they end."""
    words, font = letters(" ".join(words.split()), size)
    words = _shortened(words, font, room)
    draw.text(at, words, colour, font)
    return at[0] + round(font.getlength(words))


def _right(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, colour: Colour) -> int:
    """Words that end at `at`; gives where they begin."""
    words, font = letters(words, size)
    begin = at[0] - round(font.getlength(words))
    draw.text((begin, at[1]), words, colour, font)
    return begin


def _state(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, room: int) -> int:
    """A dot and the state's word; gives where it ends."""
    colour = _COLOURS.get(words, _DIM)
    x, y = at
    draw.ellipse((x, y + 5, x + 9, y + 14), colour)
    return _write(draw, (x + 16, y), words, 16, _TEXT, room - 16)


def _shortened(words: str, font: Font, room: int) -> str:
    """The words, or as many signs of them as fit before an ellipsis."""
    if font.getlength(words) <= room:
        return words
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        fits = font.getlength(words[:middle].rstrip() + "…") <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return words[:low].rstrip() + "…" if low else ""


def _wrapped(words: str, size: int, room: int, *, most: int) -> Iterable[str]:
    """At most `most` lines of whole words, new lines kept; the last one carries the rest, to be shortened."""
    lines: list[str] = []
    words, font = letters(words, size)
    for paragraph in words.splitlines():
        left = paragraph.split()
        while left:
            line = left.pop(0)
            while left and font.getlength(f"{line} {left[0]}") <= room:
                line = f"{line} {left.pop(0)}"
            lines.append(line)
    return lines if len(lines) <= most else [*lines[: most - 1], " ".join(lines[most - 1 :])]
