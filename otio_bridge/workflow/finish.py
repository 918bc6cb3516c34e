"""FETCHED ▶ CONFORMED ▶ READY: a frame-exact twin of the plate, then proven by decoding."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import MediaError
from otio_bridge.media.align import align
from otio_bridge.media.check import Promise
from otio_bridge.media.check import check as prove
from otio_bridge.media.conform import Stamp, promised
from otio_bridge.media.conform import conform as write
from otio_bridge.media.files import publish, sha256, write_whole
from otio_bridge.media.plates import suffix_for
from otio_bridge.media.probe import probe
from otio_bridge.media.sound import cut_sound
from otio_bridge.media.stills import save_frame
from otio_bridge.model.conform import ConformPlan, Source, Submission
from otio_bridge.model.media import MediaInfo, MediaKind
from otio_bridge.model.request import OperationClass
from otio_bridge.model.returned import plan_conform, returned_box
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange
from otio_bridge.store import parts, takes
from otio_bridge.store.records import PlateRecord, TakeRecord
from otio_bridge.workflow.inputs import submission_of
from otio_bridge.workflow.known import take_reel
from otio_bridge.workflow.lease import Lease
from otio_bridge.workflow.move import advance
from otio_bridge.workflow.places import returned_folder, room, take_file
from otio_bridge.workflow.plates import PlateNotes
from otio_bridge.workflow.prepare import plate_of


def conform(app: App, take: TakeRecord, lease: Lease) -> None:
    """Invert the submission's recipe on what returned, and publish the take's file.

    Of a chain whose next part has not been made, that part is made first: it starts from what was just fetched.
    """
    mine = parts.parts_of(app.ledger, take.id)
    if take.chained and any(part.state is TakeState.PLANNED for part in mine):
        advance(app, take, TakeState.PREPARED, why="fetched; the next part starts from its last frame")
        return
    plate = plate_of(app, take)
    submission = submission_of(take)
    files = [Path(part.file) for part in mine if part.file]
    returned = [probe(str(file)) for file in files]
    plan = plan_conform(submission, returned, lag=_lag(submission, returned, plate, files))
    work = room(app, take)
    stamp = stamp_for(app, take, plate, returned[0])
    suffix = suffix_for(stamp.codec, returned[0])
    held = FrameRange(start=stamp.start, duration=submission.frames)
    whole = "start" not in take.provenance or held == plate.range
    sound = _sound(app, take, plan, files, work, lease)
    made = write(
        plan,
        files,
        work / f"take{suffix}",
        stamp=stamp,
        sound_from=sound,
        alpha_from=Path(plate.path) if plate.path and stamp.alpha and whole else None,
        deadline=lease.deadline,
        ffmpeg=app.settings.media.ffmpeg,
    )
    lease.check()
    path = _publish(app, take, made.path, take_file(app, take.shot, take.number, suffix))
    result = {
        "file": str(path),
        "sha256": made.sha256,
        "start": stamp.start,
        "first_number": made.info.first_number,
        "frames": len(plan.frames),
        "held": list(plan.held),
        "surplus": plan.surplus,
        "stamp": stamp.model_dump(mode="json"),
        "seams": [seam.model_dump(mode="json") for seam in plan.seams],
        "notes": [*submission.notes, *plan.notes],
    }
    if is_still(plate) and not stamp.alpha:
        result["still"] = str(_still(app, take, path, work))
    advance(app, take, TakeState.CONFORMED, why=summary(plan), result=result)


def _publish(app: App, take: TakeRecord, made: Path, target: Path) -> Path:
    """Publish a take that is not proven yet. What an attempt before left there is set aside, never replaced.

    No ledger row calls it a take: its writer was killed before the move, or it did not pass its check.
    """
    try:
        return publish(made, target)
    except MediaError:
        if not target.exists():
            raise
        aside = returned_folder(app, take.shot, take.name) / f"unproven_{sha256(target)[:12]}{target.suffix}"
        publish(target, aside)
        return publish(made, target)


def is_still(plate: PlateRecord) -> bool:
    """Whether the take is one picture that an editor holds as long as they like: a still, or made of one."""
    notes = PlateNotes.of(plate)
    if notes.op_class is OperationClass.STILL:
        return True
    of_still = notes.media is not None and notes.media.kind is MediaKind.STILL
    return notes.op_class is OperationClass.SOURCE and of_still


def _still(app: App, take: TakeRecord, movie: Path, work: Path) -> Path:
    """The take's picture as a file of its own, for clips that hold a picture and no movie."""
    info = probe(str(movie))
    # As it is stored: what a model would see in square pixels is not what the editor holds.
    draft = save_frame(info.model_copy(update={"pixel_aspect": Fraction(1)}), 0, work / "still.png")
    return publish(draft, take_file(app, take.shot, take.number, ".png"))


def stamp_for(app: App, take: TakeRecord, plate: PlateRecord, returned: MediaInfo) -> Stamp:
    """What is written on the take: the plate's timecode, its own reel, and what its pixels are."""
    notes = PlateNotes.of(plate)
    cut = notes.info if notes.op_class is OperationClass.SOURCE else None
    return Stamp(
        start=take.provenance.get("start", plate.range.start),
        drop=plate.drop,
        reel=take_reel(take),
        source_reel=notes.source_reel,
        codec=app.settings.media.codec,
        colour=(cut or returned).colour,
        alpha=(cut or returned).alpha,
        from_display=submission_of(take).from_display,
    )


def _sound(
    app: App, take: TakeRecord, plan: ConformPlan, files: list[Path], work: Path, lease: Lease
) -> Path | None:
    """What sounds under the take (`audio=`): its plate, as far as its frames go; what came back; or nothing."""
    wish = take.request.options.get("audio", app.settings.media.audio)
    if wish == "provider":
        # Sound is not cut or joined here: only an answer shown whole from its first frame lends its own.
        whole = len(files) == 1 and plan.frames[0] == Source(part=0, frame=0)
        return files[0] if whole and probe(str(files[0])).sound is not None else None
    plate = plate_of(app, take)
    if wish != "source" or not plate.path:
        return None
    held = FrameRange(
        start=take.provenance.get("start", plate.range.start), duration=submission_of(take).frames
    )
    if "start" not in take.provenance or held == plate.range:
        return Path(plate.path)
    # A take made elsewhere may hold a part of the plate: what is lent to it is of those frames, or nothing.
    info = probe(plate.path)
    if info.sound is None or not plate.range.contains(held):
        return None
    first = held.start - plate.range.start
    return cut_sound(
        info,
        first,
        held.duration,
        plate.rate,
        work / "sound.mov",
        ffmpeg=app.settings.media.ffmpeg,
        deadline=lease.deadline,
    )


def _lag(
    submission: Submission, returned: list[MediaInfo], plate: PlateRecord, files: list[Path]
) -> int | None:
    """Where a short answer lies against the plate, measured; None where nothing needs measuring."""
    short = any(info.frames < part.frames for info, part in zip(returned, submission.parts, strict=True))
    if not short or plate.path is None or len(files) != 1:
        return None
    return align(Path(plate.path), files[0], returned_box=returned_box(submission, returned[0]))


def summary(plan: ConformPlan) -> str:
    """One line for the event: how many frames, held and surplus."""
    words = [f"{len(plan.frames)} frames"]
    if plan.held:
        words.append(f"{len(plan.held)} held")
    if plan.surplus:
        words.append(f"{plan.surplus} kept as handle")
    return ", ".join(words)


def check(app: App, take: TakeRecord, lease: Lease) -> None:
    """Decode the take and hold it to every promise; READY only then."""
    result = take.result
    plate = plate_of(app, take)
    submission = submission_of(take)
    stamp = Stamp.model_validate(result["stamp"])
    path = Path(result["file"])
    try:
        report = prove(
            path,
            Promise(
                frames=result["frames"],
                rate=submission.rate,
                start=stamp.start,
                drop=stamp.drop,
                reel=stamp.reel,
                raster=submission.raster,
                colour=promised(stamp, submission.raster),
            ),
        )
    except MediaError as exc:
        # A retry conforms again from what was fetched: looking at the same file twice would not help.
        why = f"the take is not what was promised ({exc})"
        takes.move(app.ledger, take, TakeState.FAILED, code="check", why=why, resume_state=TakeState.FETCHED)
        return
    lease.check()
    told = json.dumps(provenance_of(take, plate), indent=2, sort_keys=True)
    write_whole(path.with_suffix(path.suffix + ".json"), told.encode())
    advance(
        app, take, TakeState.READY, why="proven by decoding", result={"check": report.model_dump(mode="json")}
    )


def provenance_of(take: TakeRecord, plate: PlateRecord) -> dict[str, object]:
    """What made the take, for the file beside it and for sidecars; no address that is a secret is in it."""
    return {
        "take": take.label,
        "request": take.request.model_dump(mode="json"),
        "provider": take.provider,
        "model": take.model,
        "seed": take.seed,
        "plate": {
            "name": plate.name,
            "path": plate.path,
            "sha256": plate.sha256,
            "range": plate.range.model_dump(mode="json"),
        },
        "result": {key: take.result.get(key) for key in ("file", "sha256", "notes", "held", "seams")},
        **take.provenance,
    }
