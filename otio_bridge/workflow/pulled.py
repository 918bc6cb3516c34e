"""Plates pulled elsewhere (`send --plates DIR`): matched by name, reel and timecode, and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from otio_bridge.errors import BridgeError, RefusedInput
from otio_bridge.media.files import sha256
from otio_bridge.media.probe import probe
from otio_bridge.model.media import MediaInfo, MediaKind
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import ShotSpec
from otio_bridge.model.time import rate_text, timecode

_NUMBERED = re.compile(r"^(.*?)(\d{3,})(\.(?:exr|png|tif|tiff|dpx|jpg|jpeg))$", re.IGNORECASE)


def pulled_media(folder: Path) -> list[MediaInfo]:
    """Every movie and numbered sequence in a folder and below. Raises RefusedInput where there is none."""
    paths: dict[str, None] = {}
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.name.startswith("."):
            continue
        numbered = _NUMBERED.match(file.name)
        if numbered:
            paths[str(file.with_name(f"{numbered[1]}%0{len(numbered[2])}d{numbered[3]}"))] = None
        elif file.suffix.lower() in (".mov", ".mp4", ".mxf", ".mkv"):
            paths[str(file)] = None
    media: list[MediaInfo] = []
    for path in paths:
        try:
            media.append(probe(path))
        except BridgeError:
            continue  # not pictures; what is missing is said per shot
    if not media:
        raise RefusedInput("no plates in this folder", value=folder, allowed="movies and numbered sequences")
    return media


def plate_for(spec: ShotSpec, media: Sequence[MediaInfo]) -> MediaInfo | None:
    """The pulled plate of a shot: by reel and timecode, else by name and timecode; None where none is named so.

    Raises RefusedInput where several fit, or the one of its name does not hold the need at the right rate.
    """
    if spec.op_class is not OperationClass.SOURCE:
        return None
    # Numbered files state no rate: they run at the shot's.
    media = [
        info.model_copy(update={"rate": spec.rate}) if info.kind is MediaKind.SEQUENCE else info
        for info in media
    ]
    holds = [info for info in media if _holds(info, spec)]
    by_reel = [info for info in holds if spec.media and spec.media.reel and info.reel == spec.media.reel]
    by_name = [info for info in holds if _named(info, spec)]
    for fitting in (by_reel, by_name):
        if len(fitting) > 1:
            raise RefusedInput(
                f"several plates fit {spec.name}",
                value=", ".join(Path(info.path).name for info in fitting),
                next="keep one of them in the folder",
            )
        if fitting:
            return fitting[0]
    wrong = [info for info in media if _named(info, spec)]
    if wrong:
        info = wrong[0]
        start = timecode(max(0, spec.need.start), spec.rate, drop=spec.drop)
        raise RefusedInput(
            f"the plate named for {spec.name} does not hold its need",
            value=Path(info.path).name,
            allowed=f"{spec.need.duration} frames from {start} at {rate_text(spec.rate)}; it has {info.frames} from "
            f"{timecode(max(0, info.range.start), info.rate, drop=info.drop)} at {rate_text(info.rate)}",
        )
    return None


def digest(info: MediaInfo) -> str:
    """The content hash of a plate; of a sequence, that of all its files."""
    return sha256(info.path)


def _holds(info: MediaInfo, spec: ShotSpec) -> bool:
    return info.rate == spec.rate and info.range.contains(spec.need)


def _named(info: MediaInfo, spec: ShotSpec) -> bool:
    stem = Path(info.path).name.split("%")[0].rsplit(".", 1)[0].rstrip("._-").casefold()
    wanted = {(spec.name or "").casefold()}
    wanted |= {
        occurrence.name.rsplit(".", 1)[0].casefold() for occurrence in spec.occurrences if occurrence.name
    }
    return any(
        name and (stem == name or stem.startswith((f"{name}_", f"{name}."))) for name in wanted if name
    )
