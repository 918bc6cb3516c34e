"""Files that are never replaced: publishing, work folders, receipts, names.

`src` and `dst` may be `%04d` sequences wherever a movie may be.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.failpoints import failpoint
from otio_bridge.media import sequence
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.value import Value
from otio_bridge.platform import fsync_dir

RECEIPT_SUFFIX = ".receipt"
_RECEIPT_SIZE = 64 * 1024
_RECEIPT_HEAD = re.compile(rb"OTIO-BRIDGE-1 (\d{1,8}) ([0-9a-f]{64})\n")
_CHUNK = 1 << 20


class Written(Value):
    """A finished file: where it is, what is in it, and its SHA-256."""

    path: Path
    sha256: str
    info: MediaInfo


def sha256(path: str | Path) -> str:
    """Hex SHA-256 of a file; of a sequence, that of its lines `number digest`. Raises MediaError."""
    if sequence.is_pattern(path):
        whole = hashlib.sha256()
        for number in sequence.numbers(path):
            whole.update(f"{number} {sha256(sequence.file_at(path, number))}\n".encode())
        return whole.hexdigest()
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise MediaError(f"cannot be read ({exc.strerror or exc})", value=path) from exc


# ---------------------------------------------------------------- publishing


def publish(src: Path, dst: Path, *, keep: bool = False) -> Path:
    """Make `src`, finished, appear as `dst`, whole and on disk, or not at all; gives `dst`.

    An existing `dst` is never replaced: with the same content all is well, with other content it is a
    MediaError. `src` is one of our work files and is gone afterwards; with `keep` it is somebody else's,
    copied and left alone. OSError (disk full, no permission) passes through: the take waits.
    """
    if sequence.is_pattern(src):
        return _publish_sequence(src, dst, keep)
    failpoint("publish.before")
    dst.parent.mkdir(parents=True, exist_ok=True)
    if not keep:
        _sync(src)
        try:
            os.link(src, dst)
        except FileExistsError:
            _same_or_refuse(src, dst)
        except OSError as exc:
            # Another volume, or a file system without hard links (exFAT, many shares).
            if exc.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None), errno.EROFS, errno.ENOENT):
                raise
            _copy(src, dst)
        fsync_dir(dst.parent)
        src.unlink()
    else:
        _copy(src, dst)
        fsync_dir(dst.parent)
    failpoint("publish.after")
    return dst


def _publish_sequence(src: Path, dst: Path, keep: bool) -> Path:
    numbers = sequence.numbers(src)
    if not set(sequence.found(dst)) <= set(numbers):
        raise MediaError("another sequence is there already; nothing was replaced", value=dst)
    for number in numbers:
        publish(sequence.file_at(src, number), sequence.file_at(dst, number), keep=keep)
    return dst


def _copy(src: Path, dst: Path) -> None:
    """A copy under another name first, so that `dst` is whole from its first moment."""
    draft = dst.with_name(f".{dst.name}.{uuid.uuid4().hex}")
    try:
        with src.open("rb") as source, draft.open("xb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(draft, dst)
        except FileExistsError:
            _same_or_refuse(draft, dst)
        except OSError:
            _claim(draft, dst)
    finally:
        draft.unlink(missing_ok=True)


def _claim(draft: Path, dst: Path) -> None:
    """Without hard links: the empty file we alone created is ours to replace.

    One of no bytes that stands there is the claim of a publisher that died; nothing of ours is empty.
    """
    try:
        dst.open("xb").close()
    except FileExistsError:
        if dst.stat().st_size:
            _same_or_refuse(draft, dst)
            return
    draft.replace(dst)


def _same_or_refuse(src: Path, dst: Path) -> None:
    if src.stat().st_size != dst.stat().st_size or sha256(src) != sha256(dst):
        raise MediaError("another file is there already; nothing was replaced", value=dst)


def _sync(path: Path) -> None:
    # Windows flushes only handles that may write.
    with path.open("r+b") as file:
        os.fsync(file.fileno())


# ---------------------------------------------------------------- places


def work_folder(root: Path, take_id: str, token: int | str) -> Path:
    """An empty folder of this holder of the take alone; what earlier holders left of it is removed.

    A worker thought dead may still write into its own folder: it is not ours, and nothing is read from it.
    """
    folder = root / f"{safe_name(take_id)}.{token}"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob(f"{safe_name(take_id)}.*"):
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    return folder


def write_whole(path: Path, content: bytes) -> Path:
    """Write a small file of ours so that it is there whole or not at all; an older one of its name is replaced."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        draft.write_bytes(content)
        _sync(draft)
        return draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def drop_work_folder(root: Path, take_id: str, token: int | str) -> None:
    """Remove what this holder of the take has left; a later holder's folder has another name."""
    shutil.rmtree(root / f"{safe_name(take_id)}.{token}", ignore_errors=True)


def free_mb(path: Path) -> int:
    """Free megabytes (2^20) where `path` is, or will be. Raises OSError where no part of it exists."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free // (1 << 20)


# ---------------------------------------------------------------- receipts


def receipt_file(path: Path, size: int = _RECEIPT_SIZE) -> Path:
    """A zero-filled file on disk, made before a call, so that its answer can be kept without room or ledger.

    Raises OSError where it cannot be made: then the call must not be made either.
    """
    with path.open("xb") as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
    fsync_dir(path.parent)
    return path


def write_receipt(path: Path, answer: Mapping[str, Any]) -> None:
    """Overwrite the file in place with the answer (JSON values), on disk when this returns.

    Length and checksum stand first, so that half an answer is never read as one.
    """
    body = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    head = b"OTIO-BRIDGE-1 %d %s\n" % (len(body), hashlib.sha256(body).hexdigest().encode())
    with path.open("r+b") as file:
        file.write(head + body)
        file.flush()
        os.fsync(file.fileno())


def read_receipts(folder: Path) -> list[tuple[Path, dict[str, Any] | None]]:
    """Every receipt in `folder`, oldest name first: its answer, or None while it has no whole one."""
    if not folder.is_dir():
        return []
    return [(path, _answer(path)) for path in sorted(folder.glob(f"*{RECEIPT_SUFFIX}"))]


def _answer(path: Path) -> dict[str, Any] | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    match = _RECEIPT_HEAD.match(data)
    if match is None:
        return None
    body = data[match.end() : match.end() + int(match[1])]
    if hashlib.sha256(body).hexdigest().encode() != match[2]:
        return None
    answer = json.loads(body)
    return answer if isinstance(answer, dict) else None


# ---------------------------------------------------------------- names

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}
)
_MOST_BYTES = 120


def safe_name(text: str) -> str:
    """A file name every system and editor takes: NFC, letters, digits, `.`, `_`, `-`; others become `_`.

    Raises RefusedInput where no letter or digit is left. Two names may become one: see `safe_names`.
    """
    name = re.sub(r"[^\w.\-]", "_", unicodedata.normalize("NFC", text.strip())).strip(".")
    while len(name.encode()) > _MOST_BYTES:
        name = name[:-1]
    # Cutting, or leaving signs out, may have left a dot last (Windows drops it) or parts to be composed.
    name = unicodedata.normalize("NFC", name).rstrip(".")
    if not any(sign.isalnum() for sign in name):
        raise RefusedInput("is no name for a file", value=repr(text), allowed="letters and digits")
    return f"_{name}" if name.split(".")[0].casefold() in _RESERVED else name


def safe_names(texts: Iterable[str]) -> dict[str, str]:
    """`safe_name` of each. Raises RefusedInput where two would be one file on some system (case folded)."""
    names = {text: safe_name(text) for text in texts}
    owners: dict[str, str] = {}
    for text, name in names.items():
        key = unicodedata.normalize("NFC", name.casefold())
        if owners.setdefault(key, text) != text:
            raise RefusedInput(f"two names would be one file, {name}", value=f"{owners[key]!r} and {text!r}")
    return names


def age_of(path: Path) -> float:
    """Seconds since a file was last written, by the clock of this machine; 0 where it is gone."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return 0.0
