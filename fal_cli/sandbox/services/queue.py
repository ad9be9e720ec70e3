"""The queue service: submit, status, its stream, result, cancel (§4)."""

import asyncio
import time
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave, planning
from fal_cli.sandbox.intake.context import Context, asked_base
from fal_cli.sandbox.intake.intake import Call, read_call
from fal_cli.sandbox.models import known
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.services import views, webhooks
from fal_cli.sandbox.services.delivery import Target
from fal_cli.sandbox.services.stream import StatusStream
from fal_cli.sandbox.state import line, register
from fal_cli.sandbox.state.record import Record
from fal_cli.sandbox.state.store import Store


async def submit(context: Context, request: Request, route: Route) -> Response:
    """Accept a request (§4.2 to §4.4). The body is not checked against the model: that is the runner's."""
    assert route.endpoint is not None
    if not known.is_app(route.endpoint.app):
        return answers.unknown_app(route.endpoint.app)
    with context.calls.taking():
        call = await read_call(request, route)
        target = webhooks.read_target(context, request)
        fault = misbehave.pick(context, "submit", f"submit:{call.body_hash}", call.orders.faults)
        call, fault = misbehave.leave_to_app(call, fault)

        async def accept() -> Response:
            return await _accept(context, request, call, target)

        return await misbehave.perform(fault, "submit", accept)


async def _accept(context: Context, request: Request, call: Call, target: Target | None) -> Response:
    lined = context.settings.concurrency is not None
    position = planning.queue_position(call, lined=lined)
    before = position + (line.length(context.store) if lined else 0)
    if call.max_line is not None and before > call.max_line:
        text = f"Queue is too long: {before} requests, more than the {call.max_line} that were allowed."
        return answers.detail(429, text)
    request_id = str(uuid4())
    planned = await asyncio.to_thread(planning.plan, call, request_id, context, lined=lined)
    planning.save(context.store, planned, call)
    if target is not None:
        webhooks.expect(context, planned.record, target)
    if lined:
        position = _place(context, request_id)
    urls = views.urls(planned.record, asked_base(request))
    document = {"status": "IN_QUEUE", "request_id": request_id, **urls, "queue_position": position}
    return answers.answer(200, document, request_id=request_id)


def _place(context: Context, request_id: str) -> int:
    """The place of a request that has just been accepted; 0 if it runs already."""
    record = register.find(context.store, request_id, time.time())
    return record.place if record else 0


async def follow(context: Context, request: Request, route: Route) -> Response:
    """Every route of an existing request: status, stream, result, cancel."""
    record = find(context.store, route, time.time())
    own = record.faults if record else ()
    fault = misbehave.pick(context, route.name, route.request_id, own)

    async def act() -> Response:
        if record is None:
            return answers.not_found()
        if route.name == "cancel":
            return _cancel(context, record)
        if route.name == "result":
            return await _result(context, record)
        return _status(context, request, route, record)

    return await misbehave.perform(fault, route.name, act, request_id=route.request_id)


def find(store: Store, route: Route, now: float) -> Record | None:
    """The recorded request that a route names, under its own application only, as it stands at that Unix time."""
    record = register.find(store, route.request_id, now)
    return record if record and route.endpoint and record.app == route.endpoint.app else None


def _status(context: Context, request: Request, route: Route, record: Record) -> Response:
    now = time.time()
    if not record.is_known(now):
        return answers.not_found()
    with_logs = request.query_params.get("logs", "0").lower() in ("1", "true")
    base = asked_base(request)
    if route.name == "stream":
        return StatusStream(context.store, record, base, with_logs=with_logs)
    lines = record.life.logs_at(now - record.accepted) if with_logs else None
    document = views.status(record, now, base, lines)
    code = 200 if document["status"] == "COMPLETED" else 202
    return answers.answer(code, document, request_id=record.request_id)


async def _result(context: Context, record: Record) -> Response:
    now = time.time()
    if not record.is_known(now) or not record.is_kept(now):
        return answers.not_found()
    if record.life.at(now - record.accepted).state != "COMPLETED":
        return answers.detail(400, "Request is still in progress", request_id=record.request_id)
    return await views.result(context, record.request_id, record.ending)


def _cancel(context: Context, record: Record) -> Response:
    """§4.8: a queued request goes at once, a running one is asked to stop and may still finish."""
    now = time.time()
    if not record.is_known(now):
        return answers.not_found()
    state = register.cancel(context.store, record.request_id, now)
    if state == "COMPLETED":
        return answers.answer(400, {"status": "ALREADY_COMPLETED"}, request_id=record.request_id)
    if state == "IN_QUEUE":
        return answers.answer(200, {"status": "OK"}, request_id=record.request_id)
    return answers.answer(202, {"status": "CANCELLATION_REQUESTED"}, request_id=record.request_id)
