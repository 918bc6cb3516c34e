"""Reading AAF through the adapter; what it gets wrong is mended or noted (otio.md §1.2, §3.4)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import aaf2
import opentimelineio as otio
from otio_aaf_adapter.adapters import advanced_authoring_format as adapter  # type: ignore[import-untyped]

from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.value import exact


def read(path: Path) -> tuple[otio.core.SerializableObject, list[ShotNote], bool | None]:
    """What the file holds, what was mended, and whether its timecode drops."""
    root = adapter.read_from_file(str(path))
    notes: list[ShotNote] = []
    for clip in root.find_children(descended_from_type=otio.schema.Clip):
        _slope(clip, notes)
    return root, notes, _drops(path)


def _slope(clip: otio.schema.Clip, notes: list[ShotNote]) -> None:
    """Take a speed from its two key frames: for trim-to-fill the adapter gives `src/rec`, which is not it."""
    for effect in clip.effects:
        if not isinstance(effect, otio.schema.LinearTimeWarp) or isinstance(effect, otio.schema.FreezeFrame):
            continue
        true = _key_frame_slope(effect.metadata)
        said = exact(effect.time_scalar)
        if true is not None and abs(true - said) > Fraction(1, 100_000):
            effect.time_scalar = float(true)
            speeds = f"{float(true * 100):.5g} % (its key frames), not {float(said * 100):.5g} %"
            text = f"{clip.name} runs at {speeds}"
            notes.append(ShotNote(severity=Severity.NOTE, code="aaf-speed", text=text))
        if effect.time_scalar < 0:
            text = f"{clip.name} runs backwards; an AAF read through OTIO may lose its first frame"
            notes.append(ShotNote(severity=Severity.WARN, code="aaf-reverse", text=text))


def _key_frame_slope(metadata: Any) -> Fraction | None:
    """Slope of the offset map where it is one straight line: `[[0, a], [n, b]]`."""
    offsets: Any = metadata
    for key in ("AAF", "Parameters", "PARAM_SPEED_OFFSET_MAP_U"):
        offsets = offsets.get(key) if hasattr(offsets, "get") else None
    if not hasattr(offsets, "get") or str(offsets.get("keyframe_interpolation")) != "Linear":
        return None
    points = [tuple(point) for point in (offsets.get("keyframe_values") or ())]
    if len(points) != 2 or any(len(point) != 2 for point in points) or points[0][0] == points[1][0]:
        return None
    (x0, y0), (x1, y1) = ((exact(x), exact(y)) for x, y in points)
    return ((y1 - y0) / (x1 - x0)).limit_denominator(100_000)


def _drops(path: Path) -> bool | None:
    """Whether the first timecode track of a top-level composition counts drop-frame; None without one."""
    with aaf2.open(str(path), "r") as file:
        for mob in file.content.toplevel():
            for slot in mob.slots:
                segment = slot.segment
                parts = getattr(segment, "components", None) or [segment]
                for part in parts:
                    if isinstance(part, aaf2.components.Timecode):
                        return bool(part["Drop"].value)
    return None
