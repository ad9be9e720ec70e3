"""`fal result`: what a request answered."""

from typing import Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import AnyRefs, Files, Logs, PrintFlags, SaveFlags, Timeout

EXAMPLES = """\
  fal result $id > result.json
  fal result last -d out/
  fal result last --wait --timeout 10m --query 'images[].url'"""


def result(
    context: Context,
    shown: PrintFlags,
    save: SaveFlags,
    refs: AnyRefs = None,
    file: Files = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the request until it ends.")] = False,
    timeout: Timeout = None,
    logs: Logs = False,
) -> None:
    """Print the result of a finished request.

    Exits 8 if it isn't ready; --wait waits for it. The service keeps results for an hour, large ones for minutes. After
    that the copy in your history is printed, if there is one.
    """
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls import refs as references
    from fal_cli.calls.follow import fetch, wait_for
    from fal_cli.calls.model import Ending, Tracked
    from fal_cli.results.deliver import Delivery

    if timeout is not None and not wait:
        raise UsageError("--timeout limits --wait")
    requests = references.resolve(context, references.words(context, refs, file))
    delivery = Delivery(context, shown, save, many=len(requests) > 1)

    def deliver(request: Tracked) -> None:
        inputs = request.entry.inputs()
        delivery.check(inputs)
        if wait:
            ending = Ending(Deadline(timeout))
            outcome = wait_for(context, request, ending, logs=logs, closes=not delivery.closes)
        else:
            outcome = fetch(context, request)
        delivery.deliver(outcome, inputs=inputs)

    references.each(context, requests, deliver)


VERB = result
