"""`fal open`: a model's page, or what a request made, in the browser."""

from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli import jsontext
from fal_cli.api.errors import ApiError
from fal_cli.context import Context
from fal_cli.errors import CliError, NotFound, UsageError
from fal_cli.options import Files
from fal_cli.terminal.browser import in_browser, is_web

if TYPE_CHECKING:
    from pathlib import Path

    from fal_cli.calls.model import Tracked
    from fal_cli.ledger.rows import Row

EXAMPLES = """\
  fal open fal-ai/flux/dev            # its page
  fal open last                       # the first file of the last request
  fal open last --print"""

_LARGEST_BYTES = 2**30
MODEL_PAGE = "https://fal.ai/models/{}"
# Seen, not documented: without the id it is the page of all requests.
REQUEST_PAGE = "https://fal.ai/dashboard/requests?requestId={}"


def open_page(
    context: Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ENDPOINT] REF", help="An endpoint, or a request.")
    ] = None,
    file: Files = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the address instead.")] = False,
) -> None:
    """Open a model's page or the first file of a request in the browser.

    A request without a file opens its page on the dashboard, one of a private sandbox its file. Without a browser or a
    terminal the address is printed.
    """
    from fal_cli.calls import refs as references
    from fal_cli.endpoint import looks_like_endpoint

    words = references.words(context, words, file)
    if len(words) == 1 and looks_like_endpoint(words[0]) and "/requests/" not in words[0]:
        address = _page_of(words[0])
    elif context.in_sandbox:
        address = str(_saved_file(context, words))
    else:
        address = _of_request(context, words)
    if only_print or not context.output.is_terminal or not in_browser(context.env, _as_url(address)):
        context.output.line(address, {"address": address})
    else:
        context.talk.note(f"opened {address}")


def _page_of(name: str) -> str:
    from fal_cli.calls.endpoints import parse_target
    from fal_cli.endpoint import LocalApp

    target = parse_target(name)
    if isinstance(target, LocalApp):
        raise UsageError(f"{target} is an app on this machine, which has no page", hint=f"Use: fal schema {target}")
    return MODEL_PAGE.format(target)


def _as_url(address: str) -> str:
    from fal_cli.terminal.hyperlinks import file_url

    return file_url(address) if address.startswith("/") else address


def _saved_file(context: Context, words: list[str]) -> "Path":
    """A file of a request in a private sandbox, whose server is gone when the command that made the file has ended.

    One that was not saved is fetched from the private sandbox of this command. Raises `NotFound`.
    """
    from pathlib import Path

    from fal_cli.calls import refs
    from fal_cli.endpoint import looks_like_endpoint

    row, *others = refs.rows(context, [word for word in words if not looks_like_endpoint(word)] or words)
    if others:
        raise UsageError("name one request at a time")
    found = next((path for path in map(Path, row.files) if path.exists() and path.suffix != ".json"), None)
    return found or _brought(context, row)


def _brought(context: Context, row: "Row") -> "Path":
    """The first file that a request made in a private sandbox, put where it outlives this command.

    Raises `NotFound` where it has none, or none that can be had.
    """
    from fal_cli.calls import past
    from fal_cli.config import paths
    from fal_cli.files.atomic import Part
    from fal_cli.results import at_hand

    earlier = past.look_again(context, past.look(context, row))
    files = at_hand.files(earlier.row, earlier.answer, is_whole=earlier.is_whole)
    if not files:
        raise NotFound(f"{row.name} made no file to open")
    folder = paths.cache_folder(context.env) / "opened" / row.name.removeprefix("@")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / at_hand.name_of(files[0].file, 0)
    try:
        with Part(target) as part:
            at_hand.bring(past.quiet_wire(context), files[0].file, part, most=_LARGEST_BYTES)
            return part.place(target, overwrite=True)
    except at_hand.NotHad as error:
        raise NotFound(f"the file of {row.name} cannot be fetched: {error}") from None


def _of_request(context: Context, words: list[str]) -> str:
    """The first file of a request that a browser can open, or its page on the dashboard."""
    from fal_cli.media import find

    request_id, body = _result(context, words)
    for file in find(jsontext.read(body)):
        if is_web(file.url):
            return file.url
    if not request_id:
        raise NotFound("it has no request id and no file to open")
    context.talk.note("it has no file to open; this is its page on the dashboard")
    return REQUEST_PAGE.format(request_id)


def _result(context: Context, words: list[str]) -> tuple[str, bytes]:
    """A request's id and result: from the ledger, which needs no key, or from the service."""
    from fal_cli.calls import refs

    if len(words) == 1:
        (row,) = refs.rows(context, words)
        words = [row.name]
        # The copy here names the port that a sandbox had then; the one that is up now names its own.
        kept = None if context.accounts.costs_nothing else context.journal.entry(row).kept()
        if kept or row.mode != "queue" or not row.request_id:
            return row.request_id, kept.body if kept else b""
    request = refs.one(context, words)
    return request.request_id, _fetched(context, request)


def _fetched(context: Context, request: "Tracked") -> bytes:
    from fal_cli.calls import follow

    try:
        return follow.fetch(context, request).result.body.read()
    except (ApiError, CliError) as error:
        context.talk.note(f"its result cannot be fetched: {error}")
        return b""


VERB = open_page
