"""Children: ended by the end of their input, with their parent, and with all they started themselves."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from until import until

from otio_bridge.child import Child
from otio_bridge.platform import (
    Owner,
    file_lock,
    fsync_dir,
    is_network_share,
    kill_tree,
    process_start_time,
    write_private,
)

#: Writes its pid, ends cleanly (with a file to say so) at the end of its input.
TIED = """
    import os, sys, threading
    from pathlib import Path
    from otio_bridge.platform import die_with_parent
    ended = threading.Event()
    die_with_parent(ended.set)
    assert os.read(0, 1) == b""
    Path("pid").write_text(str(os.getpid()))
    ended.wait()
    Path("clean").touch()
"""
#: Takes no notice, and has a child of its own.
STUBBORN = """
    import signal, subprocess, sys, time
    from pathlib import Path
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path("inner").write_text(str(inner.pid))
    Path("pid").write_text("")
    time.sleep(600)
"""


def child(folder: Path, program: str) -> Child:
    command = [sys.executable, "-P", "-c", textwrap.dedent(program)]
    return Child("test", command, log_file=folder / "logs" / "test.log", folder=folder)


def number_in(file: Path) -> int | None:
    return int(file.read_text()) if file.exists() and file.read_text() else None


def test_the_end_of_its_input_asks_a_child_to_end(tmp_path: Path) -> None:
    tied = child(tmp_path, TIED)
    tied.start()
    until(lambda: (tmp_path / "pid").exists())
    assert tied.running
    assert tied.end(time.monotonic() + 20)
    assert tied.exit_code == 0
    assert (tmp_path / "clean").exists()


def test_a_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = f"""
        import time
        from pathlib import Path
        from otio_bridge.child import Child
        import sys
        folder = Path({str(tmp_path)!r})
        child = Child("test", [sys.executable, "-P", "-c", {textwrap.dedent(TIED)!r}],
                      log_file=folder / "log", folder=folder)
        child.start()
        time.sleep(600)
    """
    process = subprocess.Popen([sys.executable, "-P", "-c", textwrap.dedent(parent)])
    until(lambda: number_in(tmp_path / "pid"))
    pid = number_in(tmp_path / "pid")
    assert pid is not None and process_start_time(pid) is not None
    process.kill()
    process.wait()
    until(lambda: process_start_time(pid) is None)
    assert (tmp_path / "clean").exists()


def test_a_child_that_will_not_end_is_killed_with_its_own_children(tmp_path: Path) -> None:
    stubborn = child(tmp_path, STUBBORN)
    stubborn.start()
    until(lambda: (tmp_path / "pid").exists())
    inner = number_in(tmp_path / "inner")
    assert inner is not None
    assert not stubborn.end(time.monotonic() + 0.2)
    until(lambda: process_start_time(inner) is None)
    assert not stubborn.running


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process groups to kill")
def test_what_a_killed_child_left_behind_is_cleared(tmp_path: Path) -> None:
    stubborn = child(tmp_path, STUBBORN)
    stubborn.start()
    until(lambda: (tmp_path / "pid").exists())
    inner = number_in(tmp_path / "inner")
    assert inner is not None and stubborn.pid is not None
    psutil.Process(stubborn.pid).kill()
    until(lambda: not stubborn.running)
    assert process_start_time(inner) is not None
    stubborn.clear()
    until(lambda: process_start_time(inner) is None)
    stubborn.end(time.monotonic())


def test_the_log_tells_a_childs_last_words_and_does_not_grow_for_ever(tmp_path: Path) -> None:
    speaker = child(tmp_path, "print('first'); print('last words')")
    for _ in range(2):
        speaker.start()
        until(lambda: not speaker.running)
    assert speaker.last_words() == "last words"
    assert speaker.log_file.read_text().count("first") == 2
    speaker.log_file.write_bytes(b"x" * (5 * 1024 * 1024))
    speaker.start()
    until(lambda: not speaker.running)
    assert speaker.log_file.stat().st_size < 100
    speaker.end(time.monotonic())


def test_an_owner_is_written_and_read_and_known_to_live_or_not() -> None:
    me = Owner.of(os.getpid(), "cpu/0")
    assert Owner.parse(str(me)) == me
    assert me.alive is True
    assert Owner(me.host, me.pid, me.started + 1, me.slot).alive is False
    assert Owner("elsewhere", me.pid, me.started, me.slot).alive is None
    assert Owner("elsewhere", me.pid, me.started, me.slot).end() is False
    assert 0 < me.started < 2**63


def test_a_pid_given_to_another_process_is_not_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started = process_start_time(process.pid)
    assert started is not None
    assert kill_tree(process.pid, started + 1)
    assert process.poll() is None
    assert kill_tree(process.pid, started)
    process.wait()
    assert process_start_time(process.pid) is None


def test_a_lock_is_held_once_and_freed_with_its_block(tmp_path: Path) -> None:
    with file_lock(tmp_path / "lock") as first, file_lock(tmp_path / "lock") as second:
        assert first
        assert not second
    with file_lock(tmp_path / "lock") as again:
        assert again


def test_a_private_file_is_whole_and_its_owners(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "one")
    write_private(tmp_path / "secret", "two")
    assert (tmp_path / "secret").read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
    if os.name == "posix":
        assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_local_folder_is_no_share_and_can_be_synced(tmp_path: Path) -> None:
    assert not is_network_share(tmp_path)
    fsync_dir(tmp_path)


def test_a_process_that_cannot_end_in_time_gives_up_with_all_it_started(tmp_path: Path) -> None:
    busy = child(
        tmp_path,
        """
        import subprocess, sys, time
        from pathlib import Path
        from otio_bridge_worker import ending
        ending.GIVE_UP = 0.2
        asked = ending.asked_to_end(tied=True)
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path("inner").write_text(str(inner.pid))
        Path("pid").touch()
        inner.wait()
        Path("noticed").touch()
        """,
    )
    busy.start()
    until(lambda: (tmp_path / "pid").exists())
    inner = number_in(tmp_path / "inner")
    assert inner is not None
    assert busy.end(time.monotonic() + 20)
    assert process_start_time(inner) is None
    # The step did not live to take its child's death for a fault of its own.
    assert not (tmp_path / "noticed").exists()
