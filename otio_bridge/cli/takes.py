"""`takes`, `pick`, `review`, `retry`, `cancel`, `resolve-uncertain`."""

from __future__ import annotations

from pathlib import Path

import click

from otio_bridge.cli import show
from otio_bridge.cli.shared import emit, json_option, open_app, project_option
from otio_bridge.cli.waiting import fail_for, watch_takes
from otio_bridge.model.take import TakeState
from otio_bridge.workflow import added, mending
from otio_bridge.workflow import review as deciding
from otio_bridge.workflow import status as looking


class _TakesGroup(click.Group):
    """`takes SHOT` lists, `takes add …` adds: a word that is no command is a shot."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = _first_word(args)
        if at is None:
            args = args if {"-h", "--help"} & set(args) else ["list", *args]
        elif args[at] in self.commands:
            # Options may stand before the command, as they may for every other verb.
            args = [args[at], *args[:at], *args[at + 1 :]]
        else:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _first_word(args: list[str]) -> int | None:
    """Where the first word stands that is no option, and no folder of `-C FOLDER`."""
    for at, word in enumerate(args):
        folder = at > 0 and args[at - 1] in ("-C", "--project")
        if not folder and not word.startswith("-"):
            return at
    return None


@click.group(cls=_TakesGroup)
def takes() -> None:
    """List takes (`takes`, `takes SHOT`), or add one made elsewhere (`takes add SHOT FILE…`)."""


@takes.command("list")
@click.argument("shot", required=False)
@project_option
@json_option
def takes_list(shot: str | None, project: Path | None, as_json: bool) -> None:
    """List the takes of SHOT, or of every shot."""
    with open_app(project) as app:
        if shot is not None:
            deciding.shot_named(app, shot)
        emit(looking.list_takes(app, shot), as_json, show.takes)


@takes.command("add")
@click.argument("shot")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--prompt", default="", help="What it was asked for.")
@click.option("--model", default="", help="What made it.")
@click.option(
    "--cost", default="", help='What it cost, as "1.20" in the project\'s currency; booked as spent.'
)
@click.option(
    "--wait", is_flag=True, help="Wait until it is conformed and checked, starting workers if none run."
)
@project_option
@json_option
def takes_add(
    shot: str,
    files: tuple[Path, ...],
    prompt: str,
    model: str,
    cost: str,
    wait: bool,
    project: Path | None,
    as_json: bool,
) -> None:
    """Add takes of SHOT made elsewhere: each FILE is conformed, checked and numbered like any other."""
    with open_app(project) as app:
        report = added.add(app, shot, files, prompt=prompt, model=model, cost=cost)
        if not wait:
            emit(report, as_json, show.takes)
            return
        done = watch_takes(
            app, [line.id for line in report.takes], quiet=as_json, again="otio-bridge up goes on with them"
        )
        emit(looking.TakesReport(takes=looking.lines(app, done)), as_json, show.takes)
        fail_for([take.label for take in done if take.state is not TakeState.READY], len(done))


@click.command()
@click.argument("shot")
@click.argument("take")
@click.option(
    "--at", default=None, metavar="RECORD_TC", help="Only for the occurrence playing at this timecode."
)
@click.option("--cut", default=None, help="The cut --at is a timecode of, where the shot is in several.")
@project_option
@json_option
def pick(shot: str, take: str, at: str | None, cut: str | None, project: Path | None, as_json: bool) -> None:
    """Choose what SHOT shows: a take (v003), or `none` to let go of the choice made before."""
    with open_app(project) as app:
        emit(deciding.pick(app, shot, take, at=at, cut=cut), as_json, show.decided)


@click.command()
@click.argument("shot")
@click.argument("take")
@click.argument("state", metavar="rejected|maybe|selected|approved|unreviewed")
@click.option("--note", default="", help="Why, for the others.")
@project_option
@json_option
def review(shot: str, take: str, state: str, note: str, project: Path | None, as_json: bool) -> None:
    """Say what you think of TAKE (v003) of SHOT."""
    with open_app(project) as app:
        emit(deciding.review(app, shot, take, state, note=note), as_json, show.decided)


@click.command()
@click.argument("shot", required=False)
@click.argument("take", required=False)
@project_option
@json_option
def retry(shot: str | None, take: str | None, project: Path | None, as_json: bool) -> None:
    """Resume failed takes where they stopped: one TAKE, all of SHOT, or all there are."""
    with open_app(project) as app:
        emit(mending.retry(app, shot, take), as_json, show.mended)


@click.command()
@click.argument("shot")
@click.argument("take", required=False)
@project_option
@json_option
def cancel(shot: str, take: str | None, project: Path | None, as_json: bool) -> None:
    """Give up TAKE of SHOT, or all its open takes. What finished anyway is fetched and kept."""
    with open_app(project) as app:
        emit(mending.cancel(app, shot, take), as_json, show.mended)


@click.command("resolve-uncertain")
@click.argument("shot")
@click.argument("take")
@click.option("--sent", metavar="REMOTE_ID", default=None, help="It arrived; the provider calls it this.")
@click.option("--not-sent", is_flag=True, help="It never arrived; it may be sent again.")
@project_option
@json_option
def resolve_uncertain(
    shot: str, take: str, sent: str | None, not_sent: bool, project: Path | None, as_json: bool
) -> None:
    """Say what became of a call whose answer was lost."""
    with open_app(project) as app:
        emit(mending.resolve_uncertain(app, shot, take, sent=sent, not_sent=not_sent), as_json, show.mended)
