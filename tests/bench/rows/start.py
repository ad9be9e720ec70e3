"""Starting: what is answered before anything is asked of the service."""

from tests.bench.place import Maker, Place, program
from tests.bench.row import CLIENT, CURL, FAL, JAVASCRIPT, PYTHON, VENDOR, Limit, Row

COMPLETED_WORDS = ("__complete", "status", "--")
"""What a script of `fal completion` calls for a TAB after `fal status --`."""


def version(place: Place) -> Row:
    """`fal --version`; the vendor's clients are imported and say theirs."""
    peers, env = place.peers, place.env()
    programs = {
        FAL: program(place.ours("--version"), env),
        PYTHON: program(peers.python(), env),
        CLIENT: program(peers.client("version"), env),
        JAVASCRIPT: program(peers.javascript("version"), env),
        CURL: program(peers.curl("--version"), env),
        VENDOR: program(peers.vendor("--version"), env),
    }
    return Row("version", programs, (Limit("seconds", 3, (PYTHON,)),))


def help_(place: Place) -> Row:
    """`fal --help`; the vendor's is its nearest, `fal api --help`."""
    peers, env = place.peers, place.env()
    programs = {
        FAL: program(place.ours("--help"), env),
        PYTHON: program(peers.python(), env),
        CURL: program(peers.curl("--help"), env),
        VENDOR: program(peers.vendor("api", "--help"), env),
    }
    return Row("help", programs)


def completion(place: Place) -> Row:
    """One reply to a TAB."""
    env = place.env()
    programs = {FAL: program(place.ours(*COMPLETED_WORDS), env), PYTHON: program(place.peers.python(), env)}
    return Row("completion", programs, (Limit("seconds", 5, (PYTHON,)),))


ROWS: dict[str, Maker] = {"version": version, "help": help_, "completion": completion}
