"""`fal logs`: a request's log lines on stdout."""

from functools import partial
from typing import Annotated

import typer

from fal_cli.api.events import BackOnline, Completed, InProgress, LogLine, Offline
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import AnyRefs, Files, Timeout

EXAMPLES = """\
  fal logs $id
  fal logs last --follow"""


def logs(
    context: Context,
    refs: AnyRefs = None,
    file: Files = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Keep reading until the request ends.")] = False,
    timeout: Timeout = None,
) -> None:
    """Print the log lines of a request.

    The service keeps only the latest lines; older ones may be gone.
    """
    from fal_cli.api import follow as following
    from fal_cli.api import queue
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls import refs as references
    from fal_cli.calls.notices import goes_on
    from fal_cli.terminal.progress.base import trouble

    if timeout is not None and not follow:
        raise UsageError("--timeout limits --follow")
    request = references.one(context, references.words(context, refs, file))
    wire = context.wire(account=request.account)
    if not follow:
        seen = queue.status(wire, request.handle, logs=True)
        _write(context, seen.logs if isinstance(seen, InProgress | Completed) else ())
        return
    context.standing.leave = partial(goes_on, context, request.request_id)
    offline = False
    for event in following.follow(wire, request.handle, deadline=Deadline(timeout)):
        if isinstance(event, InProgress | Completed):
            _write(context, event.logs)
        elif isinstance(event, Offline | BackOnline):
            if offline is not isinstance(event, Offline):
                context.talk.note(trouble(event))
            offline = isinstance(event, Offline)


def _write(context: Context, lines: tuple[LogLine, ...]) -> None:
    from fal_cli.terminal.logs import unwrapped

    for line in lines:
        context.output.line(unwrapped(line.message), line._asdict())


VERB = logs
