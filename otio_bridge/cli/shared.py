"""What commands share: the project they act on, `--json`, and the options that choose shots."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Choice, make_choice
from otio_bridge.model.time import snap_rate
from otio_bridge.settings import Settings, find_project, load
from otio_bridge.timeline.shotlist import read_shot_list

_F = TypeVar("_F", bound=Callable[..., Any])

project_option = click.option(
    "--project",
    "-C",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The project's folder; else the nearest otio-bridge.toml at or above here.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (docs/schemas).")
edit_argument = click.argument("edit", type=click.Path(path_type=Path))
rate_option = click.option(
    "--rate", default=None, help="The edit's rate, where its format does not say (EDL)."
)
cut_option = click.option(
    "--cut", default=None, help="The cut this edit belongs to; else its name without version."
)

newest_option = click.option(
    "--newest", is_flag=True, help="Where nothing is picked or approved, show the newest take."
)
temp_option = click.option(
    "--temp", is_flag=True, help="Show temp takes too: animatics, the sandbox's, tests."
)


def wishing(command: _F) -> _F:
    """What `plan` and `send` may both be asked beside the choice of shots."""
    for option in reversed(
        (
            click.option(
                "--takes",
                "takes_each",
                type=click.IntRange(1, 99),
                default=None,
                help="Takes of every shot.",
            ),
            click.option(
                "--more",
                type=click.IntRange(0, 99),
                default=0,
                help="This many takes beyond those asked before.",
            ),
            click.option(
                "--plates",
                type=click.Path(file_okay=False, exists=True, path_type=Path),
                default=None,
                help="Use plates pulled elsewhere, from this folder.",
            ),
            click.option("--allow-proxy", is_flag=True, help="Send media that is marked as proxy."),
        )
    ):
        command = option(command)
    return command


def choosing(command: _F) -> _F:
    """The options that choose shots and say what is asked of them."""
    for option in reversed(
        (
            click.option(
                "--select",
                "-s",
                multiple=True,
                metavar="TERM",
                help="marker:COLOUR, track:NAME, name:GLOB, missing, gaps or all; may be repeated.",
            ),
            click.option("--operation", default=None, help="What selected clips are asked for."),
            click.option("--prompt", default=None, help="The prompt of selected clips."),
            click.option(
                "--option",
                "-o",
                "options",
                multiple=True,
                metavar="KEY=VALUE",
                help="Any option a mark may carry, for selected clips.",
            ),
            click.option(
                "--shots",
                "shot_list",
                type=click.Path(path_type=Path),
                default=None,
                help="A shot list (.csv or .yaml), a row a shot.",
            ),
        )
    ):
        command = option(command)
    return command


def settings_of(project: Path | None) -> Settings:
    """The settings of the project named or found. Raises SettingsError."""
    return load(find_project(project if project is not None else Path.cwd()))


def settings_or_defaults(project: Path | None) -> Settings:
    """As settings_of, but defaults where there is no project: reading an edit needs none."""
    try:
        return settings_of(project)
    except RefusedInput:
        if project is not None:
            raise
        return load(Path.cwd())


def has_ledger(settings: Settings) -> bool:
    """Whether the project has ever opened one; reading an edit makes none."""
    return settings.database_url is not None or (settings.state_folder / "ledger.sqlite").is_file()


def open_app(project: Path | None) -> App:
    """The opened project."""
    return App.open(settings_of(project))


def choice_of(
    select: tuple[str, ...],
    operation: str | None,
    prompt: str | None,
    options: tuple[str, ...],
    shot_list: Path | None,
) -> Choice:
    """The choice the options describe; where they say nothing, marks, else the project's own selection."""
    try:
        rows = read_shot_list(shot_list) if shot_list is not None else ()
    except RefusedInput as exc:
        exc.next = exc.next or "give --shots LIST.csv or LIST.yaml; docs/selection.md has the columns"
        raise
    return make_choice(terms=select, operation=operation, prompt=prompt, options=options, rows=rows)


def rate_of(text: str | None) -> Fraction | None:
    """An exact rate from `23.976` or `24000/1001`. Raises RefusedInput."""
    if text is None:
        return None
    try:
        return snap_rate(text)
    except ValueError as exc:
        raise RefusedInput("not a frame rate", value=text, allowed="24, 23.976, 30000/1001 …") from exc


def emit(result: BaseModel, as_json: bool, show: Callable[[Any], None]) -> None:
    """Print a result as JSON, or let `show` draw it."""
    if as_json:
        click.echo(result.model_dump_json(indent=2))
    else:
        show(result)
