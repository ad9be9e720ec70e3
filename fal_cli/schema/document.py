"""Finding an endpoint's schemas in an OpenAPI document (wire §11.3), whatever else stands in it."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from fal_cli import jsontext, limits

_MOST_WORK = 400_000
_DEEPEST = 40
_LONGEST_REFERENCE = 1000
_RESULT = "/requests/{request_id}"
_STATUS_NAMES = ("QueueStatus", "Status")
_INPUT_NAMES = ("input", "request")
_OUTPUT_NAMES = ("output", "response")
_UNITED = ("required", "x-fal-order-properties")


def parsed(body: bytes) -> Any:
    """The document that a body is; None for one that is not JSON, or larger than any schema is."""
    if not jsontext.is_within(body, most_bytes=limits.SCHEMA, most_values=limits.SCHEMA_VALUES):
        return None
    return jsontext.read(body)


class Document:
    """An OpenAPI document, of which nothing is taken for granted: it may be any JSON.

    References may go round or fan out, so what is read of it is counted: `is_cut` says that it was too much.
    """

    def __init__(self, document: Any) -> None:
        self._document = document
        self._work_left = _MOST_WORK

    @property
    def is_cut(self) -> bool:
        return self._work_left < 0

    def spend(self, work: int) -> bool:
        """Counts so many values as looked at. False where it is too much already."""
        self._work_left -= work
        return self._work_left >= 0

    def input_schema(self, path: str) -> Mapping[str, Any]:
        """What the endpoint at `path` takes; {} if the document does not say."""
        found = self._content(self._request(path))
        return self._component(_INPUT_NAMES) if found is None else found

    def input_examples(self, path: str) -> list[Any]:
        """Whole inputs that the document shows beside the schema."""
        media = _first_content(self._request(path))
        named = [members(one).get("value") for one in members(media.get("examples")).values()]
        return [one for one in (media.get("example"), *named) if one is not None]

    def output_schema(self, path: str) -> Mapping[str, Any]:
        """What it gives: the result of a request, or the answer of an app without a queue."""
        found = self._answer(self._route(path + _RESULT, "get", strictly=True))
        answer = self._route(path, "post")
        if found is None and not self._names_status(answer):
            found = self._answer(answer)
        return self._component(_OUTPUT_NAMES) if found is None else found

    def resolved(self, node: Any, depth: int = 0) -> dict[str, Any]:
        """A schema with its reference followed and its `allOf` merged; {} for what is none."""
        if not isinstance(node, dict) or depth > _DEEPEST or not self.spend(1 + len(node)):
            return {}
        found = self.resolved(self._at(node["$ref"]), depth + 1) if "$ref" in node else {}
        for part in entries(node.get("allOf")):
            found = self.merged(found, self.resolved(part, depth + 1))
        return self.merged(found, {name: value for name, value in node.items() if name not in ("$ref", "allOf")})

    def merged(self, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        """Two schemas as one: their properties and what they require together, the second's word for all else."""
        if not one:
            return other
        sizes = [len(part[name]) for part in (one, other) for name in ("properties", *_UNITED) if _is_many(part, name)]
        if not self.spend(len(one) + len(other) + sum(sizes)):
            return {}
        both = {**one, **other}
        if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
            both["properties"] = {**one["properties"], **other["properties"]}
        for name in _UNITED:
            if name in one and name in other:
                both[name] = [*entries(one[name]), *entries(other[name])]
        return both

    def _request(self, path: str) -> dict[str, Any]:
        return self.resolved(self._route(path, "post").get("requestBody"))

    def _at(self, reference: Any) -> Any:
        """What a reference into this document points at."""
        if not isinstance(reference, str) or not reference.startswith("#/") or len(reference) > _LONGEST_REFERENCE:
            return None
        here = self._document
        for step in reference.removeprefix("#/").split("/"):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            here = here.get(name) if isinstance(here, dict) else None
        return here

    def _route(self, path: str, method: str, *, strictly: bool = False) -> dict[str, Any]:
        """The operation at `path`, or else (unless `strictly`) the only one of its method that could be meant."""
        paths = members(members(self._document).get("paths"))
        for name in (path, f"{path}/"):
            if name in paths:
                return members(members(paths[name]).get(method))
        candidates = [members(members(item).get(method)) for name, item in paths.items() if "{" not in name]
        candidates = [operation for operation in candidates if operation]
        return candidates[0] if len(candidates) == 1 and not strictly else {}

    def _answer(self, operation: Mapping[str, Any]) -> dict[str, Any] | None:
        responses = members(operation.get("responses"))
        return self._content(self.resolved(responses.get("200")))

    def _content(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The schema of a body: that of its JSON, or else of its first content; None if it names none."""
        media = _first_content(body)
        return self.resolved(media["schema"]) if "schema" in media else None

    def _names_status(self, operation: Mapping[str, Any]) -> bool:
        """Whether an answer is the queue's own and tells nothing of the result."""
        return any(text.rpartition("/")[2] in _STATUS_NAMES for text in _references(operation.get("responses"), 8))

    def _component(self, endings: tuple[str, ...]) -> dict[str, Any]:
        """The only component whose name ends so."""
        schemas = members(members(members(self._document).get("components")).get("schemas"))
        named = [schema for name, schema in schemas.items() if name.lower().endswith(endings)]
        return self.resolved(named[0]) if len(named) == 1 else {}


def members(value: Any) -> dict[str, Any]:
    """The members of an object; none for anything else."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """The entries of a list; none for anything else."""
    return value if isinstance(value, list) else []


def _first_content(body: Mapping[str, Any]) -> dict[str, Any]:
    content = members(body.get("content"))
    return members(content.get("application/json", next(iter(content.values()), None)))


def _is_many(schema: Mapping[str, Any], name: str) -> bool:
    return isinstance(schema.get(name), dict | list)


def _references(value: Any, depth: int) -> Iterator[str]:
    for name, inner in members(value).items():
        if name == "$ref" and isinstance(inner, str):
            yield inner
        elif depth:
            yield from _references(inner, depth - 1)
