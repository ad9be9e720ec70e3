"""A result as a card of the page: its files or its text, and the facts of the call."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from fal_cli.calls.past import Past
from fal_cli.commands.gallery.page import Card, Medium
from fal_cli.commands.open import MODEL_PAGE
from fal_cli.inputs.items import is_text_key
from fal_cli.ledger.rows import Row, State
from fal_cli.media import text_in, without_data
from fal_cli.results.money import NOT_KNOWN, cost_of
from fal_cli.terminal.progress.tally import duration
from fal_cli.terminal.times import exactly

_LONGEST_TEXT = 20_000
_LONGEST_DETAIL = 600
_LONGEST_ALT = 160
_LONGEST_WHY = 240
OWN_INPUTS = ("sandbox",)
"""Inputs that no model reads: they order a request's life in the sandbox."""
NOT_FINISHED = "not finished"
NOTHING_MADE = {
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.REFUSED: "refused",
    State.NOT_SENT: "not sent",
    State.EXPIRED: "expired",
    State.UNKNOWN: "with an unknown outcome",
    State.SENDING: NOT_FINISHED,
}
"""The states of a call without a result, in words that stand behind a number."""


class Found(NamedTuple):
    """A call and its card; None if it is left out. `left_out` says in a word or two why it has no result."""

    row: Row
    card: Card | None
    left_out: str = ""


def card(past: Past, row: Row, media: Sequence[Medium], *, command: str, is_free: bool, trouble: str = "") -> Card:
    """The card of a result. `is_free`: it was made in a sandbox; `trouble` is why there is none."""
    text, is_code = ("", False) if media or trouble else _text(past.answer)
    return Card(
        row.endpoint,
        media,
        text,
        is_code,
        notes=[trouble] if trouble else [],
        prompt=prompt_of(past.inputs),
        page_url=_page_url(row),
        facts=list(_facts(past, row, is_free=is_free)),
        command=command,
        details=list(_details(past, row, is_free=is_free)),
    )


def failed(row: Row, why: str, *, command: str, is_free: bool) -> Card:
    """The card of a call without a result: it says in short what became of it and why."""
    reason = " ".join(row.error.split())
    told = f"{why[:1].upper()}{why[1:]}{f': {reason}' if reason else ''}"
    short = told if len(told) <= _LONGEST_WHY else f"{told[:_LONGEST_WHY].rstrip()}…"
    past = Past(row.endpoint, row.name, row, None)
    made = card(past, row, [], command=command, is_free=is_free or cost_of(row) is None, trouble=short)
    return made._replace(is_failed=True)


def without_secrets(card: Card, hide: Callable[[str], str]) -> Card:
    """The same with the secrets of this run taken out of every text: a page is there to be shown."""
    media = [one._replace(alt=hide(one.alt), href=hide(one.href), name=hide(one.name)) for one in card.media]
    return card._replace(
        media=media,
        text=hide(card.text),
        notes=[hide(note) for note in card.notes],
        prompt=hide(card.prompt),
        command=hide(card.command),
        details=[(hide(name), hide(value)) for name, value in card.details],
    )


def alt_of(past: Past, number: int, count: int) -> str:
    """A picture in words: what was asked for, and which of several it is."""
    prompt = " ".join(prompt_of(past.inputs).split())
    words = prompt if len(prompt) <= _LONGEST_ALT else f"{prompt[:_LONGEST_ALT].rstrip()}…"
    which = f"{number + 1} of {count}: " if count > 1 else ""
    return which + (words or f"made by {past.endpoint}")


def prompt_of(inputs: Mapping[str, Any]) -> str:
    """The words that a call was made with: its prompt, else another text of its input that reads like one."""
    texts = {name: value for name, value in inputs.items() if isinstance(value, str) and value.strip()}
    if "prompt" in texts:
        return texts["prompt"]
    written = [value for name, value in texts.items() if is_text_key(name) and "negative" not in name]
    return next(iter(written), "") or max((value for value in texts.values() if " " in value), key=len, default="")


def _text(answer: Any) -> tuple[str, bool]:
    """What a result without files says, and whether that is JSON."""
    text = text_in(answer)
    if text is not None:
        return _cut(text, _LONGEST_TEXT), False
    try:
        shown = json.dumps(without_data(answer, longer_than=120, shown=60), ensure_ascii=False, indent=2)
    except RecursionError:
        return "JSON that is nested too deeply to be shown", False
    return _cut(shown, _LONGEST_TEXT), True


def _facts(past: Past, row: Row, *, is_free: bool) -> Iterator[str]:
    if past.seed is not None:
        yield f"seed {past.seed}"
    if past.took is not None:
        yield duration(past.took)
    if not is_free:
        yield str(cost_of(row) or NOT_KNOWN)


def _details(past: Past, row: Row, *, is_free: bool) -> Iterator[tuple[str, str]]:
    prompt = prompt_of(past.inputs)
    for name, value in past.inputs.items():
        if value != prompt and name not in OWN_INPUTS:
            yield name, _cut(value if isinstance(value, str) else _json(value), _LONGEST_DETAIL)
    yield "Made", exactly(row.ended_at or row.created_at)
    if not is_free and row.billable_units:
        yield "Billed", f"{row.billable_units} unit{'' if row.billable_units == '1' else 's'}"
    for name, value in row.tags.items():
        yield "Tag", f"{name}={value}"
    yield "Request", row.name


def _page_url(row: Row) -> str:
    """The page of an endpoint, where it has one: an app on this machine and the sandbox's own have none."""
    has_none = "://" in row.endpoint or row.endpoint.startswith("sandbox/")
    return "" if has_none else MODEL_PAGE.format(quote(row.endpoint, safe="/"))


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
