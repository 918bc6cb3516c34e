"""Takes made elsewhere: conformed, checked and numbered like any other, with what was told about them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.media import sequence
from otio_bridge.media.files import publish, sha256
from otio_bridge.media.probe import probe
from otio_bridge.model.conform import Limits, Raster, Submission
from otio_bridge.model.media import MediaInfo, MediaKind
from otio_bridge.model.money import Money
from otio_bridge.model.raster import target_raster
from otio_bridge.model.request import OperationClass, Request
from otio_bridge.model.returned import plan_conform
from otio_bridge.model.shot import ShotSpec
from otio_bridge.model.submission import plan_submission, restamps
from otio_bridge.model.time import FrameRange, timecode
from otio_bridge.model.value import Value
from otio_bridge.store import takes
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.move import ELSEWHERE, nudge_for
from otio_bridge.workflow.places import returned_folder
from otio_bridge.workflow.reading import looker
from otio_bridge.workflow.requests import plate_raster
from otio_bridge.workflow.review import shot_named
from otio_bridge.workflow.status import TakesReport, lines


class Fit(Value):
    """Where on the shot's line a file belongs."""

    plate: PlateRecord
    #: The frames of the take.
    range: FrameRange
    #: Frames of the file before the take's first; cut off.
    head: int = 0
    note: str = ""


class _Ready(Value):
    """A file that was looked at, and all that will be written about it."""

    file: Path
    fit: Fit
    submission: Submission


def add(
    app: App, shot: str, files: Sequence[Path], *, prompt: str = "", model: str = "", cost: str = ""
) -> TakesReport:
    """Number each file as a take of the shot and let the workers conform and check it.

    All files are looked at before anything is written. Raises RefusedInput for one that does not fit.
    """
    owner = shot_named(app, shot)
    if not owner.plates:
        raise RefusedInput(
            f"{shot} was never sent, so there is nothing to fit a take to", next="otio-bridge send EDIT"
        )
    price = _price(cost, app.settings.money.currency)
    rasters = _rasters(app, owner)
    ready = [_ready(owner, file, *rasters) for file in files]
    made = [_one(app, owner, each, prompt, model, price) for each in ready]
    for take in made:
        nudge_for(app, take)
    return TakesReport(takes=lines(app, made))


def _price(cost: str, currency: str) -> Money:
    try:
        price = Money.of(cost or "0", currency)
    except ValueError as exc:
        raise RefusedInput(
            "not an amount of money", value=cost, allowed=f'text such as "1.20", in {currency}'
        ) from exc
    if price.micro < 0:
        raise RefusedInput("a take never costs less than nothing", value=cost, allowed="0 or more")
    return price


def _rasters(app: App, shot: ShotRecord) -> tuple[Raster, Raster]:
    """The raster of the shot's plate, and of its takes."""
    spec = ShotSpec.model_validate(shot.spec)
    seen = looker()(spec.media) if spec.media is not None else None
    raster = plate_raster(app, spec, seen)
    return raster, target_raster(raster, shot.ask.operation, shot.ask.options.get("size", "same"))


def _ready(shot: ShotRecord, file: Path, raster: Raster, target: Raster) -> _Ready:
    """A file held against the shot. Raises RefusedInput where it is none, or cannot become a take of it."""
    info = look_at(file, shot.plates[-1].rate)
    fit = place(shot, file, info)
    still = shot.op_class is OperationClass.STILL
    submission = plan_submission(
        op_class=shot.op_class,
        frames=1 if still else fit.range.duration,
        rate=fit.plate.rate,
        raster=raster,
        take_raster=target,
        limits=Limits(),
        untouched=True,
    )
    if fit.head:
        parts = tuple(part.model_copy(update={"pad_head": fit.head}) for part in submission.parts)
        submission = submission.model_copy(update={"parts": parts})
    if fit.note:
        submission = submission.model_copy(update={"notes": (*submission.notes, fit.note)})
    try:
        plan_conform(submission, [info])
    except MediaError as exc:
        # Said now, and not by a take that fails after its money was booked.
        raise RefusedInput(
            exc.what,
            value=exc.value or file,
            allowed=exc.allowed,
            next=f"otio-bridge takes add {shot.name} FILE",
        ) from exc
    return _Ready(file=file, fit=fit, submission=submission)


def look_at(file: Path, rate: Fraction) -> MediaInfo:
    """What a decoder finds in it. Numbered files state no rate: they run at the shot's.

    Raises RefusedInput where there is no such file, or no pictures in it.
    """
    if not sequence.is_pattern(file) and not file.is_file():
        raise RefusedInput(
            "no such file",
            value=file,
            allowed="a movie, a still, or a sequence as NAME.%04d.png",
            next="otio-bridge takes add SHOT FILE",
        )
    try:
        return probe(str(file), rate=rate if sequence.is_pattern(file) else None)
    except MediaError as exc:
        said = f"it {exc.what}" if exc.what.startswith(("is ", "has ", "cannot ")) else exc.what
        raise RefusedInput(
            f"{file.name} cannot be a take: {said}",
            value=file,
            allowed=exc.allowed or "a movie, a still, or a sequence as NAME.%04d.png",
        ) from exc


def place(shot: ShotRecord, file: Path, info: MediaInfo) -> Fit:
    """Where on the shot's line a file belongs, by what it says of itself; of the newest media's plates.

    By its length where that is a plate's; by its timecode where that holds the need (what lies beyond the
    plate is cut off, in record space it is kept as handle) or lies inside the plate; by its length where that
    is the need's; a longer one is cut at its tail. Timecode 00:00:00:00 says nothing: it is what is written
    where nobody knew one. Raises RefusedInput with the lengths that would do.
    """
    newest = shot.plates[-1]
    plates = [plate for plate in reversed(shot.plates) if plate.media == newest.media]
    frames = frames_at_plate(shot, info)
    for plate in plates:
        if frames == plate.range.duration:
            return Fit(plate=plate, range=plate.range)
    for plate in plates:
        if (fit := _by_timecode(shot, info, plate)) is not None:
            return fit
    for plate in plates:
        if frames == shot.need.duration and plate.range.contains(shot.need):
            return Fit(plate=plate, range=shot.need)
    for plate in plates:
        if frames > plate.range.duration:
            return Fit(plate=plate, range=plate.range)
    raise RefusedInput(
        f"{file.name} has {frames} frames and no timecode inside the plate",
        value=file,
        allowed=f"{newest.range.duration} frames (plate {newest.name}), {shot.need.duration} (the need), "
        f"or a timecode from {timecode(newest.range.start, newest.rate, drop=newest.drop)}"
        + ("; a sequence is given as NAME.%04d.png" if info.kind is MediaKind.STILL else ""),
        next=f"otio-bridge takes add {shot.name} FILE",
    )


def frames_at_plate(shot: ShotRecord, info: MediaInfo) -> int:
    """The file's length on the shot's line: one for one in source space, as long in seconds in record space."""
    if shot.op_class is not OperationClass.RECORD or restamps(shot.rate, info.rate):
        return info.frames
    return ceil(info.frames * shot.rate / info.rate)


def _by_timecode(shot: ShotRecord, info: MediaInfo, plate: PlateRecord) -> Fit | None:
    """Its place by its own timecode; None where that says nothing about this plate."""
    if not info.start or info.rate != plate.rate:
        return None
    note = "placed by its timecode"
    if plate.range.contains(info.range):
        return Fit(plate=plate, range=info.range, note=note)
    if not info.range.contains(shot.need):
        return None
    if shot.op_class is OperationClass.RECORD:
        return Fit(plate=plate, range=info.range, note=note)
    inside = info.range.clamped(plate.range)
    return Fit(plate=plate, range=inside, head=inside.start - info.start, note=note)


def _one(app: App, shot: ShotRecord, ready: _Ready, prompt: str, model: str, price: Money) -> TakeRecord:
    fit, file, submission = ready.fit, ready.file, ready.submission
    digest = _digest(file)
    request = Request(
        operation=shot.ask.operation,
        provider=ELSEWHERE,
        model=model or "unknown",
        prompt=prompt,
        media=shot.media,
        plate=fit.range,
        rate=fit.plate.rate,
        width=submission.raster.width,
        height=submission.raster.height,
        options={"content": digest},
    )
    # Under our roof and by content, so that the take outlives the place it came from; the file itself stays.
    numbered = ".%04d" if sequence.is_pattern(file) else ""
    kept = publish(
        file,
        returned_folder(app, shot.name, "elsewhere") / f"{digest[:12]}{numbered}{file.suffix}",
        keep=True,
    )
    return takes.add(
        app.ledger,
        shot.id,
        plate_id=fit.plate.id,
        request=request,
        provider=ELSEWHERE,
        model=request.model,
        file=str(kept),
        sha256=digest,
        cost=price,
        author=app.author,
        queue="cpu",
        provenance={
            "shot": shot.name,
            "made": "elsewhere",
            "file": file.name,
            "op_class": shot.op_class.value,
            "start": fit.range.start,
            "submission": submission.model_dump(mode="json"),
            "ask": shot.ask.model_dump(mode="json"),
        },
    )


def _digest(file: Path) -> str:
    """The content's hash; of a sequence, that of its files' hashes in their order."""
    if not sequence.is_pattern(file):
        return sha256(file)
    every = (sha256(sequence.file_at(file, number)) for number in sequence.numbers(file))
    return hashlib.sha256("".join(every).encode()).hexdigest()
