"""What `fal doctor` found, a line for each thing, as far as the terminal's width allows."""

from fal_cli.commands.doctor.finding import Finding
from fal_cli.terminal.output import Screen
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint
from fal_cli.terminal.wrapping import beside

_MARKS = {"ok": ("✓", "+", "green"), "warning": ("!", "!", "yellow"), "problem": ("✗", "x", "red")}
_NAME = 12
_INDENT = " " * (2 + _NAME + 2)


def lines(finding: Finding, screen: Screen, *, plain: bool) -> list[str]:
    """The finding and, below, its way out. `plain` marks are for a terminal that cannot show others."""
    mark, plain_mark, style = _MARKS[finding.state]
    shown_mark, arrow = (plain_mark, "->") if plain else (mark, "→")
    found = []
    for lead, line in beside(f"{shown_mark} {finding.name:{_NAME}}  ", visible(finding.fact), screen.width):
        found.append(paint(lead[:1], style if screen.color else "") + lead[1:] + line)
    way_out = f"{arrow} {visible(finding.way_out)}" if finding.way_out else ""
    for lead, line in beside(_INDENT, way_out, screen.width) if way_out else ():
        found.append(lead + paint(line, "cyan" if screen.color else ""))
    return found
