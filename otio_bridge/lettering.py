"""Letters on pictures: a font this system has, and never a box for a letter it has not.

Pillow's own font knows ASCII and little more; names and prompts are written in every language.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Where Linux, macOS and Windows keep fonts; those that are not there are passed over.
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "$WINDIR/Fonts",
)
#: Plain faces that come with systems, the preferred first; the last ones have Chinese, Japanese and Korean.
_NAMES = (
    "notosans-regular.ttf",
    "dejavusans.ttf",
    "segoeui.ttf",
    "helvetica.ttc",
    "arial.ttf",
    "liberationsans-regular.ttf",
    "freesans.ttf",
    "arial unicode.ttf",
    "notosanscjk-regular.ttc",
    "hiragino sans gb.ttc",
    "msyh.ttc",
    "yugothr.ttc",
    "malgun.ttf",
)
#: What stands for letters and signs that are no letter and accent.
_PLAIN = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ı": "i", "‐": "-", "–": "-", "—": "-", "−": "-", "×": "x", "·": "-", "…": "...", "‘": "'",
    "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "→": ">", "←": "<",
}  # fmt: skip
#: No text has it, so that a font draws what stands for a letter it has not.
_NONE = "\uffff"


class Letters(NamedTuple):
    """Text as it can be written, and the font to write it in."""

    text: str
    font: Font


def letters(text: str, size: int, fonts: Sequence[Path] | None = None) -> Letters:
    """The first of the system's fonts (or of `fonts`) that has every letter, else Pillow's own or the first.

    What that one has not is written without its accents, or as `?`. `size` is in pixels.
    """
    text = unicodedata.normalize("NFC", text)
    faces = (*(system_fonts() if fonts is None else fonts), None)
    for face in faces:
        if spelled(text, _has(face)) == text:
            return Letters(text, _font(face, size))
    return Letters(spelled(text, _has(faces[0])), _font(faces[0], size))


def spelled(text: str, has: Callable[[str], bool]) -> str:
    """The text in letters that there are: signs nobody sees are left out, line ends stay."""
    return "".join(_instead(sign, has) for sign in text)


def _instead(sign: str, has: Callable[[str], bool]) -> str:
    if sign.isspace():
        return sign if sign == "\n" else " "
    kind = unicodedata.category(sign)
    if kind in ("Cc", "Cf"):
        return ""
    if kind != "Cs" and has(sign):
        return sign
    if kind.startswith("M"):
        return ""
    plain = _PLAIN.get(sign) or unicodedata.normalize("NFKD", sign)
    kept = [part for part in plain if not unicodedata.combining(part)]
    return "".join(kept) if kept and all(part.isascii() or has(part) for part in kept) else "?"


@cache
def system_fonts() -> tuple[Path, ...]:
    """The fonts of `_NAMES` this machine has, in their order."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        # Path's own raises where there is no home.
        root = os.path.expanduser(os.path.expandvars(folder))  # noqa: PTH111
        for at, _, names in os.walk(root) if Path(root).is_absolute() else ():
            for name in names:
                if name.lower() in _NAMES:
                    found.setdefault(name.lower(), Path(at) / name)
    return tuple(path for name in _NAMES if (path := found.get(name)) and _readable(path))


def _readable(path: Path) -> bool:
    try:
        ImageFont.truetype(path, 12)
    except OSError:
        return False
    return True


@cache
def _font(face: Path | None, size: int) -> Font:
    return ImageFont.load_default(size) if face is None else ImageFont.truetype(face, size)


@cache
def _has(face: Path | None) -> Callable[[str], bool]:
    """Whether a font draws a letter otherwise than one no font has."""
    font = _font(face, 24)

    @cache
    def drawn(sign: str) -> tuple[tuple[int, int], bytes]:
        mask = font.getmask(sign)
        return mask.size, bytes(mask)

    return lambda sign: sign.isascii() or drawn(sign) != drawn(_NONE)
