"""What is sent to a provider, as files: the plate's parts in its raster and rate, and reference pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.media.files import publish, sha256
from otio_bridge.media.plates import PlateSpec, cut_plate
from otio_bridge.media.probe import probe
from otio_bridge.media.stills import save_frame
from otio_bridge.media.submission import make_submission
from otio_bridge.model.conform import Submission
from otio_bridge.model.media import MediaInfo, MediaKind, MediaRef, first_frame
from otio_bridge.model.request import Reference, Role, canonical_json
from otio_bridge.model.take import TakeState, WaitCode, parse_take_name
from otio_bridge.model.time import FrameRange
from otio_bridge.store import shots, takes
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.lease import Lease, Waiting
from otio_bridge.workflow.places import LOOK_AGAIN, inputs_folder
from otio_bridge.workflow.plates import PlateNotes, made_of_media

#: Name -> {"path", "sha256"} of one input.
Inputs = dict[str, dict[str, str]]


def submission_of(take: TakeRecord) -> Submission:
    """What was planned, and priced, at dispatch."""
    return Submission.model_validate(take.provenance["submission"])


def source(app: App, ref: MediaRef) -> MediaInfo:
    """What a decoder finds in the media an edit names; waits (ROOT) where it is not there just now."""
    path = Path(ref.path or "")
    here = path.parent if ref.kind is MediaKind.SEQUENCE else path
    if not here.exists():
        raise Waiting(
            WaitCode.ROOT, f"media is not there: {path}", due_in=LOOK_AGAIN * app.settings.queue.tick
        )
    return probe(str(path))


def parts(app: App, take: TakeRecord, plate: PlateRecord, work: Path, lease: Lease) -> Inputs:
    """What each part sends of the plate (or of the take this one is made from). Local work gets it untouched."""
    notes = PlateNotes.of(plate)
    parent = from_parent(app, take)
    if parent is None and (not made_of_media(notes) or plate.path is None):
        return {}
    file, digest = parent or (Path(plate.path or ""), plate.sha256 or "")
    can = app.providers.get(take.provider).capabilities()
    if can.local:
        return {"plate": {"path": str(file), "sha256": digest}}
    model = can.model_for(take.request.operation, take.model)
    if model is None:
        raise RefusedInput(
            f"{take.provider} no longer has the model", value=take.model, next="otio-bridge doctor"
        )
    submission = submission_of(take)
    offset = max(part.pad_head for part in submission.parts)
    made: Inputs = {}
    longer: Path | None = None
    for part in submission.parts:
        recipe = canonical_json([digest, submission.model_dump(mode="json"), part.index])
        final = inputs_folder(app) / f"{hashlib.sha256(recipe.encode()).hexdigest()[:32]}.mp4"
        if not final.exists():
            if longer is None and (part.pad_head or part.pad_tail):
                longer = padded(app, plate, notes, submission, work, lease)
            draft = make_submission(
                longer or file,
                submission,
                part,
                work / f"part{part.index}.mp4",
                info=probe(longer or file),
                limits=model.limits,
                offset=offset if longer is not None else 0,
                deadline=lease.deadline,
                ffmpeg=app.settings.media.ffmpeg,
            )
            final = keep(draft, final)
        made[f"plate{part.index}"] = {"path": str(final), "sha256": sha256(final)}
    return made


def padded(
    app: App, plate: PlateRecord, notes: PlateNotes, submission: Submission, work: Path, lease: Lease
) -> Path:
    """The plate with the real frames around it that a provider's shortest length asks for; thrown away after."""
    if notes.media is None:
        raise MediaError("there is no media to pad the plate from", value=plate.name)
    head = max(part.pad_head for part in submission.parts)
    tail = max(part.pad_tail for part in submission.parts)
    info = source(app, notes.media)
    wanted = FrameRange.between(plate.range.start - head, plate.range.end + tail)
    spec = PlateSpec(
        rate=plate.rate,
        drop=plate.drop,
        audio="none",
        deinterlace=notes.deinterlace,
        ffmpeg=app.settings.media.ffmpeg,
    )
    first = first_frame(notes.media, info)
    return cut_plate(info, wanted, first, work / "padded.mov", spec=spec, deadline=lease.deadline).path


def from_parent(app: App, take: TakeRecord) -> tuple[Path, str] | None:
    """The file of the take this one is made from; waits (REFERENCE) until that is READY."""
    if take.request.parent is None:
        return None
    owner = shots.shot_by_id(app.ledger, take.shot_id)
    parent = take_named(app, owner, take.request.parent)
    if parent is None:
        raise RefusedInput("the take it is made from is not there", value=take.request.parent)
    ready(app, parent)
    return Path(parent.result["file"]), parent.result["sha256"]


def ready(app: App, other: TakeRecord) -> None:
    """Wait (REFERENCE) for a take that this one needs. Raises RefusedInput where it will never be READY."""
    if other.state is TakeState.READY:
        return
    if other.state in (TakeState.FAILED, TakeState.CANCELLED):
        raise RefusedInput(
            f"{other.label} is {other.state}", next=f"otio-bridge retry {other.shot} {other.name}"
        )
    raise Waiting(WaitCode.REFERENCE, f"waits for {other.label}", due_in=app.settings.queue.poll)


def keep(draft: Path, final: Path) -> Path:
    """Publish an input by its content's name; where a sibling's step was first, its file serves."""
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        return publish(draft, final)
    except MediaError:
        if not final.exists():
            raise
        return final


def references(app: App, take: TakeRecord, shot: ShotRecord, plate: PlateRecord, work: Path) -> Inputs:
    """Every reference as one picture file: `first`, `last`, `ref0`, `ref1` …"""
    made: Inputs = {}
    for index, reference in enumerate(take.request.references):
        name = str(reference.role) if reference.role in (Role.FIRST, Role.LAST) else f"ref{index}"
        draft = picture(app, shot, plate, reference, work / f"{name}.png")
        digest = sha256(draft)
        final = inputs_folder(app) / f"{digest[:32]}{draft.suffix}"
        if not final.exists():
            final = keep(draft, final)
        made[name] = {"path": str(final), "sha256": digest}
    return made


def picture(app: App, shot: ShotRecord, plate: PlateRecord, reference: Reference, out: Path) -> Path:
    """One reference as a picture: of the plate's media, of a take, or of a file (a movie's first or last frame)."""
    last = reference.role is Role.LAST
    if reference.source == "plate":
        notes = PlateNotes.of(plate)
        if notes.media is None or notes.shown is None:
            raise RefusedInput(
                "the shot has no media to take a picture from", value=f"{reference.role}=plate"
            )
        info = source(app, notes.media)
        frame = notes.shown[1] if last else notes.shown[0]
        return save_frame(info, frame - first_frame(notes.media, info), out)
    other = take_named(app, shot, reference.source)
    if other is not None:
        ready(app, other)
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
