"""What is written down about a request when it is accepted, and what can be read off it later."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from fal_cli.sandbox.orders.faults import Fault, parse_fault
from fal_cli.sandbox.state import timeline as timelines
from fal_cli.sandbox.state.timeline import Timeline


@dataclass(frozen=True)
class FileSpot:
    """A place in a result, as a path of keys, that takes a file's URL: of the CDN, or `data:` if inline."""

    path: tuple[str | int, ...]
    file_id: str
    name: str
    inline: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a request ends: the result route's status, headers and body (text if `html`).

    `error` and `error_type` are what a failed request shows in its status (§4.5), the latter only for a failure of
    the gateway's own (§8.2). `is_ingress` is a page of what stands before the gateway and has no request id.
    """

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    html: bool = False
    error: str | None = None
    error_type: str | None = None
    is_ingress: bool = False
    files: tuple[FileSpot, ...] = ()


CANCELLED = Outcome(
    499,
    {"detail": "Request cancelled by the client.", "error_type": "client_cancelled"},
    {"X-Fal-Error-Type": "client_cancelled", "X-Fal-Billable-Units": "0"},
    error="Request cancelled by the client.",
    error_type="client_cancelled",
)
START_DEADLINE_MISSED = Outcome(
    504,
    {"detail": "Request did not start within the requested time.", "error_type": "request_timeout"},
    {
        "X-Fal-Error-Type": "request_timeout",
        "X-Fal-Request-Timeout-Type": "user",
        "X-Fal-Billable-Units": "0",
    },
    error="Request did not start within the requested time.",
    error_type="request_timeout",
)


@dataclass(frozen=True)
class Record:
    """An accepted request. `accepted`, `started` and `cancelled` are Unix seconds, `late` and `kept` seconds.

    Status and result are 404 until `late` after acceptance; the result is again `kept` after the end, which is no more
    than `kept_unstored` once its payloads were deleted. `price` is US
    dollars for a unit. One that is `lined` waits for its turn: the timeline says how it goes if that comes as soon as
    it is ready, `started` when it came, and until then `place` how many are before it.
    """

    request_id: str
    endpoint: str
    app: str
    accepted: float
    timeline: Timeline
    outcome: Outcome
    late: float = 0.0
    kept: float = math.inf
    kept_unstored: float = math.inf
    silent_error: bool = False
    faults: tuple[Fault, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    price: str = "0"
    lined: bool = False
    start_timeout: float | None = None
    cancelled: float | None = None
    started: float | None = None
    place: int = 0

    @property
    def waits(self) -> bool:
        """Whether its turn has not come, as far as is known."""
        return self.lined and self.started is None and self.cancelled is None

    @property
    def life(self) -> Timeline:
        """The timeline as it really goes, from its turn on and cut short by a cancel."""
        life = self._turn() if self.lined else self.timeline
        return life if self.cancelled is None else life.cancel(self.cancelled - self.accepted)

    def _turn(self) -> Timeline:
        deadline = math.inf if self.start_timeout is None else self.start_timeout
        if self.started is None:
            return timelines.waiting(self.place, deadline)
        life = self.timeline.from_start(self.started - self.accepted)
        return life.miss_start_deadline(deadline) or life

    @property
    def ending(self) -> Outcome:
        """How the request really ends."""
        life = self.life
        if life.cancelled:
            return CANCELLED
        return START_DEADLINE_MISSED if life.missed else self.outcome

    @property
    def keeps_payloads(self) -> bool:
        """Whether input and output may be kept (§4.3, `X-Fal-Store-IO`)."""
        return self.options.get("store_io") != "0"

    def is_known(self, now: float) -> bool:
        """Whether the service admits, at `now` (Unix seconds), to having the request."""
        return now - self.accepted >= self.late

    def is_kept(self, now: float) -> bool:
        """Whether the result is still there at `now` (Unix seconds)."""
        return now - self.accepted - self.life.end < self.kept


def to_json(record: Record) -> dict[str, Any]:
    """The record as plain JSON values; the cancel is a column of its own."""
    return {
        "request_id": record.request_id,
        "endpoint": record.endpoint,
        "app": record.app,
        "accepted": record.accepted,
        "timeline": timelines.to_json(record.timeline),
        # Not asdict(), which copies the body in Python and gives up on a deeply nested one.
        "outcome": {**vars(record.outcome), "files": [asdict(spot) for spot in record.outcome.files]},
        "late": record.late,
        "kept": record.kept,
        "kept_unstored": record.kept_unstored,
        "silent_error": record.silent_error,
        "faults": [fault.text for fault in record.faults],
        "options": record.options,
        "price": record.price,
        "lined": record.lined,
        "start_timeout": record.start_timeout,
    }


def from_json(data: dict[str, Any], cancelled: float | None, started: float | None = None) -> Record:
    """The inverse of `to_json`."""
    outcome = dict(data["outcome"])
    outcome["files"] = tuple(FileSpot(**{**spot, "path": tuple(spot["path"])}) for spot in outcome["files"])
    return Record(
        **{
            **data,
            "timeline": timelines.from_json(data["timeline"]),
            "outcome": Outcome(**outcome),
            "faults": tuple(parse_fault(text) for text in data["faults"]),
            "cancelled": cancelled,
            "started": started,
        }
    )
