"""What happens to pixels on the way out and back: colour said, raster fitted, never cropped or stretched.

Lists of filter steps for `graphs.chain`. Untagged pictures are read as BT.709 from 720 lines and as
BT.601 below, as players (and `decode.to_rgb`) do; what is written says what it is.
"""

from __future__ import annotations

from otio_bridge.media.encoders import Encoder
from otio_bridge.media.graphs import Step, step
from otio_bridge.model.conform import Box, Raster
from otio_bridge.model.media import ColourTags

#: What models and browsers expect of 4:2:0 video.
DISPLAY = ColourTags(space="bt709", primaries="bt709", transfer="bt709", range="tv")
#: Matrices by swscale's names.
_MATRIX = {
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
#: Matrices by another name for the same numbers (H.273 table 4), which more codecs have.
_SAME = {"bt470bg": "smpte170m"}
#: Transfers by `setparams`' names where they are not ffmpeg's own.
_SETPARAMS = {"gamma22": "bt470m", "gamma28": "bt470bg"}
_SHARP = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
#: Where LUTs are applied, and where pictures are cropped between chroma samples.
_DEEP_RGB, _DEEP_YUV = "gbrp16le", "yuv444p16le"


def is_rgb(pix_fmt: str) -> bool:
    """Whether a pixel format's components are red, green and blue."""
    return pix_fmt.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr"))


def as_read(tags: ColourTags, pix_fmt: str, lines: int) -> ColourTags:
    """The tags with the unknown ones that decide about numbers (matrix, range) settled as players do."""
    if is_rgb(pix_fmt):
        return tags.model_copy(update={"space": "gbr", "range": "pc"})
    matrix = _SAME.get(tags.space, tags.space)
    if matrix not in _MATRIX:
        matrix = "bt709" if lines >= 720 else "smpte170m"
    return tags.model_copy(update={"space": matrix, "range": tags.range if tags.range == "pc" else "tv"})


def as_written(tags: ColourTags, pix_fmt: str, lines: int, encoder: Encoder) -> tuple[ColourTags, ColourTags]:
    """(what pixels are converted to, what they are tagged as) for tags that are wanted.

    Unknown stays untagged, its pixels by the players' convention, where the encoder can say nothing.
    """
    made = as_read(tags, pix_fmt, lines)
    if is_rgb(pix_fmt):
        return made, made
    if not encoder.full_range:
        made = made.model_copy(update={"range": "tv"})
    if encoder.spaces and made.space not in encoder.spaces:
        made = made.model_copy(update={"space": "bt709"})
    unsaid = tags.space == "unknown" and (not encoder.spaces or "unknown" in encoder.spaces)
    return made, made.model_copy(update={"space": "unknown"}) if unsaid else made


def broken(found: ColourTags, pix_fmt: str, promised: ColourTags) -> list[str]:
    """Every tag that is not as promised, in words. `unknown` promises nothing; an unsaid range of YUV is video."""
    if found.range == "unknown" and not is_rgb(pix_fmt):
        found = found.model_copy(update={"range": "tv"})
    has = found.model_dump()
    return [
        f"colour {tag}: {has[tag]} where {value} was promised"
        for tag, value in promised.model_dump().items()
        if value not in ("unknown", has[tag])
    ]


def tagged(tags: ColourTags) -> Step:
    """Say what the pixels are, without touching them."""
    return step(
        "setparams",
        range=tags.range,
        color_primaries=tags.primaries,
        color_trc=_SETPARAMS.get(tags.transfer, tags.transfer),
        colorspace=tags.space,
    )


def for_sending(read: ColourTags, box: Box, raster: Raster, *, lut: str | None = None) -> list[Step]:
    """The picture in its box of the provider's raster, the rest black: BT.709, 4:2:0, square pixels."""
    steps = [tagged(read), *_through(lut)]
    steps += [_scaled(box.width, box.height, DISPLAY), step("format", "yuv444p")]
    if (box.width, box.height) != (raster.width, raster.height):
        steps.append(step("pad", raster.width, raster.height, box.x, box.y, color="black"))
    return [*steps, step("format", "yuv420p"), step("setsar", 1), tagged(DISPLAY)]


def for_take(
    read: ColourTags,
    size: tuple[int, int],
    box: Box,
    raster: Raster,
    *,
    pix_fmt: str,
    write: tuple[ColourTags, ColourTags],
    lut: str | None = None,
) -> list[Step]:
    """The box out of a picture of `size`, scaled to the take's raster; `write` is from `as_written`."""
    steps = [tagged(read)]
    if (box.x, box.y, box.width, box.height) != (0, 0, *size):
        if any(number % 4 for number in (box.x, box.y, box.width, box.height)):
            steps.append(step("format", _DEEP_RGB if read.space == "gbr" else _DEEP_YUV))
        steps.append(step("crop", box.width, box.height, box.x, box.y, exact=1))
    if lut:
        steps += [_scaled(raster.width, raster.height), *_through(lut)]
    made, tags = write
    steps += [_scaled(raster.width, raster.height, made), step("format", pix_fmt)]
    return [*steps, squeezed(raster), tagged(tags)]


def squeezed(raster: Raster) -> Step:
    """Say the raster's pixel aspect."""
    aspect = raster.pixel_aspect
    return step("setsar", f"{aspect.numerator}/{aspect.denominator}", max=10_000)


def _through(lut: str | None) -> list[Step]:
    return [step("format", _DEEP_RGB), step("lut3d", file=lut, interp="tetrahedral")] if lut else []


def converted(to: ColourTags) -> Step:
    """Into another matrix and range, at the size it has."""
    return _scaled("iw", "ih", to)


def _scaled(width: int | str, height: int | str, to: ColourTags | None = None) -> Step:
    """Scale and convert in one pass; the matrix and range of what goes in are said by its tags."""
    options: dict[str, object] = {"flags": _SHARP}
    if to is not None and to.space in _MATRIX:
        options |= {"out_color_matrix": _MATRIX[to.space], "out_range": to.range}
    return step("scale", width, height, **options)
