"""What is to be put into an edit, what was, and what undoes it: values only.

A *link* names one clip (or gap) of an edit and the takes of its shot. Relinking answers with a *report*:
what was linked, what was not and why, and a *sidecar* that holds every original, so that each relink can
be undone, also after the editor changed other things.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

from pydantic import ConfigDict, Field

from otio_bridge.model.diff import ChangeWord, covered
from otio_bridge.model.frames import Span
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.request import Placement
from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.model.value import Value

#: Our one key in every metadata dictionary.
METADATA = "otio_bridge"
#: OTIO's key of a clip's own media.
ORIGINAL_KEY = "DEFAULT_MEDIA"
SIDECAR_VERSION = 1

Json = dict[str, Any]

#: The pattern an image sequence is spelled as: folder, prefix, digits, suffix.
_NUMBERED = re.compile(r"^(?P<base>.*[/\\])?(?P<prefix>[^/\\]*)%0?(?P<digits>\d*)d(?P<suffix>[^/\\]*)$")

_URL = re.compile(r"(?P<scheme>\b(?:https?|wss?|ftps?|s3|gs)://)(?P<rest>[^\s\"'<>]+)", re.IGNORECASE)
#: What a query that grants access looks like at the object stores and CDNs.
_SIGNED = re.compile(
    r"[?&][^=&]*(?:signature|sig|token|credential|policy|key-pair-id|expires)=", re.IGNORECASE
)


def reference_key(take: str) -> str:
    """`otio_bridge/v003`: the key of take `v003` among a clip's media references."""
    return f"{METADATA}/{take}"


class TakeLink(Value):
    """A READY take as an edit can show it."""

    #: `v003`.
    key: str = Field(pattern=r"^v\d{3,}$")
    #: `SC_0010_v003`: the reference's name, and the reel written into the file.
    take: str
    #: Absolute; a sequence is its `%04d` pattern.
    path: str
    #: The frames it holds, in the shot's coordinates, which are the edit's own source time.
    range: FrameRange
    rate: Rate
    drop: bool = False
    #: Sequences: the file number of the first frame.
    first_number: int | None = None
    #: Whether it holds every frame the clip needs.
    covers: bool = True
    #: An animatic, a sandbox's picture, burn-ins: never shown unless asked for.
    temp: bool = False
    #: What people think of it (`ReviewState`).
    state: str = "unreviewed"
    #: Provenance: plain JSON; provider, model, prompt, seed, sha256, cost.
    metadata: Json = {}


class Link(Value):
    """One clip, and the takes of its shot. `active` is the take to show; None where none may be."""

    address: str
    shot: str
    shot_id: str
    token: str = ""
    placement: Placement = Placement.IN_PLACE
    #: The frames the clip needs, in the shot's coordinates, overhang included.
    need: FrameRange
    #: What the clip shows, for takes placed above: its length and overhang in record frames.
    span: Span
    takes: tuple[TakeLink, ...] = ()
    active: str | None = None
    #: Why that one: `picked`, `approved`, `selected`; empty where nobody decided.
    wish: str = ""
    #: Temp takes may be shown (`--temp`).
    allow_temp: bool = False
    #: What the report should say beside the link.
    notes: tuple[str, ...] = ()

    def take(self, key: str | None) -> TakeLink | None:
        """The take of that key."""
        return next((take for take in self.takes if take.key == key), None)

    def shown(self) -> tuple[TakeLink | None, str]:
        """The take to show, and where that is none, why: the last guard against a wrong picture."""
        take = self.take(self.active)
        if self.active is None or take is None:
            why = f"{self.active} is not among its takes" if self.active else "no take is chosen"
            return None, why if self.takes else "no take is ready"
        if self.placement is Placement.REFERENCE:
            return None, f"{take.key} is a reference for other takes and is never shown by itself"
        wished = f"{take.key} is {self.wish} but " if self.wish else f"{take.key} "
        if not take.covers and covered(self.need, (take.range,)):
            return None, f"{wished}was made of other media, or at another speed"
        if not self.holds(take):
            return None, f"{wished}holds {take.range}, the clip needs {self.need}"
        if take.temp and not self.allow_temp:
            return None, f"{wished}{'' if self.wish else 'is '}temp (--temp shows it)"
        return take, ""

    def holds(self, take: TakeLink) -> bool:
        """Whether the take holds every frame the clip needs."""
        return take.covers and covered(self.need, (take.range,))

    @property
    def extended(self) -> bool:
        """Whether the take that was chosen, or every take there is, does not hold what the clip needs."""
        chosen = self.take(self.active)
        return not self.holds(chosen) if chosen else bool(self.takes) and not any(map(self.holds, self.takes))


class RelinkEntry(Value):
    """What happened to one clip."""

    address: str
    shot: str
    shot_id: str
    placement: Placement
    #: The clip now shows, or offers, a take; for undo: it is as it was.
    linked: bool
    #: The take it shows; None where it still shows what it did.
    active: str | None = None
    #: Every take it offers.
    takes: tuple[str, ...] = ()
    words: tuple[ChangeWord, ...] = ()
    #: Why not, or why not the take that was chosen.
    why: str = ""
    notes: tuple[str, ...] = ()


class Original(Value):
    """What a clip was before it was touched: OTIO objects as JSON."""

    #: Every reference by key, and the active one.
    references: dict[str, Json] = {}
    active: str = ORIGINAL_KEY
    #: The clip had no source_range, and was given the one it showed.
    no_source_range: bool = False
    #: The gap that was made a clip.
    gap: Json | None = None

    @classmethod
    def of(
        cls, media: MediaRef | None, *, gap: FrameRange | None = None, rate: Rate | None = None
    ) -> Original:
        """What a clip of this media must have been, from the ledger, where no file tells any more.

        `gap` are the frames, at `rate`, of the gap that stood there.
        """
        if gap is not None and rate is not None:
            made = {"OTIO_SCHEMA": "Gap.1", "name": "", "source_range": _time_range(gap, rate)}
            return cls(references={ORIGINAL_KEY: {"OTIO_SCHEMA": "MissingReference.1"}}, gap=made)
        if media is None or media.kind is MediaKind.MISSING or not (media.url or media.path):
            return cls(references={ORIGINAL_KEY: {"OTIO_SCHEMA": "MissingReference.1"}})
        reference: Json = {"name": media.name}
        if media.available is not None:
            reference["available_range"] = _time_range(media.available, media.rate)
        url = media.url or media.path or ""
        numbered = _NUMBERED.match(url) if media.kind is MediaKind.SEQUENCE else None
        if numbered is None:
            reference |= {"OTIO_SCHEMA": "ExternalReference.1", "target_url": url}
        else:
            reference |= {
                "OTIO_SCHEMA": "ImageSequenceReference.1",
                "target_url_base": numbered["base"] or "",
                "name_prefix": numbered["prefix"],
                "name_suffix": numbered["suffix"],
                "start_frame": media.first_number or 0,
                "frame_step": 1,
                "rate": float(media.rate),
                "frame_zero_padding": int(numbered["digits"] or 0),
                "missing_frame_policy": "error",
            }
        return cls(references={ORIGINAL_KEY: reference})


def _time_range(frames: FrameRange, rate: Fraction) -> Json:
    start, duration = (
        {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(value)}
        for value in (frames.start, frames.duration)
    )
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": start, "duration": duration}


class SidecarEntry(Value):
    """One touched clip: what it was, and where the take it shows came from."""

    address: str
    shot: str
    shot_id: str
    token: str = ""
    name: str = ""
    placement: Placement
    active: str | None = None
    #: The files of all takes linked: a clip that shows one of them is ours, whoever rewrote the edit.
    paths: dict[str, str] = {}
    original: Original
    provenance: dict[str, Json] = {}


class Sidecar(Value):
    """Everything an undo needs, beside the relinked edit."""

    # Editors' metadata hold NaN and infinities, which an undo must give back.
    model_config = ConfigDict(**{**Value.model_config, "ser_json_inf_nan": "constants"})

    version: int = Field(default=SIDECAR_VERSION, ge=1, le=SIDECAR_VERSION)
    #: The edit that was relinked, and its SHA-256.
    edit: str
    sha256: str
    target: str
    entries: tuple[SidecarEntry, ...] = ()


class RelinkReport(Value):
    """What a relink, or an undo, did to each clip, and what a person should know of the whole."""

    target: str
    entries: tuple[RelinkEntry, ...] = ()
    notes: tuple[str, ...] = ()
    #: What undoes it; None for an undo.
    sidecar: Sidecar | None = None

    @property
    def linked(self) -> tuple[RelinkEntry, ...]:
        """The clips that were touched."""
        return tuple(entry for entry in self.entries if entry.linked)

    @property
    def missed(self) -> tuple[RelinkEntry, ...]:
        """The clips that were not, each with its reason."""
        return tuple(entry for entry in self.entries if not entry.linked)


def plain(value: Any) -> Any:
    """Provenance as plain JSON that any timeline can hold, without secrets.

    URLs lose user, query and fragment (signed URLs are secrets); what JSON cannot say becomes text.
    """
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        entries = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(entry) for entry in entries]
    if isinstance(value, str):
        return _URL.sub(_bare, value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def unsigned(value: Any) -> Any:
    """The editor's own JSON, where only URLs that carry a signature lose user, query and fragment."""
    if isinstance(value, dict):
        return {key: unsigned(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [unsigned(entry) for entry in value]
    if isinstance(value, str) and "://" in value:
        return _URL.sub(lambda match: _bare(match) if _SIGNED.search(match[0]) else match[0], value)
    return value


def _bare(match: re.Match[str]) -> str:
    host = re.split("[/?#]", match["rest"], maxsplit=1)[0]
    path = re.split("[?#]", match["rest"][len(host) :], maxsplit=1)[0]
    return f"{match['scheme']}{host.rpartition('@')[2]}{path}"
