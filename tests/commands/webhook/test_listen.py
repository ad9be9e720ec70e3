"""`fal webhook listen` as a real process, and what strangers can send to it."""

import json
import signal
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fal_cli.commands.webhook.listening import Seen
from fal_cli.commands.webhook.signature import Received
from tests.commands.webhook.conftest import BODY, REQUEST_ID, Author, Listen, Listener, ended, exchange
from tests.conftest import Program
from tests.support.faulty_server import Server, answer, answering, refusing_port
from tests.support.pseudo_terminal import Screen


def test_a_valid_one_is_answered_200_and_printed_whole(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    headers = author.sign(BODY)
    assert listener.post({name.upper(): value for name, value in headers.items()}, BODY) == (200, "ok")
    line = listener.line()
    moment = datetime.fromisoformat(line.pop("received_at"))
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 30
    body = json.loads(BODY)
    assert line == {"valid": True, "reason": None, "headers": headers, "body": body, "duplicate": False}
    assert body["payload"]["seed"] == 17454220438242315174


def test_the_same_request_again_is_a_duplicate(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    other = author.sign(BODY, request_id="another")
    for headers in (author.sign(BODY), author.sign(BODY, age=5), other):
        assert listener.post(headers, BODY)[0] == 200
    assert [listener.line()["duplicate"] for _ in range(3)] == [False, True, False]


def test_an_invalid_one_is_answered_401_and_hides_no_other(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    good = author.sign(BODY)
    bad: list[tuple[dict[str, str], bytes, str]] = [
        (good, BODY.replace(b"OK", b"KO"), "no key of"),
        (Author().sign(BODY), BODY, "no key of"),
        (author.sign(BODY, age=301 + 30), BODY, "s old, more than the 300 s allowed"),
        ({name: value for name, value in good.items() if "User" not in name}, BODY, "User-Id is missing"),
        ({}, b"", "are missing"),
    ]
    for headers, body, told in bad:
        status, words = listener.post(headers, body)
        line = listener.line()
        assert (status, line["valid"], line["reason"], line["duplicate"]) == (401, False, words, False)
        assert told in words
    assert line["headers"]["X-Fal-Webhook-Request-Id"] is None
    assert line["body"] is None
    assert listener.post(good, BODY)[0] == 200
    assert listener.line()["duplicate"] is False


def test_count_ends_it(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks, "--count", "2")
    listener.post({}, b"")
    assert listener.post(author.sign(BODY), BODY)[0] == 200
    assert ended(listener.process) == 0
    assert listener.process.stdout is not None
    assert len(listener.process.stdout.readlines()) == 2


def test_without_verification_nothing_is_asked(listen: Listen) -> None:
    listener = listen("--no-verify")
    assert "unchecked" in listener.said
    assert listener.post({"X-Fal-Webhook-Request-Id": "a"}, b"[1]") == (200, "ok")
    assert listener.post({"X-Fal-Webhook-Request-Id": "a"}, b"no json") == (200, "ok")
    first, second = listener.line(), listener.line()
    assert (first["valid"], first["reason"], first["body"]) == (None, "not checked (--no-verify)", [1])
    assert (second["valid"], second["body"], second["duplicate"]) == (None, None, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(listen: Listen, jwks: str, number: signal.Signals) -> None:
    listener = listen("--jwks", jwks)
    listener.post({}, b"")
    listener.process.send_signal(number)
    started = time.monotonic()
    assert ended(listener.process) == 128 + number
    assert time.monotonic() - started < 2
    assert listener.process.stderr is not None
    end = json.loads(listener.process.stderr.read())
    assert (end["event"], end["kind"], end["code"]) == ("error", "interrupted_unsent", 128 + number)


def test_a_reader_that_goes_ends_it_and_nothing_more_is_acknowledged(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    assert listener.post(author.sign(BODY), BODY)[0] == 200
    assert listener.process.stdout is not None
    listener.process.stdout.close()
    with pytest.raises(OSError, match=r".*"):
        listener.post(author.sign(BODY), BODY)
    assert ended(listener.process) == 0


def test_a_port_that_is_taken(fal: Program, jwks: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = fal("webhook", "listen", "--jwks", jwks, "--port", str(taken.getsockname()[1]), code=1)
    assert "cannot listen on port" in done.stderr
    assert "0 takes a free one" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--no-verify", "--jwks", "x"), "give either"),
        (("--path", "hook"), "--path must begin with a slash"),
        (("--count", "0"), "--count"),
        (("--port", "65536"), "--port"),
    ],
)
def test_usage(fal: Program, words: tuple[str, ...], told: str) -> None:
    assert told in fal("webhook", "listen", *words, code=2).stderr


# The service's keys


def test_it_works_with_the_configured_rest_host(listen: Listen, author: Author) -> None:
    with Server(answering(answer(200, author.jwks))) as service:
        listener = listen(env={"FAL_REST_HOST": service.url})
        assert listener.post(author.sign(BODY), BODY)[0] == 200
        assert listener.post(author.sign(BODY), BODY)[0] == 200
        assert len(service.requests) == 1
        for _ in range(20):
            assert listener.post(Author().sign(BODY), BODY)[0] == 401
        assert len(service.requests) == 1  # just fetched, so not again for each forged one


def test_keys_that_come_later(listen: Listen, author: Author) -> None:
    with refusing_port() as port:
        listener = listen(env={"FAL_REST_HOST": f"http://127.0.0.1:{port}"})
        status, words = listener.post(author.sign(BODY), BODY)
        assert (status, listener.line()["valid"]) == (503, None)
        assert "cannot be fetched" in words
    with Server(answering(answer(200, author.jwks))) as service:
        listener = listen("--jwks", f"{service.url}/jwks")
        assert listener.post(author.sign(BODY), BODY)[0] == 200


# Strangers


def test_paths_and_methods(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks, "--path", "/hooks/fal")
    assert listener.url.endswith("/hooks/fal")
    headers = author.sign(BODY)
    for path, status in {
        "/hooks/fal": 200,
        "/hooks/fal/": 200,
        "/hooks/fal/a?b": 200,
        "/hooks/falx": 404,
        "/": 404,
    }.items():
        assert listener.post(headers, BODY, path=path)[0] == status, path
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert listener.send(method, "/hooks/fal", headers)[0] == 405
    assert listener.send("HEAD", "/hooks/fal", headers)[0] == 405
    assert listener.send("BREW", "/hooks/fal", headers)[0] == 501


def test_bodies_that_are_not_taken(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    status, words = listener.post(author.sign(b""), b"x" * (16 * 1024 * 1024 + 1))
    assert (status, words) == (413, "a webhook of more than 16 MB is not accepted")
    assert listener.send("POST", "/", {}, iter([b"x" * 2**20] * 17))[0] == 413  # in the chunked coding
    assert _raw(listener, b"POST / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 411 ")
    assert _raw(listener, b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n").startswith(b"HTTP/1.1 411 ")
    assert _raw(listener, b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n").startswith(
        b"HTTP/1.1 413 "
    )
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    assert _raw(listener, chunked).startswith(b"HTTP/1.1 400 ")
    assert _raw(listener, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert _raw(listener, b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n").startswith(b"HTTP/1.1 431 ")
    assert listener.post(author.sign(BODY), BODY)[0] == 200
    assert listener.line()["valid"] is True  # nothing else was printed


def test_a_large_body_and_a_chunked_one(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    large = json.dumps({"payload": "x" * 15_000_000}).encode()
    answered: list[int] = []
    sender = threading.Thread(target=lambda: answered.append(listener.post(author.sign(large), large)[0]))
    sender.start()  # the line is longer than the pipe: its reader and its sender wait for each other
    assert len(listener.line()["body"]["payload"]) == 15_000_000
    sender.join(30)
    assert answered == [200]
    assert listener.send("POST", "/", author.sign(BODY), iter([BODY[:10], BODY[10:]]))[0] == 200
    assert listener.line()["body"] == json.loads(BODY)


def test_many_that_are_half_there_wait_on_the_disk(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    before, sent = _memory(listener.process.pid), []
    try:
        for _ in range(12):
            sent.append(socket.create_connection(("127.0.0.1", _port(listener))))
            sent[-1].sendall(b"POST / HTTP/1.1\r\nContent-Length: 16000000\r\n\r\n" + b"x" * 12_000_000)
        assert listener.post(author.sign(BODY), BODY)[0] == 200
        assert _memory(listener.process.pid) - before < 50_000_000  # of 144 million
    finally:
        for sock in sent:
            sock.close()


def test_headers_have_a_limit_together(listen: Listen, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    many = b"".join(b"X-%d: %s\r\n" % (number, b"h" * 10_000) for number in range(20))
    assert _raw(listener, b"POST / HTTP/1.1\r\n" + many + b"\r\n").startswith(b"HTTP/1.1 431 ")


def test_keys_without_end(listen: Listen, author: Author) -> None:
    with Server(answering(answer(200, {"keys": [{}] * 20_000}))) as service:
        listener = listen("--jwks", f"{service.url}/jwks")
        status, words = listener.post(author.sign(BODY), BODY)
        assert (status, "more than 10,000 values" in words) == (503, True)


def _memory(pid: int) -> int:
    """The bytes that a process has in memory (Linux)."""
    found = next(line for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if "VmRSS" in line)
    return int(found.split()[1]) * 1024


def test_a_sender_that_gives_up_leaves_no_line(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    with socket.create_connection(("127.0.0.1", _port(listener))) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    idle = socket.create_connection(("127.0.0.1", _port(listener)))
    assert listener.post(author.sign(BODY), BODY)[0] == 200
    assert listener.line()["valid"] is True
    listener.process.send_signal(signal.SIGINT)  # while a connection is open
    assert ended(listener.process) == 130
    idle.close()


def test_many_at_once(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda name=f"r{number}": statuses.append(listener.post(author.sign(BODY, request_id=name), BODY)[0])
        )
        for number in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 40
    lines = [listener.line() for _ in range(40)]
    assert len({line["headers"]["X-Fal-Webhook-Request-Id"] for line in lines}) == 40
    assert all(line["valid"] and not line["duplicate"] for line in lines)


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b'{"a": 1e400}',
        b'{"a": Infinity}',
        b"\xff\xfe",
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 990 + b"]" * 990,
        b"9" * 5000,
        b"",
        b'"\\ud800"',
        b'"\xe2\x80\xae\x1b"',
        '"\u202e\u2028"'.encode(),
    ],
    ids=range(11),
)
def test_whatever_comes_every_line_is_json(listen: Listen, author: Author, jwks: str, body: bytes) -> None:
    listener = listen("--jwks", jwks)
    assert listener.post(author.sign(body), body)[0] == 200
    assert listener.line()["valid"] is True


def test_headers_that_are_no_text(listen: Listen, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    raw = b"POST / HTTP/1.1\r\nContent-Length: 0\r\nX-Fal-Webhook-User-Id: \xff\x1b[31m\xc3\xbc\r\n\r\n"
    assert _raw(listener, raw).startswith(b"HTTP/1.1 401 ")
    assert listener.line()["headers"]["X-Fal-Webhook-User-Id"] == "\udcff\x1b[31mü"


def test_the_ids_that_are_remembered_have_an_end() -> None:
    seen = Seen(most=2)

    def before(name: str) -> bool:
        return seen.before(Received({"x-fal-webhook-request-id": [name]}, b""), remember=True)

    assert [before(name) for name in ("a", "b", "c", "b", "a")] == [False, False, False, True, False]


# Looks


def test_on_a_terminal(fal: Program, author: Author, jwks: str) -> None:
    argv = [*fal.argv, "webhook", "listen", "--jwks", jwks, "--port", "0", "--count", "1", "--no-color"]
    screen = Screen(argv, fal.env, columns=200)
    screen.until(lambda text: "listening on http://127.0.0.1:" in text and "end it with Ctrl-C" in text)
    body = '{"status": "\u202e\\u001b[31m[b]"}'.encode()
    url = screen.text.partition("listening on ")[2].partition(",")[0]
    assert exchange(url, "POST", "/", author.sign(body), body)[0] == 200
    assert screen.finish() == 0
    assert '"body": {"status": "\\u202e\\u001b[31m[b]"}, "duplicate": false}' in screen.text.replace("\n", "")
    assert b"\xe2\x80\xae" not in screen.raw


def test_ctrl_c_on_a_terminal(fal: Program, jwks: str) -> None:
    screen = Screen([*fal.argv, "webhook", "listen", "--jwks", jwks, "--port", "0"], fal.env, columns=100)
    screen.until(lambda text: "end it with Ctrl-C" in " ".join(text.split()))  # a long path breaks the line
    screen.press(b"\x03")
    assert screen.finish() == 130
    assert "Traceback" not in screen.text


def test_a_listener_at_a_free_port_names_it_even_when_quiet(fal: Program, jwks: str) -> None:
    process = fal.start("webhook", "listen", "--jwks", jwks, "--port", "0", "-q")
    assert process.stderr is not None
    assert b"listening on http://127.0.0.1:" in process.stderr.readline()
    process.kill()
    process.communicate()


def test_a_forged_request_id_is_the_headers_not_the_bodys(listen: Listen, author: Author, jwks: str) -> None:
    """What counts is what was signed for: the header's id tells duplicates, whatever the body says."""
    listener = listen("--jwks", jwks)
    body = b'{"request_id": "someone else"}'
    assert listener.post(author.sign(body), body)[0] == 200
    assert listener.line()["headers"]["X-Fal-Webhook-Request-Id"] == REQUEST_ID


def test_curl_can_deliver(listen: Listen, author: Author, jwks: str) -> None:
    listener = listen("--jwks", jwks)
    fields = [word for name, value in author.sign(BODY).items() for word in ("-H", f"{name}: {value}")]
    argv = ["curl", "-sS", "-H", "Expect: 100-continue", *fields, "--data-binary", "@-", listener.url]
    try:
        done = subprocess.run(argv, input=BODY, capture_output=True, timeout=30, check=True)
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert done.stdout == b"ok\n"


def _port(listener: Listener) -> int:
    port = urlsplit(listener.url).port
    assert port
    return port


def _raw(listener: Listener, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", _port(listener)), timeout=30) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answered = b""
        while chunk := sock.recv(65536):
            answered += chunk
        return answered
