"""OTIO times as exact fractions; a rate is snapped to the one meant (otio.md §3.2)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import opentimelineio as otio

from otio_bridge.model.time import snap_rate
from otio_bridge.model.value import exact


@lru_cache(maxsize=256)
def rate_of(rate: float) -> Fraction:
    """The exact rate a file's float means; sample rates (48000) are taken as they are. Raises ValueError."""
    return snap_rate(rate) if rate <= 1000 else exact(rate)


def frames(time: otio.opentime.RationalTime, rate: Fraction) -> Fraction:
    """A time in frames of `rate`, through seconds of its own rate. Raises ValueError for NaN or rate 0."""
    value = time.value
    own = rate_of(time.rate)
    counted = Fraction(int(value)) if value == int(value) else exact(value)
    return counted if own == rate else counted * rate / own


def otio_time(value: Fraction | int, rate: Fraction) -> otio.opentime.RationalTime:
    """The RationalTime of so many frames, at the float nearest to the exact rate."""
    return otio.opentime.RationalTime(float(value), float(rate))


def otio_range(start: Fraction | int, duration: Fraction | int, rate: Fraction) -> otio.opentime.TimeRange:
    """The TimeRange from `start`, `duration` frames long."""
    return otio.opentime.TimeRange(otio_time(start, rate), otio_time(duration, rate))
