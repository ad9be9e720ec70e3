"""A batch from its plan to its end: leased, run, told of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_cli import jsontext, media
from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.batch import adopting, closing, saving
from fal_cli.batch.carrier import Carrier, Terms
from fal_cli.batch.costs import Costs
from fal_cli.batch.crew import Broke, Crew, News
from fal_cli.batch.engine import SAVERS, Engine, Rules
from fal_cli.batch.group import Group
from fal_cli.batch.manifest import Manifest
from fal_cli.batch.names import Names
from fal_cli.batch.options import RunFlags
from fal_cli.batch.planned import Fate, PlanFile
from fal_cli.batch.saving import Saver
from fal_cli.batch.telling import Telling, shown
from fal_cli.batch.uploads import Uploads
from fal_cli.batch.window import CEILING
from fal_cli.calls.terms import terms as terms_of
from fal_cli.concurrency import Inbox, long_turns
from fal_cli.context import Context
from fal_cli.errors import CliError, NotFinished, UsageError, report
from fal_cli.identity.digests import Digests
from fal_cli.identity.keys import scope_of
from fal_cli.ledger import batches, claims, windows
from fal_cli.ledger.batches import Batch, Holder
from fal_cli.ledger.claims import Budget
from fal_cli.options import SpendFlags
from fal_cli.results.money import Money
from fal_cli.signals import Interrupted
from fal_cli.terminal.progress.standing import summary

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


class Lease:
    """What a process says of a batch when it lets go of it: where it stands, how it ended."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.telling: Telling | None = None
        self.code = 0

    @property
    def facts(self) -> Mapping[str, Any]:
        """Where the batch stands, for whoever watches it."""
        return self.telling.facts(self.engine.standing) if self.engine and self.telling else {}


@contextmanager
def _lease(context: Context, batch: Batch) -> Iterator[Lease]:
    """A block in which this process runs a batch, alone. Raises `NotFinished` (code 8) where another one does."""
    journal = context.journal
    holder = journal.required(lambda ledger: batches.take(ledger, batch.number))
    if holder is not None:
        raise _taken(context, batch.name, holder)
    lease = Lease()
    try:
        yield lease
    except Interrupted as interruption:
        lease.code = interruption.code
        raise
    except Exception as error:
        lease.code = report(error).code
        raise
    finally:
        journal.soon(lambda ledger: claims.close_claimed(ledger, batch.name))
        journal.soon(lambda ledger: batches.leave(ledger, batch.number, lease.facts, lease.code))


def check_free(context: Context, batch: Batch | None) -> None:
    """Raises `NotFinished` (code 8) where another process runs a batch: before anybody is asked about money."""
    if batch is not None and batch.is_running:
        assert batch.holder is not None
        raise _taken(context, batch.name, batch.holder)


def _taken(context: Context, name: str, holder: Holder) -> NotFinished:
    return NotFinished(
        f"the batch {name} is running in {holder}",
        hint=f"To watch it: {context.tool} batch resume {name} --attach",
        next=("batch", "resume", name, "--attach"),
    )


def run(context: Context, ready: Ready, flags: RunFlags) -> int:
    """Runs a batch and returns its exit code. Raises `NotFinished`, `CliError`, `Interrupted`."""
    rules = Rules(
        concurrency=concurrency(flags.concurrency),
        learned=_learned(context, ready.batch),
        deadline=Deadline(flags.timeout),
        max_failures=flags.max_failures,
        waits_for_lock=flags.on_locked == "wait",
        cancels_on_interrupt=ready.cancels_on_interrupt,
    )
    with _lease(context, ready.batch) as lease, long_turns():
        try:
            lease.code = _run(context, ready, flags, rules, lease)
        finally:
            if lease.engine is not None:
                _remember_learned(context, ready.batch, lease.engine.learned)
        return lease.code


def _learned(context: Context, batch: Batch) -> int:
    scope = scope_of(context.accounts.own)
    return context.journal.glance(lambda ledger: windows.running_of(ledger, scope, batch.endpoints)) or 0


def _remember_learned(context: Context, batch: Batch, learned: int | None) -> None:
    scope = scope_of(context.accounts.own)
    if learned is not None:
        context.journal.soon(lambda ledger: windows.remember_running(ledger, scope, batch.endpoints, learned))


def _run(context: Context, ready: Ready, flags: RunFlags, rules: Rules, lease: Lease) -> int:
    batch, journal = ready.batch, context.journal
    news: Inbox[News] = Inbox()
    group = Group(journal, lambda error: news.put(News(None, Broke(error))))
    wire = context.wire()
    wire.notify = lambda event: news.put(News(None, event))
    crew, savers = Crew(wire, CEILING + _SWEEPERS, "call"), Crew(_saving_wire(context, wire), SAVERS, "save")
    for one in (crew, savers):
        one.tells(news.put)
    terms = _terms(context, ready, flags)
    costs = Costs(context, has_budget=terms.has_budget)
    mark = f"b{batch.number}-"
    saver = Saver(ready.names, mark, overwrite=flags.overwrite, deadline=Deadline.never())
    uploads = Uploads(context, Digests(journal), rules.deadline)
    carrier = Carrier(terms, context.accounts.hosts, journal, group, uploads, costs, saver, news.put, rules.deadline)
    manifest = Manifest(Path(str(batch.facts["manifest"])))
    shown_ = shown(context, flags.print_)
    with context.terminal.board(prints=shown_ != "none") as board:
        spent = group.do(lambda ledger: claims.spent_of(ledger, _own_budget(batch))).settled
        telling = Telling(
            context,
            board,
            manifest,
            shown_,
            is_private=ready.is_private,
            spent=spent,
            post=lambda facts: group.post(lambda ledger: batches.tell(ledger, batch.number, facts)),
        )
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
            lease.engine, lease.telling = engine, telling
            engine.standing.planned = _planned(ready, flags, spent)
            code = engine.run()
        except Interrupted:
            context.standing.leave = lambda: _left(context, ready, lease.engine)
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


def _clear(ready: Ready, mark: str) -> None:
    try:
        saving.clear_parts(ready.names.folder, mark)
    except OSError as error:
        raise CliError(f"cannot clear {ready.names.folder}: {error.strerror or error}") from None


def _repair(ready: Ready, carrier: Carrier, group: Group, telling: Telling) -> None:
    """Tells the manifest of rows that were done when the program was killed before it could."""
    rows = ready.plan.rows(Fate.DONE, is_left_out=telling.has_told)
    while page := list(islice(rows, _PAGE)):
        known = carrier.rows_of(page)
        for planned in page:
            row = known.get(planned.row)
            if row is not None:
                kept = group.do(lambda ledger, number=row.local_id: ledger.result(number))  # type: ignore[misc]
                found = jsontext.read(kept.body, jsontext.NOT_JSON) if kept else jsontext.NOT_JSON
                urls = [file.url for file in media.find(found)] if found is not jsontext.NOT_JSON else []
                telling.repair(planned, row, urls)


def _left(context: Context, ready: Ready, engine: Engine | None) -> tuple[str, ...]:
    """What an interruption leaves behind: what is done, and how to go on."""
    context.standing.goes_on = ("batch", "resume", ready.batch.name)
    again = closing.to_continue(context, ready.batch.name)
    if engine is None:
        return (again,)
    counts = (
        (engine.going_on, "goes on", "go on"),
        (engine.leaving, "was being sent and will be looked up", "were being sent and will be looked up"),
    )
    told = ", ".join(_requests(count, *words) for count, *words in counts if count)
    stands = f"{ready.batch.name}: {summary(engine.standing)}"
    return (stands, f"{told}. {again}" if told else again)


def _requests(count: int, one: str, many: str) -> str:
    return f"1 request {one}" if count == 1 else f"{count:,} requests {many}"


def _summarize(context: Context, ready: Ready, engine: Engine, telling: Telling) -> None:
    closing.summarize(context, engine.standing, telling.path, engine.stopped)
    _name_unknown(context, ready.batch.name, engine)


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
