"""A local provider that raises: the take says what it raised, and no worker is said to have died."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

from otio_bridge.model.choice import Choice
from otio_bridge.model.request import Operation
from otio_bridge.model.take import TakeState
from otio_bridge.provider import (
    Capabilities,
    LocalJob,
    MediaTools,
    ModelCapability,
    Money,
    PartRequest,
    ProviderConfig,
)
from otio_bridge.registry import GROUP, load_providers
from otio_bridge.testing.framecode import make_movie
from otio_bridge.workflow.dispatch import send
from tests.e2e.loop import clip, drive, opened, project, save, timeline


class Strange:
    """A stranger's provider with the commonest of faults."""

    name = "strange"

    def __init__(self, config: ProviderConfig) -> None:
        self._currency = config.currency

    def capabilities(self) -> Capabilities:
        model = ModelCapability(model="strange-1", operations=frozenset({Operation.RESTYLE}), seed=False)
        return Capabilities(name=self.name, local=True, models=(model,))

    def estimate(self, part: PartRequest) -> Money | None:
        return Money(micro=0, currency=self._currency)

    def run(self, job: LocalJob, tools: MediaTools) -> list[Path]:
        raise ValueError("no gpu")


def test_what_a_local_provider_raises_is_the_takes_own_reason(tmp_path: Path) -> None:
    from fractions import Fraction

    folder = project(tmp_path / "project")
    media = make_movie(folder / "A001.mp4", range(40), Fraction(24), start=86400)
    mark = "@restyle provider=strange neon"
    shot = clip(media, start=86410, frames=6, rate=Fraction(24), first=86400, count=40, mark=mark)
    edit = save(timeline(shot), folder / "cut_v001.otio")
    with opened(folder) as app:
        entry = EntryPoint("strange", f"{__name__}:Strange", GROUP)
        app.providers = load_providers(app.settings, [entry])
        send(app, edit, choice=Choice())
        take = drive(app)[0]
        assert (take.state, take.resume_state) == (TakeState.FAILED, TakeState.PREPARED)
        assert "ValueError: no gpu" in take.why
