"""The reserved input key `sandbox`: what a caller orders for one request.

It is taken out of the input before the model sees it. A key that is unknown or of the wrong type is refused,
since a misspelt order that does nothing would make a test pass for the wrong reason.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from fal_cli.sandbox.models import NodeFailure
from fal_cli.sandbox.models.known import echoes, is_workflow
from fal_cli.sandbox.orders.failures import Failure, OrderError, by_app, by_gateway, units_of
from fal_cli.sandbox.orders.faults import Fault, parse_fault
from fal_cli.sandbox.replies.routes import Endpoint

KEY = "sandbox"
# What fills the same field; of these an input has at most one.
_FIELDS = {"fault": "faults", "body_base64": "body", "app": "fail", "gateway": "fail"}
MAX_SECONDS = 86_400.0
MAX_POSITION = 1000
MAX_REQUEUES = 10
MAX_LOG_LINES = 5000
MAX_EVENTS = 1_000_000
METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")
MODES = ("unary", "server_streaming", "client_streaming", "bidi")
# Values that msgpack has and JSON has not (§15 #15), by the word that orders one.
VALUES = ("bin", "ext", "timestamp", "uint64", "nan", "inf", "keys")
# Orders that only models follow which echo, or only a workflow; elsewhere they are refused.
ECHO_ORDERS = (
    "events",
    "interval",
    "content_type",
    "body",
    "body_base64",
    "mode",
    "delay",
    "values",
    "method",
    "frame",
    "batch",
    "buffering",
    "overtake",
)
WORKFLOW_ORDERS = ("node",)


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
    events: int | tuple[Any, ...] | None = None
    interval: float = 0.0
    ping: float | None = None
    content_type: str | None = None
    body: bytes | None = None
    mode: str | None = None
    delay: float | None = None
    idle: float | None = None
    timings: bool = False
    values: tuple[str, ...] = ()
    method: str | None = None
    node: NodeFailure | None = None
    frame: tuple[Any, ...] = ()
    batch: int | None = None
    buffering: int | None = None
    overtake: bool = False
    units: str | None = None
    noise: float | None = None


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
        "position": _position, "requeue": _requeue, "logs": _logs,
        "app": by_app, "fail": by_app, "gateway": by_gateway, "method": _method, "node": _node,
        "silent_error": _flag, "nsfw": _flag, "fault": _faults,
        "events": _events, "interval": _seconds, "ping": _seconds,
        "content_type": _text, "body": _body, "body_base64": _base64,
        "mode": _mode, "delay": _seconds, "idle": _seconds, "timings": _flag, "values": _values,
        "frame": _frame, "batch": _size, "buffering": _size, "overtake": _flag,
        "units": units_of, "noise": _share,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in readers:
            raise OrderError((KEY, key), f"Unknown order; one of {', '.join(sorted(readers))}")
        name = _FIELDS.get(key) or key
        if name in values:
            raise OrderError((KEY, key), "Another order says the same thing differently")
        values[name] = readers[key]((KEY, key), value)
    return Orders(**values)


def check_orders(payload: Any, endpoint: Endpoint) -> None:
    """Raise OrderError for an order that this endpoint does not follow."""
    given = payload.get(KEY, {}) if isinstance(payload, dict) else {}
    for orders, follows, who in (
        (ECHO_ORDERS, echoes(endpoint), "sandbox/echo"),
        (WORKFLOW_ORDERS, is_workflow(endpoint), "a workflow"),
    ):
        for key in orders:
            if key in given and not follows:
                raise OrderError((KEY, key), f"Only {who} follows this order")


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


def _faults(path: tuple[str, ...], value: Any) -> tuple[Fault, ...]:
    texts = value if isinstance(value, list) else [value]
    try:
        return tuple(parse_fault(_text(path, text)) for text in texts)
    except OrderError:
        raise
    except ValueError as error:
        raise OrderError(path, str(error)) from error


def _events(path: tuple[str, ...], value: Any) -> int | tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else _whole(path, value, 0, MAX_EVENTS)


def _body(path: tuple[str, ...], value: Any) -> bytes:
    return _text(path, value).encode()


def _base64(path: tuple[str, ...], value: Any) -> bytes:
    try:
        return base64.b64decode(_text(path, value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise OrderError(path, f"Input should be base64: {error}") from error


def _mode(path: tuple[str, ...], value: Any) -> str:
    if value not in MODES:
        raise OrderError(path, f"Input should be one of {', '.join(MODES)}")
    return str(value)


def _method(path: tuple[str, ...], value: Any) -> str:
    if value not in METHODS:
        raise OrderError(path, f"Input should be one of {', '.join(METHODS)}")
    return str(value)


def _frame(path: tuple[str, ...], value: Any) -> tuple[Any, ...]:
    """Control objects, which are sent in place of a result."""
    frames = value if isinstance(value, list) else [value]
    if not all(isinstance(frame, dict) for frame in frames):
        raise OrderError(path, "Input should be an object or a list of objects")
    return tuple(frames)


def _size(path: tuple[str, ...], value: Any) -> int:
    return _whole(path, value, 1, MAX_POSITION)


def _share(path: tuple[str, ...], value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise OrderError(path, "Input should be a share, 0 to less than 1")
    return float(value)


def _node(path: tuple[str, ...], value: Any) -> NodeFailure:
    """A node that is to fail: its name, or an object with it and what it answers."""
    given = value if isinstance(value, dict) else {"node": value}
    node = given.get("node")
    if not isinstance(node, str):
        raise OrderError((*path, "node"), "Input should be the name of a node")
    failure = by_app(path, {key: given[key] for key in given if key != "node"})
    body = {"detail": f"The sandbox was ordered to fail in {node}"} if failure.body is None else failure.body
    return NodeFailure(node, failure.status, body)


def _values(path: tuple[str, ...], value: Any) -> tuple[str, ...]:
    if value is True:
        return VALUES
    if not isinstance(value, list) or not all(word in VALUES for word in value):
        raise OrderError(path, f"Input should be true or a list of {', '.join(VALUES)}")
    return tuple(value)
