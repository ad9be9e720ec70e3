"""`GET /v1/models/pricing`: what one unit of a model costs (§11.2)."""

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Refused
from fal_cli.sandbox.intake.parameters import Parameters
from fal_cli.sandbox.intake.prices import price_of
from fal_cli.sandbox.models import Model, known
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Endpoint, Route, parse_endpoint


async def read(context: Context, request: Request, route: Route) -> Response:
    """A price for each endpoint that was asked for, in that order."""
    prices = [_price(context, endpoint_id) for endpoint_id in Parameters(request, ("endpoint_id",)).needed_endpoints()]
    fault = misbehave.pick(context, route.name, "pricing")

    async def act() -> Response:
        return answers.answer(200, {"prices": prices, "next_cursor": None, "has_more": False})

    return await misbehave.perform(fault, route.name, act)


def find_model(endpoint_id: str) -> tuple[Endpoint, Model] | None:
    """An id taken apart, and the model with it; None if there is none."""
    endpoint = parse_endpoint(endpoint_id.split("/"))
    model = known.find(endpoint) if endpoint else None
    return (endpoint, model) if endpoint and model else None


def needed_model(endpoint_id: str) -> tuple[Endpoint, Model]:
    """The same. Raises Refused if there is none."""
    found = find_model(endpoint_id)
    if found is None:
        raise Refused(answers.problem(404, f"Endpoint {endpoint_id!r} not found"))
    return found


def number(value: Decimal) -> int | float:
    """A decimal as a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def told_price(context: Context, endpoint_id: str) -> tuple[Endpoint, Model, Decimal]:
    """A model with its price. Raises Refused if there is none, or if its price is not told."""
    endpoint, model = needed_model(endpoint_id)
    if not model.tells_price:
        raise Refused(answers.problem(404, f"No pricing for endpoint {endpoint_id!r}"))
    return endpoint, model, price_of(context.settings, endpoint, model)


def _price(context: Context, endpoint_id: str) -> dict[str, Any]:
    _, model, price = told_price(context, endpoint_id)
    return {"endpoint_id": endpoint_id, "unit_price": number(price), "unit": model.unit, "currency": "USD"}
