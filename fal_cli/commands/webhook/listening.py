"""What becomes of received webhooks: each is checked, printed as a line of JSON, and answered (wire §10)."""

import json
import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from fal_cli import jsontext
from fal_cli.commands.webhook import recording, signature
from fal_cli.commands.webhook.receiver import Delivery, Receiver
from fal_cli.commands.webhook.signature import Invalid, Received, Verifier
from fal_cli.context import Context
from fal_cli.errors import CliError

_MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class Verdict:
    """Whether a webhook is valid, None if that was not or could not be checked, why not, and what its sender gets."""

    valid: bool | None
    reason: str | None
    status: int

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


def listen(
    context: Context, receiver: Receiver, keys: Verifier | None, *, count: int | None, records: bool = False
) -> None:
    """Takes deliveries until `count` of them were printed. Without `keys` none is checked.

    With `records` what a valid one brings goes into the history before it is acknowledged.

    A delivery is acknowledged only after its line has left: the service brings again what was not.
    """
    seen = Seen()
    for number, delivery in enumerate(receiver.deliveries(), 1):
        _take(context, delivery, keys, seen, records=records)
        if number == count:
            return


def _take(context: Context, delivery: Delivery, keys: Verifier | None, seen: "Seen", *, records: bool) -> None:
    received = delivery.received()
    verdict = judge(received, keys)
    is_duplicate = seen.before(received, remember=verdict.is_taken)
    line = _line(received, delivery.received_at, verdict, is_duplicate)
    del received  # its line is as large again
    if records and verdict.valid and recording.record(context, line["body"]):
        context.talk.note(f"the result of {line['body']['request_id']} is in the history")
    _print(context, line)
    delivery.answer(verdict.status, verdict.reason if verdict.reason and not verdict.is_taken else "ok")


def judge(received: Received, keys: Verifier | None) -> Verdict:
    """Checks one webhook. If the keys cannot be fetched, the sender is not at fault and may try again."""
    if keys is None:
        return Verdict(None, "not checked (--no-verify)", 200)
    try:
        signature.check(received, keys, now=time.time())
    except Invalid as error:
        return Verdict(False, str(error), 401)
    except CliError as error:
        return Verdict(None, error.message, 503)
    return Verdict(True, None, 200)


class Seen:
    """The request ids of webhooks that were taken, as many as are worth remembering."""

    def __init__(self, most: int = _MOST_REMEMBERED) -> None:
        self._most = most
        self._ids: dict[str, None] = {}

    def before(self, received: Received, *, remember: bool) -> bool:
        """Whether one with this request id was taken before. One that is not to be trusted is not remembered."""
        request_id = received.shown()[signature.REQUEST_ID]
        if not request_id:
            return False
        known = request_id in self._ids
        if remember and not known:
            self._ids[request_id] = None
            if len(self._ids) > self._most:
                del self._ids[next(iter(self._ids))]
        return known


def _line(received: Received, moment: datetime, verdict: Verdict, is_duplicate: bool) -> dict[str, Any]:
    return {
        "received_at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "valid": verdict.valid,
        "reason": verdict.reason,
        "headers": received.shown(),
        "body": _parsed(received.body),
        "duplicate": is_duplicate,
    }


def _print(context: Context, line: dict[str, Any]) -> None:
    try:
        context.output.json(line, one_line=True)
    except RecursionError:  # nested so deeply that it can be read but not written
        context.output.json(line | {"body": None}, one_line=True)


def _parsed(body: bytes) -> Any:
    """The body's value. None if it is not JSON, or cannot be printed as JSON again."""
    if jsontext.is_crowded(body):
        return None
    try:
        return json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number that can be written again. Raises `ValueError`."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number
