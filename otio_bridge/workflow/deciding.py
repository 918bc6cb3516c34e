"""What people decided of the takes, and of two decisions for one clip the later: a pick, or the editor's own hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from otio_bridge.app import App
from otio_bridge.model.take import ReviewState
from otio_bridge.store import reviews
from otio_bridge.store.records import PickRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.known import Held, held, take_files, take_reel
from otio_bridge.workflow.shown import Relinked, put_in_by_hand, relinks, shown_last


@dataclass
class Deciding:
    """What choosing needs of the ledger, read once."""

    ledger: Held
    reviews: dict[str, ReviewState]
    #: By shot and occurrence; the occurrence is "" for the whole shot.
    picks: dict[tuple[str, str], PickRecord]
    app: App

    @cached_property
    def history(self) -> list[Relinked]:
        """Every relink before; read only where a pick and an editor disagree."""
        return relinks(self.app)


def deciding(app: App) -> Deciding:
    """Read shots, takes, reviews and picks once for a whole edit."""
    return Deciding(
        ledger=held(app),
        reviews={take_id: row.state for take_id, row in reviews.reviews(app.ledger).items()},
        picks={(row.shot_id, row.occurrence_id): row for row in reviews.picks(app.ledger)},
        app=app,
    )


def read_back(state: Deciding, record: ShotRecord, shows: str | None) -> TakeRecord | None:
    """The take a clip of the edit shows."""
    mine = state.ledger.takes.get(record.id, [])
    return next((take for take in mine if shows in (*take_files(take), take_reel(take))), None)


def picked_take(
    state: Deciding, record: ShotRecord, occurrence: str, same: bool, found: TakeRecord | None
) -> tuple[str | None, tuple[str, ...]]:
    """The id of the take picked for a clip: here, for the whole shot, or by hand in the editor, whichever is later.

    `same`: the clip is that occurrence, and no piece or copy of it. Where nobody can tell which is later the pick
    counts, and a note says so.
    """
    chosen = state.picks.get((record.id, occurrence)) if occurrence else None
    chosen = chosen or state.picks.get((record.id, ""))
    if chosen is None or found is None or chosen.take_id == found.id:
        return (chosen.take_id if chosen else found.id if found else None), ()
    name = next((take.name for take in state.ledger.takes[record.id] if take.id == chosen.take_id), "?")
    window = put_in_by_hand(state.history, record.id, occurrence, found.name) if same else None
    if window is not None and window[0] >= chosen.at:
        return found.id, (f"the edit's own choice: it was put in after {name} was picked",)
    later = window is not None and window[1] is not None and chosen.at >= window[1]
    if later or (same and shown_last(state.history, record.id, occurrence) == found.name):
        return chosen.take_id, ()
    return chosen.take_id, (
        f"{name} is picked and the edit shows {found.name}; which came later cannot be told: the pick counts "
        f"(otio-bridge pick {record.name} {found.name} for the other)",
    )
