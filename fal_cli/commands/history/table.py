"""The table of requests, and the sheet of one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from fal_cli.commands.history.facts import search, short_name, state_word, value_of, why_open
from fal_cli.context import Context
from fal_cli.ledger.rows import Kept, Row, Search, State
from fal_cli.results.money import NOT_KNOWN, USUAL, Money, cost_of
from fal_cli.terminal.output import Screen
from fal_cli.terminal.progress.tally import duration
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint
from fal_cli.terminal.table import Cell, Column, Columns
from fal_cli.terminal.times import ago, at_time, exactly, on_day, within
from fal_cli.terminal.wrapping import beside


def columns(context: Context) -> Columns[Row]:
    """The columns of a table of requests."""
    now = datetime.now(UTC)
    return {
        Column("when", 4): lambda row: Cell(ago(row.created_at, now) or on_day(row.created_at), "dim"),
        Column("id", 0): lambda row: Cell(short_name(context, row)),
        Column("endpoint", 2, least=12, enough=28, keeps_end=True): lambda row: Cell(row.endpoint),
        Column("state", 1): lambda row: Cell(state_word(row), _STATE_STYLES.get(row.state, "cyan")),
        Column("result", 3, is_optional=True): lambda row: _due(row, now),
        Column("cost", 5, is_right=True, is_optional=True): lambda row: Cell(str(cost_of(row) or "")),
        Column("files", 7, is_right=True, is_optional=True): lambda row: Cell(str(len(row.files) or "")),
        Column("input", 6, least=12, is_optional=True): lambda row: Cell(
            hint_of(row), "dim" if row.input_json is None else ""
        ),
    }


def tell_the_rest(context: Context, count: int, *, has_more: bool) -> None:
    """Says on stderr what a table of `count` requests does not show."""
    if has_more:
        context.talk.note(f"the newest {count}; --limit 0 shows all")
    now = datetime.now(UTC)
    due = [is_due_soon(row, now) for row in search(context, Search(only_open=True))]
    if due:
        urgent = f", {sum(due)} about to go" if any(due) else ""
        context.talk.note(f"{len(due)} unfinished{urgent}: {context.tool} resume")


def tell_batches(context: Context, wanted: Search) -> bool:
    """Says on stderr, in a line for each, which batches have requests that are asked for. Whether any has."""
    from fal_cli.ledger import batches

    found = context.journal.required(lambda ledger: batches.counted(ledger, wanted))
    for name, count in found:
        many = "1 request" if count == 1 else f"{count:,} requests"
        context.talk.note(f"batch {name}: {many} ({context.tool} history --batch {name})")
    return bool(found)


def write_sheet(context: Context, row: Row, kept: Kept | None) -> None:
    """Shows everything about a request on the terminal."""
    screen = Screen(context.output)
    to_do = f"{why_open(row)}: {context.tool} resume {row.name}" if row.is_open else ""
    screen.write(sheet(row, kept, datetime.now(UTC), to_do=to_do, width=screen.width, color=screen.color))
    for title, value in (("input", row.input_json), ("result", value_of(kept) if kept else None)):
        if value is None:
            continue
        screen.write(["", heading(title, color=screen.color)])
        if isinstance(value, str):
            context.output.line(value)
        else:
            context.output.json(value)


SOON = timedelta(minutes=15)
_STATE_STYLES = {
    State.COMPLETED: "green",
    State.FAILED: "red",
    State.REFUSED: "red",
    State.EXPIRED: "red",
    State.UNKNOWN: "yellow",
    State.CANCELLED: "dim",
    State.NOT_SENT: "dim",
}
_LONGEST_HINT = 400  # characters: more than any terminal has columns
_LABEL = 10


def is_due_soon(row: Row, now: datetime) -> bool:
    """Whether a result that was not fetched is about to go."""
    left = _left(row, now)
    return left is not None and timedelta(0) < left < SOON


def hint_of(row: Row) -> str:
    """One line that reminds of an input: its prompt, else its first text, else whatever it holds first."""
    if row.input_json is None:
        return "(private)" if row.is_private else "(too long)"
    texts = {key: value for key, value in row.input_json.items() if isinstance(value, str) and value}
    key = next((key for key in texts if key.endswith("prompt")), None) or next(iter(texts), None)
    if key is not None:
        return " ".join(texts[key][:_LONGEST_HINT].split())
    return ", ".join(f"{key}={_short(value)}" for key, value in list(row.input_json.items())[:9])[:_LONGEST_HINT]


def sheet(row: Row, kept: Kept | None, now: datetime, *, to_do: str, width: int, color: bool) -> list[str]:
    """All that is known of a request but its input and result, a labelled line each. `to_do` is what is left to do."""
    lines = []
    for label, value, style in _entries(row, kept, now, to_do):
        for number, text in enumerate(value.split("\n") if value else ()):
            shown = beside(f"{'' if number else label:{_LABEL}}  ", visible(text), width)
            lines += [heading(lead, color=color) + paint(line, style if color else "") for lead, line in shown]
    return lines


def heading(text: str, *, color: bool) -> str:
    """A label of the sheet."""
    return paint(text, "dim" if color else "")


def _entries(row: Row, kept: Kept | None, now: datetime, to_do: str) -> Iterator[tuple[str, str, str]]:
    """Label, value and style; an empty value is left out."""
    due = _due(row, now)
    yield "request", row.name, "bold"
    yield "endpoint", row.endpoint, ""
    yield "state", state_word(row), _STATE_STYLES.get(row.state, "cyan")
    yield "unfinished", to_do, "yellow"
    yield "error", row.error, "red"
    yield "sent", _when(row.created_at, now), ""
    yield "started", _when(row.started_at, now), ""
    yield "ended", _when(row.ended_at, now), ""
    yield "inference", "" if row.inference_seconds is None else duration(row.inference_seconds), ""
    yield "billed", row.billable_units and f"{row.billable_units} unit{'' if row.billable_units == '1' else 's'}", ""
    yield "cost", cost_text(row), ""
    yield "result", _kept_here(kept) if kept else due.text, due.style
    yield "files", "\n".join(row.files), ""
    yield "tags", "\n".join(f"{key}={value}" for key, value in row.tags.items()), ""
    yield "options", "\n".join(f"{name}: {value}" for name, value in row.options.items() if name != "tags"), ""
    yield "private", "neither input nor result is stored" if row.is_private else "", ""
    yield "mode", row.mode, ""
    yield "profile", row.profile, ""
    yield "host", row.host, ""
    yield "number", f"@{row.local_id}", ""


def cost_text(row: Row) -> str:
    """What a request cost, and how that is known; what was set aside for it while it is not."""
    cost = cost_of(row)
    if cost is not None:
        return f"{cost} ({row.cost_source})" if row.cost_source else str(cost)
    return f"{NOT_KNOWN}; {Money(row.reserved, USUAL)} set aside for it" if row.reserved is not None else ""


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    passed = ago(moment, now)
    return f"{exactly(moment)} ({passed})" if passed else exactly(moment)


def _kept_here(kept: Kept) -> str:
    return "stored here" if kept.is_whole else "stored here, with long data: URIs cut short"


def _due(row: Row, now: datetime) -> Cell:
    """How long the service keeps a result that is not here."""
    left = _left(row, now)
    if row.state is State.EXPIRED or (left is not None and left <= timedelta(0)):
        return Cell("gone", "red")
    if left is None or row.expires_at is None:
        return Cell("")
    if left < SOON:
        return Cell(f"gone in {within(left)}", "yellow")
    return Cell(f"until {at_time(row.expires_at, now)}")


def _left(row: Row, now: datetime) -> timedelta | None:
    """How long the service still keeps a result that was not fetched; None if there is none to fetch."""
    if not row.is_open or row.has_result or row.expires_at is None:
        return None
    return row.expires_at - now


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return str(value)
