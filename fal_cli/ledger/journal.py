"""The ledger as commands use it: one that fails warns once, before anything is sent, and never stops a call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fal_cli.api import clock
from fal_cli.api.errors import ApiError, RequestFailed
from fal_cli.api.events import Completed, Event, Handle, InProgress, Queued, Result
from fal_cli.config.paths import NOWHERE
from fal_cli.errors import CliError, UsageError
from fal_cli.ledger.migrations import LedgerError
from fal_cli.ledger.rows import Call, Kept, Row, Search, State, stored_result
from fal_cli.ledger.store import Ledger

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")
CANCELLED_STATUS = 499
SERVERS_FAULT = 500
"""From here on a status is the service's own failure, which is not billed (§4.10)."""
_SOON_SECONDS = 0.5
_LATELY = 20
_FEWEST_CALLS = 3


class Journal:
    """Opens the ledger at its first use."""

    def __init__(
        self,
        path: Path,
        *,
        warn: Callable[[str], None],
        alarm: Callable[[str], None] | None = None,
        hide: Callable[[str], str] = str,
        is_required: bool = False,
    ) -> None:
        """`hide` takes the secrets of this run out of what is kept, `alarm` hears of a call that is not recorded.

        If it `is_required`, no such call is made.
        """
        self._path = path
        self._alarm = alarm
        self._is_required = is_required
        self._hide = hide
        self._warn = warn
        self._ledger: Ledger | None = None
        self._told = 0
        self._has_alarmed = False
        self.failure = ""
        """Why the history cannot be used, once that was found; "" while it can."""

    def begin(self, call: Call) -> "Entry":
        """Records a call that is about to be sent. Raises `UsageError` where it cannot, and has to."""
        if self.failure:  # it was told as a thing of less weight
            self._no_record(_told(self.failure))
        local_id = self.attempt(lambda ledger: ledger.begin(call), None, warn=self._no_record)
        if local_id is None and self._is_required:
            raise UsageError(
                f"the history cannot be used ({self.failure}), and --require-ledger is set: nothing was sent",
                hint="Choose a writable folder: FAL_CLI_HOME=FOLDER",
                kind="no_ledger",
            )
        return Entry(self, local_id, is_private=call.is_private)

    def _no_record(self, text: str) -> None:
        if not (self._is_required or self._has_alarmed):
            self._has_alarmed = True
            (self._alarm or self._warn)(text)

    def claimed(self, local_id: int, *, is_private: bool) -> "Entry":
        """The record of a call that this process has claimed."""
        return Entry(self, local_id, is_private=is_private)

    def entry(self, row: Row | None) -> "Entry":
        """The record of a request that was made earlier; one that remembers nothing if there is none."""
        return Entry(self, row.local_id, is_private=row.is_private) if row else Entry(self, None)

    def by_request_id(self, prefix: str) -> list[Row]:
        """Rows whose id begins with `prefix`; the exact one alone if it is there."""
        return self.attempt(lambda ledger: ledger.by_request_id(prefix), [])

    def by_content(self, sha256: str) -> list[Row]:
        """Rows of which a file with this content was saved, newest first."""
        return self.attempt(lambda ledger: ledger.by_content(sha256), [])

    def row(self, local_id: int) -> Row | None:
        """The row with this number."""
        return self.attempt(lambda ledger: ledger.row(local_id), None)

    def newest(self, nth: int, *, with_id: bool = True) -> Row | None:
        """The nth newest request, from 1; with an id unless told otherwise."""
        return self.attempt(lambda ledger: ledger.newest(nth, with_id=with_id), None)

    def unfinished(self) -> list[Row]:
        """Every request of which something is still to be done, the most urgent first. Raises `CliError`."""
        return self.required(lambda ledger: ledger.unfinished())

    def search(self, search: Search) -> Iterator[Row]:
        """The rows that are asked for, newest first; read while they are taken. Raises `CliError`."""
        found = self.required(lambda ledger: ledger.search(search))
        while (row := self.required(lambda _: next(found, None))) is not None:
            yield row

    def without_secrets(self, result: Result) -> Kept | None:
        """A result as it is kept: a model may have been told the key, and repeat it."""
        kept = stored_result(result.body, result.content_type)
        if kept is None:
            return None
        text = kept.body.decode("utf-8", "surrogateescape")
        hidden = self._hide(text)
        return kept if hidden == text else Kept(hidden.encode("utf-8", "surrogateescape"), kept.content_type, False)

    def facts_of(self, error: RequestFailed, *, is_private: bool) -> Mapping[str, Any]:
        """What a failure was, for telling it again; of a private call no more than its kind."""
        kinds = {"status": error.status, "error_type": error.error_type}
        if is_private:
            return kinds
        return kinds | {"fields": [list(map(self.hidden, field.texts)) for field in error.fields]}

    def usual_seconds(self, endpoint: str) -> float | None:
        """How long the work of an endpoint took lately: the middle of its last calls; None for too few of them."""
        none: list[float] = []
        took = self.attempt(lambda ledger: ledger.took(endpoint, _LATELY), none)
        return sorted(took)[len(took) // 2] if len(took) >= _FEWEST_CALLS else None

    def hidden(self, text: str) -> str:
        """A text without the secrets of this run."""
        return self._hide(text)

    def required(self, action: Callable[[Ledger], T]) -> T:
        """What `action` returns, for commands that are about the ledger itself. Raises `CliError`."""
        try:
            return self._done(action)
        except LedgerError as error:
            raise CliError(f"the history cannot be used: {error}") from None

    def attempt(self, action: Callable[[Ledger], T], otherwise: T, *, warn: Callable[[str], None] | None = None) -> T:
        """What `action` returns, or `otherwise` where the history cannot be used; told once, to `warn` or as ever."""
        if self.failure:
            return otherwise
        try:
            return self._done(action)
        except LedgerError as error:
            self.failure = str(error)
            (warn or self._warn)(_told(self.failure))
            self._has_alarmed |= self._alarm is None  # then one voice says both
            return otherwise

    def soon(self, action: Callable[[Ledger], None]) -> bool:
        """Whether `action` was done; what keeps it from being done may pass."""
        if self.failure:
            return False
        try:
            self._done(action)
        except LedgerError:
            return False
        return True

    def open_ledger(self) -> Ledger:
        """The ledger itself, for who writes to it from many threads. Raises `LedgerError`."""
        self._ledger = self._ledger or Ledger(self._path)
        return self._ledger

    def glance(self, action: Callable[[Ledger], T]) -> T | None:
        """What `action` returns, for what is no loss if it is not had; None where the history cannot be used."""
        if self.failure:
            return None
        try:
            return self._done(action)
        except LedgerError:
            return None

    def needed(self, action: Callable[[Ledger], T], why: str) -> T:
        """What `action` returns, where without the ledger nothing may be sent. Raises `UsageError`, naming `why`."""
        try:
            return self._done(action)
        except LedgerError as error:
            raise UsageError(
                f"{why} needs the history, which cannot be used: {error}; nothing was sent",
                hint="Choose a writable folder: FAL_CLI_HOME=FOLDER",
            ) from None

    def _done(self, action: Callable[[Ledger], T]) -> T:
        """What `action` returns; says which rows it had to leave out. Raises `LedgerError`."""
        if NOWHERE in str(self._path):
            raise LedgerError("no home folder to keep it in; choose a folder: FAL_CLI_HOME")
        self._ledger = self._ledger or Ledger(self._path)
        try:
            return action(self._ledger)
        finally:
            for number in self._ledger.unreadable[self._told :]:
                self._told += 1
                self._warn(f"row @{number} of the history cannot be read and is left out")


class Entry:
    """The record of one request. Where no record can be kept, each call does nothing."""

    def __init__(self, journal: Journal, local_id: int | None, *, is_private: bool = False) -> None:
        self._journal = journal
        self._local_id = local_id
        self.is_private = is_private
        self._seen: State | None = None
        self._is_watched = False

    def hidden(self, text: str) -> str:
        """A text without the secrets of this run."""
        return self._journal.hidden(text)

    @property
    def local_id(self) -> int | None:
        """Its number in the ledger; None if there is no record."""
        return self._local_id

    @property
    def ref(self) -> str:
        """What names the record on a command line while there is no request id; "" if there is none."""
        return "" if self._local_id is None else f"@{self._local_id}"

    def row(self) -> Row | None:
        """What the ledger says now."""
        local_id = self._local_id
        return None if local_id is None else self._journal.row(local_id)

    def inputs(self) -> Mapping[str, Any]:
        """The input of the call, as far as it was kept."""
        row = self.row()
        return (row.input_json if row else None) or {}

    def accepted(self, handle: Handle) -> None:
        """Records the id that the service gave."""
        self._do(lambda ledger, local_id: ledger.accepted(local_id, handle.request_id, urls_of(handle)))

    def accepted_soon(self, handle: Handle) -> bool:
        """The same, if it can be done at once; False where nothing is recorded (yet)."""
        local_id = self._local_id
        return local_id is not None and self._journal.soon(
            lambda ledger: ledger.accepted(local_id, handle.request_id, urls_of(handle), patience=_SOON_SECONDS)
        )

    def adopted(self, handle: Handle) -> str:
        """Gives a call whose answer was lost the request that was found, and returns the id that it has then.

        "" if the request belongs to another row.
        """
        local_id = self._local_id
        if local_id is None:
            return ""
        return self._journal.attempt(lambda ledger: ledger.adopt(local_id, handle.request_id, urls_of(handle)), "")

    def claim(self, pid: int, why: str) -> bool:
        """Takes a call whose answer was lost for sending again; False if another process has it.

        `pid` is the process that its row named when it was read.
        """
        local_id = self._local_id
        return local_id is not None and self._journal.attempt(lambda ledger: ledger.claim(local_id, pid, why), False)

    def reopen(self, why: str) -> None:
        """Takes the claim back."""
        self._do(lambda ledger, local_id: ledger.reopen(local_id, why))

    def note(self, event: Event) -> None:
        """Records that it was seen running, or at its end; again and again is once."""
        state = State.RUNNING if isinstance(event, InProgress) else State.ENDED
        is_watched = self._is_watched
        self._is_watched = is_watched or isinstance(event, Queued | InProgress)
        if isinstance(event, InProgress | Completed) and state is not self._seen:
            self._seen = state
            self._do(lambda ledger, local_id: ledger.seen(local_id, state, is_watched=is_watched))

    def ended(
        self, state: State, error: str = "", *, billable_units: str = "", failure: Mapping[str, Any] | None = None
    ) -> None:
        """Records how a call ended without a result, or that it never began. `failure` are an error's facts."""
        skew = clock.skew_seconds() if state is State.UNKNOWN else None
        self._do(
            lambda ledger, local_id: ledger.ended(
                local_id, state, error, billable_units=billable_units, clock_skew=skew, failure=failure
            )
        )

    def completed(self, result: Result, *, inference_seconds: float | None = None, request_id: str = "") -> None:
        """Records a result, and keeps it if it is not private. `request_id` is that of a call outside the queue."""
        kept = None if self.is_private else self._journal.without_secrets(result)
        is_watched = self._is_watched or bool(request_id)
        size, units = len(result.body), result.billable_units
        self._do(
            lambda ledger, local_id: ledger.completed(
                local_id,
                size=size,
                kept=kept,
                billable_units=units,
                inference_seconds=inference_seconds,
                request_id=request_id,
                is_watched=is_watched,
            )
        )

    def failed(self, error: ApiError) -> None:
        """Records an error as the end of a request, if it is one."""
        if isinstance(error, RequestFailed):
            state = State.CANCELLED if error.status == CANCELLED_STATUS else State.FAILED
            units = error.headers.get("x-fal-billable-units", "")
            facts = self._journal.facts_of(error, is_private=self.is_private)
            self.ended(state, error.message, billable_units=units, failure=facts)
            if state is State.FAILED and not units and (error.status or 0) >= SERVERS_FAULT:
                from decimal import Decimal

                self.settle(Decimal(0), "", "not billed: the service's own failure")

    def settle(self, cost: "Decimal | None", currency: str, source: str) -> None:
        """Records what it cost, by the bill."""
        from fal_cli.ledger import claims

        self._do(lambda ledger, local_id: claims.settle(ledger, local_id, cost, currency=currency, source=source))

    def delivered(self, files: Sequence[str] = (), hashes: Sequence[str] = ()) -> None:
        """Records that the result went where it was asked to go; of a private one not what its files hold."""
        kept = () if self.is_private else hashes
        self._do(lambda ledger, local_id: ledger.delivered(local_id, files, kept))

    def kept(self) -> Kept | None:
        """The result that is kept here."""
        local_id = self._local_id
        return None if local_id is None else self._journal.attempt(lambda ledger: ledger.result(local_id), None)

    def _do(self, action: Callable[[Ledger, int], None]) -> None:
        local_id = self._local_id
        if local_id is not None:
            self._journal.attempt(lambda ledger: action(ledger, local_id), None)


def _told(failure: str) -> str:
    return f"the history cannot be used ({failure}): requests are not recorded, and cannot be found by id alone"


def urls_of(handle: Handle) -> dict[str, str]:
    """The URLs of a request as the ledger keeps them."""
    return {
        "status_url": handle.status_url,
        "response_url": handle.response_url,
        "cancel_url": handle.cancel_url,
    }
