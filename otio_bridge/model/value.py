"""The base of every value, and exact fractions that survive JSON."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema


class Value(BaseModel):
    """A frozen, closed record: two of them with equal fields are equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def exact(value: Any) -> Fraction:
    """Read an int, "num/den", decimal text or float as an exact Fraction.

    A float is taken by its shortest text (0.1 is 1/10), since that is what the file's author wrote.
    Raises ValueError for NaN, infinity and a zero denominator.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or value is None:
        raise ValueError(f"not a number: {value!r}")
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, float | Decimal):
        value = repr(value) if isinstance(value, float) else str(value)
    try:
        return Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError, OverflowError) as exc:
        raise ValueError(f"not an exact number: {value!r}") from exc


def fraction_text(value: Fraction) -> str:
    """`24000/1001`, or `24` where it is whole."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


#: A Fraction that reads ints, floats and "num/den" and is written as text.
Exact = Annotated[
    Fraction,
    BeforeValidator(exact),
    PlainSerializer(fraction_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(/\d+)?$", "examples": ["24000/1001", "24"]}),
]
