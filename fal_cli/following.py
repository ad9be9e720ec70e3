"""From a ready call, or a request that runs already, to its result: what `run` and `result --wait` share."""

from dataclasses import dataclass
from functools import partial

from fal_cli.api import follow, queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, RequestFailed, WaitEnded
from fal_cli.api.events import Completed, Event, Handle, Result
from fal_cli.api.wire import Wire
from fal_cli.call import Call
from fal_cli.context import Context, Stake
from fal_cli.submission import call_directly, goes_on, record_end, submit
from fal_cli.terminal.view import View


@dataclass(frozen=True)
class Ending:
    """When waiting ends (`timeout` in seconds), and what then becomes of the request: `detach` or `cancel`."""

    timeout: float | None = None
    on_timeout: str = "detach"
    on_interrupt: str = "detach"


@dataclass(frozen=True)
class Outcome:
    """A result and what names it."""

    result: Result
    request_id: str
    url: str = ""
    inference_seconds: float | None = None


def run_queued(context: Context, call: Call, ending: Ending, *, logs: bool) -> Outcome:
    """Submits a call and stays with it until its result is there.

    Raises the request layer's errors; `WaitEnded` and `Interrupted` leave the request as `ending` says.
    """
    deadline = Deadline(ending.timeout)
    with context.view(str(call.endpoint), logs=logs) as view:
        wire = context.wire(view)
        submitted = submit(context, wire, call, stake=lambda handle: _stake(context, wire, handle, ending))
        view.submitted(submitted.handle.request_id)
        return _to_the_end(context, wire, submitted.handle, ending, deadline, view)


def wait_for(context: Context, handle: Handle, ending: Ending, *, logs: bool) -> Outcome:
    """Stays with a request that runs already until its result is there. Raises as `run_queued`."""
    with context.view(str(handle.endpoint), logs=logs) as view:
        view.tally.request_id = handle.request_id
        wire = context.wire(view)
        context.stake = _stake(context, wire, handle, ending)
        return _to_the_end(context, wire, handle, ending, Deadline(ending.timeout), view)


def run_directly(context: Context, call: Call, timeout: float | None) -> Outcome:
    """Makes a direct call and shows that it goes on. Raises as `submission.call_directly`."""
    with context.view(str(call.endpoint)) as view:
        view.tally.state = "calling directly"
        result = call_directly(context, context.wire(view, local=call.is_local), call, Deadline(timeout))
        view.finished("done", result.billable_units)
    return Outcome(result, result.request_id)


def fetch(context: Context, wire: Wire, handle: Handle, *, ended: bool) -> Result:
    """The result of a request, with the ledger told of how it ended. Raises as `queue.result`."""
    try:
        result = queue.result(wire, handle, ended=ended)
    except ApiError as error:
        error.request_id = error.request_id or handle.request_id
        record_end(context, handle, error)
        raise
    record_end(context, handle, None)
    return result


def _to_the_end(
    context: Context, wire: Wire, handle: Handle, ending: Ending, deadline: Deadline, view: View
) -> Outcome:
    last: Event | None = None
    try:
        for last in follow.follow(wire, handle, deadline=deadline):
            view.show(last)
        result = fetch(context, wire, handle, ended=True)
    except RequestFailed:
        view.finished("failed")
        for line in view.last_words():
            context.talk.note(f"  {line}")
        raise
    except WaitEnded as error:
        view.close()
        _on_timeout(context, wire, handle, ending, error)
        raise
    view.finished("done", result.billable_units)
    seconds = last.inference_seconds if isinstance(last, Completed) else None
    return Outcome(result, handle.request_id, handle.response_url, seconds)


def _stake(context: Context, wire: Wire, handle: Handle, ending: Ending) -> Stake:
    """What Ctrl-C does: leave the request running and say how to pick it up, or cancel it if that was asked for."""
    if ending.on_interrupt == "cancel":
        return lambda: (_cancelled(wire, handle),)
    return partial(goes_on, context, handle.request_id)


def _on_timeout(context: Context, wire: Wire, handle: Handle, ending: Ending, error: WaitEnded) -> None:
    if ending.on_timeout == "cancel":
        context.talk.essential(_cancelled(wire, handle), request_id=handle.request_id)
    error.request_id = handle.request_id


def _cancelled(wire: Wire, handle: Handle) -> str:
    """Asks for a cancel and says what came of it; the command ends either way."""
    try:
        word = queue.cancel(wire, handle).word
    except ApiError as error:
        return f"Request {handle.request_id} could not be cancelled: {error.message}"
    told = {
        "OK": "was cancelled",
        "CANCELLATION_REQUESTED": "was asked to stop; it may still finish and be billed",
        "ALREADY_COMPLETED": "had already completed",
    }
    return f"Request {handle.request_id} {told.get(word, word)}."
