"""The reserved input key `sandbox`: what a caller orders for one request.

It is taken out of the input before the model sees it. A key that is unknown or of the wrong type is refused,
since a misspelt order that does nothing would make a test pass for the wrong reason.
"""

from dataclasses import dataclass, field
from typing import Any

from fal_cli.sandbox.faults import Fault, parse_fault

KEY = "sandbox"
MAX_SECONDS = 86_400.0
MAX_POSITION = 1000
MAX_REQUEUES = 10
MAX_LOG_LINES = 5000


class OrderError(ValueError):
    """A malformed order; `path` is where, below the input, and the text says what is wrong."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Failure:
    """An ordered end other than the model's own: status, body (None: the usual one), and how it is told."""

    status: int
    body: Any = None
    error_type: str | None = None
    html: bool = False
    traceback: str | None = None


@dataclass(frozen=True)
class Orders:
    """All that `sandbox` can say; None and empty mean the endpoint's own behaviour. Times in seconds."""

    queue: float | None = None
    run: float | None = None
    position: int | None = None
    logs: tuple[str, ...] = ()
    requeue: int = 0
    fail: Failure | None = None
    silent_error: bool = False
    late: float = 0.0
    expire: float | None = None
    nsfw: bool = False
    faults: tuple[Fault, ...] = field(default=())


def take_orders(payload: Any) -> tuple[Any, Orders]:
    """Split an input into what the model gets and the orders. Raises OrderError."""
    if not isinstance(payload, dict) or KEY not in payload:
        return payload, Orders()
    rest = {key: value for key, value in payload.items() if key != KEY}
    return rest, parse_orders(payload[KEY])


def parse_orders(data: Any) -> Orders:
    """Read the value of the key `sandbox`. Raises OrderError naming the mistake."""
    if not isinstance(data, dict):
        raise OrderError((KEY,), "Input should be an object")
    readers = {
        "queue": _seconds, "run": _seconds, "late": _seconds, "expire": _seconds,
        "position": _position, "requeue": _requeue, "logs": _logs, "fail": _fail,
        "silent_error": _flag, "nsfw": _flag, "fault": _faults,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in readers:
            raise OrderError((KEY, key), f"Unknown order; one of {', '.join(sorted(readers))}")
        values["faults" if key == "fault" else key] = readers[key]((KEY, key), value)
    return Orders(**values)


def _seconds(path: tuple[str, ...], value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
        raise OrderError(path, f"Input should be seconds, 0 to {MAX_SECONDS:.0f}")
    return float(value)


def _whole(path: tuple[str, ...], value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise OrderError(path, f"Input should be a whole number, {low} to {high}")
    return value


def _position(path: tuple[str, ...], value: Any) -> int:
    return _whole(path, value, 0, MAX_POSITION)


def _requeue(path: tuple[str, ...], value: Any) -> int:
    return _whole(path, value, 0, MAX_REQUEUES)


def _flag(path: tuple[str, ...], value: Any) -> bool:
    if not isinstance(value, bool):
        raise OrderError(path, "Input should be true or false")
    return value


def _text(path: tuple[str, ...], value: Any) -> str:
    if not isinstance(value, str):
        raise OrderError(path, "Input should be text")
    return value


def _logs(path: tuple[str, ...], value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise OrderError(path, "Input should be a list of texts")
    if len(value) > MAX_LOG_LINES:
        raise OrderError(path, f"Input should have at most {MAX_LOG_LINES} lines")
    return tuple(value)


def _fail(path: tuple[str, ...], value: Any) -> Failure:
    if not isinstance(value, dict):
        return Failure(_whole(path, value, 400, 599))
    unknown = set(value) - {"status", "body", "error_type", "html", "traceback"}
    if unknown:
        raise OrderError((*path, min(unknown)), "Unknown; one of status, body, error_type, html, traceback")
    return Failure(
        _whole((*path, "status"), value.get("status", 500), 400, 599),
        value.get("body"),
        _text((*path, "error_type"), value["error_type"]) if "error_type" in value else None,
        _flag((*path, "html"), value.get("html", False)),
        _text((*path, "traceback"), value["traceback"]) if "traceback" in value else None,
    )


def _faults(path: tuple[str, ...], value: Any) -> tuple[Fault, ...]:
    texts = value if isinstance(value, list) else [value]
    try:
        return tuple(parse_fault(_text(path, text)) for text in texts)
    except OrderError:
        raise
    except ValueError as error:
        raise OrderError(path, str(error)) from error
