"""Sending a call again whose first copy was looked for and not found, on the user's word alone."""

from collections.abc import Callable

from fal_cli import call, submission
from fal_cli.account import Tracked
from fal_cli.api.errors import NotSent, Refused
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit, UsageError
from fal_cli.ledger import Row
from fal_cli.options import CallFlags, InputWords


def again(context: Context) -> Callable[[Row], Tracked]:
    """A function that puts a recorded call into the queue once more and closes its first row.

    It raises what `submission.submit` raises, and `UsageError` if the input was not kept in full.
    """

    def send(row: Row) -> Tracked:
        if row.mode != "queue":
            raise UsageError(f"{row.name} was a {row.mode} call: make it again with {context.tool} rerun {row.name}")
        context.use(context.account_of(row))
        ready = call.prepare_again(context, row, InputWords(), CallFlags())
        first = context.journal.entry(row)
        if not first.claim("looked for and not found; sent again"):
            raise CliError(f"{row.name} was taken up by another process", code=Exit.NOT_FINISHED)
        try:
            request = submission.submit(context, context.wire(), ready).request
        except (NotSent, Refused):
            first.reopen()
            raise
        new = request.request_id
        first.explain(f"not found on the service; sent again as {new}")
        context.talk.essential(f"{row.name} was sent again: request {new}", request_id=new)
        return request

    return send
