"""Text laid out for a window: lines break between words, never in one. Pure.

What is longer than a line, a URL or an id, stands on one of its own, so that it can still be copied whole.
"""

from fal_cli.terminal.cells import cells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 0.5  # of the width that indentation may take
_INSTEAD = "    "
_CODE_INDENT = "  "
_GOES_ON = " \\"
_COMMENT = "# "
_HELD = ("-", "|", ">", "<")


def wrapped(text: str, width: int, *, first: str = "") -> list[str]:
    """A line as lines of at most `width` cells, all as far in as it is itself.

    `first` stands before it, and the others as far in as that reaches. A word that would fit if it were less far in is.
    """
    body = text.lstrip(" ")
    line = first + text[: len(text) - len(body)]
    indent = " " * cells(line) if cells(line) <= width * _DEEPEST else _INSTEAD
    lines, is_fresh = list[str](), True
    for word in body.split(" "):
        gap = "" if is_fresh else " "
        if word and cells(line) + len(gap) + cells(word) > width:
            lines += [line.rstrip(" ")] if line.strip() else []
            line, gap = indent[: max(width - cells(word), 0)], ""
        line += gap + word
        is_fresh = is_fresh and not word
    return [*lines, line.rstrip(" ")]


def beside(label: str, text: str, width: int) -> list[tuple[str, str]]:
    """`text` wrapped behind a label: each line as what is the label's or blank, and what is the text's."""
    found = wrapped(text, width, first=label)
    rest = ((line[: len(line) - len(line.lstrip(" "))], line.lstrip(" ")) for line in found[1:])
    return [(found[0][: len(label)], found[0][len(label) :]), *rest]


def code(line: str, width: int) -> list[str]:
    """A line of shell as lines that still are one command: its comment before it, and a backslash where it goes on."""
    if cells(line) <= width:
        return [line]
    command, comment = _parts(line)
    indent = " " * (len(line) - len(line.lstrip(" ")))
    told = wrapped(comment.lstrip("# "), width - len(indent) - len(_COMMENT)) if comment else []
    return [*(indent + _COMMENT + part for part in told), *(_broken(command, width, indent) if command else ())]


def _broken(command: str, width: int, indent: str) -> "Iterator[str]":
    """The command, broken at spaces that are in no quotes, and not behind an option where its value still fits."""
    line = unit = ""
    for word in [*_words(command), ""]:
        is_held = unit.strip().startswith(_HELD) and len(unit.split()) == 1
        if word and (not unit or (is_held and cells(indent + unit + word) + len(_GOES_ON) <= width)):
            unit += word
            continue
        if line.strip() and cells(line) + cells(unit) + len(_GOES_ON) > width:
            yield line.rstrip(" ") + _GOES_ON
            line, unit = indent + _CODE_INDENT, unit.lstrip(" ")
        line, unit = line + unit, word
    yield line.rstrip(" ")


def _words(command: str) -> "Iterator[str]":
    """Its words, each with the spaces before it."""
    word, quote = "", ""
    for character in command:
        if character == " " and not quote and word.strip():
            yield word
            word = ""
        elif character in ("'", '"'):
            quote = "" if quote == character else quote or character
        word += character
    yield word


def _parts(line: str) -> tuple[str, str]:
    """A line's command and the comment behind it."""
    command = ""
    for word in _words(line):
        if word.lstrip(" ").startswith("#"):
            return command.rstrip(" "), line[len(command) :].lstrip(" ")
        command += word
    return command, ""
