"""Nested values as literals, laid out as a formatter would: on one line where they fit, else an entry a line."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from fal_cli.files.attachment import Attachment
from fal_cli.terminal.sanitize import visible_json

WIDTH = 88
_ESCAPED_QUOTE = '\\"'


class Dialect(ABC):
    """How a language writes values. `constants` are its words for true, false and null."""

    indent = "    "
    constants = ("true", "false", "null")
    comma_at_end = True
    braces = ("{", "}")

    @abstractmethod
    def text(self, value: str) -> str:
        """A text."""

    @abstractmethod
    def file(self, value: Attachment) -> str:
        """What stands for the URL of a file."""

    def key(self, name: str) -> str:
        """A key of an object, without the colon after it."""
        return self.text(name)

    def number(self, value: int | float) -> str:
        return json.dumps(value)

    def lines(self, value: str) -> tuple[str, list[str], str] | None:
        """A text of several lines in parts: what opens them, the parts, what closes them. None if there is no way."""
        return None

    def one_line(self, value: Any) -> str:
        """Any value on one line."""
        if isinstance(value, Mapping):
            return self._object(f"{self.key(name)}: {self.one_line(inner)}" for name, inner in value.items())
        if isinstance(value, list):
            return f"[{', '.join(map(self.one_line, value))}]"
        return self._scalar(value)

    def laid_out(self, value: Any, level: int = 0, *, lead: int = 0, opens: bool = False) -> str:
        """A value that begins `lead` characters into a line of this level. `opens` has it on several in any case."""
        line = self.one_line(value)
        if not opens and len(self.indent) * level + lead + len(line) < WIDTH:
            return line
        if isinstance(value, Mapping) and value:
            entries = [
                f"{(key := self.key(name))}: {self.laid_out(inner, level + 1, lead=len(key) + 2)}"
                for name, inner in value.items()
            ]
            return self.block("{", entries, "}", level)
        if isinstance(value, list) and value:
            return self.block("[", [self.laid_out(inner, level + 1) for inner in value], "]", level)
        parts = self.lines(value) if isinstance(value, str) and "\n" in value[:-1] else None
        return self._parts(*parts, level) if parts else line

    def block(self, opening: str, entries: Iterable[str], closing: str, level: int = 0) -> str:
        """Entries a line each, between what opens and what closes them."""
        inner = self.indent * (level + 1)
        text = ",\n".join(f"{inner}{entry}" for entry in entries) + ("," if self.comma_at_end else "")
        return f"{opening}\n{text}\n{self.indent * level}{closing}"

    def _parts(self, opening: str, parts: list[str], closing: str, level: int) -> str:
        inner = self.indent * (level + 1)
        return "\n".join([opening, *(f"{inner}{part}" for part in parts), f"{self.indent * level}{closing}"])

    def _object(self, entries: Iterable[str]) -> str:
        opening, closing = self.braces
        text = ", ".join(entries)
        return f"{opening}{text}{closing}" if text else "{}"

    def _scalar(self, value: Any) -> str:
        if isinstance(value, Attachment):
            return self.file(value)
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            true, false, null = self.constants
            return null if value is None else true if value else false
        return self.number(value)


def json_text(value: str) -> str:
    """A text as JSON; what cannot be seen is escaped."""
    return visible_json(json.dumps(value, ensure_ascii=False))


def in_fewest_escapes(quoted: str) -> str:
    """A literal in double quotes in single ones, where that saves escapes."""
    if _ESCAPED_QUOTE not in quoted or "'" in quoted:
        return quoted
    plain = quoted[1:-1].replace(_ESCAPED_QUOTE, '"')
    return f"'{plain}'"
