"""A list made longer or shorter: every row with every value (`--vary`), again and again, the first ones, a share."""

import csv
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import items, nesting, typed

if TYPE_CHECKING:
    from fal_cli.schema import Schema

_RANGE = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)\.\.(-?\d{1,15}(?:\.\d{1,9})?)(?:\.\.(-?\d{1,15}(?:\.\d{1,9})?))?")
_SHARE = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")
MOST_VALUES = 1_000_000


class Axis(NamedTuple):
    """One input and the values that it is to have in turn; for an endpoint that has no such input they are row data."""

    key: str
    steps: tuple[nesting.Step, ...]
    values: tuple[Any, ...]
    is_input: bool = True


def axis(word: str, schema: "Schema | None") -> Axis:
    """What `KEY=V1,V2` or `KEY=A..B[..STEP]` asks for; its values are typed by the schema. Raises `UsageError`."""
    at = items.first_equals(word)
    if at <= 0:
        raise MalformedInput("expected KEY=V1,V2 or KEY=A..B after --vary", word, len(word) if at < 0 else 0)
    key, text = word[:at], word[at + 1 :]
    match = _RANGE.fullmatch(text)
    written = _range(word, at + 1, *match.groups()) if match else _listed(word, at + 1, text)
    values = tuple(typed.meaning(schema, key, one) for one in written)
    return Axis(key, nesting.steps(key, word), values)


def _listed(word: str, at: int, text: str) -> list[str]:
    try:
        found = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise MalformedInput(str(error), word, at) from None
    if not found:
        raise MalformedInput("expected values here, separated by commas", word, at)
    return found


def _range(word: str, at: int, first: str, last: str, step: str | None) -> list[str]:
    begin, end = Decimal(first), Decimal(last)
    by = Decimal(step) if step else Decimal(1 if end >= begin else -1)
    if not by or (end - begin) * by < 0:
        raise MalformedInput("this range never ends", word, at)
    count = int((end - begin) / by) + 1
    if count > MOST_VALUES:
        raise MalformedInput(f"a range has at most {MOST_VALUES:,} values, and this one {count:,}", word, at)
    return [format(begin + by * number, "f") for number in range(count)]


def product(axes: Sequence[Axis]) -> Iterator[Mapping[str, tuple[Axis, Any]]]:
    """Every combination of the axes' values, the last axis changing first; one empty one where there are none."""
    for values in itertools.product(*(one.values for one in axes)):
        yield {one.key: (one, value) for one, value in zip(axes, values, strict=True)}


def size(axes: Sequence[Axis]) -> int:
    """How many combinations there are."""
    count = 1
    for one in axes:
        count *= len(one.values)
    return count


class Share(NamedTuple):
    """`--shard I/N`: which of the calls are this machine's."""

    number: int
    of: int

    def holds(self, digest: bytes) -> bool:
        """Whether a call is in this share, by the digest of its endpoint, input and number among equal ones."""
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def share(text: str) -> Share:
    """What `I/N` means. Raises `UsageError`."""
    match = _SHARE.fullmatch(text)
    if not match or int(match[1]) > int(match[2]):
        raise UsageError(f"--shard takes I/N, such as 1/10 for the first of ten, not {text!r}")
    return Share(int(match[1]), int(match[2]))
