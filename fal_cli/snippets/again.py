"""A call of the past as one command line of `fal` that makes it again, on any machine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fal_cli import endpoint
from fal_cli.api.call_options import CallOptions
from fal_cli.api.hosts import Hosts
from fal_cli.calls import validate
from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.endpoint import InvalidEndpoint, Target
from fal_cli.ledger.rows import Row
from fal_cli.snippets import shell
from fal_cli.snippets.snippet import Script

if TYPE_CHECKING:
    from fal_cli.schema import Schema

_PROMPT, _SEED = "prompt", "seed"


class Again:
    """Writes the command lines of calls. What is kept of an endpoint's schema is read once; nothing is asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._schemas: dict[Target, Schema | None] = {}

    def command(self, row: Row, *, seed: Any = None) -> str:
        """The command line; "" where the ledger does not have all of the call, and for a session.

        `seed` is what the result was made with: it comes in where the endpoint takes one and the input named none. A
        webhook stays out, since a call that somebody makes again is not the one it waits for.
        """
        if row.input_json is None or not row.input_is_whole or row.mode == "realtime":
            return ""
        try:
            target = endpoint.parse_target(row.endpoint)
            options = CallOptions.from_kept(row.options).but(webhook="")
        except (InvalidEndpoint, ValueError, TypeError, AttributeError):  # a row that this version did not write
            return ""
        schema = self._schema(target)
        script = Script(
            "stream" if row.mode == "stream" else "run",
            Call(target, _given(row.input_json, seed, schema), options),
            {},
            Hosts(),
            is_direct=row.mode == "direct",
            tool=self._context.tool,
            schema=schema,
        )
        try:
            return shell.write(script).rstrip("\n")
        except RecursionError:
            return ""

    def _schema(self, target: Target) -> "Schema | None":
        if target not in self._schemas:
            known = validate.known(self._context, target)
            self._schemas[target] = known.schema if known else None
        return self._schemas[target]


def _given(inputs: Mapping[str, Any], seed: Any, schema: "Schema | None") -> Mapping[str, Any]:
    """The inputs, the prompt first as one would write it, and with the seed that the service chose."""
    takes_seed = schema is not None and any(field.name == _SEED for field in schema.inputs)
    first = {_PROMPT: inputs[_PROMPT]} if _PROMPT in inputs else {}
    last = {_SEED: seed} if seed is not None and takes_seed and _SEED not in inputs else {}
    return {**first, **inputs, **last}
