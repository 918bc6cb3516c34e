"""`.otioz` and `.otiod`: a timeline together with its media, `content.otio` beside `media/`.

An archive's declared sizes are checked before a byte is unpacked, and held to while unpacking; OTIO's own
reader limits neither (298 KB became 300 MB, otio.md §6.1). Only the timeline is read into memory.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import Severity, ShotNote

_TIMELINE_MB = 512
_MEDIA_GB = 256
_MEMBERS = 100_000
#: A timeline's JSON shrinks 10 to 40 times; beyond this it is a bomb.
_RATIO = 400
_CHUNK = 1024 * 1024


def read_bundle(path: Path, *, unpack: Path | None) -> tuple[bytes, str, Path, list[ShotNote]]:
    """The timeline's JSON, the bundle's SHA-256, the folder its media lie in, and what to know.

    An archive's media are laid out once under `unpack`, by hash; without it they stay inside, and that is
    noted. Raises RefusedInput.
    """
    try:
        if path.is_dir():
            return _folder(path)
        return _archive(path, unpack)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as exc:
        raise RefusedInput(f"the archive cannot be read ({exc})", value=path) from exc
    except OSError as exc:
        raise RefusedInput(f"the bundle cannot be read ({exc.strerror or exc})", value=path) from exc


def _folder(path: Path) -> tuple[bytes, str, Path, list[ShotNote]]:
    content = path / "content.otio"
    if not content.is_file():
        raise RefusedInput("the bundle holds no content.otio", value=path)
    if content.stat().st_size > _TIMELINE_MB * 1024 * 1024:
        raise RefusedInput(f"its timeline is larger than {_TIMELINE_MB} MB", value=path)
    raw = content.read_bytes()
    return raw, hashlib.sha256(raw).hexdigest(), path.absolute(), []


def _archive(path: Path, unpack: Path | None) -> tuple[bytes, str, Path, list[ShotNote]]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check(members, path)
        content = next((member for member in members if member.filename == "content.otio"), None)
        if content is None:
            raise RefusedInput("the archive holds no content.otio", value=path)
        raw = _read(archive, content)
        media = [member for member in members if member is not content and not member.is_dir()]
        if unpack is None:
            notes = []
            if media:
                text = f"{len(media)} media files lie inside the archive and were not unpacked"
                notes.append(ShotNote(severity=Severity.WARN, code="archive", text=text))
            return raw, digest, path.absolute().parent, notes
        folder = unpack.absolute() / digest[:16]
        if not folder.is_dir():
            _lay_out(archive, media, folder)
        return raw, digest, folder, []


def _check(members: list[zipfile.ZipInfo], path: Path) -> None:
    if len(members) > _MEMBERS:
        raise RefusedInput(f"the archive holds more than {_MEMBERS} files", value=path)
    if sum(member.file_size for member in members) > _MEDIA_GB * 1024**3:
        raise RefusedInput(f"the archive unpacks to more than {_MEDIA_GB} GB", value=path)
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in member.filename or "\0" in member.filename:
            raise RefusedInput("the archive names a file outside itself", value=path)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise RefusedInput("the archive holds a link", value=path)
        if member.filename == "content.otio":
            size, packed = member.file_size, max(1, member.compress_size)
            if size > _TIMELINE_MB * 1024 * 1024 or (size > 16 * _CHUNK and size > _RATIO * packed):
                raise RefusedInput("the archive's timeline unpacks to far more than it should", value=path)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Not a byte more than was declared."""
    with archive.open(member) as file:
        raw = file.read(member.file_size + 1)
    if len(raw) != member.file_size:
        raise RefusedInput("the archive lies about a file's size", value=member.filename)
    return raw


def _lay_out(archive: zipfile.ZipFile, media: list[zipfile.ZipInfo], folder: Path) -> None:
    """All media or none: beside the place first, then renamed to it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if sum(member.file_size for member in media) > free:
        raise RefusedInput("there is no room to unpack the archive's media", value=folder.parent)
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as draft:
        ready = Path(draft) / "media"
        ready.mkdir()
        for member in media:
            target = ready.joinpath(*PurePosixPath(member.filename.replace("\\", "/")).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            left = member.file_size
            with archive.open(member) as source, target.open("xb") as out:
                while chunk := source.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise RefusedInput("the archive lies about a file's size", value=member.filename)
                    out.write(chunk)
        if not folder.exists():
            ready.rename(folder)
