"""What is known of endpoints: their documents and the list of models, asked for once and kept (wire §11.2, §11.3).

Each API host has a shelf of its own in the cache. What is kept is used for a week, and however old it is where the
service cannot be reached; that an endpoint has no document is believed for an hour, that nobody answered for five
minutes. What is served on this machine is asked each time, since its author may be changing it; there a no is
believed for ten seconds.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from fal_cli import settings
from fal_cli.api.errors import ApiError, NotReached
from fal_cli.api.hosts import is_loopback
from fal_cli.api.model import Model, Search
from fal_cli.api.workers import TooLate, within
from fal_cli.cache import Cache, Kept
from fal_cli.endpoint import InvalidEndpoint, LocalApp, Target, parse_target
from fal_cli.errors import CliError, Exit, NoCredentials

if TYPE_CHECKING:
    from fal_cli.api.models import Described
    from fal_cli.api.wire import Policy, Wire
    from fal_cli.context import Context
    from fal_cli.schema import Schema

LIFE_SECONDS = 7 * 86_400.0
LIFE_OF_NO_SECONDS = 3600.0
LIFE_OF_SILENCE_SECONDS = 300.0
LIFE_OF_NO_HERE_SECONDS = 10.0
PATIENCE_SECONDS = 2.0
LATEST_SECONDS = 20.0
"""An answer that nobody waits for any more is still kept for the next call."""
_LIST = "models"
_WIDEST_HELP, _NARROWEST_HELP, _INDENT_OF_HELP = 100, 20, 4


class Known:
    """An endpoint's OpenAPI document as it came, and `age` seconds ago; `is_old`: past its week."""

    def __init__(self, target: Target, document: bytes, *, title: str, category: str, age: float = 0.0) -> None:
        self.endpoint = str(target)
        self.document = document
        self.title = title
        self.category = category
        self.age = age
        self._route = _route(target)

    @property
    def is_old(self) -> bool:
        return self.age > LIFE_SECONDS

    @cached_property
    def json(self) -> Any:
        return json.loads(self.document)

    @cached_property
    def schema(self) -> "Schema":
        from fal_cli.schema import read

        return read(self.json, self._route)


def schema_for(context: "Context", target: Target, *, refresh: bool = False) -> Known | None:
    """What is known of an endpoint, asked for (two seconds at most) if it is not kept, or with `refresh`.

    None where nothing is known, for whatever reason: an unknown schema never stands in the way.
    """
    if _is_elsewhere(context, target):
        return None
    shelf = _shelf(context, target)
    kept = shelf.read()
    known = _known(target, kept)
    if kept and kept.is_fresh and not refresh:
        return known
    try:
        return _asked(context, target, shelf, kept, PATIENCE_SECONDS)
    except (ApiError, CliError) as error:
        instead = f"that of {_ago(known.age)} is used" if known else "none is used"
        context.talk.decision(f"the schema of {target} could not be had ({error}): {instead}")
        return known


def kept_schema(context: "Context", target: Target) -> Known | None:
    """What is kept of an endpoint, however old. Nothing is asked for."""
    if _is_elsewhere(context, target):
        return None
    return _known(target, _shelf(context, target).read())


def look_up(context: "Context", target: Target, *, refresh: bool = False) -> Known:
    """What is known of an endpoint that the user asks about.

    Raises `CliError` (code 5) if there is no such endpoint, (1) if it has no document, and the request layer's
    errors if neither the service nor the cache has it.
    """
    shelf = _shelf(context, target)
    kept = shelf.read()
    known = _known(target, kept)
    if known and kept and kept.is_fresh and not refresh:
        return known
    try:
        found = _asked(context, target, shelf, kept, 2 * PATIENCE_SECONDS if known else None)
    except ApiError as error:
        if not known or not isinstance(error, NotReached):
            raise _explained(context, target, error) from error
        context.talk.note(f"{error.message}: this is what was known {_ago(known.age)}")
        return known
    if not found:
        page = "" if isinstance(target, LocalApp) else f"Its page may tell: {context.tool} open {target}"
        raise CliError(f"there is no schema of {target}", hint=page)
    return found


def models(context: "Context", wanted: Search) -> Iterator[Model]:
    """The models that are asked for; where the service cannot be reached, those that are kept.

    Raises the request layer's errors if nothing is kept.
    """
    from fal_cli.api import models as api

    cache = Cache(_folder(context.env, _host(context)))
    kept = cache.read(_LIST)
    seen: list[Model] = []
    is_whole = False
    try:
        for model in api.search(_public_wire(context), wanted, policy=_policy(1 if kept else None)):
            seen.append(model)
            yield model
        is_whole = wanted.is_for_all
    except NotReached as error:
        if seen or not kept:
            raise
        context.talk.note(f"{error.message}: this is what was known {_ago(time.time() - kept.kept_at)}")
        found = [model for model in _listed(kept) if _is_wanted(model, wanted)]
        yield from found[: wanted.limit]
    finally:
        if seen:
            _keep_list(cache, seen, is_whole=is_whole)


def help_lines(context: "Context", word: str) -> list[str]:
    """The inputs of the endpoint that a word names, as a section of a plain help text; nothing if none are known."""
    from shutil import get_terminal_size

    from fal_cli.terminal.fields import help_lines as drawn

    try:
        target = parse_target(word)
    except InvalidEndpoint:
        return []
    known = schema_for(context, target)
    width = max(min(get_terminal_size().columns, _WIDEST_HELP) - _INDENT_OF_HELP, _NARROWEST_HELP)
    return drawn(known.schema, known.endpoint, width=width) if known else []


def kept_models(context: "Context") -> list[Model]:
    """The models that are kept; nothing is asked for."""
    kept = Cache(_folder(context.env, _host(context))).read(_LIST)
    return _listed(kept) if kept else []


def nearest_endpoint(context: "Context", target: Target) -> str:
    """The endpoint that is spelt most alike among those that are kept; "" if none is near."""
    from fal_cli.schema.check import nearest

    return nearest(str(target), [model.endpoint for model in kept_models(context)], 0.6)


# -- shelves


_SANDBOX = "sandbox"
_LOCAL = "local"


class _Shelf(NamedTuple):
    """Where one endpoint's document is kept, and for how long what is asked now is believed."""

    cache: Cache
    name: str
    life: float

    def read(self) -> Kept | None:
        """What is kept, with an empty body where there is no document; a damaged one is not there."""
        kept = self.cache.read(self.name)
        try:
            return kept if kept is None or not kept.body or json.loads(kept.body) else None
        except (ValueError, RecursionError):
            return None

    def keep(self, found: "Described | None") -> None:
        if found is None:
            self.cache.write(self.name, b"", seconds=self._at_most(LIFE_OF_NO_SECONDS), facts={})
        else:
            facts = {"title": found.model.title, "category": found.model.category}
            self.cache.write(self.name, found.document, seconds=self.life, facts=facts)

    def postpone(self, kept: Kept | None) -> None:
        """Nobody answered: what is kept, or that nothing is, will do for a while."""
        seconds = self._at_most(LIFE_OF_SILENCE_SECONDS)
        facts, kept_at = (kept.facts, kept.kept_at) if kept else ({}, None)
        self.cache.write(self.name, kept.body if kept else b"", seconds=seconds, facts=facts, kept_at=kept_at)

    def _at_most(self, seconds: float) -> float:
        return seconds if self.life else LIFE_OF_NO_HERE_SECONDS


def _shelf(context: "Context", target: Target) -> _Shelf:
    if isinstance(target, LocalApp):
        return _Shelf(Cache(_folder(context.env, _LOCAL) / "schemas"), _root(target), 0.0)
    host = _host(context)
    return _Shelf(Cache(_folder(context.env, host) / "schemas"), str(target), 0.0 if host == _SANDBOX else LIFE_SECONDS)


def _host(context: "Context") -> str:
    return _SANDBOX if context.in_sandbox else _host_name(context.hosts.api)


def _host_name(url: str) -> str:
    return quote(url.partition("://")[2], safe="")


def _folder(env: Mapping[str, str], host: str) -> Path:
    return settings.cache_folder(env) / host


def _is_elsewhere(context: "Context", target: Target) -> bool:
    """Whether calls go to a queue on this machine that has no API host beside it: the service knows nothing of it."""
    if isinstance(target, LocalApp) or context.in_sandbox:
        return False
    return is_loopback(context.hosts.queue) and not is_loopback(context.hosts.api)


def _known(target: Target, kept: Kept | None) -> Known | None:
    """What is kept, as it is used; None where it says that there is nothing."""
    if not kept or not kept.body:
        return None
    title, category = (str(kept.facts.get(name) or "") for name in ("title", "category"))
    return Known(target, kept.body, title=title, category=category, age=max(0.0, time.time() - kept.kept_at))


# -- asking


def _asked(context: "Context", target: Target, shelf: _Shelf, kept: Kept | None, seconds: float | None) -> Known | None:
    """Asks for a document, for so long, and keeps the answer. Raises the request layer's errors, `CliError`."""
    from fal_cli.api.models import is_unknown

    ask = _question(context, target, seconds)

    def ask_and_keep() -> "Described | None":
        found = ask()
        shelf.keep(found)
        return found

    try:
        found = ask_and_keep() if seconds is None else _within(seconds, ask_and_keep)
    except ApiError as error:
        shelf.keep(None) if is_unknown(error) else shelf.postpone(kept)
        raise
    if found is None:
        return None
    model = found.model
    return Known(target, found.document, title=model.title, category=model.category)


def _question(context: "Context", target: Target, seconds: float | None) -> "Callable[[], Described | None]":
    """The exchange that asks for a document; made ready here, since another thread may make it."""
    from fal_cli.api import models as api
    from fal_cli.api.deadline import Deadline

    policy = _policy(None if seconds is None else 0)
    if isinstance(target, LocalApp):
        local, soon = context.wire(local=True), Deadline(seconds)  # it may have but one thread, which the call needs
        return lambda: api.describe_app(local, _root(target), policy=policy, deadline=soon)
    wire, late = _public_wire(context), Deadline(None if seconds is None else LATEST_SECONDS)
    return lambda: api.describe(wire, str(target), policy=policy, deadline=late)


def _public_wire(context: "Context") -> "Wire":
    """A request layer with the key if there is one: what is asked here needs none (§11.2)."""
    from fal_cli.account import Account
    from fal_cli.credentials import Credential

    try:
        return context.wire()
    except NoCredentials:
        return context.wire(account=Account(context.hosts, Credential("", "nowhere")))


def _policy(retries: int | None) -> "Policy":
    """Free calls are repeated as usual, or so many times."""
    from fal_cli.api import answers
    from fal_cli.api.wire import Policy

    if retries is None:
        return answers.FREE
    return Policy(lambda outcome: min(retries, answers.free_retries(outcome)))


def _within(seconds: float, job: "Callable[[], Described | None]") -> "Described | None":
    """What `job` returns or raises within so long. A late answer is still kept, by the job itself.

    On a thread, since no limit of a socket bounds a name's look-up, a connection and an answer together.
    """
    try:
        return within(seconds, job, name="schema")
    except TooLate:
        raise NotReached(f"no answer within {seconds:g} s") from None


def _explained(context: "Context", target: Target, error: ApiError) -> Exception:
    """The error of a question about an endpoint, with the nearest one where there is none of that name."""
    from fal_cli.api.models import is_unknown

    if not is_unknown(error):
        return error
    near = nearest_endpoint(context, target)
    hint = f"Did you mean {near}?" if near else f"Look for it: {context.tool} models QUERY"
    return CliError(f"there is no endpoint {target}", hint=hint, code=Exit.NOT_FOUND)


def _root(app: LocalApp) -> str:
    parts = urlsplit(app.url)
    return f"{parts.scheme}://{parts.netloc}"


def _route(target: Target) -> str:
    """The path of an endpoint in its document."""
    return urlsplit(target.url).path if isinstance(target, LocalApp) else str(target)


# -- the list of models


def _listed(kept: Kept) -> list[Model]:
    try:
        return [Model(*map(str, row)) for row in json.loads(kept.body)]
    except (ValueError, TypeError, RecursionError):
        return []


def _keep_list(cache: Cache, seen: list[Model], *, is_whole: bool) -> None:
    """Keeps what was seen: in place of what was kept if that was everything, or else beside it."""
    kept = None if is_whole else cache.read(_LIST)
    merged = {model.endpoint: model for model in (*(_listed(kept) if kept else ()), *seen)}
    rows = [model._replace(description=model.description[:200]) for model in merged.values()]
    body = json.dumps(rows, ensure_ascii=False).encode("utf-8", "backslashreplace")
    cache.write(_LIST, body, seconds=LIFE_SECONDS, facts={}, kept_at=kept.kept_at if kept else None)


def _is_wanted(model: Model, wanted: Search) -> bool:
    text = f"{model.endpoint} {model.title} {model.category} {model.description}".lower()
    found = all(word in text for word in wanted.query.lower().split())
    return found and wanted.category in ("", model.category) and wanted.status in ("", model.status)


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit} ago"
    return "a moment ago"
