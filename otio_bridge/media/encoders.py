"""How mezzanines are written: one entry a codec of `[media] codec`, and what carries alpha instead."""

from __future__ import annotations

from typing import NamedTuple

from otio_bridge.errors import RefusedInput


class Encoder(NamedTuple):
    """Output arguments, and the pixel format written."""

    args: tuple[str, ...]
    pix_fmt: str
    #: With alpha: the same in planes, in which another picture's alpha can be put.
    planar: str = ""
    #: Editors believe its range tag; the others are read as video range whatever they say.
    full_range: bool = False
    #: Matrices it can say, `unknown` among them where it can say none; empty: any, and none. Others are made
    #: into BT.709.
    spaces: frozenset[str] = frozenset()


#: What a ProRes frame has a number for (SMPTE RDD 36 §6.1.1); ffmpeg's `prores` writes 0, RGB, for the others.
_PRORES_SPACES = frozenset({"bt709", "smpte170m", "bt2020nc", "unknown"})
#: ffmpeg's `prores` is four times as fast as `prores_ks` and closer; it has no 4444 (media.md §1).
_MOVIES: dict[str, Encoder] = {
    "prores": Encoder(("-c:v", "prores", "-profile:v", "3"), "yuv422p10le", spaces=_PRORES_SPACES),
    "dnxhr": Encoder(
        ("-c:v", "dnxhd", "-profile:v", "dnxhr_hqx"),
        "yuv422p10le",
        # ffmpeg writes BT.709 into every frame, whatever it is told.
        spaces=frozenset({"bt709"}),
    ),
    "h264": Encoder(
        ("-c:v", "libx264", "-preset", "medium", "-crf", "16", "-g", "24"),
        "yuv420p",
        full_range=True,
    ),
}
_ALPHA = Encoder(
    ("-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16"),
    "yuva444p10le",
    "yuva444p10le",
    spaces=_PRORES_SPACES,
)
#: 4:2:2 and 4:2:0 encoders refuse a width (or height) they cannot halve.
_ODD = Encoder(("-c:v", "prores_ks", "-profile:v", "4444"), "yuv444p10le", spaces=_PRORES_SPACES)


def encoder_for(codec: str, *, alpha: bool = False, bits: int = 8, odd: bool = False) -> Encoder:
    """The encoder of a setting's word; pictures with alpha or `odd` sides go to ProRes 4444, or stay PNG.

    Raises RefusedInput for a codec that is none.
    """
    if codec == "png":
        deep = bits > 8
        if alpha:
            pix_fmt, planar = ("rgba64be", "gbrap16le") if deep else ("rgba", "gbrap")
        else:
            pix_fmt, planar = ("rgb48be" if deep else "rgb24"), ""
        return Encoder(("-c:v", "png"), pix_fmt, planar, full_range=True)
    if codec not in _MOVIES:
        raise RefusedInput("not a codec for plates and takes", value=codec, allowed=[*_MOVIES, "png"])
    return _ALPHA if alpha else _ODD if odd else _MOVIES[codec]


def is_odd(width: int, height: int) -> bool:
    """Whether a picture has a side that 4:2:0 cannot halve."""
    return bool(width % 2 or height % 2)
