"""`POST /v1/models/pricing/estimate`: what so many calls, or so many units, would cost (§11.2)."""

import asyncio
import json
import time
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Refused, is_json, read_body
from fal_cli.sandbox.intake.parameters import MAX_LISTED, Parameters, invalid
from fal_cli.sandbox.platform.pricing import needed_model, number, told_price
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import bills

BY_CALL, BY_UNIT = "historical_api_price", "unit_price"
MAX_QUANTITY = 10**9
_PLACES = 9  # of a dollar
# What counts, as what, and how that is called.
_QUANTITIES: dict[str, tuple[str, Any, str]] = {
    BY_CALL: ("call_quantity", int, "a whole number"),
    BY_UNIT: ("unit_quantity", int | Decimal, "a number"),
}

# How much of which.
Amounts = list[tuple[str, Decimal]]


async def read(context: Context, request: Request, route: Route) -> Response:
    """The sum over all endpoints."""
    Parameters(request, ())
    kind, amounts = _read_body(await _read_object(request))
    cost = {BY_CALL: _by_call, BY_UNIT: _by_unit}[kind]
    fault = misbehave.pick(context, route.name, "estimate")

    async def act() -> Response:
        total = await asyncio.to_thread(cost, context, amounts)
        return answers.answer(
            200, {"estimate_type": kind, "total_cost": number(round(total, _PLACES)), "currency": "USD"}
        )

    return await misbehave.perform(fault, route.name, act)


async def _read_object(request: Request) -> dict[str, Any]:
    if not is_json(request.headers.get("content-type", "")):
        raise Refused(answers.problem(400, "Content-Type: expected application/json"))
    raw = await read_body(request)
    try:
        # As decimals, so that 0.1 dollars thrice are 0.3.
        body = json.loads(raw, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(answers.problem(400, f"The body is not valid JSON: {error}")) from error
    return _object("body", body)


def _read_body(body: dict[str, Any]) -> tuple[str, Amounts]:
    """The type of an estimate and what is to be estimated. Raises Refused."""
    kind = body.get("estimate_type")
    if not isinstance(kind, str) or kind not in _QUANTITIES:
        raise invalid("estimate_type", f"expected one of {', '.join(_QUANTITIES)}")
    _only(body, "", "estimate_type", "endpoints")
    given = _object("endpoints", body.get("endpoints"))
    if not 1 <= len(given) <= MAX_LISTED:
        raise invalid("endpoints", f"1 to {MAX_LISTED} entries, not {len(given)}")
    for name in given:
        needed_model(name)
    return kind, [(name, _quantity(kind, name, _object(name, one))) for name, one in given.items()]


def _quantity(kind: str, endpoint_id: str, given: dict[str, Any]) -> Decimal:
    name, types, wanted = _QUANTITIES[kind]
    _only(given, f"endpoints.{endpoint_id}.", name)
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, types) or not 0 < value <= MAX_QUANTITY:
        raise invalid(f"endpoints.{endpoint_id}.{name}", f"expected {wanted}, more than 0 and at most {MAX_QUANTITY}")
    return Decimal(value)


def _by_call(context: Context, amounts: Amounts) -> Decimal:
    return sum((_usual_cost(context, endpoint_id) * calls for endpoint_id, calls in amounts), Decimal(0))


def _by_unit(context: Context, amounts: Amounts) -> Decimal:
    return sum((told_price(context, endpoint_id)[2] * units for endpoint_id, units in amounts), Decimal(0))


def _usual_cost(context: Context, endpoint_id: str) -> Decimal:
    """What a call has cost on average, here or, of a model that is not new, elsewhere. Raises Refused."""
    average = bills.average(context.store, endpoint_id, time.time())
    if average is not None:
        return average
    _, model, price = told_price(context, endpoint_id)
    if not model.usual_units:
        raise Refused(answers.problem(404, f"No historical pricing for endpoint {endpoint_id!r}"))
    return price * Decimal(model.usual_units)


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(name, "expected an object")
    return value


def _only(given: dict[str, Any], path: str, *allowed: str) -> None:
    for name in given:
        if name not in allowed:
            raise invalid(f"{path}{name}", f"unknown; only {' and '.join(allowed)}")


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")
