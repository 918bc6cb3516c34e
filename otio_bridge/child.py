"""A child process that ends with us.

It holds the reading end of a pipe as its standard input: closing it asks the child to end, and our own death
closes it too, on every platform. It is its own process group, so that Ctrl-C reaches only us.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from otio_bridge.platform import kill_group, kill_tree, own_group, process_start_time

#: Bytes after which a log is put aside at the next start.
_LOG_LIMIT: Final = 4 * 1024 * 1024


class Child:
    """A process that ends with us. Its output goes to a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_file: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._command = [*command]
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0

    @property
    def pid(self) -> int | None:
        """Its process, once started."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it (again)."""
        self._close_pipe()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_LIMIT:
            self.log_file.replace(self.log_file.with_suffix(".old.log"))
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment,
                **own_group(),
            )
        self._started = process_start_time(self._process.pid) or 0

    def ask_to_end(self) -> None:
        """Close its standard input; it ends after the step it is at."""
        self._close_pipe()

    def end(self, deadline: float) -> bool:
        """Wait until the (monotonic) deadline, then kill it and all it started. True if it ended itself."""
        self.ask_to_end()
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
            return True
        except subprocess.TimeoutExpired:
            kill_tree(self._process.pid, self._started)
            self._process.wait()
            return False
        finally:
            self.clear()

    def clear(self) -> None:
        """Kill what a dead child left behind in its process group (an ffmpeg, say)."""
        if self._process is not None and not self.running:
            kill_group(self._process.pid)

    def last_words(self) -> str:
        """The last line of its log."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, self.log_file.stat().st_size - 2000))
                lines = file.read().decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
