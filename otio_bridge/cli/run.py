"""`up`, `worker`, `poller`, `sandbox`: processes. They are started, never imported."""

from __future__ import annotations

from pathlib import Path

import click

from otio_bridge.cli.shared import project_option, settings_of
from otio_bridge.launch import run_module
from otio_bridge.launch import up as run_stack
from otio_bridge.queue import QUEUES


@click.command()
@project_option
def up(project: Path | None) -> None:
    """Run queue server, poller and workers under one supervisor until Ctrl-C."""
    raise SystemExit(run_stack(settings_of(project), say=click.echo))


@click.command()
@click.option(
    "--queue",
    "queues",
    multiple=True,
    type=click.Choice(QUEUES),
    default=("cpu",),
    show_default=True,
    help="Queue to serve; may be repeated.",
)
@project_option
def worker(queues: tuple[str, ...], project: Path | None) -> None:
    """Run one worker process, until Ctrl-C."""
    settings = settings_of(project)
    words = [word for queue in queues for word in ("--queue", queue)]
    raise SystemExit(run_module("otio_bridge_worker", ["worker", "--project", str(settings.folder), *words]))


@click.command()
@project_option
def poller(project: Path | None) -> None:
    """Run the poller, until Ctrl-C. A second one stands by."""
    settings = settings_of(project)
    raise SystemExit(run_module("otio_bridge_worker", ["poller", "--project", str(settings.folder)]))


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> None:
    """Run the stand-in for a hosted provider, with pretend money (`sandbox -- --help` for its options)."""
    raise SystemExit(run_module("otio_bridge.testing.sandbox", list(arguments)))
