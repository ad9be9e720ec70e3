"""An endpoint's own event stream (wire §6): no queue, no id to come back for, and no frame that says how it ended."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import requests
import urllib3

from fal_cli import jsontext
from fal_cli.api import failures, reading, retry
from fal_cli.api.call_options import CallOptions, body_and_query
from fal_cli.api.errors import Detail, StreamCut, StreamIdle, read_detail
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.sse import EventDecoder, EventTooLarge, ServerSentEvent
from fal_cli.api.wire import Wire
from fal_cli.endpoint import LocalApp, Target, url_on

STREAM_PATH = "stream"
_PIECE_BYTES = 64 * 1024
_read_json = json.JSONDecoder().raw_decode


class StreamEvent(NamedTuple):
    """One event: `value` is its JSON, or `{"text": …}` for data that is not JSON (`is_json` tells)."""

    value: Any
    data: str
    is_json: bool = True
    name: str = "message"
    is_read: bool = True
    """Whether `value` is known. Of JSON with too many values or levels it is {}, and the data alone tells."""

    @property
    def is_partial(self) -> bool:
        """Whether the model itself says that more is to come."""
        return isinstance(self.value, dict) and self.value.get("partial") is True

    @property
    def is_end_mark(self) -> bool:
        """Whether it says no more than that the stream ends, as OpenAI's interfaces do."""
        return not self.is_json and self.data.strip() == "[DONE]"

    @property
    def failure(self) -> Detail | None:
        """The error that it tells of, in any of the three ways that are in use (§6); None if it tells of none."""
        value = self.value
        if not isinstance(value, dict):
            return Detail(self.data) if self.name == "error" else None
        if self.name == "error" or value.get("type") == "error" or value.get("error"):
            return _failure(value) if self.is_json else Detail(self.data)
        return None


class ModelStream:
    """A stream that has begun. Read it as events, or raw where it is none; close it in any case."""

    def __init__(self, response: requests.Response, exchange: Exchange, idle_seconds: float | None) -> None:
        self._response = response
        self._exchange = exchange
        self._idle_seconds = idle_seconds
        self.content_type: str = response.headers.get("content-type", "")
        self.request_id: str = response.headers.get("x-fal-request-id", "")

    @property
    def is_event_stream(self) -> bool:
        return self.content_type.partition(";")[0].strip().lower() == "text/event-stream"

    def __enter__(self) -> "ModelStream":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._response.close()

    def events(self) -> Iterator[StreamEvent]:
        """Each event as soon as its last byte is there. Raises `StreamCut`, `StreamIdle`."""
        decoder = EventDecoder()
        for chunk in self.chunks():
            try:
                for event in decoder.feed(chunk):
                    yield _event(event)
            except EventTooLarge as error:
                raise StreamCut(str(error), request_id=self.request_id) from error

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes. Raises `StreamCut`, `StreamIdle`."""
        if self._exchange.sock is not None:
            self._exchange.sock.settimeout(self._idle_seconds)
        try:
            yield from reading.pieces(self._response, size=_PIECE_BYTES)
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError) as error:
            raise StreamIdle(f"nothing arrived for {self._idle_seconds:g} s", request_id=self.request_id) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StreamCut("the connection was cut", request_id=self.request_id) from error


def start(
    wire: Wire,
    endpoint: Target,
    input_json: Mapping[str, Any],
    options: CallOptions,
    *,
    idle_seconds: float | None,
    exchange: Exchange,
) -> ModelStream:
    """Starts a stream, once: it is paid work, and is begun again only where the first try cannot have arrived.

    `/stream` is appended unless the endpoint has it (§2.3). Raises `NotReached`, `Refused`, `RequestFailed`,
    `AnswerLost`.
    """
    is_local = isinstance(endpoint, LocalApp)
    body, query = body_and_query(input_json, options)
    url = url_on(wire.hosts.run, endpoint.joined(STREAM_PATH)) + (f"?{query}" if query else "")
    headers = options.wire_headers() | {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    request = Request("the stream", options.method.upper(), url, headers, body, read_seconds=idle_seconds)
    try:
        answer = wire.start(request, retry.paid(is_local=is_local), exchange=exchange)
    except TransportFailure as failure:
        raise failures.of_paid(failure) from failure
    if isinstance(answer, requests.Response):
        return ModelStream(answer, exchange, idle_seconds)
    raise failures.outside_the_queue(answer, is_local=is_local)


def _event(event: ServerSentEvent) -> StreamEvent:
    data = event.data
    if jsontext.is_crowded(data) and data[:1] in ("{", "["):
        return StreamEvent({}, data, True, event.event, is_read=False)
    try:
        value, end = _read_json(data)  # half the time of json.loads, which looks for white space first
    except (ValueError, RecursionError):
        return _other_event(event)
    if jsontext.is_deep(value, data):
        return StreamEvent({}, data, True, event.event, is_read=False)
    return StreamEvent(value, data, True, event.event) if end == len(data) else _other_event(event)


def _other_event(event: ServerSentEvent) -> StreamEvent:
    value = jsontext.read(event.data, jsontext.NOT_JSON)
    if value is jsontext.NOT_JSON:
        return StreamEvent({"text": event.data}, event.data, False, event.event)
    return StreamEvent(value, event.data, True, event.event)


def _failure(value: Mapping[str, Any]) -> Detail:
    """What an event says of an error: a text, an object, or a workflow's `error: {status, body}`."""
    error = value.get("error")
    if isinstance(error, str) and error:
        return Detail(error)
    inner = error.get("body") if isinstance(error, dict) else None
    return read_detail(inner) if isinstance(inner, dict) else read_detail(value)
