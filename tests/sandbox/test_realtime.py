"""Realtime sessions over real sockets (§7, §15)."""

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
import requests
import websocket

from fal_cli.sandbox import server
from tests.support.sandbox_client import PATIENCE, Client, until
from tests.support.sandbox_keys import LOCKED_KEY

Start = Callable[..., Client]
ECHO, DEV, LCM = "sandbox/echo", "fal-ai/flux/dev", "fal-ai/fast-lcm-diffusion"
SOON = {"idle": 0.05}
END = [{"type": "x-fal-error", "error": "TIMEOUT", "reason": "no inputs, reconnect when needed!"}, 1000]
CLOSE = websocket.ABNF.OPCODE_CLOSE


class Socket:
    """A session as a bare WebSocket client sees it."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.socket = socket

    def send(self, *messages: Any) -> None:
        for message in messages:
            self.socket.send_binary(msgpack.packb(message, use_bin_type=True))

    def receive(self) -> Any:
        """A result, a control object, or the code of the close."""
        opcode, data = self.socket.recv_data()
        if opcode == CLOSE:
            return int.from_bytes(data[:2], "big")
        if opcode == websocket.ABNF.OPCODE_TEXT:
            return json.loads(data)
        return msgpack.unpackb(data, strict_map_key=False, timestamp=3)

    def rest(self) -> list[Any]:
        """All that comes until the close, its code included."""
        seen = [self.receive()]
        while not isinstance(seen[-1], int):
            seen.append(self.receive())
        return seen


@contextmanager
def opened(client: Client, endpoint: str = ECHO, query: str = "", *, key: bool = True) -> Iterator[Socket]:
    header = [f"Authorization: {client.headers['Authorization']}"] if key else []
    url = f"{client.addresses.run.replace('http', 'ws', 1)}/{endpoint}/realtime{query}"
    socket = websocket.create_connection(url, header=header, timeout=PATIENCE)
    try:
        yield Socket(socket)
    finally:
        socket.close(timeout=1)


def talk(client: Client, *messages: Any, endpoint: str = ECHO) -> list[Any]:
    """Send the messages, and hear all until the close."""
    with opened(client, endpoint) as socket:
        socket.send(*messages)
        return socket.rest()


def refusal(client: Client, endpoint: str = ECHO, query: str = "", *, key: bool = True) -> int:
    """The status of a refused handshake."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught, opened(client, endpoint, query, key=key):
        pass
    return int(caught.value.status_code)


def token(client: Client, *apps: str, seconds: float = 120) -> str:
    body = {"allowed_apps": apps, "token_expiration": seconds}
    answer = client.send("POST", f"{client.addresses.rest}/tokens/", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json())


def test_unary(client: Client) -> None:
    assert talk(client, {"n": 1, "sandbox": SOON}, {"n": 2}, {"n": 3}) == [{"n": 1}, {"n": 2}, {"n": 3}, *END]


def test_nothing_sent_and_everything_sent_at_leisure(client: Client) -> None:
    with opened(client) as socket:
        for number in range(3):
            socket.send({"n": number})
            assert socket.receive() == {"n": number}


def test_server_streaming(client: Client) -> None:
    heard = talk(client, {"sandbox": {"mode": "server_streaming", "events": 4}})
    assert heard == [{"event": 1}, {"event": 2}, {"event": 3}, {"event": 4}, *END]


def test_client_streaming(client: Client) -> None:
    heard = talk(client, {"n": 1, "sandbox": {"mode": "client_streaming", **SOON}}, {"n": 2})
    assert heard == [{"inputs": [{"n": 1}, {"n": 2}], "count": 2}, *END]


def test_bidi(client: Client) -> None:
    heard = talk(client, {"n": 1, "sandbox": {"mode": "bidi", "events": 2, **SOON}}, {"n": 2})
    assert heard == [{"n": n, "event": event} for n in (1, 2) for event in (1, 2)] + END


def test_timings(client: Client) -> None:
    heard = talk(client, {"sandbox": {"timings": True, **SOON}}, {})
    kinds = [entry.get("action") if isinstance(entry, dict) else entry for entry in heard]
    assert kinds == [None, "timings", None, "timings", None, 1000]
    assert heard[1]["type"] == "x-fal-message"
    assert heard[1]["timing"] >= 0
    streamed = talk(client, {"sandbox": {"timings": True, "mode": "server_streaming", "events": 2}})
    assert [entry.get("action") for entry in streamed[:-1]] == [None, None, "timings", None]


def test_pictures_as_data_uris(client: Client) -> None:
    first, second, *end = talk(client, {"prompt": "a", "seed": 1, "sandbox": SOON}, {"prompt": "b"}, endpoint=DEV)
    assert (first["prompt"], first["seed"], second["prompt"]) == ("a", 1, "b")
    (image,) = first["images"]
    assert image["url"].startswith("data:image/jpeg;base64,")
    assert max(image["width"], image["height"]) <= 512
    assert end == END


def test_pictures_as_bytes(client: Client) -> None:
    given = {"prompt": "a", "request_id": "mine", "num_images": 2, "sandbox": SOON}
    result, *end = talk(client, given, endpoint=LCM)
    assert result["request_id"] == "mine"
    assert [image["content"][:3] for image in result["images"]] == [b"\xff\xd8\xff"] * 2
    assert result["images"][0]["content_type"] == "image/jpeg"
    assert end == END
    url = client.run(LCM, {"prompt": "a", "sandbox": {"run": 0}}).json()["images"][0]["url"]
    assert requests.get(url, timeout=15).content[:3] == b"\xff\xd8\xff"


def test_values_that_json_has_not(client: Client) -> None:
    values = talk(client, {"sandbox": {"values": True, **SOON}})[0]["values"]
    assert values["bin"] == bytes(range(256))
    assert values["ext"] == msgpack.ExtType(42, b"sandbox")
    assert values["timestamp"] == datetime(2030, 1, 2, 3, 4, 5, 678_901, UTC)
    assert values["uint64"] == 2**64 - 1
    assert math.isnan(values["nan"])
    assert values["inf"] == [math.inf, -math.inf]
    assert values["keys"] == {7: "a number", True: "truth", None: "nothing", b"k\xff": "bytes", 0.5: "a half"}


def test_validation_failure_ends_the_session(client: Client) -> None:
    error, code = talk(client, {"seed": 1}, {"prompt": "never seen"}, endpoint=DEV)
    assert (error["type"], error["error"], code) == ("x-fal-error", "INTERNAL_ERROR", 1000)
    assert "prompt\n  Field required [type=missing]" in error["reason"]


def test_text_frame(client: Client) -> None:
    with opened(client) as socket:
        socket.socket.send(json.dumps({"a": 1}))
        error, code = socket.rest()
    assert (error["error"], error["reason"], code) == ("INTERNAL_ERROR", "'bytes'", 1000)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81", b"\x01"])
def test_frame_that_is_no_input(client: Client, data: bytes) -> None:
    with opened(client) as socket:
        socket.socket.send_binary(data)
        error, code = socket.rest()
    assert (error["error"], code) == ("INTERNAL_ERROR", 1000)


def test_json_codec(client: Client) -> None:
    with opened(client, f"{ECHO}/json") as socket:
        socket.socket.send_binary(json.dumps({"a": "ü", "sandbox": SOON}).encode())
        opcode, data = socket.socket.recv_data()
        assert (opcode, data) == (websocket.ABNF.OPCODE_BINARY, '{"a":"ü"}'.encode())
        assert socket.rest() == END
    with opened(client, f"{ECHO}/json") as socket:
        socket.socket.send(json.dumps({"a": 1}))
        assert socket.receive()["reason"] == "'bytes'"


def test_unknown_order(client: Client) -> None:
    for endpoint, orders in ((ECHO, {"modus": "bidi"}), (DEV, {"mode": "bidi"}), (ECHO, {"mode": "both"})):
        error, code = talk(client, {"prompt": "x", "sandbox": orders}, endpoint=endpoint)
        assert error["reason"].startswith("sandbox.mod")
        assert code == 1000


@pytest.mark.parametrize("app", ["flux", "fal-ai/flux", DEV, f"{DEV}/realtime"])
def test_token(client: Client, app: str) -> None:
    with opened(client, DEV, f"?fal_jwt_token={token(client, app)}&max_buffering=60", key=False) as socket:
        socket.send({"prompt": "x", "image_size": {"width": 32, "height": 32}})
        assert socket.receive()["prompt"] == "x"


def test_wrong_token(client: Client) -> None:
    for wrong in ("nonsense", token(client, "esrgan"), token(client, "flux")[:-1]):
        with opened(client, DEV, f"?fal_jwt_token={wrong}", key=False) as socket:
            assert socket.rest() == [{"status": "error", "error": "Unauthorized"}, 1008]


def test_expired_token(start: Start) -> None:
    client = start(faults=["token=expires:0*1"])
    assert refusal(client, ECHO, f"?fal_jwt_token={token(client, 'echo')}", key=False) == 401
    with opened(client, ECHO, f"?fal_jwt_token={token(client, 'echo')}", key=False) as socket:
        socket.send({"n": 1})
        assert socket.receive() == {"n": 1}


def test_refused_handshakes(client: Client) -> None:
    assert refusal(client, key=False) == 401
    assert refusal(Client(client.sandbox, "a:b")) == 401
    assert refusal(Client(client.sandbox, LOCKED_KEY)) == 403
    assert refusal(client, "acme/nothing") == 404
    assert refusal(client, "fal-ai/flux/schnell") == 403
    for wrong in ("0", "61", "x"):
        assert refusal(client, ECHO, f"?max_buffering={wrong}") == 400


def test_a_refusal_cannot_be_truncated(start: Start) -> None:
    client = start(faults=["any=truncate*1"])
    with pytest.raises((websocket.WebSocketException, ConnectionError)), opened(client, "fal-ai/esrgan"):
        pass
    assert refusal(client, "fal-ai/esrgan") == 403


def test_http_where_a_socket_belongs(client: Client) -> None:
    assert client.run(f"{ECHO}/realtime", {}).status_code == 405


@pytest.mark.parametrize(
    ("fault", "status"), [("401", 401), ("403", 403), ("503", 503), ("html-502", 502), ("429:retry-after=1", 429)]
)
def test_handshake_refused_by_order(start: Start, fault: str, status: int) -> None:
    client = start(faults=[f"realtime={fault}*1"])
    assert refusal(client) == status
    assert talk(client, {"sandbox": SOON}) == [{}, *END]


@pytest.mark.parametrize("fault", ["cut-before", "reset-before"])
def test_handshake_cut(start: Start, fault: str) -> None:
    client = start(faults=[f"realtime={fault}*1", "realtime=unauthorized*1"])
    with pytest.raises((websocket.WebSocketException, ConnectionError)), opened(client):
        pass
    with opened(client) as socket:
        assert socket.rest() == [{"status": "error", "error": "Unauthorized"}, 1008]
    assert talk(client, {"sandbox": SOON}) == [{}, *END]


@pytest.mark.parametrize("word", ["503", "html-503", "cut-after", "reset-after", "truncate", "garbage", "stall:0.01"])
def test_any_reaches_a_session(start: Start, word: str) -> None:
    client = start(faults=[f"any={word}*1"])
    with contextlib.suppress(websocket.WebSocketException, msgpack.UnpackException, OSError), opened(client) as socket:
        socket.send({"sandbox": SOON})
        socket.rest()
    assert talk(client, {"sandbox": SOON}) == [{}, *END]


@pytest.mark.parametrize("count", [0, 2])
def test_cut_after_results(start: Start, count: int) -> None:
    client = start(faults=[f"realtime=cut-after:{count}"])
    with opened(client) as socket:
        socket.send({"n": 0})
        with contextlib.suppress(ConnectionError):  # what is sent after the cut may not get away
            socket.send({"n": 1}, {"n": 2})
        assert [socket.receive() for _ in range(count)] == [{"n": 0}, {"n": 1}][:count]
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            socket.receive()


def test_closed_after_results(client: Client) -> None:
    for fault, code in (("close-after:1:1012", 1012), ("close-after:1", 1011), ("close-after:1:1000", 1000)):
        heard = talk(client, {"n": 1, "sandbox": {"fault": f"realtime={fault}"}}, {"n": 2})
        assert heard == [{"n": 1}, code]


def test_fault_of_a_message_that_ends(client: Client) -> None:
    message = {"mark": "once", "sandbox": {"fault": "realtime=close-after:0*1", **SOON}}
    assert talk(client, message) == [1011]
    assert talk(client, message) == [{"mark": "once"}, *END]


def test_silence(client: Client) -> None:
    with opened(client) as socket:
        socket.send({"n": 1, "sandbox": {"fault": "realtime=silent-after:1", **SOON}}, {"n": 2})
        assert socket.receive() == {"n": 1}
        socket.socket.settimeout(0.5)
        with pytest.raises(websocket.WebSocketTimeoutException):
            socket.receive()


def test_garbage_and_a_stall(client: Client) -> None:
    with opened(client) as socket:
        socket.send({"n": 1, "sandbox": {"fault": "realtime=garbage"}})
        opcode, data = socket.socket.recv_data()
        assert (opcode, data[:1]) == (websocket.ABNF.OPCODE_BINARY, b"\xc1")
        assert socket.receive() == {"n": 1}
    assert talk(client, {"sandbox": {"fault": "realtime=stall:0.1", **SOON}}) == [{}, *END]


def test_handshake_faults_are_not_for_messages(client: Client) -> None:
    for fault in ("realtime=401", "realtime=unauthorized", "realtime=cut-before"):
        error, _ = talk(client, {"sandbox": {"fault": fault}})
        assert "the handshake is over" in error["reason"]


def test_client_that_leaves_drops_the_work(start: Start) -> None:
    client = start()
    sessions = client.sandbox._server.server_state.tasks
    with opened(client) as socket:
        socket.send({"n": 1, "sandbox": {"delay": 60}})
        until(lambda: sessions)
    until(lambda: not sessions)


def test_pings(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PING_SECONDS", 0.1)
    with opened(start()) as socket:
        opcode, frame = socket.socket.recv_data_frame(control_frame=True)
        assert opcode == websocket.ABNF.OPCODE_PING
        assert frame.data
    with opened(start()) as socket:  # whose client answers no ping, since nobody reads
        socket.socket.pong = lambda *_: None
        assert socket.receive() == 1011


def test_frame_that_is_too_large(client: Client) -> None:
    with opened(client) as socket:
        # Its head is enough: the server does not wait for the rest.
        socket.socket.sock.sendall(b"\x82\xff" + (16 * 1024 * 1024 + 1).to_bytes(8, "big") + b"mask")
        assert socket.receive() == 1009


# -- the modes of an app that says so in its document

MODES = "sandbox/realtime"


def protocol(client: Client, endpoint: str) -> dict[str, Any]:
    url = f"{client.addresses.api}/api/openapi/queue/openapi.json?endpoint_id={endpoint}"
    found: dict[str, Any] = requests.get(url, timeout=15).json()["paths"][f"/{endpoint}/realtime"]["x-fal-protocol"]
    return found


@pytest.mark.parametrize(
    ("endpoint", "mode", "config"),
    [
        (f"{MODES}/unary", "unary", {"buffering": None, "sessionTimeout": 2.0, "maxBatchSize": 1}),
        (f"{MODES}/server-streaming", "server_streaming", None),
        (f"{MODES}/client-streaming", "client_streaming", None),
        (f"{MODES}/bidi", "bidi", None),
        (f"{MODES}/batched", "unary", {"buffering": None, "sessionTimeout": 2.0, "maxBatchSize": 4}),
        (f"{MODES}/buffered", "unary", {"buffering": 2, "sessionTimeout": 2.0, "maxBatchSize": 1}),
        (DEV, "unary", None),
        (LCM, "unary", None),
        (ECHO, "unary", None),
    ],
)
def test_the_document_names_the_mode(client: Client, endpoint: str, mode: str, config: dict[str, Any] | None) -> None:
    told = protocol(client, endpoint)
    assert set(told) == {"type", "operationId", "realtimeMode", "contentType", "config"}
    assert (told["type"], told["realtimeMode"]) == ("realtime", mode)
    assert config is None or told["config"] == config


def test_where_there_are_no_sessions(client: Client) -> None:
    with pytest.raises(KeyError):
        protocol(client, "fal-ai/flux/schnell")


def test_apps_of_each_mode(client: Client) -> None:
    soon = {"n": 1, "sandbox": SOON}
    assert talk(client, soon, {"n": 2}, endpoint=f"{MODES}/unary") == [{"n": 1}, {"n": 2}, *END]
    assert talk(client, soon, endpoint=f"{MODES}/server-streaming") == [{"n": 1, "event": n} for n in (1, 2, 3)] + END
    assert talk(client, soon, {"n": 2}, endpoint=f"{MODES}/client-streaming") == [
        {"inputs": [{"n": 1}, {"n": 2}], "count": 2}, *END,
    ]  # fmt: skip
    assert talk(client, {"sandbox": {**SOON, "events": 2}}, endpoint=f"{MODES}/bidi") == [
        {"event": 1},
        {"event": 2},
        *END,
    ]


def test_a_session_of_a_real_app_is_cut_when_idle(start: Start) -> None:
    client = start(faults=["realtime=idle:0.1"])
    with opened(client) as socket:
        assert socket.rest() == END
    with opened(client) as socket:
        socket.send({"n": 1})
        assert socket.rest() == [{"n": 1}, *END]
    assert talk(client, {"n": 1}, endpoint=f"{MODES}/unary") == [{"n": 1}, *END]


def test_a_batch_has_one_result(client: Client) -> None:
    """The first comes alone, what piles up meanwhile together, at most four at once."""
    heard = talk(client, *({"n": number} for number in range(7)), endpoint=f"{MODES}/batched")
    assert heard[-2:] == END
    assert [len(result["inputs"]) for result in heard[:-2]] in ([1, 4, 2], [4, 3], [2, 4, 1], [3, 4])
    assert [each["n"] for result in heard[:-2] for each in result["inputs"]] == list(range(7))
    assert all(result["count"] == len(result["inputs"]) for result in heard[:-2])


def test_a_batch_that_was_ordered(client: Client) -> None:
    first = {"n": 0, "sandbox": {"batch": 2, "delay": 0.2, **SOON}}
    heard = talk(client, first, *({"n": number} for number in range(1, 4)))
    assert [each["n"] for result in heard[:-2] for each in result["inputs"]] == [0, 1, 2, 3]
    assert all(result["count"] <= 2 for result in heard[:-2])


def test_a_full_buffer_drops_its_oldest(client: Client) -> None:
    heard = talk(client, *({"n": number} for number in range(9)), endpoint=f"{MODES}/buffered")
    seen = [result["n"] for result in heard[:-2]]
    assert seen[-2:] == [7, 8]
    assert len(seen) < 9
    assert seen == sorted(seen)
    assert heard[-2:] == END


def test_a_buffer_that_was_ordered(client: Client) -> None:
    with opened(client) as socket:
        socket.send({"n": 0, "sandbox": {"buffering": 1, "delay": 0.3, **SOON}})
        socket.send(*({"n": number} for number in range(1, 6)))
        assert [result["n"] for result in socket.rest()[:-2]] in ([0, 5], [0, 1, 5])


def test_results_overtake_each_other(client: Client) -> None:
    """As eight fast ones came from an official server: those beyond what its queue holds go first (§15 #7)."""
    with opened(client) as socket:
        socket.send({"n": 0, "sandbox": {"overtake": True, "delay": 0.05, **SOON}})
        socket.send(*({"n": number} for number in range(1, 8)))
        assert [result["n"] for result in socket.rest()[:-2]] == [2, 3, 4, 5, 6, 7, 0, 1]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "x-fal-error", "error": "BAD_INPUT", "reason": "not today"},
        {"status": "error", "error": "Something else"},
        {"status": "error"},
    ],
)
def test_an_error_on_a_session_that_goes_on(client: Client, frame: dict[str, Any]) -> None:
    heard = talk(client, {"n": 1}, {"n": 2, "sandbox": {"frame": frame, **SOON}}, {"n": 3})
    assert heard == [{"n": 1}, frame, {"n": 3}, *END]


def test_errors_in_the_other_modes(client: Client) -> None:
    frames = [{"status": "error", "error": "one"}, {"type": "x-fal-error", "error": "TWO", "reason": ""}]
    orders = {"frame": frames, **SOON}
    assert talk(client, {"n": 1, "sandbox": {**orders, "mode": "server_streaming", "events": 1}}) == [
        {"n": 1, "event": 1}, *frames, *END,
    ]  # fmt: skip
    heard = talk(
        client, {"n": 1, "sandbox": {"mode": "client_streaming", **SOON}}, {"n": 2, "sandbox": orders}, {"n": 3}
    )
    assert heard == [*frames, {"inputs": [{"n": 1}, {"n": 3}], "count": 2}, *END]


def test_malformed_orders_of_a_session(client: Client) -> None:
    for orders in ({"frame": "x"}, {"frame": [1]}, {"batch": 0}, {"buffering": "2"}, {"overtake": 1}):
        error, code = talk(client, {"sandbox": orders})
        assert (error["error"], code) == ("INTERNAL_ERROR", 1000)
        assert error["reason"].startswith(f"sandbox.{next(iter(orders))}")
