"""The WHATWG event-stream format, decoded incrementally. Pure.

All three line ends, chunks split anywhere (inside a UTF-8 sequence too), a leading BOM, comments, multi-line
data, `event`, `id` and `retry`. An event that the stream ends in the middle of is dropped, as the standard says.
"""

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fal_cli import limits

_FIELD, _END = "data: ", "\n\n"
_BETWEEN = _END + _FIELD
_LONGEST_RETRY = 15  # digits; a longer pause is nonsense, and Python refuses to read some of them


class ServerSentEvent(NamedTuple):
    """One dispatched event; `retry` (milliseconds) if the stream named one since the last event."""

    data: str
    event: str = "message"
    id: str = ""
    retry: int | None = None


class EventTooLarge(ValueError):
    """An event that does not end."""


class EventDecoder:
    """Takes bytes as they come and yields each event as soon as its blank line is there.

    What is held back of an event that has not ended is limited (`most_bytes`); `feed` raises `EventTooLarge`.
    """

    def __init__(self, most_bytes: int = limits.EVENT) -> None:
        self._most_bytes = most_bytes
        self._text = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._line: list[str] = []
        self._after_cr = False
        self._at_start = True
        self._is_between = True  # between two events, with nothing held back
        self._data: list[str] = []
        self._event = ""
        self._last_id = ""
        self._retry: int | None = None
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> Iterable[ServerSentEvent]:
        """The events that `chunk` completes. All of them have to be taken before the next chunk."""
        data = self._plain(chunk) if self._is_between else None
        if data is not None:
            self._at_start = False
            return [ServerSentEvent(text, "message", self._last_id) for text in data]
        return self._any(chunk)

    def _plain(self, chunk: bytes) -> list[str] | None:
        """The data of a chunk of whole events of one `data:` line each, which is what nearly all of them are."""
        try:
            text = chunk.decode()
        except UnicodeDecodeError:
            return None
        if not (text.startswith(_FIELD) and text.endswith(_END)) or "\r" in text:
            return None
        data = text[len(_FIELD) : -len(_END)].split(_BETWEEN)
        return data if text.count("\n") == 2 * len(data) else None

    def _any(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        for line in self._lines(self._text.decode(chunk)):
            if line:
                self._field(line)
            elif (event := self._dispatch()) is not None:
                yield event
        self._limit(len(chunk))
        is_whole = not (self._line or self._data or self._after_cr or self._text.getstate()[0])
        self._is_between = is_whole and not self._event and self._retry is None

    def _limit(self, size: int) -> None:
        self._held_bytes = self._held_bytes + size if self._line or self._data else 0
        if self._held_bytes > self._most_bytes:
            raise EventTooLarge(f"an event has more than {limits.in_words(self._most_bytes)}")

    def _lines(self, text: str) -> Iterator[str]:
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        start = 0
        while (end := _line_end(text, start)) >= 0:
            self._line.append(text[start:end])
            line = "".join(self._line)
            self._line.clear()
            yield line
            start = end + 1
            if text[end] == "\r":
                self._after_cr = start == len(text)
                start += text.startswith("\n", start)
        if start < len(text):
            self._line.append(text[start:])

    def _field(self, line: str) -> None:
        colon = line.find(":")
        name = line if colon < 0 else line[:colon]
        value = "" if colon < 0 else line[colon + 1 + line.startswith(" ", colon + 1) :]  # one copy of what may be long
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._last_id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) <= _LONGEST_RETRY:
            self._retry = int(value)

    def _dispatch(self) -> ServerSentEvent | None:
        data, event, retry = self._data, self._event, self._retry
        self._data, self._event = [], ""
        if not data:
            return None
        self._retry = None
        return ServerSentEvent("\n".join(data), event or "message", self._last_id, retry)


def _line_end(text: str, start: int) -> int:
    newline, carriage = text.find("\n", start), text.find("\r", start)
    if newline < 0 or carriage < 0:
        return max(newline, carriage)
    return min(newline, carriage)
