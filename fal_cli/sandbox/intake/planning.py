"""Deciding, at the moment of acceptance, all that will ever happen to a request."""

import secrets
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from fal_cli.sandbox.intake import outcomes
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Call
from fal_cli.sandbox.intake.prices import billed, price_of
from fal_cli.sandbox.models import Answer, Failed, Media, Model, Refusal, Task, known
from fal_cli.sandbox.orders.failures import Failure
from fal_cli.sandbox.orders.orders import Orders
from fal_cli.sandbox.orders.settings import Settings
from fal_cli.sandbox.replies.answers import dump
from fal_cli.sandbox.state import files, lifecycle, line, register
from fal_cli.sandbox.state.logs import ordered_logs, runner_logs, traceback_log
from fal_cli.sandbox.state.record import (
    START_DEADLINE_MISSED,
    Outcome,
    Record,
)
from fal_cli.sandbox.state.store import FileRow, Store
from fal_cli.sandbox.state.timeline import Timeline, build, running

REFUSED_RUN_SECONDS = 0.05  # a body that does not validate never reaches the model
BIG_RESULT_BYTES = 10_240
HUGE_RESULT_BYTES = 1024 * 1024
LOW_PRIORITY_FACTOR = 2.0
LOW_PRIORITY_BEHIND = 3
_NOT_RETRIED = Failure(503, error_type="runner_connection_error")
_SEED_LIMIT = 2**32


@dataclass(frozen=True)
class Plan:
    """A record to be, and the files that its outcome names."""

    record: Record
    media: tuple[tuple[str, Media], ...]


def plan(call: Call, request_id: str, context: Context, *, lined: bool = False) -> Plan:
    """Run the model in thought: its answer, its times, its log. The request counts as accepted on return.

    One that is `lined` has to wait for its turn. May draw or decode pictures: not for the event loop.
    """
    model = known.find(call.endpoint)
    run = run_seconds(call, model)
    answer, outcome, media = _outcome(call, model, run, context.store)
    if call.orders.run is None and outcome.status in (404, 405, 422) and call.orders.fail is None:
        run = REFUSED_RUN_SECONDS
    timeline = _timeline(call, model, run, answer, lined=lined)
    if lined:
        record = accept(call, request_id, timeline, outcome, context.settings)
        record = replace(record, lined=True, start_timeout=call.start_timeout)
        return Plan(record, media)
    missed = None if call.start_timeout is None else timeline.miss_start_deadline(call.start_timeout)
    if missed:
        timeline, outcome, media = missed, START_DEADLINE_MISSED, ()
    return Plan(accept(call, request_id, timeline, outcome, context.settings), media)


def accept(call: Call, request_id: str, timeline: Timeline, outcome: Outcome, settings: Settings) -> Record:
    """The record of a call that is accepted now, and goes like this."""
    stored, unstored = _kept(call, outcome, settings)
    model = known.find(call.endpoint)
    return Record(
        request_id=request_id,
        endpoint=call.endpoint.id,
        app=call.endpoint.app,
        accepted=time.time(),
        timeline=timeline,
        outcome=outcome,
        late=call.orders.late,
        kept=stored,
        kept_unstored=unstored,
        silent_error=call.orders.silent_error,
        faults=call.orders.faults,
        options=call.options,
        price=f"{price_of(settings, call.endpoint, model):f}" if model else "0",
    )


def save(store: Store, planned: Plan, call: Call) -> None:
    """Write down the plan of a submit or of a direct run, in one step."""
    record = planned.record
    life = lifecycle.lenient(record.options.get("lifecycle"))
    expires = None if life.seconds is None else record.accepted + record.timeline.end + life.seconds
    with store.transaction() as db:
        add_files(store, record.request_id, planned.media, expires=expires, acl=life.acl)
        kind = "queue" if call.queued else "run"
        register.add(db, record, kind=kind, body_hash=call.body_hash, given=call.given)
        if record.lined:
            _line_up(db, record, call)


def add_record(store: Store, record: Record, call: Call) -> None:
    """Write down that a stream has begun."""
    with store.transaction() as db:
        register.add(db, record, kind="events", body_hash=call.body_hash, given=call.given)


def _line_up(db: sqlite3.Connection, record: Record, call: Call) -> None:
    template = record.timeline
    deadline = line.NEVER if record.start_timeout is None else record.accepted + record.start_timeout
    line.enter(
        db, record.request_id, ready=record.accepted + template.first_start, span=template.end - template.first_start,
        tail=template.inference_seconds or 0.0, deadline=deadline, low=call.low_priority, now=record.accepted,
    )  # fmt: skip


def add_files(
    store: Store,
    request_id: str,
    media: Iterable[tuple[str, Media]],
    *,
    expires: float | None = None,
    acl: str = "allow",
) -> None:
    """Register the files of an answer; `expires` is Unix seconds."""
    for file_id, item in media:
        row = FileRow(request_id, item.name, item.content_type, item.recipe, None, expires, acl)
        store.add_file(file_id, row)


def queue_position(call: Call, *, lined: bool = False) -> int:
    """The place in line at which a submit would begin; one that is `lined` is behind those that are really there."""
    if lined:
        return call.orders.position or 0
    model = known.find(call.endpoint)
    usual = model.position if model else 0
    behind = LOW_PRIORITY_BEHIND if call.low_priority else 0
    return call.orders.position if call.orders.position is not None else usual + behind


def run_seconds(call: Call, model: Model | None) -> float:
    """How long the run takes: as ordered, or as usual."""
    usual = model.run if model else REFUSED_RUN_SECONDS
    return usual if call.orders.run is None else call.orders.run


def _timeline(call: Call, model: Model | None, run: float, answer: Answer | None, *, lined: bool) -> Timeline:
    orders = call.orders
    if not call.queued:
        # A direct run is in no line, but waits for a runner where that was ordered (§3, §4.3).
        return build(queue=orders.queue, run=run, position=0) if orders.queue else running(run)
    usual = model.queue if model else 0.1
    wait = usual * (LOW_PRIORITY_FACTOR if call.low_priority and not lined else 1.0)
    lines = ordered_logs(run, orders.logs)
    if model and answer:
        lines += runner_logs(run, name=model.name, steps=max(1, answer.steps))
    if orders.fail and orders.fail.traceback is not None:
        lines.append(traceback_log(run, orders.fail.traceback))
    return build(
        queue=wait if orders.queue is None else orders.queue,
        run=run,
        position=queue_position(call, lined=lined),
        requeues=0 if call.no_retry else orders.requeue,
        logs=lines,
    )


def _outcome(
    call: Call, model: Model | None, run: float, store: Store
) -> tuple[Answer | None, Outcome, tuple[tuple[str, Media], ...]]:
    if call.orders.fail:
        return None, outcomes.failed(call.orders.fail), ()
    if call.orders.requeue and call.no_retry:
        return None, outcomes.failed(_NOT_RETRIED), ()
    if model is None:
        return None, outcomes.no_such_path(call.endpoint.path), ()
    methods = (call.orders.method,) if call.orders.method else model.methods
    if call.method not in methods:
        return None, outcomes.wrong_method(methods), ()
    try:
        answer = model.load().answer(call.endpoint.id, call.payload, make_task(call.orders, run, store))
    except Refusal as refusal:
        return None, outcomes.refused(refusal), ()
    except Failed as failed:
        return None, outcomes.failed(Failure(failed.status, failed.body)), ()
    answer = billed(answer, call.orders, model)
    outcome, media = outcomes.place(answer)
    if call.orders.body is not None:
        outcome = outcomes.sent_as_ordered(outcome)
    return answer, outcome, media


def make_task(orders: Orders, run: float, store: Store) -> Task:
    """What a model may know beside its input, with a new seed."""
    seed = secrets.randbelow(_SEED_LIMIT)
    return Task(seed, run, orders.nsfw, partial(files.read, store), orders.node)


def _kept(call: Call, outcome: Outcome, settings: Settings) -> tuple[float, float]:
    """How long the result stays after the end (§4.7), in seconds: as it is, and without its stored copy."""
    if call.orders.expire is not None:
        return call.orders.expire, call.orders.expire
    size = len(dump(outcome.body))
    unstored = settings.keep_big if size >= BIG_RESULT_BYTES else settings.keep
    if size > HUGE_RESULT_BYTES:
        unstored = 0.0  # there is no other copy of it
    return (settings.keep_stored if call.store_payloads else unstored), unstored
