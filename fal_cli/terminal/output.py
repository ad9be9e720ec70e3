"""stdout: data and nothing else. JSON leaves through the byte stream, never through Rich, which would wrap
long strings and read `[brackets]` as markup.

What a stranger sent reaches a terminal through here alone: as text of which it obeys nothing, or not at all.

With `--json` everything is one compact JSON value a line: a text becomes a JSON string or what names it, a number keeps
its text, and bytes that are not JSON stand as base64 beside their content type.
"""

import codecs
import itertools
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from fal_cli import jsontext
from fal_cli.api.body import Body
from fal_cli.errors import CliError
from fal_cli.terminal import hyperlinks
from fal_cli.terminal.sanitize import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from fal_cli.terminal.table import Columns

T = TypeVar("T")

_SHOWN_OF_DATA_URI = 60
_TOKEN = r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*'  # compiled at first use
_WRITER = json.JSONEncoder(ensure_ascii=False)
_KEY, _TEXT, _OTHER, _RESET = "\x1b[34m", "\x1b[32m", "\x1b[36m", "\x1b[0m"


class ReaderGone(Exception):
    """The reader of stdout closed it (`| head`). Not an error."""


class NotShown(CliError):
    """Bytes that a terminal cannot show. None of them was written; `chunks` are all of them."""

    def __init__(self, kind: str, chunks: Iterable[bytes]) -> None:
        told = f"{kind or 'unknown content'}{', but binary' if _is_text(kind) else ''}"
        super().__init__(f"the result is {told}, which a terminal cannot show", hint="Send it to a file: … > FILE")
        self.kind = kind
        self.chunks = chunks


class Output:
    """The data stream. On a terminal JSON is laid out and coloured; in a pipe nothing changes.

    With `machine` each write is a JSON value on a line.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        is_terminal: bool,
        color: bool,
        links: bool = False,
        reaches_terminal: bool = False,
        machine: bool = False,
    ) -> None:
        """With `links` the URLs in JSON can be clicked. The form for programs may still reach a terminal."""
        self._stream = stream
        self.machine = machine
        self.links = links and is_terminal
        self._reaches_terminal = is_terminal or reaches_terminal
        self.color = color
        self.is_terminal = is_terminal

    def data(self, data: bytes, kind: str = "text/plain") -> None:
        """Writes bytes of a content type as `chunks` does, all at once; for a program a text as a JSON string."""
        if self.machine and not _is_json(kind) and _is_text(kind):
            self.json(data.decode("utf-8", "replace"))
        else:
            self.chunks([data], kind)

    def chunks(self, chunks: Iterable[bytes], kind: str, *, is_json: bool | None = None) -> None:
        """Writes bytes of a content type, a piece at a time: as they are, or on a terminal as text made visible.

        For a program they are one value; `is_json` where it is known what they are. Raises `NotShown` before any is
        written, `ReaderGone`.
        """
        if self.machine:
            self._as_one_value(chunks, kind, is_json)
            return
        for chunk in self._shown(chunks, kind) if self._reaches_terminal else chunks:
            self._write(chunk)

    def _write(self, *pieces: bytes) -> None:
        """Writes bytes as they are and hands them to the reader at once. Raises `ReaderGone`."""
        try:
            for piece in pieces:  # joining long ones would double them
                self._stream.write(piece)
            self._stream.flush()
        except BrokenPipeError:
            self._detach()
            raise ReaderGone from None
        except OSError as error:
            self._detach()
            raise CliError(f"cannot write to stdout: {error.strerror or error}") from None

    def document(self, chunks: Iterable[bytes]) -> None:
        """Writes a JSON text on one line for a program, its numbers as they are and no more of it in memory than comes
        at once. Raises `ReaderGone`.
        """
        for text in jsontext.compact(chunks):
            self._write(_encoded(visible_json(text) if self._reaches_terminal else text))
        self._write(b"\n")

    def _as_one_value(self, chunks: Iterable[bytes], kind: str, is_json: bool | None) -> None:
        if is_json is None:
            body = Body.received(chunks)
            chunks, is_json = body.chunks(), _is_json(kind) and body.is_json
        if is_json:
            self.document(chunks)
        else:
            self._base64(chunks, kind)

    def _base64(self, chunks: Iterable[bytes], kind: str) -> None:
        """Bytes as `in_base64` has them, a piece at a time."""
        import base64

        start = jsontext.written({"content_type": kind, "base64": ""})[: -len('"}')]
        self._write(_encoded(visible_json(start) if self._reaches_terminal else start))
        rest = b""
        for chunk in chunks:
            held = rest + chunk
            whole = len(held) // 3 * 3
            rest = held[whole:]
            if whole:
                self._write(base64.b64encode(held[:whole]))
        self._write(base64.b64encode(rest) + b'"}\n')

    def line(self, text: str, facts: Any = None) -> None:
        """Writes one text as UTF-8, whatever the locale; on a terminal with control characters made visible.

        For a program it is JSON: `facts`, or else the text as a string.
        """
        if self.machine:
            self.json(text if facts is None else facts)
            return
        shown = "\n".join(visible_lines(text)) if self._reaches_terminal else text
        self._write(_encoded(shown) + b"\n")

    def json(self, value: Any, *, one_line: bool = False) -> None:
        """Writes a value as JSON: on one line for programs (and if `one_line`), else laid out for people."""
        if self.machine:
            text = jsontext.written(value)
            self._write(_encoded(visible_json(text) if self._reaches_terminal else text), b"\n")
            return
        if not self.is_terminal:
            text = _WRITER.encode(value)
            self._write(_encoded(visible_json(text) if self._reaches_terminal else text), b"\n")
            return
        from fal_cli.media import without_data

        try:
            shown = without_data(value, longer_than=2 * _SHOWN_OF_DATA_URI, shown=_SHOWN_OF_DATA_URI)
            text = json.dumps(shown, ensure_ascii=False, indent=None if one_line else 2)
        except RecursionError:  # what can be read can be nested deeper than what can be laid out
            text = json.dumps(value, ensure_ascii=False)
        text = visible_json(text)
        self._write(_encoded(re.sub(_TOKEN, self._painted, text) if self.color else text) + b"\n")

    def rows(self, columns: "Columns[T]", records: Iterable[T], facts: Callable[[T], Any]) -> int:
        """Writes records and returns how many: a table on a terminal, else the JSON of each on a line as it comes."""
        if self.is_terminal:
            from fal_cli.terminal.table import draw

            found = list(records)
            if found:
                cells = [[cell(record) for cell in columns.values()] for record in found]
                screen = Screen(self)
                screen.write(draw(list(columns), cells, width=screen.width, color=screen.color))
            return len(found)
        count = 0
        for record in records:
            self.json(facts(record), one_line=True)
            count += 1
        return count

    def record(self, facts: Callable[[], Any], draw: "Callable[[Screen], Iterable[str]]") -> None:
        """Writes one record: drawn on a terminal, else its JSON on a line."""
        if self.is_terminal:
            screen = Screen(self)
            screen.write(draw(screen))
        else:
            self.json(facts(), one_line=True)

    def _shown(self, chunks: Iterable[bytes], kind: str) -> Iterator[bytes]:
        """Bytes as text for a terminal: of JSON what it would obey as `\\u` escapes, which mean the same."""
        pieces = iter(chunks)
        first = next(pieces, b"")
        every = itertools.chain([first], pieces)
        if not _is_text(kind) or b"\0" in first:
            raise NotShown(kind, every)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for chunk in every:
            lines = decoder.decode(chunk).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            yield _encoded("\n".join(map(visible_json if _is_json(kind) else visible, lines)))

    def _painted(self, match: "re.Match[str]") -> str:
        string, colon = match.group(1), match.group(2)
        if string is None:
            return f"{_OTHER}{match.group(0)}{_RESET}"
        if colon is not None:
            return f"{_KEY}{string}{_RESET}{colon}"
        if self.links and "\\" not in string:
            string = hyperlinks.linked(string, string[1:-1])
        return f"{_TEXT}{string}{_RESET}"

    def _detach(self) -> None:
        """Points stdout at nothing, so that the interpreter's own last flush does not fail again."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
        os.close(nowhere)


def in_base64(data: bytes, kind: str) -> dict[str, str]:
    """Bytes of a content type as JSON."""
    import base64

    return {"content_type": kind, "base64": base64.b64encode(data).decode()}


def _is_json(kind: str) -> bool:
    return "json" in kind.lower()


def _is_text(kind: str) -> bool:
    return kind.lower().startswith("text/") or _is_json(kind)


def _encoded(text: str) -> bytes:
    """UTF-8; half a character (a lone surrogate) becomes a `\\u` escape, which JSON readers know."""
    return text.encode("utf-8", "backslashreplace")


class Screen:
    """How wide the terminal is and whether it is coloured; writes what was drawn for it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.width = shutil.get_terminal_size().columns
        self.color = output.color

    def write(self, lines: Iterable[str]) -> None:
        """Writes lines that hold nothing of a stranger's that was not made visible. Raises `ReaderGone`."""
        self._output._write("".join(f"{line}\n" for line in lines).encode())

    def tell(self, sentences: Iterable[str]) -> None:
        """Writes sentences, whatever is in them: none breaks in a word, or is obeyed. Raises `ReaderGone`."""
        from fal_cli.terminal.wrapping import wrapped

        self.write(line for sentence in sentences for line in wrapped(visible(sentence), self.width))
