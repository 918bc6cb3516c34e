"""How a plate goes out to one provider: rate stamp, lengths, parts and raster (design §5, §6).

Source class: the plate's own frames, one for one, re-stamped at the provider's rate. Record class: the
next allowed length at the model's rate that holds need and handles. `model/returned.py` is the inverse.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor, isqrt, lcm

from otio_bridge.errors import RefusedInput
from otio_bridge.model.conform import Box, FrameGrid, Join, Limits, Part, Raster, Submission
from otio_bridge.model.request import OperationClass
from otio_bridge.model.time import FrameRange, rate_text

#: Frames two restyled parts share at least, so that the cut can lie inside (fewer for very short models).
OVERLAP = 8
#: Rates at most this far apart are re-stamped in record space: 4 % is film on television (design §5).
RESTAMP = Fraction(5, 100)


def plan_submission(
    *,
    op_class: OperationClass,
    frames: int,
    rate: Fraction,
    raster: Raster,
    limits: Limits,
    pad_before: int = 0,
    pad_after: int = 0,
    take_raster: Raster | None = None,
    untouched: bool = False,
) -> Submission:
    """What to send for `frames` frames at `rate`, and all that is needed to invert it.

    `pad_before` and `pad_after` are real media frames that exist around the plate; `raster` is the
    plate's (the editor's pixel aspect in it), `take_raster` the take's where it is another (a larger
    upscale). `untouched`: pixels and rate stay the plate's own (local work). Raises
    RefusedInput where no length, part or raster of the model can hold it.
    """
    if frames < 1:
        raise RefusedInput("there are no frames to send", value=frames)
    if limits.grid.at_least(1) is None:
        raise RefusedInput(
            "the model's length grid allows no length at all",
            value=limits.grid.model_dump_json(),
            next="otio-bridge doctor",
        )
    sent_rate = rate if untouched else choose_rate(rate, limits.rates)
    notes: list[str] = []
    if op_class is OperationClass.SOURCE:
        parts, join = carried_parts(frames, limits.grid, pad_before, pad_after)
        if sent_rate != rate:
            notes.append(f"{rate_text(rate)} stamped {rate_text(sent_rate)}, frame for frame")
    else:
        wanted = 1 if op_class is OperationClass.STILL else frames_at(frames, rate, sent_rate)
        parts, join = asked_parts(wanted, limits.grid)
        if op_class is OperationClass.RECORD and sent_rate != rate:
            how = "stamped" if restamps(rate, sent_rate) else "frames dropped or held to make"
            notes.append(f"asked for at {rate_text(sent_rate)}, {how} {rate_text(rate)}")
    notes += [note for part in parts if (note := _padding(part))]
    if len(parts) > 1:
        notes.append(f"{len(parts)} parts of up to {max(part.frames for part in parts)} frames ({join})")
    full = Box(x=0, y=0, width=raster.width, height=raster.height)
    sent_raster, box = (raster, full) if untouched else choose_raster(raster, limits)
    seconds = sum(part.frames for part in parts) / sent_rate
    return Submission(
        op_class=op_class,
        frames=frames,
        rate=rate,
        raster=take_raster or raster,
        sent_rate=sent_rate,
        sent_raster=sent_raster,
        box=box,
        parts=parts,
        join=join,
        notes=tuple(notes),
        cost_factor=seconds / (frames / rate),
    )


def restamps(rate: Fraction, other: Fraction) -> bool:
    """Whether frames at one rate are simply called frames at the other, in record space."""
    return abs(other / rate - 1) <= RESTAMP


def choose_rate(rate: Fraction, rates: tuple[Fraction, ...]) -> Fraction:
    """The shot's rate where the model has it, else the nearest it can be stamped with, else the preferred."""
    if not rates or rate in rates:
        return rate
    nearest = min(rates, key=lambda known: abs(known / rate - 1))
    return nearest if restamps(rate, nearest) else rates[0]


def frames_at(frames: int, rate: Fraction, other: Fraction) -> int:
    """Frames at `other` that show through `frames` frames at `rate` (frame i shows floor(i·other/rate))."""
    return frames if restamps(rate, other) else floor((frames - 1) * other / rate) + 1


def carried_parts(
    frames: int, grid: FrameGrid, pad_before: int = 0, pad_after: int = 0
) -> tuple[tuple[Part, ...], Join]:
    """Parts that carry every one of `frames` plate frames.

    One part, padded to the grid with real media at the tail, then the head, then copies of the last
    frame; or where that is too long, equally long parts spread evenly, overlapping, without padding.
    """
    length = grid.at_least(frames)
    if length is not None:
        pad = length - frames
        tail = min(pad, pad_after)
        head = min(pad - tail, pad_before)
        whole = FrameRange(start=0, duration=frames)
        return (
            Part(index=0, plate=whole, pad_head=head, pad_tail=tail, hold_tail=pad - tail - head),
        ), Join.NONE
    longest = grid.longest
    assert longest is not None  # at_least() is None only under a maximum
    overlap = min(OVERLAP, longest // 4)
    count = -(-(frames - overlap) // (longest - overlap))
    # k·length - (k-1)·overlap >= frames, so even spreading leaves every pair at least `overlap` in common.
    length = grid.at_least(-(-(frames + (count - 1) * overlap) // count))
    assert length is not None
    starts = ((frames - length) * index // (count - 1) for index in range(count))
    return tuple(
        Part(index=index, plate=FrameRange(start=start, duration=length))
        for index, start in enumerate(starts)
    ), Join.OVERLAP


def asked_parts(frames: int, grid: FrameGrid) -> tuple[tuple[Part, ...], Join]:
    """Parts that together make at least `frames` frames, each starting on the last one of the part before.

    N = Σnᵢ - (k-1): a seam shows one frame once. Raises RefusedInput where a part is a single frame.
    """
    length = grid.at_least(frames)
    if length is not None:
        return (Part(index=0, plate=FrameRange(start=0, duration=length)),), Join.NONE
    longest = grid.longest
    assert longest is not None  # as above
    if longest < 2:
        raise RefusedInput(
            f"a model that makes one frame at a time cannot be chained to {frames}",
            allowed=str(longest),
            next="choose another model, or shorten the clip",
        )
    count = -(-(frames - 1) // (longest - 1))
    parts: list[Part] = []
    start = 0
    for index in range(count):
        left = frames - start + (count - index - 1)
        made = grid.at_least(-(-left // (count - index)))
        assert made is not None
        parts.append(Part(index=index, plate=FrameRange(start=start, duration=made)))
        start += made - 1
    return tuple(parts), Join.CHAIN


def _padding(part: Part) -> str:
    pads = (
        (part.pad_tail, "real frame", "real frames", "after"),
        (part.pad_head, "real frame", "real frames", "before"),
        (part.hold_tail, "copy", "copies", "of the last frame"),
    )
    said = ", ".join(f"{n} {one if n == 1 else many} {where}" for n, one, many, where in pads if n)
    return f"padded to {part.frames} frames: {said}" if said else ""


def choose_raster(raster: Raster, limits: Limits) -> tuple[Raster, Box]:
    """The raster to send and where the picture lies in it: fitted and padded, never cropped or stretched.

    Of listed rasters the smallest that holds every pixel, else the one that shows the picture largest.
    Raises RefusedInput where no raster is left.
    """
    if limits.rasters:
        fitted = [(candidate, fit(raster, candidate)) for candidate in limits.rasters]
        width, height = _desqueezed(raster)
        holding = [pair for pair in fitted if pair[1].width >= width and pair[1].height >= height]
        if holding:
            return min(holding, key=lambda pair: pair[0].width * pair[0].height)
        return max(
            fitted,
            key=lambda pair: (pair[1].width * pair[1].height, -pair[0].width * pair[0].height),
        )
    width, height = _desqueezed(raster)
    # Even sides, since what is sent is 4:2:0.
    multiple = lcm(2, limits.multiple_of)
    sent = Raster(width=_up(width, multiple), height=_up(height, multiple))
    most = limits.max_pixels
    if most is None or sent.width * sent.height <= most:
        return sent, _centred(width, height, sent)
    reduced = (isqrt(most * width // height) // multiple, isqrt(most * height // width) // multiple)
    if 0 in reduced:
        raise RefusedInput(
            f"a picture of {width}x{height} does not fit the model",
            allowed=f"{most} pixels, sides multiples of {multiple}",
            next="choose another model",
        )
    sent = Raster(width=reduced[0] * multiple, height=reduced[1] * multiple)
    return sent, fit(raster, sent)


def fit(raster: Raster, into: Raster) -> Box:
    """The largest box of the picture's shape inside `into`, centred, on even pixels where it has room."""
    shape = Fraction(raster.width, raster.height) * raster.pixel_aspect / into.pixel_aspect
    if shape >= Fraction(into.width, into.height):
        return _centred(into.width, min(into.height, _even(into.width / shape)), into)
    return _centred(min(into.width, _even(into.height * shape)), into.height, into)


def _centred(width: int, height: int, into: Raster) -> Box:
    """Offsets are even, so that chroma of 4:2:0 pictures is cut where it was joined."""
    x, y = (into.width - width) // 4 * 2, (into.height - height) // 4 * 2
    return Box(x=x, y=y, width=width, height=height)


def _desqueezed(raster: Raster) -> tuple[int, int]:
    """The size in square pixels that loses no pixel in either direction."""
    if raster.pixel_aspect >= 1:
        return max(1, round(raster.width * raster.pixel_aspect)), raster.height
    return raster.width, max(1, round(raster.height / raster.pixel_aspect))


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _even(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)
