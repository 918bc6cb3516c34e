"""Where every file of a project lies, and whether there is room for another."""

from __future__ import annotations

import shutil
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.media.files import drop_work_folder, free_mb, work_folder
from otio_bridge.model.take import WaitCode, plate_name, take_name
from otio_bridge.store.records import TakeRecord
from otio_bridge.workflow.lease import Waiting

#: Rounds before a full disk or a missing root is looked at again.
LOOK_AGAIN = 5.0


def plate_file(app: App, shot: str, number: int, suffix: str) -> Path:
    """`media/plates/SHOT/SHOT_p001.mov` (a folder of numbered files for sequences)."""
    return app.settings.media_root / "plates" / shot / f"{shot}_{plate_name(number)}{suffix}"


def take_file(app: App, shot: str, number: int, suffix: str) -> Path:
    """`media/takes/SHOT/SHOT_v001.mov`."""
    return app.settings.media_root / "takes" / shot / f"{shot}_{take_name(number)}{suffix}"


def inputs_folder(app: App) -> Path:
    """What is sent to providers, by content, shared by the takes of a shot."""
    return app.settings.state_folder / "inputs"


def returned_folder(app: App, shot: str, take: str) -> Path:
    """What providers returned, as it came, kept: it was paid for."""
    return app.settings.media_root / "returned" / shot / take


def receipts_folder(app: App) -> Path:
    """Answers written before the ledger knows them."""
    return app.settings.state_folder / "receipts"


def scratch(app: App, take: TakeRecord) -> Path:
    """A folder kept between attempts at the same take, for long local work that goes on where it stopped."""
    folder = app.settings.state_folder / "scratch" / take.id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tidy(app: App, take: TakeRecord, *, done: bool) -> None:
    """Remove what a step left in its room, and when the take is done what its attempts kept."""
    state = app.settings.state_folder
    drop_work_folder(state / "work", take.id, take.token)
    if done:
        shutil.rmtree(state / "scratch" / take.id, ignore_errors=True)


def room(app: App, take: TakeRecord) -> Path:
    """An empty folder named by take and token, after making sure the disks are there and have space."""
    again = LOOK_AGAIN * app.settings.queue.tick
    for folder in (app.settings.media_root, app.settings.state_folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = free_mb(folder)
        except OSError as exc:
            raise Waiting(
                WaitCode.ROOT, f"{folder} is not there or not writable ({exc})", due_in=again
            ) from exc
        if free < app.settings.media.min_free_mb:
            raise Waiting(
                WaitCode.DISK,
                f"{folder} has {free} MB free, {app.settings.media.min_free_mb} are wanted",
                due_in=again,
            )
    return work_folder(app.settings.state_folder / "work", take.id, take.token)
