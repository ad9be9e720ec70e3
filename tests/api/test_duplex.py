"""The socket below a realtime session, over plain pairs and TLS: both sides talk at once and nobody waits for ever."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
import trustme

from fal_cli.api import duplex
from fal_cli.api.duplex import WOULD_BLOCK, Duplex, readable

LARGE = os.urandom(8 * 1024 * 1024)  # more than both sides' buffers hold
Pair = tuple[Duplex, socket.socket]


@pytest.fixture(params=["plain", "tls"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    near, far = socket.socketpair()
    if request.param == "tls":
        near, far = _secured(near, far)
    with near, far:
        yield Duplex(near), far


def _secured(near: socket.socket, far: socket.socket) -> tuple[socket.socket, socket.socket]:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    secured: list[socket.socket] = []
    shaking = threading.Thread(target=lambda: secured.append(server.wrap_socket(far, server_side=True)))
    shaking.start()
    found = client.wrap_socket(near, server_hostname="localhost")
    shaking.join()
    return found, secured[0]


def received(ours: Duplex, size: int) -> bytes:
    """The next `size` bytes, waited for."""
    data = b""
    while len(data) < size:
        try:
            data += ours.recv(size - len(data))
        except WOULD_BLOCK:
            assert readable((ours.descriptor,), 10.0)
    return data


def test_a_peer_that_reads_only_when_its_answers_are_read_is_no_deadlock(pair: Pair) -> None:
    ours, theirs = pair
    heard = bytearray()

    def talk() -> None:
        theirs.sendall(LARGE)
        while len(heard) < len(LARGE):
            heard.extend(theirs.recv(65536))

    peer = threading.Thread(target=talk)
    peer.start()
    ours.sendall(LARGE)
    assert received(ours, len(LARGE)) == LARGE
    peer.join()
    assert bytes(heard) == LARGE


def test_reading_never_waits(pair: Pair) -> None:
    ours, theirs = pair
    for read in (lambda: ours.recv(10), ours.short_frame):
        with pytest.raises(WOULD_BLOCK):
            read()
    theirs.sendall(b"abc")
    assert received(ours, 1) == b"a"
    assert ours.holds_data  # which waiting for the socket would not tell
    assert ours.recv(10) == b"bc"
    assert not ours.holds_data


def test_a_peer_that_takes_nothing_is_given_up_on(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplex, "SEND_SECONDS", 0.05)
    with pytest.raises(TimeoutError):
        pair[0].sendall(LARGE)


def test_what_came_before_the_end_can_still_be_read(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"the last words")
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError, match="closed"):
        ours.sendall(LARGE)
    assert received(ours, 14) == b"the last words"


@pytest.mark.parametrize(
    ("came", "payload", "left"),
    [
        pytest.param(b"\x82\x03abc", b"abc", b"", id="one"),
        pytest.param(b"\x82\x03abc\x82\x00", b"abc", b"\x82\x00", id="and another"),
        pytest.param(b"\x82\x7d" + b"x" * 125, b"x" * 125, b"", id="the longest"),
        pytest.param(b"\x82\x00", b"", b"", id="empty"),
        *[
            pytest.param(came, None, came, id=name)
            for name, came in {
                "half a header": b"\x82",
                "half a payload": b"\x82\x03ab",
                "longer": b"\x82\x7e\x00\x7e" + b"x" * 126,
                "text": b"\x81\x03abc",
                "a fragment": b"\x02\x03abc",
                "a ping": b"\x89\x00",
                "a close": b"\x88\x02\x03\xe8",
                "masked": b"\x82\x83abcdefg",
                "compressed": b"\xc2\x03abc",
            }.items()
        ],
    ],
)
def test_only_a_short_whole_plain_binary_frame_is_read_here(came: bytes, payload: bytes | None, left: bytes) -> None:
    near, far = socket.socketpair()
    with near, far:
        ours = Duplex(near)
        far.sendall(came)
        assert ours.short_frame() == payload
        assert (received(ours, len(left)) if left else b"") == left
        assert not ours.holds_data
