"""`status`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from otio_bridge.cli import show
from otio_bridge.cli.shared import emit, json_option, open_app, project_option
from otio_bridge.workflow import status as looking


@click.command()
@click.option("--watch", is_flag=True, help="Keep looking until nothing is open (or Ctrl-C).")
@click.option("--all", "everything", is_flag=True, help="Finished and cancelled takes too.")
@project_option
@json_option
def status(watch: bool, everything: bool, project: Path | None, as_json: bool) -> None:
    """Show what every open or failed take is doing, what it waits for, and the budgets."""
    with open_app(project) as app:
        while True:
            report = looking.status(app, everything=everything)
            if watch and not as_json:
                click.clear()
            emit(report, as_json, show.status)
            if not watch or not report.open:
                return
            # A person watches here; no job ever waits like this.
            time.sleep(1.0)
