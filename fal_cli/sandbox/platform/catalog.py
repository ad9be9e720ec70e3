"""`GET /v1/models`: which models there are, and what each takes and gives (§11.2, §11.3)."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave, pages
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.pages import Page
from fal_cli.sandbox.intake.parameters import Parameters, invalid
from fal_cli.sandbox.models import Model
from fal_cli.sandbox.models.known import MODELS
from fal_cli.sandbox.platform import openapi
from fal_cli.sandbox.platform.pricing import find_model, needed_model
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Endpoint, Route
from fal_cli.sandbox.state import files
from fal_cli.sandbox.state.store import FileRow

MAX_LIMIT = 100
OPENAPI, ENTERPRISE = "openapi-3.0", "enterprise_status"
THUMBNAIL_SIZE = (384, 256)
_ALLOWED = ("q", "category", "status", "endpoint_id", "expand", "limit", "cursor")
_STATUSES = ("active", "deprecated")
_MINUTE = 60.0


@dataclass(frozen=True)
class Query:
    """What is asked for; `words` and `category` are in lower case, and like `status` empty for any."""

    endpoints: list[str]
    words: list[str]
    category: str
    status: str
    expanded: list[str]
    has_key: bool
    page: Page

    def wants(self, endpoint: Endpoint, model: Model) -> bool:
        """Whether a model is asked for: all words have to occur somewhere in what is told of it."""
        about = model.about
        told = " ".join((endpoint.id, model.name, about.description, about.category, *about.tags)).lower()
        return (
            all(word in told for word in self.words)
            and self.category in ("", about.category)
            and self.status in ("", about.status)
        )


async def read(context: Context, request: Request, route: Route) -> Response:
    """The models that were named, in that order, or all of them, as far as they fit."""
    query = _read_query(request)
    found = [(endpoint, model) for endpoint, model in _models(query.endpoints) if query.wants(endpoint, model)]
    fault = misbehave.pick(context, route.name, "models")

    def show() -> dict[str, Any]:
        offset = query.page.place[0] if query.page.place else 0
        rest = (((number,), pair) for number, pair in enumerate(found[offset:], offset + 1))
        return query.page.document("models", rest, lambda pair: _entry(context, query, *pair))

    async def act() -> Response:
        return answers.answer(200, await asyncio.to_thread(show))

    return await misbehave.perform(fault, route.name, act)


async def describe(context: Context, request: Request, route: Route) -> Response:
    """The document of one endpoint, which needs no key (§11.3)."""
    endpoint_id = request.query_params.get("endpoint_id", "")
    fault = misbehave.pick(context, route.name, "openapi")

    def show() -> Response:
        found = find_model(endpoint_id)
        if found is None:
            return answers.answer(404, None)
        return answers.answer(200, _document(context, *found))

    async def act() -> Response:
        return await asyncio.to_thread(show)

    return await misbehave.perform(fault, route.name, act)


def _document(context: Context, endpoint: Endpoint, model: Model) -> dict[str, Any]:
    return openapi.document(endpoint, model, queue=context.addresses.queue, thumbnail=_thumbnail(context, model))


def _read_query(request: Request) -> Query:
    parameters = Parameters(request, _ALLOWED)
    expanded = parameters.many("expand")
    if not {OPENAPI, ENTERPRISE}.issuperset(expanded):
        raise invalid("expand", f"only {OPENAPI} and {ENTERPRISE} can be expanded")
    return Query(
        endpoints=parameters.endpoints(),
        words=(parameters.one("q") or "").lower().split(),
        category=(parameters.one("category") or "").lower(),
        status=parameters.word("status", _STATUSES, ""),
        expanded=expanded,
        has_key="authorization" in request.headers,
        page=pages.read(parameters, MAX_LIMIT, int),
    )


def _models(endpoint_ids: list[str]) -> Iterator[tuple[Endpoint, Model]]:
    """Raises Refused for one that is not there."""
    for endpoint_id in endpoint_ids or MODELS:
        yield needed_model(endpoint_id)


def _entry(context: Context, query: Query, endpoint: Endpoint, model: Model) -> dict[str, Any]:
    about = model.about
    url = f"{context.addresses.run}/{endpoint.id}"
    thumbnail = _thumbnail(context, model)
    metadata = {
        "display_name": model.name,
        "category": about.category,
        "description": about.description,
        "status": about.status,
        "tags": list(about.tags),
        "updated_at": about.date,
        "is_favorited": False if query.has_key else None,
        "thumbnail_url": thumbnail,
        "model_url": url,
        "date": about.date,
        "highlighted": False,
        "kind": "inference",
        "license_type": about.license_type,
        "duration_estimate": round((model.queue + model.run) / _MINUTE, 3),
        "pinned": False,
    }
    if model.streams:
        metadata["stream_url"] = f"{url}/stream"
    entry: dict[str, Any] = {"endpoint_id": endpoint.id, "metadata": metadata}
    if ENTERPRISE in query.expanded:
        entry["enterprise_status"] = "ready"
    if OPENAPI in query.expanded:
        entry["openapi"] = _document(context, endpoint, model)
    return entry


def _thumbnail(context: Context, model: Model) -> str:
    """The URL of the model's picture, which the CDN draws when it is first looked at."""
    file_id = hashlib.md5(model.name.encode(), usedforsecurity=False).hexdigest()
    width, height = THUMBNAIL_SIZE
    recipe = {
        "kind": "picture", "prompt": model.name, "seed": 0, "number": 0, "width": width, "height": height,
        "format": "png", "black": False,
    }  # fmt: skip
    name = f"{model.module}.png"
    context.store.add_file(file_id, FileRow(file_id, name, "image/png", recipe, None, None, "allow"))
    return files.url(context.cdn, file_id, name)
