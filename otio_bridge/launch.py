"""Starts the processes that do the work, keeps them running, and ends them with us.

Secrets reach them by environment and owner-only files, never as arguments. A little over 300 lines, since starting,
restarting and ending children are one story.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from otio_bridge import failpoints
from otio_bridge.alive import report_dead, workers_running
from otio_bridge.child import Child
from otio_bridge.errors import BridgeError, QueueError
from otio_bridge.platform import Owner, become, file_lock, on_stop_request
from otio_bridge.queue import ping, server_url
from otio_bridge.settings import Settings
from otio_bridge.store import processes
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import ProcessWrite

__all__ = ["Child", "Running", "Stack", "run_module", "up", "workers_running"]

log = logging.getLogger(__name__)

#: Seconds a child has to end; workers give up a step after 10 (otio_bridge_worker.ending).
GRACE: Final = 15.0
#: How often children are looked after, in seconds.
_LOOK: Final = 0.1
#: Seconds to the first restart of a child that failed, and the longest; doubled from one failure to the next.
_BACK_OFF: Final = (0.2, 30.0)
#: A child that ran this many seconds is not failing over and over.
_SETTLED: Final = 10.0
#: Held by the keeper of the private queue server as long as it lives; it ends with 3 where another has it.
SERVER_LOCK: Final = "queue-server.lock"
KEPT_ELSEWHERE: Final = 3


@dataclass(frozen=True)
class Running:
    """One line about a child, for people and JSON."""

    name: str
    pid: int | None
    running: bool
    restarts: int
    log: str


class _Kept:
    """A child and how it has fared."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.restarts = 0
        self.failures = 0
        self.start_at = 0.0
        self.started_at = 0.0
        #: Its end has been noticed and a new start is planned.
        self.planned = True


class Stack:
    """Queue server, poller and workers of a project as supervised child processes, for a `with` block."""

    def __init__(
        self,
        settings: Settings,
        *,
        slots: Mapping[str, int] | None = None,
        poller: bool = True,
        queue_server: bool = True,
        report: Callable[[str], None] | None = None,
    ) -> None:
        slots = settings.queue.slots if slots is None else slots
        self._settings = settings
        self._report = report or log.info
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._ledger: Ledger | None = None
        self._server = (
            _Kept(queue_server_child(settings)) if queue_server and not settings.redis_url else None
        )
        workers = [
            worker_child(settings, queue, slot) for queue, count in slots.items() for slot in range(count)
        ]
        self._kept = [_Kept(child) for child in ([poller_child(settings)] if poller else []) + workers]
        me = Owner.of(os.getpid(), f"supervisor/{uuid4().hex[:8]}")
        served = tuple(queue for queue, count in slots.items() if count)
        self._seen = ProcessWrite(
            id=str(me), kind="supervisor", host=me.host, pid=me.pid, started=me.started, queues=served
        )
        self._show_at = 0.0

    def start(self) -> None:
        """Start everything; a queue server that does not come is reported, and done without."""
        self._settings.state_folder.mkdir(parents=True, exist_ok=True)
        # Opened before any child does, so that one process makes a new ledger.
        self._ledger = Ledger.open(self._settings.ledger_url)
        report_dead(self._ledger)
        # At once, so that nobody starts another stack while our workers are on their way up.
        self._show()
        for kept in self._all():
            self._look_after(kept)
        if self._server is not None:
            self._await_server()
        self._keeper = threading.Thread(target=self._keep, name="supervisor", daemon=True)
        self._keeper.start()

    def stop(self, *, grace: float = GRACE) -> None:
        """End workers and poller, then the queue server; nothing of ours runs when this returns."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.join()
        deadline = time.monotonic() + grace
        for kept in self._kept:
            kept.child.ask_to_end()
        for kept in self._kept:
            if not kept.child.end(deadline):
                self._report(f"{kept.child.name} did not end and was killed")
        if self._server is not None:
            self._server.child.end(time.monotonic() + grace)
        if self._ledger is not None:
            self._report_dead()
            with suppress(BridgeError):
                processes.gone(self._ledger, self._seen.id, why="ended", by=self._seen.id)
            self._ledger.close()
            self._ledger = None

    def running(self) -> tuple[Running, ...]:
        """What is kept running, queue server first."""
        return tuple(
            Running(one.child.name, one.child.pid, one.child.running, one.restarts, str(one.child.log_file))
            for one in self._all()
        )

    def _all(self) -> list[_Kept]:
        return ([self._server] if self._server else []) + self._kept

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop(grace=1.0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK):
            for kept in self._all():
                self._look_after(kept)
            if time.monotonic() >= self._show_at:
                self._show()

    def _show(self) -> None:
        """Be seen in the ledger."""
        self._show_at = time.monotonic() + self._settings.queue.renew
        try:
            assert self._ledger is not None
            processes.beat(self._ledger, self._seen)
        except BridgeError as exc:
            log.warning("%s", exc)

    def _look_after(self, kept: _Kept) -> None:
        """Start a child that is due; plan the restart of one that ended."""
        now = time.monotonic()
        if kept.planned and now >= kept.start_at:
            if kept is self._server and self._kept_elsewhere():
                kept.start_at = now + self._settings.queue.tick
                return
            try:
                kept.child.start()
                kept.planned, kept.started_at = False, now
            except OSError as exc:
                # No processes or no memory left; it is tried again.
                self._report(f"{kept.child.name} could not be started: {exc}")
                kept.start_at = now + self._settings.queue.tick
        elif not kept.planned and not kept.child.running:
            kept.child.clear()
            kept.planned = True
            kept.start_at = now + self._pause(kept, now - kept.started_at)

    def _pause(self, kept: _Kept, lived: float) -> float:
        """Seconds until a child that ended is started again; says so."""
        code, name = kept.child.exit_code, kept.child.name
        if code == KEPT_ELSEWHERE and kept is self._server:
            return self._settings.queue.tick
        kept.restarts += 1
        self._report_dead()
        if code == 0:
            kept.failures = 0
            return 0.0
        kept.failures = 1 if lived > _SETTLED else kept.failures + 1
        pause = min(_BACK_OFF[1], _BACK_OFF[0] * 2.0 ** (kept.failures - 1))
        self._report(f"{name} ended ({code}): {kept.child.last_words()}; started again in {pause:.1f} s")
        return pause

    def _report_dead(self) -> None:
        if self._ledger is None:
            return
        try:
            report_dead(self._ledger)
        except BridgeError as exc:
            # The next death, or the poller's next round, reports it.
            log.warning("%s", exc)

    def _kept_elsewhere(self) -> bool:
        """Whether another session of this project keeps the queue server; when it ends, we start ours."""
        with file_lock(self._settings.state_folder / SERVER_LOCK) as free:
            return not free

    def _served(self) -> bool:
        url = server_url(self._settings)
        try:
            if url is not None:
                ping(url)
        except QueueError:
            return False
        return url is not None

    def _await_server(self) -> None:
        deadline = time.monotonic() + 10
        while not self._served():
            if time.monotonic() > deadline:
                self._report("the queue server did not answer in 10 s: going on without")
                return
            # The server takes a tenth of a second to listen; nothing else can be done until then.
            time.sleep(0.02)


def up(
    settings: Settings,
    *,
    slots: Mapping[str, int] | None = None,
    poller: bool = True,
    queue_server: bool = True,
    say: Callable[[str], None],
) -> int:
    """Keep it all running until Ctrl-C or SIGTERM, saying what happens; main thread only.

    The same, for a machine that only lends its slots: `poller=False, queue_server=False`.
    """
    done = threading.Event()
    on_stop_request(done.set)
    with Stack(settings, slots=slots, poller=poller, queue_server=queue_server, report=say) as stack:
        for child in stack.running():
            say(
                f"{child.name}: pid {child.pid}, log {child.log}" if child.pid else f"{child.name}: elsewhere"
            )
        while not done.wait(0.5):
            pass
        say("ending …")
    return 0


def run_module(module: str, arguments: Sequence[str]) -> int:
    """Run one of our programs in the foreground, with this terminal, and return its exit code."""
    return become([sys.executable, "-P", "-m", module, *arguments])


def queue_server_child(settings: Settings) -> Child:
    """The private queue server: Valkey; fakeredis on Windows and where OTIO_BRIDGE_QUEUE_SERVER=fake."""
    kind = os.environ.get("OTIO_BRIDGE_QUEUE_SERVER") or ("fake" if sys.platform == "win32" else "valkey")
    return _child(settings, "queue-server", "--kind", kind)


def poller_child(settings: Settings) -> Child:
    """A poller of the project."""
    return _child(settings, "poller")


def worker_child(settings: Settings, queue: str, slot: int) -> Child:
    """One worker of one queue."""
    return _child(settings, "worker", "--queue", queue, "--slot", str(slot))


def _child(settings: Settings, role: str, *more: str) -> Child:
    secrets = {"OTIO_BRIDGE_DATABASE_URL": settings.database_url, "OTIO_BRIDGE_REDIS_URL": settings.redis_url}
    name = " ".join([role, *more[1::2]]) if role == "worker" else role
    folder = str(settings.folder)
    return Child(
        name,
        # -P: neither the current folder nor the script's is searched for modules.
        [sys.executable, "-P", "-m", "otio_bridge_worker", role, *more, "--project", folder, "--until-eof"],
        log_file=settings.state_folder / "logs" / f"{name.replace(' ', '-')}.log",
        folder=settings.folder,
        environment={key: value.get_secret_value() for key, value in secrets.items() if value is not None}
        | {failpoints.ROLE: role},
    )
