"""Amounts as people write them: one way for every command."""

from decimal import Decimal

import pytest

from fal_cli.results.money import Money, signed


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("0.025", "USD", "$0.025"),
        ("2.5", "EUR", "€2.50"),
        ("12", "CHF", "12.00 CHF"),
        ("1E-7", "USD", "$0.0000001"),
        ("-1.5", "USD", "-$1.50"),
        ("3", "", "3.00"),
    ],
)
def test_an_amount(amount: str, currency: str, shown: str) -> None:
    assert str(Money(Decimal(amount), currency)) == shown


def test_the_digits_that_are_given_stay() -> None:
    assert signed("0.0500", "USD") == "$0.0500"
    assert signed("-0.0500", "CHF") == "-0.0500 CHF"
