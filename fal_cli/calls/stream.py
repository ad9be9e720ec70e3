"""A streamed call from start to end: recorded, printed as it comes, with a report of how it ended."""

from pathlib import Path
from typing import Protocol

from fal_cli.api import stream as api
from fal_cli.api.body import Body
from fal_cli.api.errors import ApiError, Phase, RequestFailed, StreamCut, StreamIdle
from fal_cli.api.events import Result
from fal_cli.api.phases import Exchange
from fal_cli.api.stream import ModelStream, StreamEvent
from fal_cli.calls.model import Call
from fal_cli.calls.submit import begin, state_after
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.ledger.rows import State
from fal_cli.results import unshown
from fal_cli.results.destination import Saving, save_result, single_file, write_whole
from fal_cli.signals import Interrupted
from fal_cli.terminal.output import NotShown, ReaderGone
from fal_cli.terminal.stream_printers import FinalPrinter, LinePrinter, NoPrinter, ScreenPrinter, TextPrinter, last_json

IDLE_SECONDS = 120.0  # a cold start can be silent for minutes


class Printer(Protocol):
    """Takes events and writes the requested part of them."""

    def show(self, event: StreamEvent) -> None: ...

    def end(self) -> None: ...


def stream(
    context: Context, call: Call, *, how: str, idle_timeout: float | None, saving: Saving, preview: bool = False
) -> None:
    """Streams a call to stdout. `how` is `events`, `text` or `final`; `idle_timeout` 0 waits without end.

    With `preview` the pictures of the last event are drawn.

    Raises the request layer's errors; what arrived before one has been printed.
    """
    idle = IDLE_SECONDS if idle_timeout is None else idle_timeout or None
    wire, exchange = context.wire(local=call.is_local), Exchange()
    entry = begin(context, wire, call, "stream")
    try:
        with api.start(
            wire, call.endpoint, call.input_json, call.options, idle_seconds=idle, exchange=exchange
        ) as opened:
            context.standing.leave, context.standing.is_spent = _leave, True
            last = _to_the_end(context, opened, how, saving, str(call.endpoint))
    except CliError:  # of our own: the answer is not to be shown here, or cannot be saved
        entry.ended(State.COMPLETED)
        raise
    except ApiError as error:
        entry.ended(state_after(error), error.message)
        raise
    except ReaderGone:
        entry.ended(State.UNKNOWN, "its reader left")
        raise
    except Interrupted:
        sent = exchange.phase > Phase.NOT_CONNECTED
        if sent:
            context.standing.leave, context.standing.is_spent = _leave, True
        entry.ended(State.UNKNOWN if sent else State.NOT_SENT, "interrupted")
        raise
    if last is None:
        entry.ended(State.COMPLETED)
        return
    result = Result(Body(last_json(last)), "application/json", opened.request_id)
    entry.completed(result, request_id=opened.request_id)
    if preview:
        from fal_cli.results import preview as previews

        previews.show(context, last.value, maker=str(call.endpoint))
    saved = _save(context, saving, last, call, opened.request_id)
    context.talk.sum_up(request_id=opened.request_id or None, files=[str(path) for path in saved] or None)
    entry.delivered([str(path.absolute()) for path in saved])


def _to_the_end(context: Context, opened: ModelStream, how: str, saving: Saving, endpoint: str) -> StreamEvent | None:
    if not opened.is_event_stream:
        _pass_through(context, opened, saving, endpoint)
        return None
    printer = _printer(context, "none" if saving.to_stdout else how)
    last: StreamEvent | None = None
    count = 0
    # A program that reads events sees all of them; a text or a final result does not hold an error.
    shows_failures = how == "events" and not context.output.is_terminal
    try:
        for event in opened.events():
            if event.is_end_mark:
                continue
            last, count = event, count + 1
            if not event.is_json:
                context.notify.warn(f'event {count} is not JSON; it is passed on as {{"text": …}}')
            if not event.is_read:
                context.notify.warn(f"event {count} has too many values to be read; it is passed on as it came")
            if shows_failures or not event.failure:
                printer.show(event)
    except (StreamCut, StreamIdle) as error:
        _close(printer, how)
        after = "1 event" if count == 1 else f"{count} events"
        raise type(error)(f"the stream ended after {after}: {error.message}", request_id=error.request_id) from error
    failure = last.failure if last else None
    if failure:
        _close(printer, how)
        raise RequestFailed(
            failure.message, request_id=opened.request_id, error_type=failure.error_type, fields=failure.fields
        )
    printer.end()
    _warn(context, last, count)
    return last


def _close(printer: Printer, how: str) -> None:
    """What was printed keeps its last line; a last event that is not the last is not printed as such."""
    if how != "final":
        printer.end()


def _warn(context: Context, last: StreamEvent | None, count: int) -> None:
    """A stream has no end mark, and one that failed can end as regularly as one that did not (§6, §15)."""
    if last is None:
        context.notify.warn("the stream ended without an event: the app may have failed")
    elif last.is_partial:
        context.notify.warn(f"the stream ended after {count} events, but the last one says that more will follow")


def _printer(context: Context, how: str) -> Printer:
    if how == "none":
        return NoPrinter()
    if how == "text":
        return TextPrinter(context.output)
    if how == "final":
        return FinalPrinter(context.output)
    return ScreenPrinter(context.output) if context.output.is_terminal else LinePrinter(context.output)


def _pass_through(context: Context, opened: ModelStream, saving: Saving, endpoint: str) -> None:
    """An answer that is not an event stream goes out as it is, or into a file where a terminal cannot show it."""
    target = saving.result_file or single_file(saving)
    if target is not None:
        path = write_whole(target, opened.chunks(), overwrite=saving.overwrite or target == saving.result_file)
        context.notify.note(f"saved {path}")
        return
    try:
        context.output.chunks(opened.chunks(), opened.content_type)
    except NotShown as error:
        raise unshown.saved(error, endpoint, opened.request_id) from None


def _save(context: Context, saving: Saving, last: StreamEvent, call: Call, request_id: str) -> list[Path]:
    from fal_cli.api.wires import Wires
    from fal_cli.results import download, naming

    saved = []
    if saving.result_file:
        save_result(saving.result_file, [last_json(last)])
        saved.append(saving.result_file)
    if saving.to_stdout:
        download.Saver(context, saving, Wires(context.reading_wire(maker=str(call.endpoint)))).write(last.value)
    if saving.template:
        origin = naming.Origin(str(call.endpoint), request_id, call.input_json)
        saved += download.Saver(context, saving, Wires(context.reading_wire(maker=str(call.endpoint)))).save(
            last.value, origin
        )
    return saved


def _leave() -> tuple[str, ...]:
    return ("The stream has started: it is billed for the part that ran, and its events cannot be fetched later.",)
