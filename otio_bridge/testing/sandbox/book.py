"""The sandbox's own book: what reached it, written down before it answers or misbehaves.

One JSON object a line (`sandbox.book`, UTF-8), appended and synced to disk, never changed. A script that
imports nothing of ours reads it with `[json.loads(line) for line in open("sandbox.book")]`.
Every line has `n` (1, 2, …), `at` (UTC) and `event`; further keys by event:

| event     | when                                            | further keys                           |
|-----------|-------------------------------------------------|----------------------------------------|
| arrived   | a POST reached us, before anything is decided   | path, reference, body (upload: bytes)  |
| uploaded  | an upload was kept                              | upload, sha256, bytes, expires         |
| refused   | a request was turned away; nothing was accepted | reference, status, why                 |
| accepted  | a request was taken and will be paid            | id, reference, amount, currency, body  |
| wrong     | we misbehave on purpose                         | id or path, what                       |
| finished  | the result lies in the folder beside the book   | id, file, frames, charged, currency    |
| failed    | the work failed                                 | id, why, moderated, charged, currency  |
| cancelled | a caller stopped it before it finished          | id, charged (0), currency              |
| fetched   | a result was sent whole                         | id                                     |

Money spent is the sum of `charged`; a part paid twice shows as two `accepted` whose
`body` is equal but for `reference` and the uploads it names, which are new for every call.
"""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Book:
    """An append-only file of JSON lines; thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._n = len(read(path))
        self._file = path.open("ab")
        # A line a crash has cut is dropped, so that the next one starts on its own.
        self._file.truncate(path.read_bytes().rfind(b"\n") + 1)

    @property
    def files(self) -> Path:
        """The folder beside the book with uploads and results."""
        folder = self.path.with_name(self.path.name + ".files")
        folder.mkdir(exist_ok=True)
        return folder

    def write(self, event: str, **facts: Any) -> dict[str, Any]:
        """Add a line; when this returns it is on the disk."""
        with self._lock:
            self._n += 1
            entry = {"n": self._n, "at": datetime.now(UTC).isoformat(), "event": event, **facts}
            self._file.write((json.dumps(entry, ensure_ascii=False) + "\n").encode())
            self._file.flush()
            os.fsync(self._file.fileno())
            return entry

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def read(path: Path) -> list[dict[str, Any]]:
    """Every whole line; a last line cut by a crash is left out (its request was never answered)."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]


def accepted(path: Path) -> list[dict[str, Any]]:
    """Every request the sandbox took, in order: what a test counts to see that nothing was paid twice."""
    return [entry for entry in read(path) if entry["event"] == "accepted"]
