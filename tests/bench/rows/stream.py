"""Event streams: many events, and how soon each is a line on a pipe."""

import json
import statistics
import time
from functools import partial

from tests.bench.measure import Process, Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place, program
from tests.bench.row import CLIENT, CURL, FAL, JAVASCRIPT, Limit, Missing, Program, Row

EVENTS = 100_000


def events(place: Place) -> Row:
    """A stream of so many events, each a line on stdout that is flushed; curl copies the bytes."""
    programs = {name: program(argv, place.plain) for name, argv in _streamers(place, str(EVENTS)).items()}
    return Row(f"events-{EVENTS}", programs, (Limit("cpu", 0.4, (CLIENT,)),))


def event_to_line(place: Place) -> Row:
    """From the service's write of an event to its line on a pipe, the median of a stream of them."""
    programs: dict[str, Program | Missing] = {}
    for name, argv in _streamers(place, "slow").items():
        if name != CURL:
            programs[name] = argv if isinstance(argv, Missing) else partial(_late, place, argv)
    return Row("event-to-line", programs)


def _streamers(place: Place, owner: str) -> dict[str, Argv | Missing]:
    app = f"{owner}/app"
    return {
        FAL: place.ours("stream", app),
        CLIENT: place.peers.client("stream", app),
        JAVASCRIPT: place.peers.javascript("stream", app),
        CURL: place.peers.curl("-N", "-d", "{}", f"{place.sink}/{app}/stream"),
    }


def _late(place: Place, argv: Argv) -> Sample:
    seen: list[float] = []
    finished = measure(argv, place.plain, talk=partial(_note_lines, seen))
    return finished.sample | {"seconds": statistics.median(seen), "whole": finished.seconds}


def _note_lines(seen: list[float], process: Process) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        seen.append((time.time_ns() - json.loads(line)["at"]) / 1e9)


ROWS: dict[str, Maker] = {f"events-{EVENTS}": events, "event-to-line": event_to_line}
