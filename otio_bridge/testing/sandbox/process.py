"""The sandbox as a child process that ends with us; for tests and the demo."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from otio_bridge.errors import QueueError
from otio_bridge.testing.sandbox.book import read

_PATIENCE = 30.0


class Sandbox:
    """A running sandbox: `url`, its `book`, and how to make it misbehave. A context manager."""

    def __init__(
        self, book: Path, *, seconds: float = 1.0, port: int = 0, options: Sequence[str] = ()
    ) -> None:
        self.book = book
        self._options = [f"--seconds={seconds}", *options]
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> Self:
        """Start it and wait until it listens. Raises QueueError with what it said."""
        self.book.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            file, said = Path(folder) / "port", Path(folder) / "said"
            with said.open("wb") as out:
                self._process = subprocess.Popen(
                    [
                        sys.executable, "-P", "-m", "otio_bridge.testing.sandbox", f"--book={self.book}",
                        f"--port={self._port}", f"--port-file={file}", "--until-eof", *self._options,
                    ],
                    stdin=subprocess.PIPE, stdout=out, stderr=out,
                )  # fmt: skip
            until = time.monotonic() + _PATIENCE
            while not file.exists():
                if self._process.poll() is not None or time.monotonic() > until:
                    self.stop()
                    raise QueueError("the sandbox did not start", value=said.read_text("utf-8", "replace"))
                time.sleep(0.02)
            self.url = f"http://127.0.0.1:{int(file.read_text('ascii'))}"
        return self

    def stop(self) -> None:
        """End it as Ctrl-C would."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would; `start` carries on from the book."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process = None

    def control(self, *misbehave: str, **settings: Any) -> dict[str, Any]:
        """Make it misbehave, or with `clear=True` behave; also `seconds=` and `frame_code=`."""
        body = json.dumps({"misbehave": list(misbehave), **settings}).encode()
        request = urllib.request.Request(  # noqa: S310  (our own child's address)
            f"{self.url}/control", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            said: dict[str, Any] = json.loads(answer.read())
        return said

    def lines(self, *events: str) -> list[dict[str, Any]]:
        """Its book, or the lines of these events."""
        return [line for line in read(self.book) if not events or line["event"] in events]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
