"""The sandbox that is up, started in the background or served in another terminal: known by a lock that it holds.

`server.json` says where it is, `server.lock` is held by its process for as long as it lives, so that a process number
in the file is never that of somebody else's process.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from fal_cli import jsontext
from fal_cli.errors import CliError
from fal_cli.files import atomic

LOG = "server.log"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
_STEP_SECONDS = 0.05
_FACTS, _LOCK = "server.json", "server.lock"


class Server(NamedTuple):
    """A sandbox that is up: its process, what points a client at it, and since when it runs."""

    pid: int
    variables: Mapping[str, str]
    started_at: str


@contextmanager
def registered(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """A block in which the sandbox of this process is the one that others find; one that is up before stays it."""
    atomic.make_private_folder(folder)
    with open(folder / _LOCK, "ab") as lock:
        if not _taken(lock):
            yield
            return
        facts = Server(os.getpid(), dict(variables), datetime.now(UTC).isoformat(timespec="seconds"))
        path = folder / _FACTS
        atomic.write(path, json.dumps(facts._asdict()).encode(), private=True)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running(folder: Path) -> Server | None:
    """The sandbox that is up."""
    try:
        with open(folder / _LOCK, "ab") as lock:
            if _taken(lock):
                return None
        facts = jsontext.read((folder / _FACTS).read_bytes(), None)
        return Server(int(facts["pid"]), dict(facts["variables"]), str(facts["started_at"]))
    except (OSError, TypeError, KeyError, ValueError):
        return None


def start(folder: Path, options: Sequence[str], env: Mapping[str, str]) -> Server:
    """Serves a sandbox in a process of its own with this environment, which outlives this one.

    Raises `CliError` if it does not come up.
    """
    atomic.make_private_folder(folder)
    log = folder / LOG
    with open(log, "wb") as stream:
        # -P: never import from the current folder.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fal_cli", "sandbox", "serve", *options],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            env=dict(env),
        )
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        found = running(folder)
        if found is not None and found.pid == process.pid:
            return found
        if process.poll() is not None:
            raise CliError("the sandbox did not start", lines=_last_lines(log))
        time.sleep(_STEP_SECONDS)
    process.terminate()
    raise CliError(f"the sandbox did not start within {START_SECONDS:.0f} s", lines=_last_lines(log))


def stop(folder: Path, server: Server) -> None:
    """Ends the sandbox that is up, and waits until it has gone. Raises `CliError`."""
    try:
        os.kill(server.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except OSError as error:
        raise CliError(f"the sandbox (process {server.pid}) cannot be stopped: {error.strerror or error}") from None
    end = time.monotonic() + STOP_SECONDS
    while time.monotonic() < end:
        if running(folder) is None:
            return
        time.sleep(_STEP_SECONDS)
    raise CliError(f"the sandbox (process {server.pid}) was asked to stop and is still running")


def _last_lines(log: Path) -> tuple[str, ...]:
    return tuple(log.read_text("utf-8", "replace").splitlines()[-3:])


def _taken(lock: IO[bytes]) -> bool:
    """Whether the lock was free and is ours now, until the file is closed."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
