"""Make a project: one commented file that says what is true of it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from otio_bridge.errors import RefusedInput
from otio_bridge.media.files import safe_name
from otio_bridge.model.time import rate_text
from otio_bridge.model.value import Exact, Value
from otio_bridge.settings import PROJECT_FILE, parse

_TEMPLATE = """\
# OTIO Bridge: what is true of this project. Every setting: docs/settings.md.
# The environment outranks this file (OTIO_BRIDGE_MEDIA__ROOT=... for [media] root).

[project]
name = {name}               # in shot names and reels
rate = "{rate}"               # for edits that state none (EDL): 24, 23.976, 25, 29.97 ...
width = {width}               # raster of shots without media (gaps, missing clips)
height = {height}
pixel_aspect = {pixel_aspect}
encoding = {encoding}       # of plates whose file does not say: rec709, srgb, a log's name, unknown
naming = {naming}           # {{project}}, {{cut}}, {{number}}; numbers go in tens
handles = {handles}           # record frames kept on each side, so that trims cost nothing

[media]
root = "media"                # plates and takes are published here
codec = "prores"              # prores, dnxhr, h264 or png
# One folder, every machine's spelling of it (the first is canonical):
# [media.paths]
# show = ["/mnt/show", "P:\\\\show", "/Volumes/show"]

[money]
currency = {currency}
budget = {budget}           # a hard cap for everything sent from this project
# shot_budget = "5.00"        # a hard cap for every single shot
# [money.rates]               # providers that charge in another currency need one:
# USD = "0.92 2026-11-01"

# [providers.sandbox]         # the stand-in for learning: run `otio-bridge sandbox` and paste its address
# url = "http://127.0.0.1:7420"
# allow_private = true
"""


class InitReport(Value):
    """What `init` wrote."""

    folder: str
    file: str
    name: str
    rate: Exact


def init(
    folder: Path,
    *,
    name: str = "",
    rate: Fraction = Fraction(24),
    width: int = 1920,
    height: int = 1080,
    pixel_aspect: str = "1",
    encoding: str = "rec709",
    naming: str = "{project}_{number:04d}",
    handles: int = 8,
    currency: str = "EUR",
    budget: str = "25.00",
) -> InitReport:
    """Write otio-bridge.toml into `folder`. Raises RefusedInput where there is one already, or it cannot be."""
    file = folder / PROJECT_FILE
    if file.exists():
        raise RefusedInput("this folder is a project already", value=file, next=f"edit {PROJECT_FILE}")
    chosen = safe_name(name or folder.absolute().name or "project")
    text = _TEMPLATE.format(
        name=_quoted(chosen),
        rate=rate_text(rate),
        width=width,
        height=height,
        pixel_aspect=_quoted(pixel_aspect),
        encoding=_quoted(encoding),
        naming=_quoted(naming),
        handles=handles,
        currency=_quoted(currency),
        budget=_quoted(budget),
    )
    # Read back before anything is written: nothing stays of a project that cannot be.
    parse(text, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except OSError as exc:
        raise RefusedInput(
            f"the project cannot be written ({exc.strerror})",
            value=file,
            next="otio-bridge init FOLDER, where you may write",
        ) from exc
    return InitReport(folder=str(folder), file=str(file), name=chosen, rate=rate)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False)
