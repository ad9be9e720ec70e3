"""Whatever comes from outside is limited: each reader is given a bomb, an endless body and a drip.

In processes of their own, whose memory the system limits: a reader without a limit dies there, or never ends.
"""

import gzip
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from fal_cli import limits
from tests.support.faulty_server import Server, Step, Talk, answering, read_request, send

MEMORY = 400 * limits.MIB  # what the interpreter maps without touching it counts too
SECONDS = 60.0
PRELUDE = f"""if True:
    import resource, sys
    from fal_cli import limits
    from fal_cli.api import download, queue, stream
    from fal_cli.api.call_options import CallOptions
    from fal_cli.api.errors import ApiError
    from fal_cli.api.hosts import Hosts
    from fal_cli.api.phases import Exchange
    from fal_cli.api.wire import Wire
    from fal_cli.endpoint import EndpointId
    from fal_cli.api import retry
    resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
    retry.FREE_RETRIES = retry._STEP_RETRIES = 0
    limits.ANSWER_SECONDS = 1.0
    url = sys.argv[1]
    wire = Wire(Hosts(run=url, queue=url, rest=url, cdn=url, api=url), "Key a:b")
    handle = queue.handle_for(wire.hosts, EndpointId("a", "b"), "id-1")
"""
READERS = {
    "status": "queue.status(wire, handle)",
    "submit": "queue.submit(wire, EndpointId('a', 'b'), {}, CallOptions())",
    "error of a result": "queue.result(wire, handle, ended=True)",
    "error of a download": "list(download.fetch(wire, download.Download(url + '/x')))",
}
STREAM = """
    started = stream.start(wire, EndpointId("a", "b"), {}, CallOptions(), idle_seconds=30.0, exchange=Exchange())
    for event in started.events():
        pass
"""
# Made into objects, it would take more than the memory that there is.
CROWD = b'{"status": "COMPLETED", "logs": [{}' + b",{}" * (6 * limits.MIB) + b"]}"
BOMB = gzip.compress(b" " * (16 * limits.MIB), 9) * 64
HEAD = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%s\r\n"
ZEROS = b"0" * limits.MIB


def bomb(status: int) -> Step:
    """A megabyte that unpacks to a gigabyte, in sixty-four parts."""
    head = HEAD % (status, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(BOMB))
    return send(head + BOMB)


def endless(status: int, kind: bytes = b"") -> Step:
    def step(talk: Talk) -> None:
        talk.sock.sendall(HEAD % (status, kind))
        try:
            while True:
                talk.sock.sendall(ZEROS)
        except OSError:
            talk.is_over = True

    return step


def drip(status: int) -> Step:
    def step(talk: Talk) -> None:
        talk.sock.sendall(HEAD % (status, b"Content-Length: 1000000\r\n"))
        try:
            while True:
                talk.sock.sendall(b" ")
                time.sleep(0.05)
        except OSError:
            talk.is_over = True

    return step


def ended(code: str, url: str) -> str:
    """How a reader ends in a process with little memory: with an error of the family, in its words."""
    caught = f"{PRELUDE}    try:\n        {code}\n    except ApiError as error:\n        print(type(error).__name__)\n"
    done = subprocess.run(
        [sys.executable, "-c", caught, url], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("body", "status"),
    [(bomb, 200), (bomb, 404), (endless, 200), (endless, 500), (drip, 404)],
    ids=["bomb", "bomb-404", "endless", "endless-500", "drip-404"],
)
def test_no_body_takes_the_memory_or_the_time(reader: str, body: Callable[[int], Step], status: int) -> None:
    if status == 200 and "error of" in reader:
        pytest.skip("what was asked for goes to the disk, whatever its size")
    with Server(answering(body(status))) as server:
        assert ended(READERS[reader], server.url)


@pytest.mark.parametrize("reader", ["status", "submit", "error of a download"])
def test_headers_have_a_limit_together(reader: str) -> None:
    heads = b"".join(b"X-%d: %s\r\n" % (number, b"h" * 10_000) for number in range(20))
    with Server(answering(send(HEAD % (200, heads + b"Content-Length: 2\r\n") + b"{}"))) as server:
        told = READERS[reader].join(["try:\n            ", "\n        except ApiError as error: print(error.message)"])
        assert "headers have more than 64 kB" in ended(told, server.url)


def test_an_event_without_end() -> None:
    head = b"Content-Type: text/event-stream\r\nConnection: close\r\n"
    with Server([read_request, endless(200, head + b"X: data: \r\n")]) as server:
        code = STREAM.strip().replace("\n", "\n    ")
        assert ended(code, server.url) == "StreamCut"


@pytest.mark.parametrize("kind", [102, 103])
def test_an_interim_answer_is_not_the_answer(kind: int) -> None:
    whole = b'{"request_id": "r-1"}'
    hints = b"HTTP/1.1 %d Hints\r\nLink: </x>\r\n\r\n" % kind
    script = [read_request, send(hints * 2 + HEAD % (200, b"Content-Length: %d\r\n" % len(whole)) + whole)]
    with Server(script) as server:
        code = READERS["submit"] + "; print('accepted')"
        assert ended(code, server.url) == "accepted"


@pytest.mark.parametrize("reader", ["status", "submit"])
def test_a_short_text_of_many_values_is_not_read(reader: str) -> None:
    whole = HEAD % (200, b"Content-Length: %d\r\n" % len(CROWD)) + CROWD
    with Server(answering(send(whole))) as server:
        assert ended(READERS[reader], server.url)


def test_an_event_of_many_values_is_passed_on_unread() -> None:
    head = b"Content-Type: text/event-stream\r\nConnection: close\r\n"
    code = (
        STREAM.strip().replace("pass", "print(event.is_json, event.is_read, len(event.data))").replace("\n", "\n    ")
    )
    with Server([read_request, send(HEAD % (200, head) + b"data: " + CROWD + b"\n\n")]) as server:
        assert ended(code, server.url) == f"True False {len(CROWD)}"
