"""A model's own event stream: versions of the output, the last being the final one (§6)."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fal_cli.sandbox import models
from fal_cli.sandbox.intake import misbehave, outcomes, planning
from fal_cli.sandbox.intake.calls import Taking
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Call, read_call
from fal_cli.sandbox.intake.prices import billed
from fal_cli.sandbox.models import Answer, Refusal, known
from fal_cli.sandbox.orders.failures import Failure
from fal_cli.sandbox.replies import answers, connection, sse
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.services import run, views
from fal_cli.sandbox.state import files, line, register, timeline
from fal_cli.sandbox.state.record import START_DEADLINE_MISSED, Outcome, Record

_TURN_EVENTS = 50
# How a stream ends of which no end was noted, since its server was killed: at the platform's limit (§4.10).
_LIMIT_SECONDS = 3600.0
_LIMIT_HIT = outcomes.failed(Failure(504, error_type="request_timeout"))
_CLIENT_GONE = outcomes.failed(Failure(499, error_type="client_disconnected"))
_NOTHING = Outcome(200, None, {"X-Fal-Billable-Units": "0"})
_ORDERED = Outcome(200, None, {"X-Fal-Billable-Units": "1"})


async def stream(context: Context, request: Request, route: Route) -> Response:
    """Run a model and answer its output as it comes."""
    assert route.endpoint is not None
    if not known.is_app(route.endpoint.app):
        return answers.unknown_app(route.endpoint.app)
    if request.url.path.endswith("/"):
        return run.without_slash(request)
    with context.calls.taking() as taking:
        call = await read_call(request, route)
        fault = misbehave.pick(context, "events", f"events:{call.body_hash}", call.orders.faults)
        call, fault = misbehave.leave_to_app(call, fault)

        async def work() -> Response:
            return await _open(context, call, taking)

        return await misbehave.perform(fault, "events", work)


async def _open(context: Context, call: Call, taking: Taking) -> Response:
    wait = call.orders.queue or 0.0
    record = planning.accept(call, str(uuid4()), _life(wait, _LIMIT_SECONDS), _LIMIT_HIT, context.settings)
    if not run.may_run(context, record.request_id, record.life.end):
        return answers.too_many()
    planning.add_record(context.store, record, call)
    taking.done()
    opened = await _begin(context, call, wait)
    if isinstance(opened, Outcome):
        _note_end(context, record, wait, opened)
        return await views.result(context, record.request_id, opened)
    if call.orders.body is not None:
        _note_end(context, record, wait, _ORDERED)
        return views.ordered_body(record.request_id, call.orders)
    return ModelStream(context, call, record, wait, *opened)


async def _begin(context: Context, call: Call, wait: float) -> "Outcome | tuple[models.Stream, float]":
    """The answers to come and the seconds before each; or how the run fails before the first.

    `wait` is for a runner, where that was ordered; a start deadline may be over first (§4.3).
    """
    deadline = call.start_timeout
    if deadline is not None and wait > deadline:
        await asyncio.sleep(deadline)
        return START_DEADLINE_MISSED
    await asyncio.sleep(wait)
    return await asyncio.to_thread(_run, context, call)


def _run(context: Context, call: Call) -> "Outcome | tuple[models.Stream, float]":
    model = known.find(call.endpoint)
    if call.orders.fail:
        return outcomes.failed(call.orders.fail)
    if model is None or not model.streams:
        return outcomes.no_such_path("/".join(filter(None, (call.endpoint.path, "stream"))))
    methods = (call.orders.method,) if call.orders.method else model.methods
    if call.method not in methods:
        return outcomes.wrong_method(methods)
    seconds = planning.run_seconds(call, model)
    task = planning.make_task(call.orders, seconds, context.store)
    try:
        if known.is_echo(call.endpoint):
            return _echo(call), call.orders.interval
        found = model.load().stream(call.endpoint.id, call.payload, task)
    except Refusal as refusal:
        return outcomes.refused(refusal)
    return found, seconds / max(found.count, 1)


def _life(wait: float, seconds: float) -> timeline.Timeline:
    return timeline.build(queue=wait, run=seconds, position=0) if wait else timeline.running(seconds)


def _note_end(context: Context, record: Record, wait: float, outcome: Outcome) -> None:
    """Write down how a stream ended, and that it did now."""
    life = _life(wait, max(time.time() - record.accepted - wait, 0.0))
    ended = replace(record, timeline=life, outcome=outcome)
    register.amend(context.store, ended)
    if context.settings.concurrency is not None:
        line.vacate(context.store, record.request_id, time.time())


def _echo(call: Call) -> models.Stream:
    from fal_cli.sandbox.models import echo

    return echo.ordered_stream(call.payload, call.orders.events)


class ModelStream(sse.EventStream):
    """The answers of a model, each `pause` seconds after the one before. Its end is noted in the record."""

    def __init__(
        self, context: Context, call: Call, record: Record, wait: float, found: models.Stream, pause: float
    ) -> None:
        super().__init__(record.request_id)
        self._wait_before = wait
        self._context = context
        self._call = call
        self._ping = call.orders.ping
        self._record = record
        self._ended = False
        self._answers = found.answers
        self._pause = pause

    async def events(self, scope: Scope) -> AsyncIterator[bytes]:
        """An event for each answer; pings only where they were ordered (§15 #14)."""
        outcome = _NOTHING
        for number, answer in enumerate(self._answers):
            async for ping in self._wait():
                yield ping
            if number % _TURN_EVENTS == 0:
                await asyncio.sleep(0)  # without pauses the others would have to wait to the end
            if connection.is_gone(scope):
                return
            outcome = self._place(answer)
            yield sse.event(answers.dump(await self._fill_in(outcome)))
        self._end(outcome)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.lose()

    def lose(self) -> None:
        """What is not sent to its end has lost its reader."""
        self._end(_CLIENT_GONE)

    async def _wait(self) -> AsyncIterator[bytes]:
        left = self._pause
        while self._ping and left > self._ping:
            await asyncio.sleep(self._ping)
            left -= self._ping
            yield sse.PING
        if left:
            await asyncio.sleep(left)

    def _place(self, answer: Answer) -> Outcome:
        model = known.find(self._call.endpoint)
        outcome, media = outcomes.place(billed(answer, self._call.orders, model) if model else answer)
        planning.add_files(self._context.store, self._record.request_id, media)
        return outcome

    async def _fill_in(self, outcome: Outcome) -> object:
        if not outcome.files:
            return outcome.body
        return await asyncio.to_thread(files.fill_in, self._context.store, outcome, self._context.cdn)

    def _end(self, outcome: Outcome) -> None:
        if self._ended:
            return
        self._ended = True
        _note_end(self._context, self._record, self._wait_before, outcome)
