"""Filter graphs, built and escaped by ffmpeg-python: the only file that imports it.

A graph is a chain of `step`s over one input picture (`chain`), or an ffmpeg-python stream over several
(`source`, `arguments`). What comes out are arguments for `media.ffmpeg.run`: `-filter_complex … -map …`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import ffmpeg


class Step(NamedTuple):
    """One filter with its arguments, unescaped."""

    name: str
    args: tuple[object, ...]
    options: dict[str, object]


def step(name: str, *args: object, **options: object) -> Step:
    """One filter: `step("fps", Fraction(24000, 1001), start_time=0)`."""
    return Step(name, args, options)


def chain(steps: Sequence[Step], source: str = "0:v:0") -> list[str]:
    """Arguments that filter one input stream and map the result; with no steps, map it as it is."""
    if not steps:
        return ["-map", source]
    index, _, selector = source.partition(":")
    return arguments(apply(stream(int(index), selector), steps))


def text(steps: Sequence[Step]) -> str:
    """Steps as filter text, to stand beside a graph somebody wrote; for values that need no escaping."""
    words = []
    for name, args, options in steps:
        values = [*map(str, args), *(f"{key}={value}" for key, value in options.items())]
        if any(set(value) & set("\\':,;[]") for value in values):
            raise ValueError(f"needs escaping: {values}")
        words.append(f"{name}={':'.join(values)}")
    return ",".join(words)


def stream(index: int, selector: str = "v:0") -> Any:
    """Stream `selector` of the input numbered `index`, for graphs of several inputs."""
    return ffmpeg.input(str(index))[selector]


def apply(node: Any, steps: Sequence[Step]) -> Any:
    """`node` through every step."""
    for name, args, options in steps:
        node = node.filter(name, *args, **options)
    return node


def joined(name: str, *nodes: Any, **options: object) -> Any:
    """One filter over several streams."""
    return ffmpeg.filter(list(nodes), name, **options)


def arguments(*nodes: Any) -> list[str]:
    """`-filter_complex … -map …` of graphs over `stream`s, each one an output stream."""
    compiled = ffmpeg.output(*nodes, "out").get_args()
    # ffmpeg-python numbers inputs in the order it meets them; ours are numbered in their names.
    names = [compiled[at + 1] for at, word in enumerate(compiled) if word == "-i"]
    at = compiled.index("-filter_complex")

    def renumbered(match: re.Match[str]) -> str:
        return f"[{names[int(match[1])]}{match[2]}]"

    graph = re.sub(r"\[(\d+)(:[^\]]*)?\]", renumbered, compiled[at + 1])
    return ["-filter_complex", graph, *compiled[at + 2 : -1]]


# ---------------------------------------------------------------- steps with a reason


def cut_on_grid(grid: Fraction, first: int, frames: int, rate: Fraction) -> tuple[Step, ...]:
    """Frames `first` to `first + frames` of a picture put on a constant grid, stamped at `rate`.

    The winner of media.md §6.
    """
    return (step("fps", grid, start_time=0), *cut_by_count(rate, first, frames))


def cut_by_count(rate: Fraction, first: int, frames: int) -> tuple[Step, ...]:
    """The same by counting pictures, stamped one after another at `rate`, whatever their times say."""
    return (step("trim", start_frame=first, end_frame=first + frames), *stamped(rate, frames))


def stamped(rate: Fraction, frames: int) -> tuple[Step, ...]:
    """`frames` pictures shown at k/rate, none dropped or doubled (output needs `-fps_mode passthrough`)."""
    return (
        step("settb", 1 / rate),
        step("setpts", "N"),
        # Says the rate to the encoder (`setpts` of ffmpeg 7 forgets it, and no timecode is written). It may
        # lose or double the last picture, whose length nobody knows.
        step("tpad", stop_mode="clone", stop=2),
        step("fps", rate, start_time=0),
        step("trim", end_frame=frames),
    )


def deinterlaced() -> Step:
    """One frame for two fields, the count unchanged."""
    return step("bwdif", mode="send_frame", parity="auto", deint="all")


def sound_between(rate: int, first: int, samples: int, zero: Fraction = Fraction(0)) -> tuple[Step, ...]:
    """Exactly `samples` samples from sample `first` after time `zero`; silence where there are none."""
    return (
        step("asetpts", f"PTS-{zero}/TB"),
        # async=1 only fills and trims: sound that starts late, or has a hole, stays in its place; at the
        # start from a hundredth of a millisecond on, less than a sample.
        step("aresample", rate, **{"async": 1, "first_pts": 0, "min_comp": "0.00001"}),
        step("apad", whole_len=first + samples),
        step("atrim", start_sample=first, end_sample=first + samples),
        step("asetpts", "N/SR/TB"),
    )
