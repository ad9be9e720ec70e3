"""What requests have cost: read off the register, exactly, in nano US dollars (§4.10)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fal_cli.sandbox.state import line
from fal_cli.sandbox.state.register import NANO
from fal_cli.sandbox.state.store import Store


@dataclass(frozen=True)
class Charge:
    """The billed end of a request, the `seq`th of all; `ended` is Unix seconds, `price` US dollars a unit."""

    seq: int
    request_id: str
    endpoint: str
    ended: float
    units: Decimal
    price: Decimal

    @property
    def cost(self) -> Decimal:
        """In US dollars."""
        return self.units * self.price


def charges(
    store: Store, start: float, end: float, *, endpoints: Sequence[str] = (), request_ids: Sequence[str] = (),
    after: tuple[float, int],
) -> Iterator[Charge]:  # fmt: skip
    """What was billed from `start` to `end` (Unix seconds), the newest first, behind the end and place of another.

    Only what reported units is: no failure does unless it says so.
    """
    line.play(store, end)
    # One upper bound, for of two SQLite would take the wide one: nothing has a negative place.
    where = "cost > 0 AND ended >= ? AND (ended, seq) < (?, ?)"
    values: list[Any] = [start, *min(after, (end, -1))]
    for column, wanted in (("endpoint", endpoints), ("id", request_ids)):
        if wanted:
            where += f" AND {column} IN ({', '.join('?' * len(wanted))})"
            values += wanted
    rows = store.db.execute(
        f"SELECT seq, id, endpoint, ended, units, price FROM requests WHERE {where} ORDER BY ended DESC, seq DESC",
        values,
    )
    for seq, request_id, endpoint, ended, units, price in rows:
        yield Charge(seq, request_id, endpoint, ended, Decimal(units), Decimal(price))


def total(store: Store, moment: float) -> Decimal:
    """All that was billed by `moment` (Unix seconds), in US dollars."""
    line.play(store, moment)
    row = store.db.execute("SELECT sum(cost) FROM requests WHERE cost > 0 AND ended <= ?", (moment,)).fetchone()
    return Decimal(row[0] or 0) / NANO


def average(store: Store, endpoint: str, moment: float) -> Decimal | None:
    """What a call of an endpoint that was billed has cost, on average, in US dollars; None if none was."""
    line.play(store, moment)
    cost, calls = store.db.execute(
        "SELECT sum(cost), count(*) FROM requests WHERE cost > 0 AND ended <= ? AND endpoint = ?", (moment, endpoint)
    ).fetchone()
    return Decimal(cost) / calls / NANO if calls else None
