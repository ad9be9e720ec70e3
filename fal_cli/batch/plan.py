"""The plan of a batch: every row read, typed, checked, named and known by its identity, before any of it is paid for.

What is wrong with any row is found here, all of it, with line and column. What is done already, open, or to be looked
up is known from the ledger alone; nothing is asked of the service.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.batch import fates
from fal_cli.batch.grid import Axis, Share, product
from fal_cli.batch.mapping import Made, Mapper
from fal_cli.batch.names import Names
from fal_cli.batch.planned import Fate, PlanFile, Planned
from fal_cli.batch.sources import Record, Source
from fal_cli.errors import CliError, InputRefused, UsageError
from fal_cli.files.attachment import attachments
from fal_cli.identity import canonical
from fal_cli.identity.keys import Identity, identity
from fal_cli.inputs import nesting
from fal_cli.schema import problems
from fal_cli.schema.report import lines as told_of

if TYPE_CHECKING:
    from fal_cli.identity.digests import Digests
    from fal_cli.ledger.rows import Row
    from fal_cli.schema import Problem, Schema

_TOLD = 20
_LOOKED_UP_AT_ONCE = 500
_NO_LINE = Record(0, {})
Find = Callable[[Sequence[str]], "Mapping[str, Row]"]
Sends = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Order:
    """What a batch is made of: which rows, times which values, how often, and what each comes to.

    `source` is None for a grid alone. `scope` is that of the batch, "" for a private one, whose calls are known by
    their number alone. `again` names fates that are sent once more.
    """

    endpoint: str
    names: Names
    mapper: Mapper | None
    base: Mapping[str, Any]
    given: Mapping[str, Any]
    source: Source | None = None
    axes: tuple[Axis, ...] = ()
    repeat: int = 1
    limit: int | None = None
    share: Share | None = None
    schema: "Schema | None" = None
    scope: str = ""
    outcome: Mapping[str, str] = field(default_factory=dict)
    again: frozenset[str] = frozenset()

    @property
    def is_private(self) -> bool:
        return not self.scope


class Files(NamedTuple):
    """The files that calls name: how many different ones, and their bytes together."""

    number: int
    size: int


@dataclass
class Found:
    """What a plan came to. `gone` are rows of an earlier plan that the list has no longer, `new` those it had not."""

    counts: dict[Fate, int] = field(default_factory=dict)
    rows: int = 0
    new: int = 0
    gone: int = 0
    others: int = 0
    """Calls that are another share's."""
    files: Files = field(default_factory=lambda: Files(0, 0))
    examples: list[str] = field(default_factory=list)

    def count(self, fate: Fate) -> int:
        return self.counts.get(fate, 0)

    @property
    def to_send(self) -> int:
        return self.count(Fate.SEND) + self.count(Fate.NEXT)


class Planner:
    """Makes one plan. `find` answers, of keys, the newest row of the ledger with each."""

    def __init__(
        self, order: Order, plan: PlanFile, digests: "Digests", find: Find, sends: Sends, *, old: Path | None
    ) -> None:
        """`sends` hears of the input of each call that is to be sent."""
        self._order = order
        self._plan = plan
        self._digests = digests
        self._find = find
        self._sends = sends
        self._has_old = old is not None
        self._place = 0
        self._next = 1
        self._wrong: list[str] = []
        self._count_wrong = 0
        self._waiting: list[tuple[Planned, int]] = []
        self._seen_files: dict[str, int] = {}
        self.found = Found()
        if old is not None:
            plan.numbers_of(old)
            self._next = plan.greatest_before() + 1

    def make(self) -> Found:
        """Reads the list to its end.

        Raises `BadRow` and `UsageError` for a list that cannot be read or names that clash, `InputRefused` (code 4)
        for inputs that the endpoint would refuse.
        """
        for record in self._records():
            for values in product(self._order.axes):
                self._row(record, values)
        self._flush()
        if self._wrong:
            raise self._refusal()
        if self._has_old:
            self.found.gone = self._plan.keep_gone()
        self._plan.finish()
        self.found.counts = self._plan.counts()
        self.found.rows = len(self._plan)
        self.found.files = Files(len(self._seen_files), sum(self._seen_files.values()))
        return self.found

    def _records(self) -> Iterator[Record]:
        source, limit = self._order.source, self._order.limit
        if source is None:
            yield _NO_LINE
            return
        for number, record in enumerate(source.records()):
            if limit is not None and number >= limit:
                return
            yield record

    def _row(self, record: Record, values: Mapping[str, tuple[Axis, Any]]) -> None:
        made = self._made(record, values)
        wrong = made.problems or (problems(self._order.schema, made.input_json) if self._order.schema else [])
        if wrong:
            self._note_wrong(record, made, wrong)
            return
        for _ in range(self._order.repeat):
            self._call(record, made)

    def _made(self, record: Record, values: Mapping[str, tuple[Axis, Any]]) -> Made:
        mapper = self._order.mapper
        made = mapper.made(record) if mapper else Made(dict(self._order.base), dict(self._order.given), [], {})
        for key, (axis, value) in values.items():
            nesting.assign(made.input_json, axis.steps, value, key)
            nesting.assign(made.given, axis.steps, value, key)
        return made

    def _call(self, record: Record, made: Made) -> None:
        """One call of a row: known by its content and by how many equal ones came before it."""
        self._place += 1
        known = self._identity(made.given)
        number = self._number(known)
        share = self._order.share
        if share is not None and known is not None and not share.holds(bytes.fromhex(known.content_key)):
            self.found.others += 1
            return
        fields = self._order.names.values(number, record.cells, made.input_json, self._order.endpoint)
        self._check_name(fields, record)
        self._see_files(made.input_json)
        key = known.once_key if known else str(number)
        planned = Planned(
            number, record.line, key, made.input_json, record.cells, fields, record.spares, Fate.SEND,
            known.content_key if known else "",
        )  # fmt: skip
        self._waiting.append((planned, self._place))
        if len(self._waiting) >= _LOOKED_UP_AT_ONCE:
            self._flush()

    def _identity(self, given: Mapping[str, Any]) -> Identity | None:
        order = self._order
        if order.is_private:
            return None
        text = canonical.text(given, self._digests.of)
        nth = self._plan.equal_before(text)
        return identity(order.scope, order.endpoint, text, nth=nth, outcome=order.outcome)

    def _number(self, known: Identity | None) -> int:
        old = self._plan.number_of(known.once_key) if self._has_old and known else None
        if old is not None:
            return old
        self.found.new += 1
        self._next += 1
        return self._next - 1

    def _check_name(self, fields: Mapping[str, str], record: Record) -> None:
        """Raises `UsageError` where two calls would have one name for their files."""
        target = self._order.names.target(fields)
        other = self._plan.clash(target, record.line) if target else None
        if other is not None:
            where = f"lines {other} and {record.line}" if record.line and other != record.line else "two rows"
            raise UsageError(
                f"{where} would save their files under one name: {self._order.names.shown(fields)}",
                hint="Add {row} to the name: it is different for each.",
            )

    def _see_files(self, input_json: Mapping[str, Any]) -> None:
        for found in attachments(input_json):
            path = str(found.path)
            if path not in self._seen_files:
                self._seen_files[path] = found.path.stat().st_size

    def _flush(self) -> None:
        """Writes down what was read, with what the ledger knows of each."""
        waiting, self._waiting = self._waiting, []
        known = self._find([planned.key for planned, _ in waiting])
        for planned, place in waiting:
            fate = fates.of(known.get(planned.key), self._order.again)
            if len(self.found.examples) < 3:
                self.found.examples.append(self._order.names.shown(planned.fields))
            if fate in (Fate.SEND, Fate.NEXT):
                self._sends(planned.input_json)
            self._plan.add(planned._replace(fate=fate), place)

    def _note_wrong(self, record: Record, made: Made, wrong: "Sequence[Problem]") -> None:
        self._count_wrong += 1
        if len(self._wrong) >= _TOLD:
            return
        for problem, line in zip(wrong, told_of(list(wrong)), strict=True):
            column = made.columns.get(problem.path.partition(".")[0], "")
            where = f"line {record.line}" if record.line else f"row {self._place + self._count_wrong}"
            self._wrong.append(f'{where}, column "{column}": {line}' if column else f"{where}: {line}")

    def _refusal(self) -> CliError:
        many = "1 row does" if self._count_wrong == 1 else f"{self._count_wrong:,} rows do"
        more = self._count_wrong - _TOLD
        lines = (*self._wrong[:_TOLD], *((f"… and {more:,} more rows",) if more > 0 else ()))
        source = f" of {self._order.source.name}" if self._order.source else ""
        return InputRefused(
            f"{many} not fit {self._order.endpoint}, so nothing was sent: see the rows{source} below",
            lines=lines,
            hint=f"See its inputs: fal schema {self._order.endpoint}. To send them as they are: --no-validate",
        )
