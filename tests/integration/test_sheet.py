"""The contact sheet shows the right pictures, in their places, for any cut."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from otio_bridge.media.sheet import SheetCell, SheetRow, draw_sheet
from otio_bridge.testing.framecode import code_picture, make_movie, make_sequence, read_code

AMBER = (245, 185, 66)
TILE = (177, 100)


def codes(sheet: Image.Image, row_top: int = 134) -> list[int | None]:
    """The frame codes in the first line of the first row: the plate's three tiles, then two takes'."""
    pixels = np.asarray(sheet)
    columns = [300 + column * (3 * TILE[0] + 2 * 2 + 22) for column in range(3)]
    lefts = [left + index * (TILE[0] + 2) for left in columns for index in range(3)]
    return [read_code(pixels[row_top : row_top + TILE[1], left : left + TILE[0]]) for left in lefts]


def test_pictures_stand_where_they_belong(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "plate.mov", range(100, 150), Fraction(24), codec="prores")
    pattern = make_sequence(tmp_path / "s" / "take.%04d.png", range(200, 210))
    rows = [
        SheetRow(
            "SC010_0010",
            "READY",
            "restyle",
            SheetCell("p001", (movie, (0, 25, 49))),
            [
                SheetCell("v001", (pattern, (0, 5, 9)), "READY", "approved", chosen=True),
                SheetCell("v002", [code_picture(300)], "READY"),
            ],
        )
    ]
    out = draw_sheet(rows, tmp_path / "sheet.png", title="SC010 v2")
    with Image.open(out) as sheet:
        assert codes(sheet) == [100, 125, 149, 200, 205, 209, 300, None, None]
        amber = np.argwhere((np.asarray(sheet) == AMBER).all(axis=2))
    # The frame round the chosen take: as wide as its three pictures.
    assert 3 * TILE[0] <= np.ptp(amber[:, 1]) <= 3 * TILE[0] + 16


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [SheetRow("ALONE")],
        [SheetRow("X" * 300, "UNCERTAIN", "word " * 200, None, [SheetCell("v001", note="y" * 500)])],
        [SheetRow("日本語 Ωmega", takes=[SheetCell(f"v{n:03d}", state="SENDING") for n in range(1, 9)])],
        [SheetRow("TALL", plate=SheetCell("p001", [code_picture(1, 90, 160), code_picture(2, 800, 20)]))],
    ],
)
def test_nothing_is_too_odd_to_draw(tmp_path: Path, rows: list[SheetRow]) -> None:
    with Image.open(draw_sheet(rows, tmp_path / "sheet.png")) as sheet:
        assert sheet.width > 600 and sheet.height > 100


def test_names_in_every_language_can_be_told_apart(tmp_path: Path) -> None:
    made = [draw_sheet([SheetRow(name)], tmp_path / f"{ord(name)}.png").read_bytes() for name in "ÄÖéñ"]
    assert len(set(made)) == 4, "no letter is a box"


def test_pictures_that_cannot_be_read_do_not_stop_the_sheet(tmp_path: Path) -> None:
    cells = [
        SheetCell("v001", (tmp_path / "gone.mov", (0,))),
        SheetCell("v002", (tmp_path / "text.mov", (0,))),
    ]
    (tmp_path / "text.mov").write_text("#EXTM3U\n")
    assert draw_sheet([SheetRow("S", takes=cells)], tmp_path / "sheet.png").exists()


def test_long_cuts_stay_within_reach(tmp_path: Path) -> None:
    picture = code_picture(1, 160, 90)
    rows = [SheetRow(f"S_{n:04d}", plate=SheetCell("p001", [picture])) for n in range(200)]
    with Image.open(draw_sheet(rows, tmp_path / "sheet.png")) as sheet:
        assert sheet.height < 32_000 and sheet.width < 1500
