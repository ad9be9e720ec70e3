"""A call taken for sending, by one process of many, and under what budgets allow. What is decided is decided at once.

The row of a call has two durable marks around its submit. *Claimed*: nothing has left, so that whoever finds it left
behind may send. *Sending*: bytes may leave; what is found so has to be looked up. A row turns from the one to the
other once, and only if nobody else has taken the call over meanwhile.

What calls cost under a budget is `held`: the bill, or what was reserved until the bill is known. It is counted in
whole 10^-9 dollars, so that the database adds it up exactly; a part of one counts as a whole. What is not known is
counted apart, never as nothing.
"""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, NamedTuple

from fal_cli.api import clock
from fal_cli.ledger.rows import Call, Mark, Row, State
from fal_cli.ledger.store import Ledger, kept_of, moment_text

CURRENCY = "USD"
"""The one that budgets are in."""
_NANO = Decimal("1e-9")
_LARGEST = 2**62
# A call that was refused or never left cost nothing, whatever was reserved for it.
_FREE = f"state IN ('{State.NOT_SENT}', '{State.REFUSED}')"


class Budget(NamedTuple):
    """What calls may cost together: those of an account (`scope`), or those of one `batch` alone.

    `name` is what it is called, such as `5/day`; `since` from when calls count. The ones from before a ledger knew
    of scopes are told by `profile`, or where that is "" by `key_print`.
    """

    limit: Decimal
    name: str
    scope: str
    since: datetime | None = None
    batch: str = ""
    profile: str = ""
    key_print: str = ""


class Spent(NamedTuple):
    """What calls of a budget have cost (`settled`), what is set aside for others, and how many cost nobody knows."""

    settled: Decimal
    reserved: Decimal
    unknown: int

    @property
    def total(self) -> Decimal:
        return self.settled + self.reserved


class Claimed(NamedTuple):
    """The call is this process's to send."""

    local_id: int


class Taken(NamedTuple):
    """There is another row with the key by now, or the one that was seen has changed: it is to be looked at again."""

    row: Row


class OverBudget(NamedTuple):
    """The call does not fit a budget; nothing was written. `reserved` is what would be set aside for it, if known."""

    budget: Budget
    spent: Spent
    reserved: Decimal | None

    @property
    def why(self) -> str:
        """What keeps it from being sent: an amount that is not known, or "" where too little is left."""
        if self.reserved is None:
            return "the cost of a call is not known"
        if self.spent.total + self.reserved <= self.budget.limit:
            return f"the cost of {self.spent.unknown} earlier calls is not known"
        return ""


Claim = Claimed | Taken | OverBudget


class Leaving(NamedTuple):
    """A claimed call on its way out, as it is sent: its files are URLs now."""

    local_id: int
    call: Call


def newest(ledger: Ledger, once_key: str) -> Row | None:
    """The newest call that is known by a key; one that was refused or never left is none."""
    rows = ledger.rows(f"once_key = ? AND NOT {_FREE}", (once_key,), 1) if once_key else []
    return rows[0] if rows else None


def newest_of(ledger: Ledger, once_keys: Sequence[str]) -> dict[str, Row]:
    """The newest call of each of these keys that is known."""
    marks = ", ".join("?" * len(once_keys))
    rows = ledger.rows(f"once_key IN ({marks})", tuple(once_keys), None) if once_keys else []
    return {row.once_key: row for row in reversed(rows)}


def newest_of_batch(ledger: Ledger, batch: str, numbers: Sequence[str]) -> dict[str, Row]:
    """The newest call of each of these rows of a batch, whose calls are known by their numbers alone."""
    marks = ", ".join("?" * len(numbers))
    condition = f"batch = ? AND row_number IN ({marks}) AND once_key IS NULL"
    rows = ledger.rows(condition, (batch, *map(int, numbers)), None) if numbers else []
    return {str(row.row_number): row for row in reversed(rows)}


def elsewhere(ledger: Ledger, content_key: str, scope: str) -> Row | None:
    """The newest call of the same content under another scope, which never stands for this one."""
    rows = (
        ledger.rows(f"content_key = ? AND scope <> ? AND NOT {_FREE}", (content_key, scope), 1) if content_key else []
    )
    return rows[0] if rows else None


def claim(
    ledger: Ledger,
    call: Call,
    *,
    is_once: bool = True,
    seen: Row | None = None,
    reserved: Decimal | None = None,
    budgets: Sequence[Budget] = (),
    allows_unknown: bool = False,
    leaves: bool = False,
) -> Claim:
    """Takes a call for this process, in one transaction with the look at its key and at the budgets.

    `seen` is the newest row with the key that the caller knows, and has found that it may be sent in spite of: one
    that was claimed and left behind is closed. Without `is_once` no other row stands in the way.

    `reserved` is what the call is expected to cost at most, in `CURRENCY`; None is not known, and under a budget
    refused unless `allows_unknown`. With `allows_unknown` calls of the past whose cost is not known are passed over.

    One that `leaves` at once has nothing to be done before, and is marked as being sent; that is on disk then.
    """

    def act() -> Claim:
        there = newest(ledger, call.once_key) if is_once else None
        if there is not None and not _is_as_seen(there, seen):
            return Taken(there)
        for budget in budgets:
            spent = spent_of(ledger, budget)
            if not _fits(budget, spent, reserved, allows_unknown=allows_unknown):
                return OverBudget(budget, spent, reserved)
        if there is not None and there.state is State.SENDING and there.mark is Mark.CLAIMED:
            ledger.put(
                there.local_id, state=State.NOT_SENT, is_open=False, error="its process ended before it was sent"
            )
        amount = None if reserved is None else f"{reserved:f}"
        money = {"reserved": amount, "currency": CURRENCY if amount else None, "held": held(reserved)}
        mark = {"mark": Mark.SENDING, "sent_at": ledger.moment()} if leaves else {"mark": Mark.CLAIMED}
        return Claimed(ledger.insert(call, **mark, **money))

    return ledger.at_once(act, durable=leaves)


def leave_again(ledger: Ledger, local_id: int) -> bool:
    """Marks a call that was taken back as being sent once more; False if it is not this process's any more."""
    cursor = ledger.execute(
        "UPDATE requests SET mark = ?, sent_at = ?, updated_at = ?, clock_skew = ? WHERE local_id = ? AND state = ?"
        " AND mark = ? AND pid = ?",
        (
            Mark.SENDING,
            ledger.moment(),
            ledger.moment(),
            clock.skew_seconds(),
            local_id,
            State.SENDING,
            Mark.CLAIMED,
            os.getpid(),
        ),
        durable=True,
    )
    return cursor.rowcount == 1


def take_back(ledger: Ledger, local_id: int) -> None:
    """Notes that a call which was marked as being sent surely was not taken: it is claimed still, and may be sent."""
    ledger.execute(
        "UPDATE requests SET mark = ?, updated_at = ? WHERE local_id = ? AND state = ? AND mark = ?",
        (Mark.CLAIMED, ledger.moment(), local_id, State.SENDING, Mark.SENDING),
    )


def take_up(ledger: Ledger, row: Row, taker: str) -> bool:
    """Takes an open request for this process to follow; False if another one did meanwhile."""
    cursor = ledger.execute(
        "UPDATE requests SET taken_by = ? WHERE local_id = ? AND coalesce(taken_by, '') = ? AND is_open",
        (taker, row.local_id, row.taken_by),
    )
    return cursor.rowcount == 1


def close_claimed(ledger: Ledger, batch: str) -> None:
    """Gives back what this process had claimed of a batch and has not sent."""
    ledger.execute(
        "UPDATE requests SET state = ?, is_open = 0, error = ?, updated_at = ? WHERE batch = ? AND state = ?"
        " AND mark = ? AND pid = ?",
        (
            State.NOT_SENT,
            "the batch ended before it was sent",
            ledger.moment(),
            batch,
            State.SENDING,
            Mark.CLAIMED,
            os.getpid(),
        ),
    )


def mark_sending(ledger: Ledger, leaving: Iterable[Leaving]) -> set[int]:
    """Marks claimed calls as being sent, all in one transaction that is on disk when this returns.

    Returns the numbers of those that are still this process's; the others were taken over and must not be sent.
    """

    def act() -> set[int]:
        return {one.local_id for one in leaving if _leaves(ledger, one)}

    return ledger.at_once(act, durable=True)


def give_back(ledger: Ledger, local_id: int, why: str) -> bool:
    """Closes a claim of which nothing has left; what has left, or was taken over, stays as it is."""
    cursor = ledger.execute(
        "UPDATE requests SET state = ?, is_open = 0, error = ?, updated_at = ?"
        " WHERE local_id = ? AND state = ? AND mark = ?",
        (State.NOT_SENT, why, ledger.moment(), local_id, State.SENDING, Mark.CLAIMED),
    )
    return cursor.rowcount == 1


def let_go(ledger: Ledger, local_id: int) -> None:
    """Gives a claim back whose process ended before it sent the call."""
    give_back(ledger, local_id, "ended before it was sent")


def claimed(ledger: Ledger) -> list[Row]:
    """All calls that are claimed and have not left."""
    return ledger.rows("is_open AND state = ? AND mark = ?", (State.SENDING, Mark.CLAIMED), None)


def like(ledger: Ledger, like_key: str, most: int) -> list[Row]:
    """The newest calls that are like one, with units on their bills."""
    if not like_key:
        return []
    condition = f"like_key = ? AND billable_units <> '' AND state = '{State.COMPLETED}'"
    return ledger.rows(condition, (like_key,), most)


def settle(ledger: Ledger, local_id: int, cost: Decimal | None, *, currency: str = CURRENCY, source: str = "") -> None:
    """Records what a call cost, by the bill. A cost of another currency, or None, leaves what was reserved."""
    known = None if cost is None else f"{cost:f}"
    values: dict[str, Any] = {"cost": known, "currency": currency or CURRENCY, "cost_source": source}
    if cost is not None and (not cost or currency in ("", CURRENCY)):
        values["held"] = held(cost)
    ledger.put(local_id, **values)


def spent_of(ledger: Ledger, budget: Budget) -> Spent:
    """What the calls of a budget have cost so far, and what is set aside."""
    if budget.batch:
        condition, values = "batch = ?", [budget.batch]
    elif budget.profile:
        condition, values = "(scope = ? OR (scope IS NULL AND profile = ?))", [budget.scope, budget.profile]
    else:
        condition = "(scope = ? OR (scope IS NULL AND profile = '' AND key_print = ?))"
        values = [budget.scope, budget.key_print]
    if budget.since is not None:
        condition, values = f"{condition} AND created_at >= ?", [*values, moment_text(budget.since)]
    found = ledger.execute(
        f"SELECT total(CASE WHEN cost IS NOT NULL THEN held / 1000000000 END),"
        f" coalesce(sum(CASE WHEN cost IS NOT NULL THEN held % 1000000000 END), 0),"
        f" total(CASE WHEN cost IS NULL THEN held / 1000000000 END),"
        f" coalesce(sum(CASE WHEN cost IS NULL THEN held % 1000000000 END), 0),"
        f" coalesce(sum(held IS NULL), 0)"
        f" FROM requests WHERE {condition} AND NOT {_FREE} AND instr(endpoint, '://') = 0",
        tuple(values),
    ).fetchone()
    settled, settled_nano, reserved, reserved_nano, unknown = found
    return Spent(_amount(settled, settled_nano), _amount(reserved, reserved_nano), int(unknown))


def unsettled(ledger: Ledger, budget: Budget) -> list[Row]:
    """Calls of a budget that were billed in units and whose cost was not worked out yet."""
    condition = "billable_units <> '' AND cost IS NULL AND (scope = ? OR (scope IS NULL AND profile = ?))"
    values: tuple[object, ...] = (budget.scope, budget.profile)
    if budget.since is not None:
        condition, values = f"{condition} AND created_at >= ?", (*values, moment_text(budget.since))
    return ledger.rows(condition, values, None)


def held(amount: Decimal | None) -> int | None:
    """An amount as budgets count it."""
    if amount is None:
        return None
    return min(int((amount / _NANO).to_integral_value(ROUND_CEILING)), _LARGEST)


def _amount(whole: float, nano: int) -> Decimal:
    return Decimal(int(whole)) + Decimal(nano) * _NANO


def _is_as_seen(there: Row, seen: Row | None) -> bool:
    return seen is not None and (there.local_id, there.state, there.mark, there.request_id) == (
        seen.local_id,
        seen.state,
        seen.mark,
        seen.request_id,
    )


def _fits(budget: Budget, spent: Spent, reserved: Decimal | None, *, allows_unknown: bool) -> bool:
    if (reserved is None or spent.unknown) and not allows_unknown:
        return False
    return spent.total + (reserved or Decimal(0)) <= budget.limit


def _leaves(ledger: Ledger, one: Leaving) -> bool:
    text, is_whole, fingerprint = kept_of(one.call)
    cursor = ledger.execute(
        "UPDATE requests SET mark = ?, sent_at = ?, updated_at = ?, clock_skew = ?, input = ?, input_is_whole = ?,"
        " input_sha256 = ?, options = ? WHERE local_id = ? AND state = ? AND mark = ? AND pid = ?",
        (
            Mark.SENDING,
            ledger.moment(),
            ledger.moment(),
            clock.skew_seconds(),
            text,
            is_whole,
            fingerprint,
            json.dumps(dict(one.call.options)),
            one.local_id,
            State.SENDING,
            Mark.CLAIMED,
            os.getpid(),
        ),
    )
    is_ours = cursor.rowcount == 1
    if is_ours and one.call.replaces is not None:
        ledger.put(one.call.replaces, replaced_by=one.local_id)
    return is_ours
