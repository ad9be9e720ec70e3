"""The platform's own API: what the account has requested, and what it costs (wire §11)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from fal_cli.api import free, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import Refused
from fal_cli.api.messages import Answer, Policy, Request
from fal_cli.api.wire import Wire

_PAGE = 100
_IDS_AT_ONCE = 50
_MOST_PAGES = 1000
_EXACT_HEADER = "x-fal-listing"


@dataclass(frozen=True)
class Listed:
    """One request as the account's listing has it. Moments are UTC; payloads are None where they are not kept."""

    request_id: str
    sent_at: datetime | None
    ended_at: datetime | None
    status: int | None
    seconds: float | None
    input_json: Any = field(repr=False)
    output_json: Any = field(repr=False)


class Listing(list[Listed]):
    """Listed requests. `is_exact`: the service says that it leaves none out, so that what is not here never arrived."""

    is_exact = False


@dataclass(frozen=True)
class Price:
    """What one unit of an endpoint costs."""

    endpoint: str
    amount: Decimal
    unit: str
    currency: str


@dataclass(frozen=True)
class Charge:
    """What one request really cost."""

    request_id: str
    endpoint: str
    units: Decimal | None
    total: Decimal


def requests_of(
    wire: Wire, endpoint: str, *, start: datetime, end: datetime | None = None, deadline: Deadline | None = None
) -> Listing:
    """The account's requests to an endpoint from `start` on, with their payloads (§9.3, §11.2).

    One that still waits in line may not be listed yet, unless the listing is exact. Raises `Refused` (403: the key's
    scope does not allow it), `NotReached`, `Unavailable`.
    """
    parameters = {"endpoint_id": endpoint, "start": _text(start), "expand": "payloads", "limit": str(_PAGE)}
    if end is not None:
        parameters["end"] = _text(end)
    found = Listing()

    def look(answer: Answer) -> None:
        found.is_exact = answer.headers.get(_EXACT_HEADER, "").lower() == "exact"

    path = "/v1/models/requests/by-endpoint"
    for item in entries(wire, "the request listing", path, parameters, "items", deadline, look=look):
        if isinstance(item.get("request_id"), str):
            found.append(_listed(item))
    return found


class Pages:
    """The account's requests to an endpoint from `start` on, read page by page.

    It `is_exact` once it is read, if the service says so: what it does not name was never accepted.
    """

    def __init__(self, wire: Wire, endpoint: str, *, start: datetime, payloads: bool, deadline: Deadline) -> None:
        self._wire = wire
        self._deadline = deadline
        self._parameters = {"endpoint_id": endpoint, "start": _text(start), "limit": str(_PAGE)}
        if payloads:
            self._parameters["expand"] = "payloads"
        self.is_exact = True

    def __iter__(self) -> Iterator[Listed]:
        """Raises as `requests_of`."""
        path = "/v1/models/requests/by-endpoint"
        found = entries(
            self._wire, "the request listing", path, self._parameters, "items", self._deadline, look=self._look
        )
        for item in found:
            if isinstance(item.get("request_id"), str):
                yield _listed(item)

    def _look(self, answer: Answer) -> None:
        self.is_exact = self.is_exact and answer.headers.get(_EXACT_HEADER, "").lower() == "exact"


def prices(wire: Wire, endpoints: Sequence[str], deadline: Deadline | None = None) -> dict[str, Price]:
    """The unit price of each endpoint that the service has one for. Raises as `requests_of`."""
    found: dict[str, Price] = {}
    for start in range(0, len(endpoints), _IDS_AT_ONCE):
        found |= _prices(wire, endpoints[start : start + _IDS_AT_ONCE], deadline)
    return found


def charges(wire: Wire, endpoints: Sequence[str], *, start: datetime, end: datetime) -> Iterator[Charge]:
    """What the account was billed for requests to these endpoints (at most 90 days).

    Raises `Refused` where the key's scope does not allow it (it takes an admin's), `NotReached`, `Unavailable`.
    """
    for at in range(0, len(endpoints), _IDS_AT_ONCE):
        parameters = {
            "endpoint_id": ",".join(endpoints[at : at + _IDS_AT_ONCE]),
            "start": _text(start),
            "end": _text(end),
            "limit": str(_PAGE),
        }
        path = "/v1/models/billing-events"
        for item in entries(wire, "the billing events", path, parameters, "billing_events", None):
            total = decimal(item.get("cost_total"))
            if isinstance(item.get("request_id"), str) and total is not None:
                yield Charge(item["request_id"], str(item.get("endpoint_id")), decimal(item.get("output_units")), total)


def _prices(wire: Wire, endpoints: Sequence[str], deadline: Deadline | None) -> dict[str, Price]:
    parameters = {"endpoint_id": ",".join(endpoints)}
    try:
        items = list(entries(wire, "the prices", "/v1/models/pricing", parameters, "prices", deadline))
    except Refused as error:
        if error.status != 404:
            raise
        # One unknown endpoint makes the service refuse them all: halves find it in few calls.
        middle = len(endpoints) // 2
        halves = (endpoints[:middle], endpoints[middle:]) if middle else ()
        return {name: price for half in halves for name, price in _prices(wire, half, deadline).items()}
    found = {}
    for item in items:
        amount = decimal(item.get("unit_price"))
        if amount is not None:
            name = str(item.get("endpoint_id"))
            found[name] = Price(name, amount, str(item.get("unit") or "unit"), str(item.get("currency") or ""))
    return found


def entries(
    wire: Wire,
    what: str,
    path: str,
    parameters: Mapping[str, str],
    key: str,
    deadline: Deadline | None,
    policy: Policy = retry.FREE,
    *,
    look: Callable[[Answer], None] = lambda answer: None,
) -> Iterator[dict[str, Any]]:
    """Every entry of a list that comes in pages (§11.1); `look` sees the answers themselves.

    Raises `Refused`, `NotReached`, `Unavailable`.
    """
    cursor = ""
    for _ in range(_MOST_PAGES):
        query = urlencode({**parameters, **({"cursor": cursor} if cursor else {})})
        request = Request(what, "GET", f"{wire.hosts.api}{path}?{query}")
        body = free.object_of(wire, request, policy, deadline=deadline, look=look)
        listed = body.get(key)
        yield from (item for item in (listed if isinstance(listed, list) else []) if isinstance(item, dict))
        following = body.get("next_cursor")
        if not body.get("has_more") or not isinstance(following, str) or following == cursor:
            return
        cursor = following


def _listed(item: Mapping[str, Any]) -> Listed:
    status, seconds = item.get("status_code"), item.get("duration")
    return Listed(
        item["request_id"],
        _moment(item.get("sent_at")),
        _moment(item.get("ended_at")),
        status if isinstance(status, int) else None,
        float(seconds) if isinstance(seconds, int | float) else None,
        item.get("json_input"),
        item.get("json_output"),
    )


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def decimal(value: object) -> Decimal | None:
    """A JSON number, or its text, as a decimal; None for what is none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
