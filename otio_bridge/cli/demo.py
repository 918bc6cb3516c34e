"""`demo`: the whole loop on a cut made on the spot; the code a user runs, over real processes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import click

from otio_bridge.app import App
from otio_bridge.cli import show
from otio_bridge.cli.shared import emit, json_option
from otio_bridge.cli.waiting import wait_for
from otio_bridge.errors import RefusedInput, TakeFailed
from otio_bridge.launch import Stack
from otio_bridge.model.choice import Choice
from otio_bridge.model.money import Money
from otio_bridge.model.take import ReviewState, TakeState
from otio_bridge.model.value import Value
from otio_bridge.settings import PROJECT_FILE, load
from otio_bridge.store import takes
from otio_bridge.testing.demo_cut import make_demo_cut
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge.workflow import dispatch
from otio_bridge.workflow.dispatch import SendReport
from otio_bridge.workflow.init import init
from otio_bridge.workflow.relink import RelinkResult, relink
from otio_bridge.workflow.review import pick, review
from otio_bridge.workflow.sheet import sheet
from otio_bridge.workflow.status import status

#: The sandbox takes half a second, not minutes: it is asked more often than a real provider would be.
_QUICK = """
[queue]
tick = 0.5
poll = 0.4
poll_max = 2.0
"""


class DemoReport(Value):
    """What the demo made, where, and in how many seconds."""

    folder: str
    edit: str
    #: Shots, and takes by state.
    shots: int
    takes: dict[str, int]
    #: An upscaled plate.
    upscaled: str
    relinked: str
    for_resolve: str
    contact_sheet: str
    report: str
    #: Pretend money of the sandbox.
    spent: Money
    seconds: dict[str, float]


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("demo"))
@click.option("--seconds", type=float, default=0.5, show_default=True, help="How slow the sandbox is.")
@json_option
def demo(folder: Path, seconds: float, as_json: bool) -> None:
    """Make a cut in FOLDER (./demo), send its shots, take them back, relink it; needs no key and no network.

    The takes come from the local provider and from the sandbox, a stand-in for a hosted one with pretend money.
    """
    report = run_demo(folder, pace=seconds, say=(lambda text: None) if as_json else click.echo, quiet=as_json)
    emit(report, as_json, _show)


class _Clock:
    """Seconds by step, for the report."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        begun = time.monotonic()
        yield
        self.steps[name] = round(time.monotonic() - begun, 1)

    def finish(self) -> dict[str, float]:
        """All steps, and the whole."""
        return {**self.steps, "all": round(time.monotonic() - self.started, 1)}


def run_demo(folder: Path, *, pace: float, say: Callable[[str], None], quiet: bool) -> DemoReport:
    """Run the loop in `folder`; a second run in the same folder finds everything covered and sends nothing.

    Raises RefusedInput for a folder that is something else, TakeFailed where a take did not become READY.
    """
    folder = folder.absolute()
    _own(folder)
    clock = _Clock()
    with clock.step("footage"):
        say("making a cut of moving pictures …")
        edit = make_demo_cut(folder)
    if not (folder / PROJECT_FILE).exists():
        init(folder, name="demo", rate=Fraction(24), width=640, height=360, budget="5.00")
        with (folder / PROJECT_FILE).open("a", encoding="utf-8") as file:
            file.write(_QUICK)
    book = folder / ".otio-bridge" / "sandbox" / "book.jsonl"
    with Sandbox(book, seconds=pace) as service:
        # The port is new each time: said in the environment, which the worker processes inherit.
        os.environ["OTIO_BRIDGE_PROVIDERS__SANDBOX__URL"] = service.url
        os.environ["OTIO_BRIDGE_PROVIDERS__SANDBOX__ALLOW_PRIVATE"] = "true"
        settings = load(folder)
        with App.open(settings) as app:
            with clock.step("takes"), Stack(settings):
                sent = dispatch.send(app, edit, choice=Choice())
                say(f"sent {sum(take.new for take in sent.takes)} takes of {len(sent.plan.entries)} shots")
                done = wait_for(app, sent, quiet=quiet)
            with clock.step("relink"):
                _decide(app, done)
                back = relink(app, edit, folder / "last_light_relinked.otio", newest=True, temp=True)
                one = relink(app, edit, folder / "last_light_for_resolve.otio", target="resolve", newest=True)
            with clock.step("sheet"):
                picture = sheet(app, edit, folder / "contact_sheet.png", newest=True, temp=True)
            report = _report(app, folder, edit, done, back, one, picture.out, clock)
    if done.failed:
        raise TakeFailed(
            f"{len(done.failed)} takes did not become READY",
            value=", ".join(done.failed),
            next=f"otio-bridge status -C {folder}",
        )
    return report


def _own(folder: Path) -> None:
    """Refuse a folder that holds something else. Raises RefusedInput."""
    if folder.exists() and any(folder.iterdir()) and not (folder / PROJECT_FILE).exists():
        raise RefusedInput(
            "this folder is not empty and not a demo", value=folder, next="otio-bridge demo NEW_FOLDER"
        )


def _decide(app: App, done: SendReport) -> None:
    """What a person does next: approve one take of each shot, pick another for one."""
    ready = [take for take in done.takes if take.state is TakeState.READY]
    for take in {take.shot: take for take in reversed(ready)}.values():
        review(app, take.shot, take.take, ReviewState.APPROVED, note="demo")
    second = next((take for take in ready if take.take == "v002"), None)
    if second is not None:
        pick(app, second.shot, second.take)


def _report(
    app: App,
    folder: Path,
    edit: Path,
    done: SendReport,
    back: RelinkResult,
    one: RelinkResult,
    picture: str,
    clock: _Clock,
) -> DemoReport:
    counts: dict[str, int] = {}
    for take in done.takes:
        counts[take.state] = counts.get(take.state, 0) + 1
    upscaled = next(
        (
            row.result["file"]
            for row in takes.by_state(app.ledger, TakeState.READY)
            if row.request.operation == "upscale"
        ),
        "",
    )
    file = folder / "report.json"
    spent = next(
        (line.spent for line in status(app).budgets if line.scope == "project"),
        Money(micro=0, currency=app.settings.money.currency),
    )
    report = DemoReport(
        folder=str(folder),
        edit=str(edit),
        shots=len(done.plan.entries),
        takes=counts,
        upscaled=upscaled,
        relinked=back.out,
        for_resolve=one.out,
        contact_sheet=picture,
        report=str(file),
        spent=spent,
        seconds=clock.finish(),
    )
    whole = {
        "demo": report.model_dump(mode="json"),
        "send": done.model_dump(mode="json"),
        "relink": back.model_dump(mode="json"),
        "for_resolve": one.model_dump(mode="json"),
    }
    file.write_text(json.dumps(whole, indent=2, ensure_ascii=False), encoding="utf-8")
    return report


def _show(report: DemoReport) -> None:
    out = show.console()
    counts = ", ".join(f"{count} {state}" for state, count in sorted(report.takes.items()))
    out.print(f"{report.shots} shots, {counts}; {report.spent} of pretend money")
    for what, where in (
        ("the edit", report.edit),
        ("an upscaled plate", report.upscaled),
        ("relinked, every take beside the original", report.relinked),
        ("relinked for Resolve, the chosen take alone", report.for_resolve),
        ("contact sheet", report.contact_sheet),
        ("report", report.report),
    ):
        out.print(f"  {what}: {where}")
    spent = ", ".join(f"{name} {seconds} s" for name, seconds in report.seconds.items() if name != "all")
    out.print(f"{report.seconds['all']} seconds ({spent})")
    out.print(f"next: otio-bridge takes -C {report.folder}, or open the contact sheet")
