"""What a page of help is put together of: prose, tables and lines of shell, each laid out for the width at hand."""

from collections.abc import Callable, Iterable, Sequence

from fal_cli.terminal.wrapping import code, wrapped

Block = Callable[[int], list[str]]
"""A part of a page: its lines for a width."""

_GAP = 2
_BELOW = 4
_LEAST_BESIDE = 20


def page(blocks: Iterable[Block], width: int) -> str:
    """The text of a page, with lines of at most `width` cells."""
    return "\n".join(line for block in blocks for line in block(width))


def prose(text: str) -> Block:
    """Paragraphs; lines of the source that begin alike are one, and an empty one stands between two."""

    def lines(width: int) -> list[str]:
        return [line for paragraph in _paragraphs(text) for line in wrapped(paragraph, width)]

    return lines


def blank(width: int) -> list[str]:
    """An empty line."""
    return [""]


def shell(text: str) -> Block:
    """Lines that are typed as they are."""
    return lambda width: [part for line in text.strip("\n").splitlines() for part in code(line, width)]


def table(rows: Iterable[tuple[str, str]], *, indent: int = 2, first: int = 24, gap: int = _GAP) -> Block:
    """Two columns, the left one `first` cells wide, the right one `gap` cells behind it.

    What is too wide for it stands on lines of its own, as all do where the right one would have no room.
    """
    rows = tuple(rows)

    def lines(width: int) -> list[str]:
        is_beside = width - indent - first - gap >= max(first, _LEAST_BESIDE)
        found: list[str] = []
        for left, right in rows:
            names = wrapped(" " * indent + left, width)
            if is_beside and len(names) == 1 and len(left) <= first:
                found += wrapped(right, width, first=names[0].ljust(indent + first + gap))
            else:
                below = " " * (indent + (first + gap if is_beside else _BELOW))
                found += [*names, *(wrapped(right, width, first=below) if right else ())]
        return found

    return lines


def _paragraphs(text: str) -> Sequence[str]:
    found: list[str] = []
    for line in text.strip("\n").splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if found and found[-1] and line and indent == len(found[-1]) - len(found[-1].lstrip(" ")):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found
