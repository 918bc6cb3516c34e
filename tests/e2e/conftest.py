"""One sandbox for the whole loop's tests, told to keep the frame code readable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otio_bridge.testing.sandbox.process import Sandbox


@pytest.fixture(scope="session")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "book.jsonl", seconds=0.0) as service:
        yield service


@pytest.fixture
def sandbox(_service: Sandbox) -> Iterator[Sandbox]:
    """A well-behaved sandbox; what a test makes it do ends with the test."""
    _service.control(clear=True, frame_code=True)
    yield _service
    _service.control(clear=True, frame_code=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty project folder."""
    return tmp_path / "project"
