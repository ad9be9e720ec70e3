"""`--record`: what a verified webhook brings goes into the history, as if it had been fetched (wire §10).

Only what the service has signed, and only for a request that this machine made and has no result of: once.
"""

import json
from typing import Any

from fal_cli.api.body import Body
from fal_cli.api.events import Completed, Result
from fal_cli.context import Context
from fal_cli.ledger.rows import State

_OPEN = (State.SENDING, State.UNKNOWN, State.ACCEPTED, State.RUNNING, State.ENDED)


def record(context: Context, body: Any) -> bool:
    """Records the result that a webhook's body holds; False if it holds none, or the history needs none.

    Of a failure only its being over is recorded: the result route says what it was.
    """
    request_id = body.get("request_id") if isinstance(body, dict) else None
    if not isinstance(request_id, str) or not request_id:
        return False
    row = next((row for row in context.journal.by_request_id(request_id) if row.request_id == request_id), None)
    if row is None or row.state not in _OPEN:
        return False
    entry, payload = context.journal.entry(row), body.get("payload")
    if body.get("status") != "OK" or payload is None:
        entry.note(Completed((), None, "", "", {}))
        return False
    data = json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
    entry.completed(Result(Body(data), "application/json", request_id))
    return True
