"""The service's models: searching them, what each takes and gives, and what a number of units costs (wire §11.2)."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fal_cli import jsontext, limits
from fal_cli.api import failures, free, json_slices, retry
from fal_cli.api.catalog_entry import Model, Search
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import Refused, Unavailable
from fal_cli.api.messages import Answer, Policy, Request
from fal_cli.api.platform import decimal, entries
from fal_cli.api.wire import Wire

MODELS = "/v1/models"
DOCUMENTS = "https://fal.ai/api/openapi/queue/openapi.json"
_PAGE = 100
_READ_BYTES = limits.SCHEMA + limits.MIB  # one that is a little too large is told with its size
_LONGEST_WAIT = 86_400.0


class Described(NamedTuple):
    """An endpoint's OpenAPI document as it came, and its entry in the catalogue."""

    document: bytes
    model: Model


class Estimate(NamedTuple):
    """What a number of units will cost."""

    total: Decimal
    currency: str


def search(wire: Wire, wanted: Search, *, policy: Policy = retry.FREE) -> Iterator[Model]:
    """The models that are asked for, in the service's order. Raises `Refused`, `NotReached`, `Unavailable`."""
    page = min(wanted.limit or _PAGE, _PAGE)
    asked = {"q": wanted.query, "category": wanted.category, "status": wanted.status, "limit": str(page)}
    parameters = {name: value for name, value in asked.items() if value}
    found = entries(wire, "the list of models", MODELS, parameters, "models", None, policy)
    yield from islice((model for item in found if (model := model_of(item))), wanted.limit)


def describe(wire: Wire, endpoint: str, *, policy: Policy, deadline: Deadline) -> Described | None:
    """An endpoint's document; None where the service has the endpoint but no document of it.

    Raises `Refused` (404: no such endpoint), `NotReached`, `Unavailable` (also for an odd answer).
    """
    query = urlencode({"endpoint_id": endpoint, "expand": "openapi-3.0"})
    answer = _answered(
        wire,
        _asked("the schema", f"{wire.hosts.api}{MODELS}?{query}"),
        policy,
        deadline,
    )
    text = answer.body.decode("utf-8", "replace")
    at = json_slices.member(text, _begin(text), "models") if isinstance(answer.json(), dict) else None
    if at is None or text[at] != "[":
        raise failures.unavailable(answer)
    listed = [(item, place) for item, place in json_slices.elements(text, at) if isinstance(item, dict)]
    for item, place in listed:
        if item.get("endpoint_id") == endpoint or len(listed) == 1:
            return _described(item, text, place)
    raise Refused("the service does not list this endpoint", status=404)


def document_of(wire: Wire, endpoint: str, *, policy: Policy, deadline: Deadline) -> Described:
    """An endpoint's document from fal.ai's own page, which needs no key and gets none (§11.3). Raises as `describe`."""
    url = f"{DOCUMENTS}?{urlencode({'endpoint_id': endpoint})}"
    answer = _answered(wire, _asked("the schema", url)._replace(authorization=""), policy, deadline)
    body = answer.json()
    if not _is_document(body):
        raise failures.unavailable(answer)
    return Described(answer.body, Model(endpoint, category=_category(body)))


def describe_app(wire: Wire, url: str, *, policy: Policy, deadline: Deadline) -> Described | None:
    """The document of an app on this machine, from its root. Raises as `describe`."""
    request = _asked("the app's schema", f"{url}/openapi.json")._replace(authorization="")
    answer = _answered(wire, request, policy, deadline)
    body = answer.json()
    return Described(answer.body, Model(url, _title(body))) if _is_document(body) else None


def estimate(wire: Wire, endpoint: str, units: Decimal) -> Estimate | None:
    """What so many units of an endpoint cost, by the service's own reckoning. Raises as `search`."""
    # Decimals are written as they are: a float would round them.
    body = f'{{"estimate_type":"unit_price","endpoints":{{{_text(endpoint)}:{{"unit_quantity":{units:f}}}}}}}'
    return _estimate(wire, body, None)


def usual_cost(wire: Wire, endpoint: str, deadline: Deadline | None = None) -> Estimate | None:
    """What a call to an endpoint has cost on average; None where the service has no history of it. Raises as `search`.

    Whatever the calls were asked for: it is an average over all inputs.
    """
    body = f'{{"estimate_type":"historical_api_price","endpoints":{{{_text(endpoint)}:{{"call_quantity":1}}}}}}'
    try:
        return _estimate(wire, body, deadline)
    except Refused as error:
        if error.status != 404:
            raise
        return None


def usual_wait(wire: Wire, endpoint: str, deadline: Deadline | None = None) -> float | None:
    """Seconds that half of an endpoint's requests waited at most before their work began, in the last day (§16 #4).

    None where the service does not say. Raises as `search`.
    """
    metric = "p50_prepare_duration"
    query = urlencode({"endpoint_id": endpoint, "expand": metric, "timeframe": "day"})
    request = Request("the analytics", "GET", f"{wire.hosts.api}{MODELS}/analytics?{query}")
    series = free.object_of(wire, request, retry.at_most(0), deadline=deadline).get("time_series")
    found = None
    for bucket in series if isinstance(series, list) else ():
        results = bucket.get("results") if isinstance(bucket, dict) else None
        for result in results if isinstance(results, list) else ():
            value = result.get(metric) if isinstance(result, dict) else None
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LONGEST_WAIT:
                found = float(value)  # the buckets come in their order, and the newest counts
    return found


def _estimate(wire: Wire, body: str, deadline: Deadline | None) -> Estimate | None:
    url = f"{wire.hosts.api}{MODELS}/pricing/estimate"
    answer = free.object_of(wire, Request("the estimate", "POST", url, body=body.encode()), deadline=deadline)
    total = decimal(answer.get("total_cost"))
    return None if total is None else Estimate(total, str(answer.get("currency") or ""))


def is_unknown(error: Exception) -> bool:
    """Whether an error says that there is no such endpoint."""
    return isinstance(error, Refused) and error.status == 404


def model_of(item: Mapping[str, Any]) -> Model | None:
    """An entry of the catalogue; None for what names no endpoint."""
    endpoint, metadata = item.get("endpoint_id"), item.get("metadata")
    facts = metadata if isinstance(metadata, dict) else {}
    names = ("display_name", "category", "status", "description", "updated_at", "license_type")
    texts = [value if isinstance(value := facts.get(name), str) else "" for name in names]
    return Model(endpoint, *texts) if isinstance(endpoint, str) and endpoint else None


def _described(item: Mapping[str, Any], text: str, place: int) -> Described | None:
    model, at = model_of(item), json_slices.member(text, place, "openapi")
    if model is None or at is None or item.get("openapi") is None:
        return None
    if not _is_document(item["openapi"]):  # an error object, where the expansion failed (§11.2)
        raise Unavailable("the service has an error instead of the schema", status=200)
    return Described(json_slices.value(text, at).encode(), model)


def _asked(what: str, url: str) -> Request:
    """A request for a document, whose size is looked at when it is here (`_check_size`)."""
    return Request(what, "GET", url, most_bytes=_READ_BYTES, most_values=_READ_BYTES)


def _answered(wire: Wire, request: Request, policy: Policy, deadline: Deadline) -> Answer:
    """An answer with a schema. Raises as `describe`: a page that says 404 is not the service's word on an endpoint."""
    answer = free.exchange(wire, request, policy, deadline=deadline)
    if (
        answer.status == 404
        and answer.body.strip()
        and jsontext.read(answer.body, jsontext.NOT_JSON) is jsontext.NOT_JSON
    ):
        raise failures.unavailable(answer)
    if not answer.ok:
        raise failures.free_error(answer)
    _check_size(answer)
    return answer


def _check_size(answer: Answer) -> None:
    """Raises `Unavailable` for an answer that is larger than any schema, before it is parsed."""
    if not jsontext.is_within(answer.body, most_bytes=limits.SCHEMA, most_values=limits.SCHEMA_VALUES):
        size = f"{len(answer.body) / 1_000_000:.1f} MB"
        raise Unavailable(f"the schema is too large ({size})", status=answer.status)


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and ("paths" in value or "components" in value)


def _title(document: Any) -> str:
    info = document.get("info") if isinstance(document, dict) else None
    title = info.get("title") if isinstance(info, dict) else None
    return title if isinstance(title, str) else ""


def _category(document: Mapping[str, Any]) -> str:
    info = document.get("info")
    metadata = info.get("x-fal-metadata") if isinstance(info, dict) else None
    category = metadata.get("category") if isinstance(metadata, dict) else None
    return category if isinstance(category, str) else ""


def _begin(text: str) -> int:
    return len(text) - len(text.lstrip("\ufeff \t\r\n"))


def _text(value: str) -> str:
    import json

    return json.dumps(value)
