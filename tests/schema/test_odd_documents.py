"""Documents as they are found: what one gives as a default or an example passes its own check, wherever it stands."""

from collections.abc import Iterator
from typing import Any

import pytest

from fal_cli.schema import find, problems, read
from tests.support.catalogue_server import DOCUMENTS, document

NAMES = sorted(path.stem for path in DOCUMENTS.glob("*.json"))
_DEEPEST = 4
Path = tuple[str, ...]


def routes(name: str) -> list[str]:
    """The endpoints of a document."""
    return [path.strip("/") for path, item in document(name)["paths"].items() if "post" in item and "{" not in path]


def input_node(name: str, route: str) -> Any:
    path = next(path for path in document(name)["paths"] if path.strip("/") == route)
    return document(name)["paths"][path]["post"]["requestBody"]["content"]["application/json"]


def values(whole: Any, node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each default and example of a schema with its place, found without the reader that is under test."""
    if not isinstance(node, dict) or len(path) > _DEEPEST:
        return
    if path:
        yield from ((path, node[word]) for word in ("default", "example") if word in node)
        yield from ((path, value) for value in node.get("examples", ()) if isinstance(node["examples"], list))
    if reference := node.get("$ref"):
        target = whole["components"]["schemas"].get(reference.rpartition("/")[2])
        if target is not node:
            yield from values(whole, target, path)
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in node.get(word, ()):
            yield from values(whole, branch, path)
    for name, inner in node.get("properties", {}).items():
        yield from values(whole, inner, (*path, name))
    yield from values(whole, node.get("items"), (*path, "0"))


def at(path: Path, value: Any) -> Any:
    """An input that holds a value at a path, and nothing else."""
    for step in reversed(path):
        value = [value] if step == "0" else {step: value}
    return value


CASES = [
    (name, route, path, value)
    for name in NAMES
    for route in routes(name)
    for path, value in values(document(name), input_node(name, route)["schema"])
]


@pytest.mark.parametrize(("name", "route", "path", "value"), CASES)
def test_every_default_and_example_passes(name: str, route: str, path: Path, value: Any) -> None:
    place = ".".join(path)
    found = problems(read(document(name), route), at(path, value))
    assert [one for one in found if one.path == place or one.path.startswith(f"{place}.")] == []


def test_there_are_many() -> None:
    assert len(CASES) > 120
    assert len({name for name, *_ in CASES}) >= 8


@pytest.mark.parametrize("given", [{"closed": {"width": "wide"}, "loop": 3}, {"pair": []}])
def test_whole_inputs_that_are_shown_pass(given: dict[str, Any]) -> None:
    schema = read(document("odd_structures"), "acme/structures")
    assert problems(schema, given) == []
    assert problems(schema, {**given, "map": {"a": "x"}}) != []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("odd_choices", "duration", "7"), ("odd_choices", "language", "xx"), ("odd_choices", "size", "round"),
        ("odd_choices", "version", "v3"), ("odd_choices", "mixed", 3), ("odd_choices", "steps", 10),
        ("odd_choices", "quality", "medium"), ("odd_numbers", "guidance", 21), ("odd_numbers", "guidance", "21"),
        ("odd_numbers", "step", 34), ("odd_numbers", "whole", 2.5), ("odd_numbers", "nullable", -1),
        ("odd_numbers", "long", "toolong"), ("odd_numbers", "few", [1]), ("odd_numbers", "truth", "maybe"),
        ("odd_structures", "merged", {"a": 1, "b": 1}), ("odd_structures", "discriminated", {"kind": "cow"}),
        ("odd_structures", "map", {"a": "x"}), ("odd_structures", "pair", [1]), ("odd_structures", "messages", [5]),
        ("odd_structures", "loop", {"inner": {"inner": {"name": 8}}}), ("odd_structures", "open", {"width": "x"}),
    ],
)  # fmt: skip
def test_what_is_wrong_in_them_is_still_found(name: str, path: str, value: Any) -> None:
    (route,) = routes(name)
    assert [
        one.path.partition(".")[0]
        for one in problems(read(document(name), route), {path: value})
        if one.kind != "missing"
    ] == [path]


class TestFiles:
    schema = read(document("odd_files"), "acme/files")

    @pytest.mark.parametrize(
        "path",
        [
            "lyrics", "gen_text", "ref_text", "instruction", "transcript", "input", "content", "prompt",
            "style_prompt", "caption_or_link", "link_or_text", "voice", "archive_format", "texts", "texts.0",
            "messages.0.content", "image_style", "size_url", "weights.0.scale",
        ],
    )  # fmt: skip
    def test_plain_ones(self, path: str) -> None:
        field = find(self.schema, path.split("."))
        assert field is not None
        assert not field.takes_file

    @pytest.mark.parametrize(
        "path",
        [
            "video_url", "image_urls", "image_urls.0", "audio_url_person1", "maskUrl", "fill_image_url", "text",
            "script", "speech", "frames", "frames.0", "clip", "garment", "product", "background", "model_image",
            "weights.0.path", "still", "still.url", "stills", "stills.0",
        ],
    )  # fmt: skip
    def test_those_that_take_a_file(self, path: str) -> None:
        field = find(self.schema, path.split("."))
        assert field is not None
        assert field.takes_file
