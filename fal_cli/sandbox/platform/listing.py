"""`GET /v1/models/requests/by-endpoint`: the requests that have run on an endpoint, or still do (§11.2).

It goes by the start of a run, and may lag: what is in line is not listed, so "not listed" does not mean "not accepted".
A sandbox that was told to (`exact-listing`) lists whatever it has accepted at once, and says so with a header,
`X-Fal-Listing: exact`: only then a call that is not listed was never accepted.
"""

import asyncio
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
from fal_cli.sandbox.state.history import BEFORE_ALL, Mark, Past, Search
from fal_cli.sandbox.state.record import Outcome

MAX_LIMIT = 100
USUAL_DAYS = 1
USUAL_DAYS_OF_ONE = 90
# What tells that the listing leaves nothing out: what it does not name was never accepted.
EXACT_HEADER = "X-Fal-Listing"
_ALLOWED = ("endpoint_id", "start", "end", "status", "request_id", "expand", "sort_by", "limit", "cursor")
_CODES = {"success": (200, 299), "user_error": (400, 499), "error": (500, 599)}
_ORDERS = ("ended_at", "duration")


@dataclass(frozen=True)
class Query:
    """What is asked for, as it stood at `moment` (Unix seconds)."""

    search: Search
    moment: float
    with_payloads: bool
    page: Page


async def read(context: Context, request: Request, route: Route) -> Response:
    """The newest first, or the longest; those that still run before all others."""
    is_settled = await _settle(context, request)
    query = _read_query(context, request)
    fault = misbehave.pick(context, route.name, "listing")

    async def act() -> Response:
        headers = {EXACT_HEADER: "exact"} if is_settled else {}
        return answers.answer(200, await asyncio.to_thread(_list, context, query), headers=headers)

    return await misbehave.perform(fault, route.name, act)


async def _settle(context: Context, request: Request) -> bool:
    """Whether what the listing does not name was never accepted: then nothing is on its way any more."""
    if not context.settings.exact_listing:
        return False
    return "cursor" in request.query_params or await context.calls.settle()


def _read_query(context: Context, request: Request) -> Query:
    parameters = Parameters(request, _ALLOWED)
    page = pages.read(parameters, MAX_LIMIT, bool, float, int)
    request_id = parameters.uuid("request_id")
    start, end = parameters.span(page.moment, USUAL_DAYS_OF_ONE if request_id else USUAL_DAYS)
    expanded = parameters.many("expand")
    if not {"payloads"}.issuperset(expanded):
        raise invalid("expand", "only payloads can be expanded")
    status = parameters.word("status", tuple(_CODES), "")
    search = Search(
        endpoints=parameters.needed_endpoints(),
        request_id=request_id,
        start=start,
        end=end,
        codes=_CODES.get(status),
        by_seconds=parameters.word("sort_by", _ORDERS, "ended_at") == "duration",
        is_exact=context.settings.exact_listing,
    )
    lag = 0.0 if search.is_exact else context.settings.listing_lag
    return Query(search, page.moment - lag, with_payloads=bool(expanded), page=page)


def _list(context: Context, query: Query) -> dict[str, Any]:
    after = BEFORE_ALL if query.page.place is None else Mark(*query.page.place)
    found = history.search(context.store, query.search, query.moment, after)
    return query.page.document("items", found, lambda past: _item(context, query, past))


def _item(context: Context, query: Query, past: Past) -> dict[str, Any]:
    record, ending = past.record, past.ending
    item = {
        "request_id": record.request_id,
        "endpoint_id": record.endpoint,
        "started_at": _told(past.began),
        "sent_at": _told(record.accepted),
        "ended_at": _told(past.ended),
        "status_code": None if ending is None else ending.status,
        "duration": None if past.seconds is None else round(past.seconds, 6),
    }
    if not query.with_payloads:
        return item
    output = _output(context, ending) if _has_output(past, query.moment) else None
    return {**item, "json_input": context.store.given(record.request_id), "json_output": output}


def _told(moment: float | None) -> str | None:
    return None if moment is None else answers.timestamp(moment)


def _has_output(past: Past, moment: float) -> bool:
    return past.record.keeps_payloads and past.record.is_kept(moment)


def _output(context: Context, ending: Outcome | None) -> Any:
    """What the result route answers, where that is JSON; the output of a `sync_mode` is in no history (§12.1)."""
    if ending is None or ending.html or any(spot.inline for spot in ending.files):
        return None
    return files.fill_in(context.store, ending, context.cdn)
