"""Exchanges as text, with secrets left out. Pure."""

from typing import TYPE_CHECKING

from fal_cli.api.redaction import HIDDEN

if TYPE_CHECKING:
    import requests

_BODY_CHARACTERS = 2000
_SECRET_HEADERS = ("authorization", "cookie", "set-cookie", "x-fal-cdn-token")


def request_text(prepared: "requests.PreparedRequest") -> str:
    """A prepared request as `curl -v` would show it."""
    body = prepared.body
    lines = [f"> {prepared.method} {prepared.url}", *(f"> {line}" for line in _headers(prepared.headers))]
    if isinstance(body, bytes) and body:
        lines.append(_shortened(body))
    return "\n".join(lines)


def response_text(response: "requests.Response") -> str:
    """Status line and headers of an answer."""
    return "\n".join(
        [f"< {response.status_code} {response.reason}", *(f"< {line}" for line in _headers(response.headers))]
    )


def _headers(headers: object) -> list[str]:
    items = headers.items()  # type: ignore[attr-defined]  # requests' mappings share no public base
    return [f"{name}: {HIDDEN if name.lower() in _SECRET_HEADERS else _plain(value)}" for name, value in items]


def _plain(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _shortened(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return text if len(text) <= _BODY_CHARACTERS else f"{text[:_BODY_CHARACTERS]}… ({len(body)} bytes)"
