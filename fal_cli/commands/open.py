"""`fal open`: a model's page, or what a request made, in the browser."""

from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli import jsontext
from fal_cli.api.errors import ApiError
from fal_cli.context import Context
from fal_cli.errors import CliError, NotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from fal_cli.calls.model import Tracked

EXAMPLES = """\
  fal open fal-ai/flux/dev            # its page
  fal open last                       # the first file of the last request
  fal open last --print"""

MODEL_PAGE = "https://fal.ai/models/{}"
# Seen, not documented: without the id it is the page of all requests.
REQUEST_PAGE = "https://fal.ai/dashboard/requests?requestId={}"


def open_page(
    context: Context,
    words: Annotated[list[str], typer.Argument(metavar="[ENDPOINT] REF", help="An endpoint, or a request.")],
    only_print: Annotated[bool, typer.Option("--print", help="Print the address instead.")] = False,
) -> None:
    """Open a model's page or the first file of a request in the browser.

    A request without a file opens its page on the dashboard, one of the sandbox its saved file. Without a browser or a
    terminal the address is printed.
    """
    from fal_cli.endpoint import looks_like_endpoint

    if len(words) == 1 and looks_like_endpoint(words[0]) and "/requests/" not in words[0]:
        address = _page_of(words[0])
    elif context.in_sandbox:
        address = str(_saved_file(context, words))
    else:
        address = _of_request(context, words)
    if only_print or not context.output.is_terminal or not in_browser(context, _as_url(address)):
        context.output.line(address, {"address": address})
    else:
        context.talk.note(f"opened {address}")


def _page_of(name: str) -> str:
    from fal_cli.calls.prepare import parse_target
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

    Raises `NotFound` where none was saved here.
    """
    from pathlib import Path

    from fal_cli.calls import refs
    from fal_cli.endpoint import looks_like_endpoint

    row, *others = refs.rows(context, [word for word in words if not looks_like_endpoint(word)] or words)
    if others:
        raise UsageError("this takes one request at a time")
    found = next((path for path in map(Path, row.files) if path.exists() and path.suffix != ".json"), None)
    if found is None:
        raise NotFound(
            "no file of it was saved, and a private sandbox serves its files only while a command runs",
            hint=f"To save them: {context.tool} result {row.name} -d FOLDER/\n"
            f"To look at them in a browser, keep a sandbox up: {context.program} sandbox serve\n"
            f"Then, with the variables that it prints: {context.program} open {row.name}",
        )
    return found


def _of_request(context: Context, words: list[str]) -> str:
    """The first file of a request that a browser can open, or its page on the dashboard."""
    from fal_cli.media import find

    request_id, body = _result(context, words)
    for file in find(jsontext.read(body)):
        if is_web(file.url):
            return file.url
    if not request_id:
        raise NotFound("it has no request id and no file that can be opened")
    context.talk.note("it has no file that can be opened: this is its page on the dashboard")
    return REQUEST_PAGE.format(request_id)


def _result(context: Context, words: list[str]) -> tuple[str, bytes]:
    """A request's id, and what it answered: the copy that is kept here, which takes no key, or the service's."""
    from fal_cli.calls import refs

    if len(words) == 1:
        (row,) = refs.rows(context, words)
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
        context.talk.note(f"its result cannot be had: {error}")
        return b""


def is_web(url: str) -> bool:
    """Whether a browser may be given this URL: http or https, and nothing in it that is read in two ways."""
    from fal_cli.urls import origin

    scheme, host, _ = origin(url)
    return scheme in ("http", "https") and bool(host) and url.isascii()


def in_browser(context: Context, url: str) -> bool:
    """Whether a browser took the URL. One that would draw in this terminal is left alone."""
    import sys
    import webbrowser

    env = context.env
    has_screen = sys.platform in ("win32", "darwin") or env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")
    if not (has_screen or env.get("BROWSER")):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


VERB = open_page
