"""Following a request from submit to end: one status event stream, and polling where it fails (wire §4.6, §9.3).

A healthy stream costs one HTTP request however long the job runs. One that is refused, silent or cut is
checked with a plain status call and reopened up to three times; then polling takes over.
"""

import time
from collections import OrderedDict
from collections.abc import Generator, Iterator
from enum import Enum, auto

import requests
import urllib3

from fal_cli import jsontext, limits
from fal_cli.api import failures, queue, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import NotReached, WaitEnded
from fal_cli.api.events import BackOnline, Completed, Event, Handle, LogLine, Offline, Queued, Status
from fal_cli.api.messages import READ_SECONDS, Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.sse import EventDecoder, EventTooLarge
from fal_cli.api.wire import Wire

FIRST_BYTE_SECONDS = 3.0
SILENCE_SECONDS = 20.0  # the service sends a keep-alive every 15 s
REOPENINGS = 3
_DRAIN_SECONDS = 0.5
_REMEMBERED_LINES = 20_000


class _Ending(Enum):
    COMPLETED = auto()
    BROKEN = auto()
    UNSUPPORTED = auto()


def follow(
    wire: Wire, handle: Handle, *, deadline: Deadline | None = None, logs: bool = True, among_many: bool = False
) -> Iterator[Event]:
    """Yields what happens to a request, ending with `Completed`. Each log line is yielded once, if they are wanted.

    Where a status is too large, it is asked without log lines from then on; `among_many` makes that limit a small one,
    for the caller follows others at the same time.

    A lost network does not end it: `Offline` and `BackOnline` are told. Raises `WaitEnded` at the deadline,
    `Refused` if the service no longer knows the request or the credential.
    """
    watch = _Watch(wire, handle, deadline or Deadline.never(), logs=logs, among_many=among_many)
    broken = 0
    while broken <= REOPENINGS:
        opened = time.monotonic()
        ending = yield from watch.stream()
        if ending is _Ending.COMPLETED or (yield from watch.check()):
            return
        if ending is _Ending.UNSUPPORTED:
            break
        lived = time.monotonic() - opened > SILENCE_SECONDS + 1
        broken = 1 if lived else broken + 1
        watch.pause(0.0 if broken == 1 else 0.25 * broken)
    yield from watch.poll()


class _Watch:
    """What is known of one request while it is followed."""

    def __init__(self, wire: Wire, handle: Handle, deadline: Deadline, *, logs: bool, among_many: bool) -> None:
        self._wire = wire
        self._among_many = among_many
        self._logs = logs
        self._handle = handle
        self._deadline = deadline
        self._seen: OrderedDict[LogLine, None] = OrderedDict()
        self._last: tuple[str, int | None] | None = None

    def stream(self) -> Generator[Event, None, _Ending]:
        """One event stream, until it ends in whichever way."""
        self._end_at_deadline()
        exchange = Exchange()
        request = Request(
            "the status stream",
            "GET",
            queue.stream_url(self._handle, logs=self._logs),
            {"Accept": "text/event-stream", "Accept-Encoding": "identity"},
            read_seconds=max(self._deadline.cut(READ_SECONDS), 0.05),
        )
        try:
            response = self._wire.open(request, exchange)
        except TransportFailure:
            return _Ending.BROKEN
        with response:
            if response.status_code != 200 or "event-stream" not in response.headers.get("content-type", ""):
                passing = response.status_code in retry.TRANSIENT
                return _Ending.BROKEN if passing else _Ending.UNSUPPORTED
            try:
                return (yield from self._events(response, exchange))
            except EventTooLarge:
                self._logs = False
                return _Ending.BROKEN
            except (urllib3.exceptions.HTTPError, OSError, ValueError, RecursionError):
                self._end_at_deadline()
                return _Ending.BROKEN

    def check(self) -> Generator[Event, None, bool]:
        """One plain status call, made until it is answered. True when the request has ended."""
        lost_at: float | None = None
        while True:
            self._end_at_deadline()
            try:
                status = self._look()
            except NotReached as error:
                if error.is_permanent:
                    raise
                self._end_at_deadline()
                lost_at = lost_at or time.monotonic()
                away = time.monotonic() - lost_at
                yield Offline(error.message, away)
                self.pause(min(5.0, 0.5 + away / 4))
                continue
            if lost_at is not None:
                yield BackOnline(time.monotonic() - lost_at)
            yield from self._news(status)
            return isinstance(status, Completed)

    def poll(self) -> Iterator[Event]:
        """Status calls at a growing interval, which starts anew when something changes."""
        interval = 0.5
        while True:
            before = self._last
            if (yield from self.check()):
                return
            interval = 0.5 if self._last != before else min(5.0, interval * 1.5)
            self.pause(interval)

    def pause(self, seconds: float) -> None:
        time.sleep(self._deadline.cut(seconds))

    def _look(self) -> Status:
        """One status call without repetition; a passing failure counts as being offline."""
        request = Request("the status", "GET", queue.status_url(self._handle, logs=self._logs))
        if self._among_many:
            request = request.for_a_short_answer()
        try:
            answer = self._wire.send(request, retry.status_while_following(self._handle), deadline=self._deadline)
        except TransportFailure as failure:
            if failure.is_too_large and self._logs:
                self._logs = False
                return self._look()
            raise failures.unreached(failure) from failure
        if answer.status in retry.TRANSIENT:
            raise failures.unavailable(answer)
        return queue.read_status(answer)

    def _events(self, response: requests.Response, exchange: Exchange) -> Generator[Event, None, _Ending]:
        decoder = EventDecoder(limits.SHORT if self._among_many else limits.EVENT)
        most_values = limits.SHORT_VALUES if self._among_many else limits.VALUES
        patience, before = FIRST_BYTE_SECONDS, b""
        while True:
            self._end_at_deadline()
            if exchange.sock is not None:
                exchange.sock.settimeout(max(self._deadline.cut(patience), 0.01))
            # read1, because iter_content waits for the close on a body that only the close ends.
            chunk = response.raw.read1()
            if not chunk:
                return _Ending.BROKEN
            patience = SILENCE_SECONDS
            if chunk == before and chunk.endswith(b"\n\n"):
                continue  # the same events again, whole: a service repeats them while nothing changes
            before = chunk
            for event in decoder.feed(chunk):
                if jsontext.values_in(event.data) > most_values:
                    raise EventTooLarge("a status of too many values")
                body = jsontext.read(event.data, jsontext.NOT_JSON, is_exact=True)
                if body is jsontext.NOT_JSON:
                    raise ValueError("an event that is not JSON")
                if not isinstance(body, dict) or "status" not in body:
                    continue
                status = queue.status_from(body)
                if isinstance(status, Completed):
                    _drain(response, exchange)
                    yield from self._news(status)
                    return _Ending.COMPLETED
                yield from self._news(status)

    def _news(self, status: Status) -> Iterator[Event]:
        """The status as an event if it says anything new."""
        if isinstance(status, Queued):
            state: tuple[str, int | None] = (status.word, status.position)
            if state != self._last:
                self._last = state
                yield status
            return
        status = status._replace(logs=self._unseen(status.logs))
        state = (status.word, None)
        if status.logs or state != self._last or isinstance(status, Completed):
            self._last = state
            yield status

    def _unseen(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        """Lines not told yet: the service sends a sliding window, so a line is known by its three values."""
        fresh = []
        for line in lines:
            if line not in self._seen:
                fresh.append(line)
            self._seen[line] = None
            self._seen.move_to_end(line)
        while len(self._seen) > max(_REMEMBERED_LINES, len(lines)):
            self._seen.popitem(last=False)
        return tuple(fresh)

    def _end_at_deadline(self) -> None:
        if self._deadline.passed:
            raise WaitEnded("timed out", request_id=self._handle.request_id)


def _drain(response: requests.Response, exchange: Exchange) -> None:
    """Reads the stream's regular end, so that the result can use the same connection."""
    try:
        if exchange.sock is not None:
            exchange.sock.settimeout(_DRAIN_SECONDS)
        while response.raw.read1():
            continue
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        response.close()
