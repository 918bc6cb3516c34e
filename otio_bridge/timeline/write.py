"""The relinked edit on disk: whole or not at all, and never in place of the edit it came from."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import opentimelineio as otio

from otio_bridge.errors import BridgeError, RefusedInput
from otio_bridge.timeline import ours
from otio_bridge.timeline.load import Edit, parse_otio
from otio_bridge.timeline.target import Target, target_named
from otio_bridge.timeline.url import to_path


def write_edit(edit: Edit, out: Path, *, target: Target | str = "review", overwrite: bool = False) -> Path:
    """Write the edit as `.otio` to `out`, by way of a file beside it that is read back first.

    `overwrite` allows `out` to be the edit's own file. Raises RefusedInput for another format, for the
    edit's own file, and where the folder cannot be written; nothing half-written stays.
    """
    target = target_named(target) if isinstance(target, str) else target
    out = out.absolute()
    if out.suffix.lower() != ".otio":
        raise RefusedInput(
            f"relinked edits are written as .otio; {out.suffix or 'that'} files are not written yet",
            value=out,
            next=f"-o {out.with_suffix('.otio').name}",
        )
    if not overwrite and _same_file(out, edit.path):
        raise RefusedInput(
            "that is the edit itself, which is never overwritten",
            value=out,
            next=f"-o {out.stem}_relinked.otio",
        )
    root = edit.timeline if edit.wrapped or edit.root is None else edit.root
    text: str = otio.core.serialize_json_to_string(root, dict(target.schemas) or None, 4)
    try:
        again: Any = parse_otio(text.encode("utf-8"))
    except (RefusedInput, UnicodeEncodeError) as exc:
        raise RefusedInput(f"the relinked edit could not be read back ({exc})", value=edit.path) from exc
    if _shown(again) != _shown(root):
        raise BridgeError("the relinked edit reads back otherwise than it was written", value=out)
    _replace(out, text)
    return out


def relative_notes(edit: Edit, out: Path) -> tuple[str, ...]:
    """What a person should know where `out` lies elsewhere than the edit: its relative addresses lead astray."""
    if _same_file(out.absolute().parent, edit.base):
        return ()
    urls = _shown(edit.timeline)
    count = sum(1 for url in urls if url and to_path(url, base=Path("/a")) != to_path(url, base=Path("/b")))
    if not count:
        return ()
    return (f"{count} clips name their media relative to {edit.base}: write the relinked edit there",)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.normcase(one) == os.path.normcase(other.absolute())


def _shown(root: Any) -> list[str]:
    """What each clip shows."""
    return [ours.url_of(clip.media_reference) for clip in root.find_clips()]


def _replace(out: Path, text: str) -> None:
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    except OSError as exc:
        with suppress(OSError):
            part.unlink()
        raise RefusedInput(
            f"the relinked edit cannot be written ({exc.strerror})", value=out, next="-o a file you may write"
        ) from exc
