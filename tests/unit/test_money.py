"""Money: whole micro-units, rounded up, one currency at a time."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from otio_bridge.model.money import MICRO, ExchangeRate, Money

micros = st.integers(-(10**15), 10**15)
amounts = st.builds(Money, micro=micros, currency=st.just("EUR"))
factors = st.fractions(min_value=0, max_value=1000, max_denominator=1001)


@given(st.decimals(min_value="-100000", max_value="100000", places=9))
def test_an_amount_is_never_read_as_less_than_written(amount: Decimal) -> None:
    money = Money.of(str(amount), "EUR")
    assert 0 <= Fraction(money.micro, MICRO) - Fraction(amount) < Fraction(1, MICRO)


@pytest.mark.parametrize("text", ["", "1,25", "NaN", "Infinity", "1.25 EUR", "ten", "1/3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Money.of(text, "EUR")


@pytest.mark.parametrize("code", ["eur", "EU", "", "E€R"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        Money(micro=1, currency=code)


@given(amounts, amounts)
def test_adding_and_taking_away_is_exact(a: Money, b: Money) -> None:
    assert (a + b) - b == a
    assert (a + b).micro == a.micro + b.micro


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        Money.of("1", "EUR") + Money.of("1", "USD")
    with pytest.raises(ValueError):
        Money.of("1", "EUR") - Money.of("1", "USD")


@given(amounts, factors)
def test_a_price_times_a_length_is_rounded_up_by_less_than_a_micro(price: Money, length: Fraction) -> None:
    assert 0 <= price.times(length).micro - price.micro * length < 1


@given(amounts, factors.filter(bool))
def test_conversion_keeps_the_rate_and_the_target(price: Money, rate: Fraction) -> None:
    exchange = ExchangeRate(source="EUR", target="USD", rate=rate, dated=date(2026, 11, 1))
    assert price.converted(exchange) == Money(micro=price.times(rate).micro, currency="USD")
    with pytest.raises(ValueError, match="converts EUR"):
        price.converted(exchange).converted(exchange)


@given(amounts)
def test_money_is_said_exactly(money: Money) -> None:
    amount, currency = str(money).split()
    assert Money.of(amount, currency) == money
    assert len(amount.partition(".")[2]) >= 2 or "." not in amount or money.micro % 10_000 == 0


def test_money_is_said_as_people_say_it() -> None:
    assert str(Money(micro=1_250_000, currency="EUR")) == "1.25 EUR"
    assert str(Money(micro=40_000_000, currency="USD")) == "40.00 USD"
    assert str(Money(micro=1_500, currency="EUR")) == "0.0015 EUR"
