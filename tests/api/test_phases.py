"""However an exchange fails, the connection knows how far it got, and a paid call is repeated only if nothing left.

One table of failures, looked at three times: what the exchange reports, what a submit makes of it and how often it was
sent, what a direct call makes of it. (wire §9.3, techniques "Money calls over requests")
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from fal_cli.api import call_options, direct, messages, phases, queue, wire
from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import AnswerLost, ApiError, NotSent, Phase
from fal_cli.api.events import Retrying
from fal_cli.api.hosts import Hosts
from fal_cli.api.messages import Policy, Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId
from tests.support.faulty_server import (
    Authority,
    Clock,
    Server,
    Step,
    answer,
    clear_environment,
    close,
    full_port,
    handshake,
    read_request,
    read_some,
    refusing_port,
    reset,
    send,
    stall,
)

SHORT = 0.2
PROXIED = "queue.fal.invalid"  # a name that only a proxy could know
TOY = EndpointId("acme", "toy")
SMALL = {"prompt": "a cat"}
LARGE = {"prompt": "x" * 16_000_000}  # more than the buffers of both ends hold
FIRST_AND_RETRIES = 6
LIMITS = {
    "connect": (wire, "CONNECT_SECONDS"),
    "write": (phases, "WRITE_SECONDS"),
    "read": (queue, "SUBMIT_SECONDS"),
}

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure


class Lab:
    """Starts what a case needs and keeps it up until the test ends."""

    def __init__(self, stack: ExitStack, patch: pytest.MonkeyPatch, authority: Authority) -> None:
        self._stack = stack
        self._patch = patch
        self.authority = authority
        self.server: Server | None = None

    def serve(self, *steps: Step) -> str:
        self.server = self._stack.enter_context(Server(list(steps), receive_buffer=4096))
        return self.server.url

    def serve_tls(self, *steps: Step, name: str = "127.0.0.1", trusted: bool = True) -> str:
        if trusted:
            self._patch.setenv("REQUESTS_CA_BUNDLE", str(self.authority.bundle))
        return self.serve(handshake(self.authority.context(name)), *steps).replace("http:", "https:")

    def serve_proxy(self, *steps: Step) -> str:
        return self.behind_proxy(self.serve(*steps))

    def serve_tunnel(self, *steps: Step) -> str:
        self._patch.setenv("REQUESTS_CA_BUNDLE", str(self.authority.bundle))
        shake = handshake(self.authority.context(PROXIED))
        return self.serve_proxy(read_request, send(TUNNEL), shake, *steps)

    def behind_proxy(self, proxy: str) -> str:
        self._patch.setenv("HTTPS_PROXY", proxy)
        return f"https://{PROXIED}"

    def refuse(self) -> str:
        return f"http://127.0.0.1:{self._stack.enter_context(refusing_port())}"

    def fill(self) -> str:
        return f"http://127.0.0.1:{self._stack.enter_context(full_port())}"

    def hurry(self, what: str) -> float:
        """Makes the limits named in `what` short and leaves the others; returns the limit for reading."""
        for name, (module, constant) in LIMITS.items():
            if name in what:
                self._patch.setattr(module, constant, SHORT)
        return SHORT if "read" in what else messages.READ_SECONDS

    def seen(self, *, connections: int, delivered: int) -> tuple[int, int]:
        """How many connections and whole requests came, those for a proxy aside, once so many did."""
        if not self.server:
            return connections, 0
        self.server.settle(connections=connections, requests=delivered)
        return self.server.connections, sum(seen.method != "CONNECT" for seen in self.server.requests)


@dataclass(frozen=True)
class Case:
    """A way to fail: `begin` makes the place to call, `phases` are those that the exchange may report.

    `delivered` is how many whole requests the server has read when a call has ended, `hurry` names the limits
    that end it.
    """

    begin: Callable[[Lab], str]
    phases: tuple[Phase, ...]
    delivered: int = 0
    input_json: dict[str, str] | None = None
    permanent: bool = False
    hurry: str = ""

    @property
    def may_be_repeated(self) -> bool:
        return self.phases == (Phase.NOT_CONNECTED,) and not self.permanent

    @property
    def attempts(self) -> int:
        return FIRST_AND_RETRIES if self.may_be_repeated else 1

    @property
    def error(self) -> type[ApiError]:
        return NotSent if self.phases == (Phase.NOT_CONNECTED,) else AnswerLost


def unconnected(name: str, begin: Callable[[Lab], str], *, permanent: bool = False, hurry: str = "") -> object:
    return pytest.param(Case(begin, (Phase.NOT_CONNECTED,), permanent=permanent, hurry=hurry), id=name)


def sending(name: str, begin: Callable[[Lab], str], *phases_told: Phase, hurry: str = "") -> object:
    return pytest.param(Case(begin, phases_told, input_json=LARGE, hurry=hurry), id=name)


def delivered(name: str, phase: Phase, begin: Callable[[Lab], str], *, hurry: str = "") -> object:
    return pytest.param(Case(begin, (phase,), delivered=1, hurry=hurry), id=name)


def plain(*steps: Step) -> Callable[[Lab], str]:
    return lambda lab: lab.serve(read_request, *steps)


def tls(*steps: Step) -> Callable[[Lab], str]:
    return lambda lab: lab.serve_tls(read_request, *steps)


def before_tls(*steps: Step) -> Callable[[Lab], str]:
    return lambda lab: lab.serve(*steps).replace("http:", "https:")


def proxy(*steps: Step) -> Callable[[Lab], str]:
    return lambda lab: lab.serve_proxy(read_request, *steps)


UNCONNECTED = [
    unconnected("name-lookup-failed", lambda lab: "http://queue.fal.invalid"),
    unconnected("refused", Lab.refuse),
    unconnected("connect-timeout", Lab.fill, hurry="connect"),
    unconnected("tls-refused", before_tls(read_some, send(TLS_ALERT), close)),
    unconnected("tls-is-plain-http", before_tls(read_some, send(JSON_HEAD), close)),
    unconnected("tls-reset", before_tls(read_some, reset)),
    unconnected("tls-stalled", before_tls(stall), hurry="connect"),
    unconnected("tls-ended", before_tls(read_some, close)),
    unconnected("tls-untrusted", lambda lab: lab.serve_tls(read_request, trusted=False), permanent=True),
    unconnected("tls-wrong-name", lambda lab: lab.serve_tls(read_request, name="localhost"), permanent=True),
    unconnected("proxy-refused", lambda lab: lab.behind_proxy(lab.refuse())),
    unconnected("proxy-says-502", proxy(send(b"HTTP/1.1 502 No\r\n\r\n"), close)),
    unconnected("proxy-says-407", proxy(send(b"HTTP/1.1 407 No\r\n\r\n"), close), permanent=True),
    unconnected("proxy-says-403", proxy(send(b"HTTP/1.1 403 No\r\n\r\n"), close), permanent=True),
    unconnected("proxy-reset", proxy(reset)),
    unconnected("proxy-ended", proxy(close)),
    unconnected("proxy-stalled", proxy(stall), hurry="connect"),
    unconnected("tunnel-tls-reset", proxy(send(TUNNEL), read_some, reset)),
    unconnected("tunnel-tls-stalled", proxy(send(TUNNEL), stall), hurry="connect"),
]

SENDING = [
    sending("write-stall", lambda lab: lab.serve(stall), Phase.SENDING, hurry="write"),
    sending("tls-write-stall", lambda lab: lab.serve_tls(stall), Phase.SENDING, hurry="write"),
    # After a reset or a broken pipe urllib3 goes on to look for an early answer, hence either phase.
    sending("reset-while-sending", lambda lab: lab.serve(read_some, reset), Phase.SENDING, Phase.WAITING),
    sending("end-while-sending", lambda lab: lab.serve(read_some, close), Phase.SENDING, Phase.WAITING),
    sending("tls-reset-while-sending", lambda lab: lab.serve_tls(read_some, reset), Phase.SENDING, Phase.WAITING),
]

NO_STATUS = [
    delivered("reset-after-request", Phase.WAITING, plain(reset)),
    delivered("tls-reset-after-request", Phase.WAITING, tls(reset)),
    delivered("tunnel-reset-after-request", Phase.WAITING, lambda lab: lab.serve_tunnel(read_request, reset)),
    delivered("answer-stalled", Phase.WAITING, plain(stall), hurry="read"),
    delivered("tls-answer-stalled", Phase.WAITING, tls(stall), hurry="read"),
    delivered("end-before-status-line", Phase.WAITING, plain(close)),
    delivered("tls-end-before-status-line", Phase.WAITING, tls(close)),
    delivered("half-a-status-line", Phase.WAITING, plain(send(b"HTTP/1."), close)),
    delivered("garbage-status-line", Phase.WAITING, plain(send(b"\x00\xffwhat?\r\n\r\n"), close)),
    delivered("status-line-then-stall", Phase.WAITING, plain(send(b"HTTP/1.1 200 OK\r\n"), stall), hurry="read"),
]

LENGTH = JSON_HEAD + b"Content-Length: 99\r\n\r\n" + b'{"request_id":'
CHUNKED = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

CUT = [
    delivered("length-delimited-cut", Phase.ANSWERING, plain(send(LENGTH), close)),
    delivered("length-delimited-reset", Phase.ANSWERING, plain(send(LENGTH), reset)),
    delivered("length-delimited-stalled", Phase.ANSWERING, plain(send(LENGTH), stall), hurry="read"),
    delivered("chunked-cut", Phase.ANSWERING, plain(send(CHUNKED + b'20\r\n{"request_id":'), close)),
    delivered("chunked-cut-between-chunks", Phase.ANSWERING, plain(send(CHUNKED + b'2\r\n{"\r\n'), close)),
    delivered("tls-chunked-cut", Phase.ANSWERING, tls(send(CHUNKED + b'20\r\n{"request_id":'), close)),
    # To http.client an end of the connection ends the headers and an end-delimited body; only the text tells.
    delivered("half-a-header", Phase.ANSWERING, plain(send(b"HTTP/1.1 200 OK\r\nContent-Ty"), close)),
    delivered("half-a-head", Phase.ANSWERING, plain(send(JSON_HEAD), close)),
    delivered("end-delimited-cut", Phase.ANSWERING, plain(send(JSON_HEAD + b'\r\n{"request_id":'), close)),
]

CASES = [*UNCONNECTED, *SENDING, *NO_STATUS, *CUT]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("ca")))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> Iterator[Lab]:
    clear_environment(monkeypatch)
    Clock().replace_in(monkeypatch, wire)
    monkeypatch.setattr(wire, "random", SimpleNamespace(uniform=lambda low, high: high))
    with ExitStack() as stack:
        yield Lab(stack, monkeypatch, authority)


def hosts(base: str) -> Hosts:
    return Hosts(run=base, queue=base)


@pytest.mark.parametrize("case", CASES)
def test_the_exchange_tells_how_far_it_got(lab: Lab, case: Case) -> None:
    base, seconds = case.begin(lab), lab.hurry(case.hurry)
    body = call_options.body_and_query(case.input_json or SMALL, CallOptions())[0]
    request = Request("the call", "POST", f"{base}/acme/toy", body=body, read_seconds=seconds)
    exchange, outcome = Exchange(), None
    try:
        Wire(hosts(base), "Key a:b").send(request, Policy(lambda outcome: 0), exchange=exchange)
    except TransportFailure as failure:
        outcome = failure
    assert exchange.phase in case.phases
    assert (outcome.phase if outcome else Phase.ANSWERED) == exchange.phase
    assert (outcome.permanent if outcome else False) == case.permanent
    assert lab.seen(connections=1, delivered=case.delivered) == (1, case.delivered)


@pytest.mark.parametrize("case", CASES)
def test_a_submit_is_sent_again_only_if_nothing_was_delivered(lab: Lab, case: Case) -> None:
    base, _ = case.begin(lab), lab.hurry(case.hurry)
    retries: list[Retrying] = []
    with pytest.raises(ApiError) as raised:
        queue.submit(Wire(hosts(base), "Key a:b", notify=retries.append), TOY, case.input_json or SMALL, CallOptions())
    assert type(raised.value) is case.error
    assert len(retries) + 1 == case.attempts
    assert lab.seen(connections=case.attempts, delivered=case.delivered) == (case.attempts, case.delivered)


@pytest.mark.parametrize("case", CASES)
def test_a_direct_call_is_sent_again_only_if_nothing_was_delivered(lab: Lab, case: Case) -> None:
    base, _ = case.begin(lab), lab.hurry(case.hurry)
    retries: list[Retrying] = []
    service = Wire(hosts(base), "Key a:b", notify=retries.append)
    # A direct call awaits its answer without end, so what ends a stalled one is the caller's own limit.
    deadline = Deadline(SHORT if "read" in case.hurry else None)
    with pytest.raises(ApiError) as raised:
        direct.run(service, TOY, case.input_json or SMALL, CallOptions(), deadline=deadline)
    assert type(raised.value) is case.error
    assert len(retries) + 1 == case.attempts
    assert lab.seen(connections=case.attempts, delivered=case.delivered) == (case.attempts, case.delivered)


@pytest.mark.parametrize("failures", [1, 5])
def test_a_submit_goes_through_once_the_way_is_clear(
    lab: Lab, authority: Authority, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    """The handshakes fail at first, then one request arrives and is accepted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    working = [handshake(authority.context()), read_request, answer(200, {"request_id": "r-1"})]
    with Server(*[[read_some, reset]] * failures, working) as server:
        base = server.url.replace("http:", "https:")
        submitted = queue.submit(Wire(hosts(base), "Key a:b"), TOY, SMALL, CallOptions())
    assert submitted.handle.request_id == "r-1"
    assert (server.connections, len(server.requests)) == (failures + 1, 1)


def test_a_retry_makes_the_exchange_unsent_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler reads the phase: while the next attempt is awaited, nothing is under way."""
    exchange, base = Exchange(), lab.serve(read_request, answer(429))
    during_sleep: list[Phase] = []
    monkeypatch.setattr(wire.time, "sleep", lambda seconds: during_sleep.append(exchange.phase))
    with pytest.raises(ApiError):
        queue.submit(Wire(hosts(base), "Key a:b"), TOY, SMALL, CallOptions(), exchange)
    assert during_sleep
    assert set(during_sleep) == {Phase.NOT_CONNECTED}
    assert exchange.phase == Phase.ANSWERED
