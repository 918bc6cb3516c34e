"""Wait for takes with live progress, starting queue server, poller and workers where none run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from otio_bridge.app import App
from otio_bridge.cli import show_error
from otio_bridge.cli.edge import INTERRUPTED
from otio_bridge.errors import TakeFailed
from otio_bridge.launch import Stack, workers_running
from otio_bridge.model.take import CallState, TakeState
from otio_bridge.store import calls, takes
from otio_bridge.store.records import TakeRecord
from otio_bridge.workflow.dispatch import SendReport, sent_take
from otio_bridge.workflow.status import lines

#: States in which waiting is over: finished, or a person has to act.
_OVER = frozenset({TakeState.READY, TakeState.FAILED, TakeState.CANCELLED})
#: Seconds between two looks at the ledger.
_LOOK = 0.25


#: What to do after Ctrl-C: what was sent is in the ledger, and is not sent again.
_AGAIN = "run the same command again to go on"


def wait_for(app: App, report: SendReport, *, quiet: bool) -> SendReport:
    """The report as it stands once every take of it is over, with the labels of those that are not READY."""
    done = watch_takes(app, [take.id for take in report.takes], quiet=quiet, again=_AGAIN)
    new = {take.id for take in report.takes if take.new}
    return report.model_copy(
        update={
            "takes": tuple(sent_take(take, new=take.id in new) for take in done),
            "failed": tuple(take.label for take in done if take.state is not TakeState.READY),
        }
    )


def fail_for(failed: Sequence[str], count: int) -> None:
    """End with TakeFailed's exit code where a take did not become READY.

    The result was printed already: what is wrong goes to stderr, so that `--json` stays one document.
    """
    if not failed:
        return
    error = TakeFailed(
        f"{len(failed)} of {count} takes did not become READY",
        value=", ".join(failed),
        next="otio-bridge status, then otio-bridge retry SHOT vNNN",
    )
    show_error(error, as_json=False)
    sys.exit(error.exit_code)


def watch_takes(app: App, ids: Sequence[str], *, quiet: bool, again: str) -> list[TakeRecord]:
    """Wait until every take is over, drawing progress on stderr unless `quiet`.

    Ctrl-C ends the program and leaves the takes where they are; `again` says how they go on.
    """
    try:
        with ExitStack() as stack:
            if any_open(app, ids) and not workers_running(app.ledger):
                stack.enter_context(Stack(app.settings))
            return _watched(app, set(ids), stack, quiet=quiet)
    except KeyboardInterrupt:
        click.echo(f"\notio-bridge: stopped; {again}", err=True)
        sys.exit(INTERRUPTED)


def _watched(app: App, ids: set[str], stack: ExitStack, *, quiet: bool) -> list[TakeRecord]:
    bars = stack.enter_context(
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
    )
    tasks: dict[str, TaskID] = {}
    # Bars need a terminal: a log gets a line for each change.
    plain = not quiet and not bars.console.is_terminal
    said: dict[str, str] = {}
    while True:
        rows = [take for take in takes.by_state(app.ledger, TakeState) if take.id in ids]
        for line in lines(app, rows):
            state = f"{line.state} {line.wait or line.doing}".strip()
            if line.id not in tasks:
                tasks[line.id] = bars.add_task(f"{line.shot} {line.take}", total=1.0, state=state)
            if plain and said.get(line.id) != state:
                said[line.id] = state
                click.echo(f"{line.shot} {line.take} {state}", err=True)
            bars.update(tasks[line.id], completed=line.progress or 0.0, state=state)
        if all(_over(app, row) for row in rows):
            return rows
        # A person watches here; no job ever waits like this.
        time.sleep(_LOOK)


def _over(app: App, take: TakeRecord) -> bool:
    """Whether waiting for it is over; an UNCERTAIN one is, unless its provider is still being asked."""
    if take.state is not TakeState.UNCERTAIN:
        return take.state in _OVER
    lost = (call for call in calls.calls_of(app.ledger, take.id) if call.state is CallState.UNCERTAIN)
    return all(call.due_at is None for call in lost)


def any_open(app: App, ids: Sequence[str]) -> bool:
    """Whether any of the takes is still to be worked on."""
    return any(not _over(app, take) for take in takes.by_state(app.ledger, TakeState) if take.id in set(ids))
