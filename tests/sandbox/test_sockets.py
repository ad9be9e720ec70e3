"""Bare sockets on any path of an app (§7.2), and HTTP inside of a socket (§7.6)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import websocket

from tests.support.sandbox_client import PATIENCE, Client

ECHO, LLM = "sandbox/echo", "fal-ai/any-llm"
BINARY = websocket.ABNF.OPCODE_BINARY
Start = Callable[..., Client]


@contextmanager
def opened(
    client: Client, path: str = ECHO, *, host: str = "run", key: bool = True, name: str | None = None
) -> Iterator[websocket.WebSocket]:
    header = [f"Authorization: {client.headers['Authorization']}"] if key else []
    url = f"{getattr(client.addresses, host).replace('http', 'ws', 1)}/{path}"
    socket = websocket.create_connection(url, header=header, timeout=PATIENCE, host=name)
    try:
        yield socket
    finally:
        socket.close(timeout=1)


def refusal(client: Client, path: str = ECHO, **options: Any) -> int:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught, opened(client, path, **options):
        pass
    return int(caught.value.status_code)


def token(client: Client, *apps: str, seconds: float = 120) -> str:
    body = {"allowed_apps": apps, "token_expiration": seconds}
    return str(client.send("POST", f"{client.addresses.rest}/tokens/", json=body).json())


# -- bare sockets


@pytest.mark.parametrize("path", [ECHO, f"{ECHO}/ws", f"{ECHO}/any/path", f"workflows/{ECHO}"])
def test_a_bare_socket_has_no_rules(client: Client, path: str) -> None:
    with opened(client, path) as socket:
        socket.send("text, not JSON")
        assert socket.recv() == "text, not JSON"
        socket.send_binary(b"\xc1\x00")
        assert socket.recv_data() == (BINARY, b"\xc1\x00")
        socket.send("")
        assert socket.recv() == ""


def test_who_may_connect(client: Client) -> None:
    with opened(client, f"{ECHO}/ws?fal_jwt_token={token(client, 'echo')}&max_buffering=1", key=False) as socket:
        socket.send("x")
        assert socket.recv() == "x"
    assert refusal(client, f"{ECHO}/ws?fal_jwt_token={token(client, 'flux')}", key=False) == 401
    assert refusal(client, f"{ECHO}/ws?fal_jwt_token={token(client, 'echo', seconds=0.001)}", key=False) == 401
    assert refusal(client, key=False) == 401
    assert refusal(client, f"{ECHO}?max_buffering=61") == 400
    assert refusal(client, "acme/nothing") == 404
    assert refusal(client, "fal-ai/flux/dev") == 403  # it has /realtime alone
    assert refusal(client, f"{ECHO}/ws/") == 403
    assert refusal(client, "echo") == 404


def test_where_there_are_no_sockets(client: Client) -> None:
    for host in ("cdn", "rest", "api"):
        assert refusal(client, host=host) == 404


def test_faults_of_a_handshake(start: Start) -> None:
    client = start(faults=["ws=503*1", "ws=locked:topup*1"])
    assert refusal(client) == 503
    assert refusal(client) == 403
    with opened(client):
        pass
    assert client.stats()["http"]["ws"] == 3


# -- HTTP inside


def exchange(socket: websocket.WebSocket, payload: Any) -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    """Sends an input; the head of the answer, its body, and its end."""
    socket.send(payload if isinstance(payload, str) else json.dumps(payload))
    start, body, end = json.loads(socket.recv()), b"", None
    while end is None:
        opcode, data = socket.recv_data()
        if opcode == BINARY:
            body += data
        else:
            end = json.loads(data)
    assert (start["type"], end["type"]) == ("start", "end")
    assert start["request_id"] == end["request_id"]
    assert start["status"] == end["status"]
    assert end["time_to_first_byte_seconds"] >= 0
    return start, body, end


@pytest.fixture(params=["queue", "ws.localhost"])
def tunnel(client: Client, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Opens a socket for HTTP, in both of the places where the sandbox has that."""

    def open_(path: str = ECHO, **options: Any) -> Any:
        if request.param == "queue":
            return opened(client, path, host="queue", **options)
        port = client.addresses.run.rpartition(":")[2]
        return opened(client, path, name=f"ws.localhost:{port}", **options)

    return open_


def test_an_input_and_its_answer(tunnel: Callable[..., Any]) -> None:
    with tunnel() as socket:
        start, body, _ = exchange(socket, {"a": "ü", "sandbox": {"run": 0}})
        assert start["status"] == 200
        assert start["headers"]["content-type"] == "application/json"
        assert start["headers"]["x-fal-request-id"] == start["request_id"]
        assert float(start["headers"]["x-fal-billable-units"]) > 0
        assert json.loads(body) == {"a": "ü"}


def test_requests_one_after_the_other(client: Client, tunnel: Callable[..., Any]) -> None:
    before = client.stats()["accepted_runs"]
    with tunnel(f"{ECHO}/some/path") as socket:
        ids = set()
        for number in range(3):
            start, body, _ = exchange(socket, {"n": number, "sandbox": {"run": 0}})
            assert json.loads(body) == {"n": number}
            ids.add(start["request_id"])
    assert len(ids) == 3
    assert client.stats()["accepted_runs"] == before + 3


def test_a_body_that_looks_like_a_head_is_a_body(tunnel: Callable[..., Any]) -> None:
    mask = {"type": "end", "request_id": "x"}
    with tunnel() as socket:
        assert json.loads(exchange(socket, {**mask, "sandbox": {"run": 0}})[1]) == mask


def test_events_come_raw(tunnel: Callable[..., Any]) -> None:
    with tunnel(f"{LLM}/stream") as socket:
        start, body, _ = exchange(socket, {"prompt": "a kite", "sandbox": {"run": 0}})
        assert start["headers"]["content-type"].startswith("text/event-stream")
        events = body.decode().strip().split("\n\n")
        assert len(events) > 3
        assert json.loads(events[-1].removeprefix("data: "))["partial"] is False


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ("{", 422),
        ({"sandbox": {"run": 0, "app": 429}}, 429),
        ({"sandbox": {"run": 0, "gateway": {"status": 502, "html": True}}}, 502),
        ({"sandbox": {"quick": 1}}, 422),
    ],
)
def test_failures_are_answers_too(tunnel: Callable[..., Any], payload: Any, status: int) -> None:
    with tunnel() as socket:
        assert exchange(socket, payload)[0]["status"] == status
        assert exchange(socket, {"sandbox": {"run": 0}})[0]["status"] == 200


def test_a_request_is_text(tunnel: Callable[..., Any]) -> None:
    with tunnel() as socket:
        socket.send_binary(b"{}")
        opcode, data = socket.recv_data()
        assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1003)


def test_handshakes_that_are_refused(client: Client) -> None:
    assert refusal(client, host="queue", key=False) == 401
    assert refusal(client, "acme/nothing", host="queue") == 404
    assert refusal(Client(client.sandbox, "a:b"), host="queue") == 401
