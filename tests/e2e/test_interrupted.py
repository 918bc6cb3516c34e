"""Workers killed and the queue flushed in the middle: nothing is lost, nothing is paid twice."""

from __future__ import annotations

import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import psutil
import redis

from otio_bridge.app import App
from otio_bridge.launch import Stack
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import TakeState
from otio_bridge.settings import load
from otio_bridge.store import calls, takes
from otio_bridge.testing.framecode import make_movie, read_movie
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow.dispatch import send
from tests.e2e.loop import OVER, clip, project, save, timeline

FIRST = 86400


def test_killing_workers_and_flushing_the_queue_loses_nothing_and_pays_nothing_twice(
    folder: Path, sandbox: Sandbox
) -> None:
    sandbox.control(seconds=0.5)
    before = len(sandbox.lines("accepted"))
    project(folder, sandbox=sandbox.url)
    media = make_movie(folder / "A001.mp4", range(200), Fraction(24), start=FIRST)
    marks = [
        clip(
            media,
            start=FIRST + 20 + 40 * k,
            frames=10,
            rate=Fraction(24),
            first=FIRST,
            count=200,
            mark=f"@restyle provider=sandbox model=sandbox-any takes=2 look {k}",
        )
        for k in range(4)
    ]
    edit = save(timeline(*marks), folder / "cut_v001.otio")
    settings = load(folder)
    with App.open(settings) as app:
        send(app, edit, choice=Choice())
        with Stack(settings, slots={"cpu": 1, "net": 1}) as stack:
            _until(lambda: len(sandbox.lines("accepted")) > before + 1)
            for one in stack.running():
                if "worker" in one.name and one.pid is not None:
                    psutil.Process(one.pid).kill()
            assert app.redis_url is not None
            client = redis.Redis.from_url(app.redis_url)
            client.flushall()
            client.close()
            _until(lambda: all(row.state in OVER for row in takes.by_state(app.ledger, TakeState)))
        rows = takes.by_state(app.ledger, TakeState)
        assert Counter(row.state for row in rows) == {TakeState.READY: 8}, [
            (row.label, row.why) for row in rows
        ]
        accepted = Counter(line["reference"] for line in sandbox.lines("accepted")[before:])
        mine = [call.uuid for row in rows for call in calls.calls_of(app.ledger, row.id)]
        assert set(accepted) <= set(mine)
        # One accepted call for every take, whatever was killed when.
        per_take = [sum(accepted[call.uuid] for call in calls.calls_of(app.ledger, row.id)) for row in rows]
        assert per_take == [1] * 8
        for row in rows:
            plate = row.request.plate
            assert read_movie(row.result["file"]) == list(range(plate.start - FIRST, plate.end - FIRST))


def _until(done: object, patience: float = 120.0) -> None:
    assert callable(done)
    until = time.monotonic() + patience
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)
