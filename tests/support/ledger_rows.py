"""Rows of the ledger as values, for what only reads them."""

from datetime import UTC, datetime
from typing import Any

from fal_cli.ledger.rows import Row, State

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def row(local_id: int = 1, **values: Any) -> Row:
    """A request that completed at noon, but for `values`."""
    known: dict[str, Any] = {
        "local_id": local_id, "created_at": NOON, "updated_at": NOON, "endpoint": "fal-ai/flux/dev",
        "state": State.COMPLETED, "mode": "queue", "request_id": f"{local_id:08x}-0000-4000-8000-000000000000",
        "host": "https://queue.fal.run", "profile": "", "key_print": "", "urls": {}, "input_json": {"prompt": "a cat"},
        "input_is_whole": True, "input_sha256": "", "options": {}, "is_private": False, "is_open": False, "pid": 1,
        "error": "", "started_at": None, "ended_at": NOON, "inference_seconds": None, "billable_units": "",
        "expires_at": None, "files": (), "has_result": True,
    }  # fmt: skip
    return Row(**(known | values))
