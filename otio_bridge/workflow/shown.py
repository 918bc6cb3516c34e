"""What relinks showed, and found, in each clip, read back from the ledger: where a person's decision is looked for.

A pick is made after the newest relink as its edit plays, and a take the editor put in by hand is held against what
the relinks before had put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime

from otio_bridge.app import App
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.value import Value
from otio_bridge.store import events

#: The event a relink leaves in the ledger; its data is the sidecar, what was written, and each clip.
RELINKED = "relinked"


class ShownClip(Value):
    """One clip of ours in a relink."""

    shot_id: str
    #: Of the occurrence it was known as; empty for one the ledger did not have yet.
    occurrence: str = ""
    #: The takes it showed before and after, as `v003`; None where none of ours.
    found: str | None = None
    take: str | None = None
    clip: dict[str, Any] = {}

    @property
    def seen(self) -> Occurrence:
        """The clip as it was read."""
        return Occurrence.model_validate(self.clip)


class Relinked(Value):
    """One relink."""

    at: AwareDatetime
    cut: str
    clips: tuple[ShownClip, ...]


def relinks(app: App) -> list[Relinked]:
    """Every relink, oldest first; of those made before clips were told, nothing is known."""
    return [
        Relinked(at=event.at, cut=event.data["cut"], clips=event.data["clips"])
        for event in events.events_of(app.ledger, kind=RELINKED, limit=100_000)
        if "clips" in event.data
    ]


def put_in_by_hand(
    history: Sequence[Relinked], shot_id: str, occurrence: str, take: str
) -> tuple[datetime, datetime | None] | None:
    """Between when and when the editor chose a take that a clip shows now; None where it cannot be told.

    It was not there in any relink before, and the last of those had put another in. The second time is None
    where no relink has seen it yet.
    """
    told: set[str | None] = set()
    last: tuple[datetime, str | None] | None = None
    for relinked in history:
        mine = [clip for clip in relinked.clips if (clip.shot_id, clip.occurrence) == (shot_id, occurrence)]
        for clip in mine[:1]:
            if clip.found == take and take not in told:
                return (last[0], relinked.at) if last is not None else None
            told |= {clip.found, clip.take}
            last = (relinked.at, clip.take)
    return (last[0], None) if last is not None and take not in told else None


def shown_last(history: Sequence[Relinked], shot_id: str, occurrence: str) -> str | None:
    """The take the newest relink of a clip put in."""
    key = (shot_id, occurrence)
    mine = (clip for relinked in reversed(history) for clip in relinked.clips)
    return next((clip.take for clip in mine if (clip.shot_id, clip.occurrence) == key), None)
