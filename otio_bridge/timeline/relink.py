"""Takes into an edit (design §2): side by side where the reader can, one alone where it cannot.

What is not ours is left as it is. A linked clip gains references, a note in its metadata, and where no take
covers it a marker; a gap becomes a clip of equal length; takes that live in the cut and cannot stand in for
the clip go on a track above it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from otio_bridge.errors import BridgeError, RefusedInput
from otio_bridge.model.diff import ChangeWord
from otio_bridge.model.frames import record_origin
from otio_bridge.model.relink import (
    ORIGINAL_KEY,
    Link,
    Original,
    RelinkEntry,
    RelinkReport,
    Sidecar,
    SidecarEntry,
    TakeLink,
    plain,
    reference_key,
)
from otio_bridge.model.request import Placement
from otio_bridge.timeline import ours
from otio_bridge.timeline.above import Above
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.target import Target, reference, shape_notes, target_named
from otio_bridge.timeline.times import frames, otio_time
from otio_bridge.timeline.url import to_path
from otio_bridge.timeline.walk import find, walk

#: The references of a clip that are the editor's, and all that is needed to have them back.
_Own = tuple[dict[str, Any], Original]


def relink(
    edit: Edit,
    links: Sequence[Link],
    *,
    target: Target | str = "review",
    originals: Mapping[str, Original] | None = None,
    in_place_only: bool = False,
) -> RelinkReport:
    """Put takes into the edit in memory; the report's sidecar undoes it.

    `originals`, by shot id, stand in where a clip already shows a take and the edit no longer tells what it
    was (`Original.of` makes one from the ledger's media). `in_place_only` leaves gaps and tracks alone.
    Raises RefusedInput where two links name one clip; nothing is changed then.
    """
    target = target_named(target) if isinstance(target, str) else target
    twice = [address for address, times in Counter(link.address for link in links).items() if times > 1]
    if twice:
        raise RefusedInput("two shots for one clip", value=", ".join(twice), next="otio-bridge plan EDIT")
    # All are found before any is changed: addresses count children.
    found = [(link, _find(edit, link.address)) for link in links]
    work = _Relink(edit, links, target, originals or {}, in_place_only)
    entries = [work.one(link, node) for link, node in found]
    work.above.write()
    return RelinkReport(
        target=target.name,
        entries=tuple(entries),
        notes=shape_notes(edit.timeline, target),
        sidecar=Sidecar(
            edit=edit.path.name, sha256=edit.sha256, target=target.name, entries=tuple(work.touched)
        ),
    )


def _find(edit: Edit, address: str) -> Any:
    try:
        return find(edit, address)
    except BridgeError:
        return None


class _Relink:
    """One relink: the edit, the target, and what was touched so far."""

    def __init__(
        self,
        edit: Edit,
        links: Sequence[Link],
        target: Target,
        originals: Mapping[str, Original],
        in_place_only: bool,
    ) -> None:
        self.edit, self.target, self.originals = edit, target, originals
        self.in_place_only = in_place_only
        self.above = Above(edit.rate)
        self.touched: list[SidecarEntry] = []
        #: Record frames that a nest's window cuts off in front of an item: a link counts from what shows.
        self.hidden: dict[str, Fraction] = {}
        if any("/" in link.address for link in links):
            self.hidden = {item.address: item.trim_head for item in walk(edit) if item.trim_head}

    def one(self, link: Link, node: Any) -> RelinkEntry:
        """Link one clip or gap, and say what came of it."""
        take, why = link.shown()
        offered = link.takes if self.target.all_references else (take,) if take else ()
        extended = link.extended and isinstance(node, otio.core.Item)
        problem = self._problem(link, take, why, node) if offered else why
        if extended:
            ours.mark(node, link, ChangeWord.EXTENDED, why)
        return RelinkEntry(
            address=link.address,
            shot=link.shot,
            shot_id=link.shot_id,
            placement=link.placement,
            linked=not problem,
            active=take.key if take and not problem else None,
            takes=() if problem else tuple(entry.key for entry in offered),
            words=(ChangeWord.EXTENDED,) if extended else (),
            why=problem or why,
            notes=link.notes,
        )

    def _problem(self, link: Link, take: TakeLink | None, why: str, node: Any) -> str:
        """Link by placement; why not, where it cannot be."""
        if node is None:
            return "there is no clip at this address"
        if ours.note(node).get("above") or (node.parent() is not None and ours.is_our_track(node.parent())):
            return "it is a take of ours above its clip"
        in_place = isinstance(node, otio.schema.Clip) and link.placement is not Placement.ABOVE
        if in_place:
            return self._clip(link, take, node)
        if self.in_place_only:
            return "it needs a clip of its own, which only `otio-bridge relink` makes"
        if take is None:
            return why
        if link.placement is Placement.ABOVE:
            return self._above(link, take, node)
        return (
            self._gap(link, take, node) if isinstance(node, otio.schema.Gap) else "it is no clip and no gap"
        )

    def _clip(self, link: Link, take: TakeLink | None, clip: Any, gap: Any = None) -> str:
        found = self._own(link, clip)
        if found is None:
            return "it shows a take already and the edit does not tell what it was: undo that relink first"
        own, original = found
        if take is not None and clip.source_range is None:
            try:
                clip.source_range = clip.available_range()
            except otio.exceptions.OTIOError:
                return "the edit states neither what it shows nor what its media have"
            original = original.model_copy(update={"no_source_range": True})
        if gap is not None:
            original = original.model_copy(update={"gap": ours.as_json(gap)})
        self._set(link, take, clip, own, original.active)
        undo: dict[str, Any] = {"active": original.active}
        if original.no_source_range:
            undo["no_source_range"] = True
        if original.gap is not None:
            # As text: OTIO would make it an object again, which other readers then trip over.
            undo["gap"] = json.dumps(original.gap)
        ours.clear_marks(clip)
        ours.sign(clip, link, undo=undo)
        self._touch(link, take, clip.name, original)
        return ""

    def _set(self, link: Link, take: TakeLink | None, clip: Any, own: dict[str, Any], was: str) -> None:
        """Give the clip its references, as the target reads them."""
        ranges = [own[was].available_range, clip.source_range]
        rates = [entry.start_time.rate for entry in ranges if entry is not None]
        if not self.target.all_references and take is not None:
            alone = reference(take, link, self.target, rates)
            clip.set_media_references({ORIGINAL_KEY: alone}, ORIGINAL_KEY)
            return
        added = {reference_key(entry.key): reference(entry, link, self.target, rates) for entry in link.takes}
        clip.set_media_references({**own, **added}, reference_key(take.key) if take else was)

    def _own(self, link: Link, clip: Any) -> _Own | None:
        """The editor's references of a clip; from the ledger where it shows one of the takes alone."""
        here = ours.original_of(clip)
        paths = {take.path for take in link.takes}
        references = {k: r for k, r in clip.media_references().items() if not ours.is_our_reference(k, r)}
        if here is not None and self._path(references[here.active]) not in paths:
            return references, here
        known = self.originals.get(link.shot_id)
        if known is None or known.active not in known.references:
            return None
        was = ours.undo_note(clip)
        known = known.model_copy(update={key: was[key] for key in ("no_source_range", "gap") if key in was})
        return {key: ours.from_json(entry) for key, entry in known.references.items()}, known

    def _path(self, media: Any) -> str | None:
        return to_path(ours.url_of(media), base=self.edit.base, maps=self.edit.maps)

    def _gap(self, link: Link, take: TakeLink, gap: Any) -> str:
        """A clip of equal length in place of the gap, counting as the take does."""
        origin = record_origin(link.span) - self.hidden.get(link.address, 0)
        start = gap.source_range.start_time
        if frames(start, take.rate) != origin:
            start = otio_time(origin, take.rate)
        twin = gap.clone()  # held: OTIO's dictionaries die with their owner
        clip = otio.schema.Clip(
            name=gap.name or link.shot,
            source_range=otio.opentime.TimeRange(start, gap.source_range.duration),
            metadata=twin.metadata,
        )
        clip.enabled = gap.enabled
        clip.markers.extend(list(twin.markers))
        clip.effects.extend(list(twin.effects))
        problem = self._clip(link, take, clip, gap)
        if not problem:
            parent = gap.parent()
            parent[ours.index_of(parent, gap, link.address)] = clip
        return problem

    def _above(self, link: Link, take: TakeLink, node: Any) -> str:
        clip = otio.schema.Clip(name=link.shot)
        clip.enabled = node.enabled
        clip.source_range = otio.opentime.TimeRange(
            otio_time(record_origin(link.span), take.rate), otio_time(link.span.n, take.rate)
        )
        if self.target.all_references:
            added = {reference_key(entry.key): reference(entry, link, self.target) for entry in link.takes}
            clip.set_media_references(added, reference_key(take.key))
        else:
            clip.set_media_references({ORIGINAL_KEY: reference(take, link, self.target)}, ORIGINAL_KEY)
        ours.sign(clip, link, above=link.address)
        index = ours.index_of(node.parent(), node, link.address)
        problem = self.above.put(node, clip, index, self.hidden.get(link.address, Fraction(0)))
        if not problem:
            self._touch(link, take, clip.name, Original())
        return problem

    def _touch(self, link: Link, take: TakeLink | None, name: str, original: Original) -> None:
        shown = link.takes if self.target.all_references else (take,) if take else ()
        self.touched.append(
            SidecarEntry(
                address=link.address,
                shot=link.shot,
                shot_id=link.shot_id,
                token=link.token,
                name=name,
                placement=link.placement,
                active=take.key if take else None,
                paths={entry.key: entry.path for entry in shown},
                original=original,
                provenance={entry.key: plain(entry.metadata) for entry in shown},
            )
        )
