"""Who reads the relinked edit, and how a take is written for them (resolve.md §4, §5; otio.md §3.6, §7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.relink import METADATA, Link, TakeLink, plain
from otio_bridge.model.value import Value, fraction_text
from otio_bridge.timeline import ours
from otio_bridge.timeline.times import otio_range, rate_of
from otio_bridge.timeline.url import UrlForm, to_url

_NUMBERED = re.compile(r"^(?P<prefix>.*)%0(?P<digits>\d+)d(?P<suffix>[^/]*)$")


class Target(Value):
    """An application (or archive) and what it reads."""

    name: str
    #: It reads every reference of a clip and the active key; else only the one named DEFAULT_MEDIA.
    all_references: bool = False
    form: UrlForm = UrlForm.BARE
    #: Schema versions it needs; empty: those of the OTIO at hand.
    schemas: dict[str, int] = {}


#: Bare paths for Resolve and Kdenlive, which refuse or misread `file://`; Clip.1 for Nuke's older OTIO.
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(name="review", all_references=True, form=UrlForm.FILE),
        Target(name="resolve"),
        Target(name="kdenlive"),
        Target(name="premiere", form=UrlForm.FILE),
        Target(name="nuke", schemas={"Clip": 1}),
    )
}


def target_named(name: str) -> Target:
    """The target of that name. Raises RefusedInput naming those there are."""
    if name.lower() not in TARGETS:
        raise RefusedInput("no such target", value=name, allowed=sorted(TARGETS), next="--for review")
    return TARGETS[name.lower()]


def reference(take: TakeLink, link: Link, target: Target, rates: Sequence[float] = ()) -> Any:
    """The media reference of a take: its range in the edit's own source time, so that source_range stays.

    `rates` are those the edit writes for this clip: where one of them means the take's rate it is written
    as there (Hiero writes float32), so that seconds agree too.
    """
    written = next((Fraction(rate) for rate in rates if rate_of(rate) == take.rate), take.rate)
    available = otio_range(take.range.start, take.range.duration, written)
    note = plain(
        {
            **take.metadata,
            "take": take.key,
            "shot": link.shot,
            "shot_id": link.shot_id,
            "state": take.state,
            "temp": take.temp,
            "rate": fraction_text(take.rate),
            "drop": take.drop,
        }
    )
    folder, _, file = take.path.replace("\\", "/").rpartition("/")
    numbered = _NUMBERED.match(file)
    if numbered is None:
        made = otio.schema.ExternalReference(
            target_url=to_url(take.path, target.form), available_range=available, metadata={METADATA: note}
        )
    else:
        made = otio.schema.ImageSequenceReference(
            target_url_base=to_url(folder or "/", target.form).rstrip("/") + "/",
            name_prefix=numbered["prefix"],
            name_suffix=numbered["suffix"],
            start_frame=take.range.start if take.first_number is None else take.first_number,
            frame_zero_padding=int(numbered["digits"]),
            rate=float(written),
            available_range=available,
            metadata={METADATA: note},
        )
    made.name = take.take
    return made


def shape_notes(timeline: Any, target: Target) -> tuple[str, ...]:
    """What of the edit the target is known to refuse. Told, not changed: the edit is the editor's."""
    if target.name != "resolve":
        return ()
    counts = {"a file:// address": 0, "no available_range": 0, "no media": 0}
    for clip in timeline.find_clips():
        media, url = clip.media_reference, ours.url_of(clip.media_reference)
        counts["a file:// address"] += url.lower().startswith("file:")
        counts["no media"] += isinstance(media, otio.schema.MissingReference)
        counts["no available_range"] += bool(url) and media.available_range is None
    found = [f"{count} with {what}" for what, count in counts.items() if count]
    if timeline.global_start_time is None:
        found.append("no start timecode")
    if not found:
        return ()
    return (
        f"Resolve imports OTIO only in the shape it writes itself; this edit has clips: {', '.join(found)}. "
        "Export the cut from Resolve as OTIO and relink that file.",
    )
