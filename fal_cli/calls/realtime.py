"""A realtime session from the command line to its last line: recorded, opened, held, with a report of its end."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fal_cli.api import realtime as api
from fal_cli.api.call_options import CallOptions
from fal_cli.api.errors import ApiError, Refused
from fal_cli.api.wire import Wire
from fal_cli.calls import admission, endpoints
from fal_cli.calls.conversation import AppFailed, Conversation, Plan
from fal_cli.calls.model import Call
from fal_cli.calls.notices import nothing_sent
from fal_cli.calls.prepare import resolve
from fal_cli.calls.realtime_json import MOST_BYTES, as_base64, beginning, jsonable, without_base64
from fal_cli.calls.submit import begin, state_after
from fal_cli.calls.terms import Terms
from fal_cli.catalog.schemas import schema_for
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, Target
from fal_cli.errors import UsageError
from fal_cli.files import content_type, names
from fal_cli.files.attachment import holds_attachments
from fal_cli.inputs.gather import STDIN, gather
from fal_cli.inputs.typed import typed
from fal_cli.ledger.rows import State
from fal_cli.results.destination import write_whole
from fal_cli.schema import protocol
from fal_cli.schema.protocol import Protocol
from fal_cli.signals import Interrupted
from fal_cli.terminal.output import ReaderGone


@dataclass(frozen=True)
class Settings:
    """Options of a session; `throttle`, `idle` and `linger` in seconds (`idle` None: without end)."""

    path: str = ""
    encoding: str = "msgpack"
    throttle: float = 0.0
    max_buffering: int | None = None
    idle: float | None = 120.0
    linger: float | None = None
    directory: str = ""
    is_private: bool = False


def converse(
    context: Context, name: str, items: Sequence[str], texts: Sequence[str], settings: Settings, terms: Terms
) -> None:
    """Holds a conversation over stdin and stdout. Raises `UsageError`, the request layer's errors, `CliError`."""
    context.standing.leave = nothing_sent
    named = endpoints.named(context, name)
    endpoints.tell(context, named)
    target = named.target
    call = admission.claim(context, Call(target, {}, CallOptions(), is_private=settings.is_private), terms, "realtime")
    assert isinstance(call, Call)  # no other session stands in its place
    with admission.held(context, call):
        call = call._replace(input_json=_defaults(context, [*named.words, *items], texts))
        _converse(context, call, settings)


def _converse(context: Context, call: Call, settings: Settings) -> None:
    target = call.endpoint
    wire = context.wire(local=call.is_local)
    opener = Opener(wire, target, settings)
    plan = Plan(
        connect=opener.connect,
        renew=opener.renew,
        defaults=call.input_json,
        throttle=settings.throttle,
        idle=settings.idle,
        linger=settings.linger,
        protocol=_protocol(context, target, settings),
        answer=_writer(context, target, settings.directory),
        warn=context.notify.warn,
    )
    conversation = Conversation(plan, context.stdin.lines("the inputs", "inputs (a JSON object a line)"))
    entry = begin(context, wire, call, "realtime")
    context.standing.leave = partial(_leave, context, conversation)
    try:
        conversation.hold()
    except ApiError as error:
        entry.ended(state_after(error), error.message)
        raise
    except AppFailed as error:
        entry.ended(State.FAILED, error.message)
        raise
    except (Exception, Interrupted) as error:  # whatever it is, the row must not go on saying that it is being sent
        if isinstance(error, Interrupted) and not conversation.has_sent:
            entry.ended(State.NOT_SENT, "interrupted")
            raise
        is_whole = isinstance(error, ReaderGone | Interrupted) and not conversation.tally.without_answer
        entry.ended(State.COMPLETED if is_whole else State.UNKNOWN, "" if is_whole else str(error))
        raise
    entry.ended(State.COMPLETED)


def _defaults(context: Context, items: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """What stands under each line. stdin is the lines', so no word may ask for it."""
    if STDIN in items or (any(item.endswith("@-") for item in items) and not context.reach.is_literal):
        raise UsageError("realtime reads its inputs from stdin, one a line; give these another way")
    if not items and not texts:
        return {}
    notify = context.notify
    gathered = gather(items, texts, context.stdin, reach=context.reach)
    made = typed(gathered, context.stdin, tell=notify.note, tell_guess=notify.decision, reach=context.reach)
    found = made.input_json
    return dict(resolve(context, found, inline=False, deadline=None)) if holds_attachments(found) else found


def _protocol(context: Context, target: Target, settings: Settings) -> Protocol:
    """How the app speaks, by its document; the usual way where there is none."""
    known = schema_for(context, target)
    return protocol.read(known.json, settings.path or api.REALTIME_PATH) if known else Protocol()


class Opener:
    """Opens sessions, each with a token that is good where one is needed. A refused one is minted anew once."""

    def __init__(self, wire: Wire, target: Target, settings: Settings) -> None:
        self._keeper = api.TokenKeeper(wire, target) if isinstance(target, EndpointId) else None
        self._open = partial(
            api.connect,
            wire,
            target,
            api.ENCODINGS[settings.encoding],
            max_buffering=settings.max_buffering,
            path=settings.path or api.REALTIME_PATH,
        )

    def connect(self) -> api.Session:
        """An open session. Raises as `api.connect` and `TokenKeeper.token`."""
        if self._keeper is None:
            return self._open()
        try:
            return self._open(token=self._keeper.token())
        except Refused as error:
            if error.status not in (401, 403):
                raise
        self.renew()
        return self._open(token=self._keeper.token())

    def renew(self) -> None:
        """The next session gets another token."""
        if self._keeper is not None:
            self._keeper.forget()


def _writer(context: Context, target: Target, directory: str) -> Callable[[Any], None]:
    """Writes a result as one line of JSON, its bytes as base64 or as files. Raises `CliError` if it is not JSON."""
    if not directory:
        return _printer(context)
    folder = Path(os.path.expanduser(directory))
    folder.mkdir(parents=True, exist_ok=True)
    stem = names.safe(str(target).replace("/", "-"))
    count = 0

    def save(data: bytes) -> str:
        nonlocal count
        kind = content_type.guess("", data[: content_type.HEAD_BYTES])
        name = f"{stem}-{count}{content_type.extension_for(kind) or '.bin'}"
        count += 1
        return str(write_whole(folder / name, [data], overwrite=False))

    return lambda value: context.output.json(jsonable(value, save), one_line=True)


def _printer(context: Context) -> Callable[[Any], None]:
    """Writes a result with its bytes as base64; on a terminal no more of them than tells what they are."""
    if not context.output.is_terminal:
        return lambda value: context.output.json(jsonable(value, as_base64), one_line=True)
    hints = {"-d DIR saves bytes as files; in a pipe they come whole, as base64"}

    def form(data: bytes) -> str:
        while hints and len(data) > MOST_BYTES:
            context.notify.note(hints.pop())
        return beginning(data)

    return lambda value: context.output.json(without_base64(jsonable(value, form)), one_line=True)


def _leave(context: Context, conversation: Conversation) -> tuple[str, ...]:
    untold = conversation.tally.without_answer
    context.standing.is_spent = bool(untold)
    if not untold:
        return ("The session was closed; every input that was sent has its answer.",)
    return (f"The session was closed; no answer came to {untold}, which may have run and may be billed.",)
