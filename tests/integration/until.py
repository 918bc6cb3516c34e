"""Waiting in tests: polled, with a deadline far beyond what should be needed."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(happened: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
