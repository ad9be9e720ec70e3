"""`GET /v1/models/billing-events`: what each request has cost (§11.2)."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave, pages
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.parameters import DAY_SECONDS, Parameters, invalid
from fal_cli.sandbox.platform.pricing import find_model, number
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import history
from fal_cli.sandbox.state.store import Store

MAX_LIMIT = 10_000
MAX_DAYS = 90
USUAL_DAYS = 1
_NANO = 10**9
_ALLOWED = ("request_id", "endpoint_id", "start", "end", "limit", "cursor")


@dataclass(frozen=True)
class Charge:
    """The billed end of a request; `ended` is Unix seconds, `price` US dollars a unit."""

    request_id: str
    endpoint: str
    ended: float
    units: Decimal
    price: Decimal

    @property
    def cost(self) -> Decimal:
        """In US dollars."""
        return self.units * self.price


async def read(context: Context, request: Request, route: Route) -> Response:
    """The charges of a span of time, the newest first."""
    parameters = Parameters(request, _ALLOWED)
    page = pages.read(parameters, MAX_LIMIT)
    start, end = parameters.span(page.moment, USUAL_DAYS)
    if end - start > MAX_DAYS * DAY_SECONDS:
        raise invalid("start", f"at most {MAX_DAYS} days before end")
    endpoints, request_ids = parameters.endpoints(), parameters.many("request_id")
    fault = misbehave.pick(context, route.name, "billing")

    def find() -> dict[str, Any]:
        past = charges(context.store, page.moment, endpoints=endpoints, request_ids=request_ids)
        found = [charge for charge in past if start <= charge.ended < end]
        found.sort(key=lambda charge: (charge.ended, charge.request_id), reverse=True)
        return page.document("billing_events", found, _event)

    async def act() -> Response:
        return answers.answer(200, await asyncio.to_thread(find))

    return await misbehave.perform(fault, route.name, act)


def charges(
    store: Store, moment: float, *, endpoints: Sequence[str] = (), request_ids: Sequence[str] = ()
) -> Iterator[Charge]:
    """What was billed by `moment` (Unix seconds). Only what reported units is: no failure does."""
    for past in history.begun(store, moment, endpoints=endpoints, request_ids=request_ids):
        model = find_model(past.record.endpoint)
        if past.ending is None or past.ended is None or model is None:
            continue
        units = Decimal(past.ending.headers.get("X-Fal-Billable-Units", "0"))
        if units > 0:
            record = past.record
            yield Charge(record.request_id, record.endpoint, past.ended, units, Decimal(model.price))


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
