"""Takes out of an edit again, as it was, also after the editor changed other things.

Ours is known by our notes and keys, and where an application dropped them by the file a clip shows. What the
clip was is told by the edit itself (a file for review keeps every reference), by a sidecar, or by the ledger;
where none of them knows, the clip is left alone and named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.relink import Original, RelinkEntry, RelinkReport, Sidecar, SidecarEntry
from otio_bridge.model.request import Placement
from otio_bridge.timeline import ours
from otio_bridge.timeline.above import fill, starts_of
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.times import frames
from otio_bridge.timeline.url import to_path


@dataclass
class _Event:
    """One item of the edit that a relink touched, and what it goes back to."""

    node: Any
    address: str
    shot: str
    shot_id: str
    #: None where nobody knows, and for clips that were not there.
    original: Original | None = None
    #: The references it goes back to; the file's own where it has them.
    references: Mapping[str, Any] | None = None
    above: bool = False
    #: Only a marker is taken off.
    marked: bool = False

    @property
    def known(self) -> bool:
        return self.above or self.marked or self.original is not None


def undo(
    edit: Edit,
    sidecars: Sidecar | Sequence[Sidecar] | None = None,
    originals: Mapping[str, Original] | None = None,
) -> RelinkReport:
    """Restore every linked event of the edit, in memory. The first sidecar that knows a clip is believed.

    `originals`, by shot id, come from the ledger. Raises RefusedInput where takes of ours are found and
    nothing tells what any of them was; nothing is changed then.
    """
    kept = [sidecars] if isinstance(sidecars, Sidecar) else list(sidecars or ())
    events = _Search(edit, kept, originals or {}).events()
    if events and not any(event.known for event in events):
        raise RefusedInput(
            "neither the edit, a sidecar nor the ledger knows what these clips were",
            value=", ".join(sorted({event.shot for event in events})),
            allowed="the sidecar written beside the relinked edit",
        )
    for event in events:
        if event.known and not event.above:
            event.node = _restore(event)
    _take_down(edit, [event.node for event in events if event.above])
    places = {id(node): address for address, node in _items(edit.timeline.tracks)}
    notes = () if events else ("no take of ours is in this edit",)
    return RelinkReport(
        target="undo",
        entries=tuple(_entry(event, places.get(id(event.node), "")) for event in events),
        notes=notes,
    )


class _Search:
    """What of an edit is ours, held against everything that knows what it was."""

    def __init__(self, edit: Edit, sidecars: Sequence[Sidecar], originals: Mapping[str, Original]) -> None:
        self.edit, self.originals = edit, originals
        self.by_shot: dict[str, list[SidecarEntry]] = defaultdict(list)
        self.by_path: dict[str, list[SidecarEntry]] = defaultdict(list)
        for entry in (entry for sidecar in sidecars for entry in sidecar.entries):
            self.by_shot[entry.shot_id].append(entry)
            for path in entry.paths.values():
                self.by_path[path].append(entry)

    def events(self) -> list[_Event]:
        """Every touched item."""
        found = (self._event(address, node) for address, node in _items(self.edit.timeline.tracks))
        return [event for event in found if event is not None]

    def _event(self, address: str, node: Any) -> _Event | None:
        note = ours.note(node)
        shot, shot_id = str(note.get("shot", "")), str(note.get("shot_id", ""))
        marked = any(map(ours.is_our_marker, node.markers))
        if not isinstance(node, otio.schema.Clip):
            return _Event(node, address, shot or "?", shot_id, marked=True) if marked or note else None
        references = node.media_references()
        mine = [ref for key, ref in references.items() if ours.is_our_reference(key, ref)]
        shown = self._shown(address, node)
        if shown is None and not mine and not note:
            return _Event(node, address, shot or "?", shot_id, marked=True) if marked else None
        told = ours.note(mine[0]) if mine else {}
        shot_id = shot_id or str(told.get("shot_id", "")) or (shown.shot_id if shown else "")
        shot = shot or str(told.get("shot", "")) or (shown.shot if shown else "?")
        lies_above = "above" in note if note else shown is not None and shown.placement is Placement.ABOVE
        if lies_above:
            return _Event(node, address, shot, shot_id, above=True)
        here = ours.original_of(node)
        own = {key: ref for key, ref in references.items() if not ours.is_our_reference(key, ref)}
        if here is not None and self._path(own[here.active]) not in self.by_path:
            return _Event(node, address, shot, shot_id, here, own)
        was = self._known(shot_id, address, node.name)
        if was is None or was.active not in was.references:
            return _Event(node, address, shot, shot_id)
        flags = {
            key: value for key, value in ours.undo_note(node).items() if key in ("no_source_range", "gap")
        }
        again = {key: ours.from_json(reference) for key, reference in was.references.items()}
        return _Event(node, address, shot, shot_id, was.model_copy(update=flags), again)

    def _shown(self, address: str, node: Any) -> SidecarEntry | None:
        """The link whose take the clip shows: one take may be linked in place here and above there."""
        entries = self.by_path.get(self._path(node.media_reference) or "", ())
        return max(
            entries,
            key=lambda entry: (
                entry.name == node.name,
                entry.address == address and entry.placement is not Placement.ABOVE,
            ),
            default=None,
        )

    def _known(self, shot_id: str, address: str, name: str) -> Original | None:
        """Of the clip at its address, else of its name, else of any of its shot (all show one media)."""
        entries = [entry for entry in self.by_shot[shot_id] if entry.original.references]
        best = max(entries, key=lambda entry: (entry.address == address, entry.name == name), default=None)
        return best.original if best is not None else self.originals.get(shot_id)

    def _path(self, media: Any) -> str | None:
        return to_path(ours.url_of(media), base=self.edit.base, maps=self.edit.maps)


def _restore(event: _Event) -> Any:
    """Put the item back as it was; the item that is there now (a clip made from a gap is a gap again)."""
    node = event.node
    ours.clear_marks(node)
    ours.unsign(node)
    if event.original is None or event.references is None:
        return node
    if event.original.gap is not None:
        return _gap(node, event.original, event.address)
    node.set_media_references(dict(event.references), event.original.active)
    if event.original.no_source_range and _whole(node):
        node.source_range = None
    return node


def _whole(clip: Any) -> bool:
    """Whether the clip shows exactly what its media have, as a clip without a source_range does."""
    try:
        return bool(clip.source_range == clip.available_range())
    except otio.exceptions.OTIOError:
        return False


def _gap(clip: Any, original: Original, address: str) -> Any:
    """The gap again, as long as the clip is now, with what the editor hung on it since."""
    gap = ours.from_json(original.gap or {})
    if clip.source_range.duration != gap.source_range.duration:
        gap.source_range = otio.opentime.TimeRange(gap.source_range.start_time, clip.source_range.duration)
    del gap.markers[:]
    del gap.effects[:]
    gap.markers.extend([marker.clone() for marker in clip.markers])
    gap.effects.extend([effect.clone() for effect in clip.effects])
    gap.enabled = clip.enabled
    parent = clip.parent()
    parent[ours.index_of(parent, clip, address)] = gap
    return gap


def _take_down(edit: Edit, clips: Sequence[Any]) -> None:
    """Take clips of ours off the tracks above: gaps again, and tracks of ours that are empty go."""
    tracks: dict[int, tuple[Any, list[Any]]] = {}
    for clip in clips:
        track = clip.parent()
        tracks.setdefault(id(track), (track, []))[1].append(clip)
    for track, gone in tracks.values():
        if not ours.is_our_track(track):
            for clip in gone:
                track[track.index(clip)] = otio.schema.Gap(duration=clip.duration())
            continue
        _clear(track, gone, edit.rate)


def _clear(track: Any, gone: Sequence[Any], rate: Fraction) -> None:
    going = {id(clip) for clip in gone}
    kept = [
        (start, frames(child.duration(), rate), child)
        for start, child in zip(starts_of(track, rate), track, strict=True)
        if not isinstance(child, otio.schema.Gap) and id(child) not in going
    ]
    stack = track.parent()
    if kept:
        fill(track, kept, rate)
        ours.unsign(track)
    elif stack is not None:
        del stack[stack.index(track)]


def _items(stack: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every clip and gap, in nests too, with its address (see timeline.walk)."""
    tracks = [stack] if isinstance(stack, otio.schema.Track) else list(stack)
    for t, track in enumerate(tracks):
        children = list(track) if isinstance(track, otio.schema.Track) else [track]
        for c, child in enumerate(children):
            address = f"{above}{t}:{c}"
            if isinstance(child, otio.schema.Stack | otio.schema.Track):
                yield from _items(child, f"{address}/")
            elif isinstance(child, otio.core.Item):
                yield address, child


def _entry(event: _Event, address: str) -> RelinkEntry:
    return RelinkEntry(
        address=address or "-",
        shot=event.shot,
        shot_id=event.shot_id,
        placement=Placement.ABOVE if event.above else Placement.IN_PLACE,
        linked=event.known,
        why="" if event.known else "neither the edit, a sidecar nor the ledger knows what it was",
    )
