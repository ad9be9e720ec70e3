"""The list of models: searched at the service, kept for when it cannot be reached (wire §11.2)."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fal_cli import jsontext
from fal_cli.api.catalog_entry import Model, Search
from fal_cli.api.errors import ApiError, NotReached
from fal_cli.catalog.store import LIFE_SECONDS, folder_of, host_of, retry_policy
from fal_cli.concurrency import TooLate, within
from fal_cli.endpoint import Target
from fal_cli.files.cache import Cache, Kept
from fal_cli.terminal.times import seconds_ago

if TYPE_CHECKING:
    from fal_cli.context import Context

_LIST = "models"
PATIENCE_SECONDS = 2.0
_SHORTEST_PART = 2
_MOST_PARTS = 2
_MOST_FOUND = 100


def models(context: "Context", wanted: Search) -> Iterator[Model]:
    """The models that are asked for; where the service cannot be reached, those that are kept.

    Raises the request layer's errors if nothing is kept.
    """
    from fal_cli.api import catalog as api

    cache = Cache(folder_of(context.env, host_of(context)))
    kept = cache.read(_LIST)
    seen: list[Model] = []
    is_whole = False
    try:
        for model in api.search(context.reading_wire(), wanted, policy=retry_policy(1 if kept else None)):
            seen.append(model)
            yield model
        is_whole = wanted.is_for_all
    except NotReached as error:
        if seen or not kept:
            raise
        context.notify.note(f"{error.message}: showing the copy from {seconds_ago(time.time() - kept.kept_at)}")
        found = [model for model in _listed(kept) if _is_wanted(model, wanted)]
        yield from found[: wanted.limit]
    finally:
        if seen:
            _keep_list(cache, seen, is_whole=is_whole)


def kept_models(context: "Context") -> list[Model]:
    """The models that are kept; nothing is asked for."""
    kept = Cache(folder_of(context.env, host_of(context))).read(_LIST)
    return _listed(kept) if kept else []


def nearest_endpoint(context: "Context", target: Target, *, asks: bool = False) -> str:
    """The endpoint that is spelt most alike among those that are kept; "" if none is near.

    With `asks` the service is searched where none that is kept is, for two seconds at most, and what it lists is kept.
    """
    from fal_cli.schema.edits import nearest

    near = nearest(str(target), [model.endpoint for model in kept_models(context)])
    if near or not asks:
        return near
    return nearest(str(target), [model.endpoint for model in _searched(context, target)])


def _searched(context: "Context", target: Target) -> list[Model]:
    """What the service lists: under the parts of a name, and if nothing there is near, all of it.

    Nothing where it does not say in time; what it says later is kept for the next call.
    """
    from fal_cli.api import catalog as api
    from fal_cli.schema.edits import nearest

    parts = [part for part in str(target).split("/")[1:] if len(part) > _SHORTEST_PART]
    queries = [*(Search(part, limit=_MOST_FOUND) for part in parts[:_MOST_PARTS]), Search()]
    cache, wire = Cache(folder_of(context.env, host_of(context))), context.reading_wire()

    def search() -> list[Model]:
        found: list[Model] = []
        for query in queries:
            found += api.search(wire, query, policy=retry_policy(0))
            if nearest(str(target), [model.endpoint for model in found]):
                break
        _keep_list(cache, found, is_whole=False)
        return found

    try:
        return within(PATIENCE_SECONDS, search, name="search")
    except (TooLate, ApiError) as error:
        context.notify.decision(f"the service cannot be searched for an endpoint like {target} ({error})")
        return []


def _listed(kept: Kept) -> list[Model]:
    try:
        return [Model(*map(str, row)) for row in jsontext.read(kept.body)]
    except TypeError:
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
