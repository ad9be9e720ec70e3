"""How help is laid out in a window: as Typer does it, but no word is broken, a call that is too long goes on with a
backslash, and what Typer puts beside each other stands below each other where there is no room for both.
"""

import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from fal_cli.terminal.cells import cells
from fal_cli.terminal.wrapping import code, wrapped

_NARROWEST = 20
_MARGIN = 2
_LEAST_BESIDE = 20  # cells that a usage's arguments need beside its name
_BELOW = "      "
_LAID_OUT = "\b\n"  # Typer's mark for a paragraph that keeps its lines


class Layout(typer.Context.formatter_class):  # type: ignore[misc, valid-type]
    """Typer's own formatter with these lines."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = min(shutil.get_terminal_size().columns, max_width or 80)
        super().__init__(indent_increment, width or max(columns - _MARGIN, _NARROWEST), max_width)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Its name and its arguments, below it where they do not fit beside it."""
        name = f"{'Usage: ' if prefix is None else prefix}{prog} "
        if self.width >= cells(name) + _LEAST_BESIDE:
            self._lines(wrapped(args, self.width, first=name))
        else:
            self._lines([name.rstrip(), *wrapped(args, self.width, first=_BELOW)])

    def write_text(self, text: str) -> None:
        """Paragraphs, those with the mark line by line."""
        margin = " " * self.current_indent
        paragraphs = [part.strip("\n") for part in text.split("\n\n")]
        for number, part in enumerate(filter(None, paragraphs)):
            if number:
                self.write("\n")
            if part.startswith(_LAID_OUT):
                for line in part.removeprefix(_LAID_OUT).splitlines():
                    self._lines(code(margin + line, self.width))
            else:
                self._lines(wrapped(margin + " ".join(map(str.strip, part.splitlines())), self.width))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names, each with what it means beside or below it."""
        rows = list(rows)
        margin = " " * self.current_indent
        column = min(max(cells(name) for name, _ in rows), col_max) + col_spacing
        room = self.width - column - _MARGIN
        is_beside = room >= column
        for name, meaning in rows:
            meaning = " ".join(map(str.strip, meaning.splitlines()))
            names = _names(margin + name, self.width)
            if is_beside and len(names) == 1 and cells(name) <= column - col_spacing:
                self._lines(wrapped(meaning, self.width, first=names[0].ljust(column + len(margin))))
            else:
                below = " " * (column + len(margin)) if is_beside else _BELOW
                self._lines([*names, *(wrapped(meaning, self.width, first=below) if meaning else ())])

    def _lines(self, lines: Iterable[str]) -> None:
        self.write("".join(f"{line}\n" for line in lines))


class _LaidOut(typer.Context):
    formatter_class = Layout


def lay_out(command: Any) -> Any:
    """A command of Typer's, and all under it, with this layout."""
    command.context_class = _LaidOut
    for inner in getattr(command, "commands", {}).values():
        lay_out(inner)
    return command


def _names(name: str, width: int) -> list[str]:
    """A name that may break behind the bars of its choices."""
    if cells(name) <= width:
        return [name]
    return [line.replace("| ", "|") for line in wrapped(name.replace("|", "| "), width)]
