"""A model's events to stdout: a JSON value a line, only what is new of the text, or only the last one.

On a terminal text that grows is written as it grows, and events without text are counted in one live line.
"""

import json
from hashlib import blake2b
from typing import Any

from fal_cli.api.stream import StreamEvent
from fal_cli.media import text_in
from fal_cli.terminal.output import Output


class GrowingText:
    """What is new of a text that comes in cumulative versions or in deltas.

    Of what came before only its length and a hash are kept, so that a long text costs neither time nor memory.
    """

    def __init__(self) -> None:
        self._length = 0
        self._hash = blake2b()

    def news(self, value: Any) -> str:
        """The text that this event adds; "" if it has none."""
        delta = _delta(value)
        if delta is not None:
            self._add(delta)
            return delta
        whole = text_in(value)
        if whole is None:
            return ""
        added = whole[self._length :]
        if not self._begins(whole):  # a text that does not continue the one before is a new one
            added = f"\n{whole}"
            self._length, self._hash = 0, blake2b()
            self._add(whole)
        else:
            self._add(added)
        return added

    def _add(self, text: str) -> None:
        self._length += len(text)
        self._hash.update(_bytes(text))

    def _begins(self, whole: str) -> bool:
        known = blake2b(_bytes(whole[: self._length])).digest()
        return len(whole) >= self._length and known == self._hash.digest()


def has_text(value: Any) -> bool:
    """Whether an event carries text of any known shape."""
    return _delta(value) is not None or text_in(value) is not None


class LinePrinter:
    """A JSON value a line, handed to the reader at once."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def show(self, event: StreamEvent) -> None:
        """Writes one event. Data that is JSON goes out as it came, if it is one line."""
        if event.is_json and self._output.machine:
            self._output.document([event.data.encode("utf-8", "backslashreplace")])
        elif event.is_json and "\n" not in event.data and not self._output.is_terminal:
            self._output.data(event.data.encode("utf-8", "backslashreplace") + b"\n", "application/json")
        else:
            self._output.json(event.value, one_line=True)

    def end(self) -> None:
        """Nothing is left to write."""


class TextPrinter:
    """Only what is new of the text, so that `| tee story.txt` is the story. For a program each piece is a string."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._text = GrowingText()
        self._last = ""

    def show(self, event: StreamEvent) -> None:
        """Writes what this event adds."""
        added = self._text.news(event.value)
        if added:
            self._last = added
            self._output.data(added.encode("utf-8", "backslashreplace"))

    def end(self) -> None:
        """Ends the last line, if there is one and it is open."""
        if self._last and not self._last.endswith("\n") and not self._output.machine:
            self._output.data(b"\n")


class FinalPrinter:
    """Only the last event."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: StreamEvent | None = None

    def show(self, event: StreamEvent) -> None:
        """Keeps one event."""
        self._last = event

    def end(self) -> None:
        """Writes the last one."""
        if self._last is not None:
            if self._output.is_terminal:
                self._output.json(self._last.value)
            else:
                LinePrinter(self._output).show(self._last)


class NoPrinter:
    """Nothing: stdout carries something else."""

    def show(self, event: StreamEvent) -> None:
        """Leaves one event unprinted."""

    def end(self) -> None:
        """Nothing is left to write."""


class ScreenPrinter:
    """For a person: growing text as it grows, anything else as its last state."""

    def __init__(self, output: Output) -> None:
        self._text = TextPrinter(output)
        self._final = FinalPrinter(output)
        self._is_text = False

    def show(self, event: StreamEvent) -> None:
        """Draws one event."""
        self._is_text = self._is_text or has_text(event.value)
        (self._text if self._is_text else self._final).show(event)

    def end(self) -> None:
        """Writes what was held back."""
        (self._text if self._is_text else self._final).end()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _delta(value: Any) -> str | None:
    """OpenAI-like chunks, and events that call their piece `delta`."""
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        inner = choices[0].get("delta")
        content = inner.get("content") if isinstance(inner, dict) else None
        return content if isinstance(content, str) else None
    delta = value.get("delta")
    return delta if isinstance(delta, str) else None


def last_json(event: StreamEvent) -> bytes:
    """An event as the bytes of a result, for saving what it names."""
    return event.data.encode("utf-8", "backslashreplace") if event.is_json else json.dumps(event.value).encode()
