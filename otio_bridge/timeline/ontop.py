"""What the NLE does above a picture that a model will not see: reframing, crops, speed, composites …"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import opentimelineio as otio

from otio_bridge.model.shot import OnTop
from otio_bridge.timeline.walk import Item, Survey, speed_of

#: Words in an effect's name -> the kind of thing it is; the first that fits.
_KINDS = (
    ("crop", "crop"),
    ("transform", "reframe"),
    ("motion", "reframe"),
    ("zoom", "reframe"),
    ("resize", "reframe"),
    ("scal", "reframe"),
    ("basic", "reframe"),
    ("position", "reframe"),
    ("stabil", "reframe"),
    ("composite", "composite"),
    ("opacity", "composite"),
    ("fader", "composite"),
    ("key", "composite"),
    ("speed", "speed"),
    ("retime", "speed"),
    ("remap", "speed"),
    ("timewarp", "speed"),
)


def on_top(item: Item) -> tuple[OnTop, ...]:
    """What the clip's own effects and transitions do above its picture."""
    found = []
    effects = list(item.node.effects)
    scalar = speed_of(item.node) if effects else None
    if scalar is not None:
        found.append(OnTop(kind="speed", detail=f"{float(scalar * 100):.5g} %"))
    for effect in effects:
        if not isinstance(effect, otio.schema.LinearTimeWarp):
            found += _effect(effect)
    if item.head or item.tail:
        found.append(OnTop(kind="transition", detail=f"{_count(item.head)} in, {_count(item.tail)} out"))
    return tuple(found)


def above(item: Item, survey: Survey) -> Iterator[OnTop]:
    """Enabled pictures on higher tracks over some part of the clip."""
    if item.depth:
        return
    for lane in survey.lanes:
        if int(lane.prefix.partition(":")[0]) <= item.track:
            continue
        for other in lane.within(item.start, item.end):
            if other.enabled and not other.gap:
                name = other.node.name or "a clip"
                yield OnTop(
                    kind="composite", detail=f"{name} on {other.track_name or 'a higher track'} above it"
                )
                break


def nonlinear(item: Item) -> str | None:
    """The name of a time effect that is no single speed; None where there is none."""
    for effect in item.node.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            continue
        if isinstance(effect, otio.schema.TimeEffect):
            return effect.effect_name or effect.name or "a time effect"
        if _plain(effect.metadata, "fcp_xml", "effectid") == "timeremap":
            return effect.name or "Time Remap"
    return None


def _effect(effect: otio.schema.Effect) -> Iterator[OnTop]:
    resolve = effect.metadata.get("Resolve_OTIO")
    if hasattr(resolve, "get"):
        # Resolve writes every page's effects on every clip; those without changed parameters do nothing.
        name = str(resolve.get("Effect Name") or effect.name)
        parameters = resolve.get("Parameters")
        parameters = parameters if hasattr(parameters, "__iter__") else ()
        if resolve.get("Enabled") is False or not any(map(_changed, parameters)):
            return
    else:
        name = effect.name or effect.effect_name or type(effect).__name__
        code = _plain(effect.metadata, "fcp_xml", "effectid")
        if code in ("basic", "crop", "opacity") and not _fcp_changed(effect.metadata):
            return
    lowered = name.lower()
    yield OnTop(kind=next((kind for word, kind in _KINDS if word in lowered), "effect"), detail=name)


def _changed(parameter: Any) -> bool:
    if not hasattr(parameter, "get"):
        return False
    value, default = parameter.get("Parameter Value"), parameter.get("Default Parameter Value")
    frames = parameter.get("Key Frames")
    held = list(frames.values()) if hasattr(frames, "values") else []
    values = [frame.get("Value") for frame in held if hasattr(frame, "get")]
    return any(_same(one) != _same(default) for one in (value, *values) if one is not None)


def _same(value: Any) -> Any:
    """A parameter's value as something that compares; OTIO's own times and vectors do not."""
    if isinstance(value, str | int | float):
        return value
    return [_same(one) for one in value] if hasattr(value, "__iter__") else repr(value)


#: Values of FCP 7's motion filters that leave the picture alone.
_NEUTRAL = {
    "scale": 100.0,
    "rotation": 0.0,
    "opacity": 100.0,
    "left": 0.0,
    "right": 0.0,
    "top": 0.0,
    "bottom": 0.0,
}


def _fcp_changed(metadata: Any) -> bool:
    parameters = _plain(metadata, "fcp_xml", "parameter")
    if not hasattr(parameters, "__iter__") or isinstance(parameters, str):
        return True
    for entry in [parameters] if hasattr(parameters, "items") else parameters:
        if not hasattr(entry, "get"):
            return True
        name = str(entry.get("parameterid") or entry.get("name") or "").lower()
        value = entry.get("value")
        if entry.get("keyframe") is not None:
            return True
        if name == "center" and hasattr(value, "get"):
            if any(str(value.get(axis) or 0) not in ("0", "0.0") for axis in ("horiz", "vert")):
                return True
        elif name in _NEUTRAL:
            try:
                if float(value) != _NEUTRAL[name]:
                    return True
            except (TypeError, ValueError):
                return True
    return False


def _plain(metadata: Any, *keys: str) -> Any:
    for key in keys:
        metadata = metadata.get(key) if hasattr(metadata, "get") else None
    return metadata


def _count(frames: Any) -> str:
    return f"{float(frames):g} frames"
