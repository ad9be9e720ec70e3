"""The plan shown, and agreed to: what a person, or a program, sees before anything is paid for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fal_cli.batch.costs import Sum
from fal_cli.batch.plan import Found, Part
from fal_cli.batch.planned import Fate
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.ledger.claims import CURRENCY
from fal_cli.results.money import Money

_WORDS = {
    Fate.DONE: "done",
    Fate.OPEN: "open",
    Fate.LOST: "to look up",
    Fate.FAILED: "failed",
}


def facts(name: str, found: Found, expected: Sum | None) -> dict[str, Any]:
    """The plan as a JSON object."""
    counts = {word.replace(" ", "_"): found.count(fate) for fate, word in _WORDS.items()}
    return {
        "batch": name,
        "rows": found.rows,
        **counts,
        "to_send": found.to_send,
        "new": found.new,
        "gone": found.gone,
        "others": found.others,
        "files": {"number": found.files.number, "bytes": found.files.size},
        "estimate": _estimate_facts(expected),
        "names": found.examples,
        "endpoints": [_part_facts(endpoint, part, expected) for endpoint, part in found.parts.items()],
        "mismatches": [
            {"endpoint": endpoint, "input": name, "rows": rows}
            for endpoint, part in found.parts.items()
            for name, rows in part.left_out.items()
        ],
    }


def _part_facts(endpoint: str, part: Part, expected: Sum | None) -> dict[str, Any]:
    counts = {word.replace(" ", "_"): part.counts[fate] for fate, word in _WORDS.items()}
    estimated = _estimate_facts(expected.parts.get(endpoint) if expected else None)
    return {"endpoint": endpoint, "rows": part.rows, **counts, "to_send": part.to_send, "estimate": estimated}


def _estimate_facts(expected: Sum | None) -> dict[str, Any] | None:
    if expected is None:
        return None
    is_known = expected.unknown == 0
    return {
        "amount": f"{expected.amount:f}" if is_known else None,
        "currency": CURRENCY if is_known else None,
        "unknown_calls": expected.unknown,
        "source": expected.how,
    }


def lines(name: str, found: Found, expected: Sum | None) -> list[str]:
    """The plan as people read it."""
    whose = f"{len(found.parts)} endpoints" if len(found.parts) > 1 else "".join(found.parts)
    told = [f"{name}: {_rows(found.rows)} for {whose}: {_counts(found.counts, found.to_send)}"]
    if len(found.parts) > 1:
        told += [_part_line(endpoint, part, expected) for endpoint, part in found.parts.items()]
    told += [
        f'  {endpoint} has no input "{name}": left out for its {_rows(rows)}'
        for endpoint, part in found.parts.items()
        for name, rows in part.left_out.items()
    ]
    if found.new < found.rows and found.new and found.rows - found.new:
        told.append(f"  new in the list: {found.new:,}")
    if found.gone:
        told.append(f"  not in the list any more, and left alone: {_rows(found.gone)}")
    if found.others:
        told.append(f"  of other shards: {_rows(found.others)}")
    if found.files.number:
        told.append(f"  files: {found.files.number:,}, {_bytes(found.files.size)}; uploaded files are not sent again")
    if found.to_send:
        told.append(f"  cost: {estimate(expected, says_how=len(found.parts) < 2)}")
    if found.examples:
        told.append(f"  names: {', '.join(found.examples)}")
    return told


def brief(name: str, found: Found) -> str:
    """Where a batch stands that goes on without its list."""
    return f"{name}: {_rows(found.rows)}: {_counts(found.counts, found.to_send)}"


def _part_line(endpoint: str, part: Part, expected: Sum | None) -> str:
    told = f"  {endpoint}: {_rows(part.rows)}, {_counts(part.counts, part.to_send)}"
    return f"{told}, {estimate(expected.parts.get(endpoint) if expected else None)}" if part.to_send else told


def _counts(counts: Mapping[Fate, int], to_send: int) -> str:
    known = [f"{counts[fate]:,} {word}" for fate, word in _WORDS.items() if counts.get(fate)]
    return ", ".join([*known, f"{to_send:,} to send"])


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def estimate(expected: Sum | None, *, says_how: bool = True) -> str:
    """What is expected, in words; with `says_how` also by what."""
    if expected is None:
        return "not known"
    how = f" ({expected.how})" if says_how else ""
    if expected.unknown and not expected.amount:
        return f"not known{how}"
    rest = f", and {_calls(expected.unknown)} of unknown cost" if expected.unknown else ""
    return f"{_amount(expected)}{how}{rest}"


def _amount(expected: Sum) -> str:
    return f"about {Money(round(expected.amount, 4).normalize(), CURRENCY)}"


def question(to_send: int, expected: Sum | None) -> str:
    """What a person is asked: the plan that stands above it has told the rest."""
    if expected is None or (expected.unknown and not expected.amount):
        return f"Send {_calls(to_send)} of unknown cost? [y/N] "
    rest = f", {expected.unknown:,} of them of unknown cost" if expected.unknown else ""
    return f"Send {_calls(to_send)} for {_amount(expected)}{rest}? [y/N] "


def agree(context: Context, found: Found, expected: Sum | None, *, is_agreed: bool) -> None:
    """Returns when the plan may be paid for. Raises `UsageError` where nobody has agreed to it."""
    if not found.to_send or is_agreed:
        return
    if not context.terminal.has_somebody:
        raise UsageError(
            f"nothing was sent: {_calls(found.to_send)} to be confirmed, and this is not a terminal",
            hint="To see the plan: --dry-run. To send it: --yes, or --budget DOLLARS",
        )
    answer = context.terminal.ask(question(found.to_send, expected))
    if (answer or "").lower() not in ("y", "yes"):
        raise UsageError("nothing was sent")


def _bytes(size: int) -> str:
    amount = Decimal(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError
