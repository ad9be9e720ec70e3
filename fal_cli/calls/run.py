"""A ready call made through the queue or directly, and stayed with until its result is there."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from fal_cli.api import direct
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, Phase, Refused, WaitEnded
from fal_cli.api.events import Result
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.calls import admission
from fal_cli.calls.follow import leave_of, to_the_end, wait_for
from fal_cli.calls.model import Call, Ending
from fal_cli.calls.notices import direct_call_done, direct_call_sent, nothing_sent
from fal_cli.calls.submit import begin, note_interrupted, state_after, submit
from fal_cli.calls.terms import Terms
from fal_cli.context import Context
from fal_cli.errors import report
from fal_cli.files.attachment import written
from fal_cli.ledger.journal import Entry
from fal_cli.results.money import NOT_KNOWN, cost_of
from fal_cli.results.outcome import Outcome
from fal_cli.signals import Interrupted

if TYPE_CHECKING:
    from fal_cli.calls.once import Answered


def call_directly(context: Context, wire: Wire, call: Call, deadline: Deadline) -> tuple[Result, Entry]:
    """Makes a direct call. An interruption ends it at once, since nothing of it goes on."""
    entry = begin(context, wire, call, "direct")
    exchange = Exchange()
    context.standing.leave = nothing_sent
    context.standing.lost = entry.ref
    try:
        result = direct.run(wire, call.endpoint, call.input_json, call.options, deadline=deadline, exchange=exchange)
    except ApiError as error:
        entry.ended(state_after(error), error.message)
        raise
    except Interrupted:
        if exchange.phase > Phase.NOT_CONNECTED:
            context.standing.leave, context.standing.is_spent = direct_call_sent, True
        note_interrupted(entry, exchange)
        raise
    except Exception:  # as in submit
        note_interrupted(entry, exchange, "an unexpected failure")
        raise
    context.standing.leave, context.standing.is_spent = direct_call_done, True
    entry.completed(result, request_id=result.request_id)
    return result, entry


def run_queued(context: Context, call: Call, ending: Ending, *, logs: bool, closes: bool = True) -> Outcome:
    """Submits a call and stays with it until its result is there.

    Without `closes` no line says that it is done: one about what was made comes in its place. Raises the request
    layer's errors; `WaitEnded` and `Interrupted` leave the request as `ending` says.
    """
    deadline = ending.deadline
    with context.terminal.view(str(call.endpoint), logs=logs) as view:
        view.tally.profile = context.accounts.own.credential.profile
        view.closes = closes
        wire = context.wire(view)
        leave = partial(leave_of, context, wire, ending)
        request = submit(context, wire, call, deadline=deadline, leave=leave).request
        view.submitted(request.request_id)
        if view.is_live:
            view.tally.usual_seconds = context.journal.usual_seconds(str(call.endpoint))
        try:
            return to_the_end(context, wire, request, ending, deadline, view)
        except (Refused, NotReached) as error:
            # Accepted is accepted: a code that invites to run it again would be a lie.
            raise WaitEnded(f"{report(error).message}", request_id=error.request_id) from error


def run(
    context: Context,
    call: Call,
    terms: Terms,
    ending: Ending,
    *,
    directly: bool,
    logs: bool,
    inline: bool,
    closes: bool = True,
) -> Outcome:
    """Makes a call through the queue, or directly, and stays with it; with `--once` gives what was made before.

    Its files are not uploaded yet; `closes` as in `run_queued`. Raises as `admission.admit`, `once.answer`,
    `run_queued` and `run_directly`.
    """
    mode = "direct" if directly else "queue"
    if terms.once is not None:
        from fal_cli.calls import once

        found = once.answer(context, call, terms, mode, ending.deadline)
        if isinstance(found, once.Answered):
            once.tell(context, found)
            return _given(context, found, ending, logs=logs, closes=closes)
        with admission.held(context, found):
            call = admission.ready(context, found, inline=inline, deadline=ending.deadline, reuses=True)
    else:
        call = admission.admit(context, call, terms, mode, inline=inline, deadline=ending.deadline)
    with admission.held(context, call):
        if directly:
            return run_directly(context, call, ending.deadline, closes=closes)
        return run_queued(context, call, ending, logs=logs, closes=closes)


def _given(context: Context, found: "Answered", ending: Ending, *, logs: bool, closes: bool) -> Outcome:
    """The result of the call that stands for this one, which may still run."""
    if found.outcome is not None:
        return found.outcome
    assert found.request is not None
    outcome = wait_for(context, found.request, ending, logs=logs, closes=closes)
    outcome.reused = True
    return outcome


def inputs_of(outcome: Outcome, call: Call) -> Mapping[str, Any]:
    """The input of a result, as it was sent. A file stands as `@PATH` if its input was not stored."""
    return outcome.entry.inputs() or dict(written(dict(call.input_json)))


def run_directly(context: Context, call: Call, deadline: Deadline, *, closes: bool = True) -> Outcome:
    """Makes a direct call and shows that it goes on; `closes` as in `run_queued`. Raises as `call_directly`."""
    with context.terminal.view(str(call.endpoint)) as view:
        view.closes = closes
        view.tally.state = "calling directly"
        wire = context.wire(view, local=call.is_local)
        result, entry = call_directly(context, wire, call, deadline)
        if result.billable_units and not call.is_local:
            from fal_cli.calls import price

            price.settle(context, wire, entry, str(call.endpoint), result.billable_units)
            view.tally.cost = str(cost_of(entry.row()) or NOT_KNOWN)
        view.finished("done", result.billable_units)
    return Outcome(result, str(call.endpoint), result.request_id, entry)
