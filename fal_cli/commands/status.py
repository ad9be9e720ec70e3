"""`fal status`: where requests stand, once or until they end."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import typer

from fal_cli.api.events import Completed, InProgress, Queued, Status
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.errors import Exit, UsageError
from fal_cli.options import AnyRefs, Files, Logs, Timeout

EXAMPLES = """\
  fal status $id
  fal status fal-ai/flux/dev $id --follow
  fal status last --print envelope --query queue_position"""

StatusPrint = Literal["status", "envelope", "id", "none"]


def status(
    context: Context,
    refs: AnyRefs = None,
    file: Files = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Follow it until it ends; in a pipe one word per change.")
    ] = False,
    logs: Logs = False,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="Exit 8 if it is not finished, 1 if it failed.")
    ] = False,
    timeout: Timeout = None,
    print_: Annotated[StatusPrint, typer.Option("--print", help="What to print on stdout.")] = "status",
    query: Annotated[
        str,
        typer.Option("--query", metavar="EXPR", help="Print one value of the status by a JMESPath expression."),
    ] = "",
) -> None:
    """Print the state of requests.

    The state is IN_QUEUE, IN_PROGRESS or COMPLETED. COMPLETED means that a request ended, not that it succeeded: its
    result says so. For several requests each line is ID<TAB>STATE.
    """
    from fal_cli.calls import refs as references

    pick = _picker(context, query) if print_ == "envelope" or query else None
    if timeout is not None and not follow:
        raise UsageError("--timeout limits --follow")
    requests = references.resolve(context, references.words(context, refs, file))
    if follow and len(requests) > 1:
        raise UsageError("--follow takes one request")
    worst: list[Exit] = []

    def show(request: Tracked) -> None:
        shows_words = print_ == "status" and not query
        if follow:
            last = _followed(context, request, timeout, logs, words=shows_words)
        else:
            last = _look(context, request, logs)
        if pick:
            pick(dict(last.raw))
        elif print_ == "id":
            context.output.line(request.request_id)
        elif shows_words and not follow:
            text = last.word if len(requests) == 1 else f"{request.request_id}\t{last.word}"
            context.output.line(text, _facts(request, last))
        worst.append(_code(last))

    references.each(context, requests, show)
    if exit_status and max(worst):
        raise typer.Exit(max(worst))


def _picker(context: Context, query: str) -> Callable[[Any], None]:
    """What writes an object, or the part of it that `query` names. Raises `UsageError` for no such expression."""
    from fal_cli.options import PrintFlags
    from fal_cli.results.printing import Selection

    return Selection(context.output, context.talk.note, PrintFlags(query=query)).pick


def _look(context: Context, request: Tracked, logs: bool) -> Status:
    from fal_cli.api import queue

    seen = queue.status(context.wire(account=request.account), request.handle, logs=logs)
    request.entry.note(seen)
    if isinstance(seen, InProgress | Completed):
        for line in seen.logs:
            if context.talk.machine:
                context.talk.event({"event": "log", **line._asdict()})
                continue
            from fal_cli.terminal.logs import display_lines

            for text in display_lines(line.message):
                context.talk.note(text)
    if context.streams.stdout_is_terminal:
        _describe(context, seen)
    return seen


def _describe(context: Context, seen: Status) -> None:
    if isinstance(seen, Queued) and seen.position is not None:
        context.talk.note(f"position {seen.position} in the queue")
    elif isinstance(seen, Completed) and (seen.error or seen.error_type):
        context.talk.note(f"it failed: {seen.error or seen.error_type}")


def _followed(context: Context, request: Tracked, timeout: float | None, logs: bool, *, words: bool) -> Status:
    """Follows to the end; on stdout a word for each change, for a program to read at once."""
    from fal_cli.api import follow
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls.notices import goes_on

    context.standing.leave = partial(goes_on, context, request.request_id)
    last: Status | None = None
    with context.terminal.view(request.endpoint, logs=logs) as view:
        view.tally.request_id = request.request_id
        wire = context.wire(view, account=request.account)
        for event in follow.follow(wire, request.handle, deadline=Deadline(timeout)):
            view.show(event)
            request.entry.note(event)
            if isinstance(event, Queued | InProgress | Completed):
                if words and not context.output.is_terminal and (last is None or last.word != event.word):
                    context.output.line(event.word, _facts(request, event))
                last = event
    assert last is not None  # following ends with Completed, or raises
    if words and context.output.is_terminal:
        context.output.line(last.word)
    return last


def _facts(request: Tracked, seen: Status) -> dict[str, Any]:
    """Where a request stands, for a program; what its state does not tell is null."""
    ended = seen if isinstance(seen, Completed) else None
    return {
        "request_id": request.request_id,
        "endpoint": request.endpoint,
        "status": seen.word,
        "queue_position": seen.position if isinstance(seen, Queued) else None,
        "error": (ended.error or None) if ended else None,
        "error_type": (ended.error_type or None) if ended else None,
    }


def _code(seen: Status) -> Exit:
    if not isinstance(seen, Completed):
        return Exit.NOT_FINISHED
    return Exit.FAILED if seen.error or seen.error_type else Exit.DONE


VERB = status
