"""Webhooks: which are taken, what they say, and how often they are sent (§10)."""

import asyncio
import logging
import time
from typing import Any
from uuid import UUID, uuid5

import h11
from starlette.requests import Request

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Refused
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.services import delivery
from fal_cli.sandbox.services.delivery import Target
from fal_cli.sandbox.state import files, register, signing
from fal_cli.sandbox.state.record import Record

PARAMETER = "fal_webhook"
# How long after a failed delivery the next one follows; after the last gap there is one more.
GAPS = (1.0, 2.0, 4.0, 8.0, 16.0)
FIRST_SECONDS = 15.0
AGAIN_SECONDS = 120.0
OLD_SECONDS = 600.0
# How soon a cancel made by another process is noticed.
_LOOK_SECONDS = 0.2
_PRIVATE = "this sandbox delivers no webhooks, for it ends with its command; `fal sandbox serve` delivers them."
_NOT_JSON = "The answer is not JSON; ask the queue for it."

logger = logging.getLogger(__name__)


def read_target(context: Context, request: Request) -> Target | None:
    """Where the submit wants its end told; None if nowhere. Raises Refused."""
    urls = request.query_params.getlist(PARAMETER)
    if not urls:
        return None
    if not context.has_webhooks:
        raise _refused(_PRIVATE)
    if len(urls) > 1:
        raise _refused("given more than once")
    try:
        return delivery.parse(urls[0])
    except ValueError as error:
        raise _refused(str(error)) from error


def expect(context: Context, record: Record, target: Target) -> None:
    """Deliver a webhook when the request ends; as long as the server lives."""
    task = asyncio.create_task(_tell(context, record, target))
    context.tasks.add(task)
    task.add_done_callback(context.tasks.discard)


async def _tell(context: Context, record: Record, target: Target) -> None:
    try:
        ended = await _ended(context, record)
        if ended is not None:
            body = await asyncio.to_thread(_notice, context, ended)
            await _deliver(context, ended, target, body)
    except Exception:  # a task that nobody awaits: unlogged it would be lost
        logger.exception("sandbox: the webhook of %s failed", record.request_id)


async def _ended(context: Context, record: Record) -> Record | None:
    """The request at its end, which a cancel may bring forward; None if it was forgotten by then."""
    while (left := record.accepted + record.life.end - time.time()) > 0:
        await asyncio.sleep(min(left, _LOOK_SECONDS))
        record = register.refresh(context.store, record, time.time())
    return register.find(context.store, record.request_id, time.time())


def _notice(context: Context, record: Record) -> bytes:
    """The body (§10.2). Draws what is to be inside: not on the event loop."""
    ending = record.ending
    is_good = ending.status < 400
    told: dict[str, Any] = {
        "request_id": record.request_id,
        "gateway_request_id": _attempt_id(record),
        "status": "OK" if is_good else "ERROR",
    }
    if not is_good:
        told["error"] = ending.error or f"Invalid status code: {ending.status}"
    if ending.html:
        return answers.dump({**told, "payload": None, "payload_error": _NOT_JSON})
    return answers.dump({**told, "payload": files.fill_in(context.store, ending, context.cdn)})


def _attempt_id(record: Record) -> str:
    """The id of the last attempt: another one than the request's after the platform has tried again."""
    attempts = sum(change.state == "IN_PROGRESS" for change in record.life.changes)
    return record.request_id if attempts < 2 else str(uuid5(UUID(record.request_id), str(attempts)))


async def _deliver(context: Context, record: Record, target: Target, body: bytes) -> None:
    """Send it until an answer settles it: each time the same body, signed anew."""
    seconds = FIRST_SECONDS
    for gap in (*GAPS, None):
        fault = misbehave.pick(context, "webhook", record.request_id, record.faults)
        status = await _send(context, record, target, body, seconds, fault)
        if status // 100 == 2:
            if fault is not None and fault.kind == "redeliver":
                await _send(context, record, target, body, AGAIN_SECONDS)
            return
        is_last = gap is None or status // 100 == 3
        _warn(record, status, "is not sent again" if is_last else f"is sent again in {gap:g} s")
        if gap is None or is_last:
            return
        await asyncio.sleep(gap)
        seconds = AGAIN_SECONDS


async def _send(
    context: Context, record: Record, target: Target, body: bytes, seconds: float, fault: Fault | None = None
) -> int:
    """The status of the receiver's answer, 0 if there was none in time."""
    context.store.count("webhook", "", record.request_id)
    kind = fault.kind if fault else ""
    moment = time.time() - (OLD_SECONDS if kind == "old" else 0.0)
    headers = await asyncio.to_thread(signing.headers, context.store, record.request_id, body, moment)
    try:
        async with asyncio.timeout(seconds):
            return await delivery.post(target, signing.spoil(headers) if kind == "bad-signature" else headers, body)
    except (OSError, h11.ProtocolError):
        return 0


def _warn(record: Record, status: int, then: str) -> None:
    """Whoever writes a receiver looks at what the server says."""
    answered = f"was answered with {status}" if status else "was not answered"
    logger.warning("sandbox: the webhook of %s %s and %s", record.request_id, answered, then)


def _refused(message: str) -> Refused:
    return Refused(answers.detail(400, f"{PARAMETER}: {message}"))
