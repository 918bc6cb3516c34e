"""Move a take on and nudge the queue its next step belongs to. Commit first, nudge after."""

from __future__ import annotations

from typing import Any

from otio_bridge.app import App
from otio_bridge.model.take import TakeState
from otio_bridge.queue import queue_of
from otio_bridge.store import takes
from otio_bridge.store.records import TakeRecord

#: The provider of takes that were made elsewhere and added by hand.
ELSEWHERE = "elsewhere"


def advance(
    app: App,
    take: TakeRecord,
    to: TakeState,
    *,
    why: str = "",
    result: dict[str, Any] | None = None,
    due_in: float = 0.0,
) -> TakeRecord:
    """Finish a step: the compare-and-swap, then a token for whoever does the next one. Raises StaleMove."""
    queue = next_queue(app, take, to)
    moved = takes.move(app.ledger, take, to, queue=queue, due_in=due_in, why=why, result=result)
    if queue:
        app.nudge(queue)
    return moved


def next_queue(app: App, take: TakeRecord, state: TakeState) -> str | None:
    """The queue of the step that follows `state`; None where no worker acts (the poller, a person, nobody)."""
    if take.provider == ELSEWHERE:
        return queue_of(state, local=True, heavy=False)
    can = app.providers.get(take.provider).capabilities()
    heavy = can.heavy or any(model.heavy for model in can.models if model.model == take.model)
    return queue_of(state, local=can.local, heavy=heavy)


def nudge_for(app: App, take: TakeRecord | None) -> None:
    """A token for whoever does a take's next step, after somebody else moved it."""
    queue = next_queue(app, take, take.state) if take is not None else None
    if queue:
        app.nudge(queue)
