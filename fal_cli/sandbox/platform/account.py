"""`GET /v1/account/billing`: who pays, and what is left (§11.2)."""

import asyncio
import time
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.parameters import Parameters, invalid
from fal_cli.sandbox.platform.pricing import number
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import bills

USERNAME = "sandbox"
START_BALANCE = Decimal(100)  # US dollars


async def read(context: Context, request: Request, route: Route) -> Response:
    """The account that all keys belong to; its balance where that is asked for."""
    expanded = Parameters(request, ("expand",)).many("expand")
    if not {"credits"}.issuperset(expanded):
        raise invalid("expand", "only credits can be expanded")
    fault = misbehave.pick(context, route.name, "account")

    async def act() -> Response:
        document: dict[str, Any] = {"username": USERNAME}
        if expanded:
            balance = await asyncio.to_thread(_balance, context)
            document["credits"] = {"current_balance": number(balance), "currency": "USD"}
        return answers.answer(200, document)

    return await misbehave.perform(fault, route.name, act)


def _balance(context: Context) -> Decimal:
    """Below zero too: only the locked key is ever refused for its balance."""
    return START_BALANCE - bills.total(context.store, time.time())
