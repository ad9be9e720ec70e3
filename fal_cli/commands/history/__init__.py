"""`fal history`: the requests that this machine made."""

from datetime import datetime
from itertools import islice
from typing import Annotated

import typer

from fal_cli.commands.history.filters import Filters, check_limit
from fal_cli.context import Context
from fal_cli.durations import METAVAR, moment_to_clear
from fal_cli.errors import UsageError

EXAMPLES = """\
  fal history --since 7d --state failed
  fal history --state open              # unfinished ones; fal resume picks them up
  fal history --search 'a cat' --json | jq -r .request_id
  fal history show last
  fal history rm 6f0c2e0e
  fal history clear --before 30d"""

SHOWN_ON_TERMINAL = 20

Refs = Annotated[
    list[str],
    typer.Argument(metavar="REF…", help="Request ids, their beginnings, 'last', 'last:2', URLs, @12, or saved files."),
]
Force = Annotated[bool, typer.Option("--force", help="Delete unfinished requests too.")]


def history(
    context: Context,
    filters: Filters,
    private: Annotated[bool, typer.Option("--private", help="Only private ones.")] = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", help="At most N, 0 for all (default: 20; in a pipe all)."),
    ] = None,
) -> None:
    """Show the requests of this machine, newest first.

    A table on a terminal, one JSON object a line in a pipe. The column 'result' is how long the service still keeps a
    result you have not fetched. States: sending, accepted, running, ended (not fetched), unknown (the answer was lost),
    completed, failed, cancelled, expired, refused, not_sent.
    """
    from fal_cli.commands.history import facts, table
    from fal_cli.ledger.rows import Search

    check_limit(limit)
    wanted = filters.wanted()._replace(only_private=private)
    if limit is None:
        limit = SHOWN_ON_TERMINAL if context.output.is_terminal else 0
    # For a person a batch is one line; a program gets every request, with the name of its batch.
    is_short = context.output.is_terminal and not filters.batch
    rows = facts.search(context, wanted._replace(limit=limit + 1 if limit else None, only_single=is_short))
    count = context.output.rows(table.columns(context), islice(rows, limit or None), facts.facts)
    has_batches = is_short and table.tell_batches(context, wanted)
    if not count and not has_batches:
        context.talk.note("no such requests" if wanted != Search() else "no requests yet")
    elif context.output.is_terminal:
        table.tell_the_rest(context, count, has_more=next(rows, None) is not None)


def show(context: Context, refs: Refs) -> None:
    """Show everything about requests: state, input and result.

    A readable sheet on a terminal, one JSON object a line in a pipe.
    """
    from fal_cli.calls import refs as references
    from fal_cli.commands.history import facts, table

    for number, row in enumerate(references.rows(context, refs)):
        kept = facts.kept_result(context, row)
        if not context.output.is_terminal:
            context.output.json(facts.whole_facts(row, kept), one_line=True)
            continue
        if number:
            context.output.line("")
        table.write_sheet(context, row, kept)


def rm(context: Context, refs: Refs, force: Force = False) -> None:
    """Delete requests and their stored results from your history.

    An unfinished request is refused unless you pass --force: you need its id to fetch a result you paid for.
    """
    from fal_cli.calls import refs as references
    from fal_cli.commands.history import facts

    rows = list({row.local_id: row for row in references.rows(context, refs)}.values())
    for row in rows:
        if row.is_open and not force:
            raise UsageError(
                f"{row.name} is unfinished: {facts.why_open(row)}",
                hint=f"To pick it up: {context.tool} resume {row.name}\nTo delete it anyway: --force",
            )
    facts.forget(context, rows)
    for row in rows:
        context.talk.note(f"deleted {row.endpoint} request {row.name}")
        if context.output.machine:
            context.output.json(
                {"local_id": row.local_id, "request_id": row.request_id or None, "endpoint": row.endpoint}
            )


def clear(
    context: Context,
    before: Annotated[
        datetime,
        typer.Option("--before", parser=moment_to_clear, metavar=METAVAR, help="Older than 30d, or than 2026-01-31."),
    ],
    force: Force = False,
) -> None:
    """Delete requests made before a date from your history.

    Their stored results go too. Unfinished requests stay unless you pass --force.
    """
    from fal_cli.commands.history import facts
    from fal_cli.ledger.rows import Search
    from fal_cli.terminal.times import exactly

    found = list(facts.search(context, Search(before=before)))
    old = [row for row in found if force or not row.is_open]
    facts.forget(context, old)
    context.talk.note(f"deleted {_counted(len(old))} made before {exactly(before)}")
    if context.output.machine:
        context.output.json({"forgotten": len(old), "left": len(found) - len(old)})
    if len(found) > len(old):
        left = f"{_counted(len(found) - len(old))} not deleted: unfinished"
        context.talk.note(f"{left}; to pick them up: {context.tool} resume; to delete them: --force")


def _counted(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


VERB = history
SUBVERBS = {"show": show, "rm": rm, "clear": clear}
