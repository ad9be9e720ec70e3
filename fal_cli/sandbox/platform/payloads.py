"""`DELETE /v1/models/requests/{id}/payloads`: the stored input and output of a request, and its files (§11.2)."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.parameters import Parameters
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import files, register


async def erase(context: Context, request: Request, route: Route) -> Response:
    """Forget them. A result that is kept elsewhere for its time stays there (§4.7)."""
    Parameters(request, ())
    fault = misbehave.pick(context, route.name, "payloads")

    async def act() -> Response:
        return await asyncio.to_thread(_erase, context, route.request_id)

    return await misbehave.perform(fault, route.name, act)


def _erase(context: Context, request_id: str) -> Response:
    record = register.find(context.store, request_id, time.time())
    if record is None:
        return answers.problem(404, f"Request {request_id!r} not found")
    register.erase(context.store, record)
    deleted = files.remove(context.store, request_id)
    told: list[dict[str, Any]] = [
        {"link": files.url(context.cdn, file_id, name), "exception": None} for file_id, name in deleted
    ]
    return answers.answer(200, {"cdn_delete_results": told})
