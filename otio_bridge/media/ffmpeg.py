"""Running ffmpeg: which one, how inputs are opened safely, and how it is ended.

`input_args` is the only way an input is named: with the one demuxer its bytes say (sniff.py), local
files only. Works with ffmpeg 5 to 9 (no `-vsync`, which 9 has removed).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import psutil

from otio_bridge.errors import MediaError
from otio_bridge.media import sequence
from otio_bridge.media.sniff import Container, sniff

#: What ffmpeg and PyAV may open by URL.
PROTOCOLS = "file,pipe"
#: Transport and program streams: clocks that begin anywhere, seeks that land late by a group of pictures.
STREAMS = frozenset({"mpegts", "mpegps"})
_TAIL_LINES = 12


@cache
def executable(configured: str = "") -> str:
    """The ffmpeg to run: the configured one, else PATH's where it is newer than the bundled, else that.

    Raises MediaError where the configured one does not run, or there is none at all.
    """
    if configured:
        if version(configured) is None:
            raise MediaError(
                "the ffmpeg of the settings does not run", value=configured, next="otio-bridge doctor"
            )
        return configured
    try:
        bundled: str | None = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        bundled = None
    on_path = shutil.which("ffmpeg")
    if on_path and (bundled is None or (version(on_path) or ()) > (version(bundled) or ())):
        return on_path
    if bundled is None:
        raise MediaError("there is no ffmpeg", next="pip install imageio-ffmpeg, or set media.ffmpeg")
    return bundled


@cache
def version(path: str) -> tuple[int, ...] | None:
    """`(9, 0, 2)`; `()` for builds that state none (nightlies); None where it does not run."""
    try:
        done = subprocess.run(
            [path, "-hide_banner", "-version"], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0 or not text.startswith("ffmpeg version"):
        return None
    match = re.match(r"ffmpeg version n?(\d+(?:\.\d+)*)", text)
    return tuple(map(int, match[1].split("."))) if match else ()


def open_options(container: Container) -> dict[str, str]:
    """The same fence as options of `av.open` (with `format=container.demuxer`)."""
    return {"protocol_whitelist": PROTOCOLS, "format_whitelist": container.demuxer}


def file_url(path: str | Path) -> str:
    """A path no protocol prefix, option or percent sign can be read out of."""
    return f"file:{Path(path).absolute()}"


def input_args(
    path: str | Path,
    *,
    rate: Fraction | None = None,
    seek: Fraction | None = None,
    first_number: int | None = None,
) -> list[str]:
    """`… -i file:…` for a movie, a still or a `%04d` sequence, fenced by what the file really is.

    `rate` is stamped on stills and sequences; on movies only where it is given, and then replaces the
    file's own times (frame k shows at k/rate). `seek` is a time on the file's own clock, which becomes 0:
    not after the file's start, over which versions of ffmpeg disagree (sound's priming); with six decimals,
    since milliseconds land on the next frame at NTSC rates (media.md §6). In `STREAMS` it *is* seconds after
    the file's start. `first_number` is the sequence file to begin with. Raises MediaError for what is not media.
    """
    stamp = ["-framerate", str(rate or 25)]
    if sequence.is_pattern(path):
        first = sequence.numbers(path)[0] if first_number is None else first_number
        sniff_still(sequence.file_at(path, first))
        numbered = ["-pattern_type", "sequence", "-start_number", str(first)]
        url = sequence.for_ffmpeg(Path(path).absolute())
        return [*_fence("image2"), *stamp, *numbered, "-i", f"file:{url}"]
    found = sniff(path)
    args = _fence(found.demuxer)
    if found.still:
        args += stamp
    elif rate is not None:
        args += ["-r", str(rate)]
    if seek is not None and found.name in STREAMS:
        # Their own clock is not to be had: ffmpeg moves it to the first stream that is used.
        args += ["-ss", _seconds(seek)] if seek > 0 else []
    elif seek is not None:
        args += ["-seek_timestamp", "1", "-ss", _seconds(seek)]
    return [*args, "-i", file_url(path)]


def output_arg(path: str | Path) -> str:
    """A movie or `%04d` sequence as an output: no option, no protocol, no other pattern in its name."""
    whole = Path(path).absolute()
    return sequence.for_ffmpeg(whole) if sequence.is_pattern(path) else str(whole)


def _seconds(time: Fraction) -> str:
    """With six decimals, exactly: no float is wide enough for every clock."""
    millionths = round(time * 1_000_000)
    return f"{'-' if millionths < 0 else ''}{abs(millionths) // 1_000_000}.{abs(millionths) % 1_000_000:06d}"


def raw_input_args(width: int, height: int, rate: Fraction, pix_fmt: str = "rgb24") -> list[str]:
    """Raw pictures from `run(feed=…)` as the input."""
    size = ["-s", f"{width}x{height}", "-pix_fmt", pix_fmt, "-framerate", str(rate)]
    return ["-protocol_whitelist", PROTOCOLS, "-f", "rawvideo", *size, "-i", "pipe:0"]


def sniff_still(path: Path) -> Container:
    """`sniff`, for one picture. Raises MediaError where the file is a movie."""
    found = sniff(path)
    if not found.still:
        raise MediaError(f"is a {found.name} movie inside an image sequence", value=path)
    return found


def _fence(demuxer: str) -> list[str]:
    return ["-protocol_whitelist", PROTOCOLS, "-format_whitelist", demuxer, "-f", demuxer]


def run(
    args: Sequence[str],
    *,
    what: str,
    deadline: float | None = None,
    progress: Callable[[int], None] | None = None,
    feed: Iterable[bytes] | None = None,
    cwd: Path | None = None,
    ffmpeg: str = "",
) -> None:
    """Run ffmpeg over `args` (inputs by `input_args`; outputs are overwritten) and wait for it.

    `what` names the work in messages ("cutting the plate"). `deadline` is a `time.monotonic()` instant: then
    it is killed, with its children. `progress` is called in this thread with the frames written so far;
    what it raises ends ffmpeg and is passed on. `feed` is written to its `pipe:0`.
    Raises MediaError with the end of what ffmpeg said.
    """
    command = [executable(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"]
    command += ["-stats_period", "0.5", "-progress", "pipe:1", "-y", *args]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            # On Windows it would open a console window of its own. It stays in our process group, which
            # the supervisor ends.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            # FFREPORT would make it write a log of every path beside us.
            env={key: value for key, value in os.environ.items() if key != "FFREPORT"},
        )
    except OSError as exc:
        raise MediaError(f"{what}: ffmpeg does not start ({exc})", value=command[0]) from exc
    with process:
        _attend(process, what, deadline, progress, feed)


def _attend(
    process: subprocess.Popen[bytes],
    what: str,
    deadline: float | None,
    progress: Callable[[int], None] | None,
    feed: Iterable[bytes] | None,
) -> None:
    late = threading.Event()
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    broken: list[BaseException] = []
    threads = [threading.Thread(target=_keep_tail, args=(process, tail), daemon=True)]
    if feed is not None:
        threads.append(threading.Thread(target=_write, args=(process, feed, broken), daemon=True))
    left = threading.TIMEOUT_MAX if deadline is None else max(0.0, deadline - time.monotonic())
    clock = threading.Timer(left, _stop, args=(process, late))
    clock.daemon = True
    assert process.stdout is not None
    try:
        for thread in (*threads, clock):
            thread.start()
        for line in process.stdout:
            if progress is not None and line.startswith(b"frame="):
                progress(int(line[6:]))
        code = process.wait()
    finally:
        clock.cancel()
        kill(process)
        for thread in threads:
            thread.join()
    if broken:
        raise broken[0]
    if late.is_set():
        raise MediaError(f"{what}: ffmpeg was stopped at the step's deadline")
    if code != 0:
        raise MediaError(f"{what}: ffmpeg failed ({code})", value=" | ".join(tail) or "it said nothing")


def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it started, at once; nothing where it has ended."""
    if process.poll() is not None:
        return
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()


def _keep_tail(process: subprocess.Popen[bytes], tail: deque[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        tail.append(line[:1000].decode("utf-8", "replace").strip())


def _write(process: subprocess.Popen[bytes], feed: Iterable[bytes], broken: list[BaseException]) -> None:
    """Feed it; where it stops reading, its exit code says why, and where the feed fails, it is ended."""
    assert process.stdin is not None
    try:
        for data in feed:
            try:
                process.stdin.write(data)
            except OSError:
                break
    except BaseException as exc:  # noqa: BLE001 -- handed to the caller's thread
        broken.append(exc)
        kill(process)
    with suppress(OSError):
        process.stdin.close()
