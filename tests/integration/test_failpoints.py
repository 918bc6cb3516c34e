"""Processes killed at every named place: each take ends READY, and the sandbox's book shows it bought once.

The book is read as plain JSON lines, by nothing of ours; one accepted request a take is all it may show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
from until import until

from otio_bridge.app import App
from otio_bridge.launch import Stack
from otio_bridge.model.take import TakeState
from otio_bridge.settings import load
from otio_bridge.store import calls, money, takes
from otio_bridge.testing.failpoints import FAILPOINTS, environment, hits
from otio_bridge.testing.framecode import make_movie
from otio_bridge.testing.sandbox.process import Sandbox
from tests.e2e.loop import clip, project, save, timeline

FIRST = 86400
RATE = Fraction(24)
PATIENCE = 240.0
SEND = """
import sys
from pathlib import Path
from otio_bridge.app import App
from otio_bridge.model.choice import Choice
from otio_bridge.settings import load
from otio_bridge.workflow.dispatch import send
with App.open(load(Path(sys.argv[1]))) as app:
    send(app, Path(sys.argv[2]), choice=Choice())
"""
#: Where the process that sends, a worker, or the poller is killed; each name once in a run.
RUNS: dict[str, tuple[str, ...]] = {
    "sender": ("T1.before", "T1.inside", "T1.after"),
    "worker": ("T2.before", "T2.inside", "T2.after", "T3.before", "T3.inside", "T3.after"),
    "worker sends": (
        *("publish.before", "publish.after", "send.last-byte", "send.first-byte"),
        *("T4.before", "T4.inside", "T4.after"),
    ),
    "worker moves": ("T5.before", "T5.inside", "T5.after"),
    "poller": ("T6.before", "T6.inside", "T6.after"),
    "poller finds": ("T4.before", "T4.inside", "T4.after"),
}
#: How many takes it needs: whoever replays an answer in the killed one's place passes T4 unharmed.
TAKES = {"worker sends": 5, "poller finds": 3}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "book.jsonl", seconds=0.0) as found:
        yield found


@contextmanager
def variables(given: dict[str, str]) -> Iterator[None]:
    """For processes made inside; this one must not fire."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def an_edit(folder: Path, url: str, shots: int) -> Path:
    """A project with short times, and an edit that asks for so many takes."""
    settings = project(folder, sandbox=url) / "otio-bridge.toml"
    # A busy machine may keep a renewal waiting; three such steps would fail a take.
    settings.write_text(settings.read_text("utf-8").replace("lease = 1.0", "lease = 2.0"), encoding="utf-8")
    media = make_movie(folder / "A001.mp4", range(40 * shots + 40), RATE, start=FIRST)
    count, mark = 40 * shots + 40, "@restyle provider=sandbox model=sandbox-any look"
    clips = [
        clip(
            media,
            start=FIRST + 20 + 40 * k,
            frames=4,
            rate=RATE,
            first=FIRST,
            count=count,
            mark=f"{mark} {k}",
        )
        for k in range(shots)
    ]
    return save(timeline(*clips), folder / "cut_v001.otio")


def accepted(book: Path) -> Counter[str]:
    """Reference -> how often it was accepted."""
    lines = (json.loads(line) for line in book.read_text("utf-8").splitlines() if line.strip())
    return Counter(line["reference"] for line in lines if line["event"] == "accepted")


def test_every_name_is_hit() -> None:
    assert {name for names in RUNS.values() for name in names} == set(FAILPOINTS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("run", RUNS)
def test_killed_there_nothing_is_lost_and_nothing_is_bought_twice(
    run: str, service: Sandbox, tmp_path: Path
) -> None:
    lose = ["lose_answer*3"] if run == "poller finds" else []
    service.control(*lose, clear=True)
    role, count = run.partition(" ")[0], TAKES.get(run, 2)
    folder, fired = tmp_path / "project", tmp_path / "fired"
    edit = an_edit(folder, service.url, count)
    deadly = environment(fired, [(f"{name}@{role}", "kill") for name in RUNS[run]], role=role)

    def send() -> int:
        command = [sys.executable, "-c", SEND, str(folder), str(edit)]
        return subprocess.run(command, env={**os.environ, **(deadly if role == "sender" else {})}).returncode

    if role == "sender":
        assert all(send() != 0 for _ in RUNS[run])
    assert send() == 0
    settings = load(folder)
    with variables({} if role == "sender" else deadly):
        stack = Stack(settings, slots={"cpu": 1, "net": 1})
    with App.open(settings) as app:
        with stack:
            until(lambda: settled(app), seconds=PATIENCE)
        rows = takes.by_state(app.ledger, TakeState)
        assert [(row.state, row.why) for row in rows if row.state is not TakeState.READY] == []
        assert len(rows) == count
        assert hits(fired) == set(RUNS[run])
        book = accepted(service.book)
        bought = [sum(book[call.uuid] for call in calls.calls_of(app.ledger, row.id)) for row in rows]
        assert bought == [1] * count
        (budget,) = money.budgets(app.ledger)
        assert (budget.held, budget.spent) == (0, sum(row.spent for row in rows))


def settled(app: App) -> bool:
    over = (TakeState.READY, TakeState.FAILED, TakeState.CANCELLED)
    return all(row.state in over for row in takes.by_state(app.ledger, TakeState))
