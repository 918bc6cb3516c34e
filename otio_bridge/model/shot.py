"""Shots: pictures somebody wants, and the clips that show them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from otio_bridge.model.frames import Handles, Span
from otio_bridge.model.media import MediaRef
from otio_bridge.model.request import Ask, OperationClass, Placement
from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.model.value import Exact, Value


class Severity(StrEnum):
    """How much a note matters."""

    NOTE = "note"  #: worth knowing
    WARN = "warn"  #: a person should look
    REFUSE = "refuse"  #: the shot is not sent until this is settled


class ShotNote(Value):
    """Something the person should know, where they will look: what, and the remedy."""

    severity: Severity
    code: str
    text: str


class OnTop(Value):
    """What the NLE does above the picture that a model will not see."""

    kind: str  #: reframe, crop, speed, composite, effect, transition
    detail: str


class Occurrence(Value):
    """One clip (or gap) that shows a shot. Record frames are at `timeline_rate`, from the edit's start timecode."""

    #: Where the item is: `"<track>:<child>"`, deeper nests appended with `/` (see timeline.walk).
    address: str
    cut: str
    track_name: str = ""
    #: Index of the track from the bottom, audio tracks included.
    track: int = 0
    name: str = ""
    gap: bool = False
    enabled: bool = True
    #: Record frames of the cut (without overhang).
    record: FrameRange
    timeline_rate: Rate
    drop: bool = False
    #: What it shows, in media frames at the media's rate.
    span: Span
    #: The frames it needs in the shot's coordinates (source frames, or record-space coordinates).
    need: FrameRange
    media: MediaRef | None = None
    #: `time_scalar` as the edit states it, for reports (None: no retime effect).
    time_scalar: Exact | None = None
    on_top: tuple[OnTop, ...] = ()
    #: Our id in the clip's metadata, and our token in its marker's note (design §7).
    shot_id: str | None = None
    token: str | None = None
    #: Stable text of the marker that asked, for the report.
    marker: str | None = None
    #: What the edit wrote as its media, or as the gap it is (`model.relink.Original` as JSON text): kept in the
    #: ledger for an undo, and printed nowhere.
    original: str | None = Field(default=None, exclude=True, repr=False)


class ShotSpec(Value):
    """A shot as an edit asks for it; OTIO ends here. Frames are in the shot's coordinates at `rate`."""

    #: The project's name for it: the ledger's, the editor's own, or proposed (see model/naming.py).
    name: str | None = None
    ask: Ask
    op_class: OperationClass
    placement: Placement
    rate: Rate
    drop: bool = False
    #: Every frame any occurrence shows.
    need: FrameRange
    handles: Handles
    media: MediaRef | None = None
    occurrences: tuple[Occurrence, ...]
    #: "marker '@restyle …' (GREEN) on clip A003C010", "selected by missing", "shots.csv row 4".
    why: str
    notes: tuple[ShotNote, ...] = ()
    #: Clips of the same frames that the edits sent left unmarked: kept in the ledger, printed nowhere.
    unasked: tuple[Occurrence, ...] = Field(default=(), exclude=True, repr=False)

    @property
    def plate(self) -> FrameRange:
        """The frames a plate of this shot holds: need and handles, as far as the media goes."""
        return self.handles.had

    @property
    def refused(self) -> tuple[ShotNote, ...]:
        """The reasons this shot will not be sent; empty when it can be."""
        return tuple(note for note in self.notes if note.severity is Severity.REFUSE)

    @property
    def media_identity(self) -> str:
        """`MediaRef.identity` of what it is cut from; `"none"` for shots without media."""
        return "none" if self.media is None else self.media.identity
