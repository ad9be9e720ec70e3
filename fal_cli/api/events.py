"""What is seen while a request is followed, and what a call answers. Plain values."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from fal_cli.api.body import Body
from fal_cli.endpoint import EndpointId

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Handle(NamedTuple):
    """A request in the queue and where to ask about it.

    `submitted_at` (Unix seconds) is known for requests of this machine: a 404 in its first seconds is lag.
    """

    endpoint: EndpointId
    request_id: str
    status_url: str
    response_url: str
    cancel_url: str
    submitted_at: float | None = None


class Submitted(NamedTuple):
    """A submit that the service accepted. `adopted`: the answer was cut, and its header id was found running."""

    handle: Handle
    position: int | None = None
    adopted: bool = False


class LogLine(NamedTuple):
    """One line that the model wrote. The three values together are its identity (wire §4.5)."""

    timestamp: str
    level: str
    message: str


class Queued(NamedTuple):
    """Waiting in line; 0 is next."""

    position: int | None
    raw: Mapping[str, Any] = _NOTHING

    @property
    def word(self) -> str:
        return "IN_QUEUE"


class InProgress(NamedTuple):
    """Running. `logs` are lines not seen before."""

    logs: tuple[LogLine, ...] = ()
    raw: Mapping[str, Any] = _NOTHING

    @property
    def word(self) -> str:
        return "IN_PROGRESS"


class Completed(NamedTuple):
    """Ended, well or not: only the result route tells (wire §4.7). `inference_seconds` may be unknown."""

    logs: tuple[LogLine, ...] = ()
    inference_seconds: float | None = None
    error: str = ""
    error_type: str = ""
    raw: Mapping[str, Any] = _NOTHING

    @property
    def word(self) -> str:
        return "COMPLETED"


Status = Queued | InProgress | Completed


class Retrying(NamedTuple):
    """An exchange failed harmlessly and is made again after `delay` seconds."""

    what: str
    reason: str
    attempt: int
    delay: float


class Offline(NamedTuple):
    """The service cannot be reached since `seconds`; the request goes on without us."""

    reason: str
    seconds: float


class BackOnline(NamedTuple):
    """The service answers again."""

    seconds: float


Event = Status | Retrying | Offline | BackOnline


class Result(NamedTuple):
    """What an endpoint answered: the bytes as they came, and what their headers say."""

    body: Body
    content_type: str
    request_id: str
    billable_units: str = ""

    @property
    def is_json(self) -> bool:
        return "json" in self.content_type.lower()


class Cancelled(NamedTuple):
    """The answer to a cancel (wire §4.8): OK, CANCELLATION_REQUESTED or ALREADY_COMPLETED."""

    word: str
    is_repeated: bool = False
    """Whether an earlier try had no good answer, so that this one may be about our own cancel."""
