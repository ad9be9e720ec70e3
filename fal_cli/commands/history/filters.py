"""Which requests of the ledger are meant: the options that `history` and `gallery` share."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.durations import METAVAR, moment
from fal_cli.errors import UsageError
from fal_cli.fields import Fields

if TYPE_CHECKING:
    from fal_cli.ledger.rows import Search

_OPEN_WORDS = ("open", "unfinished")


class Filters(Fields):
    """Requests that fit all that is given."""

    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only these states, e.g. failed; open means unfinished."),
    ] = None
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="ID", help="Only this endpoint and those under it.")
    ] = ""
    since: Annotated[
        datetime | None,
        typer.Option("--since", parser=moment, metavar=METAVAR, help="Only newer: 7d, 2h, or 2026-01-31."),
    ] = None
    search: Annotated[
        str, typer.Option("--search", metavar="TEXT", help="Only with TEXT in input, endpoint, id or error.")
    ] = ""

    batch: Annotated[str, typer.Option("--batch", metavar="NAME", help="Only those of this batch.")] = ""

    def wanted(self) -> "Search":
        """The search to run on the ledger. Raises `UsageError`."""
        from fal_cli.ledger.rows import Search

        endpoint, text = _text("--endpoint", self.endpoint), _text("--search", self.search)
        states, only_open = _states(self.state or [])
        return Search(
            states=states, endpoint=endpoint, since=self.since, text=text, only_open=only_open, batch=self.batch
        )


def check_limit(limit: int | None) -> None:
    """Raises `UsageError` for a `--limit` that is none."""
    if limit is not None and limit < 0:
        raise UsageError(f"--limit must be 0 or more, not {limit}")


def _text(option: str, word: str) -> str:
    from fal_cli.inputs.words import as_text

    try:
        return as_text(word)
    except UnicodeError:
        raise UsageError(f"{option}: the value is not valid UTF-8 text") from None


def _states(words: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The named states, and whether unfinished ones are included. Raises `UsageError`."""
    from fal_cli.ledger.rows import State

    given = [word for text in words for word in text.lower().replace("-", "_").split(",")]
    known = tuple(State)
    for word in given:
        if word not in (*known, *_OPEN_WORDS):
            raise UsageError(f"--state: {word!r} is not one of {', '.join((*known, *_OPEN_WORDS))}")
    return tuple(word for word in given if word in known), any(word in _OPEN_WORDS for word in given)
