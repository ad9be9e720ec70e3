"""One HTTP exchange as values: what is asked, what is answered, how it failed, and how often it may be repeated."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from fal_cli import jsontext, limits
from fal_cli.api.body import Body
from fal_cli.api.errors import Phase

_NOTHING: Mapping[str, Any] = MappingProxyType({})
READ_SECONDS = 30.0


class SizedBody(Protocol):
    """A request body that is read in pieces and whose length is known before."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class Request(NamedTuple):
    """One HTTP request; `what` names it in messages, `read_seconds` None waits for an answer without end,
    and `connect_seconds` shortens the usual wait for a connection.

    The credential joins it on the service's own hosts unless `authorization` says otherwise: "" sends none, any
    other text is sent as it is. `make_body` makes the body of each attempt anew, for what is read from a file.
    With `is_large` a successful answer's body is its `content`, which any size fits, and is never parsed. Any other
    may have `most_bytes` and `most_values`; one that has more is a failure.
    """

    what: str
    method: str
    url: str
    headers: Mapping[str, str] = _NOTHING
    body: bytes | None = None
    read_seconds: float | None = READ_SECONDS
    authorization: str | None = None
    make_body: Callable[[], SizedBody] | None = None
    is_large: bool = False
    most_bytes: int = limits.ANSWER
    most_values: int = limits.VALUES
    connect_seconds: float = math.inf

    def for_a_short_answer(self) -> "Request":
        """The same, whose answer has a few members: it may be awaited many times at once."""
        return self._replace(most_bytes=limits.SHORT, most_values=limits.SHORT_VALUES)


class Answer(NamedTuple):
    """A whole HTTP answer. `content` instead of `body` where it may be large."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    content: Body | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str:
        return self.headers.get("x-fal-request-id", "")

    @property
    def missed_start_deadline(self) -> bool:
        """Whether the user's own start deadline ended it; never retried (wire §4.3)."""
        return self.headers.get("x-fal-request-timeout-type", "") == "user"

    @property
    def error_type(self) -> str:
        """The gateway's word for the kind of failure, from the body or else the header (§8.2)."""
        body = self.json()
        in_body = body.get("error_type") if isinstance(body, dict) else None
        return str(in_body or self.headers.get("x-fal-error-type", ""))

    @property
    def from_service(self) -> bool:
        """Whether the service itself answered, rather than a gateway before it (wire §8.3)."""
        return bool(self.request_id) or self.json() is not None

    def json(self) -> Any:
        """The parsed body, its fractions ready to be written as they came; None if it is not JSON."""
        return jsontext.read(self.body, is_exact=True)


class TransportFailure(Exception):
    """An exchange that ended without a whole answer. `permanent`: trying again cannot help, but `way_out` does.

    `is_too_large`: an answer came, and there is more of it than its kind may have.
    """

    def __init__(
        self,
        reason: str,
        phase: Phase,
        *,
        permanent: bool = False,
        way_out: str = "",
        is_too_large: bool = False,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.phase = phase
        self.permanent = permanent
        self.way_out = way_out
        self.is_too_large = is_too_large
        self.status = status
        self.headers: Mapping[str, str] = headers or {}


Outcome = Answer | TransportFailure


class Policy(NamedTuple):
    """How often an outcome may be answered by making the exchange again, and how long to wait between.

    `retries(outcome)` is the number of repetitions that this outcome allows in all; 0 stops at once.
    """

    retries: Callable[[Outcome], int]
    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    fresh_connection: bool = False
    cuts_reads: bool = True  # whether the caller's limit also ends a read; never where that would lose an id
