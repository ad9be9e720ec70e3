"""The queue over TLS: one look, one submit, whole jobs, and how soon after the end the result is out."""

import json
import os
import time
from functools import partial
from itertools import count
from pathlib import Path

import requests

from fal_cli.auth.credentials import Credential
from fal_cli.ledger.rows import Call
from fal_cli.ledger.store import Ledger
from tests.bench.measure import Process, Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place, program
from tests.bench.row import CLIENT, CURL, FAL, FEW_RUNS, JAVASCRIPT, RUNS, Limit, Missing, Program, Row

APP = "sandbox/echo"
PICTURES = "fal-ai/flux/dev"
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
    """A whole job from the call to the result, with the HTTP requests and the connections that it costs."""
    programs: dict[str, Program | Missing] = {}
    for name, argv in _runners(place, job(seconds)).items():
        programs[name] = argv if isinstance(argv, Missing) else partial(_counted, place, argv)
    limits: tuple[Limit, ...] = (Limit("requests", plus=3),)
    if not seconds:  # of a longer one the job is what takes the time
        limits = (Limit("seconds", 0.9, (CLIENT,)), *limits)
    return Row(f"run-{seconds:g}s", programs, limits, runs=FEW_RUNS if seconds >= 60 else RUNS)


def resume(number: int, place: Place) -> Row:
    """So many requests that have ended, each fetched and its picture saved."""
    given = json.dumps(json.loads(job(0.0)) | {"prompt": "a kite", "image_size": {"width": 64, "height": 64}})
    limits = (Limit("cpu", plus=0.015 * number), Limit("peak_mib", plus=100.0))
    return Row(f"resume-{number}", {FAL: partial(_resumed, place, number, given)}, limits, runs=1)


def _left_behind(place: Place, number: int, given: str, home: Path) -> None:
    """Leaves so many requests as submits of other processes would have, which take minutes."""
    hosts = place.sandbox.hosts
    origin, authorization = f"https://{hosts['FAL_QUEUE_RUN_HOST']}", f"Key {hosts['FAL_KEY']}"
    key_print = Credential(authorization, "").key_print
    ledger = Ledger(home / "state" / "sandbox" / "ledger.db")
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(place.certificates.authority)
        session.headers.update({"Authorization": authorization, "Content-Type": "application/json"})
        for _ in range(number):
            told = session.post(f"{origin}/{PICTURES}", given).json()
            urls = {name: told[name] for name in ("status_url", "response_url", "cancel_url")}
            local_id = ledger.begin(Call(PICTURES, json.loads(given), "queue", origin, "", key_print))
            ledger.accepted(local_id, told["request_id"], urls)


def _resumed(place: Place, number: int, given: str) -> Sample:
    argv = place.ours("resume", "-q", "--print", "none", "-d", f"{place.folder / 'resumed'}/")
    env = place.tls(argv, "resuming") | {"FAL_CLI_HOME": str(place.folder / "resuming")}
    _left_behind(place, number, given, Path(env["FAL_CLI_HOME"]))
    before, folder = (place.sandbox.exchanges, place.sandbox.connections), place.folder / "resumed"
    sample = measure(argv, env).sample
    saved = len(list(folder.iterdir()))
    assert saved == number, f"{saved} of {number} pictures"
    return sample | _since(place, before)


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
    before = place.sandbox.exchanges, place.sandbox.connections
    sample = measure(argv, place.tls(argv)).sample
    return sample | _since(place, before)


def _since(place: Place, before: tuple[int, int]) -> Sample:
    """The requests and the connections that came since then."""
    return {
        "requests": place.sandbox.exchanges - before[0],
        "connections": place.sandbox.connections - before[1],
    }


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
    "run-0s": partial(run, 0.0),
    "run-0.5s": partial(run, 0.5),
    "run-5s": partial(run, 5.0),
    "run-60s": partial(run, 60.0),
    "completion-to-output": completion_to_output,
    "resume-1000": partial(resume, 1000),
}
