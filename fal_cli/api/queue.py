"""The queue's calls: submit, status, result, cancel (wire §4). Following is in `follow`."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from fal_cli.api import failures, free, outcomes, retry
from fal_cli.api.body import Body
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReady, NotSent, Phase
from fal_cli.api.events import Cancelled, Completed, Handle, InProgress, LogLine, Queued, Result, Status, Submitted
from fal_cli.api.hosts import Hosts
from fal_cli.api.messages import Answer, Outcome, Policy, Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId

if TYPE_CHECKING:
    from fal_cli.api.call_options import CallOptions

SUBMIT_SECONDS = 120.0
_LAST_SECONDS = 2.0  # beyond the caller's limit: most answers come by then, and each that is left costs its id
_LOOK_ALIKE = (401, 403, 404, 408, 425, 429)
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")


def is_request_id(text: str) -> bool:
    """Whether a text can stand in a URL as a request id. The service uses UUIDs; nothing promises it."""
    return bool(_REQUEST_ID.fullmatch(text))


def handle_for(
    hosts: Hosts,
    endpoint: EndpointId,
    request_id: str,
    urls: Mapping[str, Any] | None = None,
    submitted_at: float | None = None,
) -> Handle:
    """Where to ask about a request: the URLs that submit named if they are on the queue host, else rebuilt (§2.2)."""
    base = f"{hosts.queue}/{endpoint.app}/requests/{request_id}"
    built = {"status_url": f"{base}/status", "response_url": base, "cancel_url": f"{base}/cancel"}
    for name, url in (urls or {}).items():
        if name in built and isinstance(url, str) and hosts.owns_queue(url):
            built[name] = url
    return Handle(endpoint, request_id, submitted_at=submitted_at, **built)


def submit(
    wire: Wire,
    endpoint: EndpointId,
    input_json: Mapping[str, Any],
    options: "CallOptions",
    exchange: Exchange | None = None,
    deadline: Deadline | None = None,
    *,
    policy: Policy | None = None,
) -> Submitted:
    """Puts a request into the queue, once (§4.1, §9.3).

    It is sent again only where the service cannot have accepted it (or as `policy` has it); `deadline` ends that, and
    a little later the wait for an answer. Raises `NotReached` (nothing was sent), `Refused`, or `AnswerLost` (it may
    run).
    """
    deadline = deadline or Deadline.never()
    if deadline.passed:
        raise NotSent("timed out")
    from fal_cli.api.call_options import body_and_query

    body, query = body_and_query(input_json, options)
    request = Request(
        "the submit",
        options.method.upper(),
        _extended(f"{wire.hosts.queue}/{endpoint}", query=query),
        options.wire_headers(),
        body,
        read_seconds=max(deadline.cut(SUBMIT_SECONDS), _LAST_SECONDS),
        connect_seconds=max(deadline.cut(SUBMIT_SECONDS), _LAST_SECONDS),
    ).for_a_short_answer()
    exchange = exchange or Exchange()
    try:
        answer = wire.send(request, policy or retry.submit(options), exchange=exchange, deadline=deadline)
    except TransportFailure as failure:
        if not retry.is_delivered(failure):
            raise failures.unsent(failure) from failure
        if failure.status is not None and retry.is_refusal(failure.status):
            raise failures.refused(Answer(failure.status, failure.headers, b"")) from failure
        return _adopted(wire, endpoint, failure, exchange)
    return _submitted(wire, endpoint, answer, exchange)


def status(wire: Wire, handle: Handle, *, logs: bool = False) -> Status:
    """One look at a request (§4.5). Raises `Refused`, `NotReached`, `Unavailable`."""
    request = Request("the status", "GET", status_url(handle, logs=logs))
    with _about(handle):
        return read_status(free.exchange(wire, request, retry.status(handle)))


def result(wire: Wire, handle: Handle, *, ended: bool = False, deadline: Deadline | None = None) -> Result:
    """What the request answered (§4.7). `ended`: a status already said COMPLETED.

    Raises `NotReady`, `RequestFailed` (the request's own outcome), `Refused`, `NotReached`, `Unavailable`.
    """
    request = Request("the result", "GET", handle.response_url, is_large=True)
    with _about(handle):
        answer = free.exchange(wire, request, retry.result(handle, ended=ended), deadline=deadline)
        if answer.ok:
            return to_result(answer)
        raise _result_error(wire, handle, answer, ended=ended)


def cancel(wire: Wire, handle: Handle, *, deadline: Deadline | None = None) -> Cancelled:
    """Asks the service to stop a request (§4.8). What it answers is a word, also when it is too late; "" for none.

    Raises `Refused`, `NotReached`, `Unavailable`.
    """
    failed_before: list[Outcome] = []

    def retries(outcome: Outcome) -> int:
        allowed = retry.free(outcome)
        if allowed:
            failed_before.append(outcome)
        return allowed

    with _about(handle):
        request = Request("the cancel", "PUT", handle.cancel_url).for_a_short_answer()
        answer = free.exchange(wire, request, Policy(retries), deadline=deadline)
        body = answer.json()
        word = body.get("status") if isinstance(body, dict) else None
        if answer.ok:
            said = word if isinstance(word, str) else "OK" if _says_success(body) else ""
            return Cancelled(said, bool(failed_before))
        if word == "ALREADY_COMPLETED":
            return Cancelled(word, bool(failed_before))
        raise failures.free_error(answer)


def _result_error(wire: Wire, handle: Handle, answer: Answer, *, ended: bool) -> ApiError:
    """What an answer of the result route that is no success means."""
    if retry.is_still_running(answer):
        return NotReady("the request is not finished yet", status=answer.status)
    if answer.status in retry.PASSING and not answer.from_service:
        return failures.unavailable(answer)
    if outcomes.is_rate_limit(answer) or (answer.status == 404 and retry.is_unknown_request(answer)):
        return failures.refused(answer)
    if not ended and answer.status in _LOOK_ALIKE:
        # The gateway's own refusal and an app's outcome look alike; only the status tells whether it ran.
        ended = isinstance(status(wire, handle), Completed)
    return failures.failed(answer) if ended or answer.status not in _LOOK_ALIKE else failures.free_error(answer)


def _says_success(body: Any) -> bool:
    """The older shape of a cancel's answer (§4.8)."""
    return isinstance(body, dict) and body.get("success") is True


@contextmanager
def _about(handle: Handle) -> Iterator[None]:
    """Errors inside name this request: the header's id is that of the gateway's own exchange."""
    try:
        yield
    except ApiError as error:
        error.request_id = handle.request_id
        raise


def read_status(answer: Answer) -> Status:
    """The status that an answer tells; its body decides, not its code (§4.5). Raises the error it is instead."""
    body = answer.json()
    if answer.ok and isinstance(body, dict) and isinstance(body.get("status"), str):
        return status_from(body)
    if answer.ok:
        raise failures.unavailable(answer)
    raise failures.free_error(answer)


def status_from(body: Mapping[str, Any]) -> Status:
    """A status object as an event. A word that nobody knows counts as running, as the vendor's client has it."""
    word = body.get("status")
    if word == "IN_QUEUE":
        position = body.get("queue_position")
        return Queued(position if isinstance(position, int) else None, body)
    listed = body.get("logs")
    logs = tuple(_log_line(entry) for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else ()
    if word != "COMPLETED":
        return InProgress(logs, body)
    metrics = body.get("metrics")
    seconds = metrics.get("inference_time") if isinstance(metrics, dict) else None
    return Completed(
        logs,
        float(seconds) if isinstance(seconds, int | float) and abs(seconds) < 1e9 else None,
        str(body.get("error") or ""),
        str(body.get("error_type") or ""),
        body,
    )


def to_result(answer: Answer) -> Result:
    """A successful answer as a result."""
    return Result(
        answer.content or Body(answer.body),
        answer.headers.get("content-type", ""),
        answer.request_id,
        answer.headers.get("x-fal-billable-units", ""),
    )


def status_url(handle: Handle, *, logs: bool = True) -> str:
    """The status of a request, with its log lines unless told otherwise (§4.5)."""
    return _extended(handle.status_url, query=f"logs={int(logs)}")


def stream_url(handle: Handle, *, logs: bool = True) -> str:
    """The status event stream of a request (§4.6)."""
    return _extended(handle.status_url, path="/stream", query=f"logs={int(logs)}")


def _submitted(wire: Wire, endpoint: EndpointId, answer: Answer, exchange: Exchange) -> Submitted:
    if not answer.ok:
        raise failures.refused(answer) if retry.is_refusal(answer.status) else failures.lost(answer)
    body = answer.json()
    request_id = body.get("request_id") if isinstance(body, dict) else None
    if not isinstance(request_id, str) or not is_request_id(request_id):
        failure = TransportFailure(
            "the answer names no request id", Phase.ANSWERING, status=answer.status, headers=answer.headers
        )
        return _adopted(wire, endpoint, failure, exchange)
    position = body.get("queue_position")
    handle = handle_for(wire.hosts, endpoint, request_id, body, submitted_at=time())
    return Submitted(handle, position if isinstance(position, int) else None)


def _adopted(wire: Wire, endpoint: EndpointId, failure: TransportFailure, exchange: Exchange) -> Submitted:
    """A submit whose answer was cut after its headers: their id may be the queue's, and a status call tells."""
    request_id = exchange.request_id = failure.headers.get("x-fal-request-id", "")
    accepted = failure.status is not None and 200 <= failure.status < 300
    if accepted and is_request_id(request_id):
        handle = handle_for(wire.hosts, endpoint, request_id, submitted_at=time())
        try:
            status(wire, handle)
        except ApiError as error:
            raise failures.lost(failure) from error
        return Submitted(handle, adopted=True)
    raise failures.lost(failure)


def _log_line(entry: Mapping[str, Any]) -> LogLine:
    return LogLine(str(entry.get("timestamp", "")), str(entry.get("level", "")), str(entry.get("message", "")))


def _extended(url: str, *, path: str = "", query: str = "") -> str:
    parts = urlsplit(url)
    both = "&".join(text for text in (parts.query, query) if text)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, both, ""))
