"""Ends that are ordered: the app answers a failure of its own, or the gateway answers in its place (§8.1 to §8.3).

    sandbox.app=429                              the app's own answer: its status and body, and nothing of the gateway's
    sandbox.app:='{"status": 503, "body": "busy", "headers": {"Retry-After": "5"}, "units": "1"}'
    sandbox.gateway=503                          the gateway's: with `error_type` in body, header and status
    sandbox.gateway:='{"status": 504, "error_type": "startup_timeout"}'
    sandbox.gateway:='{"status": 502, "html": true}'     the ingress's page, without a request id

`sandbox.fail` is an older word for `sandbox.app`.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

# The gateway's word for a failure where nobody ordered another (§8.2).
ERROR_TYPES = {
    408: "request_timeout", 429: "concurrent_requests_limit", 499: "client_cancelled", 500: "runner_server_error",
    502: "runner_incomplete_response", 503: "runner_connection_error", 504: "request_timeout",
}  # fmt: skip
_APP_KEYS = ("status", "body", "html", "traceback", "headers", "units")
_GATEWAY_KEYS = ("status", "body", "html", "error_type", "user")
# What only the gateway says; it takes them out of an app's answer (§4.10).
_NOT_AN_APPS = ("x-fal-error-type", "x-fal-needs-retry", "x-fal-request-id", "content-length", "content-type")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_TEXT = re.compile(r"[ -~]*")


class OrderError(ValueError):
    """A malformed order; `path` is where, below the input, and the text says what is wrong."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Failure:
    """An ordered end other than the model's own: status, body (None: the usual one), and how it is told.

    `error_type` is empty for the app's own. `is_user_timeout` is a start deadline that was missed. `units` are those
    that an app's answer costs.
    """

    status: int
    body: Any = None
    error_type: str = ""
    html: bool = False
    traceback: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    units: str = "0"
    is_user_timeout: bool = False

    @property
    def is_gateways(self) -> bool:
        """Whether the gateway answers, not the app."""
        return bool(self.error_type)


def gateway_type(status: int) -> str:
    """The usual word of the gateway for a failure of that status."""
    return ERROR_TYPES.get(status, "bad_request" if status < 500 else "internal_error")


def by_app(path: tuple[str, ...], value: Any) -> Failure:
    """Read the order that the app answers so. Raises OrderError."""
    given = _given(path, value, _APP_KEYS)
    return Failure(
        given["status"],
        given.get("body"),
        html=_flag(path, given, "html"),
        traceback=_text(path, given, "traceback") or None,
        headers=_headers((*path, "headers"), given.get("headers", {})),
        units=units_of((*path, "units"), given.get("units", "0")),
    )


def by_gateway(path: tuple[str, ...], value: Any) -> Failure:
    """Read the order that the gateway answers so. Raises OrderError."""
    given = _given(path, value, _GATEWAY_KEYS)
    status, is_user_timeout = given["status"], _flag(path, given, "user")
    usual = "request_timeout" if is_user_timeout else gateway_type(status)
    return Failure(
        status,
        given.get("body"),
        error_type=_text(path, given, "error_type") or usual,
        html=_flag(path, given, "html"),
        is_user_timeout=is_user_timeout,
    )


def _given(path: tuple[str, ...], value: Any, allowed: tuple[str, ...]) -> dict[str, Any]:
    """The order as an object, its status checked: a status alone is short for one."""
    given = dict(value) if isinstance(value, dict) else {"status": value}
    for key in given:
        if key not in allowed:
            raise OrderError((*path, key), f"Unknown; one of {', '.join(allowed)}")
    status = given.setdefault("status", 500)
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
        where = (*path, "status") if isinstance(value, dict) else path
        raise OrderError(where, "Input should be a whole number, 400 to 599")
    return given


def _flag(path: tuple[str, ...], given: dict[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise OrderError((*path, key), "Input should be true or false")
    return value


def _text(path: tuple[str, ...], given: dict[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise OrderError((*path, key), "Input should be text")
    return value


def _headers(path: tuple[str, ...], value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise OrderError(path, "Input should be an object of header names and plain texts")
    for name, text in value.items():
        if not isinstance(text, str) or not _HEADER.fullmatch(name) or not _TEXT.fullmatch(text):
            raise OrderError((*path, name), "Input should be a header's name and its plain text")
    return {name: text for name, text in value.items() if name.lower() not in _NOT_AN_APPS}


def units_of(path: tuple[str, ...], value: Any) -> str:
    """Billable units, given as text or as a number that is not negative. Raises OrderError."""
    try:
        units = Decimal(str(value))
    except InvalidOperation:
        units = Decimal(-1)
    if isinstance(value, bool) or not units.is_finite() or units < 0:
        raise OrderError(path, "Input should be a number of units, 0 or more")
    return f"{units:f}"
