"""Money in whole micro-units of one currency; never a float."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from fractions import Fraction
from typing import Self

from pydantic import Field, field_validator

from otio_bridge.model.value import Exact, Value

MICRO = 1_000_000
_CURRENCY = re.compile(r"^[A-Z]{3,12}$")


class Money(Value):
    """An amount of one currency in millionths (`micro`); 1.25 EUR is 1_250_000."""

    micro: int
    currency: str

    @field_validator("currency")
    @classmethod
    def _is_code(cls, value: str) -> str:
        if not _CURRENCY.match(value):
            raise ValueError(f"not a currency code: {value!r} (three or more capital letters)")
        return value

    @classmethod
    def of(cls, amount: str | int | Decimal | Fraction, currency: str) -> Self:
        """Read `"1.25"`; what is finer than a millionth is rounded up. Raises ValueError."""
        try:
            exact = amount if isinstance(amount, Fraction) else Fraction(str(Decimal(str(amount))))
        except (InvalidOperation, ValueError) as exc:
            raise ValueError(f"not an amount of money: {amount!r}") from exc
        return cls(micro=-((-exact * MICRO).__floor__()), currency=currency)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(micro=self.micro + other.micro, currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(micro=self.micro - other.micro, currency=self.currency)

    def times(self, factor: int | Fraction) -> Money:
        """This much `factor` times, rounded up to the micro-unit."""
        return Money(micro=-((-self.micro * Fraction(factor)).__floor__()), currency=self.currency)

    def converted(self, rate: ExchangeRate) -> Money:
        """In the rate's target currency, rounded up to the micro-unit. Raises ValueError for another source."""
        if rate.source != self.currency:
            raise ValueError(f"the rate converts {rate.source}, not {self.currency}")
        return Money(micro=self.times(rate.rate).micro, currency=rate.target)

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")

    def __str__(self) -> str:
        amount = Decimal(self.micro) / MICRO
        cents = amount.quantize(Decimal("0.01"), rounding=ROUND_CEILING)
        shown = cents if cents == amount else amount.normalize()
        return f"{shown:f} {self.currency}"


class ExchangeRate(Value):
    """What one unit of `source` is in `target`, on the day it was read."""

    source: str
    target: str
    rate: Exact = Field(gt=0)
    dated: date
