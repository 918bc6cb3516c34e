"""The demo's cut: a short film of everything an edit can hold, with marks that ask for takes.

24 fps from 01:00:00:00. Source times count in source timecode, as NLEs write them; `source_range` is in
the timeline's rate and `available_range` in the media's, so that the 23.976 clip is as one from Resolve.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from otio_bridge.testing.demo_footage import FILM, FOOTAGE, Footage, shoot

CUT = "last_light_v001.otio"
START = 86400  #: 01:00:00:00
#: The walker is cut to twice; both clips carry the same mark, as a copied clip does.
_WALKER = "@restyle provider=sandbox seed=21 woodblock print, flat ink, a single lantern"


def make_demo_cut(folder: Path) -> Path:
    """Make the footage and the edit in `folder` (`footage/` and `last_light_v001.otio`) and name the edit.

    Takes about six seconds on two cores. Raises MediaError.
    """
    folder = folder.absolute()
    files = shoot(folder / "footage")
    timeline = _timeline(files, folder / "footage")
    edit = folder / CUT
    otio.adapters.write_to_file(timeline, str(edit), adapter_name="otio_json")
    return edit


def _timeline(files: dict[str, Path], footage: Path) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline(name="Last Light", global_start_time=_time(START))
    below = otio.schema.Track(name="Video 1", kind=otio.schema.TrackKind.Video)
    above = otio.schema.Track(name="Video 2", kind=otio.schema.TrackKind.Video)
    sound = otio.schema.Track(name="Audio 1", kind=otio.schema.TrackKind.Audio)
    walk, fast = (
        _clip(files, "walker", 20, 60, _WALKER),
        _clip(files, "train", 20, 48, "@deflicker provider=local"),
    )
    fast.effects.append(otio.schema.LinearTimeWarp(name="Speed", time_scalar=2.0))
    lost = otio.schema.Clip(
        name="A009C002_key.mov",
        media_reference=otio.schema.ExternalReference(
            target_url=str(footage / "A009C002_key.mov"), available_range=_range(START + 30 * 24 * 60, 120)
        ),
        source_range=_range(START + 30 * 24 * 60 + 24, 40),
    )
    _mark(lost, "@generate provider=sandbox seed=11 close on a hand turning a brass key")
    below.extend(
        [
            # Five frames after the media's head: three of the eight handles are not there.
            _clip(files, "city", 5, 60, "@restyle provider=sandbox takes=2 seed=7 rainy night, neon"),
            _clip(files, "sea", 24, 60, "@upscale provider=local size=same"),
            fast,
            otio.schema.Transition(
                name="Dissolve",
                transition_type=otio.schema.TransitionTypes.SMPTE_Dissolve,
                in_offset=_time(6),
                out_offset=_time(6),
            ),
            walk,
            _clip(files, "lake", 0, 36, "@animate provider=local first=plate slow push in, mist rises"),
            otio.schema.Gap(source_range=_range(0, 48)),
            _clip(files, "wood", 12, 48, "@restyle provider=sandbox seed=5 first snow, pale blue light"),
            lost,
            _clip(files, "walker", 56, 44, _WALKER),
        ]
    )
    unused = _clip(files, "rain", 4, 24)
    unused.enabled = False
    above.extend(
        [
            otio.schema.Gap(source_range=_range(0, 20)),
            unused,
            otio.schema.Gap(source_range=_range(0, 284)),
            _clip(files, "rain", 16, 36),
        ]
    )
    sound.extend([otio.schema.Gap(source_range=_range(0, 60)), _clip(files, "sea", 24, 60)])
    timeline.tracks.extend([below, above, sound])
    # Over the gap, as an editor's timeline marker: 264 frames from the head of the cut.
    _mark(
        timeline.tracks,
        "@generate provider=sandbox takes=2 seed=3 a ferry crosses at first light",
        _range(270, 1),
    )
    return timeline


def _clip(files: dict[str, Path], name: str, at: int, frames: int, mark: str = "") -> otio.schema.Clip:
    """A clip of `frames` record frames from `at` source frames after the media's first."""
    footage, file = FOOTAGE[name], files[name]
    start = (footage.start + at) / footage.rate * FILM
    clip = otio.schema.Clip(
        name=Path(footage.file).name.replace(".%04d", ""),
        media_reference=_reference(footage, file),
        source_range=_range(start, frames),
    )
    if mark:
        _mark(clip, mark)
    return clip


def _reference(footage: Footage, file: Path) -> otio.core.MediaReference:
    rate = float(footage.rate)
    available = TimeRange(RationalTime(footage.start, rate), RationalTime(footage.frames, rate))
    if footage.codec != "sequence":
        return otio.schema.ExternalReference(target_url=str(file), available_range=available)
    prefix, suffix = file.name.split("%04d")
    return otio.schema.ImageSequenceReference(
        target_url_base=f"{file.parent}/",
        name_prefix=prefix,
        name_suffix=suffix,
        start_frame=footage.start,
        frame_step=1,
        rate=rate,
        frame_zero_padding=4,
        available_range=available,
    )


def _mark(item: otio.core.Item, text: str, where: TimeRange | None = None) -> None:
    first = TimeRange(item.source_range.start_time, _time(1)) if where is None else where
    item.markers.append(
        otio.schema.Marker(name=text, marked_range=first, color=otio.schema.MarkerColor.GREEN)
    )


def _time(frames: Fraction | int) -> RationalTime:
    return RationalTime(float(frames), 24.0)


def _range(start: Fraction | int, frames: int) -> TimeRange:
    return TimeRange(_time(start), _time(frames))
