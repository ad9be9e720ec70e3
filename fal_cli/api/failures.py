"""Answers and transport failures turned into the error family, in one place for all calls."""

from typing import TypeVar

from fal_cli.api import outcomes, retry
from fal_cli.api.errors import (
    AnswerLost,
    ApiError,
    NotReached,
    NotSent,
    Refused,
    RequestFailed,
    Unavailable,
    read_detail,
)
from fal_cli.api.messages import Answer, Outcome, TransportFailure
from fal_cli.api.outcomes import Source

E = TypeVar("E", bound=ApiError)
N = TypeVar("N", bound=NotReached)

_TEXT_CHARACTERS = 300


def refused(answer: Answer) -> Refused:
    """The error for an answer that says no before any work began."""
    return _error(Refused, answer)


def failed(answer: Answer) -> RequestFailed:
    """The error for a request whose stored outcome this answer is."""
    return _error(RequestFailed, answer)


def unavailable(answer: Answer) -> Unavailable:
    """The error for a free call that kept being answered with a failure of the service."""
    return _error(Unavailable, answer)


def lost(outcome: Outcome) -> AnswerLost:
    """The error for a paid call of which it is not known whether it runs."""
    if isinstance(outcome, Answer):
        return _error(AnswerLost, outcome)
    return AnswerLost(
        outcome.reason,
        status=outcome.status,
        request_id=outcome.headers.get("x-fal-request-id", ""),
        phase=outcome.phase,
        headers=outcome.headers,
    )


def unreached(failure: TransportFailure) -> NotReached:
    """The error for an exchange that never came whole and that is safe to make again."""
    return _of_failure(NotReached, failure)


def unsent(failure: TransportFailure) -> NotSent:
    """The error for a paid call of which no byte can have arrived."""
    return _of_failure(NotSent, failure)


def of_paid(failure: TransportFailure) -> AnswerLost | NotSent:
    """The error for a paid call without a whole answer: lost where some of it may have arrived."""
    return lost(failure) if retry.is_delivered(failure) else unsent(failure)


def outside_the_queue(answer: Answer, *, is_local: bool) -> ApiError:
    """What an answer that is not a success means for a direct call or a stream (`outcomes`)."""
    source = outcomes.source(answer, is_local=is_local)
    if source is Source.APP:
        return failed(answer)
    if retry.is_refusal(answer.status):
        return refused(answer)
    return failed(answer) if source is Source.GATEWAY else lost(answer)


def free_error(answer: Answer) -> ApiError:
    """The error for a free call whose final answer is this one, after its retries."""
    if answer.status == 429 or answer.status not in retry.TRANSIENT:
        return refused(answer)
    return unavailable(answer)


def _error(kind: type[E], answer: Answer) -> E:
    body = answer.json()
    detail = read_detail(body if body is not None else _page_text(answer), answer.headers.get("x-fal-error-type", ""))
    message = detail.message
    if 300 <= answer.status < 400 and answer.headers.get("location"):
        message = f"it answers with a redirect to {answer.headers['location']}"
    return kind(
        message,
        status=answer.status,
        request_id=answer.request_id,
        error_type=detail.error_type,
        fields=detail.fields,
        headers=answer.headers,
    )


def _page_text(answer: Answer) -> str:
    """The words of an answer that is no JSON: a gateway's HTML page, or plain text."""
    import re

    text = re.sub(r"<[^>]*>", " ", answer.body[:4096].decode("utf-8", "replace"))
    return " ".join(text.split())[:_TEXT_CHARACTERS] or f"HTTP {answer.status} without a body"


def _of_failure(kind: type[N], failure: TransportFailure) -> N:
    return kind(
        failure.reason,
        is_permanent=failure.permanent,
        way_out=failure.way_out,
        status=failure.status,
        phase=failure.phase,
        headers=failure.headers,
    )
