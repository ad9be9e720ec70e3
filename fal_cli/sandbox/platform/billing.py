"""`GET /v1/models/billing-events`: what each request has cost (§11.2)."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave, pages
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.parameters import DAY_SECONDS, Parameters, invalid
from fal_cli.sandbox.platform.pricing import number
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import bills
from fal_cli.sandbox.state.bills import Charge

MAX_LIMIT = 10_000
MAX_DAYS = 90
USUAL_DAYS = 1
_NANO = 10**9
_LAST = 2**62
_ALLOWED = ("request_id", "endpoint_id", "start", "end", "limit", "cursor")


async def read(context: Context, request: Request, route: Route) -> Response:
    """The charges of a span of time, the newest first."""
    parameters = Parameters(request, _ALLOWED)
    page = pages.read(parameters, MAX_LIMIT, float, int)
    start, end = parameters.span(page.moment, USUAL_DAYS)
    if end - start > MAX_DAYS * DAY_SECONDS:
        raise invalid("start", f"at most {MAX_DAYS} days before end")
    endpoints, request_ids = parameters.endpoints(), parameters.many("request_id")
    fault = misbehave.pick(context, route.name, "billing")

    def find() -> dict[str, Any]:
        after = page.place or (page.moment, _LAST)
        found = bills.charges(context.store, start, end, endpoints=endpoints, request_ids=request_ids, after=after)
        places = (((charge.ended, charge.seq), charge) for charge in found)
        return page.document("billing_events", places, _event)

    async def act() -> Response:
        return answers.answer(200, await asyncio.to_thread(find))

    return await misbehave.perform(fault, route.name, act)


def _event(charge: Charge) -> dict[str, Any]:
    cost = charge.cost
    return {
        "request_id": charge.request_id,
        "endpoint_id": charge.endpoint,
        "timestamp": answers.timestamp(charge.ended),
        "output_units": number(charge.units),
        "unit_price": number(charge.price),
        "percent_discount": None,
        "cost_subtotal": number(cost),
        "cost_discount": 0,
        "cost_total": number(cost),
        "cost_estimate_nano_usd": int(cost * _NANO),
    }
