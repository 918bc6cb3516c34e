"""A contact sheet of an edit: a row a shot, its plate beside its takes."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from functools import reduce
from math import floor
from pathlib import Path
from uuid import uuid4

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.media.sheet import SheetCell, SheetRow, draw_sheet
from otio_bridge.model.relink import Link
from otio_bridge.model.take import ReviewState, TakeState
from otio_bridge.model.time import FrameRange, timecode
from otio_bridge.model.value import Value
from otio_bridge.store.records import ShotRecord, TakeRecord
from otio_bridge.workflow.deciding import Deciding, deciding
from otio_bridge.workflow.links import links_for
from otio_bridge.workflow.plates import PlateNotes
from otio_bridge.workflow.reading import clips, looker, open_edit
from otio_bridge.workflow.status import take_range


class SheetReport(Value):
    """What `sheet` drew."""

    out: str
    shots: int
    takes: int


def sheet(
    app: App,
    path: Path,
    out: Path,
    *,
    newest: bool = False,
    temp: bool = False,
    rate: Fraction | None = None,
    cut: str | None = None,
) -> SheetReport:
    """Draw every shot of ours in the edit, in record order; what `relink` with the same options would show is "in
    the edit".

    Raises RefusedInput where there is none, or no PNG can be written there.
    """
    if out.suffix.lower() != ".png":
        raise RefusedInput("a contact sheet is a PNG", value=out, next=f"-o {out.with_suffix('.png').name}")
    edit = open_edit(app.settings, path, rate=rate)
    links, _ = links_for(app, clips(edit, looker()), cut or edit.cut, newest=newest, temp=temp)
    state = deciding(app)
    by_id = {record.id: record for record in state.ledger.shots}
    # A shot on several clips is one row, drawn at the frames its first clip needs.
    clips_of: dict[str, list[Link]] = {}
    for link in links:
        clips_of.setdefault(link.shot_id, []).append(link)
    rows = [_row(state, by_id[shot_id], mine) for shot_id, mine in clips_of.items()]
    if not rows:
        raise RefusedInput(
            "no clip of this edit is a shot of this project", value=path, next=f"otio-bridge send {path}"
        )
    draft = out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        draw_sheet(rows, draft, title=cut or edit.cut)
        draft.replace(out)
    except OSError as exc:
        raise RefusedInput(
            f"the contact sheet cannot be written ({exc.strerror})",
            value=out,
            next="-o a folder you may write in",
        ) from exc
    finally:
        with suppress(OSError):
            draft.unlink()
    return SheetReport(out=str(out), shots=len(rows), takes=sum(len(row.takes) for row in rows))


def _row(state: Deciding, record: ShotRecord, links: list[Link]) -> SheetRow:
    need = reduce(FrameRange.union, (link.need for link in links))
    start = timecode(max(0, need.start), record.rate, drop=record.drop)
    shown = {take.key for link in links if (take := link.shown()[0]) is not None}
    return SheetRow(
        name=record.name,
        detail=f"{record.ask.operation} · {need.duration} f from {start}\n{record.ask.prompt}",
        plate=_plate(record, need),
        takes=[_take(state, take, record, need, shown) for take in state.ledger.takes.get(record.id, [])],
    )


def _plate(record: ShotRecord, need: FrameRange) -> SheetCell | None:
    made = next((plate for plate in reversed(record.plates) if plate.path), None)
    if made is None or made.path is None:
        return None
    notes = PlateNotes.of(made)
    indexes = _frames(made.range, need)
    if notes.source is not None and notes.step is not None:
        # Cut for slow motion: the file holds the source frames that the plate's record frames lie between.
        shown = (floor(notes.first + index * notes.step) for index in indexes)
        indexes = tuple(sorted({min(max(index, 0), notes.source.duration - 1) for index in shown}))
    return SheetCell(name=made.name, pictures=(Path(made.path), indexes), state="plate")


def _take(
    state: Deciding, take: TakeRecord, record: ShotRecord, need: FrameRange, shown: set[str]
) -> SheetCell:
    held = take_range(take)
    ready = take.state is TakeState.READY and held is not None
    review = state.reviews.get(take.id, ReviewState.UNREVIEWED)
    # The row says what was asked last; a take of another operation says its own.
    short = "does not hold all of it" if held is not None and not held.contains(need) else ""
    other = str(take.request.operation) if take.request.operation is not record.ask.operation else ""
    return SheetCell(
        name=take.name,
        pictures=(Path(take.result["file"]), _frames(held, need)) if ready and held else (),
        state=take.state,
        review="" if review is ReviewState.UNREVIEWED else review,
        note=" · ".join(filter(None, (other, "temp" * take.temp, short))),
        chosen=take.name in shown,
    )


def _frames(held: FrameRange, need: FrameRange) -> tuple[int, ...]:
    """First, middle and last frame of the need, as indexes into a file that holds `held`."""
    wanted = (need.start, need.start + need.duration // 2, need.last)
    return tuple(sorted({held.clamp(frame) - held.start for frame in wanted}))
