"""`GET /v1/models/requests/by-endpoint`: the requests that have run on an endpoint, or still do (§11.2)."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave, pages
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.pages import Page
from fal_cli.sandbox.intake.parameters import Parameters, invalid
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import files, history
from fal_cli.sandbox.state.history import Past
from fal_cli.sandbox.state.record import Outcome

MAX_LIMIT = 100
USUAL_DAYS = 1
USUAL_DAYS_OF_ONE = 90
_ALLOWED = ("endpoint_id", "start", "end", "status", "request_id", "expand", "sort_by", "limit", "cursor")
_STATUSES = {2: "success", 4: "user_error", 5: "error"}
_ORDERS: dict[str, Callable[[Past], float | None]] = {
    "ended_at": lambda past: past.ended,
    "duration": lambda past: past.seconds,
}


@dataclass(frozen=True)
class Query:
    """What is asked for; `start` and `end` are Unix seconds, `status` is empty for any."""

    endpoints: list[str]
    request_ids: list[str]
    start: float
    end: float
    status: str
    sort_by: str
    with_payloads: bool
    page: Page

    def wants(self, past: Past) -> bool:
        """Whether a request is asked for. The span of time is about when it began."""
        fits = not self.status or (past.ending is not None and _STATUSES[past.ending.status // 100] == self.status)
        return fits and self.start <= past.began < self.end


async def read(context: Context, request: Request, route: Route) -> Response:
    """The newest first, or the longest; those that still run before all others."""
    query = _read_query(request)
    fault = misbehave.pick(context, route.name, "listing")

    async def act() -> Response:
        return answers.answer(200, await asyncio.to_thread(_list, context, query))

    return await misbehave.perform(fault, route.name, act)


def _read_query(request: Request) -> Query:
    parameters = Parameters(request, _ALLOWED)
    page = pages.read(parameters, MAX_LIMIT)
    request_id = parameters.uuid("request_id")
    start, end = parameters.span(page.moment, USUAL_DAYS_OF_ONE if request_id else USUAL_DAYS)
    expanded = parameters.many("expand")
    if not {"payloads"}.issuperset(expanded):
        raise invalid("expand", "only payloads can be expanded")
    return Query(
        endpoints=parameters.needed_endpoints(),
        request_ids=[request_id] if request_id else [],
        start=start,
        end=end,
        status=parameters.word("status", tuple(_STATUSES.values()), ""),
        sort_by=parameters.word("sort_by", tuple(_ORDERS), "ended_at"),
        with_payloads=bool(expanded),
        page=page,
    )


def _list(context: Context, query: Query) -> dict[str, Any]:
    begun = history.begun(context.store, query.page.moment, endpoints=query.endpoints, request_ids=query.request_ids)
    measure = _ORDERS[query.sort_by]

    def rank(past: Past) -> tuple[float, float, str]:
        measured = measure(past)
        return (math.inf if measured is None else measured, past.began, past.record.request_id)

    found = sorted(filter(query.wants, begun), key=rank, reverse=True)
    return query.page.document("items", found, lambda past: _item(context, query, past))


def _item(context: Context, query: Query, past: Past) -> dict[str, Any]:
    record, ending = past.record, past.ending
    item = {
        "request_id": record.request_id,
        "endpoint_id": record.endpoint,
        "started_at": answers.timestamp(past.began),
        "sent_at": answers.timestamp(record.accepted),
        "ended_at": None if past.ended is None else answers.timestamp(past.ended),
        "status_code": None if ending is None else ending.status,
        "duration": None if past.seconds is None else round(past.seconds, 6),
    }
    if not query.with_payloads:
        return item
    output = _output(context, ending) if _has_output(past, query.page.moment) else None
    return {**item, "json_input": context.store.given(record.request_id), "json_output": output}


def _has_output(past: Past, moment: float) -> bool:
    return past.record.keeps_payloads and past.record.is_kept(moment)


def _output(context: Context, ending: Outcome | None) -> Any:
    """What the result route answers, where that is JSON; the output of a `sync_mode` is in no history (§12.1)."""
    if ending is None or ending.html or any(spot.inline for spot in ending.files):
        return None
    return files.fill_in(context.store, ending, context.cdn)
