"""The one family of failures that the request layer raises. It carries facts; sentences are made elsewhere.

ApiError
├── NotReached        nothing was accepted, or a read did not come whole: may be tried again
│   ├── NotSent       a paid call that never left
│   └── Unavailable   a free call that the service kept failing
├── AnswerLost        a paid call whose fate is not known: never sent again by itself
│   ├── StreamCut     its answer began, and was cut
│   └── StreamIdle    its answer began, and fell silent
├── Refused           an error before any work began
├── RequestFailed     the request ran, and this is its outcome
├── NotReady          the result is not there yet
├── WaitEnded         the caller's own limit passed; the request goes on
├── PartRefused       a part of an upload that was not taken
└── NoRoom            an answer came, and this machine has no room for it
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple


class Phase(IntEnum):
    """How far one HTTP exchange got; decides whether a paid call may be sent again (wire §9.3)."""

    NOT_CONNECTED = 0  # nothing can have been delivered
    SENDING = 1  # some of the request may have been delivered
    WAITING = 2  # all of it was written, no status line came back
    ANSWERING = 3  # the status is known, the body did not come whole
    ANSWERED = 4  # a whole answer


class FieldError(NamedTuple):
    """One entry of a `detail` list (wire §8.1); `given` is the input that it is about, as far as the service tells."""

    location: str
    message: str
    type: str = ""
    given: Any = None

    @property
    def texts(self) -> tuple[str, str, str]:
        """What is said of it, without the value that was given."""
        return self.location, self.message, self.type


class Detail(NamedTuple):
    """What an error answer says: a text, its field errors, and the service's word for the kind."""

    message: str
    fields: tuple[FieldError, ...] = ()
    error_type: str = ""


class ApiError(Exception):
    """Base of the family: `message`, and what is known of the answer behind it.

    `status` is the HTTP status or None, `request_id` the service's id or "", `phase` how far the exchange
    got, `headers` the answer's headers.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str = "",
        error_type: str = "",
        fields: tuple[FieldError, ...] = (),
        phase: Phase = Phase.ANSWERED,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.request_id = request_id
        self.error_type = error_type
        self.fields = fields
        self.phase = phase
        self.headers: Mapping[str, str] = headers or {}


class NotReached(ApiError):
    """The network failed: nothing was accepted, or a read did not come whole.

    May be tried again, unless it `is_permanent`: then `way_out` says what helps.
    """

    def __init__(self, message: str, *, is_permanent: bool = False, way_out: str = "", **known: Any) -> None:
        super().__init__(message, **known)
        self.is_permanent = is_permanent
        self.way_out = way_out


class NotSent(NotReached):
    """A paid call that never left: nothing was accepted, and nothing is billed."""


class Unavailable(NotReached):
    """The service kept answering a free call with an error of its own (408, 425, 5xx)."""


class AnswerLost(ApiError):
    """A paid call was sent and what became of it is not known. Never sent again by itself."""


class StreamCut(AnswerLost):
    """The events of a paid call ended in the middle. They cannot be fetched later."""


class StreamIdle(AnswerLost):
    """Nothing came of a paid call for longer than the idle limit allows. Its events cannot be fetched later."""


class Refused(ApiError):
    """The service answered with an error before any work began."""


class RequestFailed(ApiError):
    """The request ran and ended in an error: this is its outcome."""


class NotReady(ApiError):
    """The result is not there yet."""


class PartRefused(ApiError):
    """A part of an upload that the service did not take after its retries; `number` counts from 1."""

    def __init__(self, number: int, cause: ApiError) -> None:
        message = f"part {number}: {cause.message}"
        super().__init__(message, status=cause.status, request_id=cause.request_id, phase=cause.phase)
        self.number = number
        self.cause = cause


class NoRoom(ApiError):
    """An answer that came and for which this machine has no room."""


class WaitEnded(ApiError):
    """The caller's own limit passed while the request goes on."""


def read_detail(body: Any, error_type_header: str = "") -> Detail:
    """Reads the error shapes of wire §8: a `detail` text, a `detail` list, `{"error": {…}}`, anything else.

    `body` is parsed JSON; what has no known shape is shown as it is.
    """
    if not isinstance(body, dict):
        return Detail(_text(body), error_type=error_type_header)
    error_type = str(body.get("error_type") or error_type_header)
    detail = body.get("detail", body.get("message", body.get("error")))
    if isinstance(detail, list):
        fields = tuple(_field(entry) for entry in detail)
        only = fields[0].type if len(fields) == 1 else ""
        return Detail("the input was refused", fields, error_type or only)
    if isinstance(detail, dict):
        return Detail(_text(detail.get("message", detail)), error_type=error_type or str(detail.get("type", "")))
    if detail is None:
        return Detail(_text(body.get("status", body)), error_type=error_type)
    return Detail(_text(detail), error_type=error_type)


def _field(entry: Any) -> FieldError:
    if not isinstance(entry, dict):
        return FieldError("", _text(entry))
    location = entry.get("loc", ())
    where = ".".join(str(part) for part in location) if isinstance(location, list | tuple) else str(location)
    return FieldError(where, _text(entry.get("msg", "")), str(entry.get("type", "")), entry.get("input"))


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
