"""Realtime sessions (wire §7): a token, a WebSocket, msgpack frames, and endings that look all alike.

A framework app closes with 1000 whether it is content or has failed; only the control frame before tells. So
`TIMEOUT` and a close is a good end, `INTERNAL_ERROR` is the app's own failure, and any other close a cut.
"""

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgpack
import websocket

from fal_cli import __version__, jsontext
from fal_cli.api import backup, free, msgpack_size, reasons, retry, trust
from fal_cli.api.duplex import WOULD_BLOCK, Duplex, Handshake, MessageTooLarge, readable
from fal_cli.api.errors import NotReached, Phase, Refused, Unavailable, read_detail
from fal_cli.api.messages import Request
from fal_cli.api.phases import open_socket
from fal_cli.api.wire import CONNECT_SECONDS, TRANSPORT_ERRORS, Wire
from fal_cli.endpoint import EndpointId, Target, url_on
from fal_cli.urls import host_shown

REALTIME_PATH = "realtime"
HANDSHAKE_SECONDS = 90.0  # a cold start happens inside the handshake (§7.2)
TOKEN_SECONDS = 120
_RENEW_AT = 0.9
_NORMAL = 1000
_SWITCHING = 101
_FORBIDDEN, _NOT_FOUND = 403, 404
_REDIRECT = re.compile(rb"HTTP/1\.[01] (3\d\d)\b")
_LOCATION = re.compile(rb"^location:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


UNAUTHORIZED = "Unauthorized"


@dataclass(frozen=True)
class Received:
    """One result, decoded."""

    value: Any


@dataclass(frozen=True)
class Failed:
    """An error that came as a frame. A framework app ends the session after one; others go on."""

    message: str


@dataclass(frozen=True)
class Ended:
    """The session is over. `failure` is the app's own error, `code` the close code.

    Without a code the connection was cut, and `why` may tell more of it.
    """

    code: int | None
    failure: str = ""
    why: str = ""

    @property
    def is_good(self) -> bool:
        return self.code == _NORMAL and not self.failure


@dataclass(frozen=True)
class Encoding:
    """How inputs and results are written. JSON, too, travels in binary frames (§15)."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


class _TooMany(ValueError):
    """A frame of more values than are read."""

    def __init__(self) -> None:
        super().__init__("it has too many values")


def _unpacked(data: bytes) -> Any:
    if msgpack_size.is_crowded(data):
        raise _TooMany
    return msgpack.unpackb(data, raw=False, strict_map_key=False, timestamp=3)


def _parsed(data: bytes) -> Any:
    if jsontext.is_crowded(data):
        raise _TooMany
    return json.loads(data, parse_float=jsontext.Number.of)


ENCODINGS = {
    "msgpack": Encoding(msgpack.Packer(use_bin_type=True).pack, _unpacked),
    "json": Encoding(lambda value: json.dumps(value, ensure_ascii=False).encode(), _parsed),
}


class TokenKeeper:
    """The realtime token of an app, minted at first need and anew at 90 % of its life (§7.1)."""

    def __init__(self, wire: Wire, endpoint: EndpointId) -> None:
        self._wire = wire
        self._endpoint = endpoint
        self._token = ""
        self._renew_at = 0.0

    def token(self) -> str:
        """A token that is good for a handshake now. Raises `Refused`, `NotReached`, `Unavailable`."""
        if not self._token or time.monotonic() >= self._renew_at:
            self._token = self._mint()
            self._renew_at = time.monotonic() + TOKEN_SECONDS * _RENEW_AT
        return self._token

    def forget(self) -> None:
        """Drops a token that was refused."""
        self._token = ""

    def _mint(self) -> str:
        wanted = {"allowed_apps": [self._endpoint.alias], "token_expiration": TOKEN_SECONDS}
        request = Request(
            "the realtime token",
            "POST",
            f"{self._wire.hosts.rest}/tokens/",
            body=json.dumps(wanted).encode(),
        ).for_a_short_answer()
        answer = free.answered(self._wire, request)
        body = answer.json()
        token = body.get("token") or body.get("detail") if isinstance(body, dict) else body
        if not isinstance(token, str) or not token:
            raise Refused("the service answered without a realtime token", status=answer.status)
        return token


class Session:
    """One open WebSocket that does not block. The one who holds it waits for it, and for anything else."""

    def __init__(self, socket: websocket.WebSocket, duplex: Duplex, encoding: Encoding) -> None:
        self._socket = socket
        self._duplex = duplex
        self._encoding = encoding
        self._failure = ""
        self.is_broken = False  # half a frame may have left, and nothing can follow it
        self.is_midway = False  # whether a result has begun to come

    def send(self, value: Any) -> None:
        """Sends one input, whole. Raises `NotReached` where the connection is gone."""
        frame = websocket.ABNF.create_frame(self._encoding.encode(value), websocket.ABNF.OPCODE_BINARY)
        try:
            self._duplex.sendall(frame.format())
        except (websocket.WebSocketException, OSError) as error:
            self.is_broken = True
            raise NotReached(f"the connection was lost ({error})", phase=Phase.SENDING) from error

    def wait(self, seconds: float, other: int | None = None) -> tuple[bool, bool]:
        """Waits until something may have come here or can be read from `other`; which of the two it is."""
        duplex = self._duplex
        if self.is_broken or duplex.holds_data:
            return True, False
        own = duplex.descriptor
        found = readable((own,) if other is None else (own, other), seconds)
        return own in found, other in found

    def receive(self) -> Received | Failed | Ended | None:
        """The next result or the end; None if none has come yet as a whole. Answers pings meanwhile."""
        try:
            payload = None if self.is_midway else self._duplex.short_frame()
            if payload is not None:
                return self._binary(payload)
            self.is_midway = True
            opcode, frame = self._socket.recv_data_frame(True)
        except WOULD_BLOCK:
            return Ended(None, self._failure) if self.is_broken else None
        except (websocket.WebSocketException, OSError) as error:
            return Ended(None, self._failure, _why(error))
        self.is_midway = False
        self._duplex.begin_message()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return Ended(_close_code(frame.data), self._failure)
        if opcode == websocket.ABNF.OPCODE_BINARY:
            return self._binary(frame.data)
        if opcode == websocket.ABNF.OPCODE_TEXT:
            return self._text(frame.data)
        return None

    def close(self) -> None:
        """Says goodbye and does not wait long for an answer."""
        with suppress(websocket.WebSocketException, OSError):
            self._socket.close(timeout=1)

    def drop(self) -> None:
        """Frees the connection, whatever state it is in."""
        with suppress(OSError):
            self._socket.shutdown()  # type: ignore[no-untyped-call]  # the package leaves it unannotated

    def _binary(self, data: bytes) -> Received | Failed | Ended | None:
        try:
            value = self._encoding.decode(data)
        except _TooMany as error:
            return Ended(_NORMAL, f"a frame cannot be read: {error}")
        except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
            return Ended(_NORMAL, "a frame cannot be read (is --encoding right?)")
        return self._taken(value)

    def _text(self, data: bytes) -> Received | Failed | Ended | None:
        if jsontext.is_crowded(data):
            return Ended(_NORMAL, f"a frame cannot be read: {_TooMany()}")
        return self._taken(jsontext.read(data, {"text": data.decode("utf-8", "replace")}, is_exact=True))

    def _taken(self, value: Any) -> Received | Failed | None:
        """A result, unless the value is a control object (§7.3); an error is kept for the end, too."""
        if not isinstance(value, dict):
            return Received(value)
        if value.get("type") == "x-fal-message":
            return None
        if value.get("type") == "x-fal-error":
            code, reason = str(value.get("error", "")), str(value.get("reason", ""))
            self._failure = "" if code == "TIMEOUT" else f"{code}: {reason}".rstrip(": ")
            return Failed(self._failure) if self._failure else None
        if value.get("status") == "error":
            message = str(value.get("error") or value.get("reason") or value.get("message") or "an error")
            if message == UNAUTHORIZED:
                self._failure = message
            return Failed(message)
        return Received(value)


def connect(
    wire: Wire,
    endpoint: Target,
    encoding: Encoding,
    *,
    token: str = "",
    max_buffering: int | None = None,
    path: str = REALTIME_PATH,
) -> Session:
    """Opens a session. `path` is appended unless the endpoint has it; an explicit one replaces `/realtime` (§2.3).

    Raises `Refused` for a refused handshake, `NotReached` if there is no connection.
    """
    query = {"fal_jwt_token": token} if token else {}
    if max_buffering is not None:
        query["max_buffering"] = str(max_buffering)
    url = (
        "ws"
        + url_on(wire.hosts.run, endpoint.joined(path)).removeprefix("http")
        + (f"?{urlencode(query)}" if query else "")
    )
    sock, url = _connected(backup.current(url))
    shaking = Handshake(sock, HANDSHAKE_SECONDS)
    try:
        opened = websocket.create_connection(
            url,
            timeout=HANDSHAKE_SECONDS,
            socket=shaking,
            header=[f"User-Agent: fal-cli/{__version__}"],
            redirect_limit=0,  # the token and the inputs would go wherever it points
            suppress_origin=True,
            skip_utf8_validation=True,
        )
    except websocket.WebSocketBadStatusException as error:
        raise _refused(error, has_token=bool(token)) from error
    except (websocket.WebSocketException, OSError) as error:
        shaking.close()
        host = host_shown(url)
        if redirect := _REDIRECT.match(shaking.came):  # the package does not say where it leads
            where = _LOCATION.search(shaking.came)
            raise _elsewhere(host, int(redirect[1]), where[1].decode("latin-1").strip() if where else "") from error
        raise NotReached(f"no connection to {host} ({error})", phase=Phase.NOT_CONNECTED) from error
    _check(opened, url)
    duplex = Duplex(sock)
    opened.sock = duplex  # type: ignore[assignment]  # all that the package does with one
    return Session(opened, duplex, encoding)


def _connected(url: str) -> tuple[socket.socket, str]:
    """A connection for a URL, or for that of its backup where there is none (§1.1), and which it is."""
    try:
        return _opened(url), url
    except NotReached as error:
        other = backup.of(url)
        if not other or error.is_permanent:
            raise
        try:
            sock = _opened(other)
        except NotReached:
            raise error from None
    backup.use(url)
    return sock, other


def _opened(url: str) -> socket.socket:
    """The connection below a session, made as every other of this program. Raises `NotReached`."""
    http = "http" + url.removeprefix("ws")
    try:
        return open_socket(http, CONNECT_SECONDS)
    except (*TRANSPORT_ERRORS, trust.Unusable) as error:
        raise _unreached(reasons.of(error, http, Phase.NOT_CONNECTED)) from error


def _unreached(why: reasons.Reason) -> NotReached:
    return NotReached(why.text, is_permanent=why.is_permanent, way_out=why.way_out, phase=Phase.NOT_CONNECTED)


def _check(opened: websocket.WebSocket, url: str) -> None:
    """Raises `Refused` for a handshake that did not switch, such as a redirect, which the package takes for a success.

    Raises `NotReached` for one that switched to compressed frames: the package cannot read them, and a server must not
    choose an extension that was not offered (§7.2).
    """
    error = _fault_of(opened.handshake_response, host_shown(url))
    if error is not None:
        opened.shutdown()  # type: ignore[no-untyped-call]  # the package leaves it unannotated
        raise error


def _fault_of(answer: Any, host: str) -> Refused | NotReached | None:
    """What is wrong with the answer to a handshake."""
    if answer is None:
        return None
    if extensions := answer.headers.get("sec-websocket-extensions"):
        return NotReached(
            f"{host} insists on a WebSocket extension that was not asked for ({extensions})",
            is_permanent=True,
            way_out="Turn the extension off in the app's server.",
            phase=Phase.NOT_CONNECTED,
        )
    if answer.status == _SWITCHING:
        return None
    return _elsewhere(host, answer.status, answer.headers.get("location", ""))


def _elsewhere(host: str, status: int, where: str) -> Refused:
    detail = f"it answers with a redirect to {where}" if where else f"it answers with HTTP {status}"
    return Refused(f"{host} did not open a WebSocket: {detail}", status=status)


def _refused(error: "websocket.WebSocketBadStatusException", *, has_token: bool) -> Refused | Unavailable:
    """The error of a handshake that was answered with another status.

    An app without a key to check answers 403 where it has no such route.
    """
    if error.status_code == _FORBIDDEN and not has_token:
        return Refused("no WebSocket at this path", status=_NOT_FOUND)
    body = error.resp_body or b""
    page = body.decode("utf-8", "replace")[:300] or "the handshake was refused"
    detail = read_detail(jsontext.read(body, page))
    kind = Unavailable if error.status_code in retry.PASSING else Refused
    return kind(detail.message, status=error.status_code, error_type=detail.error_type, fields=detail.fields)


def _why(error: Exception) -> str:
    """Why a session ended without a close, where that is known."""
    if isinstance(error, MessageTooLarge):
        return str(error)
    if isinstance(error, websocket.WebSocketProtocolException):
        is_packed = str(error).startswith("rsv")
        return "the server sent a compressed frame" if is_packed else "the server sent an invalid WebSocket frame"
    return ""


def _close_code(data: bytes) -> int:
    """The code of a close frame; one without says normal, in effect."""
    return int.from_bytes(data[:2], "big") if len(data) >= 2 else _NORMAL
