"""What of an edit is ours: references, notes in metadata, markers. Everything else is the editor's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import opentimelineio as otio

from otio_bridge.model.marks import with_token
from otio_bridge.model.relink import METADATA, ORIGINAL_KEY, Json, Link, Original, unsigned

#: Every marker we set begins with this: it is how they are known after an application rewrote the edit.
MARKER = "OTIO Bridge:"
#: Our tracks are called this, numbered where there are several.
TRACK = "OTIO Bridge"

_INF = re.compile(r"(?<=[:,\[])(-?)Inf(?=[,\]}])")


def as_json(thing: Any) -> Json:
    """An OTIO object as plain JSON."""
    text = thing.to_json_string(indent=-1)
    # OTIO writes infinities in metadata as `Inf`, which is no JSON.
    made: Json = json.loads(_INF.sub(r"\g<1>Infinity", text) if "Inf" in text else text)
    return made


def from_json(thing: Json) -> Any:
    """The OTIO object again. Raises OTIO's errors for JSON that is none."""
    return otio.core.deserialize_json_from_string(json.dumps(thing))


def note(thing: Any) -> Json:
    """Our note in an object's metadata; empty where there is none."""
    found = thing.metadata.get(METADATA)
    return _plain(found) if isinstance(found, Mapping) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(entry) for entry in value]
    return value


def url_of(media: Any) -> str:
    """The address of a reference; a sequence as its `%04d` pattern, no media as nothing."""
    if isinstance(media, otio.schema.ImageSequenceReference):
        number = f"%0{media.frame_zero_padding}d"
        return f"{media.target_url_base}{media.name_prefix}{number}{media.name_suffix}"
    return str(getattr(media, "target_url", None) or "")


def is_our_reference(key: str, reference: Any) -> bool:
    """Whether a media reference was put there by a relink."""
    return key.startswith(f"{METADATA}/") or METADATA in reference.metadata


def is_our_marker(marker: Any) -> bool:
    """Whether a marker was set by a relink."""
    return METADATA in marker.metadata or str(marker.name).startswith(MARKER)


def is_our_track(track: Any) -> bool:
    """Whether a relink made this track: by our note, or by name after an application rewrote the edit."""
    return METADATA in track.metadata or re.fullmatch(rf"{TRACK}( \d+)?", str(track.name)) is not None


def undo_note(clip: Any) -> Json:
    """What an undo must know that the references do not tell; its `gap` as JSON."""
    found = note(clip).get("undo")
    was: Json = found if isinstance(found, dict) else {}
    return {**was, "gap": json.loads(was["gap"])} if "gap" in was else was


def index_of(parent: Any, child: Any, address: str) -> int:
    """The child's place in its parent: the address says, so that a long track is not searched."""
    last = address.rsplit(":", 1)[-1]
    if last.isdecimal() and int(last) < len(parent) and parent[int(last)] is child:
        return int(last)
    place: int = parent.index(child)
    return place


def original_of(clip: Any) -> Original | None:
    """What the clip was before we touched it, as far as the edit itself tells; None where it does not."""
    was = undo_note(clip)
    references = clip.media_references()
    own = {key: ref for key, ref in references.items() if not is_our_reference(key, ref)}
    if not own:
        return None
    active = clip.active_media_reference_key
    if active not in own:
        active = was.get("active")
    return Original(
        references={key: unsigned(as_json(ref)) for key, ref in own.items()},
        active=active if active in own else sorted(own)[0],
        no_source_range=bool(was.get("no_source_range")),
        gap=was.get("gap"),
    )


def written(item: Any) -> str | None:
    """What an edit wrote as a clip's media, or as the gap it is, as JSON text for the ledger."""
    if isinstance(item, otio.schema.Gap):
        empty = {ORIGINAL_KEY: {"OTIO_SCHEMA": "MissingReference.1"}}
        was: Original | None = Original(references=empty, gap=unsigned(as_json(item)))
    else:
        was = original_of(item)
    return json.dumps(was.model_dump()) if was is not None else None


def clear_marks(item: Any) -> bool:
    """Take our markers off an item; whether there were any."""
    places = [i for i, marker in enumerate(item.markers) if is_our_marker(marker)]
    for i in reversed(places):
        del item.markers[i]
    return bool(places)


def mark(item: Any, link: Link, word: str, text: str) -> None:
    """Mark the item where a person will look: at its first frame, saying why; the last line is our token."""
    clear_marks(item)
    lines = f"{link.shot}: {text}"
    if link.token:
        lines = with_token(lines, link.token)
    try:
        start = item.trimmed_range().start_time
    except otio.exceptions.OTIOError:
        start = otio.opentime.RationalTime(link.need.start, 24)
    item.markers.append(
        otio.schema.Marker(
            name=f"{MARKER} {word}",
            marked_range=otio.opentime.TimeRange(start, otio.opentime.RationalTime(1, start.rate)),
            color=otio.schema.MarkerColor.YELLOW,
            comment=lines,
            # Resolve reads this note and not the comment (resolve.md §4).
            metadata={METADATA: {"shot_id": link.shot_id}, "Resolve_OTIO": {"Keywords": [], "Note": lines}},
        )
    )


def sign(item: Any, link: Link, **more: Any) -> None:
    """Write our note: whose shot it is, and with `undo=` what only we can tell an undo."""
    item.metadata[METADATA] = {"shot": link.shot, "shot_id": link.shot_id, "token": link.token, **more}


def unsign(item: Any) -> None:
    """Take our note out of an item's metadata."""
    if METADATA in item.metadata:
        del item.metadata[METADATA]
