"""All that a person sees of a command: stdout, stderr, and what is drawn there while something goes on."""

import os
import stat
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TextIO

from fal_cli.options import GlobalFlags
from fal_cli.terminal.hyperlinks import are_known
from fal_cli.terminal.output import Output
from fal_cli.terminal.talk import Talk

if TYPE_CHECKING:
    from fal_cli.terminal.progress.base import Display, View
    from fal_cli.terminal.progress.board import Board
    from fal_cli.terminal.progress.transfer import Transfer


_USUAL_COLUMNS = 80


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


class Terminal:
    """The streams as the flags and the environment want them used; `hide` takes secrets out of what is said."""

    def __init__(
        self, streams: Streams, env: Mapping[str, str], flags: GlobalFlags, program: str, hide: Callable[[str], str]
    ) -> None:
        self._streams = streams
        self._env = env
        self._flags = flags
        self._program = program
        self._hide = hide

    @cached_property
    def talk(self) -> Talk:
        """stderr."""
        return Talk(
            self._streams.stderr,
            program=self._program,
            level=-1 if self._flags.quiet else self._flags.verbose,
            machine=self._flags.json,
            color=self._color(self._streams.stderr_is_terminal),
            hide=self._hide,
            width=self._columns if self._streams.stderr_is_terminal else None,
        )

    @cached_property
    def output(self) -> Output:
        """stdout."""
        is_terminal = self._streams.stdout_is_terminal and not self._flags.json
        color = self._color(is_terminal)
        return Output(
            self._streams.stdout,
            is_terminal=is_terminal,
            color=color,
            links=color and are_known(self._env),
            reaches_terminal=self._streams.stdout_is_terminal,
            machine=self._flags.json,
        )

    @property
    def has_somebody(self) -> bool:
        """Whether a person is there who can be asked."""
        streams, is_quiet = self._streams, self._flags.quiet or self._flags.json
        return streams.stdin_is_terminal and streams.stderr_is_terminal and not is_quiet and not self._env.get("CI")

    def ask(self, question: str) -> str | None:
        """What a person types behind a question; None where they end the input (Ctrl-D)."""
        stdin = self._streams.stdin
        assert stdin is not None  # a terminal
        self.talk.ask(question)
        line = stdin.readline()
        if not line:
            self.talk.note("")
            return None
        return line.decode("utf-8", "replace").strip()

    def view(self, endpoint: str, *, logs: bool = False) -> "View":
        """The display of one followed request."""
        from fal_cli.terminal.progress.base import View

        return View(self.display(of_one=True, logs=logs), endpoint)

    def display(self, *, of_one: bool = False, logs: bool = False) -> "Display":
        """The display of followed requests."""
        from fal_cli.terminal.progress.open import open_display

        return open_display(self.talk, is_terminal=self._can_draw, color=self.talk.color, of_one=of_one, logs=logs)

    def board(self, *, prints: bool) -> "Board":
        """The display of a batch that `prints` its rows meanwhile: whoever reads them from a pipe may print, too.

        Two that write to one screen spoil it, so that such a board is not drawn but told in lines.
        """
        from fal_cli.terminal.progress.open import open_board

        is_alone = not (prints and self._stdout_is_pipe)
        return open_board(self.talk, is_terminal=self._can_draw and is_alone, color=self.talk.color)

    def transfer(self, verb: str, name: str, total: int | None) -> "Transfer":
        """The display of one file on its way."""
        from fal_cli.terminal.progress.transfer import open_transfer

        return open_transfer(self.talk, verb, name, total, is_terminal=self._can_draw, color=self.talk.color)

    def _columns(self) -> int:
        """How wide the window of stderr is now."""
        try:
            return os.get_terminal_size(self._streams.stderr.fileno()).columns or _USUAL_COLUMNS
        except (OSError, ValueError):
            return _USUAL_COLUMNS

    @property
    def _stdout_is_pipe(self) -> bool:
        try:
            return stat.S_ISFIFO(os.fstat(self._streams.stdout.fileno()).st_mode)
        except (OSError, ValueError):
            return False

    @property
    def _can_draw(self) -> bool:
        return self._streams.stderr_is_terminal and self._env.get("TERM") != "dumb"

    def _color(self, is_terminal: bool) -> bool:
        unwanted = self._flags.no_color or self._env.get("NO_COLOR") or self._env.get("TERM") == "dumb"
        return is_terminal and not unwanted
