"""The price of a call held against its terms, and the call claimed in the ledger."""

from functools import partial
from typing import TYPE_CHECKING

from fal_cli.calls import lookup, price
from fal_cli.calls.model import Call
from fal_cli.calls.submit import recorded
from fal_cli.calls.terms import Terms
from fal_cli.context import Context
from fal_cli.errors import OverBudget
from fal_cli.ledger import claims
from fal_cli.ledger.claims import CURRENCY, Budget, Claimed, Spent, Taken
from fal_cli.ledger.rows import Row
from fal_cli.results.money import Money

if TYPE_CHECKING:
    from decimal import Decimal

    from fal_cli.calls.price import Estimate

_UNKNOWN_HINT = "To send it anyway: --allow-unknown-cost"


def claim(
    context: Context, call: Call, terms: Terms, mode: str, *, is_once: bool = False, seen: Row | None = None
) -> Call | Row:
    """A call that fits its terms, claimed if they need that; or with `is_once` the row that stands in its place.

    Raises `OverBudget` (code 12), and `UsageError` where the ledger cannot be written.
    """
    expected = price.estimate_of(context, call, mode) if terms.needs_price else None
    if expected is not None and terms.max_cost is not None:
        _check_most(expected, terms.max_cost, terms)
    if not terms.needs_claim:
        return call
    why = "--once" if is_once else "a budget"
    budgets = terms.budgets(context)
    if budgets:
        _close_what_was_left(context)
    for budget in budgets:
        price.settle_past(context, budget)
    row = recorded(context, context.accounts.hosts, call, mode)
    found = context.journal.needed(
        lambda ledger: claims.claim(
            ledger,
            row,
            is_once=is_once,
            seen=seen,
            reserved=expected.most if expected else None,
            budgets=budgets,
            allows_unknown=terms.allows_unknown,
        ),
        why,
    )
    if isinstance(found, Taken):
        return found.row
    if isinstance(found, Claimed):
        return call._replace(claimed=context.journal.claimed(found.local_id, is_private=call.is_private))
    assert expected is not None
    raise _over(found.budget, found.spent, expected)


def _close_what_was_left(context: Context) -> None:
    """Gives back what processes had claimed that ended before they sent it: it holds nothing of a budget."""
    for row in context.journal.glance(claims.claimed) or []:
        if not lookup.is_being_sent(row):
            context.journal.soon(partial(claims.let_go, local_id=row.local_id))


def _check_most(expected: "Estimate", most: "Decimal", terms: Terms) -> None:
    """Raises `OverBudget` for a call that may cost more than `most`."""
    if expected.most is None:
        if not terms.allows_unknown:
            raise OverBudget(
                f"the cost of this call is not known ({expected.source}), so it may exceed --max-cost "
                f"{most:f}; nothing was sent",
                hint=_UNKNOWN_HINT,
            )
    elif expected.most > most:
        raise OverBudget(
            f"this call may cost {_money(expected.most)} ({expected.source}), more than --max-cost {most:f}; "
            "nothing was sent"
        )


def _over(budget: Budget, spent: Spent, expected: "Estimate") -> OverBudget:
    """The error for a call beyond a budget, with the amounts spent and left."""
    waiting = f", {_money(spent.reserved)} of it set aside for calls whose bill is not known" if spent.reserved else ""
    left = max(budget.limit - spent.total, budget.limit * 0)
    used = f"spent {_money(spent.total)}{waiting}; left {_money(left)}"
    if expected.most is None:
        return OverBudget(
            f"the cost of this call is not known ({expected.source}), and the budget is {budget.name}: {used}. "
            "Nothing was sent",
            hint=_UNKNOWN_HINT,
        )
    if spent.total + expected.most <= budget.limit:
        return OverBudget(
            f"the cost of {spent.unknown} earlier calls is not known, and the budget is {budget.name}: {used}. "
            "Nothing was sent",
            hint=_UNKNOWN_HINT,
        )
    return OverBudget(
        f"this call may cost {_money(expected.most)} ({expected.source}), more than is left of the budget of "
        f"{budget.name}: {used}. Nothing was sent",
        hint="To send it, raise the budget: fal help money",
    )


def _money(amount: "Decimal") -> str:
    return str(Money(amount, CURRENCY))
