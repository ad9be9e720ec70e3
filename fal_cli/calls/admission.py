"""A call let in: what it may cost is known to fit, and where the ledger has to agree it is claimed there.

From the claim on nobody else sends it, and its cost counts; nothing has left yet. What ends it before its submit
(a file that cannot be read, Ctrl-C) gives both back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from fal_cli.api.deadline import Deadline
from fal_cli.calls import prepare
from fal_cli.calls.model import Call
from fal_cli.calls.terms import Terms
from fal_cli.context import Context

if TYPE_CHECKING:
    from fal_cli.ledger.rows import Row


def admit(
    context: Context, call: Call, terms: Terms, mode: str, *, inline: bool = False, deadline: Deadline | None = None
) -> Call:
    """A call that may be sent, its files uploaded. Raises `OverBudget`, and as `prepare.ready`."""
    admitted = claim(context, call, terms, mode)
    assert isinstance(admitted, Call)  # without `is_once` no other row stands in the way
    with held(context, admitted):
        return ready(context, admitted, inline=inline, deadline=deadline)


def claim(
    context: Context, call: Call, terms: Terms, mode: str, *, is_once: bool = False, seen: "Row | None" = None
) -> "Call | Row":
    """A call that fits its terms, claimed if they need that; or with `is_once` the row that stands in its place.

    Raises `OverBudget` (code 12), and `UsageError` where the ledger cannot be written.
    """
    if call.is_local or not (terms.needs_price or terms.needs_claim):
        return call
    from fal_cli.calls import claiming  # most calls have neither a budget nor --once

    return claiming.claim(context, call, terms, mode, is_once=is_once, seen=seen)


def ready(context: Context, call: Call, *, inline: bool, deadline: Deadline | None, reuses: bool = False) -> Call:
    """A call whose files are uploaded. Raises as `prepare.ready`."""
    return prepare.ready(context, call, inline=inline, deadline=deadline, reuses=reuses)


@contextmanager
def held(context: Context, call: Call) -> Iterator[None]:
    """A block that sends a claimed call. If it fails before sending, the claim is released."""
    try:
        yield
    except BaseException:
        local_id = call.claimed.local_id if call.claimed else None
        if local_id is not None:
            from fal_cli.ledger import claims

            context.journal.soon(partial(claims.let_go, local_id=local_id))
        raise
