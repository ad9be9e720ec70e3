"""May this exchange be made again? Every answer to that question, in one table (§9.3).

The numbers are repetitions allowed in all. `wire` makes them, and waits as the service asks or with full jitter.

| exchange | not connected | sent, no whole answer | 429 | 408, 425, 5xx | anything else |
|---|---|---|---|---|---|
| free (`FREE`) | 7 | 7 | 7 | 7 | 0 |
| free, where another way is left (`at_most`) | as told | as told | as told | as told | 0 |
| one step of an upload (`UPLOAD_STEP`) | 4 | 4 | 4 | 4 | 0 |
| status | 7 | 7 | 7 | 7 | 404 in the first 5 s: 3 |
| status, while following | 0 | 0 | 0 | 0 | 404 in the first 5 s: 3 |
| result | 7 | 7 | the gateway's 7; 1 once it has ended | a page 7; the stored outcome 1 | 404 in the first 5 s: 3 |
| a stored outcome, once more (`STORED_OUTCOME`) | 7 | 7 | 0 | 0 | 0 |
| submit | 5 | **0** | 7; 0 if the caller asked for it with `--max-queue` | **0** | 0 |
| submit, one of many (`ONCE`) | 0 | **0** | 0 | **0** | 0 |
| direct, stream (`paid`) | 5 | **0** | the gateway's 7, an app's **0** | **0**; 2 where no runner had it | 0 |

A paid call is sent again only where the first copy cannot have been accepted. A failure that is permanent (a
certificate that is not trusted, say) is never tried again.
"""

from time import time
from typing import TYPE_CHECKING

from fal_cli.api import outcomes
from fal_cli.api.errors import Phase
from fal_cli.api.events import Handle
from fal_cli.api.messages import Answer, Outcome, Policy, TransportFailure

if TYPE_CHECKING:
    from fal_cli.api.call_options import CallOptions

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
"""What a free call may be answered with and still go well the next time."""
PASSING = tuple(status for status in TRANSIENT if status != 429)

FREE_RETRIES = 7
LAG_SECONDS = 5.0
_LAG_RETRIES = 3
_UNSENT_RETRIES = 5
_STEP_RETRIES = 4
_NEVER_STARTED_RETRIES = 2
_STILL_RUNNING = "still in progress"
_READ_BYTES = 4096


# -- free calls


def free(outcome: Outcome) -> int:
    """A free call is repeated after any transport error and after a passing failure of the service."""
    if isinstance(outcome, TransportFailure):
        return 0 if outcome.permanent else FREE_RETRIES
    return FREE_RETRIES if outcome.status in TRANSIENT else 0


def at_most(retries: int) -> Policy:
    """A free call that is given up sooner, because another way is left."""
    return Policy(lambda outcome: min(retries, free(outcome)))


def status(handle: Handle) -> Policy:
    """A look at a request."""
    return Policy(lambda outcome: free(outcome) or lag(outcome, handle))


def status_while_following(handle: Handle) -> Policy:
    """The same where whoever follows decides about everything but lag."""
    return Policy(lambda outcome: lag(outcome, handle))


def result(handle: Handle, *, ended: bool) -> Policy:
    """The result route. `ended`: a status already said COMPLETED, so a 404 may be the app's own outcome."""

    def retries(outcome: Outcome) -> int:
        if isinstance(outcome, Answer):
            if is_still_running(outcome):
                return 0
            if is_stored_outcome(outcome, ended=ended):
                return 1 if outcome.status in TRANSIENT else 0
            if ended and not is_unknown_request(outcome):
                return free(outcome)
        return free(outcome) or lag(outcome, handle)

    return Policy(retries)


def lag(outcome: Outcome, handle: Handle) -> int:
    """A 404 in the first seconds after a submit is lag between the service's parts."""
    young = handle.submitted_at is not None and 0 <= time() - handle.submitted_at < LAG_SECONDS
    return _LAG_RETRIES if young and isinstance(outcome, Answer) and outcome.status == 404 else 0


# -- paid calls


def unsent(outcome: Outcome) -> int:
    """Repetitions of a paid call that cannot have been accepted: not connected, or refused for rate."""
    if isinstance(outcome, TransportFailure):
        return 0 if outcome.permanent or is_delivered(outcome) else _UNSENT_RETRIES
    return FREE_RETRIES if outcome.status == 429 else 0


def submit(options: "CallOptions") -> Policy:
    """A submit. Whoever asked to be refused when the line is long gets that 429 at once, but not one for rate."""

    def retries(outcome: Outcome) -> int:
        is_asked_for = options.max_queue is not None and isinstance(outcome, Answer) and not is_rate_limit(outcome)
        return 0 if is_asked_for else unsent(outcome)

    return Policy(retries, fresh_connection=True, cuts_reads=False)


ONCE = Policy(lambda outcome: 0, fresh_connection=True, cuts_reads=False)
"""A submit of many: whoever makes them decides for all when another may be made."""


def paid(*, is_local: bool = False) -> Policy:
    """A direct call or a stream. `is_local`: to an app on this machine, where every answer is the app's own."""

    def retries(outcome: Outcome) -> int:
        if isinstance(outcome, TransportFailure):
            return unsent(outcome)
        if outcomes.is_rate_limit(outcome, is_local=is_local):
            return FREE_RETRIES
        # No runner had the work when the gateway says one of these, and a 5xx is not billed (§8.2).
        never_started = outcome.status >= 500 and outcome.error_type in outcomes.NEVER_STARTED
        return _NEVER_STARTED_RETRIES if never_started and not (is_local or outcome.missed_start_deadline) else 0

    return Policy(retries, fresh_connection=True)


FREE = Policy(free)
UPLOAD_STEP = at_most(_STEP_RETRIES)
STORED_OUTCOME = Policy(lambda outcome: free(outcome) if isinstance(outcome, TransportFailure) else 0)


# -- what an outcome says


def is_delivered(failure: TransportFailure) -> bool:
    """Whether some of a request may have arrived."""
    return failure.phase > Phase.NOT_CONNECTED


def is_refusal(status: int) -> bool:
    """Whether a submit with this status was not accepted: all but a 2xx, a 408 and a 5xx."""
    return 300 <= status < 500 and status != 408


def is_rate_limit(answer: Answer) -> bool:
    """Whether a 429 is about the rate of calls rather than the length of the line."""
    return (
        "retry-after" in answer.headers
        or "x-ratelimit-reset" in answer.headers
        or b"concurrent_requests_limit" in answer.body
    )


def is_still_running(answer: Answer) -> bool:
    """Whether the result route says that the request has not ended (§4.7)."""
    return (
        answer.status in (400, 500) and _STILL_RUNNING in answer.body[:_READ_BYTES].decode("utf-8", "replace").lower()
    )


def is_stored_outcome(answer: Answer, *, ended: bool) -> bool:
    """Whether the result route repeats what the request ended with (§4.7), whatever its status.

    Of a 429 and the like only a request that is known to have ended can be the reason.
    """
    if not answer.from_service or is_unknown_request(answer) or outcomes.is_rate_limit(answer):
        return False
    return ended or answer.status in (500, 502, 503, 504)


def is_unknown_request(answer: Answer) -> bool:
    """Whether a 404 is the queue's own: it has no such request, or no longer (§4.7)."""
    body = answer.json()
    return isinstance(body, dict) and body.get("status") == "NOT_FOUND"
