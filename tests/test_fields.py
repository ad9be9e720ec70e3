"""Classes of named values without generated code: they keep the promises that a frozen dataclass makes."""

from typing import Any

import pytest

from fal_cli.fields import Fields


class Shape(Fields):
    name: str
    sides: int = 4


class Coloured(Shape):
    colour: str = "red"
    name: str = "square"


class Odd(Shape):
    def _check(self) -> None:
        if self.sides % 2 == 0:
            raise ValueError("even")


def test_equal_by_values_given_or_not() -> None:
    assert Shape(name="a") == Shape(name="a", sides=4)
    assert Shape(name="a") != Shape(name="a", sides=5)
    assert len({Shape(name="a"), Shape(sides=4, name="a"), Shape(name="b")}) == 2


def test_a_subclass_adds_fields_and_keeps_the_place_of_those_it_writes_again() -> None:
    assert Coloured.names() == ("name", "sides", "colour")
    assert vars(Coloured()) == {"name": "square", "sides": 4, "colour": "red"}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param({"name": "a", "size": 1, "age": 2}, TypeError, id="unknown"),
        pytest.param({"sides": 3}, AttributeError, id="missing"),
    ],
)
def test_what_cannot_be_made(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Shape(**given)


def test_but_checks_again() -> None:
    assert Odd(name="a", sides=3).but(sides=5) == Odd(name="a", sides=5)
    with pytest.raises(ValueError, match="even"):
        Odd(name="a", sides=3).but(sides=4)
