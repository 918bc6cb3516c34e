"""The bridge's own options: a value it has not got is refused, never dropped."""

from __future__ import annotations

from fractions import Fraction

import pytest

from otio_bridge.errors import RefusedInput
from otio_bridge.model.options import check_options
from otio_bridge.model.request import Operation

TV = Fraction(25)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"audio": "none", "deinterlace": "yes", "fit": "pad", "transport": "frames", "colour": "as-is"},
        {"size": "2x", "max_cost": "1.00", "parent": "v001", "window": "7"},
    ],
)
def test_what_it_has_is_taken(options: dict[str, str]) -> None:
    check_options(options, Operation.RESTYLE, TV)


@pytest.mark.parametrize(
    "options",
    [
        {"fit": "stretch"},
        {"transport": "blend"},
        {"audio": "loud"},
        {"colour": "wow"},
        {"deinterlace": "perhaps"},
    ],
)
def test_what_it_has_not_is_refused_with_what_it_has(options: dict[str, str]) -> None:
    with pytest.raises(RefusedInput) as refused:
        check_options(options, Operation.RESTYLE, TV)
    assert refused.value.allowed


def test_an_interpolation_is_made_at_the_rate_it_is_shown_at() -> None:
    check_options({"rate": "25"}, Operation.INTERPOLATE, TV)
    for operation, rate in (
        (Operation.INTERPOLATE, "50"),
        (Operation.RESTYLE, "25"),
        (Operation.INTERPOLATE, "x"),
    ):
        with pytest.raises(RefusedInput):
            check_options({"rate": rate}, operation, TV)
