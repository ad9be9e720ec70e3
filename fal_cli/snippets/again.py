"""A call of the past as one command line of `fal` that makes it again, on any machine."""

from typing import Any

from fal_cli import endpoint
from fal_cli.api.call_options import CallOptions
from fal_cli.api.hosts import Hosts
from fal_cli.calls import validate
from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.endpoint import InvalidEndpoint
from fal_cli.ledger.rows import Row
from fal_cli.snippets import shell
from fal_cli.snippets.snippet import Script

_PROMPT, _SEED = "prompt", "seed"


def command(context: Context, row: Row, *, seed: Any = None) -> str:
    """The command line; "" where the ledger does not have all of the call, or a session cannot be made again.

    `seed` is what the result was made with: it comes in where the endpoint takes one and the input named none. A
    webhook stays out: whoever makes the call again is not the one it was for. Files of the input are its URLs.
    """
    given = row.input_json
    if given is None or not row.input_is_whole or row.mode == "realtime":
        return ""
    try:
        target = endpoint.parse_target(row.endpoint)
        options = CallOptions.from_kept(row.options).but(webhook="")
    except (InvalidEndpoint, ValueError, TypeError, AttributeError):  # a row that this version did not write
        return ""
    given = {**{_PROMPT: given[_PROMPT]}, **given} if _PROMPT in given else given  # as one would write it
    known = validate.known(context, target, asks=False)
    schema = known.schema if known else None
    if seed is not None and _SEED not in given and schema and any(field.name == _SEED for field in schema.inputs):
        given = {**given, _SEED: seed}
    script = Script(
        "stream" if row.mode == "stream" else "run",
        Call(target, given, options),
        {},
        Hosts(),
        is_direct=row.mode == "direct",
        tool=context.tool,
        schema=schema,
    )
    try:
        return shell.write(script).rstrip("\n")
    except RecursionError:
        return ""
