"""`fal gallery`: a page of results."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.commands.history.filters import Filters, check_limit
from fal_cli.context import Context
from fal_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections import Counter

    from fal_cli.commands.gallery.cards import Found
    from fal_cli.commands.gallery.gather import Gathering
    from fal_cli.commands.gallery.page import Grid, Sheet
    from fal_cli.ledger.batches import Batch
    from fal_cli.ledger.rows import Row, Search

EXAMPLES = """\
  fal gallery --open
  fal gallery --since 7d --endpoint fal-ai/flux -o week.html
  fal gallery --search 'a cat' --columns endpoint
  fal gallery --columns seed --limit 40 -o seeds.html
  fal gallery --batch cats --columns seed
  fal gallery --batch flux-dev-schnell-grid --open"""

DEFAULT_NAME = "fal-gallery.html"
_USUAL_LIMIT = 1000
_STDOUT = "-"
_SUFFIXES = (".html", ".htm")
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)([kmg]?)b?", re.IGNORECASE)
_SCALES = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}


def byte_count(text: str) -> int:
    """A number of bytes: `800k`, `10M`, `1.5G`. Raises `typer.BadParameter`."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise typer.BadParameter(f"{text!r} is not a size such as 800k, 10M or 1G")
    return int(float(match[1]) * _SCALES[match[2].lower()])


def gallery(
    context: Context,
    filters: Filters,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most N requests, 0 for all.")] = _USUAL_LIMIT,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help=f"The page, - for stdout (default: {DEFAULT_NAME})."),
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing page.")] = False,
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="KEY",
            help="Compare results: one column per endpoint, or per value of an input (seed).",
        ),
    ] = "",
    embed: Annotated[
        int,
        typer.Option(
            "--embed", parser=byte_count, metavar="SIZE", help="Embed files of up to SIZE; larger ones are linked."
        ),
    ] = "10M",  # type: ignore[assignment]  # Typer hands a default to the parser
    no_fetch: Annotated[bool, typer.Option("--no-fetch", help="Use only local files; download nothing.")] = False,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="The title of the page.")] = "Gallery",
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Make a page of your results to look at in a browser.

    One HTML file that works offline: pictures, video, audio and text, newest first, each with its prompt, seed, time,
    cost and the command that makes it again. A batch of several endpoints has a column for each. Search and filters
    are in the page. Files that you did not save are downloaded while the service has them. Private requests are left
    out. Prints the path of the page.
    """
    from fal_cli.commands.gallery.embedding import Embedding
    from fal_cli.commands.gallery.gather import Gathering

    check_limit(limit)
    if context.output.machine and output == _STDOUT:
        raise UsageError("-o - writes HTML to stdout, which --json keeps for JSON", hint="Name a file: -o PAGE.html")
    if open_ and output == _STDOUT:
        raise UsageError("--open needs a file, and -o - writes to stdout")
    target = _target(output)
    rows, has_more = _rows(context, filters, limit)
    embedding = Embedding(target.parent if target else Path.cwd(), most=embed, fetches=not no_fetch)
    compared = _compared(context, rows, columns, filters.batch)
    gathering = Gathering(context, embedding, rows, fetches=not no_fetch, tells_failures=compared is not None)
    sections = _beside(context, gathering, compared) if compared else _sections(gathering, columns)
    pieces = _pieces(gathering, title, _subtitle(context, filters, gathering.rows), sections)
    path, size = _write(context, target, pieces, overwrite=overwrite or bool(output))
    _tell(context, gathering, size, embedding.failures, limit if has_more else 0)
    if path is not None:
        context.output.line(str(path), {"path": str(path)})
    if path is not None and open_:
        _open(context, path)


def _target(output: str) -> Path | None:
    """The file to write; None for stdout. Raises `UsageError` for one that cannot be the page."""
    if output == _STDOUT:
        return None
    path = Path(output or DEFAULT_NAME).expanduser()
    if path.is_dir():
        raise UsageError(f"-o {output}: it is a folder", hint=f"Name a file in it: -o {path / DEFAULT_NAME}")
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {output}: the page is HTML; give its name the extension .html")
    if not path.parent.is_dir():
        raise UsageError(f"-o {output}: its folder does not exist")
    return path


def _rows(context: Context, filters: Filters, limit: int) -> "tuple[list[Row], bool]":
    """The requested calls, newest first, and whether there are more. Raises `UsageError`, `CliError`."""
    from fal_cli.commands.history import facts

    wanted = filters.wanted()
    rows = list(facts.search(context, wanted._replace(limit=limit + 1 if limit else None)))
    if not rows:
        raise _nothing_found(context, wanted, filters.batch)
    return (rows[:limit], len(rows) > limit) if limit else (rows, False)


def _nothing_found(context: Context, wanted: "Search", batch: str) -> NotFound:
    from fal_cli.ledger import batches
    from fal_cli.ledger.rows import Search

    if batch and context.journal.required(lambda ledger: batches.named(ledger, batch)) is None:
        return NotFound(f"no batch {batch!r}", hint=f"List them: {context.tool} batch")
    if wanted == Search():
        return NotFound("no requests yet", hint=f'To make one: {context.tool} run fal-ai/flux/dev prompt="a cat"')
    return NotFound("no such request", hint=f"See: {context.tool} history")


def _sections(gathering: "Gathering", columns: str) -> "Iterator[Sheet | Grid]":
    """The page's sections, made while they are read. Raises `UsageError`, and `NotFound` where there is nothing."""
    from fal_cli.commands.gallery import layout

    if not columns:
        return layout.by_day(_begun(gathering, gathering.rows))
    known = dict.fromkeys(["endpoint", *(key for row in gathering.rows for key in row.input_json or {})])
    if columns not in known:
        raise UsageError(f"--columns {columns}: none of these requests has it", hint=f"Choose from: {', '.join(known)}")
    plan = layout.plan(gathering.rows, columns, is_free=gathering.is_free)
    return iter([layout.grid(f"By {columns}", plan, _begun(gathering, plan.rows))])


def _compared(context: Context, rows: "Sequence[Row]", columns: str, name: str) -> "Batch | None":
    """The batch whose endpoints are to stand beside each other; None if that is not asked for, or it has only one."""
    from fal_cli.commands.gallery import layout
    from fal_cli.ledger import batches

    if not name or columns not in ("", layout.ENDPOINT) or len({row.endpoint for row in rows}) < 2:
        return None
    return context.journal.required(lambda ledger: batches.named(ledger, name))


def _beside(context: Context, gathering: "Gathering", batch: "Batch") -> "Iterator[Grid]":
    """A grid of the endpoints of a batch, by the rows of its list. Raises `NotFound` where there is nothing."""
    from fal_cli.batch import places
    from fal_cli.batch.planned import PlanFile
    from fal_cli.commands.gallery import layout

    place, lines = places.plan_of(context, batch.number), {}
    if place.exists():
        plan = PlanFile(place)
        try:
            lines = plan.lines(len(batch.endpoints))
        finally:
            plan.close()
    called = {row.endpoint for row in gathering.rows}
    endpoints = [endpoint for endpoint in batch.endpoints if endpoint in called]
    made = layout.comparison(gathering.rows, endpoints, lines, is_free=gathering.is_free)
    return iter([layout.grid("By endpoint", made, _begun(gathering, made.rows))])


def _begun(gathering: "Gathering", rows: "Sequence[Row]") -> "Iterator[Found]":
    """The results of calls, once the first of them is there: a page without any is not begun. Raises `NotFound`."""
    found, seen = gathering.found(rows), []
    for one in found:
        seen.append(one)
        if one.card is not None:
            return chain(seen, found)
    raise NotFound(f"nothing to show: {_told(gathering.left_out)}")


def _pieces(gathering: "Gathering", title: str, subtitle: str, sections: "Iterator[Sheet | Grid]") -> Iterator[bytes]:
    from datetime import datetime

    from fal_cli.commands.gallery import page
    from fal_cli.commands.gallery.layout import written

    def closing() -> list[str]:
        now = datetime.now().astimezone()
        made = f"Made by fal gallery on {written(now.date())} at {now:%H:%M}. Everything is in this file."
        return [made, *([f"Left out: {_told(gathering.left_out)}."] if gathering.left_out else [])]

    return page.write(page.Heading(title, subtitle), sections, closing)


def _write(
    context: Context, target: Path | None, pieces: Iterator[bytes], *, overwrite: bool
) -> tuple[Path | None, int]:
    """Writes the page as it is made; returns its path, a free one unless it may replace what is there, and its size."""
    from fal_cli.results.destination import write_whole

    size = 0
    with context.terminal.transfer("writing", "the page", None) as transfer:

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in pieces:
                size += len(piece)
                transfer.advance(len(piece))
                yield piece

        if target is None:
            context.output.chunks(counted(), "text/html")
            return None, size
        return write_whole(target, counted(), overwrite=overwrite), size


def _subtitle(context: Context, filters: Filters, rows: "Sequence[Row]") -> str:
    """The dates of the results, and the filters."""
    from fal_cli.commands.gallery.layout import span

    parts = [span(rows), filters.endpoint, f"“{filters.search}”" if filters.search else ""]
    return ", ".join([*filter(None, parts), *(["made in the sandbox"] if context.accounts.costs_nothing else [])])


def _tell(context: Context, gathering: "Gathering", size: int, failures: int, limit: int) -> None:
    """One line that says how much is on the page, and how much is not."""
    from fal_cli.results.made import weight

    parts = [f"{_counted(gathering.shown, 'result')}, {weight(size)}"]
    parts += [f"without a result: {_told(gathering.failed)}"] if gathering.failed else []
    parts += [f"left out: {_told(gathering.left_out)}"] if gathering.left_out else []
    parts += [f"{_counted(failures, 'file')} missing"] if failures else []
    parts += [f"of the newest {limit:,} requests; --limit 0 takes all"] if limit else []
    context.talk.note("; ".join(parts))


def _told(counts: "Counter[str]") -> str:
    return ", ".join(f"{count:,} {why}" for why, count in counts.items())


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _open(context: Context, path: Path) -> None:
    from fal_cli.terminal.browser import in_browser

    if not in_browser(context.env, path.absolute().as_uri()):
        context.talk.note("no browser to open it with")


VERB = gallery
