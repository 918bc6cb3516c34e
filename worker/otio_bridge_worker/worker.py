"""One slot: a process that does one step after another of its queue, woken by nudges, and by itself."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import Any, Final

import redis
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout, NoSuchJobError
from rq.job import Job

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, QueueError
from otio_bridge.platform import Owner
from otio_bridge.queue import connect, queue_name, server_url
from otio_bridge.settings import load
from otio_bridge_worker.ending import asked_to_end
from otio_bridge_worker.job import step
from otio_bridge_worker.nudge import Nudge
from otio_bridge_worker.presence import present

log = logging.getLogger(__name__)

#: Seconds of one blocking pop: how soon an idle worker notices that it shall end.
_SLICE: Final = 0.5
#: Seconds for which a server that hangs is not asked again; each time costs two timeouts.
_SHUN: Final = 30.0


def run(project: Path, queue: str, slot: int) -> int:
    """Serve one queue of a project until asked to end, or until this process is due to be replaced."""
    settings = load(project)
    ending = asked_to_end(tied=True)
    owner = Owner.of(os.getpid(), f"{queue}/{slot}")
    with App.open(settings) as app, present(app, owner, "worker", (queue,)):
        app.ending = ending
        worker = SlotWorker(app, queue, owner=str(owner), ending=ending)
        worker.work(max_jobs=settings.queue.recycle)
    return 0


class SlotWorker(SimpleWorker):
    """RQ's simple worker without its loop and its books.

    RQ's loop ends with the queue server, and its registries, results, retries and scheduler are relied on
    nowhere (design §2, rule 4). This loop takes nudges out of RQ's queue; where none comes for a tick, or no
    server answers, it looks into the ledger by itself.
    """

    job_class = Nudge
    #: Seconds after which a server that hangs is given up, plus those of the pop; RQ would wait 415.
    connection_timeout = 5

    def __init__(self, app: App, queue: str, *, owner: str, ending: threading.Event) -> None:
        self._app = app
        self._owner = owner
        self._ending = ending
        self._queue = queue
        self._url = server_url(app.settings)
        self._shunned_until = 0.0
        self._alone = False
        # A server that is not there yet must not keep us from working: nothing is connected here.
        super().__init__(
            [queue_name(app.ledger.id, queue)],
            connection=connect(self._url or "redis://127.0.0.1:1"),
            serializer="json",
            prepare_for_work=False,
        )

    def work(self, *args: Any, max_jobs: int | None = None, **kwargs: Any) -> bool:
        """Step until asked to end, or `max_jobs` steps long; True if any was done."""
        tick = self._app.settings.queue.tick
        steps, busy = 0, True
        while not self._ending.is_set() and (max_jobs is None or steps < max_jobs):
            # While there is work, a waiting token is only taken along: it stood for what is done anyway.
            self._wait(0 if busy else tick)
            if self._ending.is_set():
                break
            busy = self._step()
            steps += busy
        return bool(steps)

    def execute_job(self, job: Job, queue: Queue) -> bool:
        """Whether the job is a nudge; whatever else it may be is dropped and reported."""
        genuine = isinstance(job, Nudge) and job.genuine
        if not genuine:
            log.warning("dropped a job that is no nudge: %s", job.id)
        return genuine

    def _step(self) -> bool:
        try:
            return step(self._app, self._queue, self._owner)
        except BridgeError as exc:
            log.error("%s", exc)
        except Exception:  # the outermost edge: one take's surprise must not end the slot
            log.exception("a step failed unexpectedly; its lease runs out and it is tried again")
        return False

    def _wait(self, seconds: float) -> None:
        """Return at a nudge, after `seconds`, or when asked to end."""
        until = time.monotonic() + seconds
        while not self._ending.is_set():
            left = until - time.monotonic()
            if time.monotonic() < self._shunned_until:
                self._ending.wait(max(0.0, min(left, _SLICE)))
            else:
                try:
                    if self._nudged(min(left, _SLICE)):
                        return
                except (redis.RedisError, QueueError) as exc:
                    self._do_without(exc)
            if left <= 0:
                return

    def _do_without(self, exc: Exception) -> None:
        """Leave the queue server alone for a while, and look where it is then: it may have moved."""
        if not self._alone:
            log.warning("no queue server (%s): looking into the ledger by itself", type(exc).__name__)
        self._alone = True
        hung = isinstance(exc, redis.TimeoutError)
        self._shunned_until = time.monotonic() + (
            _SHUN if hung else min(_SLICE, self._app.settings.queue.tick)
        )
        url = server_url(self._app.settings)
        if url is not None and url != self._url:
            self._url, self._shunned_until = url, 0.0
            self.connection.close()
            self.connection = connect(url, timeout=self.connection_timeout)

    def _nudged(self, seconds: float) -> bool:
        """Take one token; waits up to `seconds` for it. Not by RQ's `dequeue_any`: it parks a job in an
        intermediate list, where the jobs of workers that died collect."""
        timeout: Any = max(seconds, 0.05) if seconds > 0 else None
        try:
            found = Queue.lpop(self.queue_keys(), timeout, connection=self.connection)
            if found is None:
                return False
            job = Nudge.fetch(
                found[1].decode("ascii"), connection=self.connection, serializer=self.serializer
            )
            self.connection.unlink(job.key)
        except (DequeueTimeout, NoSuchJobError):
            self._alone = False
            return False
        except (ValueError, TypeError):
            log.warning("dropped a job whose id is no job's")
            return False
        return self.execute_job(job, self.queues[0])
