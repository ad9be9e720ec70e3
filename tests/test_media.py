"""Media in a result, found by shape alone."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.media import MediaFile, find

A, B = "https://v3.fal.media/files/b/1/a.png", "https://v3.fal.media/files/b/2/b.png"
DATA = "data:image/png;base64,iVBORw0KGgo="


def urls(value: Any) -> list[str]:
    return [file.url for file in find(value)]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param({"images": [{"url": A}, {"url": B}]}, [A, B], id="a list of images"),
        pytest.param({"video": {"url": A, "fps": 24}}, [A], id="a file with members of its own"),
        pytest.param({"a": {"b": [{"c": {"url": A}}]}}, [A], id="anywhere"),
        pytest.param([{"url": A}], [A], id="a list at the top"),
        pytest.param({"url": A}, [A], id="the result itself"),
        pytest.param({"image": {"url": DATA}}, [DATA], id="a data URI"),
        pytest.param({"image": {"url": "http://127.0.0.1:8/x.png"}}, ["http://127.0.0.1:8/x.png"], id="http"),
        pytest.param({"image": {"url": "https://elsewhere.com/x.png"}}, ["https://elsewhere.com/x.png"], id="any host"),
        pytest.param({"audio_url": A}, [A], id="a *_url text"),
        pytest.param({"image_urls": [A, B]}, [A, B], id="a *_urls list"),
        pytest.param({"audio_url": "https://fal.media/files/x"}, ["https://fal.media/files/x"], id="fal.media itself"),
        pytest.param({"audio_url": {"url": A}}, [A], id="a file under a *_url key"),
        pytest.param({"b": {"url": B}, "a": {"url": A}}, [B, A], id="in the order of the result"),
        pytest.param({"a": {"url": A}, "b": {"url": A}}, [A], id="each URL once"),
        pytest.param({"image": {"url": A, "mask": {"url": B}}}, [A, B], id="a file inside a file"),
        pytest.param({"webhook_url": "https://example.com/hook"}, [], id="a *_url text elsewhere"),
        pytest.param({"prompt": f"look at {A}"}, [], id="a URL in a text"),
        pytest.param({"prompt": A}, [], id="a text of another key"),
        pytest.param({"image": {"url": "file:///etc/passwd"}}, [], id="another scheme"),
        pytest.param({"image": {"url": "a.png"}}, [], id="no URL"),
        pytest.param({"image": {"url": None}}, [], id="null"),
        pytest.param({"image": {"url": 7}}, [], id="a number"),
        pytest.param({"audio_url": "http://v3.fal.media/x"}, [], id="a *_url text without TLS"),
        pytest.param({"audio_url": "https://evil.com/.fal.media/x.mp3"}, [], id="a lookalike in a path"),
        pytest.param({"audio_url": "https://fal.media.evil.com/x.mp3"}, [], id="a lookalike name"),
        pytest.param({"audio_url": "https://notfal.media/x.mp3"}, [], id="a name that ends alike"),
        pytest.param({"audio_url": "https://evil.com?.fal.media/x"}, [], id="a lookalike in a query"),
        pytest.param("x", [], id="a text"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_find(result: Any, expected: list[str]) -> None:
    assert urls(result) == expected


def test_a_file_brings_its_type_and_name() -> None:
    image = {"url": A, "content_type": "image/png", "file_name": "cat.png", "file_size": 7, "width": None}
    assert find({"images": [image]}) == [MediaFile(A, "image/png", "cat.png")]
    assert find({"image": {"url": A, "content_type": None, "file_name": None}}) == [MediaFile(A, "", "")]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({"image_url": A, "image": {"url": A, "content_type": "image/png"}}, id="the text first"),
        pytest.param({"image": {"url": A, "content_type": "image/png"}, "image_url": A}, id="the file first"),
    ],
)
def test_a_url_that_is_named_twice_keeps_what_is_known_of_it(result: Any) -> None:
    assert find(result) == [MediaFile(A, "image/png")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([A, B, DATA]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "image", "x_url", "content_type", "file_name"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_values)
def test_any_result_can_be_looked_through(value: Any) -> None:
    found = urls(value)
    assert len(found) == len(set(found))
    assert set(found) <= {A, B, DATA}


@pytest.mark.parametrize("depth", [100, 900])
def test_any_depth_that_json_can_have(depth: int) -> None:
    value = json.loads('{"a":' * depth + json.dumps({"url": A}) + "}" * depth)
    assert urls(value) == [A]
