"""The text of `key=value` into what a field wants."""

from pathlib import Path
from typing import Any

import pytest

from fal_cli.files.attachment import Attachment
from fal_cli.schema import Field, find, placed, read, typed
from fal_cli.schema.values import of_file
from tests.support.catalogue_server import document

FLUX = read(document("flux_dev"), "fal-ai/flux/dev")
CHAT = read(document("any_llm"), "fal-ai/any-llm")
VIDEO = read(document("video_upscaler"), "fal-ai/video-upscaler")
STRING, INTEGER, NUMBER = Field("", ("string",)), Field("", ("integer",)), Field("", ("number",))


def value(path: str, text: str) -> Any:
    field = next(found for schema in (FLUX, CHAT, VIDEO) if (found := find(schema, path.split("."))))
    return typed(field, text)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        pytest.param("prompt", "12345", "12345", id="digits-of-a-prompt"),
        pytest.param("prompt", "true", "true", id="word-of-a-prompt"),
        pytest.param("prompt", '{"a": 1}', '{"a": 1}', id="json-of-a-prompt"),
        pytest.param("system_prompt", "null", None, id="null-of-a-text-that-may-be-null"),
        pytest.param("prompt", "null", "null", id="null-of-a-text"),
        pytest.param("image_size", "null", None, id="null-of-choices"),
        pytest.param("duration", "5", "5", id="text-choice-of-digits"),
        pytest.param("target_fps", "24", 24, id="integer-choice"),
        pytest.param("target_fps", "null", None, id="null"),
        pytest.param("seed", "7", 7, id="integer"),
        pytest.param("seed", "-7", -7, id="negative"),
        pytest.param("seed", "18446744073709551617", 18446744073709551617, id="integer-beyond-64-bits"),
        pytest.param("seed", "7.0", 7, id="whole-number"),
        pytest.param("seed", "1e3", 1000, id="exponent"),
        pytest.param("seed", "null", None, id="optional-null"),
        pytest.param("num_images", "null", None, id="null-of-what-is-optional"),
        pytest.param("num_images", "9", 9, id="out-of-range-is-still-a-number"),
        pytest.param("num_images", "four", "four", id="no-number"),
        pytest.param("num_images", "2.5", "2.5", id="no-integer"),
        pytest.param("num_images", "true", "true", id="no-boolean"),
        pytest.param("num_images", "007", "007", id="leading-zeros"),
        pytest.param("guidance_scale", "3", 3, id="number"),
        pytest.param("guidance_scale", "2.50", 2.5, id="decimal"),
        pytest.param("guidance_scale", "1e999", "1e999", id="beyond-all-floats"),
        pytest.param("guidance_scale", "NaN", "NaN", id="not-a-number"),
        pytest.param("guidance_scale", "9" * 5000, "9" * 5000, id="very-many-digits"),
        pytest.param("sync_mode", "true", True, id="true"),
        pytest.param("sync_mode", "yes", True, id="yes"),
        pytest.param("sync_mode", "Off", False, id="off"),
        pytest.param("sync_mode", "maybe", "maybe", id="no-truth"),
        pytest.param("image_size", "square", "square", id="choice-of-an-alternative"),
        pytest.param("image_size", '{"width": 3}', {"width": 3}, id="object-of-an-alternative"),
        pytest.param("image_size", '{"width": 0}', {"width": 0}, id="object-that-is-wrong"),
        pytest.param("image_size", "640x480", "640x480", id="nothing-is-invented"),
        pytest.param("image_size.width", "640", 640, id="nested"),
        pytest.param("loras", '[{"path": "a"}]', [{"path": "a"}], id="list"),
        pytest.param("loras", "a", "a", id="no-list"),
        pytest.param("loras", "[1,", "[1,", id="broken-json"),
        pytest.param("loras.0.path", "1", "1", id="text-in-a-list"),
        pytest.param("loras..scale", "0.5", 0.5, id="number-in-a-list"),
        pytest.param("reference_image_urls", "https://a/b.png", ["https://a/b.png"], id="one-of-a-list-of-texts"),
        pytest.param("reference_image_urls", '["a", "b"]', ["a", "b"], id="list-of-texts"),
        pytest.param("reference_image_urls", "[draft", ["[draft"], id="text-that-begins-as-a-list"),
        pytest.param("reference_image_urls.0", "1", "1", id="entry-of-a-list-of-texts"),
        pytest.param("stop", "END", "END", id="text-or-list"),
        pytest.param("stop", '["a", "b"]', ["a", "b"], id="list-or-text"),
        pytest.param("stop", "[1, 2]", "[1, 2]", id="list-that-does-not-fit-beside-text"),
    ],
)  # fmt: skip
def test_what_a_text_gives(path: str, text: str, expected: Any) -> None:
    found = value(path, text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        pytest.param(Field("", ("integer", "string"), alternatives=(INTEGER, STRING)), "5", 5, id="number-or-text"),
        pytest.param(Field("", ("integer", "string"), alternatives=(INTEGER, STRING)), "x", "x", id="text-or-number"),
        pytest.param(Field("", choices=("5", 5)), "5", "5", id="the-first-choice"),
        pytest.param(Field("", ("boolean",), choices=(True,)), "true", True, id="true-as-a-choice"),
        pytest.param(Field("", choices=({"a": 1},)), '{"a": 1}', {"a": 1}, id="object-as-a-choice"),
        pytest.param(Field("", ("array",), item=INTEGER), "5", "5", id="list-of-numbers"),
        pytest.param(Field("", ("array",)), "a", ["a"], id="list-of-anything"),
        pytest.param(Field("", ("array",), item=Field("", ("object",), properties=(Field("url", ("string",)),))),
                     "https://a", ["https://a"], id="list-of-file-objects"),
        pytest.param(Field("", ("number",), is_required=True), "null", "null", id="null-where-it-is-required"),
        pytest.param(Field("", ("string",), is_nullable=True, choices=("a",)), "null", None, id="nullable-choices"),
        pytest.param(Field("", ("string",), choices=("null",)), "null", "null", id="null-as-a-choice"),
        pytest.param(Field("", ("string",), has_default=True), "null", None, id="null-as-the-default"),
        pytest.param(Field("", ("string",), examples=("a", None), is_required=True), "null", None,
                     id="null-as-an-example"),
        pytest.param(Field("", ("string",), is_media=True), "null", None, id="null-of-a-file"),
        pytest.param(Field("", ("string",)), "null", "null", id="null-of-an-optional-text"),
        pytest.param(Field(""), "5", "5", id="anything-is-the-callers-guess"),
    ],
)  # fmt: skip
def test_rarer_fields(field: Field, text: str, expected: Any) -> None:
    found = typed(field, text)
    assert (found, type(found)) == (expected, type(expected))


def test_a_file_for_a_list_of_urls_is_a_list_of_one() -> None:
    file = Attachment(key="x", path=Path("a.png"))
    urls, url = find(VIDEO, ["reference_image_urls"]), find(VIDEO, ["video_url"])
    assert urls is not None
    assert url is not None
    assert placed(urls, file) == [file]
    assert placed(url, file) is file


def test_the_text_of_a_file_for_a_list_of_texts_is_a_list_of_one() -> None:
    assert of_file(Field("", ("array",), item=STRING), "[1]") == ["[1]"]
    assert of_file(STRING, "[1]") == "[1]"
