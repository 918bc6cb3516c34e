"""The command line: every verb of the workflow, its options, and how it is shown.

Commands live in modules loaded when they are called, so that `--help` costs no more than click.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from otio_bridge import __version__
from otio_bridge.cli.edge import INTERRUPTED, told
from otio_bridge.errors import BridgeError, RefusedInput

#: Command -> (module, what it is for), in the order people meet them.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("project", "Make a commented otio-bridge.toml here."),
    "demo": ("demo", "Run the whole loop on a cut made on the spot."),
    "shots": ("edits", "List the shots an edit asks for, and why."),
    "plan": ("edits", "Say what send would do and cost. Sends nothing."),
    "send": ("edits", "Dispatch what plan says."),
    "status": ("watch", "Show what every open take is doing."),
    "takes": ("takes", "List takes, or add one made elsewhere."),
    "pick": ("takes", "Choose the take an occurrence shows."),
    "review": ("takes", "Reject, keep, select or approve a take."),
    "relink": ("edits", "Put takes into an edit, or take them out again."),
    "sheet": ("edits", "Draw a contact sheet: plates beside takes."),
    "retry": ("takes", "Resume a failed take where it stopped."),
    "cancel": ("takes", "Give takes up; what finished anyway is kept."),
    "resolve-uncertain": ("takes", "Say whether a lost call was sent."),
    "up": ("run", "Run queue server, poller and workers until Ctrl-C."),
    "worker": ("run", "Run one worker process."),
    "poller": ("run", "Run the poller."),
    "sandbox": ("run", "Run the stand-in for a hosted provider."),
    "doctor": ("project", "Check settings, ledger, queue, disks, ffmpeg and providers."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"otio_bridge.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run it; every error leaves as one shape, on stdout with `--json`, with its own exit code."""
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as exc:
            exc.show()
            sys.exit(exc.exit_code)
        except click.Abort:
            click.echo("otio-bridge: stopped", err=True)
            sys.exit(INTERRUPTED)
        except Exception as exc:
            error = told(exc)
            if error is None:
                raise
            if error.next is None and isinstance(error, RefusedInput):
                verb = next((word for word in words if word in COMMANDS), "")
                error.next = " ".join(filter(None, ["otio-bridge", verb, "--help"]))
            show_error(error, as_json="--json" in words)
            sys.exit(error.exit_code)
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="otio-bridge")
def main() -> None:
    """A timeline goes out as shots and comes back as takes.

    Start with `otio-bridge demo`, or `otio-bridge init` in your project's folder.
    """


def show_error(exc: BridgeError, *, as_json: bool) -> None:
    """What happened, the value, what is allowed, the next command: on stderr, or as the one JSON error shape."""
    if as_json:
        click.echo(json.dumps({"error": exc.as_dict()}, ensure_ascii=False))
        return
    # Of media it is said what they are: "X is text, not media" is a sentence, "is text, not media: X" is none.
    of_media = exc.value and exc.what.startswith(("is ", "has ", "cannot "))
    text = f"{exc.value} {exc.what}" if of_media else exc.what + (f": {exc.value}" if exc.value else "")
    click.echo(f"otio-bridge: {text}", err=True)
    if exc.allowed:
        click.echo(f"  allowed: {exc.allowed}", err=True)
    if exc.next:
        click.echo(f"  next: {exc.next}", err=True)


def run(args: Sequence[str] | None = None) -> None:
    """The console script."""
    main(args=args, prog_name="otio-bridge")
