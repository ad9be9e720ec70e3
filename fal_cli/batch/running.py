"""A batch from its plan to its end: leased, run, told of."""

import os
import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fal_cli import jsontext, media
from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.batch import adopting, saving
from fal_cli.batch.carrier import Carrier, Terms
from fal_cli.batch.costs import Costs
from fal_cli.batch.crew import Broke, Crew, News
from fal_cli.batch.engine import SAVERS, Engine, Rules
from fal_cli.batch.group import Group
from fal_cli.batch.manifest import NAME, Manifest
from fal_cli.batch.names import Names
from fal_cli.batch.options import RunFlags
from fal_cli.batch.planned import Fate, PlanFile
from fal_cli.batch.saving import Saver
from fal_cli.batch.telling import Telling
from fal_cli.batch.uploads import Uploads
from fal_cli.batch.window import CEILING
from fal_cli.calls.terms import terms as terms_of
from fal_cli.concurrency import long_turns
from fal_cli.context import Context
from fal_cli.errors import CliError, NotFinished, UsageError
from fal_cli.identity.digests import Digests
from fal_cli.identity.keys import scope_of
from fal_cli.ledger import batches, claims
from fal_cli.ledger.batches import Batch
from fal_cli.ledger.claims import Budget
from fal_cli.options import SpendFlags
from fal_cli.results.money import Money
from fal_cli.signals import Interrupted
from fal_cli.terminal.hyperlinks import as_typed

if TYPE_CHECKING:
    from fal_cli.api.wire import Wire

_SWEEPERS = 4
_PAGE = 200
_NAMED = 10


@dataclass(frozen=True)
class Ready:
    """A batch that is planned and agreed to. `again` are fates that are sent once more."""

    batch: Batch
    options: CallOptions
    plan: PlanFile
    names: Names
    is_private: bool
    again: frozenset[str] = frozenset()
    adopts: float | None = None
    """How old in seconds requests of other machines may be that are taken for rows; None for none."""
    cancels_on_interrupt: bool = False
    planned: Decimal | None = None
    """What is expected to be spent, where that is known."""


def concurrency(text: str) -> int | None:
    """What `--concurrency` asks for; None to find it. Raises `UsageError`."""
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= CEILING):
        raise UsageError(f"--concurrency takes auto, or 1 to {CEILING}, not {text!r}")
    return int(text)


def budgets_of(context: Context, flags: RunFlags, batch: str) -> tuple[Callable[[], Sequence[Budget]], bool]:
    """The budgets that hold for a batch, as they stand when asked for, and whether there are any.

    `--budget 25` is the batch's own, `--budget 5/day` one of the account, beside those of the environment and profile.
    Raises `UsageError`.
    """
    from fal_cli.config import budgets

    is_own = bool(flags.budget) and "/" not in flags.budget
    terms = terms_of(context, SpendFlags(budget="" if is_own else flags.budget))
    amount = budgets.amount(flags.budget, "--budget") if is_own else None
    own = [Budget(amount, flags.budget, scope_of(context.accounts.own), batch=batch)] if amount is not None else []
    return lambda: [*own, *terms.budgets(context)], bool(own or terms.limits)


def _planned(ready: Ready, flags: RunFlags, spent: Decimal) -> str:
    """What will have been spent at the end, and what may be."""
    told = [] if ready.planned is None else [f"~{Money(_short(spent + ready.planned), claims.CURRENCY)}"]
    return " ".join([*told, *([f"(budget {flags.budget})"] if flags.budget else [])])


def _short(amount: Decimal) -> Decimal:
    return round(amount, 4).normalize()


def _own_budget(batch: Batch) -> Budget:
    """All that a batch has spent, as a budget adds it up."""
    return Budget(Decimal(0), "", "", batch=batch.name)


def check_ledger(context: Context) -> None:
    """Raises `UsageError` where the ledger cannot be written: nothing may be sent many times without it."""
    context.journal.needed(lambda ledger: ledger.at_once(lambda: None), "a batch")


@contextmanager
def lease(context: Context, batch: Batch, learned: Callable[[], int]) -> Iterator[None]:
    """A block in which this process runs a batch, alone. Raises `NotFinished` (code 8) where another one does."""
    journal = context.journal
    holder = journal.required(lambda ledger: batches.take(ledger, batch.number))
    if holder is not None:
        raise NotFinished(
            f"the batch {batch.name} is running in {holder}",
            hint=f"To see it: {context.tool} batch status {batch.name}",
        )
    try:
        yield
    finally:
        journal.soon(lambda ledger: claims.close_claimed(ledger, batch.name))
        journal.soon(lambda ledger: batches.leave(ledger, batch.number, learned()))


def run(context: Context, ready: Ready, flags: RunFlags) -> int:
    """Runs a batch and returns its exit code. Raises `NotFinished`, `CliError`, `Interrupted`."""
    rules = Rules(
        concurrency=concurrency(flags.concurrency),
        learned=ready.batch.learned,
        deadline=Deadline(flags.timeout),
        max_failures=flags.max_failures,
        waits_for_lock=flags.on_locked == "wait",
        cancels_on_interrupt=ready.cancels_on_interrupt,
    )
    engines: list[Engine] = []

    def learned() -> int:
        return engines[0].learned if engines else ready.batch.learned

    with lease(context, ready.batch, learned), long_turns():
        return _run(context, ready, flags, rules, engines)


def _run(context: Context, ready: Ready, flags: RunFlags, rules: Rules, engines: list[Engine]) -> int:
    batch, journal = ready.batch, context.journal
    news: queue.SimpleQueue[News] = queue.SimpleQueue()
    group = Group(journal, lambda error: news.put(News(None, Broke(error))))
    wire = context.wire()
    wire.notify = lambda event: news.put(News(None, event))
    crew, savers = Crew(wire, CEILING + _SWEEPERS, "call"), Crew(_saving_wire(context, wire), SAVERS, "save")
    for one in (crew, savers):
        one.tells(news.put)
    costs = Costs(context)
    mark = f"b{batch.number}-"
    saver = Saver(ready.names, mark, overwrite=flags.overwrite, deadline=Deadline.never())
    uploads = Uploads(context, Digests(journal), rules.deadline)
    terms = _terms(context, ready, flags)
    carrier = Carrier(terms, context.accounts.hosts, journal, group, uploads, costs, saver, news.put, rules.deadline)
    manifest = Manifest(_manifest_path(context, ready))
    with context.terminal.board() as board:
        spent = group.do(lambda ledger: claims.spent_of(ledger, _own_budget(batch))).settled
        telling = Telling(context, board, manifest, _shown(context, flags), is_private=ready.is_private, spent=spent)
        try:
            _clear(ready, mark)
            manifest.open()
            _repair(ready, carrier, group, telling)
            if ready.adopts is not None:
                taken = adopting.adopt(wire.twin(), ready.plan, carrier, ready.adopts, rules.deadline)
                context.talk.note(f"{taken:,} requests of the account are used for rows (--adopt)")
            engine = Engine(
                ready.plan,
                batch.number,
                batch.name,
                batch.endpoints,
                crew,
                savers,
                carrier,
                group,
                news,
                rules,
                telling,
            )
            engines.append(engine)
            engine.standing.planned = _planned(ready, flags, spent)
            code = engine.run()
        except Interrupted:
            context.standing.leave = lambda: _left(context, batch.name, engines)
            raise
        finally:
            group.close()
            manifest.close()
            board.close()
    _summarize(context, ready, engine, telling)
    return code


def _saving_wire(context: Context, wire: "Wire") -> "Wire":
    found = context.reading_wire()
    found.notify = wire.notify
    return found


def _terms(context: Context, ready: Ready, flags: RunFlags) -> Terms:
    account = context.accounts.own
    budgets, has_budget = budgets_of(context, flags, ready.batch.name)
    return Terms(
        batch=ready.batch.name,
        options=ready.options,
        host=account.hosts.queue,
        profile=account.credential.profile,
        key_print=account.credential.key_print,
        scope=scope_of(account),
        is_private=ready.is_private,
        again=ready.again,
        budgets=budgets,
        has_budget=has_budget,
        allows_unknown=flags.allow_unknown_cost,
    )


def _shown(context: Context, flags: RunFlags) -> str:
    return flags.print_ or ("none" if context.output.is_terminal else "rows")


def _manifest_path(context: Context, ready: Ready) -> Path:
    """Beside the files; under the batch's name where another batch writes one there."""
    folder = ready.names.folder
    others = context.journal.required(batches.all_of_them)
    usual = str((folder / NAME).absolute())
    taken = any(other.facts.get("manifest") == usual and other.name != ready.batch.name for other in others)
    return folder / (f"{ready.batch.name}.{NAME}" if taken else NAME)


def _clear(ready: Ready, mark: str) -> None:
    try:
        saving.clear_parts(ready.names.folder, mark)
    except OSError as error:
        raise CliError(f"cannot clear {ready.names.folder}: {error.strerror or error}") from None


def _repair(ready: Ready, carrier: Carrier, group: Group, telling: Telling) -> None:
    """Tells the manifest of rows that were done when the program was killed before it could."""
    rows = (planned for planned in ready.plan.rows(Fate.DONE) if not telling.has_told(planned.row))
    while page := list(islice(rows, _PAGE)):
        known = carrier.rows_of(page)
        for planned in page:
            row = known.get(planned.row)
            if row is not None:
                kept = group.do(lambda ledger, number=row.local_id: ledger.result(number))  # type: ignore[misc]
                found = jsontext.read(kept.body, jsontext.NOT_JSON) if kept else jsontext.NOT_JSON
                urls = [file.url for file in media.find(found)] if found is not jsontext.NOT_JSON else []
                telling.repair(planned, row, urls)


def _left(context: Context, name: str, engines: Sequence[Engine]) -> tuple[str, ...]:
    count = engines[0].going_on if engines else 0
    again = f"To continue: the same command, or {context.tool} batch resume {name}"
    if not count:
        return (again,)
    return (f"{count} requests go on. {again}",) if count > 1 else (f"1 request goes on. {again}",)


def _summarize(context: Context, ready: Ready, engine: Engine, telling: Telling) -> None:
    standing, talk, name = engine.standing, context.talk, ready.batch.name
    parts = [f"{standing.done:,} of {standing.rows:,} rows are done"]
    for count, word in (
        (standing.failed, "failed"),
        (standing.cancelled, "cancelled"),
        (len(engine.unknown), "not known"),
        (standing.unsaved, "not saved"),
    ):
        parts += [f"{count:,} {word}"] if count else []
    rest = standing.rows - standing.ended - len(engine.unknown) - standing.unsaved
    parts += [f"{rest:,} left"] if rest > 0 else []
    parts += [standing.spent] if standing.spent else []
    parts += [f"in {as_typed(str(ready.names.folder))}{os.sep}"] if standing.done else []
    talk.event(
        {"event": "summary", "batch": name, **standing.counts(), "left": rest, "stopped": engine.stopped or None}
    )
    if not talk.machine:
        talk.note(f"{name}: {' · '.join(parts)}")
    _name_unknown(context, name, engine)
    if standing.failed or standing.cancelled:
        talk.note(f"The failed rows are in {telling.path}. To send them again: {context.tool} batch retry {name}")
    elif rest > 0 or standing.unsaved:
        talk.note(f"To continue: the same command, or {context.tool} batch resume {name}")


def _name_unknown(context: Context, name: str, engine: Engine) -> None:
    """Names the rows that may be running. None of them is sent again on a guess."""
    unknown = engine.unknown
    for planned, row in unknown[:_NAMED]:
        line = f", line {planned.line}" if planned.line else ""
        context.talk.essential(f"not known: row {planned.row}{line} ({row.name}) was sent, and its answer was lost")
    if len(unknown) > _NAMED:
        context.talk.essential(f"… and {len(unknown) - _NAMED} more")
    if unknown:
        context.talk.essential(f"To look them up again later: {context.tool} batch resume {name}")
