"""The closing lines on a terminal, in place of the result: one for each saved file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.files.facts import MediaFacts, facts
from fal_cli.results import made, money
from fal_cli.results.outcome import Outcome
from fal_cli.terminal.hyperlinks import as_typed, file_url
from fal_cli.terminal.output import Screen


def tell(
    context: Context, outcome: Outcome, inputs: Mapping[str, Any], saved: Sequence[Path], *, draws: bool = False
) -> None:
    """Writes the lines to stdout; with `draws` each picture under its own. Raises `ReaderGone`."""
    screen = Screen(context.output)
    of_call = _of_call(outcome, inputs)
    for line, path in _lines(saved, of_call):
        screen.write(made.lines(line, width=screen.width, color=screen.color, links=context.output.links))
        if draws and path is not None and line.facts.kind == "image":
            from fal_cli.results import preview

            preview.show_file(context, path)


def _lines(saved: Sequence[Path], of_call: made.Made) -> Iterator[tuple[made.Made, Path | None]]:
    """A line for each file. The facts of the call stand behind the only one, or in a line about all of them."""
    for path in saved:
        line = made.Made(as_typed(str(path)), facts(path), file_url(str(path)))
        if len(saved) == 1:
            line = of_call._replace(name=line.name, facts=line.facts, url=line.url)
        yield line, path
    if len(saved) > 1:
        yield made.of_all(of_call, [facts(path) for path in saved]), None


def _of_call(outcome: Outcome, inputs: Mapping[str, Any]) -> made.Made:
    row = outcome.entry.row()
    took = row.took if row else outcome.inference_seconds
    cost = money.cost_of(row) if row else None
    return made.Made("", MediaFacts("unknown"), "", took, str(cost or ""), _text(_seed(outcome, inputs)))


def _seed(outcome: Outcome, inputs: Mapping[str, Any]) -> int | str | None:
    try:
        return made.seed_of(outcome.outline, inputs)
    except CliError:  # too large to be looked into
        return made.seed_of(None, inputs)


def _text(value: object) -> str:
    return "" if value is None else str(value)
