"""Realtime sessions: inputs from a file, and inputs each of which waits for the answer to the one before."""

import os
import time
from functools import partial
from pathlib import Path

from tests.bench.measure import Process, Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place
from tests.bench.row import CLIENT, FAL, JAVASCRIPT, Limit, Missing, Row

ROUND_TRIPS = 10_000
APP = "bench/app"


ALONE = "fal-client alone"


def from_a_file(place: Place) -> Row:
    """From the program's start to the last answer's line on a pipe; the inputs are the lines of a file.

    Ours sends while it receives; the Python client's `recv` follows each `send`. Beside it stands the Python client in
    a loop that makes its inputs itself. The JavaScript client keeps only the newest input while it connects.
    """
    file = place.folder / "inputs.jsonl"
    file.write_bytes(b"".join(map(_line, range(ROUND_TRIPS))))
    argvs = {
        **_readers(place),
        JAVASCRIPT: Missing("it drops inputs that come faster than their answers"),
        ALONE: place.peers.client("realtime_alone", APP, str(ROUND_TRIPS)),
    }
    programs = {
        name: argv if isinstance(argv, Missing) else partial(_session, place, argv, file=file)
        for name, argv in argvs.items()
    }
    return Row(f"realtime-{ROUND_TRIPS}", programs, (Limit("seconds", 1, (CLIENT, ALONE)),))


def in_turn(place: Place) -> Row:
    """The same with inputs that come through a pipe, each after the answer to the last."""
    programs = {
        name: argv if isinstance(argv, Missing) else partial(_session, place, argv)
        for name, argv in _readers(place).items()
    }
    return Row(f"realtime-in-turn-{ROUND_TRIPS}", programs, (Limit("seconds", 1, (CLIENT,)),))


def _readers(place: Place) -> dict[str, Argv | Missing]:
    """Programs that send the lines of stdin and print the answers."""
    return {
        FAL: place.ours("realtime", APP),
        CLIENT: place.peers.client("realtime", APP),
        JAVASCRIPT: place.peers.javascript("realtime", APP),
    }


def _session(place: Place, argv: Argv, *, file: Path | None = None) -> Sample:
    """Ours stays for a moment after the last answer, since others may follow; `whole` has it."""
    ends: list[float] = []
    talk = partial(_converse, ends, asks=file is None)
    finished = measure(argv, place.plain, talk=talk, writes=file is None, file=file)
    return finished.sample | {"seconds": ends[0] - finished.began, "whole": finished.seconds}


def _converse(ends: list[float], process: Process, *, asks: bool) -> None:
    assert process.stdout is not None
    for number in range(ROUND_TRIPS):
        if asks:
            assert process.stdin is not None
            os.write(process.stdin.fileno(), _line(number))
        if not process.stdout.readline():
            return
    ends.append(time.perf_counter())


def _line(number: int) -> bytes:
    return b'{"number": %d}\n' % number


ROWS: dict[str, Maker] = {
    f"realtime-{ROUND_TRIPS}": from_a_file,
    f"realtime-in-turn-{ROUND_TRIPS}": in_turn,
}
