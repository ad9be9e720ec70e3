"""`fal models`: the service's models."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError

if TYPE_CHECKING:
    from fal_cli.api.catalog_entry import Model
    from fal_cli.terminal.table import Columns

EXAMPLES = """\
  fal models flux
  fal models --category image-to-video --limit 50
  fal models upscale | jq -r .endpoint_id
  fal models > all-models.jsonl"""

SHOWN_ON_TERMINAL = 20


def models(
    context: Context,
    query: Annotated[
        list[str] | None, typer.Argument(metavar="[QUERY]…", help="Words in its name, description or category.")
    ] = None,
    category: Annotated[
        str, typer.Option("--category", metavar="NAME", help="Only of this category, e.g. text-to-image.")
    ] = "",
    status: Annotated[
        Literal["active", "deprecated"] | None, typer.Option("--status", help="Only models of this status.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", help="At most N, 0 for all (default: 20; in a pipe all)."),
    ] = None,
) -> None:
    """Find models, in the service's own order.

    A table on a terminal, one JSON object a line in a pipe. Needs no key. Results are cached for completion and for
    offline use.
    """
    from itertools import islice

    from fal_cli.api.catalog_entry import Search
    from fal_cli.catalog import models

    if limit is not None and limit < 0:
        raise UsageError(f"--limit must be 0 or more, not {limit}")
    if limit is None:
        limit = SHOWN_ON_TERMINAL if context.output.is_terminal else 0
    wanted = Search(_text(query or []), category, status or "", limit + 1 if limit else None)
    found = models.models(context, wanted)
    count = context.output.rows(_columns(), islice(found, limit or None), _facts)
    if not count:
        context.talk.note(f"no model matches {wanted.query!r}; all of them: fal models" if query else "no such models")
    elif context.output.is_terminal and next(found, None):
        context.talk.note(f"{count} shown; there are more: --limit {5 * count}, or 0 for all")


def _text(words: "list[str]") -> str:
    from fal_cli.inputs.words import as_text

    try:
        return as_text(" ".join(words))
    except UnicodeError:
        raise UsageError("the query is not valid UTF-8 text") from None


def _columns() -> "Columns[Model]":
    from fal_cli.terminal.table import Cell, Column

    return {
        Column("endpoint", 0, least=28, keeps_end=True): lambda model: Cell(model.endpoint, "bold"),
        Column("title", 3, least=12): lambda model: Cell(model.title),
        Column("category", 1, is_optional=True): lambda model: Cell(model.category, "dim"),
        Column("status", 2, is_optional=True): lambda model: Cell(
            model.status if model.status != "active" else "", "yellow"
        ),
    }


def _facts(model: "Model") -> dict[str, str]:
    """The entry under the names that the service has for its members."""
    facts = {
        "endpoint_id": model.endpoint,
        "display_name": model.title,
        "category": model.category,
        "status": model.status,
        "description": model.description,
        "updated_at": model.updated_at,
        "license_type": model.license,
    }
    return {name: value for name, value in facts.items() if value}


VERB = models
