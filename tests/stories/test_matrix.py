"""Every way in which the wire fails, under every command that costs money.

What is expected is written down for each cell: how many submits the service accepted, the exit code, the ledger's
state, and what `fal resume` gives afterwards: the `result`, `none` since nothing is left, `unknown` since the
service does not have it, or that it `failed`.

Each cell is run once, every second one under FAL_DEBUG=1 and -vv; with FAL_TESTS_FULL=1 each in both ways. In all of
them the key is searched for in every byte that was written or sent.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest

from tests.support.fault_proxy import Exchange, Fault, answer, cut_answer, lose_answer, replaced, reset_after, stall
from tests.support.faulty_server import refusing_port
from tests.support.full_run import FULL
from tests.support.place import Place
from tests.support.summary_tables import MATRIX

COMMANDS = {
    "submit": ("submit",),
    "run": ("run",),
    "run --direct": ("run", "--direct"),
    "stream": ("stream",),
}
ROUTES = {"submit": "submit", "run": "submit", "run --direct": "run", "stream": "events"}
TABLE = """
                     | submit               | run                  | run --direct         | stream
refused              | 0 6 not_sent none    | 0 6 not_sent none    | 0 6 not_sent none    | 0 6 not_sent none
lookup failure       | 0 6 not_sent none    | 0 6 not_sent none    | 0 6 not_sent none    | 0 6 not_sent none
reset in handshake   | 1 0 accepted result  | 1 0 completed none   | 1 0 completed none   | 1 0 completed none
reset while sending  | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown none
reset after send     | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown none
answer lost          | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown none
answer cut           | 1 0 accepted result  | 1 0 completed none   | 1 10 unknown result  | 1 10 unknown none
429, in 1 s          | 1 0 accepted result  | 1 0 completed none   | 1 0 completed none   | 1 0 completed none
429, at a date       | 1 0 accepted result  | 1 0 completed none   | 1 0 completed none   | 1 0 completed none
500                  | 1 10 unknown result  | 1 10 unknown result  | 1 1 failed none      | 1 1 failed none
502 of the service   | 1 10 unknown result  | 1 10 unknown result  | 1 1 failed none      | 1 1 failed none
503 of the service   | 1 10 unknown result  | 1 10 unknown result  | 1 1 failed none      | 1 1 failed none
504 of the service   | 1 10 unknown result  | 1 10 unknown result  | 1 1 failed none      | 1 1 failed none
502 of a gateway     | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown none
503 of a gateway     | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown none
504 of a gateway     | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown unknown | 0 10 unknown none
504 after forwarding | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown none
504 start timeout    | 1 0 accepted failed  | 1 1 failed none      | 0 1 failed none      | 0 1 failed none
stall                | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown result  | 1 10 unknown none
"""
RATE = {"detail": "slow down", "error_type": "concurrent_requests_limit"}
PAGE = "<html><body><h1>{}</h1></body></html>"
START_TIMEOUT = {"detail": "Request did not start within the requested time.", "error_type": "request_timeout"}
OF_THE_USER = {"x-fal-request-id": "00000000-0000-4000-8000-000000000000", "x-fal-request-timeout-type": "user"}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: a fault on a paid route, or something about the way there; and words that belong to it."""

    faults: Mapping[str, Fault] = field(default_factory=dict)
    prepare: Callable[[Place, str], None] = lambda place, host: None
    env: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def answered(fault: Fault, **more: Any) -> Trouble:
    """The same fault whatever the command."""
    return Trouble(dict.fromkeys(ROUTES.values(), fault), **more)


def retry_at_a_date(exchange: Exchange) -> None:
    answer(429, RATE, {"Retry-After": formatdate(time.time() + 1, usegmt=True)})(exchange)


@contextmanager
def troubles() -> Iterator[dict[str, Trouble]]:
    with refusing_port() as port:
        nobody = dict.fromkeys(("FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST"), f"http://127.0.0.1:{port}")
        nowhere = dict.fromkeys(nobody, "https://nowhere.invalid") | {"NO_PROXY": "nowhere.invalid"}
        page = {status: answer(status, PAGE.format(status)) for status in (502, 503, 504)}
        no_runner = {status: replaced(status, {"detail": "no runner"}) for status in page}
        start_timeout = answer(504, START_TIMEOUT, OF_THE_USER)
        late = ("sandbox.queue=30", "--start-timeout", "1.1")
        yield {
            "refused": Trouble(env=nobody),
            "lookup failure": Trouble(env=nowhere),
            "reset in handshake": Trouble(prepare=lambda place, host: place.proxy.reset_in_handshake(host)),
            "reset while sending": Trouble(prepare=lambda place, host: place.proxy.reset_while_sending(host)),
            "reset after send": answered(reset_after),
            "answer lost": answered(lose_answer),
            "answer cut": answered(cut_answer),
            "429, in 1 s": answered(answer(429, RATE, {"Retry-After": "1"})),
            "429, at a date": answered(retry_at_a_date),
            "500": answered(replaced(500, {"detail": "Internal Server Error"})),
            **{f"{status} of the service": answered(fault) for status, fault in no_runner.items()},
            **{f"{status} of a gateway": answered(fault) for status, fault in page.items()},
            "504 after forwarding": answered(answer(504, PAGE.format(504), forwards=True)),
            "504 start timeout": Trouble(
                {"run": start_timeout, "events": start_timeout}, words={"submit": late, "run": late}
            ),
            "stall": answered(
                stall,
                env={"FAL_TESTS_SUBMIT_SECONDS": "2"},
                words={"run --direct": ("--timeout", "2s"), "stream": ("--idle-timeout", "2s")},
            ),
        }


def expected() -> list[tuple[str, str, str]]:
    """Fault, command and what is expected of them, in the table's order."""
    head, *lines = [[word.strip() for word in line.split("|")] for line in TABLE.strip("\n").splitlines()]
    return [(line[0], head[at], line[at]) for line in lines for at in range(1, len(head))]


CELLS = expected()
LOUD = "loud"
RUNS = [
    pytest.param(*cell, is_loud, number, id=f"{cell[0]}, {cell[1]}{', loud' if is_loud else ''}")
    for number, cell in enumerate(CELLS)
    for is_loud in (False, True)
    if FULL or is_loud == bool((number + number // len(COMMANDS)) % 2)
]


@pytest.mark.parametrize(("fault", "command", "cell", "is_loud", "number"), RUNS)
def test_cell(
    place: Place,
    fault: str,
    command: str,
    cell: str,
    is_loud: bool,
    number: int,
    record_property: Callable[[str, object], None],
) -> None:
    with troubles() as known:
        trouble = known[fault]
        seen = happens(place, command, trouble, is_loud=is_loud)
    record_property(MATRIX, json.dumps({"row": fault, "column": command, "text": seen, "order": number}))
    assert seen == cell
    assert all(count == 1 for count in place.service.stats["by_body"].values()), "a body was accepted twice"
    place.holds_no_secret()


def happens(place: Place, command: str, trouble: Trouble, *, is_loud: bool) -> str:
    """One cell: what came of a command under a fault, in the words of the table."""
    route = ROUTES[command]
    if route in trouble.faults:
        place.proxy.fail(route, trouble.faults[route])
    trouble.prepare(place, "queue" if route == "submit" else "run")
    words = ("sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=0", *trouble.words.get(command, ()))
    done = place(*COMMANDS[command], *words, code=None, env=trouble.env, loud=is_loud)
    (row,) = place.rows
    assert bool(done.stdout) == (done.code == 0) or command == "stream"
    accepted = place.service.accepted
    resumed = resumes(place, is_loud=is_loud)
    assert place.service.accepted == accepted, "resume submitted something"
    return f"{accepted} {done.code} {row.state} {resumed}"


def resumes(place: Place, *, is_loud: bool) -> str:
    """What `fal resume` makes of what is left."""
    done = place("resume", code=None, loud=is_loud)
    (row,) = place.rows
    if done.code == 0 and done.stdout:
        assert json.loads(done.stdout) == {"n": 1}
        assert (row.state, row.is_open, row.has_result) == ("completed", False, True)
        return "result"
    assert done.stdout == b""
    if done.code == 0:
        assert "nothing is unfinished" in done.stderr
        return "none"
    if done.code == 10 and row.is_open:
        assert "--retry-unknown" in done.stderr
        return "unknown"
    return {1: "failed"}.get(done.code, f"code {done.code}")


def test_every_command_and_every_fault_is_in_the_table() -> None:
    with troubles() as known:
        assert [cell[:2] for cell in CELLS] == [(fault, command) for fault in known for command in COMMANDS]


def test_the_name_that_does_not_exist_does_not_exist() -> None:
    """Else the cells of the lookup failure would prove nothing."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)
