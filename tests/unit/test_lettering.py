"""Whatever is written on a picture is in letters the font has: no box stands for one it has not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from otio_bridge.lettering import Font, Letters, letters, spelled, system_fonts
from otio_bridge.testing.sandbox import pictures

WORDS = "Zürich „Ärger” – naïve Łódź, smørrebrød × 日本 \U0001f600"


def boxes(written: Letters) -> set[str]:
    """Letters that look like one no font has."""
    return {sign for sign in written.text if drawn(written.font, sign) == drawn(written.font, "\uffff")}


def drawn(font: Font, sign: str) -> bytes:
    image = Image.new("L", (60, 60))
    ImageDraw.Draw(image).text((5, 5), sign, 255, font)
    return image.tobytes()


def test_without_a_font_of_the_system_accents_are_left_out() -> None:
    written = letters(WORDS, 20, ())
    assert written.text == 'Zurich "Arger” - naive Lodz, smorrebrod x ?? ?'
    assert not boxes(written)


def test_a_font_of_the_system_keeps_them() -> None:
    if not system_fonts():
        pytest.skip("this system has none of the known fonts")
    written = letters("Zürich: Größe Ä Ö Ü é ñ", 20)
    assert written.text == "Zürich: Größe Ä Ö Ü é ñ" and not boxes(written)
    # Taken apart, as macOS names its files.
    assert letters("Zu\u0308rich", 20).text == "Zürich"
    assert not boxes(letters(WORDS, 20))


def test_what_nobody_sees_is_not_written() -> None:
    assert letters("a\u200b\ufe0fb\x00\tc\nd", 20, ()).text == "ab c\nd"
    # Half a pair, as undecodable file names have.
    assert letters("a\udc80", 20, ()).text == "a?"


@given(st.text())
def test_only_letters_there_are(text: str) -> None:
    assert spelled(text, str.isascii).isascii()
    assert "?" not in spelled(text.replace("?", ""), lambda sign: True) or any(
        "\ud800" <= sign <= "\udfff" for sign in text
    )


def test_a_font_that_is_none_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Fonts" / "deep").mkdir(parents=True)
    (tmp_path / "Fonts" / "deep" / "Arial.ttf").write_bytes(b"no font")
    monkeypatch.setenv("WINDIR", str(tmp_path))
    assert tmp_path / "Fonts" / "deep" / "Arial.ttf" not in system_fonts.__wrapped__()


def test_words_the_sandbox_draws_are_no_boxes() -> None:
    black = np.zeros((90, 160, 3), np.uint8)
    said = [pictures.drawn(0, 1, 160, 90, sign, 1, black, code=False).tobytes() for sign in "ÄÖéñ"]
    assert len(set(said)) == 4
