"""`init` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from otio_bridge.cli.shared import emit, json_option, project_option, rate_of, settings_of
from otio_bridge.model.time import rate_text
from otio_bridge.workflow import doctor as checks
from otio_bridge.workflow import init as project


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--name", default="", help="Short name, used in shot names; else the folder's.")
@click.option("--rate", default="24", show_default=True, help="Timeline rate: 24, 23.976, 25, 29.97 …")
@click.option("--size", default="1920x1080", show_default=True, help="Raster of shots without media.")
@click.option("--pixel-aspect", default="1", show_default=True, help="Pixel aspect of shots without media.")
@click.option(
    "--encoding", default="rec709", show_default=True, help="Colour encoding where files do not say."
)
@click.option("--naming", default="{project}_{number:04d}", show_default=True, help="Pattern of shot names.")
@click.option(
    "--handles", type=click.IntRange(0, 1000), default=8, show_default=True, help="Record frames kept."
)
@click.option("--budget", default="25.00 EUR", show_default=True, help="The project's hard cap.")
@json_option
def init(
    folder: Path,
    name: str,
    rate: str,
    size: str,
    pixel_aspect: str,
    encoding: str,
    naming: str,
    handles: int,
    budget: str,
    as_json: bool,
) -> None:
    """Make a commented otio-bridge.toml in FOLDER (here, unless told)."""
    width, _, height = size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise click.BadParameter("write it as 1920x1080", param_hint="--size")
    amount, _, currency = budget.partition(" ")
    exact = rate_of(rate)
    assert exact is not None
    report = project.init(
        folder,
        name=name,
        rate=exact,
        width=int(width),
        height=int(height),
        pixel_aspect=pixel_aspect,
        encoding=encoding,
        naming=naming,
        handles=handles,
        currency=currency or "EUR",
        budget=amount,
    )

    def show(made: project.InitReport) -> None:
        click.echo(f"wrote {made.file} ({made.name}, {rate_text(made.rate)} fps)")
        click.echo("next: otio-bridge shots YOUR_EDIT.otio")

    emit(report, as_json, show)


@click.command()
@project_option
@json_option
def doctor(project: Path | None, as_json: bool) -> None:
    """Check settings, ledger, queue, disks, ffmpeg and providers, with the remedy for each fault."""
    report = checks.doctor(settings_of(project))

    def show(found: checks.DoctorReport) -> None:
        for check in found.checks:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.what}: {check.found}")
            if check.remedy:
                click.echo(f"      next: {check.remedy}")

    emit(report, as_json, show)
    if not report.ok:
        raise SystemExit(1)
