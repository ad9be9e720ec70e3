"""A result of 500 MB, an inline video, to a pipe and to a file: its memory beside that of a status."""

from tests.bench.measure import MIB, read_to_end
from tests.bench.place import Maker, Place, program
from tests.bench.row import CLIENT, CURL, FAL, FEW_RUNS, JAVASCRIPT, Limit, Row

APP = "bench/app"
REQUEST = f"inline-{500 * 10**6}"
STATUS = "fal status"
_LIMITS = (Limit("peak_mib", 1, (STATUS,), plus=20 * 10**6 / MIB),)


def to_pipe(place: Place) -> Row:
    """The result on stdout, which is read as fast as it comes."""
    peers, env = place.peers, place.plain
    programs = {
        FAL: program(place.ours("result", APP, REQUEST), env, read_to_end),
        STATUS: program(place.ours("status", APP, REQUEST), env),
        CLIENT: program(peers.client("result", APP, REQUEST), env, read_to_end),
        JAVASCRIPT: program(peers.javascript("result", APP, REQUEST), env, read_to_end),
        CURL: program(peers.curl(_url(place)), env, read_to_end),
    }
    return Row("result-500MB-pipe", programs, _LIMITS, runs=FEW_RUNS)


def to_file(place: Place) -> Row:
    """The result in a file; the vendor's clients leave that to the caller."""
    env, target = place.plain, str(place.folder / "result.json")
    programs = {
        FAL: program(place.ours("result", APP, REQUEST, "-o", target, "--print", "none"), env),
        STATUS: program(place.ours("status", APP, REQUEST), env),
        CURL: program(place.peers.curl("-o", target, _url(place)), env),
    }
    return Row("result-500MB-file", programs, _LIMITS, runs=FEW_RUNS)


def _url(place: Place) -> str:
    return f"{place.sink}/{APP}/requests/{REQUEST}"


ROWS: dict[str, Maker] = {"result-500MB-pipe": to_pipe, "result-500MB-file": to_file}
