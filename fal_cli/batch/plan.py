"""The plan of a batch: every row read, typed, checked, named and known by its identity, before any of it is paid for.

What is wrong with any row is found here, all of it, with line and column. What is done already, open, or to be looked
up is known from the ledger alone; nothing is asked of the service.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.batch import fates
from fal_cli.batch.grid import Axis, Share, product
from fal_cli.batch.mapping import Made
from fal_cli.batch.names import Names
from fal_cli.batch.planned import Fate, PlanFile, Planned
from fal_cli.batch.recipes import Recipe
from fal_cli.batch.sources import Record, Source
from fal_cli.errors import CliError, InputRefused, UsageError
from fal_cli.files.attachment import attachments
from fal_cli.identity import canonical
from fal_cli.identity.keys import Identity, identity
from fal_cli.schema import problems
from fal_cli.schema.report import lines as told_of

if TYPE_CHECKING:
    from fal_cli.identity.digests import Digests
    from fal_cli.ledger.rows import Row
    from fal_cli.schema import Problem

_TOLD = 20
_LOOKED_UP_AT_ONCE = 500
_NO_LINE = Record(0, {})
Find = Callable[[Sequence[str]], "Mapping[str, Row]"]
Sends = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Order:
    """What a batch is made of: which rows, for which endpoints, how often, and what each comes to.

    `source` is None for a grid alone. `scope` is that of the batch, "" for a private one, whose calls are known by
    their number alone. `again` names fates that are sent once more.
    """

    names: Names
    recipes: tuple[Recipe, ...]
    source: Source | None = None
    repeat: int = 1
    limit: int | None = None
    share: Share | None = None
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
class Part:
    """What a plan came to for one endpoint: how many rows of each fate, and for how many each input is left out."""

    counts: Counter[Fate] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.counts.total()

    @property
    def to_send(self) -> int:
        return self.counts[Fate.SEND] + self.counts[Fate.NEXT]


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
    parts: dict[str, Part] = field(default_factory=dict)
    """The same for each endpoint."""

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
        self._read = 0
        self._next = 1
        self._wrong: list[str] = []
        self._refusing: dict[str, None] = {}
        self._count_wrong = 0
        self._waiting: list[tuple[Planned, int]] = []
        self._seen_files: dict[str, int] = {}
        self.found = Found(parts={recipe.endpoint: Part() for recipe in order.recipes})
        if old is not None:
            plan.numbers_of(old)
            self._next = plan.greatest_before() + 1

    def make(self) -> Found:
        """Reads the list to its end.

        Raises `BadRow` and `UsageError` for a list that cannot be read or names that clash, `InputRefused` (code 4)
        for inputs that the endpoint would refuse.
        """
        for record in self._records():
            for values in zip(*(product(recipe.axes) for recipe in self._order.recipes), strict=True):
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

    def _row(self, record: Record, values: Sequence[Mapping[str, tuple[Axis, Any]]]) -> None:
        """The calls of one row: those of all endpoints together, so that places tell which belong beside each other."""
        self._read += 1
        calls: list[tuple[Recipe, Made]] = []
        for recipe, own in zip(self._order.recipes, values, strict=True):
            made = recipe.made(record, own)
            wrong = made.problems or (problems(recipe.schema, made.input_json) if recipe.schema else [])
            if wrong:
                self._note_wrong(recipe.endpoint, record, made, wrong)
            else:
                calls.append((recipe, made))
        for _ in range(self._order.repeat):
            for recipe, made in calls:
                self._call(recipe.endpoint, record, made)

    def _call(self, endpoint: str, record: Record, made: Made) -> None:
        """One call of a row: known by its content and by how many equal ones came before it."""
        self._place += 1
        known = self._identity(endpoint, made.given)
        number = self._number(known)
        share = self._order.share
        if share is not None and known is not None and not share.holds(bytes.fromhex(known.content_key)):
            self.found.others += 1
            return
        cells = {**made.left_out, **record.cells}
        fields = self._order.names.values(number, cells, {**made.left_out, **made.input_json}, endpoint)
        self.found.parts[endpoint].left_out.update(made.left_out.keys())
        self._check_name(fields, record)
        self._see_files(made.input_json)
        key = known.once_key if known else str(number)
        planned = Planned(
            number, record.line, key, made.input_json, cells, fields, record.spares, Fate.SEND,
            known.content_key if known else "",
        )  # fmt: skip
        self._waiting.append((planned, self._place))
        if len(self._waiting) >= _LOOKED_UP_AT_ONCE:
            self._flush()

    def _identity(self, endpoint: str, given: Mapping[str, Any]) -> Identity | None:
        order = self._order
        if order.is_private:
            return None
        text = canonical.text(given, self._digests.of)
        nth = self._plan.equal_before(f"{endpoint}\0{text}")
        return identity(order.scope, endpoint, text, nth=nth, outcome=order.outcome)

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
                hint=self._order.names.way_out,
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
            endpoint = planned.fields["endpoint"]
            self.found.parts[endpoint].counts[fate] += 1
            if fate in (Fate.SEND, Fate.NEXT):
                self._sends(endpoint, planned.input_json)
            self._plan.add(planned._replace(fate=fate), place)

    def _note_wrong(self, endpoint: str, record: Record, made: Made, wrong: "Sequence[Problem]") -> None:
        self._count_wrong += 1
        self._refusing[endpoint] = None
        if len(self._wrong) >= _TOLD:
            return
        for problem, line in zip(wrong, told_of(list(wrong)), strict=True):
            column = made.columns.get(problem.path.partition(".")[0], "")
            where = f"line {record.line}" if record.line else f"row {self._read}"
            where += f", {endpoint}" if len(self._order.recipes) > 1 else ""
            self._wrong.append(f'{where}, column "{column}": {line}' if column else f"{where}: {line}")

    def _refusal(self) -> CliError:
        many = "1 row does" if self._count_wrong == 1 else f"{self._count_wrong:,} rows do"
        more = self._count_wrong - _TOLD
        lines = (*self._wrong[:_TOLD], *((f"… and {more:,} more rows",) if more > 0 else ()))
        source = f" of {self._order.source.name}" if self._order.source else ""
        return InputRefused(
            f"{many} not fit {' and '.join(self._refusing)}, so nothing was sent: see the rows{source} below",
            lines=lines,
            hint=f"See its inputs: fal schema {next(iter(self._refusing))}. To send them as they are: --no-validate",
        )
