"""The benchmark suite: `python -m tests.bench [--rows GLOB] [--runs N] [--out DIR]`.

Runs our program and its peers in turn, prints a table, and writes `bench.json` (every sample) and `bench.png`.
`pip install -e '.[bench]'` installs what it needs. The vendor's JavaScript client (by npm, where there is node) and
the vendor's own program (by pip, in an environment of its own) it installs itself, into a folder of the user's
cache; what cannot be had is marked as not measured, with the reason.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from tests.bench import plot, table
from tests.bench.measure import ProgramFailed
from tests.bench.peers import Peers
from tests.bench.place import Place
from tests.bench.row import FAL, Measured, Missing, Row, measured
from tests.bench.rows import ROWS

PACKAGES = ("fal-cli", "fal-client", "requests", "urllib3", "typer", "httpx")


def main() -> int:
    """Measures the chosen rows; code 1 if a limit is not reached, 2 if no row has such a name."""
    chosen = _options()
    names = [name for name in ROWS if any(fnmatch(name, glob) for glob in chosen.rows)]
    if not names:
        sys.stderr.write(f"no such row; there are: {', '.join(ROWS)}\n")
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the services end as well
    chosen.out.mkdir(parents=True, exist_ok=True)
    peers = Peers(user_cache_path("fal-cli-bench", appauthor=False))
    about = _about(peers)
    _say(f"{about['machine']}, {about['date']}", table.head())
    rows: list[Measured] = []
    for found in _measured(names, peers, chosen.runs):
        rows.append(found)
        _say(*table.lines(found))
        table.write(chosen.out / "bench.json", rows, about)
    plot.draw(
        rows, f"fal {about['versions']['fal-cli']} beside its peers: {about['machine']}", chosen.out / "bench.png"
    )
    _say(_summary(rows), f"{chosen.out / 'bench.json'}, {chosen.out / 'bench.png'}")
    return int(any(verdict.reached is False for found in rows for verdict in found.verdicts))


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rows", action="append", metavar="GLOB", help="only rows with such a name; may be repeated")
    options.add_argument("--runs", type=int, metavar="N", help="instead of each row's own number (11, 3 or 1)")
    options.add_argument("--out", type=Path, default=Path("build/bench"), metavar="DIR", help="default: %(default)s")
    chosen = options.parse_args()
    chosen.rows = chosen.rows or ["*"]
    return chosen


def _measured(names: list[str], peers: Peers, runs: int | None) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(prefix="fal-bench-") as folder:
        place = Place(Path(folder), peers)
        try:
            for name in names:
                row = _row(name, place)
                yield measured(row, runs or row.runs)
        finally:
            place.close()


def _row(name: str, place: Place) -> Row:
    """A row that is ready to be run, or one that says why it is not."""
    try:
        return ROWS[name](place)
    except ProgramFailed as error:
        return Row(name, {FAL: Missing(f"it could not be prepared: {error}")})


def _about(peers: Peers) -> dict[str, Any]:
    """What was measured where, and when."""
    system = f"{platform.system()} {platform.machine()}"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in PACKAGES} | peers.versions,
    }


def _summary(rows: list[Measured]) -> str:
    verdicts = [verdict.reached for found in rows for verdict in found.verdicts]
    loads = [found.load for found in rows]
    return (
        f"{verdicts.count(True)} limits reached, {verdicts.count(False)} not, {verdicts.count(None)} not measured; "
        f"the load average was {min(loads):.1f} to {max(loads):.1f}"
    )


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
