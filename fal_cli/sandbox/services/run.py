"""The direct run service: one request, one answer, as long as it takes (§3)."""

import asyncio
import time
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fal_cli.sandbox.intake import misbehave, planning
from fal_cli.sandbox.intake.calls import Taking
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Call, read_call
from fal_cli.sandbox.models import known
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.services import views
from fal_cli.sandbox.state import line


async def run(context: Context, request: Request, route: Route) -> Response:
    """Run a model and answer its output. The work goes on, and counts, if the client leaves."""
    assert route.endpoint is not None
    if not known.is_app(route.endpoint.app):
        return answers.unknown_app(route.endpoint.app)
    if request.url.path.endswith("/"):
        return without_slash(request)
    with context.calls.taking() as taking:
        call = await read_call(request, route)
        fault = misbehave.pick(context, "run", f"run:{call.body_hash}", call.orders.faults)
        call, fault = misbehave.leave_to_app(call, fault)

        async def work() -> Response:
            return await _work(context, call, taking)

        return await misbehave.perform(fault, "run", work)


def without_slash(request: Request) -> Response:
    """The runner's web framework redirects to the path without the slash (§15 #11)."""
    return RedirectResponse(str(request.url.replace(path=request.url.path.rstrip("/"))), 307)


async def _work(context: Context, call: Call, taking: Taking) -> Response:
    request_id = str(uuid4())
    planned = await asyncio.to_thread(planning.plan, call, request_id, context)
    seconds = planned.record.life.end
    if not may_run(context, request_id, seconds):
        return answers.too_many()
    planning.save(context.store, planned, call)
    taking.done()
    await asyncio.sleep(seconds)
    if call.orders.body is not None and planned.record.outcome.status == 200:
        return views.ordered_body(request_id, call.orders)
    return await views.result(context, request_id, planned.record.outcome)


def may_run(context: Context, request_id: str, seconds: float) -> bool:
    """Whether the account may run one more, which then counts for so long; a direct run waits in no line (§3, §8.3)."""
    if context.settings.concurrency is None:
        return True
    return line.occupy(context.store, request_id, seconds=seconds, now=time.time())
