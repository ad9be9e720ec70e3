"""A call of the past, looked at again: what it answered, from the ledger, or from the service while it has it."""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from fal_cli import jsontext, media
from fal_cli.api import queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.events import Result
from fal_cli.api.wire import Wire
from fal_cli.calls import follow, refs
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.errors import CliError, NotFound
from fal_cli.ledger.rows import Kept, Row
from fal_cli.results import at_hand, made
from fal_cli.urls import is_loopback

_AGAIN_SECONDS = 10.0
_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024


class Past(NamedTuple):
    """A call and what it answered. `row` is None for one that another machine made; `is_whole`: nothing was cut."""

    endpoint: str
    name: str
    row: Row | None
    answer: Any
    is_whole: bool = True

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The stored part of the input."""
        return (self.row.input_json if self.row else None) or {}

    @property
    def seed(self) -> int | str | None:
        """The seed that the result names, else that of the input."""
        return made.seed_of(self.answer, self.inputs)

    @property
    def took(self) -> float | None:
        """Seconds that the work took, as the service measured them, or else as they were seen from here."""
        return self.row.took if self.row else None


def look(context: Context, found: Tracked | Row, *, asks: bool = True) -> Past:
    """What a call answered: the ledger's copy, else the service's; with `asks` False the ledger's alone.

    Raises `NotFound` for what nobody has, and with `asks` what `follow.fetch` raises and `CliError`.
    """
    entry = context.journal.entry(found) if isinstance(found, Row) else found.entry
    row = found if isinstance(found, Row) else entry.row()
    here = _here(found.endpoint, row, entry.kept() if row is not None and row.has_result else None)
    if here is not None and (not asks or here.is_whole or _are_all_saved(here)):
        return here
    request = _request(context, found) if asks else None
    if request is None:
        if here is None:
            raise NotFound(f"no result of {row.name if row else found.request_id} is stored here")
        return here
    try:
        result = follow.fetch(context, request).result
    finally:
        context.standing.accepted_id = ""  # it is not this command's request: what fails now was not paid for
    answer = _answer(result)
    is_the_copy = here is not None and answer == here.answer
    return Past(found.endpoint, request.request_id, entry.row() or row, answer, is_whole=not is_the_copy)


def look_again(context: Context, past: Past) -> Past:
    """The same with the files' addresses of today: those of a sandbox change with its port.

    As it was, where the service cannot tell.
    """
    row = past.row
    if row is None or not refs.is_in_queue(row) or not any(is_loopback(file.url) for file in media.find(past.answer)):
        return past
    try:
        request = refs.of_row(context, row)
        result = queue.result(quiet_wire(context, request), request.handle, deadline=Deadline(_AGAIN_SECONDS))
        return past._replace(answer=_answer(result), is_whole=True)
    except (ApiError, CliError):
        return past


def quiet_wire(context: Context, request: Tracked | None = None) -> Wire:
    """A request layer that says nothing of its retries; without `request` one that any file is fetched with.

    Files need no key, so none is looked for.
    """
    try:
        wire = context.wire(account=request.account if request else None)
    except CliError:
        wire = context.wire(local=True)
    wire.notify = lambda event: None
    return wire


def _request(context: Context, found: Tracked | Row) -> Tracked | None:
    """The request that the service can be asked about."""
    if isinstance(found, Tracked):
        return found
    return refs.of_row(context, found) if refs.is_in_queue(found) else None


def _here(endpoint: str, row: Row | None, kept: Kept | None) -> Past | None:
    """What this machine has of a result: the ledger's copy, or no more than the files that were saved."""
    if row is not None and kept is not None:
        return Past(endpoint, row.name, row, _read(kept.body, kept.content_type), kept.is_whole)
    if row is not None and at_hand.files(row, None):
        return Past(endpoint, row.name, row, None)
    return None


def _are_all_saved(past: Past) -> bool:
    files = at_hand.files(past.row, past.answer, is_whole=past.is_whole)
    return bool(files) and all(file.path for file in files)


def _answer(result: Result) -> Any:
    if len(result.body) > _LARGEST_ANSWER_BYTES:
        raise CliError(f"the result is too large to read values from ({len(result.body):,} bytes)")
    return _read(result.body.read(), result.content_type)


def _read(body: bytes, content_type: str) -> Any:
    """An answer as JSON, as text, or as the one file that it is itself."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith(("image/", "video/", "audio/")):
        return {"url": f"data:{kind};base64,{base64.b64encode(body).decode()}", "content_type": kind}
    value = jsontext.read_strictly(body, jsontext.NOT_JSON)
    return body.decode("utf-8", "replace") if value is jsontext.NOT_JSON else value
