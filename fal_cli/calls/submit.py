"""Sending a paid call: its ledger row, its signals, and what each way of ending means."""

from collections.abc import Callable
from functools import partial

from fal_cli.api import queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import AnswerLost, ApiError, NotReached, Phase, RequestFailed
from fal_cli.api.events import Submitted
from fal_cli.api.hosts import Hosts
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.calls import alike
from fal_cli.calls.model import Call, Sent, Tracked
from fal_cli.calls.notices import goes_on, nothing_sent
from fal_cli.context import Context, Leave
from fal_cli.errors import NotFinished
from fal_cli.files.attachment import holds_attachments, written
from fal_cli.identity.keys import scope_of
from fal_cli.ledger import rows
from fal_cli.ledger.journal import Entry
from fal_cli.ledger.rows import State
from fal_cli.signals import Interrupted, SubmitShield

_FOUND_AGAIN = ("queue", "direct")  # of the others nothing is left that a later call could be given


def submit(
    context: Context,
    wire: Wire,
    call: Call,
    *,
    leave: Callable[[Tracked], Leave] | None = None,
    deadline: Deadline | None = None,
) -> Sent:
    """Puts a call into the queue: recorded before it leaves, its id recorded the moment it is known.

    `leave` makes what an interruption does from then on; `deadline` ends the repetitions of a submit that cannot
    have arrived. Raises what `queue.submit` raises, and `Interrupted` after the id is safe.
    """
    entry = begin(context, wire, call, "queue")
    exchange = Exchange()
    accepted: list[Submitted] = []

    def send() -> Sent:
        submitted = queue.submit(wire, call.queued_endpoint, call.input_json, call.options, exchange, deadline)
        accepted.append(submitted)  # from here on an interruption finds the id, whatever the disk does
        request = Tracked(submitted.handle, entry, context.accounts.own)
        context.standing.accepted_id = request.request_id
        context.standing.leave = leave(request) if leave else partial(goes_on, context, request.request_id)
        if not entry.accepted_soon(submitted.handle):
            # The ledger may lack the id, or be locked by another process: print the id before anything else.
            context.notify.essential(f"request {request.request_id}", request_id=request.request_id)
            entry.accepted(submitted.handle)
        return Sent(request, submitted.position, submitted.adopted)

    context.standing.leave = nothing_sent
    context.standing.lost = entry.ref
    with SubmitShield(exchange, context.notify.essential) as shield:
        try:
            return send()
        except ApiError as error:
            state = state_after(error)
            entry.ended(state, error.message)
            if state in (State.REFUSED, State.NOT_SENT):
                shield.raise_held()
            raise
        except Interrupted:
            if accepted:
                entry.accepted(accepted[0].handle)
                raise
            note_interrupted(entry, exchange)
            if exchange.phase > Phase.NOT_CONNECTED:
                raise AnswerLost(
                    "interrupted before the service answered",
                    phase=exchange.phase,
                    request_id=exchange.request_id,
                ) from None
            raise
        except Exception:  # whatever it is, the row must not go on saying that the call is being sent
            note_interrupted(entry, exchange, "an unexpected failure")
            raise


def note_interrupted(entry: Entry, exchange: Exchange, why: str = "interrupted") -> None:
    entry.ended(State.UNKNOWN if exchange.phase > Phase.NOT_CONNECTED else State.NOT_SENT, why)


def begin(context: Context, wire: Wire, call: Call, mode: str) -> Entry:
    """Records a call that is about to leave; `mode` is `queue`, `direct`, `stream` or `realtime`.

    One that was claimed is marked as leaving, once. Raises `NotFinished` (code 8) if it was taken over meanwhile,
    `UsageError` where the ledger cannot be written any more; nothing has left then.
    """
    row = recorded(context, wire.hosts, call, mode)
    if call.claimed is None:
        return context.journal.begin(row)
    from fal_cli.ledger import claims

    local_id = call.claimed.local_id
    assert local_id is not None
    leaving = claims.Leaving(local_id, row)
    if local_id not in context.journal.needed(lambda ledger: claims.mark_sending(ledger, [leaving]), "this call"):
        raise NotFinished(f"{call.claimed.ref} was picked up by another process, which is sending it")
    return call.claimed


def recorded(context: Context, hosts: Hosts, call: Call, mode: str) -> rows.Call:
    """A call as the ledger has it. Files that are not uploaded yet stand in it as `@PATH`."""
    account = None if call.is_local else context.accounts.own
    credential, known = account and account.credential, call.identity
    is_found_again = mode in _FOUND_AGAIN
    return rows.Call(
        endpoint=str(call.endpoint),
        input_json=written(dict(call.input_json)),
        mode=mode,
        host=str(call.endpoint) if call.is_local else hosts.queue if mode == "queue" else hosts.run,
        profile=credential.profile if credential else "",
        key_print=credential.key_print if credential else "",
        options=call.options.as_kept(),
        is_private=call.is_private,
        replaces=call.replaces,
        once_key=known.once_key if known and is_found_again else "",
        content_key=known.content_key if known and is_found_again else "",
        like_key="" if call.is_private or call.is_local else alike.key(str(call.endpoint), call.input_json),
        scope=scope_of(account) if account else "",
        awaits_files=holds_attachments(call.input_json),
        hide=context.secrets.hide,
    )


def state_after(error: ApiError) -> State:
    """What the ledger says of a call that ended in an error."""
    if isinstance(error, AnswerLost):
        return State.UNKNOWN
    if isinstance(error, NotReached):
        return State.NOT_SENT
    return State.FAILED if isinstance(error, RequestFailed) else State.REFUSED
