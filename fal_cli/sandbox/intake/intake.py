"""What a submit or a direct run asks for, read strictly (§3, §4.2, §4.3)."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.orders.failures import OrderError
from fal_cli.sandbox.orders.orders import KEY, Orders, check_orders, take_orders
from fal_cli.sandbox.replies.answers import detail, dump, entry
from fal_cli.sandbox.replies.routes import Endpoint, Route

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_KEPT_INPUT_BYTES = 1024 * 1024
MIN_START_TIMEOUT = 0.1
MAX_TAGS = 10
MAX_TAGS_BYTES = 1024

_TAG_KEY = re.compile(r"^(?!fal\.)[a-z0-9._-]{1,64}$")
_RECORD_DEPTH = 24
_TRUE = ("1", "true", "yes")


class Refused(Exception):
    """The request is answered with `response` and nothing is recorded."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class Call:
    """A well-formed submit or run: the input without orders, and the platform's own options.

    `start_timeout` is seconds, `max_line` the longest line to join, `body_hash` the SHA-256 of the raw body,
    `given` the whole input as it arrived, in JSON, None if it is not to be kept.
    """

    endpoint: Endpoint
    payload: Any
    orders: Orders
    body_hash: str
    method: str = "POST"
    queued: bool = True
    given: str | None = None
    start_timeout: float | None = None
    max_line: int | None = None
    low_priority: bool = False
    no_retry: bool = False
    store_payloads: bool = True
    options: dict[str, Any] = field(default_factory=dict)


async def read_call(request: Request, route: Route) -> Call:
    """Read a request for a model. Raises Refused."""
    assert route.endpoint is not None
    queued = route.name == "submit"
    raw, payload = await _read_input(request, queued=queued)
    orders_payload, orders = _take_orders(payload, route)
    if queued and orders.body is not None:
        raise Refused(_bad_order((KEY,), "A body can be ordered from a direct run or a stream only", payload.get(KEY)))
    headers = request.headers
    store_payloads = headers.get("x-fal-store-io", "1") != "0"
    return Call(
        endpoint=route.endpoint,
        payload=orders_payload,
        orders=orders,
        body_hash=hashlib.sha256(raw).hexdigest(),
        method=request.method,
        queued=queued,
        given=dump(payload).decode() if store_payloads and len(raw) <= MAX_KEPT_INPUT_BYTES else None,
        start_timeout=_start_timeout(request),
        max_line=_max_line(request) if queued else None,
        low_priority=headers.get("x-fal-queue-priority", "").lower() == "low",
        no_retry=queued and headers.get("x-fal-no-retry", "").lower() in _TRUE,
        store_payloads=store_payloads,
        options={
            "tags": parse_tags(headers.get("x-fal-tags", "")),
            "lifecycle": headers.get("x-fal-object-lifecycle-preference"),
            "runner_hint": headers.get("x-fal-runner-hint"),
            "priority": headers.get("x-fal-queue-priority", "normal"),
            "store_io": headers.get("x-fal-store-io"),
            "method": request.method,
        },
    )


def parse_tags(text: str) -> dict[str, str]:
    """`k=v,k2=v2`; invalid pairs are dropped silently (§4.3)."""
    tags: dict[str, str] = {}
    used = 0
    for pair in text.split(","):
        key, equals, value = pair.strip().partition("=")
        used += len(pair.encode()) + 1
        fits = len(tags) < MAX_TAGS and used <= MAX_TAGS_BYTES
        if equals and fits and _TAG_KEY.match(key) and len(value) <= 256 and value.isprintable():
            tags[key] = value
    return tags


async def read_object(request: Request) -> dict[str, Any]:
    """The body of a call that is not a model's: a JSON object, none being an empty one. Raises Refused."""
    raw = await read_body(request)
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused(_bad_json(error, queued=True)) from error
    if not isinstance(body, dict):
        raise Refused(_invalid([entry(("body",), "Input should be a valid dictionary", "dict_type", body)]))
    return body


async def read_body(request: Request) -> bytes:
    """The body of a call. Raises Refused if it is too large."""
    raw = await request.body()
    if len(raw) > MAX_BODY_BYTES:
        raise Refused(detail(413, "Request body too large"))
    return raw


async def _read_input(request: Request, *, queued: bool) -> tuple[bytes, Any]:
    if request.method == "GET":
        return _query_input(request)
    raw = await read_body(request)
    if request.method == "DELETE" and not raw:
        return _query_input(request)
    if not is_json(request.headers.get("content-type", "")):
        message = "Input should be a valid dictionary or object to extract fields from"
        size_note = f"<{len(raw)} bytes>"
        raise Refused(_invalid([entry(("body",), message, "model_attributes_type", size_note)]))
    if not raw and not queued:
        raise Refused(_invalid([entry(("body",), "Field required", "missing", None)]))
    try:
        payload = json.loads(raw)
        # NaN, infinities and lone surrogates have no JSON form to answer in; what is nested deeper than
        # this cannot be wrapped in a record.
        dump(_nested(payload, _RECORD_DEPTH))
    except (ValueError, RecursionError) as error:
        raise Refused(_bad_json(error, queued=queued)) from error
    return raw, payload


def _query_input(request: Request) -> tuple[bytes, Any]:
    """The input of what has no body is its query (§2.3); values stay text, which the model's validator converts."""
    payload: dict[str, Any] = {}
    for key, value in request.query_params.multi_items():
        if key in ("fal_webhook", "fal_max_queue_length"):
            continue
        if key in payload:
            earlier = payload[key]
            payload[key] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        else:
            payload[key] = value
    text = payload.get(KEY)
    if isinstance(text, str):
        try:
            payload[KEY] = json.loads(text)
            dump(_nested(payload, _RECORD_DEPTH))
        except (ValueError, RecursionError):
            raise Refused(_bad_order((KEY,), "Input should be a JSON object", text)) from None
    return request.url.query.encode(), payload


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def is_json(content_type: str) -> bool:
    """Whether a content type says JSON."""
    kind = content_type.split(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _bad_json(error: Exception, *, queued: bool) -> Response:
    reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error) or type(error).__name__
    if queued:
        # The queue stores the body without knowing the model, so this is the gateway's own refusal: of the
        # statuses that a submit can answer (§4.4) the one for a bad request, not the runner's 422.
        return detail(400, f"Request body is not valid JSON: {reason}")
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    return _invalid([entry(("body", at), "JSON decode error", "json_invalid", {}, error=reason)])


def _take_orders(payload: Any, route: Route) -> tuple[Any, Orders]:
    assert route.endpoint is not None
    try:
        rest, orders = take_orders(payload)
        check_orders(payload, route.endpoint)
    except OrderError as error:
        raise Refused(_bad_order(error.path, str(error), payload.get(KEY))) from error
    return rest, orders


def _bad_order(path: tuple[str, ...], message: str, given: Any) -> Response:
    return _invalid([entry(("body", *path), message, "sandbox_order", given)])


def _invalid(entries: list[dict[str, Any]]) -> Response:
    return detail(422, entries, x_fal_billable_units="0")


def _start_timeout(request: Request) -> float | None:
    headers = request.headers
    name = "x-fal-request-start-timeout"
    text = headers.get(name)
    if text is None:
        name = "x-fal-request-timeout"
        text = headers.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (MIN_START_TIMEOUT < seconds < math.inf):
        raise Refused(detail(400, f"{name} must be a number of seconds greater than {MIN_START_TIMEOUT}"))
    return seconds


def _max_line(request: Request) -> int | None:
    text = request.query_params.get("fal_max_queue_length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(detail(400, "fal_max_queue_length must be a whole number"))
    return int(text)
