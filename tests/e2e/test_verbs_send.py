"""What plan and send say of what cannot be sent, or not yet."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from otio_bridge.errors import BridgeError, MoneyError, RefusedInput
from otio_bridge.model.choice import Choice
from otio_bridge.provider import (
    Capabilities,
    LocalJob,
    MediaTools,
    ModelCapability,
    Money,
    Operation,
    PartRequest,
    ProviderConfig,
    SubmitKind,
)
from otio_bridge.registry import GROUP, Registry
from otio_bridge.testing.framecode import make_movie
from otio_bridge.workflow.dispatch import send
from tests.e2e.loop import clip, opened, project, save, timeline
from tests.e2e.typed import typed
from tests.e2e.verbs_project import FIRST, R, made, sent

__all__ = ["made", "sent"]  # fixtures


def test_what_asks_for_nothing_says_how_to_ask(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    media = make_movie(folder / "A001.mov", range(60), R, start=FIRST)
    edit = save(
        timeline(clip(media, start=FIRST + 20, frames=8, rate=R, first=FIRST, count=60)), folder / "c.otio"
    )
    for verb in ("shots", "plan", "send"):
        text = typed(folder, verb, edit).stdout
        assert "nothing is asked for: mark a clip (@restyle …), or choose with --select" in text, text


def test_what_is_refused_in_part_is_counted_last_and_the_rest_is_sent(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    media = make_movie(folder / "A001.mov", range(60), R, start=FIRST)
    edit = save(
        timeline(*(
            clip(path, start=FIRST + 20, frames=8, rate=R, first=FIRST, count=60, mark=f"@upscale {options}")
            for path, options in ((media, "provider=local"), (folder / "gone.mov", "provider=local"))
        )),
        folder / "c.otio",
    )  # fmt: skip
    assert typed(folder, "plan", edit).stdout.rstrip().endswith("; 1 of 2 shots refused")
    *_, said, last = typed(folder, "send", edit).stdout.rstrip().split("\n")
    assert said == "sent 1 take, 0.00 EUR reserved; 1 of 2 shots refused"
    assert last == "nothing runs here: otio-bridge up, or send --wait"
    # Sent before and still not made: that nothing runs is as true as it was.
    assert "nothing runs here" in typed(folder, "send", edit).stdout


class Dollars:
    """A provider whose prices nobody has a rate for."""

    name = "dollars"

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def capabilities(self) -> Capabilities:
        model = ModelCapability(model="flip", operations=frozenset({Operation.RESTYLE}), seed=True)
        return Capabilities(name=self.name, local=True, models=(model,), submit=SubmitKind.PURE)

    def estimate(self, part: PartRequest) -> Money:
        return Money.of("1.00", "USD")

    def run(self, job: LocalJob, tools: MediaTools) -> list[Path]:
        raise NotImplementedError


def test_what_is_refused_for_money_alone_ends_as_money(sent: Path) -> None:
    entry = EntryPoint("dollars", f"{__name__}:Dollars", GROUP)
    dear, bad = "@restyle provider=dollars neon", "@restyle provider=dollars transport=bent neon"
    ends: dict[str, type[BridgeError]] = {dear: MoneyError, bad: RefusedInput}
    for mark, kind in ends.items():
        made = timeline(
            *(
                clip(
                    sent / "footage" / "A001.mov",
                    start=start,
                    frames=12,
                    rate=R,
                    first=FIRST,
                    count=120,
                    mark=each,
                )
                for start, each in ((FIRST + 30, dear), (FIRST + 60, mark))
            )
        )
        edit = save(made, sent / "dear.otio")
        with opened(sent) as app:
            app.providers = Registry(app.settings, [entry])
            with pytest.raises(kind) as refused:
                send(app, edit, choice=Choice())
        assert type(refused.value) is kind and "nothing here can be sent" in str(refused.value)
