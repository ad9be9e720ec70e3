"""Files there and back, against a service that keeps nothing."""

from functools import partial

from tests.bench.place import Maker, Place, program
from tests.bench.row import CLIENT, CURL, FAL, FEW_RUNS, JAVASCRIPT, RUNS, Limit, Row

SIZES = {"1MB": 10**6, "100MB": 10**8, "1GiB": 2**30}
_UPLOAD_LIMITS = {"1GiB": (Limit("seconds", 0.9, (CLIENT, JAVASCRIPT)), Limit("peak_mib", 0.15, (CLIENT,)))}


def upload(name: str, place: Place) -> Row:
    """One file to a URL; curl puts it in one request."""
    file, env = str(place.file(SIZES[name])), place.plain
    programs = {
        FAL: program(place.ours("upload", file), env),
        CLIENT: program(place.peers.client("upload", file), env),
        JAVASCRIPT: program(place.peers.javascript("upload", file), env),
        CURL: program(place.peers.curl("-T", file, f"{place.sink}/up"), env),
    }
    return Row(f"upload-{name}", programs, _UPLOAD_LIMITS.get(name, ()), runs=_runs(name))


def download(name: str, place: Place) -> Row:
    """The media of a result to a file; curl gets its URL alone. The vendor's clients leave it to the caller."""
    size, env = SIZES[name], place.plain
    target = str(place.folder / "downloaded.mp4")
    programs = {
        FAL: program(place.ours("result", "bench/app", f"file-{size}", "-o", target, "--overwrite"), env),
        CURL: program(place.peers.curl("-o", target, f"{place.sink}/{size}"), env),
    }
    return Row(f"download-{name}", programs, runs=_runs(name))


def _runs(name: str) -> int:
    return FEW_RUNS if SIZES[name] >= 2**30 else RUNS


ROWS: dict[str, Maker] = {
    **{f"upload-{name}": partial(upload, name) for name in SIZES},
    "download-1GiB": partial(download, "1GiB"),
}
