"""A page of results: records in, pieces of HTML out. It knows no ledger, no network and no terminal.

The page is one file that asks no host for anything: media stand in it as `data:` URIs, and its policy allows one
script and one style, by their hashes. It is written in pieces as the records come, so that any number fits.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fal_cli.terminal.sanitize import visible

Kind = Literal["image", "video", "audio", "file"]

TEMPLATES = Path(__file__).with_name("templates")
_PIECE_CHARACTERS = 64 * 1024
_TALL = 0.8  # width by height; slimmer pictures get a height instead of a width
# What browsers obey in text: controls, and marks that turn the direction of all that follows. Halves of characters too.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Medium(NamedTuple):
    """One file of a result.

    `pieces` gives its bytes where it is embedded; where it is None, `href` leads to it, or `note` says why it is not
    there. `facts` is its size in words.
    """

    kind: Kind
    name: str
    alt: str = ""
    facts: str = ""
    content_type: str = ""
    width: int | None = None
    height: int | None = None
    href: str = ""
    note: str = ""
    pieces: Callable[[], Iterator[bytes]] | None = None

    @property
    def is_tall(self) -> bool:
        return bool(self.width and self.height and self.width / self.height < _TALL)

    def encoded(self) -> Iterator[str]:
        """The bytes as base64, a piece at a time."""
        rest = b""
        for piece in self.pieces() if self.pieces else ():
            data = rest + piece
            whole = len(data) - len(data) % 3
            rest = data[whole:]
            yield base64.b64encode(data[:whole]).decode()
        yield base64.b64encode(rest).decode()


class Card(NamedTuple):
    """One result: its files or its text, and the facts under it.

    `facts` are short and shown in their order; `details`, a name and a value each, are shown with the result alone.
    One that `is_failed` stands in for a result that there is not, and its note says why.
    """

    endpoint: str
    media: Sequence[Medium] = ()
    text: str = ""
    is_code: bool = False
    notes: Sequence[str] = ()
    prompt: str = ""
    page_url: str = ""
    facts: Sequence[str] = ()
    command: str = ""
    details: Sequence[tuple[str, str]] = ()
    is_failed: bool = False

    @property
    def kinds(self) -> list[str]:
        """What it can be filtered by."""
        found: list[str] = [medium.kind for medium in self.media]
        return list(dict.fromkeys([*found, *(["text"] if self.text else [])]))


class Sheet(NamedTuple):
    """Results one after the other under a title, such as a day."""

    title: str
    cards: Iterable[Card]
    template: str = "sheet.html.j2"


class Column(NamedTuple):
    """The head of a grid's column."""

    title: str
    subtitle: str = ""


class Line(NamedTuple):
    """A row of a grid: for each column the results that belong there."""

    title: str
    subtitle: str
    cells: Iterable[Iterable[Card]]


class Grid(NamedTuple):
    """Results beside each other."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Line]
    template: str = "grid.html.j2"


class Heading(NamedTuple):
    """What stands above the page."""

    title: str
    subtitle: str = ""


def write(
    heading: Heading, sections: Iterable[Sheet | Grid], closing: Callable[[], Sequence[str]] = tuple
) -> Iterator[bytes]:
    """The page in pieces. `closing` is called last and returns the lines at its foot."""
    style, script = _resource("style.css"), _resource("script.js")
    parts = _environment().get_template("page.html.j2").generate(
        heading=heading, sections=sections, closing=closing, style=style, script=script, policy=policy(style, script)
    )  # fmt: skip
    gathered, size = [], 0
    for part in parts:
        gathered.append(part)
        size += len(part)
        if size >= _PIECE_CHARACTERS:
            yield "".join(gathered).encode()
            gathered, size = [], 0
    yield "".join(gathered).encode()


def policy(style: str, script: str) -> str:
    """The page's content security policy: these two, pictures and media in itself, and nothing else."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "media-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _resource(name: str) -> Markup:
    """A file of our own, which is not to be escaped."""
    return Markup((TEMPLATES / name).read_text("utf-8"))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _harmless(value: Any) -> Any:
    """A value as it is put into the page, where Jinja escapes it: what a browser would obey is made visible."""
    if not isinstance(value, str) or isinstance(value, Markup) or (value.isascii() and value.isprintable()):
        return value
    return _OBEYED.sub(lambda found: visible(found[0]), value.replace("\r\n", "\n").replace("\r", "\n"))
