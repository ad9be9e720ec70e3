"""Keys on a terminal: a table of profiles, and the account behind one key as labelled lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from fal_cli.results.money import signed
from fal_cli.terminal.output import Screen
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint
from fal_cli.terminal.table import Cell, Column, Columns
from fal_cli.terminal.wrapping import beside

_PLACES = {"file": "a file", "keyring": "the keyring", "vendor": "fal.ai's own CLI"}
_NOT_VISIBLE = "not visible to this key"
_LABEL = 7
_LOCKS = {
    "balance": "the balance is used up; top it up: https://fal.ai/dashboard/billing",
    "admin": "by fal.ai, whatever the balance; only support can lift it: support@fal.ai",
    "topup": "a top-up is due; pay it: https://fal.ai/dashboard/billing",
    "other": "see https://fal.ai/dashboard/billing",
}


COLUMNS: Columns[Mapping[str, Any]] = {
    Column("", 0): lambda facts: Cell("*" if facts["active"] else "", "green"),
    Column("profile", 1, least=8): lambda facts: Cell(facts["profile"], "bold" if facts["active"] else ""),
    Column("key", 2): lambda facts: Cell(_shown_id(facts)),
    Column("stored in", 3): lambda facts: Cell(
        _PLACES.get(facts["source"], "no key"), "" if facts["source"] else "dim"
    ),
    Column("own hosts", 4, least=8, is_optional=True): lambda facts: Cell(", ".join(facts["hosts"])),
}
"""The profiles, the active one marked."""


def sheet(facts: Mapping[str, Any], usual_hosts: Mapping[str, str], screen: Screen) -> list[str]:
    """The account as lines, with the hosts that are not the usual ones."""
    return [
        paint(lead, "dim" if screen.color else "") + line
        for label, value in _entries(facts, usual_hosts)
        for lead, line in beside(f"{label:{_LABEL}}  ", visible(value), screen.width)
    ]


def _entries(facts: Mapping[str, Any], usual_hosts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    balance, key = facts["balance"], _shown_id(facts)
    yield "account", facts["account"] or _NOT_VISIBLE
    yield "balance", _NOT_VISIBLE if balance is None else signed(f"{balance:.2f}", facts["currency"] or "")
    if facts["lock"] not in (None, "none"):
        yield "locked", _LOCKS[facts["lock"]]
    yield "key", f"{key} from {facts['source']}" if key else f"from {facts['source']}"
    if facts["profile"]:
        yield "profile", facts["profile"]
    others = [f"{service} {url}" for service, url in facts["hosts"].items() if url != usual_hosts[service]]
    for number, line in enumerate(others):
        yield "" if number else "hosts", line


def _shown_id(facts: Mapping[str, Any]) -> str:
    return f"{facts['key_id']}…" if facts["key_id"] else ""
