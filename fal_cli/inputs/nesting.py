"""Keys with dots and brackets: `loras.0.path`, `loras[0][path]`, `tags[]`. Pure.

A number names a place in a list where a list stands or nothing stands yet, and a key where an object
stands. A list grows at its end only: a gap would send nulls that nobody asked for.
"""

from itertools import pairwise
from typing import Any, NamedTuple

from fal_cli.errors import MalformedInput

_MOST_DIGITS = 9
_DEEPEST = 100


class Step(NamedTuple):
    """One step of a path; `at` is its place in the word, for the caret."""

    name: str
    at: int

    @property
    def appends(self) -> bool:
        return self.name == ""

    @property
    def place(self) -> int | None:
        is_number = self.name.isascii() and self.name.isdigit() and len(self.name) <= _MOST_DIGITS
        return int(self.name) if is_number else None


def steps(key: str, word: str) -> tuple[Step, ...]:
    """Reads the path that a key writes.

    Raises `MalformedInput` for an empty segment, an open bracket, or text after a bracket.
    """
    found: list[Step] = []
    at = 0
    while at < len(key):
        reader = _bracketed if key[at] == "[" else _dotted
        step, at = reader(key, at, word, first=not found)
        found.append(step)
    if len(found) > _DEEPEST:
        raise MalformedInput(f"an input can be nested at most {_DEEPEST} levels deep", word, found[_DEEPEST].at)
    return tuple(found)


def assign(root: dict[str, Any], path: tuple[Step, ...], value: object, word: str) -> None:
    """Sets `value` at `path` under `root`, making objects and lists on the way.

    Raises `MalformedInput` where the path leads through a plain value or beyond a list's end.
    """
    here: Any = root
    for step, following in pairwise(path):
        here = _enter(here, step, following, word)
    _put(here, path[-1], value, word)


def _dotted(key: str, at: int, word: str, first: bool) -> tuple[Step, int]:
    start = at if first else at + 1
    if not first and key[at] != ".":
        raise MalformedInput("expected '.', '[' or an operator after ']'", word, at)
    name, end = _name(key, start, ".[")
    if not name:
        raise MalformedInput("expected a name here", word, start)
    return Step(name, start), end


def _bracketed(key: str, at: int, word: str, first: bool) -> tuple[Step, int]:
    if first:
        raise MalformedInput("an input must begin with a name, not with '['", word, at)
    name, end = _name(key, at + 1, "]")
    if end == len(key):
        raise MalformedInput("this '[' is never closed", word, at)
    return Step(name, at + 1), end + 1


def _name(key: str, at: int, stops: str) -> tuple[str, int]:
    """The text from `at` up to one of `stops`, and where that is; a backslash makes the next character plain."""
    letters = []
    while at < len(key) and key[at] not in stops:
        at += key[at] == "\\" and at + 1 < len(key)
        letters.append(key[at])
        at += 1
    return "".join(letters), at


def _enter(here: Any, step: Step, following: Step, word: str) -> Any:
    child = _get(here, step, word)
    if child is None:
        child = [] if following.appends or following.place is not None else {}
        _put(here, step, child, word)
    elif not isinstance(child, dict | list):
        raise MalformedInput(f"{step.name!r} already holds {_kind(child)} and cannot hold this", word, following.at)
    return child


def _get(here: Any, step: Step, word: str) -> Any:
    if isinstance(here, dict):
        return None if step.appends else here.get(step.name)
    index = _place(here, step, word)
    return here[index] if index < len(here) else None


def _put(here: Any, step: Step, value: object, word: str) -> None:
    if isinstance(here, dict):
        if step.appends:
            raise MalformedInput("'[]' appends to a list, but this is an object", word, step.at)
        here[step.name] = value
        return
    index = _place(here, step, word)
    here[index : index + 1] = [value]


def _place(here: list[Any], step: Step, word: str) -> int:
    if step.appends:
        return len(here)
    if step.place is None:
        raise MalformedInput(f"this is a list: expected a number, not {step.name!r}", word, step.at)
    if step.place > len(here):
        raise MalformedInput(f"the list has {len(here)} entries: the next is {len(here)}", word, step.at)
    return step.place


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"
