"""What breaks the rules of a WebSocket is told in words: nothing is guessed of it, and nothing waits for more."""

import hashlib
import zlib
from base64 import b64encode

import pytest

from fal_cli.api import realtime
from fal_cli.api.errors import NotReached
from fal_cli.api.hosts import Hosts
from fal_cli.api.realtime import Ended
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId
from tests.support.faulty_server import Server, Step, Talk, read_request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
_PACKER = zlib.compressobj(wbits=-15)
_PACKED = (_PACKER.compress(b"\x81\xa1a\x01") + _PACKER.flush(zlib.Z_SYNC_FLUSH))[:-4]


def opening(headers: bytes, then: bytes = b"") -> list[Step]:
    def step(talk: Talk) -> None:
        key = talk.request.headers["sec-websocket-key"] + _GUID
        accepted = b64encode(hashlib.sha1(key.encode()).digest())
        head = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        talk.sock.sendall(head + headers + b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n" + then)
        talk.server.stopping.wait(5.0)

    return [read_request, step]


def connect(server: Server) -> realtime.Session:
    url = server.url
    wire = Wire(Hosts(run=url, queue=url, rest=url, cdn=url, api=url), "")
    return realtime.connect(wire, EndpointId("a", "b"), realtime.ENCODINGS["msgpack"])


def test_an_extension_that_nobody_offered_ends_it_before_an_input_leaves() -> None:
    with Server(opening(_DEFLATE)) as server, pytest.raises(NotReached) as raised:
        connect(server)
    assert raised.value.is_permanent
    assert "permessage-deflate" in raised.value.message


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        pytest.param(bytes([0xC2, len(_PACKED)]) + _PACKED, "compressed", id="compressed"),
        pytest.param(b"\x83\x01a", "invalid WebSocket frame", id="an unknown opcode"),
    ],
)
def test_a_frame_of_another_kind_says_why_it_is_the_end(frame: bytes, why: str) -> None:
    with Server(opening(b"", frame)) as server:
        session = connect(server)
        session.wait(5.0)
        end = session.receive()
        session.drop()
    assert isinstance(end, Ended)
    assert why in end.why
