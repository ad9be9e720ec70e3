"""A request that exists: waited for, fetched, cancelled."""

import time
from collections.abc import Callable
from functools import partial

from fal_cli import signals
from fal_cli.api import follow, queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, NotReady, Phase, Refused, RequestFailed, WaitEnded
from fal_cli.api.events import Completed, Event, Handle, Offline, Result
from fal_cli.api.wire import Wire
from fal_cli.calls import cancelling, stored
from fal_cli.calls.aside import Aside
from fal_cli.calls.model import Ending, Tracked
from fal_cli.calls.notices import goes_on
from fal_cli.context import Context, Leave
from fal_cli.errors import CliError, StillRunning
from fal_cli.results.outcome import Outcome
from fal_cli.terminal.progress.base import View

CANCEL_SECONDS = 10.0


def wait_for(context: Context, request: Tracked, ending: Ending, *, logs: bool, closes: bool = True) -> Outcome:
    """Stays with a request that runs already until its result is there; `closes` and errors as of `run_queued`."""
    with context.terminal.view(request.endpoint, logs=logs) as view:
        view.closes = closes
        view.tally.request_id = request.request_id
        view.tally.profile = request.account.credential.profile
        wire = context.wire(view, account=request.account)
        context.standing.accepted_id = request.request_id
        context.standing.leave = leave_of(context, wire, ending, request)
        return to_the_end(context, wire, request, ending, ending.deadline, view)


def fetch(context: Context, request: Tracked) -> Outcome:
    """The result of a request as it is now, from the service or, where it is gone there, from the ledger.

    Raises as `queue.result`, and `CliError` (code 5) for a result that is past its time.
    """
    wire = context.wire(account=request.account)
    try:
        result = queue.result(wire, request.handle)
    except NotReady:
        raise
    except ApiError as error:
        return stored.instead(context, request, error)
    return arrived(context, request, result)


def arrived(context: Context, request: Tracked, result: Result, inference_seconds: float | None = None) -> Outcome:
    """A result that came, recorded before anything is done with it."""
    context.standing.accepted_id = request.request_id
    request.entry.completed(result, inference_seconds=inference_seconds)
    url = request.handle.response_url
    return Outcome(
        result, request.endpoint, request.request_id, request.entry, url, inference_seconds, account=request.account
    )


def fetch_patiently(wire: Wire, handle: Handle, deadline: Deadline, show: Callable[[Event], None]) -> Result:
    """The result of a request that has ended, through any outage: it is paid for, and only the user's limit ends it.

    An answer that comes and cannot be read ends it too, since another would be no better.
    """
    lost_at: float | None = None
    while True:
        try:
            return queue.result(wire, handle, ended=True, deadline=deadline)
        except NotReady:
            wait = 0.5  # the result route lags behind the status
        except NotReached as error:
            if error.phase == Phase.ANSWERING:
                raise
            lost_at = lost_at or time.monotonic()
            show(Offline(error.message, time.monotonic() - lost_at))
            wait = 5.0
        if deadline.passes_within(wait):
            time.sleep(deadline.cut(wait))
            raise WaitEnded("timed out", request_id=handle.request_id)
        time.sleep(wait)


def to_the_end(
    context: Context, wire: Wire, request: Tracked, ending: Ending, deadline: Deadline, view: View
) -> Outcome:
    last: Event | None = None
    aside = Aside(context, wire, request.endpoint, view.tally)
    try:
        for last in follow.follow(wire, request.handle, deadline=deadline):
            view.show(last)
            request.entry.note(last)
        result = fetch_patiently(wire, request.handle, deadline, view.show)
    except RequestFailed as error:
        request.entry.failed(error)
        view.finished("failed")
        for line in view.last_words():
            context.notify.note(f"  {line}")
        raise
    except Refused as error:
        view.close()
        return stored.instead(context, request, error)
    except WaitEnded:
        view.close()
        if ending.on_timeout == "cancel":
            told = cancelled(context, wire, request)
            words = ("status", request.request_id)
            raise StillRunning("timed out", hint=told, next=words) from None
        raise
    outcome = arrived(context, request, result, last.inference_seconds if isinstance(last, Completed) else None)
    view.tally.cost = aside.settle(request, result.billable_units)
    view.finished("done", result.billable_units)
    return outcome


def leave_of(context: Context, wire: Wire, ending: Ending, request: Tracked) -> Leave:
    """What Ctrl-C does: leave the request running and say how to pick it up, or cancel it if that was asked for."""
    if ending.on_interrupt == "cancel":
        return lambda: _cancelled_on_interrupt(context, wire, request)
    return partial(goes_on, context, request.request_id)


def _cancelled_on_interrupt(context: Context, wire: Wire, request: Tracked) -> tuple[str, ...]:
    signals.install(again=True)  # so that a second Ctrl-C gives the cancel up
    try:
        return (cancelled(context, wire, request),)
    except signals.Interrupted:
        return ("The cancel may not have arrived.", *goes_on(context, request.request_id))


def cancelled(context: Context, wire: Wire, request: Tracked) -> str:
    """Asks for a cancel and says what came of it; the command ends either way."""
    context.notify.essential(f"cancelling {request.request_id}", request_id=request.request_id)
    try:
        word = cancelling.cancel(wire, request, Deadline(CANCEL_SECONDS))
    except (ApiError, CliError) as error:
        return f"Request {request.request_id} could not be cancelled ({error.message}); it goes on."
    told = {
        cancelling.CANCELLED: "was cancelled",
        cancelling.ASKED: "was asked to stop; it may still finish and be billed",
        cancelling.TOO_LATE: "had already completed",
        cancelling.ALREADY: "was already cancelled",
    }
    return f"Request {request.request_id} {told[word]}."
