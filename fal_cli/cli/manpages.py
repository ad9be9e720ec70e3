"""The man pages, made of the command tree: `fal.1`, a page for each command, and in section 7 one for each topic.

python -m fal_cli.cli.manpages FOLDER      writes them (the wheel is built so, by `hatch_build.py`)
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from fal_cli import __version__
from fal_cli.cli import markdown, topics, tree
from fal_cli.cli.tree import Argument, Command, Option
from fal_cli.errors import EXIT_CODES

_ESCAPES = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    root = tree.tree()
    shown = [command for command in root.commands if not command.is_hidden]
    found = {"fal.1": _joined(_program(root, shown)), "fal-cli.1": ".so man1/fal.1\n"}
    found |= {f"fal-{command.name}.1": _joined(_command(command)) for command in shown}
    found |= {f"fal-{name}.7": _joined(_topic(name, summary)) for name, summary in topics.SUMMARIES.items()}
    return found


def write(folder: Path) -> list[Path]:
    """Writes them and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in pages().items():
        paths.append(folder / name)
        paths[-1].write_text(text, "utf-8")
    return paths


def main(words: list[str]) -> int:
    """Writes the pages into a folder; see the module's text."""
    if len(words) != 1 or words[0].startswith("-"):
        print("usage: python -m fal_cli.cli.manpages FOLDER", file=sys.stderr)
        return 2
    for path in write(Path(words[0])):
        print(path)
    return 0


# -- pages


def _program(root: Command, shown: Iterable[Command]) -> Iterator[str]:
    yield _title("fal", 1)
    yield from _name("fal", "call fal.ai's model endpoints, follow them through the queue, keep their results")
    yield from (".SH SYNOPSIS", f".B fal\n{_text(root.usage.removeprefix('fal '))}")
    yield from _section("DESCRIPTION", _paragraphs(root.help))
    yield ".SH COMMANDS"
    for command in shown:
        yield from (".TP", f".BR fal\\-{_text(command.name)} (1)", _line(command.summary))
    yield from _section(
        "OPTIONS", ["These work with every command, before it or among its own.", *_options(root.options)]
    )
    yield from _section("EXIT STATUS", _exit_codes())
    yield from _section("ENVIRONMENT", _environment())
    yield from _section("EXAMPLES", _examples([*root.examples, *_first(shown)]))
    others = [*(f"fal-{command.name}.1" for command in shown), *(f"fal-{name}.7" for name in topics.SUMMARIES)]
    yield from _see_also(others)


def _command(command: Command) -> Iterator[str]:
    name = f"fal-{command.name}"
    yield _title(name, 1)
    yield from _name(name, _uncapital(command.summary.rstrip(".")))
    yield from _synopsis(command)
    yield from _section("DESCRIPTION", _paragraphs(command.help))
    yield from _section("ARGUMENTS", _arguments(command.arguments))
    yield from _section("OPTIONS", [*_options(command.options), ".PP", "Those of", ".BR fal (1)", "work here too."])
    if command.commands:
        yield ".SH COMMANDS"
    for inner in command.commands:
        yield from (f".SS {_text(f'fal {inner.path}')}", *_inner(inner))
    yield from _section("EXAMPLES", _examples(command.examples))
    yield from _see_also(["fal.1", "fal-exit-codes.7", "fal-inputs.7", "fal-output.7"])


def _inner(command: Command) -> Iterator[str]:
    """A command of a group, as a part of the group's page."""
    yield from (*_paragraphs(command.help), *_arguments(command.arguments), *_options(command.options))


def _topic(name: str, summary: str) -> Iterator[str]:
    yield _title(f"fal-{name}", 7)
    yield from _name(f"fal-{name}", summary)
    _, *blocks = markdown.blocks(topics.markdown(name))
    yield from () if isinstance(blocks[0], markdown.Heading) else (".SH DESCRIPTION",)
    for block in blocks:
        yield from _block(block)
    yield from _see_also(["fal.1", *(f"fal-{other}.7" for other in topics.SUMMARIES if other != name)])


def _block(block: markdown.Block) -> Iterator[str]:
    """A block of a page of the manual."""
    if isinstance(block, markdown.Heading):
        yield f".SH {_inline(block.text.upper())}"
    elif isinstance(block, markdown.Code):
        yield from (".PP", ".RS 4", ".EX", *map(_line, block.lines), ".EE", ".RE")
    elif isinstance(block, markdown.Table):
        for first, *others in block.rows:
            yield from (".TP", _inline(first), _inline(others[0]))
            for title, text in zip(block.head[2:], others[1:], strict=True):
                yield from (".br", _inline(f"{title} {text}")) if text else ()
    else:
        yield from (_beginning(block.mark), _inline(block.text))


def _beginning(mark: str) -> str:
    """The request that begins a paragraph, or a point of a list."""
    if not mark:
        return ".PP"
    return ".IP \\(bu 2" if mark == "- " else f".IP {mark.strip()} 4"


def _inline(text: str) -> str:
    """A line of Markdown as one of roff. Code is bold, and a link to another page is that page's name."""
    found = ""
    for kind, body in markdown.spans(text):
        if kind == "link":
            name, _, target = body.partition("\n")
            found += f"\\fBfal\\-{_text(target[:-3])}\\fR(7)" if target.endswith(".md") else _text(f"{name} ({target})")
        else:
            found += f"\\fB{_text(body)}\\fR" if kind in ("code", "bold") else _text(body)
    return f"\\&{found}" if found.startswith((".", "\\(aq")) or not found else found


# -- parts of a page


def _title(name: str, section: int) -> str:
    date = time.strftime("%Y-%m-%d", time.gmtime(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())))
    return f'.TH {_text(name.upper())} {section} {date} "fal\\-cli {__version__}" "fal"'


def _name(name: str, summary: str) -> Iterator[str]:
    yield from (".SH NAME", f"{_text(name)} \\- {_text(summary)}")


def _synopsis(command: Command) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    for number, one in enumerate((command, *command.commands)):
        yield from ([".br"] if number else [])
        yield from (f".B {_text(_words_of(one))}", _text(_rest_of(one)))


def _words_of(command: Command) -> str:
    return f"fal {command.path}"


def _rest_of(command: Command) -> str:
    return command.usage.removeprefix(_words_of(command)).strip() or "\\&"


def _arguments(arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        yield from (".TP", f".I {_text(argument.metavar)}", _line(argument.takes.help))


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        if option.takes.name == "--help":
            continue
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in (*option.names, *option.negations))
        metavar = f" \\fI{_text(option.metavar)}\\fR" if option.metavar else ""
        yield from (".TP", names + metavar, _line(f"{option.takes.help}{_more(option)}"))


def _more(option: Option) -> str:
    """What the help of an option leaves to be read elsewhere."""
    takes = option.takes
    told = [f"one of: {', '.join(takes.choices)}"] if takes.choices else []
    told += [f"default: {takes.default}"] if takes.takes_value and takes.default is not None else []
    told += [f"environment: {option.environment}"] if option.environment else []
    told += ["may be repeated"] if takes.repeatable and takes.takes_value else []
    return f" ({'; '.join(told)})" if told else ""


def _examples(examples: Iterable[str]) -> Iterator[str]:
    lines = [_line(example) for example in examples]
    if lines:
        yield from (".EX", *lines, ".EE")


def _first(shown: Iterable[Command]) -> Iterator[str]:
    for command in shown:
        yield from command.examples[:1]


def _exit_codes() -> Iterator[str]:
    yield "Above all they answer one question: may it be run again?"
    for code, meaning, again in EXIT_CODES:
        yield from (".TP", f".B {_text(code)}", _line(f"{meaning}. Again: {again}." if again else f"{meaning}."))


def _environment() -> Iterator[str]:
    for names, meaning in topics.ENVIRONMENT:
        yield from (".TP", f".B {_text(names)}", _line(meaning))


def _see_also(files: Iterable[str]) -> Iterator[str]:
    pairs = [name.rpartition(".") for name in files]
    yield ".SH SEE ALSO"
    for number, (name, _, section) in enumerate(pairs, 1):
        yield f".BR {_text(name)} ({section}){',' if number < len(pairs) else ''}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from (f".SH {title}", *found)


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        yield from ([".PP"] if number else [])
        yield from map(_line, paragraph.splitlines())


# -- roff


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _line(text: str) -> str:
    """A line of text, which no first character makes a request of roff."""
    escaped = _text(text)
    return f"\\&{escaped}" if escaped.startswith((".", "\\(aq")) or not escaped else escaped


def _text(text: str) -> str:
    """Text as roff in ASCII, so that it is the same in whatever way a page is read or included."""
    return "".join(_ESCAPES.get(one) or (one if one.isascii() else f"\\[u{ord(one):04X}]") for one in text)


def _uncapital(text: str) -> str:
    return text[:1].lower() + text[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
