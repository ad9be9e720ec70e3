"""What `--help` shows of a command, from the generated table: neither Typer nor Rich is imported for it."""

from fal_cli.cli import pages, topics
from fal_cli.cli.help_table import HELP
from fal_cli.terminal.cells import cells
from fal_cli.terminal.styles import marked, painted
from fal_cli.terminal.wrapping import code, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


WIDEST = 100
"""Cells of a line where there is room."""

_NARROWEST = 20
_INDENT = "  "
_LEAST_BESIDE = 20  # cells that a usage's arguments need beside its name
_GLOBAL = (
    "Options of every command ({program} --help explains them): --sandbox --profile --json --literal --files -q -v "
    "--no-color"
)


def lines(path: str, width: int, *, program: str, color: bool, inputs: "Sequence[str]" = ()) -> "list[str]":
    """The help of a command, or of the program (""), in lines of at most `width` cells.

    `inputs` are lines about an endpoint that was named, laid out already.
    """
    width = max(min(width, WIDEST), _NARROWEST)
    page = HELP[path]
    lists = [("Arguments", page["arguments"]), *page["commands"], *map(_options, page["options"])]
    first = max((cells(name) for _, rows in lists for name, _ in rows), default=0)
    parts = [
        _usage(page["usage"], program, width),
        _paragraphs(page["help"], width),
        *(_rows(title, rows, width, first) for title, rows in lists),
        list(inputs),
        _examples(page["examples"], width),
        _more(path, program, width) if path else _topics(program, width),
    ]
    found = [line for part in parts if part for line in (*part, "")]
    return painted(found[:-1], color=color)


def _usage(usage: str, program: str, width: int) -> "list[str]":
    words = usage.split(" ")
    count = next((at for at, word in enumerate(words) if not word.islower()), len(words))
    name = " ".join([marked("Usage:", "bold"), program, *words[1:count], ""])
    if width >= len(name) + _LEAST_BESIDE:
        return wrapped(" ".join(words[count:]), width, first=name)
    return [*wrapped(name.rstrip(), width), *wrapped(" ".join(words[count:]), width, first=3 * _INDENT)]


def _paragraphs(text: str, width: int) -> "list[str]":
    """Paragraphs; one of several lines was laid out by its author."""
    found: list[str] = []
    for paragraph in text.split("\n\n"):
        found += [""] if found else []
        if "\n" in paragraph:
            found += [part for line in paragraph.splitlines() for part in code(_INDENT + line, width)]
        else:
            found += wrapped(_INDENT + paragraph, width)
    return found


def _titled(title: str, rows: "Iterable[str]") -> "list[str]":
    found = list(rows)
    return [marked(f"{title}:", "bold"), *found] if found else []


def _rows(title: str, rows: "Iterable[tuple[str, str]]", width: int, first: int) -> "list[str]":
    return _titled(title, pages.rows(((name, [meaning]) for name, meaning in rows), width, first=first))


def _options(group: "tuple[str, Sequence[tuple[str, str, str]]]") -> "tuple[str, tuple[tuple[str, str], ...]]":
    title, rows = group
    return title, tuple((_named(names, metavar), meaning) for names, metavar, meaning in rows)


def _named(names: str, metavar: str) -> str:
    """An option and its placeholder; one in brackets may be left out, and stands behind a `=` without a space."""
    gap = " " if metavar and not metavar.startswith("[=") else ""
    return f"{names}{gap}{marked(metavar, 'dim')}"


def _examples(examples: "Sequence[str]", width: int) -> "list[str]":
    return _titled("Examples", pages.shell(examples, width, indent=len(_INDENT)))


def _topics(program: str, width: int) -> "list[str]":
    names = ", ".join(topics.SUMMARIES)
    return [marked(f"Manual ({program} help TOPIC):", "bold"), *wrapped(_INDENT + names, width)]


def _more(path: str, program: str, width: int) -> "list[str]":
    """Where to read on."""
    related = topics.OF_COMMAND.get(path.split(" ")[0], ())
    see = [f"See also: {', '.join(f'{program} help {name}' for name in related)}"] if related else []
    return [line for text in (_GLOBAL.format(program=program), *see) for line in wrapped(text, width)]
