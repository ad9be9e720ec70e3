"""Sending a paid call: its ledger row, its signals, and what each way of ending means."""

from collections.abc import Callable
from functools import partial

from fal_cli.api import direct, queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import AnswerLost, ApiError, NotReached, Phase, RequestFailed
from fal_cli.api.events import Handle, Result, Submitted
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.call import Call
from fal_cli.context import Context, Stake
from fal_cli.interrupts import Interrupted, SubmitShield
from fal_cli.ledger import State


def submit(
    context: Context,
    wire: Wire,
    call: Call,
    *,
    stake: Callable[[Handle], Stake] | None = None,
    deadline: Deadline | None = None,
) -> Submitted:
    """Puts a call into the queue: recorded before it leaves, its id recorded the moment it is known.

    `stake` makes what an interruption does from then on; `deadline` ends the repetitions of a submit that cannot
    have arrived. Raises what `queue.submit` raises, and `Interrupted` after the id is safe.
    """
    local_id = begin(context, wire, call, "queue")
    exchange = Exchange()
    accepted: list[Submitted] = []

    def send() -> Submitted:
        submitted = queue.submit(wire, call.queued_endpoint, call.input_json, call.options, exchange, deadline)
        accepted.append(submitted)  # from here on an interruption finds the id, whatever the disk does
        handle = submitted.handle
        context.accepted_id = handle.request_id
        context.stake = stake(handle) if stake else partial(goes_on, context, handle.request_id)
        context.journal.accepted(local_id, handle)
        return submitted

    context.stake = nothing_sent
    with SubmitShield(exchange, context.talk.essential) as shield:
        try:
            return send()
        except ApiError as error:
            state = state_after(error)
            context.journal.ended(local_id, state, error.message)
            if shield.held is not None and state in (State.REFUSED, State.NOT_SENT):
                raise Interrupted(shield.held) from None
            raise
        except Interrupted:
            if accepted:
                context.journal.accepted(local_id, accepted[0].handle)
                raise
            _note_interrupted(context, local_id, exchange)
            if exchange.phase > Phase.NOT_CONNECTED:
                raise AnswerLost(
                    "interrupted before the service had answered",
                    phase=exchange.phase,
                    request_id=exchange.request_id,
                ) from None
            raise
        except Exception:  # whatever it is, the row must not go on saying that the call is being sent
            _note_interrupted(context, local_id, exchange, "an unexpected failure")
            raise


def call_directly(context: Context, wire: Wire, call: Call, deadline: Deadline) -> Result:
    """Makes a direct call. An interruption ends it at once, since nothing of it lives on."""
    local_id = begin(context, wire, call, "direct")
    exchange = Exchange()
    context.stake = nothing_sent
    try:
        result = direct.run(wire, call.endpoint, call.input_json, call.options, deadline=deadline, exchange=exchange)
    except ApiError as error:
        context.journal.ended(local_id, state_after(error), error.message)
        raise
    except Interrupted:
        if exchange.phase > Phase.NOT_CONNECTED:
            context.stake = _direct_call_sent
        _note_interrupted(context, local_id, exchange)
        raise
    except Exception:  # as in submit
        _note_interrupted(context, local_id, exchange, "an unexpected failure")
        raise
    context.stake = _direct_call_done
    context.journal.ended(local_id, State.COMPLETED)
    return result


def _direct_call_sent() -> tuple[str, ...]:
    return ("The call was sent: it may run and be billed, and a direct call's result cannot be fetched later.",)


def _direct_call_done() -> tuple[str, ...]:
    return ("The call was done and is billed; its result cannot be fetched again.",)


def _note_interrupted(context: Context, local_id: int | None, exchange: Exchange, why: str = "interrupted") -> None:
    state = State.UNKNOWN if exchange.phase > Phase.NOT_CONNECTED else State.NOT_SENT
    context.journal.ended(local_id, state, why)


def nothing_sent() -> tuple[str, ...]:
    """What an interruption before the submit leaves behind."""
    return ("Nothing was submitted.",)


def goes_on(context: Context, request_id: str) -> tuple[str, str]:
    """What is said of an accepted request when its command ends before it."""
    return (
        f"The request goes on. To wait for it: {context.tool} result {request_id} --wait",
        f"To cancel it: {context.tool} cancel {request_id}",
    )


def record_end(context: Context, handle: Handle, error: ApiError | None) -> None:
    """Records that a request ended: well, or with `error` as its outcome."""
    if error is None:
        context.journal.request_ended(handle.request_id, State.COMPLETED)
    elif isinstance(error, RequestFailed):
        state = State.CANCELLED if error.status == 499 else State.FAILED
        context.journal.request_ended(handle.request_id, state, error.message)


def begin(context: Context, wire: Wire, call: Call, mode: str) -> int | None:
    """Records a call that is about to leave; `mode` is `queue`, `direct`, `stream` or `realtime`."""
    host = wire.hosts.queue if mode == "queue" else wire.hosts.run
    return context.journal.begin(
        host=str(call.endpoint) if call.is_local else host,
        profile="" if call.is_local else context.credential.profile,
        mode=mode,
        endpoint=str(call.endpoint),
        input_json=call.input_json,
    )


def state_after(error: ApiError) -> State:
    """What the ledger says of a call that ended in an error."""
    if isinstance(error, AnswerLost):
        return State.UNKNOWN
    if isinstance(error, NotReached):
        return State.NOT_SENT
    return State.FAILED if isinstance(error, RequestFailed) else State.REFUSED
