"""What only one platform has, and how processes are told apart, held together and ended. Nothing else may.

Everything here imports and answers on Linux, macOS and Windows; where a platform lacks something, the
docstring says what happens instead.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO, Any, Self

import psutil

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl  # noqa: TID251 - this is the file it is banned to
    import resource  # noqa: TID251

#: How the types of file systems begin on which SQLite's locks are not to be trusted.
_NETWORK = ("nfs", "cifs", "smb", "afp", "9p", "webdav", "dav", "gluster", "lustre", "gpfs", "beegfs", "ceph")
_NETWORK_FUSE = (
    "fuse.sshfs",
    "fuse.davfs",
    "fuse.rclone",
    "fuse.gluster",
    "fuse.s3fs",
    "fuse.ceph",
    "macfuse",
)


# ---------------------------------------------------------------- who a process is


@cache
def _boot() -> int:
    """20 bits of this boot's id."""
    try:
        return int(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:5], 16)
    except (OSError, ValueError):
        return 0


def process_start_time(pid: int) -> int | None:
    """A number that changes when the pid is given to another process; None where none runs (zombies do not).

    On Linux it is made of the boot and the ticks since, so that stepping the clock does not change it;
    elsewhere it is microseconds of the clock. Below 2^63.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # proc(5): the name ends at the last parenthesis; the state is field 3, the start field 22.
        state, *rest = fields.rpartition(")")[2].split()
        return None if state in "ZX" else _boot() << 43 | int(rest[18])
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 1_000_000)
    except psutil.Error:
        return None


@dataclass(frozen=True)
class Owner:
    """One process on one machine, and the slot it serves; written `host:pid:started:slot`."""

    host: str
    pid: int
    #: `process_start_time`; 0 where the process was gone before it could be asked.
    started: int
    slot: str

    @classmethod
    def of(cls, pid: int, slot: str) -> Self:
        """The process of that pid on this machine, as it is now."""
        return cls(this_host(), pid, process_start_time(pid) or 0, slot)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for text that names no process."""
        host, pid, started, slot = text.split(":", 3)
        return cls(host, int(pid), int(started), slot)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started}:{self.slot}"

    @property
    def here(self) -> bool:
        """Whether it is (or was) a process of this machine."""
        return self.host == this_host()

    @property
    def alive(self) -> bool | None:
        """Whether that very process still runs; None where it is on another machine."""
        return process_start_time(self.pid) == self.started if self.here else None

    def end(self) -> bool:
        """Kill it and its descendants; True once it is known not to run here."""
        return self.here and kill_tree(self.pid, self.started)


@cache
def this_host() -> str:
    """This machine's name, without the colons that separate an owner's parts."""
    return socket.gethostname().replace(":", "-") or "localhost"


# ---------------------------------------------------------------- ending processes


def kill_tree(pid: int, started: int, *, wait: float = 5.0) -> bool:
    """Kill a process and its descendants, if it is still the one that began at `started`.

    Returns True once it is known not to run; False when it outlived the kill by `wait` seconds.
    """
    if process_start_time(pid) != started:
        return True
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return True
    for member in family:
        with suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(family, timeout=wait)
    return process_start_time(pid) != started


def end_at_once(code: int) -> None:
    """End this process and what it started in one stroke, where it leads a process group; does not return.

    An ffmpeg killed a moment before us would look to the step like a fault of its take. Elsewhere only this
    process ends, with `code`.
    """
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)  # noqa: TID251
    os._exit(code)


def become(command: Sequence[str]) -> int:
    """Go on as another program with the same terminal; where that cannot be (Windows), run it and wait."""
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execv(command[0], [*command])  # noqa: S606
    process = subprocess.Popen(command)
    while True:
        # Ctrl-C reaches it too: it says when it is done.
        with suppress(KeyboardInterrupt):
            return process.wait()


def kill_group(leader: int) -> None:
    """Kill what is left of the process group a dead child led. Windows has none: nothing happens."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.killpg(leader, signal.SIGKILL)  # noqa: TID251


def own_group() -> dict[str, Any]:
    """`Popen` arguments that keep a terminal's Ctrl-C from the child and whatever it starts.

    We end our children in order ourselves; an ffmpeg interrupted behind a step's back would fail its take.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def die_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` from a thread once standard input ends: the parent closed its pipe, or is no more.

    The pipe is moved out of the way, so that children of this process neither read it nor hold it.
    """
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        # An error on the pipe is an end too.
        with suppress(OSError):
            while os.read(pipe, 4096):
                pass
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def on_stop_request(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM, SIGINT and, on Windows, Ctrl-Break. Main thread only."""

    def handler(number: int, frame: FrameType | None) -> None:
        # From a thread: the handler may have interrupted the very lock that `stop` takes.
        threading.Thread(target=stop, name="stop", daemon=True).start()

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)


def limit_memory(megabytes: int) -> bool:
    """Cap this process's address space; False where the platform cannot (Windows; macOS ignores it)."""
    if sys.platform == "win32":
        return False
    else:
        wanted = megabytes * 1024 * 1024
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
        return True


# ---------------------------------------------------------------- files


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def file_lock(path: Path) -> Iterator[bool]:
    """Yields whether this process now holds the lock; the system releases it with the process."""
    with path.open("ab") as file:
        file.seek(0)
        yield _try_lock(file)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, at once and whole.

    On Windows the mode means nothing; the file inherits the folder's access list, as all in a profile do.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - Path.open has no mode
        file.write(text)
    draft.replace(path)


def fsync_dir(folder: Path) -> None:
    """Make a rename in `folder` outlive a power cut. Windows has no such call and needs none on NTFS."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_network_share(path: Path) -> bool:
    """Whether `path` lies on a share, as far as the system tells; unknown is no."""
    path = path.absolute()
    if sys.platform == "win32" and path.drive.startswith("\\\\"):
        return True
    under = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part.mountpoint)]
    # Of two mounts on one point the later one is seen.
    deepest = max(reversed(under), key=lambda part: len(Path(part.mountpoint).parts), default=None)
    if deepest is None:
        return False
    return deepest.fstype.lower().startswith(_NETWORK + _NETWORK_FUSE) or "remote" in deepest.opts.split(",")
