"""The one job. Its path is wire format: workers compare it with what a token names, and never import that."""

from __future__ import annotations

from otio_bridge.app import App
from otio_bridge.workflow import steps


def step(app: App, queue: str, owner: str) -> bool:
    """The one job: claim the best ready take of the queue from the ledger, and do one step of it."""
    return steps.step(app, queue, owner=owner)
