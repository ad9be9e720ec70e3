"""What is seen while a request is followed, and what a call answers. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fal_cli.api.body import Body
from fal_cli.endpoint import EndpointId


@dataclass(frozen=True)
class Handle:
    """A request in the queue and where to ask about it.

    `submitted_at` (Unix seconds) is known for requests of this machine: a 404 in its first seconds is lag.
    """

    endpoint: EndpointId
    request_id: str
    status_url: str
    response_url: str
    cancel_url: str
    submitted_at: float | None = None


@dataclass(frozen=True)
class Submitted:
    """A submit that the service accepted. `adopted`: the answer was cut, and its header id was found running."""

    handle: Handle
    position: int | None = None
    adopted: bool = False


@dataclass(frozen=True)
class LogLine:
    """One line that the model wrote. The three values together are its identity (wire §4.5)."""

    timestamp: str
    level: str
    message: str


@dataclass(frozen=True)
class Queued:
    """Waiting in line; 0 is next."""

    position: int | None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    word = "IN_QUEUE"


@dataclass(frozen=True)
class InProgress:
    """Running. `logs` are lines not seen before."""

    logs: tuple[LogLine, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    word = "IN_PROGRESS"


@dataclass(frozen=True)
class Completed:
    """Ended, well or not: only the result route tells (wire §4.7). `inference_seconds` may be unknown."""

    logs: tuple[LogLine, ...] = ()
    inference_seconds: float | None = None
    error: str = ""
    error_type: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    word = "COMPLETED"


Status = Queued | InProgress | Completed


@dataclass(frozen=True)
class Retrying:
    """An exchange failed harmlessly and is made again after `delay` seconds."""

    what: str
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True)
class Offline:
    """The service cannot be reached since `seconds`; the request goes on without us."""

    reason: str
    seconds: float


@dataclass(frozen=True)
class BackOnline:
    """The service answers again."""

    seconds: float


Event = Status | Retrying | Offline | BackOnline


@dataclass(frozen=True)
class Result:
    """What an endpoint answered: the bytes as they came, and what their headers say."""

    body: Body = field(repr=False)
    content_type: str
    request_id: str
    billable_units: str = ""

    @property
    def is_json(self) -> bool:
        return "json" in self.content_type.lower()


@dataclass(frozen=True)
class Cancelled:
    """The answer to a cancel (wire §4.8): OK, CANCELLATION_REQUESTED or ALREADY_COMPLETED."""

    word: str
