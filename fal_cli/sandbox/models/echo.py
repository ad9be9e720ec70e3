"""`sandbox/echo`: answers its input object, in as many events as ordered, with whatever values."""

import datetime
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from fal_cli.sandbox.models import Answer, Refusal, Schemas, Stream, Task
from fal_cli.sandbox.replies.answers import entry

_STEPS = 4
# Written out: for this alone pydantic would have to be imported by whoever only echoes.
_ANYTHING = {"type": "object", "additionalProperties": True}


def schemas(endpoint: str) -> Schemas:
    """Any object, and the same one."""
    taken = {"title": "EchoInput", "description": "Any object at all.", **_ANYTHING}
    return Schemas(taken, {"title": "EchoOutput", "description": "The object that was sent.", **_ANYTHING})


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The input itself, on any sub-path. Refuses what is no object."""
    return Answer(_checked(payload), billable_units="1", steps=_STEPS)


def ordered_stream(payload: Any, events: int | tuple[Any, ...] | None) -> Stream:
    """The input once; or so many times, numbered from 1 as `event`; or the ordered values, as they are."""
    given = _checked(payload)
    if events is None:
        return Stream(1, [Answer(given)])
    if isinstance(events, tuple):
        return Stream(len(events), [Answer(event) for event in events])
    return Stream(events, _numbered(given, events))


def realtime(endpoint: str, payload: Any, task: Task) -> dict[str, Any]:
    """The input itself."""
    return _checked(payload)


def odd_values(words: Sequence[str]) -> dict[str, Any]:
    """Values that msgpack can carry and JSON cannot (§15 #15), by the words of `orders.VALUES`."""
    return {word: _ODD_VALUES[word]() for word in words}


def _numbered(payload: dict[str, Any], events: int) -> Iterator[Answer]:
    for number in range(1, events + 1):
        yield Answer({**payload, "event": number})


def _checked(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        message = "Input should be a valid dictionary"
        raise Refusal([entry(("body",), message, "dict_type", payload)])
    return payload


def _ext() -> Any:
    return import_module("msgpack").ExtType(42, b"sandbox")


_ODD_VALUES: dict[str, Callable[[], Any]] = {
    "bin": lambda: bytes(range(256)),
    "ext": _ext,
    "timestamp": lambda: datetime.datetime(2030, 1, 2, 3, 4, 5, 678_901, datetime.UTC),
    "uint64": lambda: 2**64 - 1,
    "nan": lambda: float("nan"),
    "inf": lambda: [float("inf"), float("-inf")],
    "keys": lambda: {7: "a number", True: "truth", None: "nothing", b"k\xff": "bytes", 0.5: "a half"},
}
