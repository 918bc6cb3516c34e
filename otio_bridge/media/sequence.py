"""Image sequences as `name.%04d.ext` patterns: which numbers there are, and which are missing."""

from __future__ import annotations

import re
from pathlib import Path

from otio_bridge.errors import MediaError

_NUMBER = re.compile(r"%(?:0(\d+))?d")


def is_pattern(path: str | Path) -> bool:
    """Whether the file name holds one `%04d` (or `%d`) and so names a sequence."""
    return len(_NUMBER.findall(Path(path).name)) == 1 and not Path(path).is_file()


def file_at(pattern: str | Path, number: int) -> Path:
    """The file of one number."""
    pattern = Path(pattern)
    match = _NUMBER.search(pattern.name)
    if match is None:
        raise MediaError("is not a sequence pattern", value=pattern, allowed="name.%04d.ext")
    name = f"{pattern.name[: match.start()]}{number:0{int(match[1] or 1)}d}{pattern.name[match.end() :]}"
    return pattern.with_name(name)


def for_ffmpeg(pattern: str | Path) -> str:
    """The pattern as ffmpeg's image2 reads it: every other `%` doubled."""
    pattern = Path(pattern)
    match = _NUMBER.search(pattern.name)
    if match is None:
        return str(pattern).replace("%", "%%")
    start = len(str(pattern)) - len(pattern.name) + match.start()
    text = str(pattern)
    end = start + len(match[0])
    return text[:start].replace("%", "%%") + match[0] + text[end:].replace("%", "%%")


def found(pattern: str | Path) -> list[int]:
    """The numbers there are files of, ascending, gaps or not. Raises MediaError for an unreadable folder."""
    pattern = Path(pattern)
    match = _NUMBER.search(pattern.name)
    if match is None:
        raise MediaError("is not a sequence pattern", value=pattern, allowed="name.%04d.ext")
    width = int(match[1] or 1)
    before, after = re.escape(pattern.name[: match.start()]), re.escape(pattern.name[match.end() :])
    name = re.compile(before + r"(\d+)" + after)
    try:
        names = [entry.name for entry in pattern.parent.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise MediaError("the sequence's folder cannot be read", value=pattern.parent) from exc
    return sorted(
        int(hit[1])
        for hit in map(name.fullmatch, names)
        # 00012 is not file 12 of %04d; 12345 is file 12345 of it.
        if hit and (len(hit[1]) == width or (len(hit[1]) > width and hit[1][0] != "0"))
    )


def numbers(pattern: str | Path) -> range:
    """The numbers of a sequence, first to last.

    Raises MediaError where there are none, and where one between them is missing, naming it.
    """
    have = found(pattern)
    if not have:
        raise MediaError("the sequence has no files", value=pattern)
    everything = range(have[0], have[-1] + 1)
    if len(have) != len(everything):
        missing = sorted(set(everything) - set(have))
        raise MediaError(f"the sequence misses {_listed(missing)}", value=pattern)
    return everything


def _listed(missing: list[int]) -> str:
    """`1004, 1007-1009 and 3 more`."""
    runs: list[list[int]] = []
    for number in missing:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:10]]
    rest = sum(map(len, runs[10:]))
    return ", ".join(texts) + (f" and {rest} more" if rest else "")
