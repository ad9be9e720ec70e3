"""`fal result`: what a request answered."""

from typing import Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import Logs, PrintFlags, Refs, SaveFlags, Timeout

EXAMPLES = """\
  fal result $id > result.json
  fal result last -d out/
  fal result last --wait --timeout 10m --query 'images[].url'"""


def result(
    context: Context,
    refs: Refs,
    shown: PrintFlags,
    save: SaveFlags,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the request until it ends.")] = False,
    timeout: Timeout = None,
    logs: Logs = False,
) -> None:
    """Print the result of a finished request.

    Ends with code 8 if it is not there yet, unless --wait is given. The service keeps results for an hour,
    large ones for minutes.
    """
    from fal_cli import refs as references
    from fal_cli.delivery import Delivery
    from fal_cli.following import Ending, Outcome, fetch, wait_for

    delivery = Delivery(context, shown, save)
    delivery.check({})
    if timeout is not None and not wait:
        raise UsageError("--timeout limits --wait")
    handle = references.one(context, refs)
    if wait:
        outcome = wait_for(context, handle, Ending(timeout), logs=logs)
    else:
        found = fetch(context, context.wire(), handle, ended=False)
        outcome = Outcome(found, handle.request_id, handle.response_url)
    delivery.deliver(outcome, endpoint=str(handle.endpoint))


VERB = result
