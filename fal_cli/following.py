"""From a ready call, or a request that runs already, to its result: what `run` and `result --wait` share."""

import time
from dataclasses import dataclass
from functools import partial

from fal_cli import interrupts
from fal_cli.api import follow, queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, NotReady, Phase, Refused, RequestFailed, WaitEnded
from fal_cli.api.events import Completed, Event, Handle, Offline, Result
from fal_cli.api.wire import Wire
from fal_cli.call import Call
from fal_cli.context import Context, Stake
from fal_cli.errors import CliError, Exit, report
from fal_cli.submission import call_directly, goes_on, record_end, submit
from fal_cli.terminal.view import View

CANCEL_SECONDS = 10.0


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
        stake = partial(_stake, context, wire, ending)
        submitted = submit(context, wire, call, deadline=deadline, stake=stake)
        view.submitted(submitted.handle.request_id)
        try:
            return _to_the_end(context, wire, submitted.handle, ending, deadline, view)
        except (Refused, NotReached) as error:
            # Accepted is accepted: a code that invites to run it again would be a lie.
            raise WaitEnded(f"{report(error).message}", request_id=error.request_id) from error


def wait_for(context: Context, handle: Handle, ending: Ending, *, logs: bool) -> Outcome:
    """Stays with a request that runs already until its result is there. Raises as `run_queued`."""
    with context.view(str(handle.endpoint), logs=logs) as view:
        view.tally.request_id = handle.request_id
        wire = context.wire(view)
        context.accepted_id = handle.request_id
        context.stake = _stake(context, wire, ending, handle)
        return _to_the_end(context, wire, handle, ending, Deadline(ending.timeout), view)


def run_directly(context: Context, call: Call, timeout: float | None) -> Outcome:
    """Makes a direct call and shows that it goes on. Raises as `submission.call_directly`."""
    with context.view(str(call.endpoint)) as view:
        view.tally.state = "calling directly"
        result = call_directly(context, context.wire(view, local=call.is_local), call, Deadline(timeout))
        view.finished("done", result.billable_units)
    return Outcome(result, result.request_id)


def fetch(context: Context, wire: Wire, handle: Handle, *, ended: bool, deadline: Deadline | None = None) -> Result:
    """The result of a request, with the ledger told of how it ended. Raises as `queue.result`."""
    try:
        result = queue.result(wire, handle, ended=ended, deadline=deadline)
    except ApiError as error:
        record_end(context, handle, error)
        raise
    context.accepted_id = handle.request_id
    record_end(context, handle, None)
    return result


def _fetch_patiently(context: Context, wire: Wire, handle: Handle, deadline: Deadline, view: View) -> Result:
    """The result of a request that has ended, through any outage: it is paid for, and only the user's limit ends it.

    An answer that comes and cannot be read ends it too, since another would be no better.
    """
    lost_at: float | None = None
    while True:
        try:
            return fetch(context, wire, handle, ended=True, deadline=deadline)
        except NotReady:
            wait = 0.5  # the result route lags behind the status
        except NotReached as error:
            if error.phase == Phase.ANSWERING:
                raise
            lost_at = lost_at or time.monotonic()
            view.show(Offline(error.message, time.monotonic() - lost_at))
            wait = 5.0
        if deadline.passes_within(wait):
            time.sleep(deadline.cut(wait))
            raise WaitEnded("the time to wait is over", request_id=handle.request_id)
        time.sleep(wait)


def _to_the_end(
    context: Context, wire: Wire, handle: Handle, ending: Ending, deadline: Deadline, view: View
) -> Outcome:
    last: Event | None = None
    try:
        for last in follow.follow(wire, handle, deadline=deadline):
            view.show(last)
        result = _fetch_patiently(context, wire, handle, deadline, view)
    except RequestFailed:
        view.finished("failed")
        for line in view.last_words():
            context.talk.note(f"  {line}")
        raise
    except WaitEnded:
        view.close()
        if ending.on_timeout == "cancel":
            told = _cancelled(context, wire, handle)
            raise CliError("the time to wait is over", hint=told, code=Exit.STILL_RUNNING) from None
        raise
    view.finished("done", result.billable_units)
    seconds = last.inference_seconds if isinstance(last, Completed) else None
    return Outcome(result, handle.request_id, handle.response_url, seconds)


def _stake(context: Context, wire: Wire, ending: Ending, handle: Handle) -> Stake:
    """What Ctrl-C does: leave the request running and say how to pick it up, or cancel it if that was asked for."""
    if ending.on_interrupt == "cancel":
        return lambda: _cancelled_on_interrupt(context, wire, handle)
    return partial(goes_on, context, handle.request_id)


def _cancelled_on_interrupt(context: Context, wire: Wire, handle: Handle) -> tuple[str, ...]:
    interrupts.install(again=True)  # so that a second Ctrl-C gives the cancel up
    try:
        return (_cancelled(context, wire, handle),)
    except interrupts.Interrupted:
        return ("It is not known whether the cancel arrived.", *goes_on(context, handle.request_id))


def _cancelled(context: Context, wire: Wire, handle: Handle) -> str:
    """Asks for a cancel and says what came of it; the command ends either way."""
    context.talk.essential(f"cancelling {handle.request_id}", request_id=handle.request_id)
    try:
        word = queue.cancel(wire, handle, deadline=Deadline(CANCEL_SECONDS)).word
    except ApiError as error:
        return f"Request {handle.request_id} could not be cancelled ({error.message}); it goes on."
    told = {
        "OK": "was cancelled",
        "CANCELLATION_REQUESTED": "was asked to stop; it may still finish and be billed",
        "ALREADY_COMPLETED": "had already completed",
    }
    return f"Request {handle.request_id} {told.get(word, word)}."
