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
    """Show what every open or failed take is doing, what it waits for, and the budgets.

    With --watch and --json: a line of JSON whenever something changed.
    """
    with open_app(project) as app:
        said = ""
        while True:
            report = looking.status(app, everything=everything)
            if not watch:
                emit(report, as_json, show.status)
                return
            line = report.model_dump_json()
            if as_json and line != said:
                click.echo(line)
            elif not as_json:
                click.clear()
                show.status(report)
            if not report.open:
                return
            said = line
            try:
                # A person watches here; no job ever waits like this.
                time.sleep(1.0)
            except KeyboardInterrupt:
                return
