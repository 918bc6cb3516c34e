"""PLANNED ▶ PREPARED: cut the plate, draw the references, make what will be sent."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import LedgerError, MediaError, RefusedInput
from otio_bridge.media.files import publish, sha256
from otio_bridge.media.plates import PlateSpec, cut_plate, suffix_for
from otio_bridge.media.probe import probe
from otio_bridge.media.stills import save_frame
from otio_bridge.media.submission import make_submission
from otio_bridge.model.conform import Submission
from otio_bridge.model.media import MediaInfo, MediaKind, MediaRef, first_frame
from otio_bridge.model.request import OperationClass, Reference, Role, canonical_json
from otio_bridge.model.take import TakeState, WaitCode, parse_take_name
from otio_bridge.store import shots, takes
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.lease import Lease, Waiting
from otio_bridge.workflow.move import advance
from otio_bridge.workflow.places import inputs_folder, plate_file, room
from otio_bridge.workflow.plates import PlateNotes


def prepare(app: App, take: TakeRecord, lease: Lease) -> None:
    """Make every input of the take; each is published by content, so a second try finds the first one's."""
    shot = shots.shot_by_id(app.ledger, take.shot_id)
    if shot is None:
        raise LedgerError("the take's shot is not in the ledger", value=take.label)
    plate = plate_of(app, take)
    work = room(app, take)
    if PlateNotes.of(plate).op_class is OperationClass.SOURCE and plate.path is None:
        plate = _cut(app, shot, plate, work)
    files = {**_references(app, take, shot, plate, work), **_parts(app, take, plate, work)}
    lease.check()
    shutil.rmtree(work, ignore_errors=True)
    advance(app, take, TakeState.PREPARED, result={"inputs": files}, why="inputs made")


def plate_of(app: App, take: TakeRecord) -> PlateRecord:
    """The plate a take names. Raises LedgerError where it names none, which dispatch never does."""
    if take.plate_id is None:
        raise LedgerError("the take names no plate", value=take.label)
    return shots.plate_by_id(app.ledger, take.plate_id)


def submission_of(take: TakeRecord) -> Submission:
    """What was planned, and priced, at dispatch."""
    return Submission.model_validate(take.provenance["submission"])


def _cut(app: App, shot: ShotRecord, plate: PlateRecord, work: Path) -> PlateRecord:
    """Cut the plate from the edit's media, publish it and write it to the ledger."""
    notes = PlateNotes.of(plate)
    ref = notes.media
    if ref is None or ref.path is None:
        raise MediaError("the shot has no media to cut a plate from", value=shot.name)
    info = source(ref)
    media = app.settings.media
    spec = PlateSpec(
        rate=plate.rate,
        drop=plate.drop,
        codec=media.codec,
        audio=media.audio,
        reel=f"{shot.name}_{plate.name}",
        source_reel=info.reel or ref.reel,
        deinterlace=notes.deinterlace,
    )
    suffix = suffix_for(spec.codec, info)
    made = cut_plate(info, plate.range, first_frame(ref, info), work / f"plate{suffix}", spec=spec)
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


def source(ref: MediaRef) -> MediaInfo:
    """What a decoder finds in the media an edit names; waits (ROOT) where it is not there just now."""
    path = Path(ref.path or "")
    here = path.parent if ref.kind is MediaKind.SEQUENCE else path
    if not here.exists():
        raise Waiting(WaitCode.ROOT, f"media is not there: {path}", due_in=10.0)
    return probe(str(path))


def _parts(app: App, take: TakeRecord, plate: PlateRecord, work: Path) -> dict[str, dict[str, str]]:
    """What each part sends of the plate. Local work gets the plate itself, untouched."""
    submission = submission_of(take)
    if PlateNotes.of(plate).op_class is not OperationClass.SOURCE or plate.path is None:
        return {}
    if app.providers.get(take.provider).capabilities().local:
        return {"plate": {"path": plate.path, "sha256": plate.sha256 or ""}}
    choice = app.providers.get(take.provider).capabilities().model_for(take.request.operation, take.model)
    if choice is None:
        raise RefusedInput(
            f"{take.provider} no longer has the model", value=take.model, next="otio-bridge doctor"
        )
    made: dict[str, dict[str, str]] = {}
    for part in submission.parts:
        recipe = canonical_json([plate.sha256, submission.model_dump(mode="json"), part.index])
        name = hashlib.sha256(recipe.encode()).hexdigest()[:32]
        final = inputs_folder(app) / f"{name}.mp4"
        if not final.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            draft = make_submission(
                Path(plate.path),
                submission,
                part,
                work / f"part{part.index}.mp4",
                info=probe(plate.path),
                limits=choice.limits,
            )
            final = _keep(draft, final)
        made[f"plate{part.index}"] = {"path": str(final), "sha256": sha256(final)}
    return made


def _keep(draft: Path, final: Path) -> Path:
    try:
        return publish(draft, final)
    except MediaError:
        return final  # a sibling's step made the same input first; either serves


def _references(
    app: App, take: TakeRecord, shot: ShotRecord, plate: PlateRecord, work: Path
) -> dict[str, dict[str, str]]:
    """Every reference as one picture file: `first`, `last`, `ref0`, `ref1` …"""
    made: dict[str, dict[str, str]] = {}
    for index, reference in enumerate(take.request.references):
        name = str(reference.role) if reference.role in (Role.FIRST, Role.LAST) else f"ref{index}"
        draft = _picture(app, take, shot, plate, reference, work / f"{name}.png")
        digest = sha256(draft)
        final = inputs_folder(app) / f"{digest[:32]}{draft.suffix}"
        if not final.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            final = _keep(draft, final)
        made[name] = {"path": str(final), "sha256": digest}
    return made


def _picture(
    app: App, take: TakeRecord, shot: ShotRecord, plate: PlateRecord, reference: Reference, out: Path
) -> Path:
    last = reference.role is Role.LAST
    if reference.source == "plate":
        notes = PlateNotes.of(plate)
        if notes.media is None or notes.shown is None:
            raise RefusedInput(
                "the shot has no media to take a picture from", value=f"{reference.role}=plate"
            )
        info = source(notes.media)
        frame = notes.shown[1] if last else notes.shown[0]
        return save_frame(info, frame - first_frame(notes.media, info), out)
    other = take_named(app, shot, reference.source)
    if other is not None:
        if other.state is not TakeState.READY:
            raise Waiting(
                WaitCode.REFERENCE,
                f"waits for {other.label}",
                due_in=app.settings.queue.poll,
            )
        made = probe(other.result["file"])
        return save_frame(made, made.frames - 1 if last else 0, out)
    path = Path(reference.source)
    if not path.is_absolute():
        path = app.settings.folder / path
    if not path.is_file():
        raise RefusedInput(f"the {reference.role} reference is not there", value=path)
    info = probe(str(path))
    return save_frame(info, info.frames - 1 if last else 0, out)


def take_named(app: App, shot: ShotRecord | None, text: str) -> TakeRecord | None:
    """The take that `v002` or `SC010_0010/v003` names; None for text that names none."""
    where, _, version = text.rpartition("/")
    try:
        number = parse_take_name(version) if version.lower().startswith("v") else 0
    except ValueError:
        return None
    if not number:
        return None
    owner = shots.shot_by_name(app.ledger, where) if where else shot
    if owner is None:
        return None
    return next((take for take in takes.by_shot(app.ledger, owner.id) if take.number == number), None)
