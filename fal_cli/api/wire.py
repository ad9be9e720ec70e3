"""Requests, and the one loop that decides whether an exchange is made again.

The adapter makes no retries: urllib3's `Retry` sees neither the body nor the phase, and it
re-POSTs a 503 that carries `Retry-After`. Its parser of that header is used, its judgement is not.
"""

import random
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, TypeVar

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from fal_cli import __version__, jsontext, limits
from fal_cli.api import backup, clock, proxies, reading, reasons, trace, trust
from fal_cli.api.body import Body
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import Phase
from fal_cli.api.events import Retrying
from fal_cli.api.head import TooLarge
from fal_cli.api.hosts import Hosts
from fal_cli.api.messages import Answer, Outcome, Policy, Request, TransportFailure
from fal_cli.api.phases import Exchange, PhasedAdapter, Recorder
from fal_cli.api.redaction import redacted
from fal_cli.urls import host_shown

LONGEST_WAIT_SECONDS = 60.0
CONNECT_SECONDS = 10.0
PATIENCE_SECONDS = 120.0
_SOONEST_SECONDS = 0.05
T = TypeVar("T")


class Wire:
    """Exchanges requests with the service.

    `authorization` is the whole header value. `notify` is told of each retry, `tracer` gets the text of
    each exchange with the secret left out.
    """

    def __init__(
        self,
        hosts: Hosts,
        authorization: str,
        *,
        notify: Callable[[Retrying], None] = lambda event: None,
        tracer: Callable[[str], None] | None = None,
    ) -> None:
        self.hosts = hosts
        self.notify = notify
        self._tracer = tracer
        self._secret = authorization
        self._recorder = Recorder()
        self._adapter = PhasedAdapter(self._recorder)
        self.shared: dict[str, Any] = {}  # with the twins
        self._headers = {
            **requests.utils.default_headers(),
            "Accept": "application/json",
            "User-Agent": f"fal-cli/{__version__}",
        }

    def twin(self) -> "Wire":
        """Another wire with the same hosts and credential, for another thread: one makes one exchange at a time."""
        twin = self.alone()
        twin.shared = self.shared
        return twin

    def alone(self) -> "Wire":
        """The same, but with nothing in common."""
        return Wire(self.hosts, self._secret, notify=self.notify, tracer=self._tracer)

    @property
    def has_key(self) -> bool:
        return bool(self._secret)

    def send(
        self,
        request: Request,
        policy: Policy,
        *,
        deadline: Deadline | None = None,
        exchange: Exchange | None = None,
    ) -> Answer:
        """Makes an exchange, again where `policy` allows it, and returns its answer whatever the status.

        Raises `TransportFailure` for the last one if none was whole.
        """
        limit = deadline or Deadline.never()
        answer = self._repeat(request, policy, limit, exchange, self._attempt)
        assert isinstance(answer, Answer)
        return answer

    def start(self, request: Request, policy: Policy, *, exchange: Exchange) -> requests.Response | Answer:
        """Makes an exchange as `send` does, but leaves a 2xx unread: the caller reads its body and closes it.

        Raises `TransportFailure`.
        """
        return self._repeat(request, policy, Deadline.never(), exchange, self._attempt_start)

    def _repeat(
        self,
        request: Request,
        policy: Policy,
        deadline: Deadline,
        exchange: Exchange | None,
        attempt_once: Callable[[Request, Deadline, Exchange], requests.Response | Outcome],
    ) -> requests.Response | Answer:
        """The one loop that makes an exchange again."""
        started, attempt = time.monotonic(), 0
        while True:
            if policy.fresh_connection:
                self._adapter.forget_connections()
            limit = deadline if policy.cuts_reads else Deadline.never()
            outcome = self._first_of_two(
                request, limit, exchange or Exchange(), attempt_once, tries_backup=attempt == 0
            )
            if isinstance(outcome, requests.Response):
                return outcome
            delay = self._delay(policy, outcome, attempt)
            given_up = delay is None or time.monotonic() - started + delay > PATIENCE_SECONDS
            given_up = given_up or (exchange is not None and exchange.is_abandoned)
            if given_up or delay is None or deadline.passes_within(delay):
                if isinstance(outcome, TransportFailure):
                    raise outcome
                return outcome
            attempt += 1
            self.notify(Retrying(request.what, _reason_of(outcome), attempt, delay))
            del outcome  # a large body is not to be kept while nothing happens
            if exchange:
                exchange.phase = Phase.NOT_CONNECTED
            time.sleep(delay)

    def _first_of_two(
        self,
        request: Request,
        deadline: Deadline,
        exchange: Exchange,
        attempt_once: Callable[[Request, Deadline, Exchange], requests.Response | Outcome],
        *,
        tries_backup: bool,
    ) -> requests.Response | Outcome:
        """One attempt, and where its host cannot even be connected to, another at its backup (§1.1)."""
        outcome = attempt_once(request, deadline, exchange)
        other = backup.of(request.url)
        if not (tries_backup and other and isinstance(outcome, TransportFailure) and exchange.is_unconnected):
            return outcome
        second = attempt_once(request._replace(url=other), deadline, exchange)
        if isinstance(second, TransportFailure) and exchange.is_unconnected:
            return outcome
        backup.use(request.url)
        return second

    def open(self, request: Request, exchange: Exchange) -> requests.Response:
        """Makes an exchange once and returns as soon as the headers are there; the caller reads and closes.

        Raises `TransportFailure`.
        """
        self._recorder.exchange = exchange
        exchange.phase = Phase.NOT_CONNECTED
        exchange.steps.clear()
        prepared = self._prepare(request._replace(url=backup.current(request.url)))
        if self._tracer:
            self._trace(self._tracer, trace.request_text(prepared))
        timeout: Any = (min(request.connect_seconds, CONNECT_SECONDS), request.read_seconds)
        try:
            response = self._adapter.send(
                prepared,
                stream=True,
                timeout=timeout,
                proxies=proxies.for_url(prepared.url or ""),
            )
        except (*TRANSPORT_ERRORS, trust.Unusable) as error:
            raise _failure(error, exchange, request, None) from error
        if self._tracer:
            self._trace(self._tracer, trace.response_text(response))
        if self.hosts.owns(request.url):
            clock.observe(response.headers)
        return response

    def _attempt_start(self, request: Request, deadline: Deadline, exchange: Exchange) -> requests.Response | Outcome:
        try:
            response = self.open(request, exchange)
        except TransportFailure as failure:
            return failure
        return response if response.ok and response.status_code < 300 else self._read(request, response, exchange)

    def _attempt(self, request: Request, deadline: Deadline, exchange: Exchange) -> Outcome:
        try:
            response = self.open(_bounded(request, deadline), exchange)
        except TransportFailure as failure:
            return failure
        return self._read(request, response, exchange, deadline)

    def _read(
        self, request: Request, response: requests.Response, exchange: Exchange, deadline: Deadline | None = None
    ) -> Outcome:
        with response:
            try:
                answer = self._without_secrets(_answer(request, response, deadline or Deadline.never()))
            except TRANSPORT_ERRORS as error:
                return _failure(error, exchange, request, response)
        if _ends_too_early(answer):
            return TransportFailure(
                f"the answer of {host_shown(request.url)} was cut short",
                exchange.phase,
                status=answer.status,
                headers=answer.headers,
            )
        exchange.phase = Phase.ANSWERED
        return answer

    def _without_secrets(self, answer: Answer) -> Answer:
        """An error answer that echoes the key, without it: its words go into messages and the ledger."""
        if answer.ok:
            return answer
        headers = CaseInsensitiveDict({name: redacted(value, self._secret) for name, value in answer.headers.items()})
        text = answer.body.decode("utf-8", "surrogateescape")
        return Answer(answer.status, headers, redacted(text, self._secret).encode("utf-8", "surrogateescape"))

    def _delay(self, policy: Policy, outcome: Outcome, attempt: int) -> float | None:
        """Seconds until the next attempt, or None to stop: full jitter, or what the service asks for."""
        if attempt >= policy.retries(outcome):
            return None
        asked = asked_wait(outcome.headers)
        if asked is not None:
            return min(asked, LONGEST_WAIT_SECONDS)
        return random.uniform(0.0, min(policy.cap_seconds, policy.base_seconds * 2.0**attempt))

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        """A request as it leaves. No session makes it: one adds cookies, redirects and the keys of `~/.netrc`.

        The credential goes to the service's own hosts and nowhere else.
        """
        headers: CaseInsensitiveDict[str | bytes] = CaseInsensitiveDict(self._headers)
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.authorization:
            headers["Authorization"] = request.authorization
        # Bytes, because http.client would refuse a text header outside of Latin-1.
        headers.update({name: value.encode() for name, value in request.headers.items()})
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, None)
        prepared.prepare_headers(headers)
        prepared.prepare_body(request.make_body() if request.make_body else request.body, None)
        if request.authorization is None and self._secret and self.hosts.owns(prepared.url or ""):
            prepared.headers["Authorization"] = self._secret
        return prepared

    def _trace(self, tracer: Callable[[str], None], text: str) -> None:
        tracer(redacted(text, self._secret))


TRANSPORT_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)


def _answer(request: Request, response: requests.Response, deadline: Deadline) -> Answer:
    """An answer with its body: of any size where the caller can take it, else within the limits of its kind."""
    ends = reading.moment(deadline.left())
    if not 200 <= response.status_code < 300:
        soon = reading.moment(deadline.cut(limits.ANSWER_SECONDS))
        return Answer(response.status_code, response.headers, reading.beginning(response, limits.ERROR, until=soon))
    if request.is_large:
        content = Body.received(reading.pieces(response, until=ends))
        return Answer(response.status_code, response.headers, content=content)
    soon = reading.moment(deadline.cut(limits.ANSWER_SECONDS))
    body = reading.whole(response, request.most_bytes, until=soon)
    if len(body) > request.most_values and jsontext.values_in(body) > request.most_values:
        raise TooLarge(f"the answer has more than {request.most_values:,} values")
    return Answer(response.status_code, response.headers, body)


def _bounded(request: Request, deadline: Deadline) -> Request:
    left = deadline.left()
    if left is None:
        return request
    left = max(left, _SOONEST_SECONDS)
    read = left if request.read_seconds is None else min(request.read_seconds, left)
    return request._replace(read_seconds=read, connect_seconds=min(request.connect_seconds, left))


def _failure(
    error: Exception, exchange: Exchange, request: Request, response: requests.Response | None
) -> TransportFailure:
    reason = reasons.of(error, request.url, exchange.phase)
    return TransportFailure(
        reason.text,
        exchange.phase,
        permanent=reason.is_permanent,
        way_out=reason.way_out,
        is_too_large=isinstance(error, TooLarge),
        status=response.status_code if response is not None else None,
        headers=response.headers if response is not None else None,
    )


def _ends_too_early(answer: Answer) -> bool:
    """Whether a body that only the connection's end delimits was cut: nothing came, or the beginning of JSON.

    Half a header looks the same to http.client: an answer without a length and with nothing in it. A body whose length
    is met, or whose last chunk came, is whole, whatever is in it.
    """
    if "content-length" in answer.headers or "chunked" in answer.headers.get("transfer-encoding", "").lower():
        return False
    if answer.status in (204, 304):
        return False
    content = answer.content or Body(answer.body)
    kind = answer.headers.get("content-type", "json").lower()
    return len(content) == 0 or ("json" in kind and not content.looks_like_json)


def _reason_of(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, TransportFailure) else f"HTTP {outcome.status}"


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After` (seconds or a date) or `x-ratelimit-reset` (seconds), if one is readable.

    A date is one of the service's clock, and counts from the moment at which it answered.
    """
    value = headers.get("retry-after") or headers.get("x-ratelimit-reset")
    if not value:
        return None
    until, answered = clock.moment_of(value), clock.moment_of(headers.get("date", ""))
    if until is not None and answered is not None:
        return max(0.0, (until - answered).total_seconds())
    try:
        return float(urllib3.Retry().parse_retry_after(value))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None
