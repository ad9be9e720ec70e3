"""The tables of the manual that are made of the code: each stands in its page between two comments.

They are on disk, so that the pages read well anywhere; `python -m fal_cli.cli.completion.generate` keeps them current.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from fal_cli.cli import topics
from fal_cli.errors import EXIT_CODES
from fal_cli.kinds import AGAIN, KINDS
from fal_cli.sandbox.orders.words import (
    APP_ROUTES,
    HTML_STATUSES,
    MEANINGS,
    PLAIN_WORDS,
    RATE_OPTIONS,
    ROUTES,
    STATUS_OPTIONS,
    words_of,
)

FOLDER = Path(__file__).with_name("manual")
_PLACE = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PLACEHOLDERS = {"": "", "N": ":N", "S": ":SECONDS", "[N]": "[:N]", "N[:CODE]": ":N[:CODE]", "[404|503]": "[:404|503]",
                 "[KIND]": "[:KIND]"}  # fmt: skip
_ANY_ROUTE = ("any",)


def files() -> dict[Path, str]:
    """Every page of the manual with its tables as they are to be."""
    return {path: _filled(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.md"))}


def _filled(text: str) -> str:
    return _PLACE.sub(lambda place: place[1] + _TABLES[place[2]]() + place[3], text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _exit_codes() -> str:
    return _table(("code", "meaning", "again?"), EXIT_CODES)


def _again() -> str:
    return _table(("again", "meaning"), ((f"`{word}`", meaning) for word, meaning in AGAIN.items()))


def _kinds() -> str:
    rows = ((f"`{word}`", str(kind.code), kind.again, kind.meaning) for word, kind in KINDS.items())
    return _table(("kind", "code", "again", "meaning"), rows)


def _environment() -> str:
    rows = ((", ".join(f"`{name}`" for name in names.split(", ")), meaning) for names, meaning in topics.ENVIRONMENT)
    return _table(("variable", "effect"), rows)


def _topics() -> str:
    rows = ((f"[{name}]({name}.md)", summary) for name, summary in topics.SUMMARIES.items())
    return _table(("page", "about"), rows)


def _faults() -> str:
    pages = ", ".join(f"`html-{status}`" for status in HTML_STATUSES)
    options = ", ".join(f"`:{option}`" for option in STATUS_OPTIONS)
    rates = " and ".join(f"`:{option}`" for option in RATE_OPTIONS)
    everywhere = [
        ("`429`, `503`, …", f"that status with the service's own body. Options: {options}; with a rate, {rates} need "
         "no seconds"),
        (pages, "a gateway's HTML page"),
    ]  # fmt: skip
    app = [("`app-429`, …", "that status as the app's own answer, of a request that was accepted")]
    tables = {_ANY_ROUTE: everywhere, APP_ROUTES: app}
    for (word, form), routes in _words().items():
        key = _ANY_ROUTE if (word, form) in PLAIN_WORDS.items() else tuple(routes)
        tables.setdefault(key, []).append((f"`{word}{_PLACEHOLDERS[form]}`", MEANINGS[word, form]))
    parts = (f"### {_titled(routes)}\n\n{_table(('fault', 'effect'), rows)}" for routes, rows in tables.items())
    return "\n".join(parts)


def _words() -> dict[tuple[str, str], list[str]]:
    """The faults that are words, with the form of what follows, and the routes that have each."""
    routes: dict[tuple[str, str], list[str]] = {}
    for route in ROUTES:
        for word in words_of(route).items():
            routes.setdefault(word, []).append(route)
    return routes


def _titled(routes: Sequence[str]) -> str:
    others = [route for route in ROUTES if route not in routes]
    if routes == _ANY_ROUTE:
        return "On any route but `webhook`"
    if len(routes) > len(others):
        return f"On all but {', '.join(f'`{route}`' for route in others)}"
    return f"On {', '.join(f'`{route}`' for route in routes)}"


_TABLES = {
    "exit-codes": _exit_codes,
    "again": _again,
    "kinds": _kinds,
    "environment": _environment,
    "topics": _topics,
    "faults": _faults,
}
