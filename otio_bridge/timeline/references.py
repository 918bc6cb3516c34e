"""What media a clip shows, as values: kind, path, rate, frames, reel, and what is odd about it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from math import floor
from pathlib import PurePosixPath
from typing import Any

import opentimelineio as otio

from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.time import FrameRange, snap_frame
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.times import frames, rate_of
from otio_bridge.timeline.url import to_path

#: The key of the editor's own media, in OTIO and in ours.
ORIGINAL = "DEFAULT_MEDIA"
_OURS = "otio_bridge"
_STILLS = frozenset(
    f".{name}"
    for name in (
        *("png", "jpg", "jpeg", "tif", "tiff", "exr", "dpx", "psd", "tga", "bmp"),
        *("webp", "heic", "gif", "ai", "svg", "jp2", "cin", "sgi"),
    )
)
#: Still formats that, numbered and with no length stated, are frames of a sequence all the same.
_FRAMES = frozenset((".exr", ".dpx", ".cin"))
_PATTERN = re.compile(r"%0?(\d*)d|(#+)(?=[^#]*$)|\[(\d+)-(\d+)\]")
_NUMBER = re.compile(r"(?<=[._-])(\d{3,})(?=\.[A-Za-z0-9]+$)")


def media_of(clip: otio.schema.Clip, edit: Edit) -> tuple[MediaRef, MediaRef]:
    """What the clip shows, and the editor's own media where a take of ours is shown instead.

    Both are the same where nothing of ours is active. A take's `available` is the original's, so that what
    the clip needs is never cut to what the take holds.
    """
    active = clip.media_reference
    key = clip.active_media_reference_key
    shown = _ref(active, clip, edit, key)
    if not (key.startswith(f"{_OURS}/") or (active is not None and _OURS in active.metadata)):
        return shown, shown
    own = clip.media_references().get(ORIGINAL)
    if own is None or _OURS in own.metadata:
        return shown.model_copy(update={"available": None}), shown
    original = _ref(own, clip, edit, ORIGINAL)
    return shown.model_copy(update={"available": original.available}), original


def outside_roots(path: str, roots: tuple[str, ...]) -> bool:
    """Whether a path, its links resolved, lies in none of the allowed folders."""
    if not roots:
        return False
    real = os.path.realpath(path)
    return not any(
        real == r or real.startswith(r.rstrip(os.sep) + os.sep) for r in map(os.path.realpath, roots)
    )


def _ref(reference: Any, clip: otio.schema.Clip, edit: Edit, key: str) -> MediaRef:
    stated = None if reference is None else reference.available_range
    if stated is not None and stated.duration.value <= 0:
        stated = None
    rate = rate_of((stated.start_time if stated is not None else _fallback(reference, clip, edit)).rate)
    available = None if stated is None else _whole(stated, rate)
    values: dict[str, Any] = {
        "kind": MediaKind.MISSING,
        "name": (getattr(reference, "name", None) or clip.name or ""),
        "available": available,
        "rate": rate,
        "reel": _first(
            clip, reference, ("cmx_3600", "reel"), ("ALE", "Tape"), ("fcp_xml", "timecode", "reel", "name")
        ),
        "umid": _first(reference, clip, ("AAF", "MobID")),
        "drop": _drop(reference),
        "proxy": "proxy" in key.lower() or bool(_first(reference, clip, ("proxy",))),
    }
    if isinstance(reference, otio.schema.ImageSequenceReference):
        values.update(_sequence(reference, edit))
    elif isinstance(reference, otio.schema.ExternalReference):
        values.update(_external(reference.target_url or "", available, edit))
    elif isinstance(reference, otio.schema.GeneratorReference):
        values["kind"] = MediaKind.GENERATOR
        values["name"] = reference.name or reference.generator_kind or clip.name or "generator"
    return MediaRef(**values)


def _fallback(reference: Any, clip: otio.schema.Clip, edit: Edit) -> otio.opentime.RationalTime:
    """A time whose rate the media is counted in where it states no range."""
    if isinstance(reference, otio.schema.ImageSequenceReference) and 0 < reference.rate <= 1000:
        return otio.opentime.RationalTime(0, reference.rate)
    if clip.source_range is not None and clip.source_range.start_time.rate <= 1000:
        return clip.source_range.start_time
    return otio.opentime.RationalTime(0, float(edit.rate))


def _whole(span: otio.opentime.TimeRange, rate: Fraction) -> FrameRange:
    start = frames(span.start_time, rate)
    end = snap_frame(start + frames(span.duration, rate))
    return FrameRange.between(floor(snap_frame(start)), floor(end))


def _external(url: str, available: FrameRange | None, edit: Edit) -> dict[str, Any]:
    path = to_path(url, base=edit.base, maps=edit.maps)
    if path is None:
        return {"url": url}
    found: dict[str, Any] = {"url": url, "path": path, "kind": MediaKind.MOVIE}
    name = PurePosixPath(path).name
    suffix = PurePosixPath(name.lower()).suffix
    pattern = _PATTERN.search(name)
    if pattern and suffix in _STILLS:
        width = int(pattern[1] or 0) if pattern[1] is not None else len(pattern[2] or pattern[3] or "")
        first = int(pattern[3]) if pattern[3] else None
        return found | _pattern(path, name, pattern.span(), width, first)
    if suffix in _STILLS:
        number = _NUMBER.search(name)
        many = available is not None and available.duration > 1
        if number and (many or (available is None and suffix in _FRAMES)):
            return found | _pattern(path, name, number.span(), len(number[1]), int(number[1]))
        # Editors give stills any length; there is one picture.
        one = None if available is None else FrameRange(start=available.start, duration=1)
        found |= {"kind": MediaKind.STILL, "available": one}
    return found


def _pattern(path: str, name: str, span: tuple[int, int], width: int, first: int | None) -> dict[str, Any]:
    sign = f"%0{width}d" if width else "%d"
    named = f"{name[: span[0]]}{sign}{name[span[1] :]}"
    folder = path[: len(path) - len(name)]
    return {"path": folder + named, "kind": MediaKind.SEQUENCE, "first_number": first}


def _sequence(reference: otio.schema.ImageSequenceReference, edit: Edit) -> dict[str, Any]:
    width = reference.frame_zero_padding
    sign = f"%0{width}d" if width else "%d"
    base = reference.target_url_base or ""
    url = base + ("" if not base or base.endswith(("/", "\\")) else "/")
    url += f"{reference.name_prefix or ''}{sign}{reference.name_suffix or ''}"
    path = to_path(url, base=edit.base, maps=edit.maps)
    return {
        "url": url,
        "path": path,
        "kind": MediaKind.SEQUENCE if path else MediaKind.MISSING,
        "first_number": reference.start_frame,
    }


def _drop(reference: Any) -> bool | None:
    code = _first(reference, None, ("fcp_xml", "timecode", "displayformat"))
    return None if code is None else code == "DF"


def _first(one: Any, other: Any, *paths: tuple[str, ...]) -> str | None:
    """The first text any of the metadata paths leads to, in the first thing that has it."""
    return next(_texts(one, other, *paths), None)


def _texts(one: Any, other: Any, *paths: tuple[str, ...]) -> Iterator[str]:
    # Looking up a key OTIO's metadata do not have costs 30 µs; most are empty.
    found = [thing.metadata for thing in (one, other) if thing is not None and len(thing.metadata)]
    for path in paths:
        for metadata in found:
            value: Any = metadata
            for key in path:
                value = value[key] if hasattr(value, "get") and key in value else None
            if isinstance(value, str | bool | int) and value not in ("", False):
                yield str(value)
