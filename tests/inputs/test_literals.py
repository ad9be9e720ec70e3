"""Which texts are taken for a path of this machine; whatever an input holds, nothing here raises."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fal_cli.inputs.literals import literals
from fal_cli.schema import Field, Schema, read
from tests.support.catalogue_server import document

FILES = read(document("odd_files"), "acme/files")
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["file://[", "file:", "~", "~nobody/x", "./\0", "/" * 300, "file:///%00"]
)
VALUES = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["image_url", "url", "still", "x"]), inner)
    ),
    max_leaves=8,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    return tmp_path


def refused(given: Any, schema: Schema | None = FILES) -> list[str]:
    return [one.path for one in literals(schema, given) if one.is_refused]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"video_url": "a.png", "lyrics": "a.png", "prompt": "a.png", "voice": "a.png"}, ["video_url"]),
        ({"image_urls": ["a.png", "https://x/a.png", "a.png"]}, ["image_urls.0", "image_urls.2"]),
        ({"still": "a.png"}, ["still"]),
        ({"still": {"url": "a.png", "width": 3}}, ["still.url"]),
        ({"stills": [{"url": "a.png"}]}, ["stills.0.url"]),
        ({"weights": [{"path": "a.png"}, {"path": "owner/name"}]}, ["weights.0.path"]),
        ({"text": "a.png", "script": "./a.png", "clip": "a.png", "model_image": "a.png"},
         ["text", "script", "clip", "model_image"]),
        ({"undocumented_url": "a.png", "undocumented": "a.png"}, ["undocumented_url"]),
        ({"video_url": "folder"}, []),
        ({"video_url": "FILE:///gone"}, ["video_url"]),
        ({"image_style": "a.png", "size_url": 3}, []),
    ],
)  # fmt: skip
def test_what_is_refused(folder: Path, given: Any, paths: list[str]) -> None:
    assert refused(given) == paths


def test_a_choice_is_a_choice_whatever_files_there_are(folder: Path) -> None:
    field = Field("image", ("string",), is_media=True, choices=("a.png", "b"))
    assert refused({"image": "a.png"}, Schema((field,))) == []


def test_without_a_schema_names_tell(folder: Path) -> None:
    given = {"image_url": "a.png", "image": "a.png", "a": [{"audioUrl": "a.png"}], "prompt_url_text": "a.png"}
    assert refused(given, None) == ["image_url", "a.0.audioUrl"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_nothing_raises(folder: Path, value: Any) -> None:
    for schema in (FILES, None):
        for found in literals(schema, {"image_url": value, "video_url": value}):
            assert str(found)
