"""`fal batch ENDPOINT SOURCE`: a list planned, shown, agreed to and run; and a batch that goes on from its plan."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from fal_cli.api.call_options import CallOptions
from fal_cli.batch import attaching, fates, ordering, places, planning, running
from fal_cli.batch.costs import Costs, Expected, Sum
from fal_cli.batch.names import Names
from fal_cli.batch.options import RowFlags, RunFlags
from fal_cli.batch.ordering import Typed
from fal_cli.batch.plan import Found, Order, Planner
from fal_cli.batch.planned import NOWHERE, Fate, PlanFile
from fal_cli.batch.running import Ready
from fal_cli.context import Context
from fal_cli.errors import InputRefused, NotFound, UsageError
from fal_cli.identity.digests import Digests
from fal_cli.ledger import batches, claims
from fal_cli.ledger.batches import Batch
from fal_cli.ledger.rows import Row
from fal_cli.ledger.store import Ledger
from fal_cli.options import CallFlags
from fal_cli.terminal.output import Screen

_PAGE = 500


def begin(
    context: Context,
    endpoint: str,
    rows: RowFlags,
    call: CallFlags,
    flags: RunFlags,
    directory: str,
    again: frozenset[str],
    *,
    once: bool = False,
    adopts: float | None = None,
    cancels_on_interrupt: bool = False,
    attaches: bool = False,
) -> int:
    """Plans a batch and runs it; with `call.dry_run` it is planned and shown; one that `attaches` is only watched.

    Returns the exit code. Raises `UsageError` (nothing was sent), `InputRefused` (code 4), and as `running.run`.
    """
    running.concurrency(flags.concurrency)  # what cannot be is said before anything is read
    if attaches and call.dry_run:
        raise UsageError("--attach watches a batch that runs; it goes without --dry-run")
    if not attaches:
        running.check_ledger(context)
    typed = ordering.read(context, endpoint, rows, call)
    if once and typed.is_private:
        raise UsageError("--once cannot recognise a private call: nothing of it is stored")
    names = Names(directory, typed.name, endpoints=len(typed.endpoints))
    known = context.journal.required(lambda ledger: batches.named(ledger, typed.name))
    typed = ordering.of_known(context, typed, known, rows)
    if attaches:
        return attaching.attach(context, known or attaching.running_one(context, typed.name), flags)
    if not call.dry_run:
        running.check_free(context, known)
    plan, found, expected = _planned(context, typed, rows, call, names, known, again, once=once)
    try:
        _show(context, typed, found, expected, is_dry=call.dry_run)
        if call.dry_run:
            return 0
        _, has_budget = running.budgets_of(context, flags, typed.name)
        planning.agree(context, found, expected, is_agreed=flags.yes or has_budget)
        batch = _recorded(context, typed, names, call, found)
        ready = Ready(
            batch, typed.options, plan, names, typed.is_private, again, adopts, cancels_on_interrupt,
            expected.amount if expected and not expected.unknown else None,
        )  # fmt: skip
        return running.run(context, _placed(context, ready), flags)
    finally:
        plan.close()
        places.drop(plan.path)


def go_on(
    context: Context, name: str, flags: RunFlags, again: frozenset[str], *, cancels_on_interrupt: bool = False
) -> int:
    """Goes on with a batch from its plan, without its list. Raises `NotFound`, and as `running.run`."""
    running.check_ledger(context)
    batch = named(context, name)
    running.check_free(context, batch)
    place = places.plan_of(context, batch.number)
    if not place.exists():
        raise NotFound(
            f"the plan of the batch {name} is not stored here",
            hint=f"Run it as before: {context.tool} batch {batch.endpoint} {batch.source}",
        )
    plan = PlanFile(place)
    try:
        _look_again(context, plan, again)
        counts = plan.counts()
        found = Found(counts, sum(counts.values()))
        _, has_budget = running.budgets_of(context, flags, name)
        context.talk.note(planning.brief(name, found))
        is_agreed = flags.yes or has_budget or not again
        expected = _expected(context, plan) if found.to_send and not is_agreed else None
        planning.agree(context, found, expected, is_agreed=is_agreed)
        options = CallOptions.from_kept(_mapping(batch.facts.get("options")))
        if _mapping(batch.facts.get("options")).get("headers"):
            context.notify.warn("the batch began with its own headers, which are not stored")
        names = Names(str(batch.facts.get("template", "")), name)
        ready = Ready(batch, options, plan, names, False, again, None, cancels_on_interrupt)
        return running.run(context, ready, flags)
    finally:
        plan.close()


def _expected(context: Context, plan: PlanFile) -> Sum:
    """What the rows that are to be sent are expected to cost."""
    expected = Expected(Costs(context))
    for planned in plan.rows(Fate.SEND, Fate.NEXT):
        expected.add(str(planned.endpoint), planned.input_json)
    return expected.sum()


def named(context: Context, name: str) -> Batch:
    """The batch of that name; without one the newest. Raises `NotFound`."""
    every = context.journal.required(batches.all_of_them)
    found = next((batch for batch in every if not name or batch.name == name), None)
    if found is None:
        told = f"no batch {name!r}" if name else "no batch yet"
        raise NotFound(
            told, hint=f"List them: {context.tool} batch" if name else f"To begin: {context.tool} help batch"
        )
    return found


def find_of(context: Context, name: str, *, is_private: bool) -> "partial[dict[str, Row]]":
    """What looks up the newest calls of keys in the ledger."""

    def find(keys: Sequence[str]) -> dict[str, Row]:
        def act(ledger: Ledger) -> dict[str, Row]:
            return claims.newest_of_batch(ledger, name, keys) if is_private else claims.newest_of(ledger, keys)

        return context.journal.required(act)

    return partial(find)


def _planned(
    context: Context,
    typed: Typed,
    rows: RowFlags,
    call: CallFlags,
    names: Names,
    known: Batch | None,
    again: frozenset[str],
    *,
    once: bool,
) -> tuple[PlanFile, Found, Sum | None]:
    order = ordering.order(context, typed, rows, call, names, again, once=once)
    try:
        return _made(context, typed, order, known, is_dry=call.dry_run)
    except InputRefused:
        if not ordering.refreshed(context, typed):
            raise
        order = ordering.order(context, typed, rows, call, names, again, once=once)
        return _made(context, typed, order, known, is_dry=call.dry_run)


def _made(
    context: Context, typed: Typed, order: Order, known: Batch | None, *, is_dry: bool
) -> tuple[PlanFile, Found, Sum | None]:
    """One plan, and what it comes to. It is forgotten again if it is private or dry."""
    old = places.plan_of(context, known.number) if known is not None and not order.is_private else None
    plan = PlanFile(NOWHERE if is_dry or order.is_private else places.new_plan(context))
    try:
        expected = Expected(Costs(context))
        find = find_of(context, typed.name, is_private=order.is_private)
        planner = Planner(
            order, plan, Digests(context.journal), find, expected.add, old=old if old and old.exists() else None
        )
        found = planner.make()
        if not found.rows and not found.others:
            raise UsageError(f"{typed.where or 'the list'} has no rows; nothing was sent")
        return plan, found, expected.sum() if found.to_send else None
    except BaseException:
        plan.close()
        places.drop(plan.path)
        raise


def _show(context: Context, typed: Typed, found: Found, expected: Sum | None, *, is_dry: bool) -> None:
    if is_dry:
        if context.output.is_terminal:
            Screen(context.output).tell(planning.lines(typed.name, found, expected))
        else:
            context.output.json(planning.facts(typed.name, found, expected))
        return
    if context.talk.machine:
        context.talk.event({"event": "plan", **planning.facts(typed.name, found, expected)})
        return
    for line in planning.lines(typed.name, found, expected):
        context.talk.note(line)


def _recorded(context: Context, typed: Typed, names: Names, call: CallFlags, found: Found) -> Batch:
    """The batch in the ledger, with all that it needs to go on."""
    facts: Mapping[str, Any] = {
        "options": typed.options.as_kept(),
        "template": str(Path(names.template).absolute()),
        "manifest": str(places.manifest_of(context, typed.name, names.folder)),
        "folder": str(names.folder.absolute()),
        "rows": found.rows,
        "is_private": typed.is_private,
    }
    targets = [str(one.target) for one in typed.endpoints]
    return context.journal.required(lambda ledger: batches.make(ledger, typed.name, targets, typed.where, facts))


def _placed(context: Context, ready: Ready) -> Ready:
    """The batch with its plan where the next command finds it; a private one is forgotten."""
    if ready.is_private:
        return ready
    places.adopt_plan(context, ready.plan.path, ready.batch.number)
    return ready


def _look_again(context: Context, plan: PlanFile, again: frozenset[str]) -> None:
    """Brings what the plan says of its rows up to date with the ledger."""
    find = find_of(context, "", is_private=False)
    rows = plan.rows()
    while page := list(islice(rows, _PAGE)):
        known = find([planned.key for planned in page])
        changed = [(fates.of(known.get(one.key), again), one.row) for one in page]
        plan.set_fates(changed)
    plan.flush()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
