"""The queue over TLS: one look, one submit, whole jobs, and how soon after the end the result is out."""

import json
import os
import time
from functools import partial
from itertools import count

from tests.bench.measure import Process, Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place, program
from tests.bench.row import CLIENT, CURL, FAL, FEW_RUNS, JAVASCRIPT, RUNS, Limit, Missing, Program, Row

APP = "sandbox/echo"
HOUR = 3600.0
_GOLDEN = 0.6180339887


def job(seconds: float) -> str:
    """An input whose request runs so long, without a wait in line."""
    return json.dumps({"text": "a kite", "sandbox": {"queue": 0, "run": seconds}})


def status(place: Place) -> Row:
    """One look at a request that runs, by its id alone; the ledger knows its endpoint."""
    request_id = submitted(place)
    curl = authorized(place, f"{APP}/requests/{request_id}/status")
    askers = {
        FAL: place.ours("status", request_id),
        CLIENT: place.peers.client("status", APP, request_id),
        JAVASCRIPT: place.peers.javascript("status", APP, request_id),
        CURL: curl,
    }
    programs = {name: program(argv, place.tls(argv)) for name, argv in askers.items()}
    return Row("status", programs, (Limit("seconds", 0.85, (CLIENT,)), Limit("seconds", 0.95, (JAVASCRIPT,))))


def submit(place: Place) -> Row:
    """One submit."""
    programs = {name: program(argv, place.tls(argv)) for name, argv in submitters(place).items()}
    return Row("submit", programs, (Limit("seconds", 0.9, (CLIENT,)), Limit("seconds", 0.95, (JAVASCRIPT,))))


def submitters(place: Place) -> dict[str, Argv | Missing]:
    """Who can submit, and how."""
    given = job(0.0)
    return {
        FAL: place.ours("submit", APP, "-i", given),
        CLIENT: place.peers.client("submit", APP, given),
        JAVASCRIPT: place.peers.javascript("submit", APP, given),
        CURL: authorized(place, APP, "-H", "Content-Type: application/json", "--data-binary", given),
    }


def run(seconds: float, place: Place) -> Row:
    """A whole job from the call to the result, with the HTTP requests that it costs."""
    programs: dict[str, Program | Missing] = {}
    for name, argv in _runners(place, job(seconds)).items():
        programs[name] = argv if isinstance(argv, Missing) else partial(_counted, place, argv)
    long = seconds >= 60
    return Row(f"run-{seconds:g}s", programs, (Limit("requests", plus=3),), runs=FEW_RUNS if long else RUNS)


def completion_to_output(place: Place) -> Row:
    """From the moment at which the service has the result to its bytes on stdout.

    The jobs take 1 to 1.5 s, evenly spread, so that a poll meets their end at every phase of its interval.
    """
    programs: dict[str, Program | Missing] = {}
    for name, argv in _runners(place, "{}").items():
        programs[name] = argv if isinstance(argv, Missing) else partial(_late, place, argv[:-1], count())
    limits = (Limit("seconds", 0.1, (JAVASCRIPT,)), Limit("seconds", 0.3, (CLIENT,)))
    return Row("completion-to-output", programs, limits)


def submitted(place: Place) -> str:
    """The id of a request that our program has just submitted, and that runs for an hour."""
    said: list[str] = []
    argv = place.ours("submit", APP, "-i", job(HOUR))
    measure(argv, place.tls(argv), talk=partial(_take, said))
    return said[0]


def authorized(place: Place, path: str, *words: str) -> Argv | Missing:
    """curl with the key, to a path of the queue."""
    hosts = place.sandbox.hosts
    key = f"Authorization: Key {hosts['FAL_KEY']}"
    return place.peers.curl("-H", key, *words, f"https://{hosts['FAL_QUEUE_RUN_HOST']}/{path}")


def _runners(place: Place, given: str) -> dict[str, Argv | Missing]:
    return {
        FAL: place.ours("run", APP, "-i", given),
        CLIENT: place.peers.client("run", APP, given),
        JAVASCRIPT: place.peers.javascript("run", APP, given),
    }


def _counted(place: Place, argv: Argv) -> Sample:
    before = place.sandbox.exchanges
    sample = measure(argv, place.tls(argv)).sample
    return sample | {"requests": place.sandbox.exchanges - before}


def _late(place: Place, argv: Argv, numbers: "count[int]") -> Sample:
    seconds = 1 + (next(numbers) * _GOLDEN) % 1 / 2
    seen: list[float] = []
    finished = measure((*argv, job(seconds)), place.tls(argv), talk=partial(_note_output, seen))
    return finished.sample | {"seconds": seen[0] - place.sandbox.last_completion, "whole": finished.seconds}


def _note_output(seen: list[float], process: Process) -> None:
    assert process.stdout is not None
    os.read(process.stdout.fileno(), 1)  # ours ends as the server sent it, without a line's end
    seen.append(time.time())


def _take(said: list[str], process: Process) -> None:
    assert process.stdout is not None
    said.append(process.stdout.readline().decode().strip())


ROWS: dict[str, Maker] = {
    "status": status,
    "submit": submit,
    "run-0.5s": partial(run, 0.5),
    "run-5s": partial(run, 5.0),
    "run-60s": partial(run, 60.0),
    "completion-to-output": completion_to_output,
}
