"""An endpoint's document: kept, or asked for (wire §11.2, §11.3)."""

import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from fal_cli.api.errors import ApiError, NotReached, Unavailable
from fal_cli.catalog.store import LIFE_SECONDS, Shelf, has_key, retry_policy, shelf_of
from fal_cli.endpoint import LocalApp, Target
from fal_cli.errors import CliError, NotFound
from fal_cli.files.cache import Kept
from fal_cli.terminal.times import seconds_ago
from fal_cli.urls import is_loopback

if TYPE_CHECKING:
    from fal_cli.api.catalog import Described
    from fal_cli.api.messages import Policy
    from fal_cli.context import Context
    from fal_cli.schema import Schema

PATIENCE_SECONDS = 2.0
LATEST_SECONDS = 20.0
"""An answer that nobody waits for any more is still kept for the next call."""

Question = Callable[[], "Described | None"]


class Known:
    """An endpoint's OpenAPI document as it came, and `age` seconds ago; `is_old`: past its week.

    `status` is the catalogue's word, "" where it was not asked; `successor` what it names in place of a deprecated one.
    """

    def __init__(
        self,
        target: Target,
        document: bytes,
        *,
        title: str,
        category: str,
        status: str = "",
        successor: str = "",
        age: float = 0.0,
    ) -> None:
        self.endpoint = str(target)
        self.document = document
        self.title = title
        self.category = category
        self.status = status
        self.successor = successor
        self.age = age
        self._route = _route(target)

    @property
    def is_old(self) -> bool:
        return self.age > LIFE_SECONDS

    @cached_property
    def json(self) -> Any:
        """The document; None where it cannot be read."""
        from fal_cli.schema.document import parsed

        return parsed(self.document)

    @cached_property
    def schema(self) -> "Schema":
        from fal_cli.schema import read

        return read(self.json, self._route)


class Looked(NamedTuple):
    """What a look at an endpoint found. `is_unknown`: the service says that it has none of that name, and said so just
    now if it `is_asked`.
    """

    known: Known | None = None
    is_unknown: bool = False
    is_asked: bool = False


def schema_for(context: "Context", target: Target, *, refresh: bool = False) -> Known | None:
    """What is known of an endpoint, as `look` finds it; None where nothing is."""
    return look(context, target, refresh=refresh).known


def look(context: "Context", target: Target, *, refresh: bool = False) -> Looked:
    """What is known of an endpoint, asked for (two seconds at most) if it is not kept, or with `refresh`.

    Never raises: an unknown schema stands in nobody's way.
    """
    if _is_elsewhere(context, target):
        return Looked()
    shelf = shelf_of(context, target)
    kept, known = _read(target, shelf)
    if kept and kept.is_fresh and not refresh:
        return Looked(known, is_unknown=bool(kept.facts.get("is_unknown")))
    from fal_cli.api.catalog import is_unknown

    try:
        return Looked(_asked(context, target, shelf, kept, PATIENCE_SECONDS), is_asked=True)
    except (ApiError, CliError) as error:
        if is_unknown(error):
            return Looked(None, is_unknown=True, is_asked=True)
        instead = f"using the copy from {seconds_ago(known.age)}" if known else "continuing without one"
        context.notify.decision(f"the schema of {target} cannot be fetched ({error}): {instead}")
        return Looked(known)


def kept_schema(context: "Context", target: Target) -> Known | None:
    """What is kept of an endpoint, however old. Nothing is asked for."""
    if _is_elsewhere(context, target):
        return None
    return _read(target, shelf_of(context, target))[1]


def look_up(context: "Context", target: Target, *, refresh: bool = False) -> Known:
    """What is known of an endpoint that the user asks about.

    Raises `CliError` (code 5) if there is no such endpoint, (1) if it has no document, and the request layer's
    errors if neither the service nor the cache has it.
    """
    shelf = shelf_of(context, target)
    kept, known = _read(target, shelf)
    if known and kept and kept.is_fresh and not refresh:
        return known
    try:
        found = _asked(context, target, shelf, kept, 2 * PATIENCE_SECONDS if known else None)
    except ApiError as error:
        if not known or not isinstance(error, NotReached):
            raise _explained(context, target, error) from error
        context.notify.note(f"{error.message}: showing the copy from {seconds_ago(known.age)}")
        return known
    if not found:
        page = "" if isinstance(target, LocalApp) else f"Its page may help: {context.tool} open {target}"
        raise CliError(f"{target} has no schema", hint=page)
    return found


def _is_elsewhere(context: "Context", target: Target) -> bool:
    """Whether calls go to a queue on this machine that has no API host beside it: the service knows nothing of it."""
    if isinstance(target, LocalApp) or context.in_sandbox:
        return False
    return is_loopback(context.accounts.hosts.queue) and not is_loopback(context.accounts.hosts.api)


def _read(target: Target, shelf: Shelf) -> tuple[Kept | None, Known | None]:
    """What is kept, and as it is used: nothing where it says that there is nothing. What is damaged is not there."""
    kept = shelf.read()
    if not kept or not kept.body:
        return kept, None
    facts = {name: str(kept.facts.get(name) or "") for name in ("title", "category", "status", "successor")}
    known = Known(target, kept.body, age=max(0.0, time.time() - kept.kept_at), **facts)
    return (kept, known) if known.json else (None, None)


def _asked(context: "Context", target: Target, shelf: Shelf, kept: Kept | None, seconds: float | None) -> Known | None:
    """Asks for a document, for so long, and keeps the answer. Raises the request layer's errors, `CliError`.

    An odd answer (a page, a failure of the service, a refused key) is not kept, so the next call asks again, and so
    does it after what only the user can fix (a certificate that is not trusted). Only silence is remembered, since
    each question to it takes seconds.
    """
    from fal_cli.api.catalog import is_unknown

    ask = _question(context, target, seconds)

    def ask_and_keep() -> "Described | None":
        found = ask()
        shelf.keep(found)
        return found

    try:
        found = ask_and_keep() if seconds is None else _within(seconds, ask_and_keep)
    except ApiError as error:
        if is_unknown(error):
            shelf.keep(None, is_unknown=True)
        elif isinstance(error, NotReached) and not isinstance(error, Unavailable) and not error.is_permanent:
            shelf.postpone(kept)
        raise
    if found is None:
        return None
    model = found.model
    return Known(
        target,
        found.document,
        title=model.title,
        category=model.category,
        status=model.status,
        successor=model.successor,
    )


def _question(context: "Context", target: Target, seconds: float | None) -> Question:
    """The exchanges that ask for a document; made ready here, since another thread may make them.

    The platform's API is asked with a key. Without one, and where it has no answer, so is the page of fal.ai, unless
    the user has an API host configured: then nobody else hears of the endpoint.
    """
    from fal_cli.api import catalog as api
    from fal_cli.api.deadline import Deadline
    from fal_cli.api.hosts import Hosts

    if isinstance(target, LocalApp):
        local, soon = context.wire(local=True), Deadline(seconds)  # it may have but one thread, which the call needs
        policy = retry_policy(None if seconds is None else 0)
        return lambda: api.describe_app(local, target.root, policy=policy, deadline=soon)
    wire, late = context.reading_wire(), Deadline(None if seconds is None else LATEST_SECONDS)
    routes: list[Callable[[Policy], Described | None]] = []
    is_own = wire.hosts.api == Hosts().api
    if has_key(context) or not is_own:
        routes.append(lambda policy: api.describe(wire, str(target), policy=policy, deadline=late))
    if is_own:
        routes.append(lambda policy: api.document_of(wire, str(target), policy=policy, deadline=late))
    return partial(_first_answer, routes, is_hasty=seconds is not None)


def _first_answer(routes: "list[Callable[[Policy], Described | None]]", *, is_hasty: bool) -> "Described | None":
    """The first document that one of the routes has; None where one knows the endpoint and none has a document.

    Raises the error of the last route, or of the one that knows no such endpoint.
    """
    from fal_cli.api.catalog import is_unknown

    failures: list[ApiError] = []
    for number, route in enumerate(routes, 1):
        try:
            found = route(retry_policy(0 if is_hasty else 1 if number < len(routes) else None))
        except ApiError as error:
            failures.append(error)
            continue
        if found is not None:
            return found
    if len(failures) < len(routes):
        return None
    raise next(filter(is_unknown, failures), failures[-1])


def _within(seconds: float, job: Question) -> "Described | None":
    """What `job` returns or raises within so long. A late answer is still kept, by the job itself.

    On a thread, since no limit of a socket bounds a name's look-up, a connection and an answer together.
    """
    from fal_cli.concurrency import TooLate, within

    try:
        return within(seconds, job, name="schema")
    except TooLate:
        raise NotReached(f"no answer within {seconds:g} s") from None


def _explained(context: "Context", target: Target, error: ApiError) -> Exception:
    """The error of a question about an endpoint, with the nearest one where there is none of that name."""
    from fal_cli.api.catalog import is_unknown

    if not is_unknown(error):
        return error
    from fal_cli.catalog.models import nearest_endpoint

    near = nearest_endpoint(context, target)
    hint = f"Did you mean {near}?" if near else f"Look for it: {context.tool} models QUERY"
    words = ("schema", near) if near else ("models", *str(target).split("/")[-1:])
    return NotFound(f"no endpoint {target}", hint=hint, kind="endpoint_not_found", next=words)


def _route(target: Target) -> str:
    """The path of an endpoint in its document."""
    return urlsplit(target.url).path if isinstance(target, LocalApp) else str(target)
