"""A ledger filled with requests of the past, as other tests' programs find it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fal_cli.config import paths
from fal_cli.ledger.rows import Call, Kept, State
from fal_cli.ledger.store import Ledger

PROMPT = "a cat in the rain"
HOST = "https://queue.fal.run"


class Past:
    """Adds rows as the program would have, at moments of one's choice."""

    def __init__(self, home: Path, *, in_sandbox: bool = False) -> None:
        self.path = Path(paths.ledger({"FAL_CLI_HOME": str(home / "fal")}, in_sandbox=in_sandbox))
        self.now = datetime.now(UTC)
        self._moment = self.now
        self._ledger = Ledger(self.path, now=lambda: self._moment)

    def add(
        self,
        request_id: str = "",
        *,
        ago: timedelta = timedelta(hours=3),
        ended_ago: timedelta | None = None,
        state: State = State.COMPLETED,
        endpoint: str = "fal-ai/flux/dev",
        input_json: Mapping[str, Any] | None = None,
        units: str = "",
        error: str = "",
        result: Any = None,
        body: bytes = b"",
        content_type: str = "application/json",
        delivered: bool = True,
        files: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        mode: str = "queue",
        host: str = HOST,
        profile: str = "",
        key_print: str = "",
        is_private: bool = False,
        batch: str = "",
    ) -> int:
        """One request; `result` (or `body`) is kept of it. Returns its number."""
        self._moment = self.now - ago
        options = {"tags": dict(tags)} if tags else {}
        call = Call(
            endpoint, {"prompt": PROMPT} if input_json is None else input_json,
            mode=mode, host=host, profile=profile, key_print=key_print, options=options, is_private=is_private,
            batch=batch,
        )  # fmt: skip
        number = self._ledger.begin(call)
        if request_id:
            self._ledger.accepted(number, request_id, {"status_url": f"{host}/requests/{request_id}/status"})
        self._moment = self.now - (ago if ended_ago is None else ended_ago)
        if state is State.COMPLETED:
            kept = Kept(body or json.dumps(result).encode(), content_type, True) if body or result is not None else None
            self._ledger.completed(number, size=100, kept=kept, billable_units=units, inference_seconds=2.5)
            if delivered:
                self._ledger.delivered(number, files)
        elif state in (State.RUNNING, State.ENDED):
            self._ledger.seen(number, state)
        elif state not in (State.SENDING, State.ACCEPTED):
            self._ledger.ended(number, state, error, billable_units=units)
        return number


def uuid(number: int) -> str:
    """A request id that begins with that number in hexadecimal."""
    return f"{number:08x}-0000-4000-8000-000000000000"
