"""From what a provider returned to a plan of the take's frames: the inverse of `model/submission.py`.

Be right or say so: a frame is placed by what was sent or by a measured lag, never by stretching; what
had to be repeated is listed in `held`, and what cannot be placed is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from otio_bridge.errors import MediaError
from otio_bridge.model.conform import Box, ConformPlan, Part, Seam, Source, Submission
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.request import OperationClass
from otio_bridge.model.submission import restamps
from otio_bridge.model.time import rate_text

#: Rasters whose aspects differ by more do not show the same picture.
ASPECT_TOLERANCE = Fraction(1, 100)
#: Holding more than this share of the frames would be inventing a take.
MOST_HELD = Fraction(1, 2)


def plan_conform(
    submission: Submission, returned: Sequence[MediaInfo], *, lag: int | None = None
) -> ConformPlan:
    """For every frame of the take, the returned frame that shows there.

    `returned` has one entry a part, in order. `lag` is measured (`media.align`): the returned frame at
    which the plate's first frame shows; it is believed for single-part source-class takes only.
    Raises MediaError for a wrong number of parts, another aspect, and frames that are missing and
    cannot be placed.
    """
    if len(returned) != len(submission.parts):
        raise MediaError(
            f"{len(returned)} files returned for {len(submission.parts)} parts", next="otio-bridge retry"
        )
    for info in returned:
        if info.frames < 1:
            raise MediaError("a returned file has no pictures", value=info.path, next="otio-bridge retry")
    if submission.op_class is OperationClass.SOURCE:
        plan = _one_for_one(submission, returned, lag)
    elif submission.op_class is OperationClass.STILL:
        plan = _still(submission)
    else:
        plan = _in_record_time(submission, returned)
    boxes = {returned_box(submission, info) for info in returned}
    if len(boxes) > 1 or len({(info.width, info.height) for info in returned}) > 1:
        raise MediaError(
            "the parts came back in different sizes",
            value=", ".join(f"{info.width}x{info.height}" for info in returned),
        )
    return plan.model_copy(update={"box": boxes.pop()})


def returned_box(submission: Submission, info: MediaInfo) -> Box:
    """Where the picture lies in what returned: the sent box, scaled to the returned raster.

    Raises MediaError where the aspect is another, since some of the picture would be lost or stretched.
    """
    sent = submission.sent_raster
    stored = Fraction(info.width * sent.height, info.height * sent.width)
    shown = stored * info.pixel_aspect / sent.pixel_aspect
    if min(abs(stored - 1), abs(shown - 1)) > ASPECT_TOLERANCE:
        raise MediaError(
            f"returned as {info.width}x{info.height}, which has another aspect than what was sent",
            value=info.path,
            allowed=f"{sent.width}x{sent.height} or a multiple of it",
            next="otio-bridge takes add, after cropping it by hand",
        )
    if info.rotation:
        raise MediaError(f"returned with a rotation of {info.rotation} degrees", value=info.path)
    across, down = Fraction(info.width, sent.width), Fraction(info.height, sent.height)
    box = submission.box
    left, top = round(box.x * across), round(box.y * down)
    right, bottom = round((box.x + box.width) * across), round((box.y + box.height) * down)
    return Box(x=left, y=top, width=max(1, right - left), height=max(1, bottom - top))


def _one_for_one(submission: Submission, returned: Sequence[MediaInfo], lag: int | None) -> ConformPlan:
    """Source class: plate frame i is take frame i, whatever rate the answer claims."""
    notes: list[str] = []
    single = len(returned) == 1
    spans = [
        _Span(part, info.frames, lag if single else None, notes)
        for part, info in zip(submission.parts, returned, strict=True)
    ]
    seams = _seams(spans)
    frames, held, part = [], [], 0
    for frame in range(submission.frames):
        while part < len(seams) and frame >= seams[part].frame:
            part += 1
        source, is_held = spans[part].at(frame)
        frames.append(source)
        if is_held:
            held.append(frame)
    return _plan(submission, frames, held=held, seams=seams, notes=notes)


class _Span:
    """Where one part's plate frames lie in what it returned."""

    def __init__(self, part: Part, got: int, lag: int | None, notes: list[str]) -> None:
        sent, carried = part.frames, part.plate.duration
        self.part, self.got = part, got
        self.lag = part.pad_head if lag is None else lag
        #: Plate frames that really came back: [first, end).
        self.first = part.plate.start + max(0, -self.lag)
        self.end = min(part.plate.end, part.plate.start + got - self.lag)
        name = f"part {part.index}: " if part.index else ""
        if got > sent:
            notes.append(f"{name}{got - sent} frames more than sent came back and were trimmed")
        elif got < sent:
            notes.append(f"{name}{sent - got} frames fewer than sent came back")
        missing = carried - max(0, self.end - self.first)
        if missing and lag is None:
            raise MediaError(
                f"{name}{got} frames came back of {sent} sent, and which are missing could not be measured",
                allowed=f"at least {part.pad_head + carried}",
                next="otio-bridge retry",
            )
        if missing > carried * MOST_HELD:
            raise MediaError(
                f"{name}only {carried - missing} of {carried} frames of the plate came back",
                next="otio-bridge retry",
            )
        if missing:
            notes.append(f"{name}{missing} missing frames hold their neighbour (measured lag {self.lag})")
        elif self.lag != part.pad_head:
            notes.append(f"{name}placed by a measured lag of {self.lag} frames")

    def at(self, frame: int) -> tuple[Source, bool]:
        """The returned frame for a plate frame, and whether it stands in for a missing one."""
        index = frame - self.part.plate.start + self.lag
        inside = min(max(index, 0), self.got - 1)
        return Source(part=self.part.index, frame=inside), inside != index


def _seams(spans: Sequence[_Span]) -> tuple[Seam, ...]:
    """The middle of each overlap."""
    return tuple(
        Seam(frame=(later.first + earlier.end + 1) // 2, parts=(earlier.part.index, later.part.index))
        for earlier, later in pairwise(spans)
    )


def _still(submission: Submission) -> ConformPlan:
    """One picture, held for as long as it is wanted."""
    return _plan(submission, [Source(part=0, frame=0)] * submission.frames)


def _in_record_time(submission: Submission, returned: Sequence[MediaInfo]) -> ConformPlan:
    """Record class: the returned run at its own rate, seen at the timeline's; surplus is tail handle."""
    rates = {info.rate for info in returned}
    if len(rates) > 1:
        said = ", ".join(rate_text(info.rate) for info in returned)
        raise MediaError("the parts came back at different rates", value=said, next="otio-bridge retry")
    made = rates.pop()
    run: list[Source] = []
    starts: list[int] = []
    for index, info in enumerate(returned):
        starts.append(len(run))
        # A chained part begins with the frame the one before ended on.
        run += [Source(part=index, frame=frame) for frame in range(1 if index else 0, info.frames)]
    notes: list[str] = []
    step = Fraction(1) if restamps(submission.rate, made) else made / submission.rate
    if step != 1:
        what = "dropped" if step > 1 else "held"
        notes.append(f"returned at {rate_text(made)}: frames {what} to make {rate_text(submission.rate)}")
    elif made != submission.rate:
        notes.append(f"returned at {rate_text(made)}, stamped {rate_text(submission.rate)}")
    had = ceil(len(run) / step)
    wanted = submission.frames
    if wanted - had > wanted * MOST_HELD:
        raise MediaError(f"only {had} of {wanted} frames came back", next="otio-bridge retry")
    frames = [run[floor(frame * step)] for frame in range(had)]
    held = list(range(had, wanted))
    frames += [run[-1]] * len(held)
    if held:
        notes.append(f"{len(held)} frames too few came back; the last one is held")
    seams = [
        Seam(frame=ceil(start / step), parts=(index - 1, index))
        for index, start in enumerate(starts)
        if index
    ]
    return _plan(submission, frames, held=held, seams=seams, notes=notes, surplus=max(0, had - wanted))


def _plan(
    submission: Submission,
    frames: Sequence[Source],
    *,
    held: Sequence[int] = (),
    seams: Sequence[Seam] = (),
    notes: Sequence[str] = (),
    surplus: int = 0,
) -> ConformPlan:
    return ConformPlan(
        frames=tuple(frames),
        rate=submission.rate,
        raster=submission.raster,
        box=submission.box,
        held=tuple(held),
        seams=tuple(seams),
        surplus=surplus,
        notes=tuple(notes),
    )
