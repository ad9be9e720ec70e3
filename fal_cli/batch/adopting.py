"""`--adopt`: the account's own listing as a memory that machines share.

What a lost machine, a wiped container or another shard has sent is found there by its input, and taken for this
batch's row instead of being sent again. It finds nothing that has not begun, nothing that was not to be stored, and no
call with a file of this machine, whose address is another each time that it is uploaded elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from fal_cli.api import clock
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.platform import Listed, Pages
from fal_cli.api.wire import Wire
from fal_cli.batch.carrier import Carrier
from fal_cli.batch.planned import Fate, PlanFile
from fal_cli.calls.sweep import print_of
from fal_cli.errors import UsageError
from fal_cli.files.attachment import holds_attachments

_FAILED = 400
_MOST_SECONDS = 90 * 86_400.0  # what the listing goes back to
Wanted = dict[str, list[int]]
"""Rows by what their inputs are in the listing; of equal ones the first comes last."""


def adopt(wire: Wire, plan: PlanFile, carrier: Carrier, age: float, deadline: Deadline) -> int:
    """Takes requests of the last `age` seconds for rows that would be sent; how many it took.

    Raises `UsageError` where the listing cannot be had: without it rows might be paid for twice.
    """
    start = datetime.now(UTC) + clock.skew() - timedelta(seconds=min(age, _MOST_SECONDS))
    adopted: list[tuple[Fate, int]] = []
    try:
        for endpoint, wanted in _wanted(plan).items():
            pages = Pages(wire, endpoint, start=start, payloads=True, deadline=deadline)
            adopted += [(Fate.OPEN, number) for number in _adopted(pages, wanted, plan, carrier)]
    except ApiError as error:
        raise UsageError(f"--adopt: your requests cannot be listed: {error.message}; nothing was sent") from None
    plan.set_fates(adopted)
    plan.flush()
    return len(adopted)


def _adopted(pages: Pages, wanted: Wanted, plan: PlanFile, carrier: Carrier) -> Iterator[int]:
    """The rows of one endpoint that have a request now."""
    for item in pages:
        number = _row_of(item, wanted)
        planned = plan.row(number) if number is not None else None
        if planned is not None and carrier.adopt_new(planned, item.request_id):
            yield planned.row
        elif planned is not None and isinstance(item.input_json, dict):
            wanted[print_of(item.input_json)].append(planned.row)


def _wanted(plan: PlanFile) -> dict[str, Wanted]:
    """The rows that would be sent to each endpoint."""
    wanted: dict[str, Wanted] = defaultdict(lambda: defaultdict(list))
    for planned in plan.rows(Fate.SEND, Fate.NEXT):
        if not holds_attachments(dict(planned.input_json)):
            wanted[str(planned.endpoint)][print_of(planned.input_json)].insert(0, planned.row)
    return wanted


def _row_of(item: Listed, wanted: Wanted) -> int | None:
    """The row that a request may stand for; one that failed stands for none."""
    if not isinstance(item.input_json, dict) or (item.status is not None and item.status >= _FAILED):
        return None
    rows = wanted.get(print_of(item.input_json))
    return rows.pop() if rows else None
