"""stderr: everything said beside the data. One place decides what `-q`, `-v` and `--json` let through.

With `--json` it is JSON lines, `{"event": KIND, …}`: what changes, warnings, and at the end a `result` or an `error`.
Notes are for people, and come with `-v` alone.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from fal_cli.errors import Report, caret
from fal_cli.terminal.sanitize import visible, visible_lines

_RED, _DIM, _BOLD, _RESET = "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Talk:
    """The talk stream.

    `level` is -1 for `-q`, 0, 1 for `-v`, 2 for `-vv`. `machine` writes JSON lines instead of sentences.
    `hide` takes secrets out of every line. `width` says how wide the window is now; without one no line is broken.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        program: str = "fal",
        level: int = 0,
        machine: bool = False,
        color: bool = False,
        hide: Callable[[str], str] = str,
        width: Callable[[], int] | None = None,
    ) -> None:
        self._stream = stream
        self._program = program
        self.color = color
        self._hide = hide
        self._width = None if machine else width
        self._sink: Callable[[str], None] = self._plainly
        self.level = level
        self.machine = machine
        self._summary: dict[str, Any] = {}

    def note(self, text: str) -> None:
        """Something worth knowing; silent with `-q`, and for a program without `-v`."""
        if self.level >= int(self.machine):
            self._say("note", text)

    def warn(self, text: str) -> None:
        """Something that may go wrong later; silent with `-q`."""
        if self.level >= 0:
            self._say("warning", text, lead="warning: ")

    def essential(self, text: str, **facts: Any) -> None:
        """A line that survives `-q`: it names a request id, or says what becomes of money."""
        self._say("request" if "request_id" in facts else "notice", text, **facts)

    def request(self, text: str, endpoint: str, request_id: str) -> None:
        """The line that names the request of this command; it survives `-q`."""
        if self.machine:
            self._write_facts({"event": "request", "endpoint": endpoint, "request_id": request_id})
        else:
            self._say("request", text)

    def ask(self, text: str) -> None:
        """A question on the terminal; the answer is typed behind it."""
        with contextlib.suppress(OSError, ValueError):
            end = text[len(text.rstrip(" ")) :]
            self._stream.write("\n".join(self._lines(text)) + end)
            self._stream.flush()

    def decision(self, text: str) -> None:
        """A choice that the program made for the user; shown with `-v`."""
        if self.level >= 1:
            self._say("decision", text)

    def exchange(self, text: str) -> None:
        """An HTTP exchange; shown with `-vv`."""
        if self.level >= 2:
            for line in visible_lines(text):
                self._say("http", line, painted=_DIM)

    def event(self, facts: dict[str, Any]) -> None:
        """One event of a followed request as a JSON line, in machine mode only."""
        if self.machine and self.level >= 0:
            self._write_facts(facts)

    def sum_up(self, **facts: Any) -> None:
        """Keeps what the closing line for a program is to tell; None is nothing."""
        if self.machine:
            self._summary |= {name: value for name, value in facts.items() if value is not None}

    def result(self, code: int) -> None:
        """The closing line of a command that did not end in an error, in machine mode only."""
        self.event({"event": "result", "code": code, **self._summary})

    def error(self, report: Report) -> None:
        """An error: what happened, the request id if there is one, what to do next."""
        if self.machine:
            self._write_facts(_as_facts(report))
            return
        lead = f"{self._program}: "
        first, *others = self._lines(" ".join(visible_lines(report.message)), first=lead)
        self._write(self._paint(lead.rstrip(), _RED) + first[len(lead) - 1 :])
        for line in [*others, *self._details(report)]:
            self._write(line)

    def _details(self, report: Report) -> Iterator[str]:
        """The lines under an error's message."""
        if report.pointed and self._width:
            yield from (f"  {line}" for line in caret(*report.pointed, self._width() - 2))
        else:
            for line in report.lines:
                yield from self._lines(f"  {visible(line)}")
        if report.request_id and report.request_id not in report.message + report.hint:
            yield from self._lines(f"  request {visible(report.request_id)}")
        for line in filter(None, report.hint.split("\n")):
            yield from self._lines(visible(line))

    @contextlib.contextmanager
    def through(self, write: Callable[[str], None]) -> Iterator[None]:
        """While the block runs, lines go to `write`: a live display prints them above itself."""
        before, self._sink = self._sink, write
        try:
            yield
        finally:
            self._sink = before

    def debug(self, text: str) -> None:
        """A traceback, for `FAL_DEBUG`: its lines are not broken."""
        for line in visible_lines(text.rstrip()):
            self._say("debug", line, is_text=False)

    def _say(
        self, kind: str, text: str, lead: str = "", painted: str = "", *, is_text: bool = True, **facts: Any
    ) -> None:
        if self.machine:
            self._write_facts({"event": kind, "message": text, **facts})
            return
        shown = lead + visible(text)
        for line in self._lines(shown) if is_text else [shown]:
            self._write(self._paint(line, painted))

    def _lines(self, text: str, *, first: str = "") -> list[str]:
        """A text as the lines of the window, `first` before it."""
        if self._width is None:
            return [self._hide(first + text)]
        from fal_cli.terminal.wrapping import wrapped

        return wrapped(self._hide(text), self._width(), first=first)

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self.color and style else text

    def _write_facts(self, facts: dict[str, Any]) -> None:
        self._write(json.dumps(facts, ensure_ascii=True, separators=(",", ":")))

    def _write(self, line: str) -> None:
        self._sink(self._hide(line))

    def _plainly(self, line: str) -> None:
        # A closed or full stderr must not change what a command does or how it ends.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


def _as_facts(report: Report) -> dict[str, Any]:
    """The promise of an error's JSON line; what is not always there comes last."""
    facts: dict[str, Any] = {
        "event": "error",
        "kind": report.kind,
        "code": int(report.code),
        "again": report.again,
        "message": report.message,
        "fields": [fault._asdict() for fault in report.fields],
        "next": list(report.next),
        "request_id": report.request_id or None,
    }
    optional = {
        "status": report.status,
        "error_type": report.error_type,
        "details": [] if report.fields else list(report.lines),
        "hint": report.hint,
    }
    return facts | {name: value for name, value in optional.items() if value}
