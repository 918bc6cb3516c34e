"""PLANNED ▶ PREPARED: cut the plate, draw the references, make what will be sent."""

from __future__ import annotations

from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import LedgerError, MediaError
from otio_bridge.media.files import publish, sha256
from otio_bridge.media.plates import PlateSpec, cut_plate, suffix_for
from otio_bridge.media.probe import probe
from otio_bridge.model.media import first_frame
from otio_bridge.model.take import TakeState
from otio_bridge.store import shots
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.inputs import parts, references, source
from otio_bridge.workflow.lease import Lease
from otio_bridge.workflow.move import advance
from otio_bridge.workflow.places import plate_file, room
from otio_bridge.workflow.plates import PlateNotes, made_of_media


def prepare(app: App, take: TakeRecord, lease: Lease) -> None:
    """Make every input of the take; each is published by content, so a second try finds the first one's."""
    shot = shots.shot_by_id(app.ledger, take.shot_id)
    if shot is None:
        raise LedgerError("the take's shot is not in the ledger", value=take.label)
    plate = plate_of(app, take)
    work = room(app, take)
    if made_of_media(PlateNotes.of(plate)) and plate.path is None:
        plate = _cut(app, shot, plate, work, lease)
    files = {**references(app, take, shot, plate, work), **parts(app, take, plate, work, lease)}
    lease.check()
    advance(app, take, TakeState.PREPARED, result={"inputs": files}, why="inputs made")


def plate_of(app: App, take: TakeRecord) -> PlateRecord:
    """The plate a take names. Raises LedgerError where it names none, which dispatch never does."""
    if take.plate_id is None:
        raise LedgerError("the take names no plate", value=take.label)
    return shots.plate_by_id(app.ledger, take.plate_id)


def _cut(app: App, shot: ShotRecord, plate: PlateRecord, work: Path, lease: Lease) -> PlateRecord:
    """Cut the plate from the edit's media, publish it and write it to the ledger."""
    notes = PlateNotes.of(plate)
    ref = notes.media
    if ref is None or ref.path is None:
        raise MediaError("the shot has no media to cut a plate from", value=shot.name)
    info = source(app, ref)
    media = app.settings.media
    spec = PlateSpec(
        rate=plate.rate,
        drop=plate.drop,
        codec=media.codec,
        audio=media.audio,
        reel=f"{shot.name}_{plate.name}",
        source_reel=info.reel or ref.reel,
        deinterlace=notes.deinterlace,
        ffmpeg=media.ffmpeg,
    )
    suffix = suffix_for(spec.codec, info)
    made = cut_plate(
        info,
        notes.source or plate.range,
        first_frame(ref, info),
        work / f"plate{suffix}",
        spec=spec,
        deadline=lease.deadline,
    )
    target = plate_file(app, shot.name, plate.number, suffix)
    try:
        path = publish(made.path, target)
    except MediaError:
        # Another step of a sibling take was first. Encoders stamp no time, but threads may differ: the one
        # that stands is the plate if it holds what this one holds.
        standing = probe(str(target))
        if (standing.frames, standing.start, standing.width) != (
            made.info.frames,
            made.info.start,
            made.info.width,
        ):
            raise
        path = target
    found = notes.model_copy(update={"info": probe(str(path)), "source_reel": spec.source_reel})
    return shots.set_plate(
        app.ledger, plate.id, path=str(path), sha256=sha256(path), spec=found.model_dump(mode="json")
    )
