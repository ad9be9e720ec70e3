"""Whose answer is this, and what does it mean? One table for every way of calling (§8.5).

| answered by | told by | submit | direct, stream | result |
|---|---|---|---|---|
| the app | nothing of the below | cannot be | the outcome (4 or 1) | the outcome (4 or 1) |
| the gateway, before any work | its `error_type`; 401, 403, 404 | refused | refused | refused, or the outcome |
| the gateway, about the work | its `error_type` with a 5xx | unknown | the outcome (1) | the outcome (1) |
| what stands before it | a page (or a 5xx text) without an id | 5xx unknown, else refused | the same | asked again |

An outcome stands in the ledger as failed, a refusal as refused, and both are said once. Only a refusal for rate of
the gateway's own may be made again: an app that answers 429 has been paid for it.
"""

from enum import Enum, auto

from fal_cli.api.messages import Answer

# The gateway's words (§8.2), and whether a runner got the work.
NEVER_STARTED = (
    "runner_scheduling_failure",
    "startup_timeout",
    "runner_connection_timeout",
    "runner_connection_refused",
)
_MAY_HAVE_RUN = (
    "request_timeout",
    "runner_connection_error",
    "runner_disconnected",
    "runner_incomplete_response",
    "runner_server_error",
    "client_disconnected",
    "client_cancelled",
    "internal_error",
)
_BEFORE_WORK = ("bad_request", "concurrent_requests_limit", "rate_limited", "rate_limit_exceeded", "queue_full")
_GATEWAY = frozenset((*NEVER_STARTED, *_MAY_HAVE_RUN, *_BEFORE_WORK))


class Source(Enum):
    """Who answered."""

    APP = auto()
    GATEWAY = auto()
    INGRESS = auto()


def source(answer: Answer, *, is_local: bool = False) -> Source:
    """Who answered a direct call or a stream with an error. `is_local`: an app on this machine has no gateway."""
    if is_local:
        return Source.APP
    if answer.error_type in _GATEWAY or _types(answer) & _GATEWAY or answer.missed_start_deadline:
        return Source.GATEWAY
    if not answer.from_service and (answer.status >= 500 or _is_page(answer)):
        return Source.INGRESS
    if answer.status in (401, 403, 404) and not _is_billed(answer):
        return Source.GATEWAY  # the key, the account, the name: an app's own of these is billed, and says so
    return Source.APP


def is_rate_limit(answer: Answer, *, is_local: bool = False) -> bool:
    """Whether a 429 is the gateway's own, in its own words: it took no call, so one may be made again."""
    return answer.status == 429 and source(answer, is_local=is_local) is Source.GATEWAY


def _is_billed(answer: Answer) -> bool:
    return answer.headers.get("x-fal-billable-units", "0").strip("0.") != ""


def _is_page(answer: Answer) -> bool:
    """Whether a body is empty or HTML: what servers in between answer, and apps do not."""
    return not answer.body.strip() or answer.body.lstrip()[:1] == b"<"


def _types(answer: Answer) -> set[str]:
    """The kinds that a body names: those of its `detail` entries, and the platform's own (§8.3)."""
    body = answer.json()
    if not isinstance(body, dict):
        return set()
    detail, error = body.get("detail"), body.get("error")
    entries = detail if isinstance(detail, list) else [detail, error]
    return {entry["type"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("type"), str)}
