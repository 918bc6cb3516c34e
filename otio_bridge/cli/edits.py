"""`shots`, `plan`, `send`, `relink` and `sheet`: the verbs that take an edit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from otio_bridge.app import App
from otio_bridge.cli import show
from otio_bridge.cli.shared import (
    choice_of,
    choosing,
    cut_option,
    edit_argument,
    emit,
    has_ledger,
    json_option,
    newest_option,
    open_app,
    project_option,
    rate_of,
    rate_option,
    settings_or_defaults,
    temp_option,
    wishing,
)
from otio_bridge.cli.waiting import any_open, fail_for, wait_for
from otio_bridge.errors import RefusedInput
from otio_bridge.launch import workers_running
from otio_bridge.workflow import dispatch, listing, reading
from otio_bridge.workflow import plan as planning
from otio_bridge.workflow import relink as relinking
from otio_bridge.workflow import sheet as sheets


@click.command()
@edit_argument
@choosing
@rate_option
@cut_option
@project_option
@json_option
def shots(
    edit: Path,
    select: tuple[str, ...],
    operation: str | None,
    prompt: str | None,
    options: tuple[str, ...],
    shot_list: Path | None,
    rate: str | None,
    cut: str | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """List the shots EDIT asks for: operation, place, ranges, timecodes, handles, and why each was chosen."""
    settings = settings_or_defaults(project)
    choice = choice_of(select, operation, prompt, options, shot_list)
    exact = rate_of(rate)
    if not has_ledger(settings):
        report = reading.shots(settings, edit, choice=choice, rate=exact, cut=cut)
    else:
        with App.open(settings) as app:
            report = listing.shots_known(app, edit, choice=choice, rate=exact, cut=cut)
    emit(report, as_json, show.shots)


@click.command()
@edit_argument
@choosing
@wishing
@rate_option
@cut_option
@project_option
@json_option
def plan(
    edit: Path,
    select: tuple[str, ...],
    operation: str | None,
    prompt: str | None,
    options: tuple[str, ...],
    shot_list: Path | None,
    takes_each: int | None,
    more: int,
    plates: Path | None,
    allow_proxy: bool,
    rate: str | None,
    cut: str | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """Say what `send` would do with EDIT: what is covered, what needs work and why, and its cost. Sends nothing."""
    with open_app(project) as app:
        choice = choice_of(select, operation, prompt, options, shot_list)
        result = planning.plan(
            app,
            edit,
            choice=choice,
            rate=rate_of(rate),
            cut=cut,
            takes_each=takes_each,
            more=more,
            plates=plates,
            allow_proxy=allow_proxy,
        )
        assert result.report is not None
        emit(result.report, as_json, show.plan)


@click.command()
@edit_argument
@choosing
@wishing
@click.option("--wait", is_flag=True, help="Wait for every take, starting workers if none run.")
@rate_option
@cut_option
@project_option
@json_option
def send(
    edit: Path,
    select: tuple[str, ...],
    operation: str | None,
    prompt: str | None,
    options: tuple[str, ...],
    shot_list: Path | None,
    takes_each: int | None,
    more: int,
    plates: Path | None,
    allow_proxy: bool,
    wait: bool,
    rate: str | None,
    cut: str | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """Dispatch what `plan` says for EDIT. What is covered is never sent again, whatever the file is called."""
    with open_app(project) as app:
        choice = choice_of(select, operation, prompt, options, shot_list)
        report = dispatch.send(
            app,
            edit,
            choice=choice,
            rate=rate_of(rate),
            cut=cut,
            takes_each=takes_each,
            more=more,
            plates=plates,
            allow_proxy=allow_proxy,
        )
        if wait:
            report = wait_for(app, report, quiet=as_json)
        emit(report, as_json, partial(show.sent, waited=wait))
        if wait:
            fail_for(report.failed, len(report.takes))
        elif any_open(app, [take.id for take in report.takes]) and not workers_running(app.ledger):
            click.echo("nothing runs here: otio-bridge up, or send --wait", err=as_json)


@click.command()
@click.argument("edit", type=click.Path(path_type=Path), required=False)
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
@click.option(
    "--for",
    "target",
    default="review",
    show_default=True,
    help="review (every take, the original beside them), or an editor: resolve, premiere, kdenlive …",
)
@click.option("--only", multiple=True, metavar="SHOT", help="Relink this shot alone; may be repeated.")
@newest_option
@temp_option
@click.option(
    "--undo",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Take our takes out of the relinked FILE again, by ledger or sidecar; EDIT is not needed.",
)
@click.option(
    "--sidecar",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="The sidecar to undo by; else the one beside FILE, else the ledger.",
)
@rate_option
@cut_option
@project_option
@json_option
def relink(
    edit: Path | None,
    out: Path,
    target: str,
    only: tuple[str, ...],
    newest: bool,
    temp: bool,
    undo: Path | None,
    sidecar: Path | None,
    rate: str | None,
    cut: str | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """Put takes into EDIT and write it to --out; media references change, nothing else.

    The take shown is the picked one, else the newest approved, else selected, that covers the need.
    """
    if (edit is None) == (undo is None):
        raise RefusedInput(
            "say which edit, or which relinked file to undo",
            value=edit and f"{edit} --undo {undo}",
            allowed=("relink EDIT -o OUT", "relink --undo FILE -o OUT"),
            next="otio-bridge relink --help",
        )
    if out.resolve() == (edit or undo or out.parent).resolve():
        raise RefusedInput("the edit itself is never overwritten", value=out, next="give --out another name")
    with open_app(project) as app:
        if undo is not None:
            result = relinking.undo(app, undo, out, sidecar=sidecar)
        elif edit is not None:
            result = relinking.relink(
                app,
                edit,
                out,
                target=target,
                only=only,
                newest=newest,
                temp=temp,
                rate=rate_of(rate),
                cut=cut,
            )
        emit(result, as_json, show.relinked)


@click.command()
@edit_argument
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, help="PNG to write."
)
@newest_option
@temp_option
@rate_option
@cut_option
@project_option
@json_option
def sheet(
    edit: Path,
    out: Path,
    newest: bool,
    temp: bool,
    rate: str | None,
    cut: str | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """Draw a contact sheet of EDIT: a row a shot, its plate beside its takes.

    Framed are the takes `relink` with the same options would show.
    """
    with open_app(project) as app:
        report = sheets.sheet(app, edit, out, newest=newest, temp=temp, rate=rate_of(rate), cut=cut)
        emit(report, as_json, show.sheet)
