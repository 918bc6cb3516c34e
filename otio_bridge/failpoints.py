"""Named places where a test may kill, stop or fail the process; nothing happens unless it is asked for.

`OTIO_BRIDGE_FAILPOINTS="T3.before=kill,T4.after@worker=stop"` says what happens where: `kill` (as by
SIGKILL), `stop` (as by SIGSTOP, until somebody continues it), `raise` (FailpointError). `@role` limits one
to the processes that call themselves so. With `OTIO_BRIDGE_FAILPOINTS_FOLDER` each fires once over all processes
and leaves a file of its name there, so that a restarted worker lives and a test can prove it was hit.
"""

from __future__ import annotations

import os
from pathlib import Path

SETTING = "OTIO_BRIDGE_FAILPOINTS"
FOLDER = "OTIO_BRIDGE_FAILPOINTS_FOLDER"
#: `worker`, `poller` …: set in the environment of each process by who starts it.
ROLE = "OTIO_BRIDGE_FAILPOINTS_ROLE"


class FailpointError(RuntimeError):
    """A failpoint told to `raise`; no BridgeError, so that nothing handles it as one."""


def failpoint(name: str) -> None:
    """Do here what the environment says for `name`; by default nothing."""
    setting = os.environ.get(SETTING)
    if not setting:
        return
    for entry in setting.replace(";", ",").split(","):
        place, _, action = entry.strip().partition("=")
        where, _, role = place.partition("@")
        if where == name and role in ("", os.environ.get(ROLE, "")) and _first(name):
            _act(name, action)


def _first(name: str) -> bool:
    """Whether nobody has fired it before; always where no folder is set."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return True
    try:
        (Path(folder) / name).open("x").close()
    except FileExistsError:
        return False
    return True


def _act(name: str, action: str) -> None:
    import psutil  # noqa: PLC0415 - a production process never gets here, and must not pay for the import

    if action == "raise":
        raise FailpointError(name)
    if action == "stop":
        psutil.Process().suspend()
    elif action == "kill":
        psutil.Process().kill()
        os._exit(137)  # Windows returns from kill; nothing may run after it
    else:
        raise FailpointError(f"{name}: unknown action {action!r} (kill, stop, raise)")
