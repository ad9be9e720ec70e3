"""Pages of help laid out for a window of any width: prose, tables, lines of shell, and whole pages of the manual.

Lines may hold the marks of `terminal.styles`, which take no room; `painted` makes them colours or takes them out. Pure,
cheap to import: help is answered before Typer or Rich are there.
"""

from fal_cli.cli import markdown
from fal_cli.terminal.cells import cells
from fal_cli.terminal.styles import marked
from fal_cli.terminal.wrapping import code, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDEST = 79
"""Cells of a line of text where there is room, and in a pipe."""

_INDENT = 2
_GAP = 2
_BELOW = 4
_WIDEST_FIRST = 30
_NARROW = 12
_LEAST_BESIDE = 20


def manual(text: str, width: int, *, color: bool) -> "list[str]":
    """A page of the manual, from its Markdown. Without colours `code` keeps its backticks where it stands in a line."""
    lines: list[str] = []
    was_point = False
    for block in markdown.blocks(text):
        is_point = isinstance(block, markdown.Paragraph) and block.is_point
        lines += [""] if lines and not (is_point and was_point) else []
        lines += _drawn(block, min(width, WIDEST), color)
        was_point = is_point
    return lines


def rows(
    pairs: "Iterable[tuple[str, Sequence[str]]]", width: int, *, indent: int = _INDENT, first: int = 0
) -> "list[str]":
    """Two columns; the right one has a paragraph for each of its texts. The left one has at least `first` cells.

    What is too wide for the left column stands on a line of its own, as all does where the right one has no room.
    """
    pairs = list(pairs)
    first = min(max(first, 0, *(cells(left) for left, _ in pairs)), _WIDEST_FIRST)
    is_beside = width - indent - first - _GAP >= max(first, _LEAST_BESIDE)
    found: list[str] = []
    for left, texts in pairs:
        names = _names(" " * indent + left, width)
        column = indent + first + _GAP
        if is_beside and len(names) == 1 and cells(left) <= first and texts:
            found += wrapped(texts[0], width, first=padded(names[0], column))
            texts = texts[1:]
        else:
            found += names
        below = " " * (column if is_beside else indent + _BELOW)
        for text in filter(None, texts):
            found += wrapped(text, width, first=below)
    return found


def padded(text: str, width: int) -> str:
    """`text` with spaces behind it up to so many cells."""
    return text + " " * (width - cells(text))


def shell(lines: "Iterable[str]", width: int, *, indent: int = 2 * _INDENT) -> "list[str]":
    """Lines that are typed: one that is too long goes on behind a backslash."""
    return [part for line in lines for part in code(f"{' ' * indent}{line}".rstrip(), width)]


def _names(left: str, width: int) -> "list[str]":
    """What stands left; one that is too long may break behind the bars of its choices."""
    if cells(left) <= width:
        return [left]
    return [line.replace("| ", "|") for line in wrapped(left.replace("|", "| "), width)]


def _drawn(block: "markdown.Block", width: int, color: bool) -> "list[str]":
    if isinstance(block, markdown.Heading):
        return wrapped(marked(_inline(block.text, bare=True), "bold"), width)
    if isinstance(block, markdown.Code):
        return shell(block.lines, width)
    if isinstance(block, markdown.Table):
        return _table(block, width, color)
    first = " " * _INDENT + block.mark
    return wrapped(_inline(block.text, bare=color), width, first=first)


def _table(table: markdown.Table, width: int, color: bool) -> "list[str]":
    """The first column and the second beside each other; any further one below the second, behind its title.

    Where all but the last are narrow, they are columns under their titles.
    """
    cells_of = [[_inline(text, bare=color or not at) for at, text in enumerate(row)] for row in table.rows]
    columns = [max(map(cells, column)) + _GAP for column in zip(table.head, *cells_of, strict=True)][:-1]
    if len(columns) > 1 and _INDENT + sum(columns) + _LEAST_BESIDE <= width and max(columns[1:]) <= _NARROW:
        return [line for row in (_dim(table.head), *cells_of) for line in _in_columns(row, columns, width)]
    pairs = []
    for left, *texts in cells_of:
        labelled = [f"{title} {text}" for title, text in zip(table.head[2:], texts[1:], strict=True) if text]
        pairs.append((left, [*texts[:1], *labelled]))
    return rows(pairs, width)


def _dim(titles: "list[str]") -> "list[str]":
    return [marked(title, "dim") for title in titles]


def _in_columns(row: "list[str]", columns: "list[int]", width: int) -> "list[str]":
    *narrow, last = row
    first = "".join(padded(text, room) for text, room in zip(narrow, columns, strict=True))
    return wrapped(last, width, first=" " * _INDENT + first)


def _inline(text: str, *, bare: bool) -> str:
    """A line of Markdown as marked text; `code` is marked if it is `bare`, and else keeps its backticks.

    A link to another page is the command that shows that page.
    """
    found = ""
    for kind, body in markdown.spans(text):
        if kind == "link":
            name, _, target = body.partition("\n")
            is_page = target.endswith(".md") and "/" not in target
            kind, body = ("code", f"fal help {target[:-3]}") if is_page else ("", f"{name} ({target})")
        if kind == "code":
            found += marked(body, "cyan") if bare else f"`{body}`"
        else:
            found += marked(body, "bold") if kind == "bold" else body
    return found
