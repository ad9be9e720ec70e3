"""The program called in this process, as a program calls it: with `--json`, its lines read as JSON.

A call takes no more than its own work; what a process costs to start is for the stories that are about it.
"""

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fal_cli import app
from fal_cli.context import Context
from fal_cli.terminal.terminal import Streams


@dataclass(frozen=True)
class Called:
    """What a command line answered."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[Any]:
        """The values on stdout, each on a line of its own."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def value(self) -> Any:
        """The only one."""
        (found,) = self.lines
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """The objects on stderr."""
        return [json.loads(line) for line in self.stderr.splitlines()]

    @property
    def end(self) -> dict[str, Any]:
        """How it says that it ended."""
        return self.events[-1]


def call(env: Mapping[str, str], *words: str, stdin: bytes | None = None, code: int | None = 0) -> Called:
    """Runs a command line with `--json`; `code` is asserted unless None."""
    stdout, stderr = io.BytesIO(), io.StringIO()
    given = io.BytesIO(stdin) if stdin is not None else None
    streams = Streams(given, stdout, stderr, False, False, False)
    digits = sys.get_int_max_str_digits()
    try:
        ended = app.main([*words, *(() if "--json" in words else ("--json",))], Context(streams, env))
    finally:
        sys.set_int_max_str_digits(digits)  # a result with a long number raises it for its process
    called = Called(ended, stdout.getvalue(), stderr.getvalue())
    if code is not None:
        assert called.code == code, f"code {called.code}, not {code}\n{called.stdout!r}\n{called.stderr}"
    return called
