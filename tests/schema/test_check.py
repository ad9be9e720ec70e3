"""What is wrong with an input, each kind with its field and the nearest right thing."""

from pathlib import Path
from typing import Any

import pytest

from fal_cli.files.attachment import Attachment
from fal_cli.schema import Field, Problem, Schema, missing, problems, read, undocumented
from fal_cli.schema.report import lines
from tests.support.catalogue_server import document

FLUX = read(document("flux_dev"), "fal-ai/flux/dev")
VIDEO = read(document("video_upscaler"), "fal-ai/video-upscaler")
SIZES = "square_hd, square, portrait_4_3, portrait_16_9, landscape_4_3, landscape_16_9"


def told(**given: Any) -> tuple[str, ...]:
    return lines(problems(FLUX, {"prompt": "a cat"} | given))


def told_of(field: Field, value: Any) -> tuple[str, ...]:
    return lines(problems(Schema((field._replace(name="x"),)), {"x": value}))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param({"num_images": 9}, "num_images: 9 is too large: at most 4", id="too-large"),
        pytest.param({"num_images": 0}, "num_images: 0 is too small: at least 1", id="too-small"),
        pytest.param({"guidance_scale": 0.5}, "guidance_scale: 0.5 is too small: at least 1", id="fraction"),
        pytest.param({"num_images": "four"}, 'num_images: expected an integer, not the text "four"', id="type"),
        pytest.param({"num_images": "9"}, "num_images: 9 is too large: at most 4", id="text-of-a-number"),
        pytest.param({"num_images": '"2"'}, "num_images: expected an integer, not the text '\"2\"'; did you mean 2?",
                     id="quotes-too-many"),
        pytest.param({"num_images": 2.5}, "num_images: expected an integer, not 2.5; did you mean 2?", id="no-integer"),
        pytest.param({"prompt": 12}, 'prompt: expected text, not 12; did you mean "12"?', id="number-for-text"),
        pytest.param({"prompt": None}, "prompt: expected text, not null", id="null-where-it-is-required"),
        pytest.param({"prompt": ["a"]}, "prompt: expected text, not a list", id="list-for-text"),
        pytest.param({"output_format": "jpg"}, 'output_format: "jpg" is not one of jpeg, png; did you mean jpeg?',
                     id="choice"),
        pytest.param({"output_format": "PNG"}, 'output_format: "PNG" is not one of jpeg, png; did you mean png?',
                     id="case"),
        pytest.param({"output_format": "tiff"}, 'output_format: "tiff" is not one of jpeg, png', id="far-from-all"),
        pytest.param({"image_size": "squarehd"}, f'image_size: "squarehd" is not one of {SIZES}, or an object with '
                     "width and height; did you mean square_hd?", id="choice-or-object"),
        pytest.param({"image_size": 7}, f"image_size: 7 is not one of {SIZES}, or an object with width and height",
                     id="neither"),
        pytest.param({"image_size": {"width": 0}}, "image_size.width: 0 is too small: at least 1", id="nested"),
        pytest.param({"image_size": {"widht": 9}}, "image_size.widht: no such input; did you mean width?",
                     id="nested-key"),
        pytest.param({"sync_mode": "yeah"}, 'sync_mode: expected true or false, not the text "yeah"', id="truth"),
        pytest.param({"image_size": "512x512"}, f'image_size: "512x512" is not one of {SIZES}, or an object with '
                     "width and height; did you mean image_size.width=512 image_size.height=512?", id="size"),
        pytest.param({"loras": "a"}, 'loras: expected a list, not the text "a"', id="no-list"),
        pytest.param({"loras": [{"scale": 1}]}, "loras.0.path: is required, as in loras.0.path=@FILE",
                     id="missing-in-a-list"),
        pytest.param({"loras": [{"path": "a", "scale": 9}]}, "loras.0.scale: 9 is too large: at most 4",
                     id="in-a-list"),
        pytest.param({"loras": [None]}, "loras.0: expected an object, not null", id="null-in-a-list"),
        pytest.param({"loras": [{"path": "a"}] * 4}, "loras: has 4 entries: at most 3", id="too-many"),
        pytest.param({"num_image": 2}, "num_image: no such input; did you mean num_images?", id="key"),
        pytest.param({"numImages": 2}, "numImages: no such input; did you mean num_images?", id="camel-case"),
        pytest.param({"image-size": "square"}, "image-size: no such input; did you mean image_size?",
                     id="dash"),
        pytest.param({"SEED": 2}, "SEED: no such input; did you mean seed?", id="capitals"),
    ],
)  # fmt: skip
def test_one_problem(given: dict[str, Any], line: str) -> None:
    assert told(**given) == (line,)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="only-what-is-required"),
        pytest.param({"seed": None, "num_images": None, "image_url": None}, id="null-for-what-is-optional"),
        pytest.param({"seed": 2**70}, id="large-seed"),
        pytest.param({"num_images": 2.0}, id="whole-number"),
        pytest.param({"guidance_scale": 3}, id="integer-for-a-number"),
        pytest.param({"image_size": {"width": 640, "height": 480}}, id="object"),
        pytest.param({"image_size": "square", "loras": []}, id="choice"),
        pytest.param({"controlnet": {"a": 1}, "strength": 3}, id="keys-that-are-near-nothing"),
        pytest.param({"num_images": "3", "seed": " 42 ", "guidance_scale": "3.5"}, id="numbers-as-text"),
        pytest.param(
            {"sync_mode": "off", "enable_safety_checker": 0, "num_images": True}, id="truth-as-a-service-has-it"
        ),
        pytest.param({"num_image": 2, "num_images": 2}, id="near-a-key-that-is-given"),
        pytest.param({"prompt_2": "x", "negative_prompt": "x", "image_size_2": 1}, id="a-word-more"),
        pytest.param({"image_url": Attachment(key="image_url", path=Path("a.png"))}, id="file"),
        pytest.param({"loras": [{"path": Attachment(key="loras.0.path", path=Path("a"))}]}, id="file-in-a-list"),
    ],
)
def test_nothing_is_wrong(given: dict[str, Any]) -> None:
    assert told(**given) == ()


def test_what_is_missing() -> None:
    assert [field.name for field in missing(FLUX, {})] == ["prompt"]
    assert missing(FLUX, {"prompt": ""}) == []
    assert problems(FLUX, {}) == [Problem("prompt", "is required", "prompt='…'", "missing")]


def test_a_misspelt_key_is_not_missing_as_well() -> None:
    assert problems(FLUX, {"promt": "a cat"}) == [
        Problem("promt", "no such input", "prompt", "unknown"),
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems(FLUX, {"promt": 1, "num_images": 9, "output_format": "gif", "loras": [{}, {"path": 1}]})
    assert [problem.path for problem in found] == [
        "promt",
        "num_images",
        "output_format",
        "loras.0.path",
        "loras.1.path",
    ]


def test_very_much_that_is_wrong_is_cut() -> None:
    found = told(loras=[{}] * 100)
    assert len(found) == 21
    assert found[-1] == "… and 81 more"


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        pytest.param(Field("", ("integer",), multiple_of=8), 33, "x: 33 is not a multiple of 8; did you mean 32?",
                     id="step"),
        pytest.param(Field("", ("number",), multiple_of=0.1), 0.25,
                     "x: 0.25 is not a multiple of 0.1; did you mean 0.2?", id="decimal-step"),
        pytest.param(Field("", ("number",), exclusive_minimum=0), 0, "x: 0 is too small: it must be above 0",
                     id="above"),
        pytest.param(Field("", ("number",), exclusive_maximum=1), 1.5, "x: 1.5 is too large: it must be below 1",
                     id="below"),
        pytest.param(Field("", ("string",), min_length=3), "a", "x: has 1 character: at least 3", id="short"),
        pytest.param(Field("", ("string",), max_length=1), "äö", "x: has 2 characters: at most 1", id="long"),
        pytest.param(Field("", ("array",), min_items=1), [], "x: has 0 entries: at least 1", id="few"),
        pytest.param(Field("", ("integer",)), Attachment(key="x", path=Path("a.png")),
                     "x: expected an integer, not a file", id="file"),
        pytest.param(Field("", ("array",), item=Field("", ("string",))), "a",
                     'x: expected a list, not the text "a"; did you mean ["a"]?', id="one-for-a-list"),
        pytest.param(Field("", ("string",), choices=("only",)), "onyl", "x: expected only; did you mean only?",
                     id="const"),
        pytest.param(Field("", ("integer",), choices=(24, 30, 60)), 31,
                     "x: 31 is not one of 24, 30, 60; did you mean 30?",
                     id="number-choice"),
        pytest.param(Field("", ("object",), properties=(Field("url", ("string",)),)), "cat.png",
                     'x: expected a URL or an object with one, not the text "cat.png"', id="file-object"),
        pytest.param(Field("", ("object",), others=Field("", ("number",))), {"a": "b"},
                     'x.a: expected a number, not the text "b"', id="other-properties"),
        pytest.param(Field("", ("integer", "boolean"), alternatives=(Field("", ("integer",)), Field("", ("boolean",)))),
                     "x", 'x: expected an integer or true or false, not the text "x"', id="of-no-alternative"),
    ],
)  # fmt: skip
def test_rarer_problems(field: Field, value: Any, line: str) -> None:
    assert told_of(field, value) == (line,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(Field("", ("number",), multiple_of=0.1), 0.3, id="decimal-step"),
        pytest.param(Field("", ("number",), multiple_of=1e-300), 1e300, id="step-that-cannot-be-reckoned"),
        pytest.param(
            Field("", ("object",), properties=(Field("url", ("string",)),)), "https://a/b.png", id="url-of-a-file"
        ),
        pytest.param(Field("", choices=(True,)), True, id="choice-without-a-type"),
        pytest.param(Field("", ("integer",), choices=("auto",)), "auto", id="choice-of-another-type"),
        pytest.param(Field(""), {"anything": [1]}, id="anything"),
        pytest.param(Field("", ("object",), others=Field("")), {"a": 1}, id="any-properties"),
    ],
)
def test_nothing_is_wrong_there(field: Field, value: Any) -> None:
    assert told_of(field, value) == ()


@pytest.mark.parametrize(
    ("choices", "value"),
    [(("5", "10"), 5), ((5, 10), "5"), ((5, 10), 5.0), ((1, 2), True), ((True,), 1), (("true", "auto"), True)],
)
def test_a_choice_that_is_given_in_another_type(choices: tuple[Any, ...], value: Any) -> None:
    assert told_of(Field("", choices=choices), value) == ()


@pytest.mark.parametrize(("choices", "value"), [(("5", "10"), "5.0"), (("on",), "ON"), ((1, 2), 3), (("a",), None)])
def test_what_is_no_choice(choices: tuple[Any, ...], value: Any) -> None:
    assert len(told_of(Field("", choices=choices, is_required=True), value)) == 1


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(Field("", ("integer",), has_default=True, default=7, maximum=5), id="default"),
        pytest.param(Field("", ("string",), examples=("a", 7)), id="example"),
        pytest.param(
            Field("", ("string",), has_default=True, default=None, examples=(7,), is_required=True), id="both"
        ),
    ],
)
def test_what_the_document_gives_itself_is_never_wrong(field: Field) -> None:
    for value in field.shown:
        assert told_of(field, value) == ()


def test_where_any_key_may_stand_none_is_misspelt() -> None:
    schema = Schema((Field("prompt"),), others=Field(""))
    assert problems(schema, {"promt": 1}) == []
    assert undocumented(schema, {"promt": 1}) == ["promt"]


def test_a_document_that_was_too_much_refuses_nothing() -> None:
    assert problems(Schema((Field("a", ("integer",), is_required=True),), is_whole=False), {"b": []}) == []


@pytest.mark.parametrize("given", [None, [], "x", 1])
def test_an_input_that_is_no_object(given: Any) -> None:
    assert len(problems(FLUX, given)) == 1
    assert problems(Schema(), given) == []


def test_undocumented_keys_are_named_and_misspelt_ones_are_not_among_them() -> None:
    assert undocumented(FLUX, {"promt": 1, "steps": 3}) == ["steps"]
    assert undocumented(FLUX, {"promt": 1, "steps": 3, "prompt": "x"}) == ["promt", "steps"]
    assert undocumented(Schema(), {"steps": 3}) == []


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("seed", "speed"), ("mode", "model"), ("model", "mode"), ("top_k", "top_p"), ("image_url_3", "image_url_2"),
        ("image3_url", "image2_url"), ("image_url", "tail_image_url"), ("audio_url", "video_url"),
        ("prompt_strength", "prompt"), ("lora_scale", "lora_style"), ("width", "widths_of_all"),
        ("negative_prompt", "prompt"), ("a_prompt", "prompt"), ("weight", "height"), ("prompt2", "prompt"),
        ("top", "stop"), ("tile", "title"), ("point_prompt_x", "point_prompts"), ("context", "content"),
        ("invert_mask", "revert_mask"), ("timesteps", "timestamps"), ("back_image_url", "face_image_url"),
    ],
)  # fmt: skip
def test_keys_that_look_alike_and_are_others(key: str, known: str) -> None:
    schema = Schema((Field(known),))
    assert problems(schema, {key: 1}) == []
    assert undocumented(schema, {key: 1}) == [key]


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("image_url", "image_urls"), ("image_urls", "image_url"), ("num_image", "num_images"), ("seeds", "seed"),
        ("sed", "seed"), ("promtp", "prompt"), ("outputFormat", "output_format"), ("guidence_scale", "guidance_scale"),
        ("negative_promt", "negative_prompt"), ("IMAGE_SIZE", "image_size"), ("images_size", "image_size"),
        ("sedd", "seed"), ("num_inferencesteps", "num_inference_steps"), ("cfgscale", "cfg_scale"),
        ("asepct_ratio", "aspect_ratio"), ("Prompt", "prompt"),
    ],
)  # fmt: skip
def test_misspelt_keys(key: str, known: str) -> None:
    assert problems(Schema((Field(known),)), {key: 1}) == [
        Problem(key, "no such input", known, "unknown"),
    ]


def test_a_file_where_json_is_wanted() -> None:
    file = Attachment(key="x", path=Path("chat.json"))
    assert told_of(Field("", ("array",), item=Field("", ("object",))), file) == (
        "x: expected a list, not a file; did you mean x:=@chat.json?",
    )


def test_a_list_of_very_many_choices_is_cut() -> None:
    field = Field("", ("string",), choices=tuple(f"voice-{number}" for number in range(200)))
    (line,) = told_of(field, "voice-199x")
    assert line.endswith("voice-49, … (200 in all); did you mean voice-199?")
