"""What a command may raise, told in the one error shape: our own errors, click's, and the system's.

Everything is translated where it enters; what still comes this far is a value or a path somebody typed.
"""

from __future__ import annotations

import errno
import sys

import click

from otio_bridge.errors import BridgeError, RefusedInput

#: What the shell says for a command that Ctrl-C ended.
INTERRUPTED = 130
#: Faults of a path that was typed, not of the machine.
_TYPED = (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError)


def told(exc: Exception) -> BridgeError | None:
    """The error as a person can act on it; None for what is a fault of ours and needs its traceback."""
    if isinstance(exc, BridgeError):
        return exc
    if isinstance(exc, click.UsageError):
        return _usage(exc)
    if isinstance(exc, click.ClickException):
        return RefusedInput(_plain(exc.format_message()))
    if isinstance(exc, OSError) and exc.errno != errno.EPIPE:
        kind = RefusedInput if isinstance(exc, _TYPED) else BridgeError
        return kind(f"the system says: {exc.strerror or exc}", value=exc.filename, next="otio-bridge doctor")
    # Asked for by name, so that `--help` need not load pydantic.
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(exc, pydantic.ValidationError):
        return RefusedInput(
            "; ".join(f"{'.'.join(map(str, each['loc']))}: {_plain(each['msg'])}" for each in exc.errors()),
            value=exc.title,
        )
    return None


def _usage(exc: click.UsageError) -> RefusedInput:
    """A word of the command line that is none: what there is instead, and where it is explained."""
    what, allowed = _plain(exc.format_message()), list[str]()
    if isinstance(exc, click.NoSuchOption):
        what, allowed = f"no such option {exc.option_name!r}", list(exc.possibilities or ())
    elif (
        exc.ctx is not None and isinstance(exc.ctx.command, click.Group) and "No such command" in exc.message
    ):
        allowed = exc.ctx.command.list_commands(exc.ctx)
    # The command as it is typed, whatever file started it.
    verbs = exc.ctx.command_path.split()[1:] if exc.ctx is not None else []
    next_ = " ".join(["otio-bridge", *verbs, "--help"])
    return RefusedInput(what, allowed=allowed or None, next=next_)


def _plain(text: str) -> str:
    """A sentence of a library as part of one of ours: no full stop, no capital."""
    text = text.strip().split("\n")[0].removeprefix("Value error, ").rstrip(".")
    return text[:1].lower() + text[1:]
