"""A recorded request as the service shows it."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.orders.orders import Orders
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.state import files
from fal_cli.sandbox.state.record import Outcome, Record
from fal_cli.sandbox.state.timeline import LogLine


def urls(record: Record, base: str) -> dict[str, str]:
    """The three URLs of a request, without the endpoint's sub-path (§2.2)."""
    home = f"{base}/{record.app}/requests/{record.request_id}"
    return {"response_url": home, "status_url": f"{home}/status", "cancel_url": f"{home}/cancel"}


def status(record: Record, now: float, base: str, lines: Iterable[LogLine] | None) -> dict[str, Any]:
    """The status object of §4.5 at `now` (Unix seconds), with these log lines, or without any."""
    life = record.life
    offset = now - record.accepted
    current = life.at(offset)
    document: dict[str, Any] = {
        "status": current.state, "request_id": record.request_id, **urls(record, base),
    }  # fmt: skip
    if current.state == "IN_QUEUE":
        return {**document, "queue_position": current.position}
    document["logs"] = None if lines is None else [_log_entry(record, line) for line in lines]
    if current.state == "COMPLETED":
        seconds = life.inference_seconds
        document["metrics"] = {"inference_time": None if seconds is None else round(seconds, 6)}
        document.update(_failure(record))
    return document


def _failure(record: Record) -> dict[str, str]:
    ending = record.ending
    if record.silent_error or ending.error is None:
        return {}
    told = {"error": ending.error}
    return told if ending.error_type is None else {**told, "error_type": ending.error_type}


def _log_entry(record: Record, line: LogLine) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.accepted + line.at, UTC)
    entry = {
        "message": line.message,
        "timestamp": moment.isoformat(timespec="microseconds"),
        "level": line.level,
        "source": "USER",
    }
    return {**entry, "labels": dict(line.labels)} if line.labels else entry


def ordered_body(request_id: str, orders: Orders) -> Response:
    """A 200 of whatever content the caller ordered; apps may answer anything (§3)."""
    headers = {"x-fal-request-id": request_id, **answers.SERVED_FROM}
    return Response(orders.body, 200, headers, orders.content_type or "text/plain")


async def result(context: Context, request_id: str, ending: Outcome) -> Response:
    """The stored outcome, with file URLs of the process that is asked (§4.7)."""
    if ending.is_ingress:
        return Response(ending.body, ending.status, media_type="text/html")
    if ending.html:
        headers = {"x-fal-request-id": request_id, **answers.SERVED_FROM, **ending.headers}
        return Response(ending.body, ending.status, headers, "text/html")
    body = await asyncio.to_thread(files.fill_in, context.store, ending, context.cdn)
    return answers.answer(ending.status, body, request_id=request_id, headers=ending.headers)
