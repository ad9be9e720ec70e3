"""A platform API of a few models, on a raw socket: what `fal models`, `schema` and `pricing` ask (wire §11.2)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.faulty_server import Seen, Server, Talk, http, read_request

DOCUMENTS = Path(__file__).parents[1] / "schema" / "documents"
NAMES = {
    "fal-ai/flux/dev": "flux_dev",
    "fal-ai/any-llm": "any_llm",
    "fal-ai/video-upscaler": "video_upscaler",
}
_PRICES = {"fal-ai/flux/dev": ("0.025", "megapixel"), "fal-ai/video-upscaler": ("0.0000125", "second")}
_LIMIT = 2  # entries a page at most, so that a list of three takes two


def document_bytes(name: str) -> bytes:
    """A recorded document as it stands in its file."""
    return (DOCUMENTS / f"{name}.json").read_bytes()


def document(name: str) -> Any:
    """The same, parsed."""
    return json.loads(document_bytes(name))


def models() -> list[dict[str, Any]]:
    """The entries of the catalogue."""
    facts = {
        "fal-ai/flux/dev": ("FLUX.1 [dev]", "text-to-image", "active", "Pictures from words."),
        "fal-ai/any-llm": ("Any LLM", "llm", "active", "Answers of many models."),
        "fal-ai/video-upscaler": ("Vidéo ↑ 上采样", "video-to-video", "deprecated", "Enlarges videos."),
    }
    names = ("display_name", "category", "status", "description")
    return [
        {"endpoint_id": endpoint, "metadata": dict(zip(names, entry, strict=True)), "enterprise_status": "ready"}
        for endpoint, entry in facts.items()
    ]


class Catalogue:
    """What the API answers; `replies` are whole answers that go before, by path, `search_reply` one to a search.

    `unlisted` endpoints have a document and stand in no list.
    """

    def __init__(self, documents: Mapping[str, bytes] | None = None) -> None:
        self.documents = dict(documents or {endpoint: document_bytes(name) for endpoint, name in NAMES.items()})
        self.replies: dict[str, bytes] = {}
        self.search_reply: bytes | None = None
        self.unlisted: set[str] = set()

    def server(self) -> Server:
        return Server([self._step])

    def _step(self, talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if not talk.is_over:
                talk.sock.sendall(self.answer(talk.request))

    def answer(self, seen: Seen) -> bytes:
        """The bytes of the answer to one request."""
        path = urlsplit(seen.target).path
        if path in self.replies:
            return self.replies[path]
        query = {name: values[0] for name, values in parse_qs(urlsplit(seen.target).query).items()}
        if path == "/v1/models" and "endpoint_id" in query:
            return self._described(query)
        if path == "/v1/models":
            return self.search_reply or _searched(query)
        if path == "/v1/models/pricing":
            return _prices(query["endpoint_id"].split(","))
        if path == "/v1/models/pricing/estimate":
            return _estimate(json.loads(seen.body))
        return _problem(404, "not_found", f"no route {path}")

    def _described(self, query: Mapping[str, str]) -> bytes:
        hidden = [{"endpoint_id": endpoint} for endpoint in self.unlisted]
        found = [model for model in (*models(), *hidden) if model["endpoint_id"] == query["endpoint_id"]]
        if not found:
            return _problem(404, "not_found", "Endpoint not found")
        entry = json.dumps(found[0], ensure_ascii=False)
        raw = self.documents[query["endpoint_id"]].decode()
        body = f'{{"models": [{entry[:-1]}, "openapi": {raw}}}], "next_cursor": null, "has_more": false}}'
        return http(200, body.encode(), {"Content-Type": "application/json"})


def _searched(query: Mapping[str, str]) -> bytes:
    def is_wanted(model: dict[str, Any]) -> bool:
        facts = model["metadata"]
        text = json.dumps(model, ensure_ascii=False).lower()
        return query.get("q", "").lower() in text and all(
            query.get(name, facts[name]) == facts[name] for name in ("category", "status")
        )

    found = [model for model in models() if is_wanted(model)]
    start, limit = int(query.get("cursor", "0")), min(int(query["limit"]), _LIMIT)
    end = start + limit
    more = end < len(found)
    return http(200, {"models": found[start:end], "next_cursor": str(end) if more else None, "has_more": more})


def _prices(endpoints: list[str]) -> bytes:
    if any(endpoint not in _PRICES for endpoint in endpoints):
        return _problem(404, "not_found", "Endpoint not found")
    listed = ",".join(
        f'{{"endpoint_id":"{endpoint}","unit_price":{_PRICES[endpoint][0]},"unit":"{_PRICES[endpoint][1]}",'
        '"currency":"USD"}'
        for endpoint in endpoints
    )
    body = f'{{"prices":[{listed}],"next_cursor":null,"has_more":false}}'
    return http(200, body.encode(), {"Content-Type": "application/json"})


def _estimate(asked: Mapping[str, Any]) -> bytes:
    assert asked["estimate_type"] == "unit_price"
    total = sum(float(_PRICES[name][0]) * one["unit_quantity"] for name, one in asked["endpoints"].items())
    return http(200, {"estimate_type": "unit_price", "total_cost": round(total, 10), "currency": "USD"})


def _problem(status: int, kind: str, message: str) -> bytes:
    return http(status, {"error": {"type": kind, "message": message}})
