"""A list of pictures: `fal batch` beside scripts of thirty lines on both clients, each with 40 calls at once.

The scripts have no ledger, go on after nothing, and pay again when they are run again. What is counted beside the
process: HTTP requests a job, with the picture; and what a second run of a finished list takes.
"""

import json
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from tests.bench.measure import Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place
from tests.bench.row import CLIENT, FAL, FEW_RUNS, JAVASCRIPT, Limit, Missing, Program, Row

APP = "fal-ai/flux/dev"
_SIZE = {"width": 64, "height": 64}


def jobs(number: int, seconds: float, place: Place) -> Row:
    """So many jobs of so many seconds, their pictures saved."""
    runs = count()
    programs: dict[str, Program | Missing] = {
        FAL: partial(_ours, place, number, seconds, runs),
        CLIENT: _theirs(place, place.peers.client, number, seconds, runs),
        JAVASCRIPT: _theirs(place, place.peers.javascript, number, seconds, runs),
    }
    limits = (
        Limit("cpu", plus=0.010 * number),
        Limit("cpu", 1.0, (JAVASCRIPT,)),
        Limit("seconds", 1.0, (JAVASCRIPT,)),
        Limit("requests_a_job", plus=4.05),
        Limit("peak_mib", plus=80.0),
    )
    return Row(f"batch-{number}", programs, limits, runs=FEW_RUNS)


def again(number: int, place: Place) -> Row:
    """A second run of a finished list: nothing is asked of the service."""
    runs = count()
    path = _list(place, number, 0.0, next(runs))
    words = ("batch", APP, str(path), "--yes", "--print", "none", "-d", str(path.with_suffix("")))
    argv = place.ours(*words)
    measure(argv, place.tls(argv))
    return Row(
        f"batch-{number}-again",
        {FAL: partial(_counted, place, argv, number)},
        (Limit("cpu", plus=5.0), Limit("requests_a_job", plus=0.0)),
        runs=FEW_RUNS,
    )


def planned(number: int, place: Place) -> Row:
    """A plan of a long list: read, typed, checked, named, and told from every earlier call."""
    path = place.folder / f"plan-{number}.csv"
    with path.open("w") as stream:
        stream.write("prompt,seed\n")
        stream.writelines(f"picture {row},{row}\n" for row in range(number))
    argv = place.ours("batch", APP, str(path), "--dry-run")
    limits = (Limit("cpu", plus=150e-6 * number), Limit("peak_mib", plus=120.0))
    return Row(f"batch-plan-{number}", {FAL: lambda: measure(argv, place.tls(argv)).sample}, limits, runs=1)


def _ours(place: Place, number: int, seconds: float, runs: "count[int]") -> Sample:
    path = _list(place, number, seconds, next(runs))
    folder = str(path.with_suffix(""))
    words = ("batch", APP, str(path), "sandbox={{sandbox}}", "--yes", "--print", "none", "-d", folder)
    return _counted(place, place.ours(*words), number)


def _theirs(
    place: Place, script: Callable[..., Argv | Missing], number: int, seconds: float, runs: "count[int]"
) -> Program | Missing:
    tried = script("batch")
    if isinstance(tried, Missing):
        return tried

    def run() -> Sample:
        path = _list(place, number, seconds, next(runs))
        argv = script("batch", APP, str(path), str(path.with_suffix("")))
        assert not isinstance(argv, Missing)
        return _counted(place, argv, number)

    return run


def _counted(place: Place, argv: Argv, number: int) -> Sample:
    before = place.sandbox.exchanges
    sample = measure(argv, place.tls(argv)).sample
    return sample | {"requests_a_job": (place.sandbox.exchanges - before) / number}


def _list(place: Place, number: int, seconds: float, run: int) -> Path:
    path = place.folder / f"list-{number}-{run}.jsonl"
    orders = {"queue": 0, "run": seconds}
    calls = ({"prompt": f"{run}: {row}", "seed": row, "image_size": _SIZE, "sandbox": orders} for row in range(number))
    path.write_text("".join(f"{json.dumps(call)}\n" for call in calls))
    return path


ROWS: dict[str, Maker] = {
    "batch-300": partial(jobs, 300, 2.0),
    "batch-10000-again": partial(again, 10_000),
    "batch-plan-1000000": partial(planned, 1_000_000),
}
