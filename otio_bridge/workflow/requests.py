"""What a shot asks of a provider: the plate it needs, its raster and references, and the request itself."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.media.files import sha256
from otio_bridge.model.conform import Raster, Submission
from otio_bridge.model.frames import source_frame
from otio_bridge.model.media import MediaInfo, MediaKind, first_frame
from otio_bridge.model.request import (
    Ask,
    Operation,
    OperationClass,
    Reference,
    Request,
    Role,
    canonical_json,
)
from otio_bridge.model.shot import ShotSpec
from otio_bridge.model.time import FrameRange
from otio_bridge.store.records import PlateRecord, ShotRecord
from otio_bridge.workflow.inputs import take_named
from otio_bridge.workflow.plates import PlateNotes, interpolated, plate_key

#: Parts of an ask that do not make it another request: how often, how soon, for how much, under what name.
_NOT_ASKED = ("takes", "priority", "name", "handles", "brief")


def ask_key(ask: Ask) -> str:
    """Text equal for equal asks: what is wanted, without the media, the plate and the references' content."""
    said = ask.model_dump(mode="json", exclude=set(_NOT_ASKED))
    said["options"] = {key: value for key, value in ask.options.items() if key != "max_cost"}
    said["references"] = [{**reference, "content": None} for reference in said["references"]]
    return canonical_json(said)


def plate_raster(app: App, spec: ShotSpec, info: MediaInfo | None) -> Raster:
    """The raster of the shot's plate: its media's, else the project's. Raises RefusedInput where neither is known."""
    if info is not None:
        return Raster(width=info.width, height=info.height, pixel_aspect=info.pixel_aspect)
    project = app.settings.project
    if project.width is None or project.height is None:
        raise RefusedInput(
            f"{spec.name} has no media, and the project does not say what raster to make",
            allowed="[project] width, height and pixel_aspect in otio-bridge.toml",
            next="otio-bridge init",
        )
    return Raster(width=project.width, height=project.height, pixel_aspect=project.pixel_aspect)


def parent_raster(app: App, known: ShotRecord | None, spec: ShotSpec) -> Raster | None:
    """The raster of the take another is made from; None where it is made from the plate."""
    take = take_named(app, known, spec.ask.options.get("parent", ""))
    if take is None:
        return None
    kept = take.provenance.get("submission")
    aspect = Submission.model_validate(kept).raster.pixel_aspect if kept else Fraction(1)
    return Raster(width=take.request.width, height=take.request.height, pixel_aspect=aspect)


def build_request(
    spec: ShotSpec, plate: FrameRange, target: Raster, references: tuple[Reference, ...]
) -> Request:
    """The request a spec makes on a plate of this range."""
    ask = spec.ask
    options = {key: value for key, value in ask.options.items() if key not in ("max_cost", "parent")}
    return Request(
        operation=ask.operation,
        provider=ask.provider,
        model=ask.model,
        prompt=ask.prompt,
        negative_prompt=ask.negative_prompt,
        seed=ask.seed,
        references=references,
        options=options,
        parent=ask.options.get("parent"),
        media=spec.media_identity,
        plate=plate,
        rate=spec.rate,
        width=target.width,
        height=target.height,
    )


def resolved(app: App, known: ShotRecord | None, spec: ShotSpec) -> tuple[Reference, ...]:
    """The references with their content's hash; an `animate` without a first picture starts from the plate.

    Raises RefusedInput for a file that is not there.
    """
    references = list(spec.ask.references)
    roles = {reference.role for reference in references}
    if (
        spec.ask.operation is Operation.ANIMATE
        and Role.FIRST not in roles
        and spec.media is not None
        and spec.media.has_pictures
    ):
        references.insert(0, Reference(role=Role.FIRST, source="plate"))
    done: list[Reference] = []
    for reference in references:
        content: str | None = None
        other = take_named(app, known, reference.source)
        if reference.source == "plate":
            content = None  # the plate's media and range are in the request already
        elif other is not None:
            content = f"take:{other.id}"
        else:
            path = Path(reference.source)
            path = path if path.is_absolute() else app.settings.folder / path
            if not path.is_file():
                raise RefusedInput(
                    f"the {reference.role} reference of {spec.name} is not there",
                    value=reference.source,
                    allowed="a file (relative to the project), plate, vNNN or SHOT/vNNN",
                )
            content = sha256(path)
        done.append(reference.model_copy(update={"content": content}))
    return tuple(done)


def plate_range(spec: ShotSpec, references: tuple[Reference, ...]) -> FrameRange:
    """Need and handles; no handle where a first or last picture belongs on the cut's own frame (design §5)."""
    if spec.op_class is not OperationClass.RECORD:
        return spec.plate
    roles = {reference.role for reference in references}
    return FrameRange.between(
        spec.need.start if Role.FIRST in roles else spec.plate.start,
        spec.need.end if Role.LAST in roles else spec.plate.end,
    )


def parents_plate(app: App, known: ShotRecord | None, spec: ShotSpec, parent: str) -> PlateRecord:
    """The plate of the take another is to be made from. Raises RefusedInput where it cannot be."""
    take = take_named(app, known, parent)
    if take is None or known is None or take.shot_id != known.id:
        raise RefusedInput(
            "no such take of this shot to make another from",
            value=f"parent={parent}",
            next="otio-bridge takes",
        )
    plate = next((entry for entry in known.plates if entry.id == take.plate_id), None)
    if plate is None or plate.media != plate_key(spec) or not plate.range.contains(spec.need):
        raise RefusedInput(f"{take.label} does not hold what the clip needs now", value=f"parent={parent}")
    return plate


def plate_notes(spec: ShotSpec, plate: FrameRange, info: MediaInfo | None, *, pulled: bool) -> PlateNotes:
    """How a new plate of this range is to be made."""
    ref = spec.media
    notes = PlateNotes(
        op_class=spec.op_class,
        media=ref,
        shown=_shown(spec),
        deinterlace=spec.ask.options.get("deinterlace") in ("yes", "true", "1"),
        source_reel=ref.reel if ref else None,
    )
    if pulled:
        return notes.model_copy(update={"info": info, "pulled": True})
    if ref is None or info is None or info.kind is MediaKind.STILL:
        return notes
    has = FrameRange(start=first_frame(ref, info), duration=info.frames)
    if spec.ask.operation is Operation.INTERPOLATE and spec.op_class is OperationClass.RECORD:
        source, first, step = interpolated(spec.occurrences[0].span, plate, has)
        return notes.model_copy(update={"source": source, "first": first, "step": step})
    if spec.op_class is not OperationClass.SOURCE:
        return notes
    return notes.model_copy(
        update={
            "before": max(0, plate.start - has.start),
            "after": max(0, has.end - plate.end),
        }
    )


def _shown(spec: ShotSpec) -> tuple[int, int] | None:
    """The source frames at the first and the last record frame of the shot's first occurrence."""
    if spec.media is None or not spec.occurrences:
        return None
    span, available = spec.occurrences[0].span, spec.media.available
    last = max(0, span.n + span.tail - 1)
    return source_frame(span, -span.head, available), source_frame(span, last, available)
