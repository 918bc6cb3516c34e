"""What a provider does wrong, met by the whole loop: nothing is lost, nothing is paid twice, all is said."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import pytest

from otio_bridge.app import App
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import CallState, TakeState
from otio_bridge.store import calls
from otio_bridge.store.records import TakeRecord
from otio_bridge.testing.framecode import make_movie, read_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from otio_bridge.workflow.mending import resolve_uncertain, retry
from otio_bridge.workflow.poll import Asking, tick
from otio_bridge.workflow.steps import step
from tests.e2e.loop import OVER, clip, drive, opened, project, save, sent, timeline

NTSC = Fraction(30000, 1001)
FIRST = 107892  #: 01:00:00;00


def one_shot(folder: Path, sandbox: Sandbox, mark: str, *, rate: Fraction = NTSC, frames: int = 12) -> Path:
    """A project of one clip with that mark; its media says 0-99 from 01:00:00;00."""
    project(folder, rate=rate, sandbox=sandbox.url)
    path = make_movie(folder / "A001.mp4", range(100), rate, start=FIRST, drop=rate == NTSC)
    made = clip(path, start=FIRST + 40, frames=frames, rate=rate, first=FIRST, count=100, mark=mark)
    return save(timeline(made, rate=rate), folder / "cut_v001.otio")


def only(app: App) -> TakeRecord:
    """The project's one take, driven to its end."""
    rows = drive(app)
    assert len(rows) == 1
    return rows[0]


def test_2997_through_a_24_fps_model_comes_back_one_for_one(folder: Path, sandbox: Sandbox) -> None:
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-24 neon")
    with opened(folder) as app:
        sent(app, edit)
        take = only(app)
        assert take.state is TakeState.READY, take.why
        assert read_movie(take.result["file"]) == list(range(32, 60))


def test_four_frames_more_are_trimmed(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("more_frames=4")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        take = only(app)
        assert take.state is TakeState.READY, take.why
        assert read_movie(take.result["file"]) == list(range(32, 60))


def test_three_frames_fewer_are_aligned_held_and_said(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("fewer_frames=3")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        take = only(app)
        assert take.state is TakeState.READY, take.why
        assert read_movie(take.result["file"]) == [*range(32, 57), 56, 56, 56]
        assert take.result["held"] == [25, 26, 27]
        assert [call.state for call in calls.calls_of(app.ledger, take.id)] == [CallState.SETTLED]


def test_a_lost_answer_is_found_in_the_list_and_not_paid_again(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("lose_answer*1")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        take = _until_ready(app)
        assert take.state is TakeState.READY, take.why
        assert _accepted(app, sandbox, take) == 1


def test_a_lost_answer_without_a_list_waits_for_a_person(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("lose_answer*1", "no_list")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        take = only(app)
        assert take.state is TakeState.UNCERTAIN
        book = [line for line in sandbox.lines("accepted") if line["reference"] == _uuid(app, take)]
        assert len(book) == 1
        resolve_uncertain(app, take.shot, take.name, sent=book[0]["id"], not_sent=False)
        take = only(app)
        assert take.state is TakeState.READY, take.why
        assert _accepted(app, sandbox, take) == 1


@pytest.mark.parametrize(
    "wrong", ["429=1*2", "500*1", "504*1", "poll_500*2", "poll_html*1", "upload_500*1", "html_download*1"]
)
def test_a_service_that_fails_for_a_while_only_delays(wrong: str, folder: Path, sandbox: Sandbox) -> None:
    sandbox.control(wrong)
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        take = _until_ready(app)
        assert take.state is TakeState.READY, take.why
        assert _accepted(app, sandbox, take) == 1


def test_a_moderated_take_fails_with_the_reason_and_retry_pays_again_on_purpose(
    folder: Path, sandbox: Sandbox
) -> None:
    sandbox.control("moderate*1")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        take = only(app)
        assert (take.state, take.code) == (TakeState.FAILED, "moderated")
        retry(app, take.shot, take.name)
        take = only(app)
        assert take.state is TakeState.READY, take.why
        assert [call.n for call in calls.calls_of(app.ledger, take.id)] == [1, 2]


def test_a_download_cut_short_is_fetched_again(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("cut_download*1")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        sent(app, edit)
        assert only(app).state is TakeState.READY


def test_a_provider_that_hangs_holds_up_nobody_but_itself(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("poll_hang=1*1")
    edit = one_shot(folder, sandbox, "@restyle provider=sandbox model=sandbox-any neon")
    with opened(folder) as app:
        send(app, edit, choice=Choice())
        for _ in range(2):
            assert step(app, "cpu", owner="test") or step(app, "net", owner="test")
        asking = Asking(2)
        tick(app, owner="test", asking=asking)
        assert asking.busy
        until = time.monotonic() + 30
        while asking.busy:
            tick(app, owner="test", asking=asking)
            assert time.monotonic() < until
        asking.close()
        assert only(app).state is TakeState.READY


def _uuid(app: App, take: TakeRecord) -> str:
    return calls.calls_of(app.ledger, take.id)[0].uuid


def _accepted(app: App, sandbox: Sandbox, take: TakeRecord) -> int:
    """Generations the sandbox accepted, and charges for, under any of this take's calls."""
    uuids = {call.uuid for call in calls.calls_of(app.ledger, take.id)}
    return len({line["id"] for line in sandbox.lines("accepted") if line["reference"] in uuids})


def _until_ready(app: App) -> TakeRecord:
    """Drive on while a call is being reconciled."""
    return drive(app, over=OVER - {TakeState.UNCERTAIN})[0]
