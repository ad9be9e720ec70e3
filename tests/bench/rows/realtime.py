"""A realtime session in which each input waits for the answer to the one before."""

import time
from functools import partial

from tests.bench.measure import Process, Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place
from tests.bench.row import CLIENT, FAL, JAVASCRIPT, Limit, Missing, Program, Row

ROUND_TRIPS = 10_000
APP = "bench/app"


def round_trips(place: Place) -> Row:
    """From the program's start to the last answer's line on a pipe.

    Ours is given its inputs as lines, each after the answer to the last; the vendor's clients make theirs
    themselves. Ours stays for a moment after the last answer, since others may follow; `whole` has it.
    """
    count = str(ROUND_TRIPS)
    programs: dict[str, Program | Missing] = {FAL: partial(_session, place, place.ours("realtime", APP), drive=True)}
    peers = {
        CLIENT: place.peers.client("realtime", APP, count),
        JAVASCRIPT: place.peers.javascript("realtime", APP, count),
    }
    for name, argv in peers.items():
        programs[name] = argv if isinstance(argv, Missing) else partial(_session, place, argv, drive=False)
    return Row(f"realtime-{ROUND_TRIPS}", programs, (Limit("seconds", 1, (CLIENT,)),))


def _session(place: Place, argv: Argv, *, drive: bool) -> Sample:
    ends: list[float] = []
    finished = measure(argv, place.plain, talk=partial(_converse, ends, drive=drive), writes=drive)
    return finished.sample | {"seconds": ends[0] - finished.began, "whole": finished.seconds}


def _converse(ends: list[float], process: Process, *, drive: bool) -> None:
    assert process.stdout is not None
    for number in range(ROUND_TRIPS):
        if drive:
            assert process.stdin is not None
            process.stdin.write(b'{"number": %d}\n' % number)
            process.stdin.flush()
        if not process.stdout.readline():
            return
    ends.append(time.perf_counter())


ROWS: dict[str, Maker] = {f"realtime-{ROUND_TRIPS}": round_trips}
