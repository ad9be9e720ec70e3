"""A model's own event stream: versions of the output, the last being the final one (§6)."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from fal_cli.sandbox import answers, connection, files, misbehave, models, planning, run, sse, views
from fal_cli.sandbox.context import Context
from fal_cli.sandbox.intake import Call, read_call
from fal_cli.sandbox.models import Answer, Refusal
from fal_cli.sandbox.record import Outcome
from fal_cli.sandbox.routes import Route

_TURN_EVENTS = 50


async def stream(context: Context, request: Request, route: Route) -> Response:
    """Run a model and answer its output as it comes."""
    assert route.endpoint is not None
    if not models.is_app(route.endpoint.app):
        return answers.unknown_app(route.endpoint.app)
    if request.url.path.endswith("/"):
        return run.without_slash(request)
    call = await read_call(request, route)

    async def work() -> Response:
        return await _open(context, call)

    fault = misbehave.pick(context, "events", f"events:{call.body_hash}", call.orders.faults)
    return await misbehave.perform(fault, "events", work)


async def _open(context: Context, call: Call) -> Response:
    request_id = str(uuid4())
    opened = await asyncio.to_thread(_begin, context, call)
    context.store.add_request(
        request_id, kind="events", endpoint=call.endpoint.id, app=call.endpoint.app,
        body_hash=call.body_hash, accepted=time.time(), record={},
    )  # fmt: skip
    context.store.count("events", request_id)
    if isinstance(opened, Outcome):
        return await views.result(context, request_id, opened)
    if call.orders.body is not None:
        return views.ordered_body(request_id, call.orders)
    return ModelStream(context, call, request_id, *opened)


def _begin(context: Context, call: Call) -> "Outcome | tuple[models.Stream, float]":
    """The answers to come and the seconds before each; or how the run fails before the first."""
    model = models.find(call.endpoint)
    if call.orders.fail:
        return planning.failed(call.orders.fail)
    if model is None or not model.streams:
        return planning.no_such_path("/".join(filter(None, (call.endpoint.path, "stream"))))
    seconds = planning.run_seconds(call, model)
    task = planning.make_task(call.orders, seconds, context.store)
    try:
        if models.is_echo(call.endpoint):
            return _echo(call), call.orders.interval
        found = model.load().stream(call.endpoint.id, call.payload, task)
    except Refusal as refusal:
        return planning.refused(refusal)
    return found, seconds / max(found.count, 1)


def _echo(call: Call) -> models.Stream:
    from fal_cli.sandbox.models import echo

    return echo.ordered_stream(call.payload, call.orders.events)


class ModelStream(sse.EventStream):
    """The answers of a model, each `pause` seconds after the one before."""

    def __init__(self, context: Context, call: Call, request_id: str, found: models.Stream, pause: float) -> None:
        super().__init__(request_id)
        self._context = context
        self._ping = call.orders.ping
        self._request_id = request_id
        self._answers = found.answers
        self._pause = pause

    async def events(self, scope: Scope) -> AsyncIterator[bytes]:
        """An event for each answer; pings only where they were ordered (§15 #14)."""
        for number, answer in enumerate(self._answers):
            async for ping in self._wait():
                yield ping
            if number % _TURN_EVENTS == 0:
                await asyncio.sleep(0)  # without pauses the others would have to wait to the end
            if connection.is_gone(scope):
                return
            yield sse.event(answers.dump(await self._body(answer)))

    async def _wait(self) -> AsyncIterator[bytes]:
        left = self._pause
        while self._ping and left > self._ping:
            await asyncio.sleep(self._ping)
            left -= self._ping
            yield sse.PING
        if left:
            await asyncio.sleep(left)

    async def _body(self, answer: Answer) -> object:
        if not answer.media:
            return answer.body
        outcome, media = planning.place(answer)
        planning.add_files(self._context.store, self._request_id, media)
        return await asyncio.to_thread(files.fill_in, self._context.store, outcome, self._context.cdn)
