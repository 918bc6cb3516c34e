"""Reading FCP 7 XML (xmeml) through the adapter, with its faults mended after (otio.md §1.2).

The text is looked at by expat first: entity declarations, another root element and deep nesting are refused.
The adapter drops `<enabled>FALSE`, Premiere's track names and marker comments, and keeps Time Remap as an
unknown effect; all of these stand in its metadata, where they are taken from.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.parsers import expat

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.value import exact
from otio_bridge.timeline.times import frames, otio_time, rate_of

_DEPTH = 300


def read(raw: bytes) -> tuple[otio.core.SerializableObject, list[ShotNote], bool | None]:
    """What the file holds, what was mended, and whether its timecode drops, if it says. Raises RefusedInput."""
    look_at(raw)
    root = _adapter().read_from_string(raw)
    notes: list[ShotNote] = []
    drop: bool | None = None
    for timeline in _timelines(root):
        code = _plain(timeline.metadata, "timecode", "displayformat")
        drop = drop or (drop if code is None else code == "DF")
        _mend(timeline, notes)
    return root, notes, drop


def _adapter() -> ModuleType:
    """The adapter's module, which imports `..` as if it lay inside opentimelineio, as OTIO loads it."""
    package = importlib.util.find_spec("otio_fcp_adapter")
    if package is None or not package.submodule_search_locations:
        raise RefusedInput("otio-fcp-adapter is not installed", next="otio-bridge doctor")
    file = Path(package.submodule_search_locations[0]) / "fcp_xml.py"
    spec = importlib.util.spec_from_file_location("opentimelineio.adapters.fcp_xml", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def look_at(raw: bytes) -> None:
    """Refuse XML that is no xmeml, declares entities, or nests too deep; expat does the reading."""
    parser = expat.ParserCreate()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and name != "xmeml":
            hint = "FCPXML" if name == "fcpxml" else f"<{name}>"
            raise RefusedInput(
                f"this XML is {hint}, not FCP 7 XML", next="export FCP 7 XML (xmeml), OTIO, EDL or AAF"
            )
        if depth > _DEPTH:
            raise RefusedInput(f"the XML is nested deeper than {_DEPTH} levels")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(*_: object) -> None:
        raise RefusedInput("the XML declares entities, which no editor writes")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    parser.UnparsedEntityDeclHandler = entity
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as exc:
        raise RefusedInput(f"the XML cannot be read ({exc})") from exc


def _timelines(root: otio.core.SerializableObject) -> Iterator[otio.schema.Timeline]:
    if isinstance(root, otio.schema.Timeline):
        yield root
    elif isinstance(root, otio.schema.SerializableCollection):
        for child in root:
            yield from _timelines(child)


def _mend(timeline: otio.schema.Timeline, notes: list[ShotNote]) -> None:
    off: list[str] = []
    _comments(timeline.tracks)
    _mend_children(timeline.tracks, off, notes)
    for number, track in enumerate(timeline.video_tracks(), 1):
        track.name = track.name or f"Video {number}"
    for number, track in enumerate(timeline.audio_tracks(), 1):
        track.name = track.name or f"Audio {number}"
    if off:
        text = f"{len(off)} disabled clips or tracks were restored as disabled: {', '.join(off[:5])}"
        notes.append(ShotNote(severity=Severity.NOTE, code="xml-enabled", text=text))


def _mend_children(
    parent: otio.schema.Stack | otio.schema.Track, off: list[str], notes: list[ShotNote]
) -> None:
    for child in parent:
        if not isinstance(child, otio.core.Item):
            continue
        if str(_plain(child.metadata, "enabled") or "").upper() == "FALSE":
            child.enabled = False
            off.append(child.name or "a track")
        if isinstance(child, otio.schema.Track):
            child.name = child.name or str(_plain(child.metadata, "@MZ.TrackName") or "")
        _comments(child)
        if isinstance(child, otio.schema.Clip):
            _retime(child, notes)
        if isinstance(child, otio.schema.Stack | otio.schema.Track):
            _mend_children(child, off, notes)


def _comments(item: otio.core.Item) -> None:
    for marker in item.markers:
        comment = _plain(marker.metadata, "comment")
        if comment and not marker.comment:
            marker.comment = str(comment)


def _retime(clip: otio.schema.Clip, notes: list[ShotNote]) -> None:
    """A constant Time Remap becomes a LinearTimeWarp; others stay effects and are refused as retimes."""
    for index, effect in enumerate(clip.effects):
        if _plain(effect.metadata, "effectid") != "timeremap":
            continue
        speed = _constant_speed(effect.metadata)
        if speed == 1:
            # An identity Time Remap says nothing; Premiere writes one on most clips.
            del clip.effects[index]
            return
        if speed is None or not _rewind(clip, speed):
            text = f"the Time Remap of {clip.name} is variable or unclear; it is not read as a speed"
            notes.append(ShotNote(severity=Severity.WARN, code="xml-retime", text=text))
            return
        warp = otio.schema.LinearTimeWarp(name=effect.name, time_scalar=float(speed))
        warp.metadata.update(effect.metadata)
        clip.effects[index] = warp
        text = f"{clip.name} runs at {float(speed * 100):.4g} % (Time Remap); check its first frame"
        notes.append(ShotNote(severity=Severity.WARN, code="xml-retime", text=text))
        return


def _constant_speed(metadata: Any) -> Fraction | None:
    """The speed as a factor; None for ramps, and below 1 %, where some exporters mean a factor (Hiero)."""
    parameters = _plain(metadata, "parameter") or []
    named = {
        str(entry.get("parameterid", "")): entry.get("value")
        for entry in (parameters if isinstance(parameters, list) else [parameters])
        if isinstance(entry, dict)
    }
    if str(named.get("variablespeed", "0")).upper() not in ("0", "FALSE", "NONE"):
        return None
    try:
        percent = exact(str(named["speed"]))
    except (KeyError, ValueError):
        return None
    backwards = str(named.get("reverse", "FALSE")).upper() == "TRUE"
    if abs(percent) < 1:
        return None
    return -abs(percent) / 100 if backwards else percent / 100


def _rewind(clip: otio.schema.Clip, speed: Fraction) -> bool:
    """`<in>` counts in the retimed clip: move the source start to the media frame it means.

    Backwards, the retimed clip begins at the media's last frame; without a length that cannot be known.
    """
    reference, span = clip.media_reference, clip.source_range
    stated = reference.available_range
    rate = rate_of(span.start_time.rate)
    first = frames(stated.start_time, rate) if stated is not None else Fraction(0)
    length = frames(stated.duration, rate) if stated is not None else Fraction(0)
    warped = frames(span.start_time, rate) - first
    if speed > 0:
        start = first + warped * speed
    elif length > 0:
        shown = first + length - 1 - warped * -speed
        start = max(first, shown - (frames(span.duration, rate) - 1) * -speed)
    else:
        return False
    clip.source_range = otio.opentime.TimeRange(otio_time(start, rate), span.duration)
    return True


def _plain(metadata: Any, *keys: str) -> Any:
    """A value of the `fcp_xml` metadata as plain Python; None where it is not there."""
    value: Any = metadata.get("fcp_xml")
    for key in keys:
        if value is None or not hasattr(value, "get"):
            return None
        value = value.get(key)
    return _as_plain(value)


def _as_plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: _as_plain(inner) for key, inner in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [_as_plain(inner) for inner in value]
    return value
