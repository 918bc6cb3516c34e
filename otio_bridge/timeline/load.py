"""Edits off the disk: safely, whatever wrote them, as one timeline with its faults told.

`.otio` is read here, checked as plain JSON first: OTIO's reader crashes the process on 107 bytes that refer
to themselves and on deep nesting (otio.md §6.1). EDL, FCP 7 XML and AAF are read by their adapters in a child
process with limits. No media linker, hook or plug-in of the environment takes part in any read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, Literal, TypeGuard

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import ShotNote
from otio_bridge.model.time import snap_frame
from otio_bridge.timeline.bundle import read_bundle
from otio_bridge.timeline.mend import as_timeline, edit_rate
from otio_bridge.timeline.times import frames
from otio_bridge.timeline.url import PathMaps

Convention = Literal["record", "source"]

#: Suffix -> format, and the largest file of it in megabytes.
FORMATS = {
    ".otio": ("otio", 512),
    ".json": ("otio", 512),
    ".otioz": ("otioz", 0),
    ".otiod": ("otiod", 512),
    ".edl": ("edl", 32),
    ".xml": ("fcp7xml", 128),
    ".aaf": ("aaf", 1024),
}
_READABLE = ".otio, .otioz, .otiod, .edl, .xml (FCP 7), .aaf"
#: Seconds a child may take; 10,000 clips of AAF need about 45.
CHILD_SECONDS = 300
_DEPTH = 300
_VERSION = re.compile(r"([ _.-]+(v\d+|\d{8}|\d{4}-\d{2}-\d{2})| \(\d+\)| copy)$", re.IGNORECASE)
_INF = re.compile(r"(?<=[\s:,\[])(-?)Inf(?=[\s,\]}])")
_LONE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass
class Edit:
    """An edit as read. `timeline` is changed by relinking and by nothing else."""

    path: Path
    format: str
    timeline: otio.schema.Timeline
    cut: str
    rate: Fraction
    #: Whether its timecode counts drop-frame (see timeline.dropping).
    drop: bool
    #: Record frame of the timeline's first frame.
    start: int
    notes: tuple[ShotNote, ...]
    sha256: str
    #: A bare clip, track or stack was put into a timeline.
    wrapped: bool = False
    convention: Convention = "record"
    #: The folder relative URLs count from.
    base: Path = field(default_factory=Path)
    maps: PathMaps = field(default_factory=PathMaps)
    #: Folders media may lie in; empty: anywhere.
    roots: tuple[str, ...] = ()
    #: What the file holds, where that is more than the timeline (a collection).
    root: otio.core.SerializableObject | None = None
    #: The file itself says whether it counts drop-frame.
    drop_stated: bool = False


def read_edit(
    path: Path,
    *,
    rate: Fraction | None = None,
    convention: Convention = "record",
    maps: PathMaps | None = None,
    roots: Sequence[str] = (),
    unpack: Path | None = None,
    sequence: str | None = None,
) -> Edit:
    """Read an edit of any known format.

    `rate` is for formats and files that state none (EDL). `convention` says what a retimed source_range's
    duration counts. `unpack` is where an .otioz's media are laid out. `sequence` names one of several.
    Raises RefusedInput, in one sentence, for everything that is no edit we can read.
    """
    format, limit = _format(path)
    base, notes = path.absolute().parent, list[ShotNote]()
    drop: bool | None = None
    if format in ("otioz", "otiod"):
        text, digest, base, notes = read_bundle(path, unpack=unpack)
        root = _parsed(text, path)
    else:
        raw = _bytes(path, limit)
        digest = hashlib.sha256(raw).hexdigest()
        if format == "otio":
            root = _parsed(raw, path)
        else:
            root, notes, drop = _in_child(format, path, rate)
    timeline, wrapped, passed_over = as_timeline(root, name=path.stem, sequence=sequence)
    counted, guesses = edit_rate(timeline, rate)
    begin = timeline.global_start_time
    start = floor(snap_frame(frames(begin, counted))) if begin is not None else 0
    return Edit(
        path=path.absolute(),
        format=format,
        timeline=timeline,
        cut=cut_name(path.stem),
        rate=counted,
        drop=bool(drop),
        drop_stated=drop is not None,
        start=start,
        notes=(*notes, *passed_over, *guesses),
        sha256=digest,
        wrapped=wrapped,
        convention=convention,
        base=base,
        maps=maps or PathMaps(),
        roots=tuple(roots),
        root=root if root is not timeline else None,
    )


def load_otio(path: Path) -> otio.schema.Timeline:
    """The timeline of an `.otio` file, wrapped where it holds less. Raises RefusedInput."""
    return as_timeline(_parsed(_bytes(path, FORMATS[".otio"][1]), path), name=path.stem)[0]


def cut_name(stem: str) -> str:
    """The cut an export belongs to: its name without versions, dates and copy marks at the end.

    `reel1_v003` and `reel1_v004_20261120` are both `reel1`; a name that is nothing else is kept.
    """
    while (shorter := _VERSION.sub("", stem)) != stem and shorter:
        stem = shorter
    return stem


def parse_otio(raw: bytes) -> otio.core.SerializableObject:
    """An OTIO object from JSON that may be hostile. Raises RefusedInput."""
    try:
        text = raw.decode("utf-8-sig")
        # OTIO writes infinities as `Inf`, which is no JSON; they may stand in metadata, never in times.
        tree = json.loads(_INF.sub(r"\g<1>Infinity", text) if "Inf" in text else text)
    except UnicodeDecodeError as exc:
        raise RefusedInput(f"it is not UTF-8 text (byte {exc.start})") from exc
    except RecursionError as exc:
        raise RefusedInput(f"it is nested deeper than {_DEPTH} levels") from exc
    except ValueError as exc:
        raise RefusedInput(f"it is no JSON ({exc})") from exc
    _check(tree)
    if _LONE.search(text):
        try:
            json.dumps(tree, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as exc:
            raise RefusedInput("it holds half a surrogate pair, which is no text") from exc
    try:
        root = otio.core.deserialize_json_from_string(text)
    except otio.exceptions.UnsupportedSchemaError as exc:
        raise RefusedInput(
            f"it was written by a newer OpenTimelineIO ({_line(exc)})",
            next="export it again for OpenTimelineIO 0.18",
        ) from exc
    except (otio.exceptions.OTIOError, ValueError, KeyError, TypeError, RuntimeError, IndexError) as exc:
        raise RefusedInput(f"OpenTimelineIO cannot read it ({_line(exc)})") from exc
    if not isinstance(root, otio.core.SerializableObject):
        raise RefusedInput("it holds no timeline")
    return root


def _parsed(raw: bytes, path: Path) -> otio.core.SerializableObject:
    try:
        return parse_otio(raw)
    except RefusedInput as exc:
        raise RefusedInput(f"the timeline cannot be read: {exc.what}", value=path, next=exc.next) from exc


def _check(tree: Any) -> None:
    """Refuse what OTIO reads and later dies or lies on: references, depth, impossible times."""
    if not isinstance(tree, dict | list):
        raise RefusedInput("it holds no timeline", value=str(tree)[:40])
    pending: list[tuple[Any, int]] = [(tree, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > _DEPTH:
            raise RefusedInput(f"it is nested deeper than {_DEPTH} levels")
        if isinstance(value, dict):
            schema = value.get("OTIO_SCHEMA")
            if schema is not None:
                _check_object(str(schema).partition(".")[0], value)
            value = value.values()
        pending.extend((inner, depth + 1) for inner in value if isinstance(inner, dict | list))


def _check_object(schema: str, value: dict[str, Any]) -> None:
    if schema == "SerializableObjectRef" or "OTIO_REF_ID" in value:
        raise RefusedInput("it refers to itself (OTIO_REF_ID), which no editor writes")
    if schema == "RationalTime":
        rate, time = value.get("rate"), value.get("value")
        if not _number(rate, 2**31) or not _number(time, 2**53) or rate <= 0:
            raise RefusedInput(f"it holds a time that cannot be: {time} at {rate} fps")
    elif schema == "TimeRange":
        duration = value.get("duration")
        length = duration.get("value") if isinstance(duration, dict) else 0
        if isinstance(length, int | float) and length < 0:
            raise RefusedInput(f"it holds a range of negative length: {length}")
    elif schema == "LinearTimeWarp":
        scalar = value.get("time_scalar")
        if not _number(scalar, 10_000):
            raise RefusedInput(f"it holds a speed that cannot be: {scalar}")
    elif schema in ("Stack", "Track", "SerializableCollection"):
        children = value.get("children")
        if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
            raise RefusedInput(f"it holds a {schema} without children")
    elif schema == "Timeline" and not isinstance(value.get("tracks"), dict):
        raise RefusedInput("it holds a timeline without tracks")


def _number(value: Any, limit: int) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < limit


def _format(path: Path) -> tuple[str, int]:
    suffix = path.suffix.lower()
    if suffix in (".fcpxml", ".fcpxmld"):
        raise RefusedInput("FCPXML is not read yet", value=path, next="export FCP 7 XML, OTIO, EDL or AAF")
    if suffix == ".ale":
        raise RefusedInput("an ALE is a list of media, not an edit", value=path, allowed=_READABLE)
    if suffix not in FORMATS:
        raise RefusedInput("not an edit this reads", value=path, allowed=_READABLE)
    if not path.exists():
        raise RefusedInput("there is no such file", value=path)
    return FORMATS[suffix]


def _bytes(path: Path, megabytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > megabytes * 1024 * 1024:
            raise RefusedInput(f"the file is larger than {megabytes} MB", value=path)
        return path.read_bytes()
    except OSError as exc:
        raise RefusedInput(f"the file cannot be read ({exc.strerror})", value=path) from exc


def _in_child(
    format: str, path: Path, rate: Fraction | None
) -> tuple[otio.core.SerializableObject, list[ShotNote], bool | None]:
    """Read through the adapter in a limited process, which gives OTIO JSON; whether its timecode drops."""
    command = [sys.executable, "-P", "-m", "otio_bridge.timeline.child", format, str(path.absolute())]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTIO_")}
    try:
        done = subprocess.run(
            [*command, *([str(rate)] if rate is not None else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=CHILD_SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as exc:
        raise RefusedInput(f"reading it takes longer than {CHILD_SECONDS} s", value=path) from exc
    try:
        answer = json.loads(done.stdout)
    except ValueError as exc:
        raise RefusedInput(f"the adapter died reading it (exit {done.returncode})", value=path) from exc
    refused = answer.get("refused")
    if refused:
        raise RefusedInput(
            refused["what"], value=path, allowed=refused.get("allowed"), next=refused.get("next")
        )
    notes = [ShotNote.model_validate(note) for note in answer["notes"]]
    return _parsed(answer["otio"].encode(), path), notes, answer["drop"]


def _line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:200]
