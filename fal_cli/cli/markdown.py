"""The Markdown of the manual as blocks. It reads what the manual is written in, and no more: headings, paragraphs,
lists, tables, fenced code, and `<!-- comments -->`, which are left out. Pure, cheap to import.
"""

_ESCAPED_BAR = "\0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Heading:
    """A heading of a level from 1."""

    def __init__(self, level: int, text: str) -> None:
        self.level = level
        self.text = text


class Paragraph:
    """A paragraph, or a point of a list; all of it on one line.

    `mark` is what stands before a point: `- `, or its number.
    """

    def __init__(self, text: str, mark: str = "") -> None:
        self.text = text
        self.mark = mark

    @property
    def is_point(self) -> bool:
        return bool(self.mark)


class Table:
    """A table: its head and its rows, as cells of text."""

    def __init__(self, head: "list[str]", rows: "list[list[str]]") -> None:
        self.head = head
        self.rows = rows


class Code:
    """Lines that stand as they are."""

    def __init__(self, lines: "list[str]") -> None:
        self.lines = lines


Block = Heading | Paragraph | Table | Code


def blocks(text: str) -> "list[Block]":
    """The blocks of a page, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = lines.index("```", at + 1)
            found.append(Code(lines[at + 1 : end]))
            at = end + 1
        elif line.startswith("|"):
            rows, at = _while(lines, at, lambda one: one.startswith("|"))
            found.append(Table(_cells(rows[0]), [_cells(row) for row in rows[2:]]))
        elif line.startswith("#"):
            found.append(Heading(len(line) - len(line.lstrip("#")), line.lstrip("# ")))
            at += 1
        elif not line.strip() or line.startswith("<!--"):
            at += 1
        else:
            text_lines, at = _paragraph(lines, at)
            mark = _mark(line)
            body = " ".join(map(str.strip, text_lines))
            found.append(Paragraph(body.removeprefix(mark), mark))
    return found


def spans(text: str) -> "list[tuple[str, str]]":
    """A line's stretches: ("code", …) for what stands in backticks, ("bold", …), ("link", "TEXT\\nTARGET"), ("", …)."""
    found, plain, at = [], "", 0
    while at < len(text):
        kind, body, end = _span(text, at)
        if not kind:
            plain += text[at]
            at += 1
            continue
        found += [("", plain), (kind, body)]
        plain, at = "", end
    return [span for span in [*found, ("", plain)] if span[1]]


def _span(text: str, at: int) -> "tuple[str, str, int]":
    """The kind and the body of the span that begins at a place, and where it ends; ("", "", at) if none does."""
    for opening, closing, kind in (("`` ", " ``", "code"), ("`", "`", "code"), ("**", "**", "bold"), ("<", ">", "url")):
        begin = at + len(opening)
        end = text.find(closing, begin) if text.startswith(opening, at) else -1
        if end > begin and (kind != "url" or text.startswith("http", begin)):
            body = text[begin:end]
            return ("" if kind == "url" else kind) or "plain", body, end + len(closing)
    if text[at] == "[":
        middle = text.find("](", at)
        end = text.find(")", middle) if middle > 0 else -1
        if end > 0 and "[" not in text[at + 1 : middle]:
            return "link", f"{text[at + 1 : middle]}\n{text[middle + 2 : end]}", end + 1
    return "", "", at


def _mark(line: str) -> str:
    """What begins a point of a list, if the line does: `- `, or a number and a full stop; else ""."""
    if line.startswith("- "):
        return "- "
    number, stop, _ = line.partition(". ")
    return number + stop if number.isdecimal() else ""


def _while(lines: "list[str]", at: int, goes_on: "Callable[[str], bool]") -> "tuple[list[str], int]":
    end = at
    while end < len(lines) and goes_on(lines[end]):
        end += 1
    return lines[at:end], end


def _paragraph(lines: "list[str]", at: int) -> "tuple[list[str], int]":
    """The lines up to an empty one, or to one that begins a point of a list, a table, code or a comment."""
    rest, end = _while(
        lines, at + 1, lambda one: bool(one.strip()) and not (_mark(one) or one.startswith(("|", "```", "<!--")))
    )
    return [lines[at], *rest], end


def _cells(row: str) -> "list[str]":
    inner = row.replace("\\|", _ESCAPED_BAR).strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace(_ESCAPED_BAR, "|") for cell in inner.split("|")]
