"""The key goes to the configured hosts and nowhere else, and an exchange is made again only where that is free.

Proved on real sockets: what a server saw, how often, on which connection, and how long was waited in between.
"""

import re
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from time import time
from types import SimpleNamespace

import pytest
import requests

from fal_cli.api import direct, queue, retry, wire
from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import AnswerLost, ApiError, NotReached, Refused
from fal_cli.api.events import Retrying
from fal_cli.api.hosts import Hosts
from fal_cli.api.messages import Policy, Request, TransportFailure
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId
from fal_cli.errors import report
from tests.support.faulty_server import (
    Authority,
    Clock,
    Server,
    Step,
    answer,
    answering,
    clear_environment,
    close,
    echo_headers,
    handshake,
    read_request,
    read_some,
    refusing_port,
    reset,
    send,
    stall,
)

TOY = EndpointId("acme", "toy")
SECRET = "s3cr3t-half"
TOKEN = f"k3y-id:{SECRET}"
KEY = f"Key {TOKEN}"
OK = answer(200, {"request_id": "r-1"})
ONCE = Policy(lambda outcome: 0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Waiting takes no time and is noted; the jitter is always the most it can be."""
    clear_environment(monkeypatch)
    monkeypatch.setattr(wire, "random", SimpleNamespace(uniform=lambda low, high: high))
    return Clock().replace_in(monkeypatch, wire)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def ours() -> Iterator[Server]:
    """The configured host: it answers everything with a request id."""
    with Server(answering(OK)) as server:
        yield server


@pytest.fixture
def stranger() -> Iterator[Server]:
    """A host that is not configured."""
    with Server(answering(OK)) as server:
        yield server


def wire_to(*servers: Server, key: str = KEY, **told: Callable[..., None]) -> Wire:
    run, queue_host = servers[0].url, servers[-1].url
    return Wire(Hosts(run=run, queue=queue_host, rest="", cdn="", api=""), key, **told)


def get(url: str) -> Request:
    return Request("the thing", "GET", url)


# The key


def test_the_key_is_sent_to_each_configured_host(ours: Server) -> None:
    with Server(answering(OK)) as other:
        service = wire_to(ours, other)
        service.send(get(f"{ours.url}/a"), ONCE)
        service.send(get(f"{other.url}/a"), ONCE)
    assert [seen.headers["authorization"] for seen in (*ours.requests, *other.requests)] == [KEY, KEY]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://127.0.0.1:{stranger}", id="other-port"),
        pytest.param("http://localhost:{ours}", id="other-name-of-the-same-machine"),
        pytest.param("http://127.0.0.1:{ours}@127.0.0.1:{stranger}", id="our-host-as-user"),
        pytest.param("http://127.0.0.1:{stranger}\\@127.0.0.1:{ours}", id="backslash-before-our-host"),
        pytest.param("http://127.0.0.1:{stranger}#@127.0.0.1:{ours}", id="our-host-as-fragment"),
    ],
)
def test_the_key_is_sent_to_no_other_host(ours: Server, stranger: Server, address: str) -> None:
    url = address.format(ours=ours.port, stranger=stranger.port) + "/a"
    wire_to(ours).send(get(url), ONCE)
    seen = [*ours.requests, *stranger.requests]
    assert len(seen) == 1
    assert KEY not in seen[0].headers.values()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_an_answer(stranger: Server, status: int, method: str) -> None:
    """Neither the key nor the body goes where the answer points, and it is not asked a second time."""
    moved = answer(status, headers={"Location": f"{stranger.url}/taken"})
    with Server(answering(moved)) as ours:
        told = wire_to(ours).send(Request("it", method, f"{ours.url}/a", body=b"{}"), retry.FREE)
    assert (told.status, len(ours.requests), stranger.connections) == (status, 1, 0)


@pytest.mark.parametrize("call", [queue.submit, direct.run], ids=["submit", "direct"])
def test_a_paid_call_does_not_follow_a_redirect(stranger: Server, call: Callable[..., object]) -> None:
    with (
        Server(answering(answer(307, headers={"Location": f"{stranger.url}/taken"}))) as ours,
        pytest.raises(Refused, match=f"redirect to {stranger.url}/taken"),
    ):
        call(wire_to(ours), TOY, {}, CallOptions())
    assert (len(ours.requests), stranger.connections) == (1, 0)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1\n  login somebody\n  password else\n")
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.usefixtures("netrc")
def test_netrc_does_not_replace_the_key(ours: Server) -> None:
    assert requests.utils.get_netrc_auth(ours.url) == ("somebody", "else")  # what requests would send by itself
    wire_to(ours).send(get(ours.url), ONCE)
    assert ours.requests[0].headers["authorization"] == KEY


@pytest.mark.usefixtures("netrc")
def test_netrc_adds_no_key(ours: Server, stranger: Server) -> None:
    wire_to(ours).send(get(stranger.url), ONCE)
    wire_to(ours, key="").send(get(ours.url), ONCE)
    assert "authorization" not in {**stranger.requests[0].headers, **ours.requests[0].headers}


# Proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_never_goes_through_a_proxy(
    ours: Server, stranger: Server, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    monkeypatch.setenv(variable, stranger.url)
    told = wire_to(ours).send(get(f"http://{host}:{ours.port}/a"), ONCE)
    assert (told.status, len(ours.requests), stranger.connections) == (200, 1, 0)


def test_the_proxy_of_a_tunnel_does_not_see_the_key(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    shake = handshake(authority.context("queue.fal.invalid"))
    tunnel = [read_request, send(b"HTTP/1.1 200 Established\r\n\r\n"), shake, read_request, OK]
    base = "https://queue.fal.invalid"
    with Server(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        queue.submit(Wire(Hosts(queue=base), KEY), TOY, {}, CallOptions())
    connect, call = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", "queue.fal.invalid:443")
    assert "authorization" not in connect.headers
    assert call.headers["authorization"] == KEY


# Waiting as long as the service asks


def in_seconds(seconds: int) -> str:
    return formatdate(time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        pytest.param({"Retry-After": "7"}, 7, 7, id="seconds"),
        pytest.param({"Retry-After": "0"}, 0, 0, id="none"),
        pytest.param({"Retry-After": "3600"}, 60, 60, id="seconds-capped"),
        pytest.param({"Retry-After": in_seconds(86_400)}, 60, 60, id="date-capped"),
        pytest.param({"Retry-After": in_seconds(-86_400)}, 0, 0, id="date-past"),
        pytest.param({"x-ratelimit-reset": "9"}, 9, 9, id="ratelimit-reset"),
        pytest.param({"Retry-After": "7", "x-ratelimit-reset": "9"}, 7, 7, id="retry-after-first"),
        pytest.param({"Retry-After": "soon"}, 0.5, 0.5, id="unreadable"),
        pytest.param({"Retry-After": "-7"}, 0.5, 0.5, id="negative"),
        pytest.param({"Retry-After": "9" * 400}, 0, 60, id="a-number-beyond-floats"),
        pytest.param({"Retry-After": "9" * 5000}, 0, 60, id="a-number-beyond-int"),
        pytest.param({"Retry-After": "Mon, 01 Jan 99999 00:00:00 GMT"}, 0, 60, id="a-date-beyond-the-calendar"),
        pytest.param({}, 0.5, 0.5, id="not-asked"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_up_to_a_minute(
    clock: Clock, headers: dict[str, str], least: float, most: float, status: int
) -> None:
    retries: list[Retrying] = []
    with Server(answering(answer(status, headers=headers), OK)) as server:
        told = wire_to(server, notify=retries.append).send(get(server.url), retry.FREE)
    assert told.ok
    assert len(server.requests) == 2
    assert least <= clock.slept[0] <= most
    assert [(retry.reason, retry.attempt, retry.delay) for retry in retries] == [(f"HTTP {status}", 1, clock.slept[0])]


def test_retry_after_as_a_date_is_honoured(clock: Clock) -> None:
    with Server(answering(answer(429, headers={"Retry-After": in_seconds(40)}), OK)) as server:
        wire_to(server).send(get(server.url), retry.FREE)
    assert 1 <= clock.slept[0] <= 40


def test_retry_after_holds_for_a_paid_call_too(clock: Clock) -> None:
    with Server(answering(answer(429, headers={"Retry-After": "7"}), OK)) as server:
        queue.submit(wire_to(server), TOY, {}, CallOptions())
    assert clock.slept == [7.0]


def test_retry_after_cannot_make_a_paid_call_be_sent_again() -> None:
    """urllib3's own `Retry` would send a 503 with this header again."""
    with (
        Server(answering(answer(503, {"detail": "busy"}, {"Retry-After": "1"}), OK)) as server,
        pytest.raises(AnswerLost),
    ):
        queue.submit(wire_to(server), TOY, {}, CallOptions())
    assert len(server.requests) == 1


def test_the_wait_doubles_up_to_a_cap(clock: Clock) -> None:
    with Server(answering(answer(500))) as server:
        wire_to(server).send(get(server.url), retry.FREE)
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


def test_a_free_call_gives_up_before_two_minutes_are_over(clock: Clock) -> None:
    with Server(answering(answer(503, headers={"Retry-After": "50"}))) as server:
        told = wire_to(server).send(get(server.url), retry.FREE)
    assert told.status == 503
    assert clock.slept == [50.0, 50.0]


def test_a_wait_beyond_the_callers_limit_is_not_begun(clock: Clock) -> None:
    with Server(answering(answer(429, headers={"Retry-After": "50"}))) as server:
        told = wire_to(server).send(get(server.url), retry.FREE, deadline=Deadline(40.0))
    assert (told.status, len(server.requests), clock.slept) == (429, 1, [])


# What is made again


@pytest.mark.parametrize(
    ("status", "times"),
    [
        *((status, 8) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((status, 1) for status in (200, 202, 204, 301, 400, 401, 403, 404, 405, 409, 413, 415, 422, 499, 501, 505)),
    ],
)
def test_a_free_call_is_made_again_after_a_passing_failure(status: int, times: int) -> None:
    with Server(answering(answer(status))) as server:
        told = wire_to(server).send(get(server.url), retry.FREE)
    assert (told.status, len(server.requests)) == (status, times)


@pytest.mark.parametrize(
    ("steps", "phase_word"),
    [
        pytest.param([read_request, reset], "without an answer", id="reset"),
        pytest.param([read_request, close], "without an answer", id="ended"),
        pytest.param([read_request, send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), close], "cut", id="cut"),
        pytest.param([read_request, send(b"what?\r\n"), close], "without an answer", id="garbage"),
    ],
)
def test_a_free_call_is_made_again_after_any_transport_failure(steps: list[Step], phase_word: str) -> None:
    with Server(steps) as server, pytest.raises(TransportFailure, match=phase_word):
        wire_to(server).send(get(server.url), retry.FREE)
    assert len(server.requests) == 8


def test_a_free_call_ends_with_the_first_good_answer() -> None:
    with Server([read_request, reset], [read_request, close], [read_request, answer(503)], answering(OK)) as server:
        told = wire_to(server).send(get(server.url), retry.FREE)
    assert (told.status, len(server.requests)) == (200, 4)


@pytest.mark.parametrize(
    ("name", "said", "way_out"),
    [
        pytest.param("127.0.0.1", "not trusted", "SSL_CERT_FILE", id="untrusted"),
        pytest.param("localhost", "certificate of another host", "fal doctor", id="wrong-name"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_is_asked_for_once(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str, said: str, way_out: str
) -> None:
    if name == "localhost":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with Server([handshake(authority.context(name)), read_request]) as server:
        base = server.url.replace("http:", "https:")
        service = Wire(Hosts(run=base, queue=base), KEY)
        with pytest.raises(TransportFailure, match=said) as raised:
            service.send(get(f"{base}/a"), retry.FREE)
        assert raised.value.permanent
        assert way_out in raised.value.way_out
        assert server.connections == 1
        with pytest.raises(NotReached, match=said) as refused:
            queue.submit(service, TOY, {}, CallOptions())
        assert "the command again" not in report(refused.value).hint.lower()
        assert server.connections == 2
    assert server.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_file_of_the_environment_is_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(authority.bundle))
    with Server([handshake(authority.context()), *answering(OK)]) as server:
        base = server.url.replace("http:", "https:")
        assert Wire(Hosts(queue=base), KEY).send(get(f"{base}/a"), ONCE).ok
    assert server.requests[0].headers["authorization"] == KEY


# Connections


def test_free_calls_share_a_connection(ours: Server) -> None:
    service = wire_to(ours)
    service.send(get(ours.url), retry.FREE)
    service.send(get(ours.url), retry.FREE)
    assert [seen.connection for seen in ours.requests] == [0, 0]


@pytest.mark.parametrize("call", [queue.submit, direct.run], ids=["submit", "direct"])
def test_a_paid_call_has_a_connection_of_its_own(ours: Server, call: Callable[..., object]) -> None:
    service = wire_to(ours)
    service.send(get(ours.url), retry.FREE)
    call(service, TOY, {}, CallOptions())
    assert [(seen.method, seen.connection) for seen in ours.requests] == [("GET", 0), ("POST", 1)]


@pytest.mark.parametrize("end", [close, reset], ids=["closed", "reset"])
@pytest.mark.parametrize("call", [queue.submit, direct.run], ids=["submit", "direct"])
def test_a_paid_call_does_not_fall_into_a_connection_that_the_server_closed(
    call: Callable[..., object], end: Step
) -> None:
    with Server([read_request, OK, end], answering(OK)) as server:
        service = wire_to(server)
        service.send(get(server.url), retry.FREE)
        call(service, TOY, {}, CallOptions())
    assert [seen.method for seen in server.requests] == ["GET", "POST"]


def test_each_repetition_of_a_paid_call_has_a_connection_of_its_own() -> None:
    with Server(answering(answer(429), answer(429), OK)) as server:
        queue.submit(wire_to(server), TOY, {}, CallOptions())
    assert [seen.connection for seen in server.requests] == [0, 1, 2]


# Secrets

SECRETS = re.compile(f"{re.escape(TOKEN)}|{re.escape(SECRET)}")


def test_the_trace_shows_the_exchange_without_the_key() -> None:
    """Not even where the server sends it back, or the caller put it into the input."""
    lines: list[str] = []
    options = CallOptions(headers={"X-Mine": f"half {SECRET}"})
    with Server(answering(echo_headers(401))) as server, pytest.raises(Refused):
        queue.submit(wire_to(server, tracer=lines.append), TOY, {"prompt": f"my key is {TOKEN}"}, options)
    assert server.requests[0].headers["authorization"] == KEY
    trace = "\n".join(lines)
    assert "> POST" in trace
    assert "< 401" in trace
    assert trace.count("[hidden]") >= 5
    assert not SECRETS.search(trace)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([read_request, send(f"HTTP/1.1 {TOKEN} what\r\n\r\n".encode()), close], id="status-line"),
        pytest.param([read_request, send(f"{KEY}\r\n\r\n".encode()), close], id="garbage"),
        pytest.param(
            [read_request, send(f"HTTP/1.1 200 OK\r\nContent-Length: {SECRET}\r\n\r\n".encode()), close], id="length"
        ),
        pytest.param(
            [read_request, send(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode()), close],
            id="chunk-size",
        ),
        pytest.param([read_some, reset], id="reset"),
        pytest.param([read_request, stall], id="stalled"),
    ],
)
def test_a_failure_does_not_tell_the_key(monkeypatch: pytest.MonkeyPatch, steps: list[Step]) -> None:
    monkeypatch.setattr(queue, "SUBMIT_SECONDS", 0.2)
    with Server(steps) as server, pytest.raises(AnswerLost) as raised:
        queue.submit(wire_to(server), TOY, {"prompt": TOKEN}, CallOptions())
    assert not SECRETS.search(f"{raised.value!s} {raised.value!r} {raised.value.__cause__!s}")


@pytest.mark.parametrize("status", [401, 429, 500])
@pytest.mark.parametrize("call", [queue.submit, direct.run], ids=["submit", "direct"])
def test_an_error_answer_that_names_the_key_does_not_tell_it(call: Callable[..., object], status: int) -> None:
    """Its message goes into the ledger, so hiding it on the terminal comes too late."""
    with Server(answering(echo_headers(status))) as server, pytest.raises(ApiError) as raised:
        call(wire_to(server), TOY, {}, CallOptions())
    assert not SECRETS.search(str(raised.value))


def test_a_proxy_address_does_not_tell_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:hunter22@127.0.0.1:{port}")
        with pytest.raises(NotReached) as raised:
            queue.submit(Wire(Hosts(queue="https://queue.fal.invalid"), KEY), TOY, {}, CallOptions())
    assert "hunter22" not in str(raised.value)
