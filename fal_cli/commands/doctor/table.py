"""What `fal doctor` found, a line for each thing, as far as the terminal's width allows."""

import textwrap

from fal_cli.commands.doctor.finding import Finding
from fal_cli.terminal.output import Screen
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.table import paint

_MARKS = {"ok": ("✓", "+", "green"), "warning": ("!", "!", "yellow"), "problem": ("✗", "x", "red")}
_NAME = 12
_INDENT = " " * (2 + _NAME + 2)


def lines(finding: Finding, screen: Screen, *, plain: bool) -> list[str]:
    """The finding and, below, its way out. `plain` marks are for a terminal that cannot show others."""
    mark, plain_mark, style = _MARKS[finding.state]
    room = max(screen.width - len(_INDENT), 20)
    first, *others = _wrapped(finding.fact, room)
    name = f"{finding.name:{_NAME}}"
    found = [f"{paint(plain_mark if plain else mark, style if screen.color else '')} {name}  {first}"]
    found += [_INDENT + line for line in others]
    arrow = "->" if plain else "→"
    for line in _wrapped(f"{arrow} {finding.way_out}" if finding.way_out else "", room):
        found.append(_INDENT + paint(line, "cyan" if screen.color else ""))
    return found


def _wrapped(text: str, room: int) -> list[str]:
    return textwrap.wrap(visible(text), room, break_long_words=False, break_on_hyphens=False)
