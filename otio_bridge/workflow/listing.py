"""What an edit asks for, by the names its project gives: `shots` where there is a ledger."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.model.choice import Choice
from otio_bridge.workflow.plan import plan
from otio_bridge.workflow.reading import ShotsReport


def shots_known(
    app: App, path: Path, *, choice: Choice, rate: Fraction | None = None, cut: str | None = None
) -> ShotsReport:
    """As `reading.shots`, with the names shots have in the project already, and those `send` would give.

    Raises RefusedInput for a clip that could be several shots.
    """
    found = plan(app, path, choice=choice, rate=rate, cut=cut)
    return ShotsReport(
        edit=str(path),
        cut=found.cut,
        format=found.edit.format,
        notes=found.edit.notes,
        shots=tuple(planned.entry.spec for planned in found.shots),
    )
