"""REF: what names a request on the command line.

An id, a unique beginning of one, `last` / `last:2` (also `@last`), a queue URL, `@12` for the ledger's own number, a
saved file by its content, or `ENDPOINT REF` in either order: the word with a `/` (or of the legacy form) is the
endpoint of the ids beside it.
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from fal_cli import endpoint
from fal_cli.api.errors import ApiError
from fal_cli.api.queue import handle_for, is_request_id
from fal_cli.auth.accounts import Account
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, InvalidEndpoint
from fal_cli.errors import CliError, CredentialRefused, NotFound, UsageError, report
from fal_cli.ledger.rows import Row, State
from fal_cli.urls import answers_here, is_loopback, origin

if TYPE_CHECKING:
    from fal_cli.calls.saved_files import Beside

T = TypeVar("T")
_NUMBER = re.compile(r"@([1-9][0-9]{0,17})")
_LAST = re.compile(r"@?last(?::([1-9][0-9]{0,5}))?")
_QUEUE_URL = (
    r"https?://[^/?#]+/(?P<app>[^?#]+?)/requests/(?P<id>[^/?#]+)(?:/[^?#]*)?(?:[?#].*)?"  # compiled at first use
)
_WITHOUT_ID = {
    State.SENDING: "it is being sent, or its process was killed",
    State.UNKNOWN: "its answer was lost",
    State.REFUSED: "it was refused",
    State.NOT_SENT: "it was never sent",
}


def resolve(context: Context, words: Sequence[str]) -> list[Tracked]:
    """The requests in the queue that the words name, in their order.

    Raises `UsageError` for a word that cannot name one, `CliError` (code 5) for an id that this machine does
    not know and that stands beside no endpoint, or for a row without one.
    """
    return [_in_queue(context, found) for found in calls(context, words)]


def calls(context: Context, words: Sequence[str]) -> list[Tracked | Row]:
    """The same, but rows of the ledger as they are: some have no request id, and what one lacks concerns no other.

    Raises as `resolve`.
    """
    urls = [word for word in words if "://" in word]
    others = [word for word in words if "://" not in word]
    endpoints = [word for word in others if endpoint.looks_like_endpoint(word)]
    refs = [word for word in words if word in urls or word not in endpoints]
    if len(endpoints) > 1:
        raise UsageError(f"one endpoint at a time: both {endpoints[0]} and {endpoints[1]} are named")
    if not refs:
        raise UsageError(f"name a request after {endpoints[0]}: an id, or 'last'")
    named = _endpoint(endpoints[0]) if endpoints else None
    return [_by_url(context, ref) if "://" in ref else _found(context, ref, named) for ref in refs]


def rows(context: Context, words: Sequence[str]) -> list[Row]:
    """The rows of the ledger that the words name; `last` is the newest of any kind.

    Raises `UsageError`, and `CliError` (code 5) for what the ledger does not hold.
    """
    return [_row(context, word) for word in words]


def words(context: Context, refs: Sequence[str] | None, files: Sequence[str] | None) -> list[str]:
    """The words of a command line and those that name the requests that made `files`; a word may be such a file too.

    Raises `UsageError` where there is neither, and as `saved_files.row`.
    """
    found = [_of_file(context, ref).name if _is_file_by_name(ref) else ref for ref in refs or ()]
    found += [_of_file(context, file).name for file in files or ()]
    if not found:
        raise UsageError("name a request: an id, 'last', or a file that it made")
    return found


def earlier(context: Context, ref: str) -> "Row | Beside":
    """The call that a word names, to be made again: as `rows`, and of a file also as its sidecar says it."""
    if not _is_file(ref):
        return _row(context, ref)
    from fal_cli.calls import saved_files

    return saved_files.earlier(context, ref)


def unfinished(context: Context) -> list[Row]:
    """Every unfinished request; first the one whose result expires first."""
    return context.journal.unfinished()


def one(context: Context, words: Sequence[str]) -> Tracked:
    """The single request that the words name. Raises as `resolve`."""
    found = resolve(context, words)
    if len(found) > 1:
        raise UsageError("name one request at a time")
    return found[0]


def of_row(context: Context, row: Row, named: EndpointId | None = None) -> Tracked:
    """The request in the queue that a row with a request id is about."""
    account = account_of(context, row)
    own = named or endpoint_of(row)
    handle = handle_for(account.hosts, own, row.request_id, row.urls, row.created_at.timestamp())
    return Tracked(handle, context.journal.entry(row), account)


def account_of(context: Context, row: Row | None) -> Account:
    """The account that made a request: its profile unless another is named, and the host where it runs.

    A host gets a key only if it is configured now: what a row says of it is text in a file. Raises `CliError`,
    `NoCredentials`.
    """
    if row is None or context.in_sandbox:
        return context.accounts.own
    account = account_like(context, row)
    # A sandbox that was ended and is served again has its state, and mostly another port.
    queue = account.hosts.queue
    is_moved = is_loopback(row.host) and is_loopback(queue) and not answers_here(row.host)
    is_here = origin(row.host) == origin(queue) or is_moved
    if row.host and row.mode == "queue" and not is_here:
        raise CredentialRefused(
            f"request {row.name} was made at {row.host}, which is not configured now",
            hint=f"To use that host: FAL_QUEUE_RUN_HOST={row.host}, with the key that made it.",
        )
    return account


def account_like(context: Context, row: Row) -> Account:
    """The account for another call like an earlier one: its profile's unless another is named, where that is now.

    Raises `NoCredentials`.
    """
    if not row.profile or context.flags.profile or context.in_sandbox:
        return context.accounts.own
    return Account(context.accounts.hosts_of(row.profile), context.accounts.credential_of(row.profile))


def endpoint_of(row: Row) -> EndpointId:
    """The endpoint of a request in the queue."""
    return _endpoint(row.endpoint)


def each(context: Context, requests: Sequence[T], action: Callable[[T], None]) -> None:
    """Handles each request. A failure of one is reported and does not stop the others.

    Raises `typer.Exit` with the worst code if any failed; the error itself if there is but one request.
    """
    worst = 0
    for request in requests:
        try:
            action(request)
        except (ApiError, CliError) as error:
            if len(requests) == 1:
                raise
            told = report(error, tool=context.tool)
            if context.talk.machine and not told.request_id:
                told = told._replace(request_id=getattr(request, "request_id", ""))
            context.notify.error(told)
            worst = max(worst, int(told.code))
    if worst:
        raise typer.Exit(worst)


def _in_queue(context: Context, found: Tracked | Row) -> Tracked:
    if isinstance(found, Tracked):
        return found
    if is_in_queue(found):
        return of_row(context, found)
    if found.mode == "queue":
        raise NotFound(
            f"{found.name} has no request id: {_WITHOUT_ID.get(found.state, found.state)}",
            hint=f"To look it up on the service: {context.tool} resume {found.name}",
            next=("resume", found.name),
        )
    raise NotFound(
        f"{found.name} is not a queued request: it was a {found.mode} call",
        hint=f"To see it: {context.tool} history show {found.name}",
        next=("history", "show", found.name),
    )


def _found(context: Context, ref: str, named: EndpointId | None) -> Tracked | Row:
    row = _numbered(context, ref) or _last(context, ref) or _recorded(context, ref)
    if row is not None:
        return of_row(context, row, named) if named and is_in_queue(row) else row
    if named is None:
        _check_ledger(context)
        raise NotFound(
            f"no request {ref!r} in your history{', and no such file here' if '.' in ref else ''}",
            hint=f"Name its endpoint too: {context.tool} status ENDPOINT {ref}",
            kind="request_not_found",
            next=("history",),
        )
    return Tracked(handle_for(context.accounts.hosts, named, ref), context.journal.entry(None), context.accounts.own)


def is_in_queue(row: Row) -> bool:
    """Whether a row's request can be asked about."""
    return bool(row.request_id) and row.mode == "queue"


def _is_file(word: str) -> bool:
    """Whether a word names a file that is there, and could name nothing else: it has a dot or a slash."""
    if "://" in word or not ("." in word or os.sep in word):
        return False
    try:
        return Path(os.path.expanduser(word)).is_file()
    except (OSError, ValueError):
        return False


def _is_file_by_name(word: str) -> bool:
    """The same where a word may be an endpoint as well, as those before ids are: its last part has a dot."""
    return "." in word.rpartition("/")[2] and _is_file(word)


def _of_file(context: Context, file: str) -> Row:
    from fal_cli.calls import saved_files  # knows the formats of media: not for the many that name an id

    return saved_files.row(context, file)


def _row(context: Context, ref: str) -> Row:
    if _is_file(ref):
        return _of_file(context, ref)
    row = _numbered(context, ref) or _last(context, ref, with_id=False) or _of_id(context, ref)
    if row is None:
        _check_ledger(context)
        raise NotFound(
            f"no request {ref!r} in your history",
            hint=f"See: {context.tool} history",
            kind="request_not_found",
            next=("history",),
        )
    return row


def _of_id(context: Context, ref: str) -> Row | None:
    match = re.fullmatch(_QUEUE_URL, ref)
    return _recorded(context, match["id"] if match else ref)


def _numbered(context: Context, ref: str) -> Row | None:
    """`@12` is the twelfth row of the ledger: what names a call that has no request id."""
    match = _NUMBER.fullmatch(ref)
    if not match:
        return None
    row = context.journal.row(int(match[1]))
    if row is None:
        _check_ledger(context)
        raise NotFound(f"no request {ref} in your history", hint=f"See: {context.tool} history")
    return row


def _last(context: Context, ref: str, *, with_id: bool = True) -> Row | None:
    match = _LAST.fullmatch(ref)
    if not match:
        return None
    row = context.journal.newest(int(match.group(1) or 1), with_id=with_id)
    if row is None:
        _check_ledger(context)
        raise NotFound(f"no request {ref!r} in your history", kind="request_not_found", next=("history",))
    context.notify.note(f"{ref} is {row.endpoint} request {row.name}")
    return row


def _check_ledger(context: Context) -> None:
    """Raises `CliError` where nothing was found because nothing can be read."""
    if context.journal.failure:
        raise CliError(
            f"your history cannot be read: {context.journal.failure}",
            hint="Name the endpoint before the id instead: ENDPOINT ID",
        )


def _recorded(context: Context, ref: str) -> Row | None:
    if not is_request_id(ref):
        raise UsageError(f"{ref!r} is not a request id")
    rows = context.journal.by_request_id(ref)
    if len(rows) > 1:
        raise UsageError(f"{ref!r} matches several requests, such as {rows[0].request_id} and {rows[1].request_id}")
    return rows[0] if rows else None


def _by_url(context: Context, url: str) -> Tracked:
    match = re.fullmatch(_QUEUE_URL, url)
    if not match or not is_request_id(match["id"]):
        raise UsageError(f"{url!r} is not the URL of a request in the queue")
    row = next((row for row in context.journal.by_request_id(match["id"]) if row.request_id == match["id"]), None)
    if row is not None and row.mode == "queue" and origin(row.host) == origin(url):
        return of_row(context, row)
    if not context.accounts.hosts.owns_queue(url):
        raise UsageError(f"{url!r} is not on the host in use, {context.accounts.hosts.queue}")
    handle = handle_for(context.accounts.hosts, _endpoint(match["app"]), match["id"])
    return Tracked(handle, context.journal.entry(row), context.accounts.own)


def _endpoint(text: str) -> EndpointId:
    try:
        return endpoint.parse(text)
    except InvalidEndpoint as error:
        raise UsageError(str(error)) from None
