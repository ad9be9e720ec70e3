"""REF: what names a request on the command line.

An id, a unique beginning of one, `last` / `last:2` (also `@last`), a queue URL, or `ENDPOINT REF` in either
order: the word with a `/` (or of the legacy form) is the endpoint of the ids beside it.
"""

import re
from collections.abc import Callable, Sequence

import typer

from fal_cli import endpoint
from fal_cli.api.errors import ApiError
from fal_cli.api.events import Handle
from fal_cli.api.queue import handle_for, is_request_id
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, InvalidEndpoint
from fal_cli.errors import CliError, Exit, UsageError, report
from fal_cli.ledger import Row

_LAST = re.compile(r"@?last(?::([1-9][0-9]{0,5}))?")
_QUEUE_URL = re.compile(r"https?://[^/?#]+/(?P<app>[^?#]+?)/requests/(?P<id>[^/?#]+)(?:/[^?#]*)?(?:[?#].*)?")


def resolve(context: Context, words: Sequence[str]) -> list[Handle]:
    """The requests that the words name, in their order.

    Raises `UsageError` for a word that cannot name one, `CliError` (code 5) for an id that this machine does
    not know and that stands beside no endpoint.
    """
    urls = [word for word in words if "://" in word]
    others = [word for word in words if "://" not in word]
    endpoints = [word for word in others if endpoint.looks_like_endpoint(word)]
    refs = [word for word in words if word in urls or word not in endpoints]
    if len(endpoints) > 1:
        raise UsageError(f"one endpoint at a time: both {endpoints[0]} and {endpoints[1]} are named")
    if not refs:
        raise UsageError(f"name a request beside {endpoints[0]}: an id, or 'last'")
    named = _endpoint(endpoints[0]) if endpoints else None
    return [_by_url(context, ref) if "://" in ref else _handle(context, ref, named) for ref in refs]


def one(context: Context, words: Sequence[str]) -> Handle:
    """The single request that the words name. Raises as `resolve`."""
    handles = resolve(context, words)
    if len(handles) > 1:
        raise UsageError("this takes one request at a time")
    return handles[0]


def each(context: Context, handles: Sequence[Handle], action: Callable[[Handle], None]) -> None:
    """Does something about each request; what fails for one is told and keeps no other from its turn.

    Raises `typer.Exit` with the worst code if any failed; the error itself if there is but one request.
    """
    worst = 0
    for handle in handles:
        try:
            action(handle)
        except (ApiError, CliError) as error:
            if len(handles) == 1:
                raise
            told = report(error, tool=context.tool)
            context.talk.error(told, tool=context.program)
            worst = max(worst, int(told.code))
    if worst:
        raise typer.Exit(worst)


def _handle(context: Context, ref: str, named: EndpointId | None) -> Handle:
    row = _last(context, ref) or _recorded(context, ref)
    if row is not None:
        return _from_row(context, row, named)
    if named is None:
        raise CliError(
            f"no request {ref!r} in this machine's ledger",
            hint=f"Name its endpoint beside it: {context.tool} status ENDPOINT {ref}",
            code=Exit.NOT_FOUND,
        )
    return handle_for(context.hosts, named, ref)


def _last(context: Context, ref: str) -> Row | None:
    match = _LAST.fullmatch(ref)
    if not match:
        return None
    row = context.journal.newest(int(match.group(1) or 1))
    if row is None:
        raise CliError(f"there is no {ref!r}: the ledger holds fewer requests", code=Exit.NOT_FOUND)
    context.talk.note(f"{ref} is {row.endpoint} request {row.request_id}")
    return row


def _recorded(context: Context, ref: str) -> Row | None:
    if not is_request_id(ref):
        raise UsageError(f"{ref!r} is not a request id")
    rows = context.journal.by_request_id(ref)
    if len(rows) > 1:
        raise UsageError(
            f"{ref!r} begins several request ids, among them {rows[0].request_id} and {rows[1].request_id}"
        )
    return rows[0] if rows else None


def _from_row(context: Context, row: Row, named: EndpointId | None) -> Handle:
    if row.profile:
        context.adopt_profile(row.profile)
    own = named or _endpoint(row.endpoint)
    return handle_for(context.hosts, own, row.request_id, row.urls, row.created_at.timestamp())


def _by_url(context: Context, url: str) -> Handle:
    match = _QUEUE_URL.fullmatch(url)
    if not match or not is_request_id(match["id"]):
        raise UsageError(f"{url!r} is not the URL of a request in the queue")
    if not context.hosts.owns_queue(url):
        raise UsageError(f"{url!r} is on another host than {context.hosts.queue}")
    return handle_for(context.hosts, _endpoint(match["app"]), match["id"])


def _endpoint(text: str) -> EndpointId:
    try:
        return endpoint.parse(text)
    except InvalidEndpoint as error:
        raise UsageError(str(error)) from None
