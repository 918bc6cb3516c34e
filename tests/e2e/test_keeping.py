"""Caps of single shots, sound as asked, and takes that an attempt before left half done."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from otio_bridge.errors import MoneyError
from otio_bridge.media.probe import probe
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import TakeState
from otio_bridge.store import money
from otio_bridge.testing.framecode import make_movie, read_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from tests.e2e.loop import clip, drive, opened, project, save, timeline

FIRST = 86400


def cut(folder: Path, *marks: str) -> Path:
    """An edit of a clip for each mark, of one movie with sound that says 0-99."""
    media = make_movie(
        folder / "A001.mov", range(100), Fraction(24), codec="prores", start=FIRST, sound="pcm"
    )
    clips = [
        clip(media, start=FIRST + 20 + 30 * k, frames=8, rate=Fraction(24), first=FIRST, count=100, mark=mark)
        for k, mark in enumerate(marks)
    ]
    return save(timeline(*clips), folder / "cut_v001.otio")


def test_no_shot_may_cost_more_than_its_own_cap(folder: Path, sandbox: Sandbox) -> None:
    project(folder, sandbox=sandbox.url)
    toml = folder / "otio-bridge.toml"
    toml.write_text(
        toml.read_text("utf-8").replace('# shot_budget = "5.00"', 'shot_budget = "0.03"'), "utf-8"
    )
    edit = cut(folder, "@restyle provider=sandbox model=sandbox-any takes=2 neon")
    with opened(folder) as app:
        with pytest.raises(MoneyError):
            send(app, edit, choice=Choice())
        assert all(row.held == 0 for row in money.budgets(app.ledger))
        send(app, edit, choice=Choice(), takes_each=1)
        assert [row.state for row in drive(app)] == [TakeState.READY]


def test_what_a_killed_attempt_published_is_set_aside_and_the_sound_is_as_asked(
    folder: Path, sandbox: Sandbox
) -> None:
    project(folder, sandbox=sandbox.url)
    edit = cut(
        folder,
        "@restyle provider=sandbox model=sandbox-any neon",
        "@restyle provider=sandbox model=sandbox-any audio=none mist",
    )
    stray = folder / "media" / "takes" / "t_0010" / "t_0010_v001.mov"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half a take")
    with opened(folder) as app:
        send(app, edit, choice=Choice())
        first, second = drive(app)
        assert (first.state, second.state) == (TakeState.READY, TakeState.READY), (first.why, second.why)
        plate = first.request.plate
        assert read_movie(first.result["file"]) == list(range(plate.start - FIRST, plate.end - FIRST))
        assert probe(first.result["file"]).sound is not None
        assert probe(second.result["file"]).sound is None
    aside = list((folder / "media" / "returned" / "t_0010" / "v001").glob("unproven_*"))
    assert [path.read_bytes() for path in aside] == [b"half a take"]
