"""Styles of text in a terminal: painted at once, or marked and painted after the text was wrapped. Pure, cheap to
import.
"""

_RESET = "\x1b[0m"
_STYLES = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
}
# Invisible characters of category Cf, which take no cell: a marked text wraps as it does without its marks.
_BEGINS = {"\u2061": "bold", "\u2062": "dim", "\u2063": "cyan"}
_MARKS = {style: mark for mark, style in _BEGINS.items()}
_END = "\u2064"


def paint(text: str, style: str) -> str:
    """`text` in a style; as it is without one."""
    return f"{_STYLES[style]}{text}{_RESET}" if style and text else text


def marked(text: str, style: str) -> str:
    """`text` between the marks of a style (bold, dim or cyan), for `painted`. Styles do not nest."""
    return f"{_MARKS[style]}{text}{_END}" if text else text


def painted(lines: "list[str]", *, color: bool) -> "list[str]":
    """Lines with their marks made real, or taken out. A style that goes on behind a line's end begins again there."""
    style, found = "", []
    for line in lines:
        parts = []
        for word, mark in _pieces(line):
            parts.append(paint(word, style) if color and not word.isspace() else word)
            style = style if not mark else _BEGINS.get(mark, "")
        found.append("".join(parts))
    return found


def _pieces(line: str) -> "list[tuple[str, str]]":
    """Each stretch of a line with the mark behind it, "" at the end. Indentation is a stretch of its own."""
    body = line.lstrip(" ")
    found, piece = [(line[: len(line) - len(body)], "")], ""
    for character in body:
        if character in _BEGINS or character == _END:
            found.append((piece, character))
            piece = ""
        else:
            piece += character
    return [*found, (piece, "")]
