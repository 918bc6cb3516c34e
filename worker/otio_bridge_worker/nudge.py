"""What may come out of the queue: the one job, compared by name and never imported.

JSON keeps a writer to Redis from running a pickle, not from naming `os.system`, a callback, a web hook or a
dependency. So a job is looked at once: is it a nudge? Nothing else of it is read.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from rq.exceptions import NoSuchJobError
from rq.job import Job

from otio_bridge.queue import JOB

#: More than a nudge ever needs, unpacked.
_MOST_BYTES: Final = 4096


class Nudge(Job):
    """A job as RQ keeps it, of which only this is taken: whether it is a genuine nudge."""

    genuine = False

    def refresh(self) -> None:
        """Look at the job's one field. Raises NoSuchJobError where it has none (it expired)."""
        data: Any = self.connection.hget(self.key, "data")
        if data is None:
            raise NoSuchJobError(f"No such job: {self.key}")
        self.genuine = is_nudge(data)

    def perform(self) -> Any:
        """Never: RQ would import what the job names."""
        raise NotImplementedError("a nudge is executed by its worker")


def is_nudge(data: bytes) -> bool:
    """Whether RQ's call data (JSON, deflated or not) are exactly our step, without arguments."""
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(data, _MOST_BYTES)
        if not unpack.eof:
            return False
    except zlib.error:
        text = data[:_MOST_BYTES]
    try:
        return bool(json.loads(text) == [JOB, None, [], {}])
    except (ValueError, RecursionError):
        return False
