"""Each row of the tables in wire §9.3: what an answer means to a paid call, to a free call, and to following.

Scripted answers on real sockets; the number of requests that the server saw is part of every assertion.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from fal_cli.api import deadline, direct, follow, queue, wire
from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import (
    AnswerLost,
    ApiError,
    FieldError,
    NotReached,
    NotReady,
    Refused,
    RequestFailed,
    Unavailable,
    WaitEnded,
)
from fal_cli.api.events import BackOnline, Cancelled, Completed, Event, Handle, InProgress, LogLine, Offline, Queued
from fal_cli.api.hosts import Hosts
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId
from tests.support.faulty_server import (
    STREAM_HEAD,
    Clock,
    Server,
    Step,
    answer,
    clear_environment,
    close,
    event,
    full_port,
    pause,
    reset,
    route_of,
    routed,
    send,
    stall,
    stream,
)

TOY = EndpointId("acme", "toy", "fast")
RID = "6f0c1d2e-0000-4000-8000-00000000000a"
HEADER_ID = "6f0c1d2e-0000-4000-8000-00000000000b"
MARKED = {"x-fal-request-id": RID}
NGINX = "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Replies = list[Step | list[Step]]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """No wait takes time, but each moves the clock of those who wait."""
    clear_environment(monkeypatch)
    monkeypatch.setattr(wire, "random", SimpleNamespace(uniform=lambda low, high: high))
    return Clock().replace_in(monkeypatch, wire, follow, deadline)


class Service:
    """A scripted queue, its client, and what it was asked."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.hosts = Hosts(run=server.url, queue=server.url, rest="", cdn="", api="")
        self.wire = Wire(self.hosts, "Key a:b")

    @property
    def asked(self) -> list[str]:
        """The routes that were asked for, in order."""
        return [route_of(seen) for seen in self.server.requests]

    def handle(self, *, age: float | None = None) -> Handle:
        submitted_at = None if age is None else queue.time() - age
        return queue.handle_for(self.hosts, TOY, RID, submitted_at=submitted_at)

    def submit(self, **options: Any) -> Any:
        return queue.submit(self.wire, TOY, {"prompt": "a cat"}, CallOptions(**options))

    def direct(self, **options: Any) -> Any:
        return direct.run(self.wire, TOY, {"prompt": "a cat"}, CallOptions(**options))

    def follow(self, *, age: float | None = None) -> list[Event]:
        return list(follow.follow(self.wire, self.handle(age=age)))

    def follow_to_error(self, seconds: float | None = None) -> tuple[list[Event], ApiError]:
        """What was seen before following ended in an error, and the error."""
        events: list[Event] = []
        try:
            for each in follow.follow(self.wire, self.handle(), deadline=Deadline(seconds)):
                events.append(each)
        except ApiError as error:
            return events, error
        raise AssertionError(f"following ended well: {events}")


Serve = Callable[..., Service]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a service from the replies of each route; the last reply of a route is given again."""
    with ExitStack() as stack:
        yield lambda **routes: Service(stack.enter_context(Server(routed(**routes))))


def status_of(word: str, **more: Any) -> dict[str, Any]:
    return {"status": word, "request_id": RID, **more}


def told(word: str, **more: Any) -> Step:
    return answer(200 if word == "COMPLETED" else 202, status_of(word, **more))


def log(message: str) -> dict[str, str]:
    return {"timestamp": f"2026-01-01T00:00:0{message[-1]}", "level": "INFO", "message": message, "source": "USER"}


def case(*values: object, id: str) -> Any:
    return pytest.param(*values, id=id)


# Paid calls: what an answer means, and that it is asked for once

GATE_ERRORS = (401, 403, 404)
INPUT_ERRORS = (400, 405, 409, 413, 415, 422)
CLIENT_ERRORS = (*INPUT_ERRORS, *GATE_ERRORS)
SERVER_ERRORS = (408, 500, 502, 503, 504)

ANSWERS_TO_PAID = [
    # answer, what a submit raises, what a direct call raises
    *(case(answer(code, {"detail": "no"}), Refused, Refused, id=f"{code}-json") for code in GATE_ERRORS),
    *(case(answer(code, {"detail": "no"}), Refused, RequestFailed, id=f"{code}-json") for code in INPUT_ERRORS),
    *(
        case(answer(code, {"detail": "no"}, {"X-Fal-Billable-Units": "1"}), Refused, RequestFailed, id=f"{code}-billed")
        for code in GATE_ERRORS
    ),
    *(case(answer(code, NGINX), Refused, Refused, id=f"{code}-html") for code in CLIENT_ERRORS),
    *(case(answer(code), Refused, Refused, id=f"{code}-empty") for code in (300, 301, 302, 303, 307, 308)),
    *(case(answer(code, {"detail": "no"}), AnswerLost, RequestFailed, id=f"{code}-json") for code in SERVER_ERRORS),
    *(case(answer(code, "no", MARKED), AnswerLost, RequestFailed, id=f"{code}-id") for code in SERVER_ERRORS),
    *(case(answer(code, NGINX), AnswerLost, AnswerLost, id=f"{code}-html") for code in SERVER_ERRORS),
    *(case(answer(code), AnswerLost, AnswerLost, id=f"{code}-empty") for code in SERVER_ERRORS),
    case(
        answer(504, {"detail": "late", "error_type": "request_timeout"}, {"X-Fal-Request-Timeout-Type": "user"}),
        AnswerLost,
        RequestFailed,
        id="504-start-deadline",
    ),
    case(
        answer(504, {"detail": "late", "error_type": "startup_timeout"}, {"X-Fal-Request-Timeout-Type": "user"}),
        AnswerLost,
        RequestFailed,
        id="504-start-deadline-while-starting",
    ),
    case(answer(503, {"error_type": "runner_connection_error"}), AnswerLost, RequestFailed, id="503-maybe-started"),
    case(answer(503, {"error_type": "runner_disconnected"}), AnswerLost, RequestFailed, id="503-started"),
]


@pytest.mark.parametrize(("reply", "error", "_"), ANSWERS_TO_PAID)
def test_an_answer_ends_a_submit(serve: Serve, reply: Step, error: type[ApiError], _: object) -> None:
    service = serve(submit=[reply])
    with pytest.raises(ApiError) as raised:
        service.submit()
    assert type(raised.value) is error
    assert service.asked == ["submit"]


@pytest.mark.parametrize(("reply", "_", "error"), ANSWERS_TO_PAID)
def test_an_answer_ends_a_direct_call(serve: Serve, reply: Step, _: object, error: type[ApiError]) -> None:
    service = serve(submit=[reply])
    with pytest.raises(ApiError) as raised:
        service.direct()
    assert type(raised.value) is error
    assert service.asked == ["submit"]


def test_an_error_keeps_what_the_answer_said(serve: Serve) -> None:
    detail = [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}]
    service = serve(submit=[answer(422, {"detail": detail}, MARKED)])
    with pytest.raises(Refused) as raised:
        service.submit()
    error = raised.value
    assert (error.status, error.request_id, error.error_type) == (422, RID, "missing")
    assert error.fields == (FieldError("body.prompt", "Field required", "missing"),)


def test_a_gateways_page_is_told_in_its_words(serve: Serve) -> None:
    service = serve(submit=[answer(502, NGINX)])
    with pytest.raises(AnswerLost, match=r"^502 Bad Gateway nginx$"):
        service.submit()


# Paid calls: accepted


@pytest.mark.parametrize("code", [200, 201, 202])
def test_a_submit_is_accepted(serve: Serve, code: int) -> None:
    service = serve(submit=[answer(code, {"request_id": RID, "status": "IN_QUEUE", "queue_position": 3})])
    submitted = service.submit()
    base = f"{service.hosts.queue}/acme/toy/requests/{RID}"
    assert (submitted.position, submitted.adopted) == (3, False)
    assert (submitted.handle.status_url, submitted.handle.response_url, submitted.handle.cancel_url) == (
        f"{base}/status", base, f"{base}/cancel",
    )  # fmt: skip
    assert service.server.requests[0].target == "/acme/toy/fast"
    assert service.server.requests[0].body == b'{"prompt":"a cat"}'


CUT_BODY = b'{"status":"IN_QUEUE","reque'


def head(code: int, *, marked: bool, framing: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Told", "Content-Type: application/json", framing]
    lines += [f"x-fal-request-id: {HEADER_ID}"] if marked else []
    return "\r\n".join([*filter(None, lines), "", ""]).encode()


NO_ID_ANSWERS = [
    case("Content-Length: 99", CUT_BODY, id="length-delimited-cut"),
    case("Transfer-Encoding: chunked", b"5f\r\n" + CUT_BODY, id="chunked-cut"),
    case("", CUT_BODY, id="end-delimited-cut"),
    case("Content-Length: 0", b"", id="empty"),
    case("Content-Length: 2", b"{}", id="no-request-id"),
    case("Content-Length: 4", b"null", id="null"),
    case("Content-Length: 2", b"[]", id="a-list"),
    case("Content-Length: 18", b'{"request_id": 17}', id="a-number-as-id"),
    case("Content-Length: 21", b'{"request_id": "../"}', id="a-path-as-id"),
    case("Content-Length: 13", b"<html></html>", id="html"),
]


@pytest.mark.parametrize(("framing", "body"), NO_ID_ANSWERS)
def test_a_2xx_without_its_id_is_adopted_by_its_header_if_the_queue_knows_it(
    serve: Serve, framing: str, body: bytes
) -> None:
    reply = [send(head(200, marked=True, framing=framing) + body), close]
    service = serve(submit=[reply], status=[told("IN_QUEUE", queue_position=0)])
    submitted = service.submit()
    assert (submitted.handle.request_id, submitted.adopted) == (HEADER_ID, True)
    assert service.asked == ["submit", "status"]
    assert f"/acme/toy/requests/{HEADER_ID}/status" in service.server.requests[1].target


@pytest.mark.parametrize(("framing", "body"), NO_ID_ANSWERS)
def test_a_2xx_without_any_id_is_lost(serve: Serve, framing: str, body: bytes) -> None:
    service = serve(submit=[[send(head(200, marked=False, framing=framing) + body), close]])
    with pytest.raises(AnswerLost):
        service.submit()
    assert service.asked == ["submit"]


@pytest.mark.parametrize(
    "refusal",
    [
        case(answer(404, {"status": "NOT_FOUND"}), id="unknown"),
        case(answer(401, {"detail": "no"}), id="unauthorized"),
        case(answer(500, {"detail": "no"}), id="failing"),
        case(reset, id="unreachable"),
    ],
)
def test_a_header_id_that_the_queue_does_not_confirm_is_lost(serve: Serve, refusal: Step) -> None:
    reply = [send(head(200, marked=True, framing="Content-Length: 99") + CUT_BODY), close]
    service = serve(submit=[reply], status=[refusal])
    with pytest.raises(AnswerLost) as raised:
        service.submit()
    assert raised.value.request_id == HEADER_ID
    assert service.asked.count("submit") == 1
    assert "status" in service.asked


@pytest.mark.parametrize("wrong", ["a/../b", "%2e%2e", "?x", "-", " "])
def test_a_header_that_cannot_be_an_id_is_not_asked_for(serve: Serve, wrong: str) -> None:
    service = serve(submit=[answer(200, {}, {"x-fal-request-id": wrong})])
    with pytest.raises(AnswerLost):
        service.submit()
    assert service.asked == ["submit"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        *((code, Refused) for code in (*CLIENT_ERRORS, 307)),
        *((code, AnswerLost) for code in SERVER_ERRORS),
    ],
)
def test_an_error_answer_that_is_cut_means_what_its_status_says(serve: Serve, code: int, error: type[ApiError]) -> None:
    service = serve(submit=[[send(head(code, marked=True, framing="Content-Length: 99") + CUT_BODY), close]])
    with pytest.raises(ApiError) as raised:
        service.submit()
    assert (type(raised.value), raised.value.status) == (error, code)
    assert service.asked == ["submit"]


# Paid calls: refused for rate

LIMIT = {"detail": [{"loc": [], "msg": "too many", "type": "concurrent_requests_limit"}]}
LONG_LINE = {"detail": "the queue is longer than 2"}


GATEWAYS_429 = [
    case(answer(429, LIMIT), id="concurrency"),
    case(answer(429, {"detail": "slow down", "error_type": "rate_limited"}), id="rate"),
    case(answer(429, {"detail": "slow down"}, {"X-Fal-Error-Type": "concurrent_requests_limit"}), id="header"),
    case(answer(429, {"error": {"type": "rate_limited", "message": "slow down"}}), id="platform"),
]
OTHER_429 = [
    case(answer(429, LONG_LINE), id="json"),
    case(answer(429, {"detail": "slow down"}, {"Retry-After": "1"}), id="retry-after"),
    case(answer(429, {"detail": "slow down"}, {"X-Fal-Needs-Retry": "1"}), id="needs-retry"),
    case(answer(429, b"slow down"), id="text"),
]


@pytest.mark.parametrize("refusal", [*GATEWAYS_429, *OTHER_429, case(answer(429, NGINX), id="page")])
def test_a_429_to_a_submit_is_asked_again_until_it_is_taken(serve: Serve, refusal: Step) -> None:
    service = serve(submit=[refusal, refusal, answer(200, {"request_id": RID})])
    service.submit()
    assert service.asked == ["submit"] * 3


@pytest.mark.parametrize("refusal", GATEWAYS_429)
def test_the_gateways_429_to_a_direct_call_is_asked_again(serve: Serve, refusal: Step) -> None:
    service = serve(submit=[refusal, refusal, answer(200, {"request_id": RID})])
    service.direct()
    assert service.asked == ["submit"] * 3


@pytest.mark.parametrize("outcome", OTHER_429)
def test_an_apps_own_429_is_the_outcome_of_a_direct_call(serve: Serve, outcome: Step) -> None:
    service = serve(submit=[outcome, answer(200, {"request_id": RID})])
    with pytest.raises(RequestFailed):
        service.direct()
    assert service.asked == ["submit"]


def test_a_page_of_a_429_is_no_bill_and_is_not_asked_again(serve: Serve) -> None:
    service = serve(submit=[answer(429, NGINX), answer(200, {"request_id": RID})])
    with pytest.raises(Refused):
        service.direct()
    assert service.asked == ["submit"]


@pytest.mark.parametrize("code", [400, 408, 418, 425, 429])
def test_a_stored_outcome_ends_a_request_whatever_its_status(serve: Serve, code: int) -> None:
    service = serve(result=[answer(code, {"detail": "the app says no"})])
    with pytest.raises(RequestFailed):
        queue.result(service.wire, service.handle(), ended=True)
    assert len(service.asked) <= 2


@pytest.mark.parametrize("code", [408, 425, 429])
def test_whether_a_request_has_ended_is_asked_where_its_outcome_looks_like_a_refusal(serve: Serve, code: int) -> None:
    service = serve(result=[answer(code, {"detail": "the app says no"})], status=[answer(200, {"status": "COMPLETED"})])
    with pytest.raises(RequestFailed):
        queue.result(service.wire, service.handle())


@pytest.mark.parametrize("name", ["submit", "direct"])
def test_a_429_that_stays_is_a_refusal(serve: Serve, name: str) -> None:
    service = serve(submit=[answer(429, LIMIT)])
    with pytest.raises(Refused) as raised:
        getattr(service, name)()
    assert raised.value.status == 429
    assert len(service.asked) == 8


@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        case(answer(429, LONG_LINE), 1, id="line-too-long"),
        case(answer(429), 1, id="no-words"),
        case(answer(429, LIMIT), 2, id="concurrency"),
        case(answer(429, LONG_LINE, {"Retry-After": "3"}), 2, id="retry-after"),
        case(answer(429, {"detail": "slow down"}, {"x-ratelimit-reset": "3"}), 2, id="ratelimit-reset"),
    ],
)
def test_max_queue_asks_to_be_refused_and_a_rate_limit_is_something_else(
    serve: Serve, refusal: Step, times: int
) -> None:
    service = serve(submit=[refusal, answer(422)])
    with pytest.raises(Refused) as raised:
        service.submit(max_queue=2)
    assert raised.value.status == (429 if times == 1 else 422)
    assert service.asked == ["submit"] * times
    assert service.server.requests[0].target == "/acme/toy/fast?fal_max_queue_length=2"


# Direct calls

NEVER_STARTED = (
    "runner_scheduling_failure",
    "startup_timeout",
    "runner_connection_timeout",
    "runner_connection_refused",
)


@pytest.mark.parametrize("place", ["body", "header"])
@pytest.mark.parametrize("word", NEVER_STARTED)
def test_a_direct_call_that_no_runner_had_is_made_again_twice(serve: Serve, word: str, place: str) -> None:
    in_body, headers = ({"error_type": word}, {}) if place == "body" else ({}, {"X-Fal-Error-Type": word})
    service = serve(submit=[answer(503, {"detail": "no runner"} | in_body, MARKED | headers)])
    with pytest.raises(RequestFailed) as raised:
        service.direct()
    assert raised.value.error_type == word
    assert service.asked == ["submit"] * 3


@pytest.mark.parametrize("word", NEVER_STARTED)
def test_a_submit_is_not_made_again_for_a_runner(serve: Serve, word: str) -> None:
    service = serve(submit=[answer(503, {"detail": "no runner", "error_type": word}, MARKED)])
    with pytest.raises(AnswerLost):
        service.submit()
    assert service.asked == ["submit"]


@pytest.mark.parametrize("code", [200, 422])
def test_a_model_that_writes_of_a_runner_error_has_run(serve: Serve, code: int) -> None:
    """The word alone proves nothing: only a 5xx of the gateway says that no runner had the work."""
    service = serve(submit=[answer(code, {"detail": "classified", "error_type": "startup_timeout"})])
    with suppress(Refused):
        service.direct()
    assert service.asked == ["submit"]


def test_a_direct_call_answers_bytes_and_their_headers(serve: Serve) -> None:
    units = {"X-Fal-Billable-Units": "1.5"}
    service = serve(submit=[answer(201, b"RIFF\x00", {"Content-Type": "audio/wav"} | MARKED | units)])
    result = service.direct()
    assert (result.body.read(), result.content_type, result.request_id) == (b"RIFF\x00", "audio/wav", RID)
    assert (result.billable_units, result.is_json) == ("1.5", False)


@pytest.mark.parametrize("body", [b"null", b" null\n", b"{}", b"[]", b'"text"', b"0"])
def test_a_direct_call_may_answer_any_json(serve: Serve, body: bytes) -> None:
    service = serve(submit=[answer(200, body, {"Content-Type": "application/json"})])
    assert service.direct().body.read() == body


@pytest.mark.parametrize("body", [b"", b'{"images": [', b'{"images": []', b"nul"])
def test_a_direct_answer_that_is_cut_is_lost(serve: Serve, body: bytes) -> None:
    service = serve(submit=[[send(JSON_HEAD + b"\r\n" + body), close]])
    with pytest.raises(AnswerLost):
        service.direct()
    assert service.asked == ["submit"]


def test_a_direct_call_ends_at_the_callers_limit(serve: Serve) -> None:
    service = serve(submit=[stall])
    with pytest.raises(AnswerLost):
        direct.run(service.wire, TOY, {}, CallOptions(), deadline=Deadline(0.2))
    service.server.settle(requests=1)
    assert service.asked == ["submit"]


# Status


@pytest.mark.parametrize("code", [200, 202])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        case(status_of("IN_QUEUE", queue_position=3), Queued(3), id="queued"),
        case(status_of("IN_QUEUE"), Queued(None), id="queued-somewhere"),
        case(status_of("IN_PROGRESS", logs=None), InProgress(), id="running"),
        case(status_of("IN_PROGRESS", logs={"a": 1}), InProgress(), id="logs-of-a-wrong-type"),
        case(
            status_of("IN_PROGRESS", logs=[log("line 1")]),
            InProgress((LogLine("2026-01-01T00:00:01", "INFO", "line 1"),)),
            id="running-with-logs",
        ),
        case(status_of("COMPLETED", metrics={"inference_time": 2}), Completed((), 2.0), id="completed"),
        case(status_of("COMPLETED", metrics={"inference_time": None}), Completed(), id="completed-unmeasured"),
        case(status_of("COMPLETED", error="boom", error_type="oops"), Completed((), None, "boom", "oops"), id="failed"),
        *(case(status_of(word), InProgress(), id=f"unknown-{word}") for word in ("PAUSED", "FAILED", "")),
    ],
)
def test_the_body_of_a_status_decides(serve: Serve, code: int, body: dict[str, Any], expected: Any) -> None:
    service = serve(status=[answer(code, body)])
    status = queue.status(service.wire, service.handle(), logs=True)
    assert type(status) is type(expected)
    assert status._replace(raw={}) == expected._replace(raw={})
    assert status.raw == body
    assert service.server.requests[0].target == f"/acme/toy/requests/{RID}/status?logs=1"


@pytest.mark.parametrize(
    ("reply", "error", "times"),
    [
        *(case(answer(code, {"detail": "no"}), Refused, 1, id=str(code)) for code in (400, 401, 403, 404, 405, 422)),
        *(case(answer(code), Unavailable, 8, id=str(code)) for code in (408, 425, 500, 502, 503, 504)),
        case(answer(429), Refused, 8, id="429"),
        case(answer(200, NGINX), Unavailable, 1, id="200-html"),
        case(answer(200, {"detail": "what"}), Unavailable, 1, id="200-no-status"),
        case(answer(307, headers={"Location": "https://elsewhere.invalid/"}), Refused, 1, id="redirect"),
        case(reset, NotReached, 8, id="reset"),
    ],
)
def test_a_status_that_cannot_be_had(serve: Serve, reply: Step, error: type[ApiError], times: int) -> None:
    service = serve(status=[reply])
    with pytest.raises(ApiError) as raised:
        queue.status(service.wire, service.handle())
    assert type(raised.value) is error
    assert service.asked == ["status"] * times


ASKS = [
    case(lambda service, handle: queue.status(service.wire, handle), "status", id="status"),
    case(lambda service, handle: queue.result(service.wire, handle), "result", id="result"),
]


@pytest.mark.parametrize(("ask", "route"), ASKS)
def test_a_404_just_after_the_submit_is_lag(serve: Serve, ask: Callable[..., object], route: str) -> None:
    missing = answer(404, {"status": "NOT_FOUND"})
    service = serve(**{route: [missing, missing, missing, told("COMPLETED")]})
    ask(service, service.handle(age=1.0))
    assert service.asked == [route] * 4


@pytest.mark.parametrize(
    ("age", "times"),
    [case(None, 1, id="age-unknown"), case(60.0, 1, id="old"), case(-60.0, 1, id="future"), case(1.0, 4, id="young")],
)
def test_a_404_is_believed_later_or_when_it_stays(serve: Serve, age: float | None, times: int) -> None:
    service = serve(status=[answer(404, {"status": "NOT_FOUND"})])
    with pytest.raises(Refused) as raised:
        queue.status(service.wire, service.handle(age=age))
    assert raised.value.status == 404
    assert len(service.asked) == times


# Result


def test_a_result_is_the_bytes_of_the_model(serve: Serve) -> None:
    units = {"X-Fal-Billable-Units": "3"}
    body = b'{"b": 1.0,  "a": "\xc3\xa9"}'
    service = serve(result=[answer(200, body, {"Content-Type": "application/json"} | MARKED | units)])
    result = queue.result(service.wire, service.handle())
    assert (result.body.read(), result.request_id, result.billable_units, result.is_json) == (body, RID, "3", True)


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("code", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("body", "headers"), [case({"detail": "boom"}, {}, id="json"), case("boom", MARKED, id="request-id")]
)
def test_a_stored_failure_is_believed_after_one_more_look(
    serve: Serve, code: int, body: object, headers: Mapping[str, str], ended: bool
) -> None:
    service = serve(result=[answer(code, body, headers)])
    with pytest.raises(RequestFailed) as raised:
        queue.result(service.wire, service.handle(), ended=ended)
    assert (raised.value.status, raised.value.message) == (code, "boom")
    assert service.asked == ["result", "result"]


def test_a_failure_that_passes_is_not_the_outcome(serve: Serve) -> None:
    service = serve(result=[answer(500, {"detail": "hiccup"}), answer(200, {"images": []})])
    assert queue.result(service.wire, service.handle(), ended=True).body.read() == b'{"images": []}'


@pytest.mark.parametrize("code", [400, 422, 499])
def test_a_stored_refusal_is_believed_at_once(serve: Serve, code: int) -> None:
    service = serve(result=[answer(code, {"detail": "no"}, MARKED)])
    with pytest.raises(RequestFailed) as raised:
        queue.result(service.wire, service.handle())
    assert (raised.value.status, raised.value.request_id) == (code, RID)
    assert service.asked == ["result"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        *(case(answer(code, NGINX), Unavailable, id=f"{code}-html") for code in (500, 502, 503, 504)),
        *(case(answer(code), Unavailable, id=f"{code}-empty") for code in (408, 425, 500, 502, 503, 504)),
        case(answer(429, {"detail": "slow down", "error_type": "rate_limited"}), Refused, id="429"),
        case(reset, NotReached, id="reset"),
        case([send(JSON_HEAD + b"Content-Length: 99\r\n\r\n{"), close], NotReached, id="length-delimited-cut"),
        case([send(JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"), close], NotReached, id="chunked-cut"),
    ],
)
def test_a_result_that_cannot_be_had_says_nothing_of_the_request(
    serve: Serve, reply: Step, error: type[ApiError]
) -> None:
    service = serve(result=[reply])
    with pytest.raises(ApiError) as raised:
        queue.result(service.wire, service.handle(), ended=True)
    assert type(raised.value) is error
    assert service.asked == ["result"] * 8


@pytest.mark.parametrize(
    "cut",
    [
        case([send(JSON_HEAD + b'\r\n{"images": ['), close], id="end-delimited-body"),
        case([send(b"HTTP/1.1 200 OK\r\nContent-Ty"), close], id="half-a-header"),
    ],
)
def test_a_result_cut_where_the_connection_ends_is_fetched_again(serve: Serve, cut: list[Step]) -> None:
    service = serve(result=[cut, answer(200, {"images": []})])
    assert queue.result(service.wire, service.handle(), ended=True).body.read() == b'{"images": []}'
    assert service.asked == ["result", "result"]


@pytest.mark.parametrize("code", [400, 500])
@pytest.mark.parametrize(
    "body",
    [{"detail": "Request is still in progress"}, "Request is STILL in progress"],
    ids=["json", "text"],
)
def test_still_in_progress_is_not_an_outcome(serve: Serve, code: int, body: object) -> None:
    service = serve(result=[answer(code, body, MARKED)])
    with pytest.raises(NotReady) as raised:
        queue.result(service.wire, service.handle())
    assert raised.value.request_id == RID
    assert service.asked == ["result"]


@pytest.mark.parametrize("code", [401, 403, 404])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        case(told("COMPLETED"), RequestFailed, id="the-app-said-it"),
        case(told("IN_PROGRESS"), Refused, id="the-gateway-said-it"),
        case(answer(404, {"status": "NOT_FOUND"}), Refused, id="unknown-to-the-queue"),
        case(answer(401, {"detail": "bad key"}), Refused, id="the-key-is-refused"),
    ],
)
def test_a_status_tells_whose_refusal_a_result_is(serve: Serve, code: int, status: Step, error: type[ApiError]) -> None:
    service = serve(result=[answer(code, {"detail": "no"})], status=[status])
    with pytest.raises(ApiError) as raised:
        queue.result(service.wire, service.handle())
    assert type(raised.value) is error
    assert service.asked == ["result", "status"]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_after_completed_a_refusal_is_the_outcome(serve: Serve, code: int) -> None:
    service = serve(result=[answer(code, {"detail": "no"})])
    with pytest.raises(RequestFailed):
        queue.result(service.wire, service.handle(), ended=True)
    assert service.asked == ["result"]


# Cancel


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        case(answer(200, {"status": "OK"}), "OK", id="was-queued"),
        case(answer(202, {"status": "CANCELLATION_REQUESTED"}), "CANCELLATION_REQUESTED", id="runs"),
        case(answer(400, {"status": "ALREADY_COMPLETED"}), "ALREADY_COMPLETED", id="too-late"),
        case(answer(200, {"success": True}), "OK", id="older-shape"),
        case(answer(202), "", id="202-empty"),
        case(answer(204), "", id="204"),
        case(answer(200, {}), "", id="nothing"),
        case(answer(200, NGINX), "", id="page"),
    ],
)
def test_a_cancel_answers_a_word(serve: Serve, reply: Step, word: str) -> None:
    service = serve(cancel=[reply])
    assert queue.cancel(service.wire, service.handle()) == Cancelled(word)
    assert [(seen.method, seen.target) for seen in service.server.requests] == [
        ("PUT", f"/acme/toy/requests/{RID}/cancel")
    ]


@pytest.mark.parametrize(
    ("reply", "error", "times"),
    [
        case(answer(404, {"status": "NOT_FOUND"}), Refused, 1, id="unknown"),
        case(answer(401, {"detail": "no"}), Refused, 1, id="unauthorized"),
        case(answer(400, {"detail": "no"}), Refused, 1, id="bad"),
        case(answer(503, {"detail": "busy"}), Unavailable, 8, id="503"),
        case(answer(502, NGINX), Unavailable, 8, id="502-html"),
        case(reset, NotReached, 8, id="reset"),
    ],
)
def test_a_cancel_that_fails(serve: Serve, reply: Step, error: type[ApiError], times: int) -> None:
    service = serve(cancel=[reply])
    with pytest.raises(ApiError) as raised:
        queue.cancel(service.wire, service.handle())
    assert type(raised.value) is error
    assert service.asked == ["cancel"] * times


# The URLs that a submit names

URL_NAMES = ("status_url", "response_url", "cancel_url")


def handle_named(service: Service, url: str) -> Handle:
    reply = {"request_id": RID} | dict.fromkeys(URL_NAMES, url)
    return queue.handle_for(service.hosts, TOY, RID, reply)


@pytest.mark.parametrize(
    "url",
    [
        case("https://evil.invalid/x", id="other-host"),
        case("http://127.0.0.1:1/x", id="other-port"),
        case("https://127.0.0.1:{port}/x", id="other-scheme"),
        case("http://localhost:{port}/x", id="other-name"),
        case("http://127.0.0.1:{port}@evil.invalid/x", id="our-host-as-user"),
        case("http://127.0.0.1:{port}.evil.invalid/x", id="our-host-as-prefix"),
        case("http://evil.invalid\\@127.0.0.1:{port}/x", id="backslash-before-our-host"),
        case("//127.0.0.1:{port}/x", id="no-scheme"),
        case("/acme/toy", id="a-path"),
        case("", id="empty"),
        case("http://127.0.0.1:port/x", id="malformed-port"),
        case("http://[::1/x", id="malformed-host"),
    ],
)
def test_a_url_elsewhere_is_rebuilt_on_our_host(serve: Serve, url: str) -> None:
    service = serve()
    handle = handle_named(service, url.format(port=service.server.port))
    assert handle == service.handle()


@pytest.mark.parametrize("value", [None, 7, ["x"], {}])
def test_a_url_of_a_wrong_type_is_rebuilt(serve: Serve, value: object) -> None:
    service = serve(submit=[answer(200, {"request_id": RID} | dict.fromkeys(URL_NAMES, value))])
    assert service.submit().handle.status_url == service.handle().status_url


def test_urls_on_our_host_are_used_as_they_are(serve: Serve) -> None:
    service = serve(status=[told("COMPLETED")], result=[answer(200, {})], cancel=[answer(200, {})])
    base = f"{service.hosts.queue}/v2/other/requests/{RID}"
    urls = {"status_url": f"{base}/status?token=t", "response_url": f"{base}?v=2", "cancel_url": f"{base}/cancel"}
    handle = queue.handle_for(service.hosts, TOY, RID, urls)
    queue.status(service.wire, handle)
    queue.result(service.wire, handle)
    queue.cancel(service.wire, handle)
    path = f"/v2/other/requests/{RID}"
    assert [seen.target for seen in service.server.requests] == [
        f"{path}/status?token=t&logs=0", f"{path}?v=2", f"{path}/cancel",
    ]  # fmt: skip


def test_a_submit_takes_the_urls_that_it_names(serve: Serve) -> None:
    service = serve()
    at = f"{service.hosts.queue}/v2/requests/{RID}/status"
    reply = {"request_id": RID, "status_url": at, "cancel_url": "https://evil.invalid/cancel"}
    service.server.scripts = (routed(submit=[answer(200, reply)]),)
    handle = service.submit().handle
    assert (handle.status_url, handle.cancel_url) == (at, service.handle().cancel_url)


def test_following_uses_the_urls_with_their_query(serve: Serve) -> None:
    service = serve(stream=[answer(404)], status=[told("COMPLETED")])
    urls = {"status_url": f"{service.hosts.queue}/v2/requests/{RID}/status?token=t"}
    list(follow.follow(service.wire, queue.handle_for(service.hosts, TOY, RID, urls)))
    targets = [seen.target for seen in service.server.requests]
    assert [target.partition("?")[0].rpartition("/")[2] for target in targets] == ["stream", "status"]
    assert all("token=t" in target and "logs=1" in target for target in targets)


# Following


def words(events: list[Event]) -> list[str]:
    return [getattr(event, "word", type(event).__name__) for event in events]


def lines(events: list[Event]) -> list[str]:
    return [line.message for event in events for line in getattr(event, "logs", ())]


def test_a_healthy_stream_costs_one_request(serve: Serve) -> None:
    script = stream(
        status_of("IN_QUEUE", queue_position=2),
        status_of("IN_QUEUE", queue_position=2),
        status_of("IN_QUEUE", queue_position=1),
        status_of("IN_PROGRESS", logs=[]),
        status_of("IN_PROGRESS", logs=[]),
        status_of("COMPLETED", logs=[], metrics={"inference_time": 1.5}),
    )
    service = serve(stream=[script])
    events = service.follow()
    assert words(events) == ["IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert [event.position for event in events[:2]] == [2, 1]
    assert events[-1].inference_seconds == 1.5
    assert service.asked == ["stream"]


def test_a_log_line_is_told_once(serve: Serve) -> None:
    """The service sends a window that slides over the lines, and a reopened stream sends it again."""
    one, two, three, four = (log(f"line {number}") for number in (1, 2, 3, 4))
    first = stream(status_of("IN_PROGRESS", logs=[one, two]), status_of("IN_PROGRESS", logs=[two, three]))
    second = stream(status_of("IN_PROGRESS", logs=[one, three]), status_of("COMPLETED", logs=[three, four]))
    service = serve(stream=[first, second], status=[told("IN_PROGRESS", logs=[two, three])])
    events = service.follow()
    assert lines(events) == ["line 1", "line 2", "line 3", "line 4"]
    assert service.asked == ["stream", "status", "stream"]


def test_lines_that_differ_in_one_value_are_different(serve: Serve) -> None:
    base = log("line 1")
    others = [base | {"timestamp": "later"}, base | {"level": "ERROR"}]
    events = serve(stream=[stream(status_of("COMPLETED", logs=[base, *others, base]))]).follow()
    assert len(events[0].logs) == 3


@pytest.mark.parametrize("way", ["stream", "polling"])
def test_a_request_may_go_back_into_the_queue(serve: Serve, way: str) -> None:
    seen = [
        status_of("IN_PROGRESS"),
        status_of("IN_QUEUE", queue_position=0),
        status_of("IN_PROGRESS"),
        status_of("COMPLETED"),
    ]
    routes: dict[str, Replies] = (
        {"stream": [stream(*seen)]}
        if way == "stream"
        else {"stream": [answer(404)], "status": [answer(200, body) for body in seen]}
    )
    assert words(serve(**routes).follow()) == ["IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


def test_an_unknown_status_word_counts_as_running(serve: Serve) -> None:
    service = serve(stream=[stream(status_of("PAUSED"), status_of("COMPLETED"))])
    assert words(service.follow()) == ["IN_PROGRESS", "COMPLETED"]


def test_events_are_read_however_the_bytes_come(serve: Serve) -> None:
    """Comments, foreign events, a character split in two, chunked transfer, CRLF."""
    parts = [b": ping\r\n\r\n", b'data: {"type": "hello"}\r\n\r\n', b"data: 7\n\n"]
    body = json.dumps(status_of("IN_PROGRESS", logs=[log("é 1")]), ensure_ascii=False).encode()
    cut = body.index("é".encode()) + 1
    parts += [b"data: " + body[:cut], body[cut:] + b"\r", b"\n\r\n", event(status_of("COMPLETED"))]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    headers = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    service = serve(stream=[[send(headers), *(send(bytes([byte])) for byte in chunked)]], result=[answer(200, {})])
    events = service.follow()
    assert (words(events), lines(events)) == (["IN_PROGRESS", "COMPLETED"], ["é 1"])
    queue.result(service.wire, service.handle())
    assert [seen.connection for seen in service.server.requests] == [0, 0]  # drained, so it can be used again


RUNNING = told("IN_PROGRESS")
BREAKS = [
    # how each stream goes, which limits are short
    case(stream(status_of("IN_PROGRESS")), "", id="ended"),
    case(stream(status_of("IN_PROGRESS"), then=reset), "", id="reset"),
    case([send(STREAM_HEAD + b"data: {oops\n\n"), close], "", id="no-json"),
    case([send(STREAM_HEAD), stall], "FIRST_BYTE_SECONDS", id="silent-from-the-start"),
    case(stream(status_of("IN_PROGRESS"), then=stall), "SILENCE_SECONDS", id="silent-later"),
    case(reset, "", id="no-answer"),
    case(answer(503), "", id="503"),
    case(answer(429), "", id="429"),
]


@pytest.mark.parametrize(("broken", "hurry"), BREAKS)
def test_a_broken_stream_is_opened_again_three_times_before_polling(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, broken: Step | list[Step], hurry: str
) -> None:
    for constant in hurry.split():
        monkeypatch.setattr(follow, constant, 0.1)
    service = serve(stream=[broken], status=[RUNNING] * 5 + [told("COMPLETED")])
    events = service.follow()
    assert words(events) == ["IN_PROGRESS", "COMPLETED"]
    assert service.asked == ["stream", "status"] * 4 + ["status"] * 2


@pytest.mark.parametrize("code", [401, 403, 404, 405, 501, 200, 307])
def test_a_refused_stream_leads_straight_to_polling(serve: Serve, code: int) -> None:
    service = serve(stream=[answer(code, NGINX)], status=[RUNNING, RUNNING, told("COMPLETED")])
    assert words(service.follow()) == ["IN_PROGRESS", "COMPLETED"]
    assert service.asked == ["stream", "status", "status", "status"]


def test_a_stream_that_breaks_after_the_end_is_not_opened_again(serve: Serve) -> None:
    service = serve(stream=[stream(status_of("IN_PROGRESS"))], status=[told("COMPLETED")])
    assert words(service.follow()) == ["IN_PROGRESS", "COMPLETED"]
    assert service.asked == ["stream", "status"]


def test_a_keep_alive_is_a_sign_of_life(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the stream may be silent for longer than the first byte is waited for."""
    monkeypatch.setattr(follow, "FIRST_BYTE_SECONDS", 0.2)
    late = [send(STREAM_HEAD + b": ping\n\n"), pause(0.5), send(event(status_of("COMPLETED"))), close]
    service = serve(stream=[late])
    assert words(service.follow()) == ["COMPLETED"]
    assert service.asked == ["stream"]


def test_streams_that_lived_long_are_opened_again_without_end(serve: Serve, clock: Clock) -> None:
    """A proxy that cuts each stream after a minute must not end in polling."""
    streams: Replies = [stream(status_of("IN_QUEUE", queue_position=place)) for place in range(9, 0, -1)]
    waiting: Replies = [told("IN_QUEUE", queue_position=place) for place in range(9, 0, -1)]
    service = serve(stream=[*streams, stream(status_of("COMPLETED"))], status=waiting)
    for each in follow.follow(service.wire, service.handle()):
        if isinstance(each, Queued):
            clock.sleep(60.0)
    assert service.asked == ["stream", "status"] * 9 + ["stream"]


def test_polling_slows_down_and_starts_anew_when_something_changes(serve: Serve, clock: Clock) -> None:
    waiting = [told("IN_QUEUE", queue_position=1)] * 8
    service = serve(stream=[answer(404)], status=[*waiting, RUNNING, RUNNING, told("COMPLETED")])
    service.follow()
    growing = [0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0, 5.0]
    assert clock.slept == [*growing, 0.5, 0.75]


@pytest.mark.parametrize("away", [reset, answer(503), answer(502, NGINX), answer(429), answer(200, NGINX)])
def test_a_lost_network_is_told_and_waited_for(serve: Serve, away: Step) -> None:
    service = serve(stream=[answer(404)], status=[RUNNING, away, away, away, told("COMPLETED")])
    events = service.follow()
    assert words(events) == ["IN_PROGRESS", "Offline", "Offline", "Offline", "BackOnline", "COMPLETED"]
    seconds = [event.seconds for event in events if isinstance(event, Offline | BackOnline)]
    assert seconds == sorted(seconds)
    assert seconds[0] < 0.4
    assert seconds[-1] > 1.0  # by the clock that the pauses moved


def test_an_outage_longer_than_any_retry_ends_nothing(serve: Serve) -> None:
    service = serve(stream=[answer(404)], status=[reset] * 40 + [told("COMPLETED")])
    events = service.follow()
    assert words(events) == ["Offline"] * 40 + ["BackOnline", "COMPLETED"]
    assert events[-2].seconds > 120.0


def test_the_first_404s_of_a_young_request_are_lag(serve: Serve) -> None:
    missing = answer(404, {"status": "NOT_FOUND"})
    service = serve(stream=[missing], status=[missing, missing, told("COMPLETED")])
    assert words(service.follow(age=1.0)) == ["COMPLETED"]


@pytest.mark.parametrize("code", [401, 403, 404])
@pytest.mark.parametrize("begun", [True, False])
def test_following_ends_when_the_service_refuses(serve: Serve, code: int, begun: bool) -> None:
    refusal = answer(code, {"detail": "no"})
    service = serve(stream=[answer(404)], status=[RUNNING, refusal] if begun else [refusal])
    events, error = service.follow_to_error()
    assert words(events) == ["IN_PROGRESS"] * begun
    assert (type(error), error.status) == (Refused, code)


# The caller's limit


def ended_by_the_limit(service: Service, seconds: float) -> list[Event]:
    events, error = service.follow_to_error(seconds)
    assert (type(error), error.request_id) == (WaitEnded, RID)
    return events


def test_polling_ends_at_the_limit(serve: Serve, clock: Clock) -> None:
    service = serve(stream=[answer(404)], status=[RUNNING])
    assert words(ended_by_the_limit(service, 60.0)) == ["IN_PROGRESS"]
    assert 59.0 < sum(clock.slept) <= 60.0


def test_being_offline_ends_at_the_limit(serve: Serve, clock: Clock) -> None:
    service = serve(stream=[answer(404)], status=[reset])
    assert set(words(ended_by_the_limit(service, 60.0))) == {"Offline"}
    assert 59.0 < sum(clock.slept) <= 60.0


@pytest.mark.parametrize("logs", [[log("x" * 300_000 + "1")], [{}] * 20_000], ids=["bytes", "values"])
def test_a_status_among_many_that_is_too_large_is_asked_without_its_log_lines(serve: Serve, logs: list[Any]) -> None:
    """Many are followed at once: what each may take is little, and no request is lost for its many lines."""
    service = serve(
        stream=[stream(status_of("IN_PROGRESS", logs=logs)), stream(status_of("COMPLETED"))],
        status=[told("IN_PROGRESS", logs=[])],
    )
    seen = list(follow.follow(service.wire, service.handle(), among_many=True))
    assert [type(each) for each in seen] == [InProgress, Completed]
    assert [seen.target.partition("?")[2] for seen in service.server.requests] == ["logs=1", "logs=0", "logs=0"]


def test_a_status_call_among_many_that_is_too_large_is_made_again_without_log_lines(serve: Serve) -> None:
    service = serve(
        stream=[answer(405, {})],
        status=[told("IN_PROGRESS", logs=[log("x" * 300_000 + "1")]), told("COMPLETED")],
    )
    assert [type(each) for each in follow.follow(service.wire, service.handle(), among_many=True)] == [Completed]
    assert [seen.target.partition("?")[2] for seen in service.server.requests] == ["logs=1", "logs=1", "logs=0"]


def test_the_only_one_may_have_many_log_lines(serve: Serve) -> None:
    lines = [log("x" * 300_000 + "1")]
    service = serve(stream=[stream(status_of("COMPLETED", logs=lines))])
    (seen,) = service.follow()
    assert isinstance(seen, Completed)
    assert len(seen.logs) == 1


def test_a_silent_stream_ends_at_the_limit(serve: Serve) -> None:
    service = serve(stream=[stream(status_of("IN_QUEUE", queue_position=0), then=stall)])
    assert words(ended_by_the_limit(service, 0.3)) == ["IN_QUEUE"]
    assert service.asked == ["stream"]


def test_a_talking_stream_ends_at_the_limit(serve: Serve) -> None:
    def ping(talk: Any) -> None:
        while not talk.server.stopping.wait(0.02):
            talk.sock.sendall(b": ping\n\n")

    service = serve(stream=[[send(STREAM_HEAD), ping]])
    assert ended_by_the_limit(service, 0.3) == []


def test_a_limit_that_has_passed_asks_nothing(serve: Serve) -> None:
    service = serve(stream=[stream(status_of("COMPLETED"))])
    assert ended_by_the_limit(service, 0.0) == []
    assert service.asked == []


@pytest.mark.parametrize("route", ["stream", "status"])
def test_an_answer_that_never_comes_ends_at_the_limit(serve: Serve, route: str) -> None:
    """The read limit of a single call is 30 s; a caller who waits less long than that is not kept."""
    service = serve(**{"stream": [answer(404)], "status": [RUNNING], route: [stall]})
    errors: list[ApiError] = []
    thread = threading.Thread(target=lambda: errors.append(service.follow_to_error(0.3)[1]), daemon=True)
    thread.start()
    thread.join(8.0)
    assert [type(error) for error in errors] == [WaitEnded]


def test_a_host_that_does_not_accept_counts_as_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 0.1)
    with full_port() as port:
        hosts = Hosts(queue=f"http://127.0.0.1:{port}")
        events = follow.follow(Wire(hosts, "Key a:b"), queue.handle_for(hosts, TOY, RID))
        assert isinstance(next(events), Offline)
