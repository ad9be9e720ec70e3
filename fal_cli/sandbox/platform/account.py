"""`GET /v1/account/billing`: who pays, and what is left (§11.2)."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.account import balance
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.parameters import Parameters, invalid
from fal_cli.sandbox.platform.pricing import number
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route

USERNAME = "sandbox"


async def read(context: Context, request: Request, route: Route) -> Response:
    """The account that all keys belong to; its balance where that is asked for."""
    expanded = Parameters(request, ("expand",)).many("expand")
    if not {"credits"}.issuperset(expanded):
        raise invalid("expand", "only credits can be expanded")
    fault = misbehave.pick(context, route.name, "account")

    async def act() -> Response:
        document: dict[str, Any] = {"username": USERNAME}
        if expanded:
            left = await asyncio.to_thread(balance, context, time.time())
            document["credits"] = {"current_balance": number(left), "currency": "USD"}
        return answers.answer(200, document)

    return await misbehave.perform(fault, route.name, act)
