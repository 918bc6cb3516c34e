"""Failpoints do nothing unless asked, and what they are asked for exactly once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otio_bridge.failpoints import FOLDER, ROLE, SETTING, FailpointError, failpoint
from otio_bridge.testing.failpoints import FAILPOINTS, environment, hits


def test_nothing_happens_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    for name in FAILPOINTS:
        failpoint(name)


def test_each_fires_once_and_leaves_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key, value in environment(tmp_path / "hits", [("T3.before", "raise"), ("T4.after", "raise")]).items():
        monkeypatch.setenv(key, value)
    failpoint("T3.after")
    with pytest.raises(FailpointError):
        failpoint("T3.before")
    failpoint("T3.before")
    assert hits(tmp_path / "hits") == {"T3.before"}


def test_without_a_folder_it_fires_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv(SETTING, "T3.before=raise")
    for _ in range(2):
        with pytest.raises(FailpointError):
            failpoint("T3.before")


def test_a_role_limits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "T3.before@worker=raise;T4.before=nonsense")
    monkeypatch.setenv(ROLE, "poller")
    failpoint("T3.before")
    monkeypatch.setenv(ROLE, "worker")
    with pytest.raises(FailpointError):
        failpoint("T3.before")
    with pytest.raises(FailpointError, match="unknown action"):
        failpoint("T4.before")


def test_kill_ends_the_process_at_once(tmp_path: Path) -> None:
    code = (
        "import atexit; atexit.register(print, 'left politely')\n"
        "from otio_bridge.failpoints import failpoint; failpoint('publish.before'); print('lived')"
    )
    variables = environment(tmp_path / "hits", [("publish.before", "kill")])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True)
    assert done.returncode != 0 and done.stdout == b"" and hits(tmp_path / "hits") == {"publish.before"}


def test_a_name_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no failpoint"):
        environment(tmp_path, [("T9.before", "kill")])
