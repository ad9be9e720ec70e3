"""`fal cost`: what requests have cost."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fal_cli.context import Context
from fal_cli.durations import METAVAR, moment

if TYPE_CHECKING:
    from fal_cli.commands.cost.billing import Bill

EXAMPLES = """\
  fal cost
  fal cost --since 7d --by day
  fal cost --since 2026-01-01 --by tag
  fal cost --json | jq -r '[.endpoint, .cost] | @tsv'"""


def cost(
    context: Context,
    since: Annotated[
        datetime,
        typer.Option("--since", parser=moment, metavar=METAVAR, help="Only newer: 7d, 2h, or 2026-01-31."),
    ] = "30d",  # type: ignore[assignment]  # Typer hands a default to the parser
    by: Annotated[
        Literal["endpoint", "day", "profile", "tag", "batch"], typer.Option("--by", help="What to add up by.")
    ] = ("endpoint"),
) -> None:
    """Show the cost of this machine's requests.

    The amounts come from the account's billing events if the key may read them (an admin's key), else from the reported
    units times the list price. Unknown amounts, such as those of running requests, are counted as unknown. A request
    with several tags is counted under each.
    """
    from fal_cli.commands.cost import billing, sums
    from fal_cli.commands.cost.table import columns
    from fal_cli.commands.history import facts as past
    from fal_cli.ledger.rows import Search

    context.accounts.hosts  # noqa: B018  # misconfigured hosts fail here, not as a missing account
    rows = [row for row in past.search(context, Search(since=since)) if billing.may_cost(row)]
    if not rows:
        context.talk.note("no request that could have cost anything")
        return
    bill = billing.ask(context, rows)
    lines, totals = sums.lines(bill.costs, by), sums.totals(bill.costs)
    shown = [*lines, *totals] if context.output.is_terminal else lines
    context.output.rows(columns(lines, totals, by), shown, lambda line: line.facts(by))
    _tell(context, bill)


def _tell(context: Context, bill: "Bill") -> None:
    """Says where the numbers come from, and why some are missing."""
    context.talk.note(bill.origin())
    if bill.failures:
        reasons = "; ".join(dict.fromkeys(error.message for _, error in bill.failures))
        count = sum(count for count, _ in bill.failures)
        context.talk.note(f"{count} not known, since the account that made them cannot be asked: {reasons}")


VERB = cost
