"""The ledger as commands use it: one that fails warns once, before anything is sent, and never stops a call."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fal_cli.api.events import Handle
from fal_cli.ledger import Ledger, LedgerError, Row, State

T = TypeVar("T")


class Journal:
    """Opens the ledger at its first use."""

    def __init__(self, path: Path, *, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._ledger: Ledger | None = None
        self._broken = False

    def begin(self, *, host: str, profile: str, mode: str, endpoint: str, input_json: Mapping[str, Any]) -> int | None:
        """Records a call that is about to be sent; its local id, or None where no record can be kept."""
        return self._try(
            lambda ledger: ledger.begin(
                host=host, profile=profile, mode=mode, endpoint=endpoint, input_json=input_json
            ),
            None,
        )

    def accepted(self, local_id: int | None, handle: Handle) -> None:
        """Records the id that the service gave."""
        urls = {
            "status_url": handle.status_url,
            "response_url": handle.response_url,
            "cancel_url": handle.cancel_url,
        }
        if local_id is not None:
            self._try(lambda ledger: ledger.accepted(local_id, handle.request_id, urls), None)

    def ended(self, local_id: int | None, state: State, error: str = "") -> None:
        """Records how a call ended."""
        if local_id is not None:
            self._try(lambda ledger: ledger.ended(local_id, state, error), None)

    def request_ended(self, request_id: str, state: State, error: str = "") -> None:
        """Records how a request ended that may have been submitted by another process."""
        for row in self.by_request_id(request_id):
            if row.request_id == request_id:
                self.ended(row.local_id, state, error)

    def by_request_id(self, prefix: str) -> list[Row]:
        """Rows whose id begins with `prefix`; the exact one alone if it is there."""
        return self._try(lambda ledger: ledger.by_request_id(prefix), [])

    def newest(self, nth: int) -> Row | None:
        """The nth newest request with an id, from 1."""
        return self._try(lambda ledger: ledger.newest(nth), None)

    def _try(self, action: Callable[[Ledger], T], otherwise: T) -> T:
        if self._broken:
            return otherwise
        try:
            self._ledger = self._ledger or Ledger(self._path)
            return action(self._ledger)
        except LedgerError as error:
            self._broken = True
            self._warn(f"the ledger cannot be used ({error}): requests will not be remembered, or found by id alone")
            return otherwise
