"""Writing a take: the returned frames the plan names, in the take's raster, rate, timecode and colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from otio_bridge.errors import MediaError
from otio_bridge.media import sequence
from otio_bridge.media.encoders import Encoder, encoder_for, is_odd
from otio_bridge.media.feed import feed
from otio_bridge.media.ffmpeg import input_args, output_arg, run
from otio_bridge.media.files import Written, sha256
from otio_bridge.media.graphs import Step, apply, arguments, chain, joined, step, stream
from otio_bridge.media.opening import opened
from otio_bridge.media.pixels import as_read, as_written, for_take, is_rgb, squeezed
from otio_bridge.media.plates import PlateSpec, embedded
from otio_bridge.media.probe import probe
from otio_bridge.model.conform import ConformPlan, Raster
from otio_bridge.model.media import ColourTags
from otio_bridge.model.value import Value


class Stamp(Value):
    """What is written on a take beside its pictures. Raster, pixel aspect and rate are the plan's."""

    #: Frame number of the start timecode at the plan's rate; number of a sequence's first file.
    start: int
    drop: bool = False
    #: The take's own name, so that it is never taken for the camera's (design §5).
    reel: str | None = None
    #: The camera's reel.
    source_reel: str | None = None
    codec: str = "prores"
    #: What the pixels are to be; `unknown` stays untagged.
    colour: ColourTags = ColourTags()
    alpha: bool = False
    #: LUT that turns the returned display pictures back into the plate's encoding; None: as they are.
    from_display: str | None = None


def conform(
    plan: ConformPlan,
    returned: Sequence[Path],
    out: Path,
    *,
    stamp: Stamp,
    sound_from: Path | None = None,
    alpha_from: Path | None = None,
    deadline: float | None = None,
    ffmpeg: str = "",
) -> Written:
    """Write the take to `out` (`.mov`, `.mp4`, or a `%04d` sequence): exactly `len(plan.frames)` frames.

    `sound_from` is the plate (or a file of its sound), whose sound is copied as it is; `alpha_from` the
    plate, frame for frame, whose alpha is put back where the answer has none. Raises MediaError.
    """
    info = probe(returned[0])
    borrows = stamp.alpha and not info.alpha
    if borrows and alpha_from is None:
        raise MediaError(
            "the plate has alpha, and what came back has none",
            value=returned[0],
            next="give the plate's alpha back, or ask again without it",
        )
    pictures = feed(returned, plan.frames, plan.rate)
    odd = is_odd(plan.raster.width, plan.raster.height)
    encoder = encoder_for(stamp.codec, alpha=stamp.alpha, bits=info.bits, odd=odd)
    pix_fmt = encoder.planar if borrows else encoder.pix_fmt
    steps = for_take(
        as_read(info.colour, pictures.pix_fmt, pictures.height),
        (pictures.width, pictures.height),
        plan.box,
        plan.raster,
        pix_fmt=pix_fmt,
        write=as_written(stamp.colour, pix_fmt, plan.raster.height, encoder),
        lut=stamp.from_display,
    )
    inputs = list(pictures.args)
    outputs = _with_alpha(steps, plan.raster, encoder) if borrows else chain(steps)
    if borrows and alpha_from is not None:
        inputs += input_args(alpha_from, rate=plan.rate)
    if sound_from is not None and not sequence.is_pattern(out) and _sounds(sound_from):
        outputs += ["-map", f"{1 + borrows}:a", "-c:a", "copy"]
        inputs += input_args(sound_from)
    marks = PlateSpec(
        rate=plan.rate, drop=stamp.drop, reel=stamp.reel, source_reel=stamp.source_reel, codec=stamp.codec
    )
    outputs += [*encoder.args, "-fps_mode", "passthrough", *embedded(stamp.start, marks, out)]
    run(
        [*inputs, *outputs, output_arg(out)],
        feed=pictures.pictures,
        what=f"conforming {out.name}",
        deadline=deadline,
        ffmpeg=ffmpeg,
    )
    made = probe(out, rate=plan.rate)
    if made.frames != len(plan.frames):
        raise MediaError(f"{made.frames} frames were written where {len(plan.frames)} were meant", value=out)
    return Written(path=out, sha256=sha256(out), info=made)


def promised(stamp: Stamp, raster: Raster) -> ColourTags:
    """What the take's file has to say of its colours: the stamp's, as far as its codec can say them.

    PNG pictures are RGB and keep no tags: nothing.
    """
    encoder = encoder_for(stamp.codec, alpha=stamp.alpha, odd=is_odd(raster.width, raster.height))
    if is_rgb(encoder.pix_fmt):
        return ColourTags()
    return as_written(stamp.colour, encoder.pix_fmt, raster.height, encoder)[1]


def _sounds(path: Path) -> bool:
    """Whether there is sound in a plate, or in a file that is nothing else."""
    if sequence.is_pattern(path):
        return False
    with opened(path) as (_, file):
        return bool(file.streams.audio)


def _with_alpha(steps: Sequence[Step], raster: Raster, encoder: Encoder) -> list[str]:
    """The take's pictures, with the alpha of input 1, which has one frame for each of theirs."""
    planar = encoder.planar
    alpha = [
        step("scale", raster.width, raster.height, flags="lanczos"),
        step("format", planar),
        squeezed(raster),
    ]
    # Both in one format with alpha: a lone alpha would be grey, and ffmpeg would give it a video range.
    sources = {f"map{plane}s": int(plane == 3) for plane in range(4)}
    planes = {f"map{plane}p": plane for plane in range(4)}
    pair = (apply(stream(0), steps), apply(stream(1), alpha))
    both = joined("mergeplanes", *pair, format=planar, **sources, **planes)
    return arguments(apply(both, [step("format", encoder.pix_fmt)]))
