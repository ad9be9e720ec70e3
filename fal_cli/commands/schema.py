"""`fal schema`: what an endpoint takes and gives."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import Endpoint

if TYPE_CHECKING:
    from fal_cli.catalog.schemas import Known
    from fal_cli.endpoint import Target

EXAMPLES = """\
  fal schema fal-ai/flux/dev
  fal schema fal-ai/flux/dev | jq -r 'select(.required) | .name'
  fal schema fal-ai/flux/dev --openapi > flux.json
  fal schema fal-ai/flux/dev --sample > in.json && fal run fal-ai/flux/dev in.json
  fal schema http://localhost:8080"""


def schema(
    context: Context,
    endpoint: Endpoint,
    openapi: Annotated[bool, typer.Option("--openapi", help="Print the OpenAPI document itself.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="Print a filled input as JSON, to change and send.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ignore the cached schema.")] = False,
) -> None:
    """Show an endpoint's inputs and outputs: names, types, defaults, ranges and choices.

    A table on a terminal, required inputs first; in a pipe one JSON object a line for each input and output. Nested
    inputs are listed under the names you type. Schemas are cached for a week.
    """
    from fal_cli.calls import endpoints
    from fal_cli.catalog import schemas

    target = endpoints.named(context, endpoints.chosen(context, endpoint)).target
    known = schemas.look_up(context, target, refresh=refresh)
    if openapi and sample:
        raise UsageError("give either --openapi or --sample")
    if sample:
        _write_sample(context, known)
    elif openapi:
        _write_document(context, known)
    elif context.output.is_terminal:
        _write_table(context, target, known)
    else:
        _write_fields(context, known)


def _write_sample(context: Context, known: "Known") -> None:
    from fal_cli.schema.sample import placeholders, sample

    filled = sample(known.schema)
    if context.output.machine:
        context.output.json(filled)
    else:  # to be changed by hand, so it is laid out in a file too
        text = json.dumps(filled, ensure_ascii=False, indent=2) + "\n"
        context.output.data(text.encode("utf-8", "backslashreplace"))
    if places := placeholders(filled):
        context.talk.note(f"put a file's URL in place of: {', '.join(places)}")


def _write_document(context: Context, known: "Known") -> None:
    """The bytes as they came, except on a terminal, where they are laid out for reading."""
    if context.output.is_terminal:
        context.output.json(known.json)
    elif context.output.machine:
        context.output.document([known.document])
    else:
        context.output.data(known.document if known.document.endswith(b"\n") else known.document + b"\n")


def _write_fields(context: Context, known: "Known") -> None:
    from fal_cli.schema.facts import facts

    for direction, fields in (("input", known.schema.inputs), ("output", known.schema.outputs)):
        for field in fields:
            context.output.json({"direction": direction, **facts(field)}, one_line=True)


def _write_table(context: Context, target: "Target", known: "Known") -> None:
    from fal_cli.schema.check import example
    from fal_cli.terminal.output import Screen
    from fal_cli.terminal.schema_table import heading, lines

    screen = Screen(context.output)
    shown = lines(known.schema, width=screen.width, color=screen.color)
    title = heading(known.endpoint, known.title, known.category, width=screen.width, color=screen.color)
    screen.write([*title, "", *(shown or ["The schema lists no inputs or outputs. See the document: --openapi"])])
    words = [f"{field.name}={example(field)}" for field in known.schema.inputs if field.is_required]
    context.talk.note(" ".join(["call it:", context.tool, "run", str(target), *words]))


VERB = schema
