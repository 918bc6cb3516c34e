"""A process killed round each transaction leaves a ledger that is whole: all of it, or nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from wanted import claimed, eur, intent, send, wanted

from otio_bridge.model.take import CallState, TakeState
from otio_bridge.store import calls, events, money, takes
from otio_bridge.store.ledger import Ledger
from otio_bridge.testing.failpoints import FAILPOINTS, TRANSACTIONS, environment, hits

HERE = Path(__file__).parent
#: State of the take (None: there is none) before and after each transaction, and what is held and spent.
PASSAGE = {
    "T1": ((None, 0, 0), (TakeState.PLANNED, 1, 0)),
    "T2": ((TakeState.PLANNED, 1, 0), (TakeState.PLANNED, 1, 0)),
    "T5": ((TakeState.PLANNED, 1, 0), (TakeState.PREPARED, 1, 0)),
    "T3": ((TakeState.PREPARED, 1, 0), (TakeState.SENDING, 1, 0)),
    "T4": ((TakeState.SENDING, 1, 0), (TakeState.SUBMITTED, 1, 0)),
    "T6": ((TakeState.SUBMITTED, 1, 0), (TakeState.DONE, 0, 1)),
}
ORDER = list(PASSAGE)


def act(ledger: Ledger, name: str) -> None:
    """The one transaction; what went before is in the ledger already."""
    if name == "T1":
        send(ledger, wanted())
    elif name == "T2":
        claimed(ledger)
    elif name == "T5":
        takes.move(ledger, claimed(ledger), TakeState.PREPARED, queue="net")
    elif name == "T3":
        intent(ledger, claimed(ledger, "net"))
    else:
        (take,) = takes.by_state(ledger, list(TakeState))
        (call,) = calls.calls_of(ledger, take.id)
        if name == "T4":
            calls.receive(ledger, call.uuid, remote_id="r1", quoted=None)
        else:
            calls.settle(ledger, call.uuid, charge=eur("1"), reported=True)


def up_to(ledger: Ledger, name: str) -> None:
    for step in ORDER[: ORDER.index(name)]:
        if step != "T2":
            act(ledger, step)


def where(ledger: Ledger) -> tuple[TakeState | None, int, int]:
    found = takes.by_state(ledger, list(TakeState))
    budgets = {one.scope: one for one in money.budgets(ledger)}
    held, spent = (budgets["project"].held, budgets["project"].spent) if budgets else (0, 0)
    assert sum(one.held for one in found) == held
    return (found[0].state if found else None, held // 1_000_000, spent // 1_000_000)


def child(url: str, name: str, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); from test_store_faults import act\n"
        f"from otio_bridge.store.ledger import Ledger; act(Ledger.open({url!r}), {name!r})"
    )
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **variables})


@pytest.mark.parametrize("when", ["before", "inside", "after"])
@pytest.mark.parametrize("name", TRANSACTIONS)
def test_killed_round_a_transaction(ledger_url: str, tmp_path: Path, name: str, when: str) -> None:
    point = f"{name}.{when}"
    assert point in FAILPOINTS
    with Ledger.open(ledger_url) as ledger:
        up_to(ledger, name)
        before = len(events.events_of(ledger))
        process = child(ledger_url, name, environment(tmp_path / "hits", [(point, "kill")]))
        assert process.wait(60) != 0
        assert hits(tmp_path / "hits") == {point}
        assert where(ledger) == PASSAGE[name][when == "after"]
        # Each state has its event and each event its state.
        if name not in ("T1", "T2"):
            assert (len(events.events_of(ledger)) > before) == (when == "after")


def test_a_stopped_sender_is_overtaken_and_its_answer_still_counts(ledger_url: str, tmp_path: Path) -> None:
    """SIGSTOP after the intent, past its lease: judged UNCERTAIN, then it wakes with the receipt."""
    with Ledger.open(ledger_url) as ledger:
        up_to(ledger, "T3")
        code = (
            f"import sys; sys.path.insert(0, {str(HERE)!r}); from wanted import claimed, intent\n"
            f"from otio_bridge.store import calls; from otio_bridge.store.ledger import Ledger\n"
            f"ledger = Ledger.open({ledger_url!r}); take = claimed(ledger, 'net', lease=0.5)\n"
            f"call = intent(ledger, take)\n"
            f"print(calls.receive(ledger, call.uuid, remote_id='r1', quoted=None).take.state)"
        )
        variables = environment(tmp_path / "hits", [("T3.after", "stop")])
        process = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
        )
        until(lambda: "T3.after" in hits(tmp_path / "hits") and takes.stale_sending(ledger))
        (stale,) = takes.stale_sending(ledger)
        calls.uncertain(ledger, stale.call.uuid, why="its sender is silent")
        psutil.Process(process.pid).resume()
        assert process.communicate(timeout=60)[0].strip() == "SUBMITTED"
        assert calls.get(ledger, stale.call.uuid).state is CallState.ACCEPTED


def until(condition: object, seconds: float = 60) -> None:
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
