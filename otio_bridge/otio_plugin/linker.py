"""Adds the takes of an OTIO Bridge project to the clips of whatever OpenTimelineIO reads.

    otioconvert -i cut.otio -o review.otio -m otio_bridge -M project=/shows/one

Each clip that is a shot of the project keeps its media as DEFAULT_MEDIA and gains `otio_bridge/v001`, …; the
picked, approved or selected take is active, as with `otio-bridge relink --for review`. Arguments:

* `project`: the project's folder; else $OTIO_BRIDGE_LINKER_PROJECT, else the nearest otio-bridge.toml at or
  above the current folder, else above the clip's media;
* `cut`: the cut the edit belongs to; `newest=True`, `temp=True`: as the options of `relink`.

Clips only: gaps, and takes that belong on a track above, are left to `otio-bridge relink`. A read is never
broken: what goes wrong is one warning, and the edit is as it was (an exception here would abort the read).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import opentimelineio as otio

# Not OTIO_BRIDGE_PROJECT: that is the settings' [project] section.
PROJECT_VARIABLE = "OTIO_BRIDGE_LINKER_PROJECT"
_ON = ("1", "true", "yes", "on")


class LinkerWarning(UserWarning):
    """The takes of a project could not be added to an edit."""


def link_media_reference(in_clip: Any, media_linker_argument_map: Mapping[str, Any] | None = None) -> None:
    """Add the takes of the whole edit when its first clip comes by; None: OpenTimelineIO sets nothing.

    OpenTimelineIO hands over clips one by one, but which shot a clip is depends on all the others.
    """
    try:
        root = in_clip
        while root.parent() is not None:
            root = root.parent()
        if _first_clip(root) is in_clip:
            _link(root, in_clip, dict(media_linker_argument_map or {}))
    except Exception as exc:  # noqa: BLE001 (the outermost edge: a read must not fail over takes)
        warnings.warn(f"no takes were added: {exc}", LinkerWarning, stacklevel=2)


def _first_clip(item: Any) -> Any:
    """The clip OpenTimelineIO hands over first: depth first, bottom up; None where there is none."""
    if isinstance(item, otio.schema.Clip):
        return item
    children = item if isinstance(item, otio.core.Composition) else ()
    return next((clip for child in children if (clip := _first_clip(child)) is not None), None)


def _link(root: Any, clip: Any, arguments: dict[str, Any]) -> None:
    # Imported here so that a broken installation is a warning too, and an OpenTimelineIO that only lists its
    # plug-ins loads none of this.
    from otio_bridge.errors import RefusedInput  # noqa: PLC0415
    from otio_bridge.settings import load  # noqa: PLC0415

    settings = load(_project(clip, arguments))
    if settings.database_url is None and not settings.state_folder.is_dir():
        raise RefusedInput(
            "the project has no ledger yet", value=settings.folder, next="otio-bridge send EDIT"
        )

    from otio_bridge.app import App  # noqa: PLC0415
    from otio_bridge.timeline.loose import loose_edit  # noqa: PLC0415
    from otio_bridge.timeline.relink import relink  # noqa: PLC0415
    from otio_bridge.workflow.links import links_for  # noqa: PLC0415
    from otio_bridge.workflow.reading import clips, looker  # noqa: PLC0415

    with App.open(settings) as app, loose_edit(root, settings=settings, maps=app.maps) as edit:
        newest, temp = (str(arguments.get(name, "")).lower() in _ON for name in ("newest", "temp"))
        cut = str(arguments.get("cut") or edit.cut)
        links, _ = links_for(app, clips(edit, looker()), cut, newest=newest, temp=temp)
        relink(edit, links, target="review", in_place_only=True)


def _project(clip: Any, arguments: dict[str, Any]) -> Path:
    """The project's folder, by argument, environment, the current folder, or where the media lie."""
    from otio_bridge.errors import SettingsError  # noqa: PLC0415
    from otio_bridge.settings import find_project  # noqa: PLC0415
    from otio_bridge.timeline.ours import url_of  # noqa: PLC0415
    from otio_bridge.timeline.url import to_path  # noqa: PLC0415

    said = arguments.get("project") or os.environ.get(PROJECT_VARIABLE)
    if said:
        return find_project(Path(str(said)))
    media = to_path(url_of(clip.media_reference), base=Path.cwd())
    try:
        return find_project(Path.cwd())
    except SettingsError:
        if media is None:
            raise
        return find_project(Path(media).parent)
