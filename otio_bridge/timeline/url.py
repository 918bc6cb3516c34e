r"""What a `target_url` means: every form found in 699 distinct URLs of real files (otio.md §6.3).

OTIO's own `filepath_from_url` loses drive letters, cuts at `#`, decodes twice and spoils `%04d`; this parser
is pure string work with one decode. Paths are written with `/`: `/mnt/a`, `C:/a`, `//server/share/a`.

| written                                              | meant                                   |
|------------------------------------------------------|-----------------------------------------|
| `/a b.mov`, `C:\a.mov`, `\\srv\share\a`, `X:/a\`     | itself, never decoded                   |
| `file:///a%20b.mov`, `file://localhost/a`, `file:/a` | `/a b.mov`, `/a`, `/a`                  |
| `file:///C%3A/a`, `file://X:/a`, `file:C:/a`         | `C:/a`, `X:/a`, `C:/a`                  |
| `file://srv/share/a`, `file:////srv/share/a`         | `//srv/share/a`                         |
| `file://Disk:Folder:a.mov` (HFS)                     | `/Volumes/Disk/Folder/a.mov`            |
| `media/a.mov`, `./a.mov`                             | against the edit's folder               |
| `https:…`, any other scheme, NUL, `C:a.mov`          | nothing: None                           |
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote_to_bytes

from otio_bridge.model.value import Value

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_DRIVE = re.compile(r"/?([A-Za-z])[:|](?=/|$)")
_FRAME_SIGN = re.compile(r"%0\dd")
_PORT = re.compile(r"[^:/]+:\d+")


class UrlForm(StrEnum):
    """How a path is written into a timeline; which one an application reads is the target's business."""

    BARE = "bare"  #: `/m/a b.mov`: Resolve, Kdenlive
    FILE = "file"  #: `file:///m/a%20b.mov`: Premiere's OTIO, Avid
    FILE_LOCALHOST = "localhost"  #: `file://localhost/m/a%20b.mov`: FCP 7 XML


class PathMap(Value):
    """One folder as machines spell it; the first spelling is canonical, `here` is this machine's."""

    spellings: tuple[str, ...]
    here: str


class PathMaps(Value):
    """`/mnt/show` ⇄ `P:/show` ⇄ `/Volumes/show`, the longest spelling first."""

    maps: tuple[PathMap, ...] = ()

    @classmethod
    def from_settings(cls, paths: Mapping[str, Sequence[str]], *, windows: bool = os.name == "nt") -> Self:
        """From `[media.paths]`. This machine's spelling is its platform's: the first that is there."""
        maps = []
        for spellings in paths.values():
            known = tuple(path for path in map(parse_url, spellings) if path and _is_absolute(path))
            ours = [path for path in known if _is_windows(path) == windows]
            present = [path for path in ours if Path(path).is_dir()]
            if known:
                maps.append(PathMap(spellings=known, here=(present or ours or known)[0]))
        return cls(maps=tuple(maps))

    def local(self, path: str) -> str:
        """The path as this machine spells it; unchanged where no map fits."""
        return self._mapped(path, canonical=False)

    def canonical(self, path: str) -> str:
        """The path as the whole team spells it; unchanged where no map fits."""
        return self._mapped(path, canonical=True)

    def _mapped(self, path: str, *, canonical: bool) -> str:
        pairs = [(spelling, entry) for entry in self.maps for spelling in entry.spellings]
        for spelling, entry in sorted(pairs, key=lambda pair: -len(pair[0])):
            rest = _below(path, spelling)
            if rest is not None:
                return posixpath.join(entry.spellings[0] if canonical else entry.here, rest).rstrip("/")
        return path


def to_path(url: str | None, *, base: Path, maps: PathMaps | None = None) -> str | None:
    """The absolute path here that a `target_url` means; None where it means no file at all.

    `base` is the edit's folder, for relative paths. Links are not resolved and nothing is looked up.
    """
    path = parse_url(url or "")
    if path is None:
        return None
    if not _is_absolute(path):
        path = _clean(f"{base.absolute().as_posix()}/{path}")
    return maps.local(path) if maps is not None else path


def to_url(path: str, form: UrlForm) -> str:
    """An absolute path written in a target's form; `to_path` of it is the path again."""
    path = path.replace("\\", "/") if _is_windows(path) else path
    if form is UrlForm.BARE:
        return path
    host, colon = ("localhost", "%3a") if form is UrlForm.FILE_LOCALHOST else ("", ":")
    if drive := _DRIVE.match(path):
        return f"file://{host}/{drive[1]}{colon}{_encode(path[2:])}"
    if path.startswith("//") and form is UrlForm.FILE:
        name = path[2:].partition("/")[0]
        if name.isascii() and name.replace("-", "").replace(".", "").isalnum() and name != "localhost":
            return "file:" + _encode(path)
    return f"file://{host}{_encode(path)}"


def _encode(path: str) -> str:
    """Percent-encode, so that a tab before a `d` (`%09d`) is not read back as a frame sign."""
    return _FRAME_SIGN.sub(lambda sign: f"{sign[0][:-1]}%64", quote(path, safe="/"))


def parse_url(url: str) -> str | None:
    """The path a URL or path text spells, relative ones as they are; None where it spells no file."""
    text = url.strip("\r\n\t ") if url.lower().startswith("file:") else url
    if not text.strip() or "\0" in text:
        return None
    if text[:5].lower() == "file:":
        path = _from_file_url(text[5:])
    elif re.match(r"[A-Za-z]:[/\\]", text):
        path = text.replace("\\", "/")
    elif text.startswith("\\\\"):
        path = _unc(text.replace("\\", "/"))
    elif re.match(r"[A-Za-z]:", text) or _SCHEME.match(text):
        return None
    elif "\\" in text and "/" not in text:
        path = text.replace("\\", "/")
    else:
        path = text
    if path is None or "\0" in path:
        return None
    return _clean(path)


def _from_file_url(rest: str) -> str | None:
    """What follows `file:`."""
    if not rest.startswith("//"):
        path = _decode(rest).replace("\\", "/")
        drive = _DRIVE.match(path)
        if drive:
            return path.removeprefix("/")
        return None if re.match(r"[A-Za-z]:", path) else path
    authority, slash, tail = rest[2:].partition("/")
    host = _decode(authority)
    path = _decode(slash + tail)
    if not host or host.lower() == "localhost":
        if path.startswith("//"):
            return _unc("//" + path.lstrip("/"))
        return path.removeprefix("/") if _DRIVE.match(path) else path
    if re.fullmatch(r"[A-Za-z][:|]", host):
        return f"{host[0]}:{path or '/'}"
    if _PORT.fullmatch(host) and path:
        return None
    if ":" in host or "\\" in host:
        volume = (host + path).replace("\\", ":")
        # HFS: `:` parts folders, and a `/` in a name is shown as `:` by POSIX.
        return "/Volumes/" + volume.replace("/", "\0").replace(":", "/").replace("\0", ":")
    return _unc(f"//{host}{path}")


def _unc(path: str) -> str | None:
    """`//server/share/…`, without the `//?/` prefix; devices (`//./`) are refused."""
    if path.startswith("//?/"):
        path = path[4:]
        return "//" + path[4:] if path[:4].upper() == "UNC/" else (path if _DRIVE.match(path) else None)
    return None if path.startswith("//./") else path


def _decode(text: str) -> str:
    """Percent-decode once, leaving frame signs (`%04d`) alone; bytes that are no UTF-8 are Windows-1252."""
    parts = _FRAME_SIGN.split(text)
    signs = _FRAME_SIGN.findall(text)
    decoded = []
    for part in parts:
        raw = unquote_to_bytes(part)
        try:
            decoded.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            decoded.append(raw.decode("cp1252", errors="replace"))
    return "".join(part + sign for part, sign in zip(decoded, [*signs, ""], strict=True))


def _clean(path: str) -> str:
    """One slash between names, no `.`, `..` folded, no slash at the end; drive letters in capitals."""
    head = ""
    if drive := _DRIVE.match(path):
        head, path = f"{drive[1].upper()}:", path[2:] or "/"
    elif path.startswith("//"):
        server, _, path = path[2:].lstrip("/").partition("/")
        head, path = f"//{server}", f"/{path}"
    cleaned = posixpath.normpath(re.sub("/+", "/", path))
    return head + ("" if head.startswith("//") and cleaned == "/" else cleaned)


def _is_windows(path: str) -> bool:
    return bool(_DRIVE.match(path.replace("\\", "/"))) or path.startswith(("//", "\\\\"))


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or bool(_DRIVE.match(path))


def _below(path: str, folder: str) -> str | None:
    """What is left of `path` inside `folder`; None outside. Windows spellings ignore case; NFC throughout."""
    fold = str.casefold if _is_windows(folder) else str
    # Compared a name at a time: folding and normalising may change lengths.
    ours, theirs = path.split("/"), folder.rstrip("/").split("/")
    if len(ours) < len(theirs):
        return None
    same = all(
        fold(unicodedata.normalize("NFC", a)) == fold(unicodedata.normalize("NFC", b))
        for a, b in zip(ours, theirs, strict=False)
    )
    return "/".join(ours[len(theirs) :]) if same else None
