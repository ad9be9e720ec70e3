"""What `fal resume` picks up where nothing is named: all that is unfinished, but for what others are at."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.context import Context
from fal_cli.durations import METAVAR, moment
from fal_cli.errors import UsageError
from fal_cli.fields import Fields

if TYPE_CHECKING:
    from fal_cli.ledger.rows import Row
    from fal_cli.ledger.store import Ledger


class Filters(Fields):
    """Unfinished requests that fit all that is given."""

    tag: Annotated[str, typer.Option("--tag", metavar="KEY=VALUE", help="Only those with this label.")] = ""
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="ID", help="Only to this endpoint and those under it.")
    ] = ""
    since: Annotated[
        datetime | None,
        typer.Option("--since", parser=moment, metavar=METAVAR, help="Only newer: 7d, 2h, or 2026-01-31."),
    ] = None
    batch: Annotated[
        str,
        typer.Option("--batch", metavar="NAME", help="Only those of this batch that are already sent."),
    ] = ""

    @property
    def is_given(self) -> bool:
        return bool(self.tag or self.endpoint or self.since or self.batch)

    def fit(self, row: "Row") -> bool:
        """Whether a request is meant."""
        key, _, value = self.tag.partition("=")
        return (
            (not self.tag or row.tags.get(key.strip()) == value.strip())
            and (not self.endpoint or f"{row.endpoint}/".startswith(f"{self.endpoint}/"))
            and (self.since is None or row.created_at >= self.since)
            and (row.batch == self.batch if self.batch else True)
        )


def take(context: Context, filters: Filters) -> "list[Row]":
    """What is unfinished, fits, and is no other process's, the most urgent first; it is this process's from now on.

    The requests of batches are left to `fal batch resume`, unless one is named. Raises `UsageError`.
    """
    from fal_cli.calls import lookup, refs

    if filters.tag and "=" not in filters.tag:
        raise UsageError(f"--tag takes KEY=VALUE, not {filters.tag!r}")
    rows = [row for row in refs.unfinished(context) if filters.fit(row)]
    batches = {row.batch for row in rows if row.batch} if not filters.batch else set()
    mine = [row for row in rows if row.batch not in batches and not lookup.is_followed(row)]
    taker = lookup.taker()

    def act(ledger: "Ledger") -> "list[Row]":
        from fal_cli.ledger import claims

        return ledger.at_once(lambda: [row for row in mine if claims.take_up(ledger, row, taker)])

    taken = context.journal.required(act) if mine else []
    for name in sorted(batches):
        context.talk.note(f"the batch {name} is unfinished: {context.tool} batch resume {name}")
    left = len([row for row in rows if row.batch not in batches]) - len(taken)
    if left:
        many = "1 request is" if left == 1 else f"{left:,} requests are"
        context.talk.note(f"{many} followed by another process, and skipped here")
    return taken
