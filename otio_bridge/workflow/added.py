"""Takes made elsewhere: conformed, checked and numbered like any other, with what was told about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.media.files import publish, sha256
from otio_bridge.media.probe import probe
from otio_bridge.model.conform import Limits
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.money import Money
from otio_bridge.model.raster import target_raster
from otio_bridge.model.request import OperationClass, Request
from otio_bridge.model.shot import ShotSpec
from otio_bridge.model.submission import plan_submission
from otio_bridge.model.time import FrameRange, timecode
from otio_bridge.store import takes
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow.move import ELSEWHERE, nudge_for
from otio_bridge.workflow.places import returned_folder
from otio_bridge.workflow.plan import plate_raster
from otio_bridge.workflow.reading import looker
from otio_bridge.workflow.review import shot_named
from otio_bridge.workflow.status import TakesReport, lines


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
    found = [(file, look_at(file)) for file in files]
    places = [place(owner, file, info) for file, info in found]
    price = Money.of(cost or "0", app.settings.money.currency)
    made = [
        _one(app, owner, file, info, *where, prompt, model, price)
        for (file, info), where in zip(found, places, strict=True)
    ]
    for take in made:
        nudge_for(app, take)
    return TakesReport(takes=lines(app, made))


def look_at(file: Path) -> MediaInfo:
    """What a decoder finds in it. Raises RefusedInput where there is no such file."""
    if "%" not in file.name and not file.is_file():
        raise RefusedInput("no such file", value=file)
    return probe(str(file))


def place(shot: ShotRecord, file: Path, info: MediaInfo) -> tuple[PlateRecord, FrameRange]:
    """Where on the shot's line a file belongs: the newest plate it fits, and the frames of it it holds.

    By its length where that is the plate's or the need's; by its timecode where that lies inside the plate;
    a longer one is trimmed at its tail. Raises RefusedInput, with the lengths that would do.
    """
    for plate in reversed(shot.plates):
        if info.frames >= plate.range.duration:
            return plate, plate.range
        if info.start is not None and info.rate == plate.rate and plate.range.contains(info.range):
            return plate, info.range
        if info.frames == shot.need.duration and plate.range.contains(shot.need):
            return plate, shot.need
    plate = shot.plates[-1]
    raise RefusedInput(
        f"{file.name} has {info.frames} frames and no timecode inside the plate",
        value=file,
        allowed=f"{plate.range.duration} frames (plate {plate.name}), {shot.need.duration} (the need), or a timecode "
        f"from {timecode(plate.range.start, plate.rate, drop=plate.drop)}",
    )


def _one(
    app: App,
    shot: ShotRecord,
    file: Path,
    info: MediaInfo,
    plate: PlateRecord,
    where: FrameRange,
    prompt: str,
    model: str,
    price: Money,
) -> TakeRecord:
    spec = ShotSpec.model_validate(shot.spec)
    seen = looker()(spec.media) if spec.media is not None else None
    raster = plate_raster(app, spec, seen)
    target = target_raster(raster, shot.ask.operation, shot.ask.options.get("size", "same"))
    digest = sha256(file)
    request = Request(
        operation=shot.ask.operation,
        provider=ELSEWHERE,
        model=model or "unknown",
        prompt=prompt,
        media=shot.media,
        plate=where,
        rate=plate.rate,
        width=target.width,
        height=target.height,
        options={"content": digest},
    )
    still = shot.op_class is OperationClass.STILL
    submission = plan_submission(
        op_class=shot.op_class,
        frames=1 if still else where.duration,
        rate=plate.rate,
        raster=raster,
        take_raster=target,
        limits=Limits(),
        untouched=True,
    )
    # Under our roof and by content, so that the take outlives the place it came from; the file itself stays.
    kept = publish(
        file, returned_folder(app, shot.name, "elsewhere") / f"{digest[:12]}{file.suffix}", keep=True
    )
    return takes.add(
        app.ledger,
        shot.id,
        plate_id=plate.id,
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
            "start": where.start,
            "submission": submission.model_dump(mode="json"),
            "ask": shot.ask.model_dump(mode="json"),
        },
    )
