"""What a process takes, as the system counts it: seconds, CPU seconds and peak memory."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MIB = 1024 * 1024
LONGEST_SECONDS = 1800.0
_LAUNCHER = Path(__file__).with_name("launch.py")
_TOLD = 400

Sample = dict[str, float]
"""The figures of one run: `seconds`, `cpu` (seconds), `peak_mib`, and whatever else a row counts."""

Process = subprocess.Popen[bytes]
Talk = Callable[[Process], None]
"""Writes to a running program and reads what it prints."""


class ProgramFailed(Exception):
    """A measured program that ended badly, with the end of what it said."""


@dataclass(frozen=True)
class Finished:
    """What one program, or `times` processes of it, took; `began` is of `time.perf_counter`, which all share."""

    began: float
    seconds: float
    cpu: float
    peak_mib: float
    failures: int

    @property
    def sample(self) -> Sample:
        return {"seconds": self.seconds, "cpu": self.cpu, "peak_mib": self.peak_mib}


def measure(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    talk: Talk | None = None,
    writes: bool = False,
    file: Path | None = None,
    cwd: Path | None = None,
    times: int = 1,
    at_once: int = 1,
    may_fail: bool = False,
) -> Finished:
    """Runs a program to its end; without `talk` its output is thrown away.

    Its stdin is a pipe if `talk` `writes`, else the `file`, else empty.

    Raises `ProgramFailed` unless it `may_fail`, which are then counted.
    """
    stdout = subprocess.PIPE if talk else subprocess.DEVNULL
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile() as said,
        open(file or os.devnull, "rb") as given,
    ):
        report = Path(folder) / "report"
        stdin = subprocess.PIPE if writes else given
        words = (sys.executable, "-I", "-S", str(_LAUNCHER), str(report), str(times), str(at_once), *argv)
        process = subprocess.Popen(
            words,
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            start_new_session=True,
        )
        with _ended_at_last(process), process:
            if talk:
                talk(process)
        finished = _read(report) if process.returncode == 0 else None
        if finished is None or (finished.failures and not may_fail):
            how = f"{finished.failures} failed" if finished else f"the launcher ended with {process.returncode}"
            raise ProgramFailed(f"{Path(argv[0]).name} {' '.join(argv[1:3])}: {how}. {_last_words(said)}")
        return finished


def read_to_end(process: Process) -> None:
    """Takes all that a program prints, and keeps nothing of it."""
    assert process.stdout is not None
    buffer = bytearray(MIB)
    while os.readv(process.stdout.fileno(), [buffer]):
        continue


class _ended_at_last(threading.Timer):  # reads as a block
    """A block after whose longest time the program and its children are killed."""

    def __init__(self, process: Process) -> None:
        super().__init__(LONGEST_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        self.daemon = True

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.cancel()


def _read(report: Path) -> Finished:
    began, seconds, cpu, peak, failures = (float(word) for word in report.read_text(encoding="ascii").split())
    return Finished(began, seconds, cpu, peak / MIB, int(failures))


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode("utf-8", "replace")[-_TOLD:].strip() or "Nothing was said."
