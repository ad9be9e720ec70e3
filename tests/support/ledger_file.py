"""What the tests of the ledger write into it, and how they look at it from outside."""

import sqlite3
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fal_cli import endpoint
from fal_cli.api.body import Body
from fal_cli.api.events import Handle
from fal_cli.ledger.rows import Call, stored_result
from fal_cli.ledger.store import Ledger

HOST = "https://queue.fal.run"
URLS = {"status_url": "https://queue.fal.run/a/b/requests/x/status"}


def call(input_json: Mapping[str, Any] | None = None, **values: Any) -> Call:
    """A call to `a/b`."""
    return Call(**{"endpoint": "a/b", "input_json": input_json or {}, "host": HOST, "profile": "work"} | values)


def begun(ledger: Ledger, input_json: Mapping[str, Any] | None = None, **values: Any) -> int:
    """The number of a call that is being sent."""
    return ledger.begin(call(input_json, **values))


def accepted(ledger: Ledger, *request_ids: str, **values: Any) -> int:
    """The number of the last of these requests."""
    local_id = 0
    for request_id in request_ids:
        local_id = begun(ledger, **values)
        ledger.accepted(local_id, request_id, URLS)
    return local_id


def completed(ledger: Ledger, request_id: str, body: bytes = b"{}", kind: str = "application/json") -> int:
    """The number of a request whose result has come, kept as any result is kept."""
    local_id = accepted(ledger, request_id)
    ledger.completed(local_id, size=len(body), kept=stored_result(Body(body), kind))
    return local_id


def stored(path: Path) -> list[dict[str, Any]]:
    """Every row as another process sees it."""
    with sqlite3.connect(path) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM requests ORDER BY local_id")]


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def handle(request_id: str) -> Handle:
    """A request as a submit answers it."""
    return Handle(endpoint.parse("a/b"), request_id, "https://q/s", "https://q/r", "https://q/c")
