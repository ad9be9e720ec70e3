"""How requests end: by a model's answer or refusal, by the app's own words, or by the gateway's (§4.7, §8)."""

import secrets
from dataclasses import replace

from fal_cli.sandbox.models import Answer, Media, Refusal
from fal_cli.sandbox.orders.failures import Failure
from fal_cli.sandbox.replies.answers import gateway_body, page, phrase
from fal_cli.sandbox.state.record import FileSpot, Outcome

NOT_BILLED = {"X-Fal-Billable-Units": "0"}


def place(answer: Answer) -> tuple[Outcome, tuple[tuple[str, Media], ...]]:
    """An answer as an outcome whose files have ids."""
    media = tuple((secrets.token_hex(16), item) for item in answer.media)
    spots = tuple(FileSpot(item.path, file_id, item.name, item.inline) for file_id, item in media)
    return Outcome(200, answer.body, {"X-Fal-Billable-Units": answer.billable_units}, files=spots), media


def sent_as_ordered(outcome: Outcome) -> Outcome:
    """The same where an ordered body is sent in its place, which need not be JSON and is not kept."""
    return replace(outcome, body=None)


def refused(refusal: Refusal) -> Outcome:
    """The model refuses its input: its own 422, not billed (§8.3)."""
    return _apps_own(422, {"detail": refusal.entries})


def no_such_path(path: str) -> Outcome:
    """The application is there, but has no such endpoint: the app's own 404 (§8.3)."""
    return _apps_own(404, {"detail": f"Path /{path} not found"})


def wrong_method(allowed: tuple[str, ...]) -> Outcome:
    """The application takes other methods on that path: the app's own 405."""
    return _apps_own(405, {"detail": "Method Not Allowed"}, {"Allow": ", ".join(allowed)})


def failed(failure: Failure) -> Outcome:
    """An ordered failure, in the words of whoever answers: the types of failures are the gateway's alone (§8.2)."""
    status = failure.status
    if not failure.is_gateways:
        units = {"X-Fal-Billable-Units": failure.units}
        told = "Internal Server Error" if status == 500 else phrase(status)
        outcome = _apps_own(status, {"detail": told}, failure.headers | units)
    else:
        outcome = _gateways_own(failure)
    if failure.html:
        text = failure.body if isinstance(failure.body, str) else page(status)
        return replace(outcome, html=True, body=text, is_ingress=failure.is_gateways)
    return outcome if failure.body is None else replace(outcome, body=failure.body)


def _apps_own(status: int, body: object, headers: dict[str, str] | None = None) -> Outcome:
    """Neither its body nor its headers have the gateway's `error_type`, nor has the status of the request."""
    return Outcome(status, body, {**NOT_BILLED, **(headers or {})}, error=f"Invalid status code: {status}")


def _gateways_own(failure: Failure) -> Outcome:
    status, error_type = failure.status, failure.error_type
    headers = {"X-Fal-Error-Type": error_type, **NOT_BILLED}
    if failure.is_user_timeout:
        headers["X-Fal-Request-Timeout-Type"] = "user"
    if status == 429:
        headers["X-Fal-Needs-Retry"] = "1"
    body = gateway_body(status, error_type)
    return Outcome(status, body, headers, error=f"Invalid status code: {status}", error_type=error_type)
