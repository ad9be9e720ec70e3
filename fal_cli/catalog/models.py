"""The list of models: searched at the service, kept for when it cannot be reached (wire §11.2)."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fal_cli import jsontext
from fal_cli.api.catalog_entry import Model, Search
from fal_cli.api.errors import NotReached
from fal_cli.catalog.store import LIFE_SECONDS, folder_of, host_of, public_wire, retry_policy
from fal_cli.endpoint import Target
from fal_cli.files.cache import Cache, Kept
from fal_cli.terminal.times import seconds_ago

if TYPE_CHECKING:
    from fal_cli.context import Context

_LIST = "models"


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
        for model in api.search(public_wire(context), wanted, policy=retry_policy(1 if kept else None)):
            seen.append(model)
            yield model
        is_whole = wanted.is_for_all
    except NotReached as error:
        if seen or not kept:
            raise
        context.notify.note(f"{error.message}: this is what was known {seconds_ago(time.time() - kept.kept_at)}")
        found = [model for model in _listed(kept) if _is_wanted(model, wanted)]
        yield from found[: wanted.limit]
    finally:
        if seen:
            _keep_list(cache, seen, is_whole=is_whole)


def kept_models(context: "Context") -> list[Model]:
    """The models that are kept; nothing is asked for."""
    kept = Cache(folder_of(context.env, host_of(context))).read(_LIST)
    return _listed(kept) if kept else []


def nearest_endpoint(context: "Context", target: Target) -> str:
    """The endpoint that is spelt most alike among those that are kept; "" if none is near."""
    from fal_cli.schema.edits import nearest

    return nearest(str(target), [model.endpoint for model in kept_models(context)])


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
