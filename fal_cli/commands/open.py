"""`fal open`: a model's page, or what a request made, in the browser."""

from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli import jsontext
from fal_cli.api.errors import ApiError
from fal_cli.context import Context
from fal_cli.errors import CliError, NotFound, UsageError

if TYPE_CHECKING:
    from fal_cli.calls.model import Tracked

EXAMPLES = """\
  fal open fal-ai/flux/dev            # its page
  fal open last                       # the first file that the last request made
  fal open last --print"""

MODEL_PAGE = "https://fal.ai/models/{}"
# Seen, not documented: without the id it is the page of all requests.
REQUEST_PAGE = "https://fal.ai/dashboard/requests?requestId={}"


def open_page(
    context: Context,
    words: Annotated[list[str], typer.Argument(metavar="[ENDPOINT] REF", help="An endpoint, or a request.")],
    only_print: Annotated[bool, typer.Option("--print", help="Print the address instead.")] = False,
) -> None:
    """Open a model's page, or the first file that a request made.

    Of a request that has no file yet, its page on the dashboard. Where there is no browser or no terminal the
    address is printed.
    """
    from fal_cli.endpoint import looks_like_endpoint

    is_page = len(words) == 1 and looks_like_endpoint(words[0]) and "/requests/" not in words[0]
    url = _page_of(words[0]) if is_page else _of_request(context, words)
    if only_print or not context.output.is_terminal or not in_browser(context, url):
        context.output.line(url)
    else:
        context.talk.note(f"opened {url}")


def _page_of(name: str) -> str:
    from fal_cli.calls.prepare import parse_target
    from fal_cli.endpoint import LocalApp

    target = parse_target(name)
    if isinstance(target, LocalApp):
        raise UsageError(f"{target} is an app on this machine, which has no page", hint=f"Use: fal schema {target}")
    return MODEL_PAGE.format(target)


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
        kept = context.journal.entry(row).kept()
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
