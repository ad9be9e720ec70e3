"""A pseudo-terminal with a program in it and the screen that a person would see."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pyte
from pyte.screens import Char

ROWS = 24
_QUESTION = re.compile(rb"\x1b_[^\x1b]*\x1b\\")  # what terminals with pictures answer; pyte would print it


class Screen:
    """Runs a program with its stderr and stdin on a pseudo-terminal; stdout and stdin too unless they are given.

    `cell` is the size of a character in pixels, where the terminal tells it, `answers` are its replies to questions.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int,
        stdout: int | None = None,
        stdin: int | None = None,
        cwd: Path | None = None,
        cell: tuple[int, int] = (0, 0),
        answers: Mapping[bytes, bytes] = MappingProxyType({}),
    ) -> None:
        self._terminal = pyte.HistoryScreen(columns, ROWS, history=1000)
        self._stream = pyte.ByteStream(self._terminal)
        self._master, slave = pty.openpty()
        size = struct.pack("HHHH", ROWS, columns, columns * cell[0], ROWS * cell[1])
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.raw = b""
        self._answers = answers
        self.process = subprocess.Popen(
            argv,
            env={"TERM": "xterm-256color"} | {name: value for name, value in env.items() if name != "COLUMNS"},
            stdin=slave if stdin is None else stdin,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a key of this terminal
        )
        os.close(slave)

    def end(self) -> None:
        """Ends the program at once."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    @property
    def lines(self) -> list[str]:
        """Every line that was ever shown and is not overwritten, oldest first, without empty ones at the end."""
        past = ["".join(row[column].data for column in sorted(row)) for row in self._terminal.history.top]
        return [line.rstrip() for line in [*past, *self._terminal.display]]

    @property
    def cells(self) -> list[list[Char]]:
        """The cells of every line that was ever shown and is not overwritten, without empty lines at the end."""
        rows = [*self._terminal.history.top, *(self._terminal.buffer[row] for row in range(ROWS))]
        lines = [[row[column] for column in range(self._terminal.columns)] for row in rows]
        while lines and not "".join(cell.data for cell in lines[-1]).strip():
            lines.pop()
        return lines

    @property
    def title(self) -> str:
        """What the window's title was set to."""
        return self._terminal.title

    @property
    def text(self) -> str:
        return "\n".join(line for line in self.lines if line)

    def until(self, seen: Callable[[str], bool], seconds: float = 30.0) -> str:
        """Reads until the screen satisfies `seen` and returns its text."""
        end = time.monotonic() + seconds
        while not seen(self.text):
            assert time.monotonic() < end, f"the screen never showed it:\n{self.text}"
            if not self._read(0.1) and self.process.poll() is not None:
                assert seen(self.text), f"it ended first:\n{self.text}"
        return self.text

    def finish(self, seconds: float = 60.0) -> int:
        """Reads to the end and returns the exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None or self._read(0.05):
            assert time.monotonic() < end, self.text
            self._read(0.05)
        os.close(self._master)
        return self.process.returncode

    def press(self, keys: bytes) -> None:
        """Types something."""
        os.write(self._master, keys)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        data = b""
        with contextlib.suppress(OSError):  # Linux answers EIO when the last writer has gone
            data = os.read(self._master, 65536)
        self.raw += data
        for question, reply in self._answers.items():
            if question in data:
                os.write(self._master, reply)
        self._stream.feed(_QUESTION.sub(b"", data))
        return bool(data)
