"""Answers in the service's own words: JSON, errors, the ingress's HTML page."""

import json
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from starlette.responses import Response

DOCS_ERRORS = "https://docs.fal.ai/errors/#"
TOO_MANY = "concurrent_requests_limit"
SERVED_FROM = {"X-Fal-Served-From": "sandbox"}
_PROBLEM_TYPES = {
    401: "authorization_error", 403: "authorization_error", 404: "not_found", 429: "rate_limited",
    501: "not_implemented",
}  # fmt: skip


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON. Raises ValueError for what JSON has no form for (NaN, lone surrogates)."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def answer(
    status: int, value: Any, *, request_id: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer with the headers that every answer of the platform carries (§12.2)."""
    fixed = {"x-fal-request-id": request_id or str(uuid4()), **SERVED_FROM}
    return Response(dump(value), status, {**fixed, **(headers or {})}, "application/json")


def detail(status: int, text: Any, *, request_id: str | None = None, **headers: str) -> Response:
    """`{"detail": …}`, the platform's usual error body; `headers` in Python spelling."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(status, {"detail": text}, request_id=request_id, headers=spelled)


def problem(status: int, message: str, *, kind: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """`{"error": …}`, the platform API's error body (§8.3); `kind` replaces the usual type of the status."""
    usual = _PROBLEM_TYPES.get(status, "validation_error" if status < 500 else "server_error")
    return answer(status, {"error": {"type": kind or usual, "message": message}}, headers=headers)


def entry(loc: tuple[str | int, ...], message: str, kind: str, given: Any, **ctx: Any) -> dict[str, Any]:
    """One entry of a `detail` list (§8.1)."""
    found: dict[str, Any] = {"loc": list(loc), "msg": message, "type": kind, "url": DOCS_ERRORS + kind}
    if ctx:
        found["ctx"] = ctx
    return {**found, "input": given}


def gateway_body(status: int, error_type: str) -> dict[str, Any]:
    """What the gateway says itself of a failure (§8.2); of too many requests at once in the shape of §8.3."""
    told: Any = "Internal Server Error" if status == 500 else phrase(status)
    if error_type == TOO_MANY:
        message = "You have reached the maximum number of concurrent requests."
        told = [{"loc": ["body"], "msg": message, "type": TOO_MANY}]
    return {"detail": told, "error_type": error_type}


def too_many() -> Response:
    """A direct run beyond the account's limit (§8.3)."""
    headers = {"X-Fal-Error-Type": TOO_MANY, "X-Fal-Needs-Retry": "1"}
    return answer(429, gateway_body(429, TOO_MANY), headers=headers)


def not_found() -> Response:
    """An unknown or expired request id (§4.7)."""
    return answer(404, {"status": "NOT_FOUND"})


def unknown_app(app: str) -> Response:
    """Submit or run of an app that is not there (§1.7)."""
    return detail(404, f'Application "{app}" not found')


def ingress_page(status: int) -> Response:
    """The page of a proxy in front of the platform: HTML that says nginx, no request id (§8.3)."""
    return Response(page(status), status, media_type="text/html")


def page(status: int) -> str:
    """The ingress's HTML text for a status."""
    title = f"{status} {phrase(status)}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )


def phrase(status: int) -> str:
    """The reason phrase of a status, or `Error` for those without (499, 599)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def timestamp(moment: float) -> str:
    """Unix seconds as the platform API writes a moment."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def http_date(moment: float) -> str:
    """Unix seconds as an HTTP date."""
    return formatdate(moment, usegmt=True)
