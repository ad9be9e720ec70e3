"""The three standard streams."""

import os
import sys
from typing import BinaryIO, NamedTuple, TextIO


class Streams(NamedTuple):
    """The three standard streams and whether each is a terminal. `stdin` is None where it is closed."""

    stdin: BinaryIO | None
    stdout: BinaryIO
    stderr: TextIO
    stdin_is_terminal: bool
    stdout_is_terminal: bool
    stderr_is_terminal: bool

    @classmethod
    def standard(cls) -> "Streams":
        """The process's own. stderr writes what it cannot encode as escapes rather than fail."""
        if sys.stderr is not None and hasattr(sys.stderr, "reconfigure"):
            sys.stderr.reconfigure(errors="backslashreplace")
        return cls(
            stdin=sys.stdin.buffer if sys.stdin else None,
            stdout=sys.stdout.buffer if sys.stdout else open(os.devnull, "wb"),  # lives as long as we
            stderr=sys.stderr or open(os.devnull, "w"),
            stdin_is_terminal=bool(sys.stdin and sys.stdin.isatty()),
            stdout_is_terminal=bool(sys.stdout and sys.stdout.isatty()),
            stderr_is_terminal=bool(sys.stderr and sys.stderr.isatty()),
        )
