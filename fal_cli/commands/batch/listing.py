"""The list of batches, and where one of them stands."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from fal_cli.context import Context
from fal_cli.ledger import batches
from fal_cli.ledger.batches import Batch, Tally
from fal_cli.ledger.rows import State
from fal_cli.terminal.hyperlinks import as_typed
from fal_cli.terminal.output import Screen
from fal_cli.terminal.progress.standing import lines, of_facts
from fal_cli.terminal.table import Cell, Column, Columns
from fal_cli.terminal.times import ago, on_day

_OPEN = (State.SENDING, State.ACCEPTED, State.RUNNING, State.ENDED)


class Stand(NamedTuple):
    """A batch and what came of its calls."""

    batch: Batch
    tally: Tally

    def count(self, *states: State) -> int:
        return sum(self.tally.states.get(state, 0) for state in states)

    @property
    def rows(self) -> int:
        known = self.batch.facts.get("rows")
        return known if isinstance(known, int) else self.tally.calls

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are in which state."""
        ended = {
            "done": self.count(State.COMPLETED),
            "open": self.count(*_OPEN),
            "failed": self.count(State.FAILED, State.EXPIRED),
            "cancelled": self.count(State.CANCELLED),
            "unknown": self.count(State.UNKNOWN),
        }
        return ended | {"left": max(0, self.rows - sum(ended.values()))}


def show(context: Context) -> None:
    """Prints every batch: a table on a terminal, an object a line in a pipe."""
    every = context.journal.required(batches.all_of_them)
    stands = (_stand(context, batch) for batch in every)
    now = datetime.now(UTC)
    columns: Columns[Stand] = {
        Column("name", 0): lambda stand: Cell(stand.batch.name, "bold"),
        Column("endpoint", 2, least=12, enough=28, keeps_end=True): lambda stand: Cell(_whose(stand.batch)),
        Column("rows", 3, is_right=True): lambda stand: Cell(f"{stand.rows:,}"),
        Column("state", 1, least=24): lambda stand: Cell(_in_words(stand)),
        Column("made", 4): lambda stand: Cell(ago(stand.batch.made_at, now) or on_day(stand.batch.made_at), "dim"),
    }
    if not context.output.rows(columns, stands, facts):
        context.talk.note("no batch yet")


def show_one(context: Context, batch: Batch) -> None:
    """Prints where one batch stands; of one that runs what its process tells."""
    stand = _stand(context, batch)
    if not context.output.is_terminal:
        context.output.json(facts(stand))
        return
    told = (
        f"{batch.name}: {', '.join(batch.endpoints)}, of {as_typed(batch.source) if batch.source else 'a grid'}",
        *(_running_lines(context, batch) if batch.is_running else [f"  {_in_words(stand)}"]),
        f"  manifest: {as_typed(str(batch.facts.get('manifest', '')))}",
    )
    Screen(context.output).tell(told)


def _running_lines(context: Context, batch: Batch) -> list[str]:
    """The board as it stood when it was told, and how to watch it."""
    told = context.journal.required(lambda ledger: batches.told(ledger, batch.number))
    watch = f"  runs in {batch.holder}; to watch it: {context.tool} batch resume {batch.name} --attach"
    if told is None:
        return [watch]
    standing = of_facts(told.facts, max(0.0, (datetime.now(UTC) - told.at).total_seconds()))
    return [watch, *(f"  {line}" for line in lines(standing))]


def facts(stand: Stand) -> dict[str, Any]:
    """A batch as a JSON object."""
    batch = stand.batch
    return {
        "name": batch.name,
        "endpoint": batch.endpoint,
        "endpoints": list(batch.endpoints),
        "source": batch.source or None,
        "made_at": batch.made_at.isoformat(),
        "rows": stand.rows,
        **stand.counts,
        "is_running": batch.is_running,
        "manifest": batch.facts.get("manifest"),
    }


def _stand(context: Context, batch: Batch) -> Stand:
    return Stand(batch, context.journal.required(lambda ledger: batches.tally(ledger, batch.name)))


def _whose(batch: Batch) -> str:
    return batch.endpoint if len(batch.endpoints) == 1 else f"{len(batch.endpoints)} endpoints"


def _in_words(stand: Stand) -> str:
    told = ", ".join(f"{count:,} {word}" for word, count in stand.counts.items() if count) or "nothing to do"
    return f"running: {told}" if stand.batch.is_running else told
