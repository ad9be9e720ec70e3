"""Twenty things that programs do, as plain calls of tools that are made of the command tree alone."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.conftest import Service
from tests.support.in_process import call
from tests.support.tools import Tools

FLUX = "fal-ai/flux/dev"
NOW = ["sandbox.queue:=0", "sandbox.run:=0"]
SMALL = ["image_size.width=32", "image_size.height=24", "output_format=png", *NOW]
HARD = [
    "@/etc/hostname",
    "{{images[0].url}}",
    'a "cat" \'s \\ back\nslash\r\n\ttab',
    "007",
    "null",
    "-x",
    "{",
    "@@",
    "📸",
]


@pytest.fixture
def env(home: Path, service: Service) -> dict[str, str]:
    return {"HOME": str(home), "FAL_CLI_HOME": str(home / "fal")} | service.env


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return call({"FAL_CLI_HOME": str(tmp_path_factory.mktemp("home"))}, "--help").value


@pytest.fixture
def tools(env: dict[str, str], tree: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.chdir(tmp_path)

    def run(words: list[str]) -> tuple[int, list[Any], dict[str, Any]]:
        done = call(env, *words, code=None)
        return done.code, done.lines, done.end

    return Tools(tree, run)


def only(answer: tuple[int, list[Any], dict[str, Any]]) -> Any:
    """The only value of a call that went well."""
    code, lines, end = answer
    assert code == 0, end
    (value,) = lines
    return value


def all_of(answer: tuple[int, list[Any], dict[str, Any]]) -> list[Any]:
    """The values of a call that went well."""
    code, lines, end = answer
    assert code == 0, end
    return lines


def find(tools: Tools) -> str:
    return next(one["endpoint_id"] for one in all_of(tools("models", query=["flux"], category="text-to-image")))


def submitted(tools: Tools, *inputs: str) -> str:
    return str(only(tools("submit", endpoint="sandbox/echo", items=[*inputs, *NOW]))["request_id"])


def a_picture_model(tools: Tools, service: Service) -> None:
    assert find(tools).startswith("fal-ai/flux")


def its_inputs(tools: Tools, service: Service) -> None:
    fields = {one["name"]: one for one in all_of(tools("schema", endpoint=FLUX)) if one["direction"] == "input"}
    assert fields["prompt"]["required"]


def its_price(tools: Tools, service: Service) -> None:
    assert only(tools("pricing", endpoints=[FLUX]))["unit_price"]


def a_prompt_that_begins_with_an_at(tools: Tools, service: Service) -> None:
    for prompt in HARD:
        found = only(tools("run", endpoint=FLUX, items=[f"prompt={prompt}", *SMALL], literal=True))
        assert found["prompt"] == prompt


def a_prompt_with_quotes_and_newlines(tools: Tools, service: Service) -> None:
    prompt = 'she said "a\n\n cat\'s" \\n $HOME `ls`'
    assert only(tools("run", endpoint=FLUX, items=[f"prompt={prompt}", *SMALL], literal=True))["prompt"] == prompt


def two_pictures_into_a_folder(tools: Tools, service: Service) -> None:
    code, _, end = tools("run", endpoint=FLUX, items=["prompt=x", "num_images=2", *SMALL], directory="out/")
    assert (code, len(end["files"])) == (0, 2)
    assert sorted(map(str, Path("out").iterdir())) == sorted(end["files"])


def a_picture_from_a_local_file(tools: Tools, service: Service) -> None:
    only(tools("run", endpoint=FLUX, items=["prompt=x", *SMALL], output="cat.png"))
    big = only(tools("run", endpoint="fal-ai/esrgan", items=["image_url=@cat.png", *NOW], files="."))
    assert big["image"]["url"]


def text_as_it_streams(tools: Tools, service: Service) -> None:
    pieces = all_of(tools("stream", endpoint="fal-ai/any-llm", items=["prompt=hi"], text=True))
    assert len(pieces) > 1
    assert all(isinstance(piece, str) for piece in pieces)


def submit_and_wait(tools: Tools, service: Service) -> None:
    request_id = submitted(tools, "a=1")
    assert only(tools("wait", refs=[request_id])) == {"request_id": request_id, "verdict": "ok"}


def submit_three_and_wait_for_any(tools: Tools, service: Service) -> None:
    ids = [submitted(tools, f"a={number}") for number in range(3)]
    assert all_of(tools("wait", refs=ids, any=True))[0]["request_id"] in ids


def the_result_of_the_last(tools: Tools, service: Service) -> None:
    submitted(tools, "a=7")
    assert only(tools("result", refs=["last"], wait=True)) == {"a": 7}


def cancel(tools: Tools, service: Service) -> None:
    request = only(tools("submit", endpoint="sandbox/echo", items=["a=1", "sandbox.run=60"]))
    assert only(tools("cancel", refs=[request["request_id"]]))["outcome"] in ("cancelled", "asked")


def log_lines(tools: Tools, service: Service) -> None:
    request = only(tools("submit", endpoint=FLUX, items=["prompt=x", *SMALL]))
    tools("wait", refs=[request["request_id"]])
    assert all("message" in line for line in all_of(tools("logs", refs=[request["request_id"]])))


def what_failed_today(tools: Tools, service: Service) -> None:
    code, _, end = tools("run", endpoint=FLUX, items=["prompt=x", "num_images=9", *NOW], no_validate=True)
    assert (code, end["kind"]) == (4, "input_refused")
    failed = all_of(tools("history", state=["failed"], since="1d"))
    assert [row["request_id"] for row in failed] == [end["request_id"]]


def spend_by_endpoint(tools: Tools, service: Service) -> None:
    only(tools("run", endpoint=FLUX, items=["prompt=x", *SMALL]))
    (line,) = all_of(tools("cost", by="endpoint"))
    assert (line["endpoint"], line["requests"]) == (FLUX, 1)


def again_with_another_seed(tools: Tools, service: Service) -> None:
    only(tools("run", endpoint=FLUX, items=["prompt=x", "seed=1", *SMALL]))
    assert only(tools("rerun", ref="last", items=["seed=2"]))["seed"] == 2


def an_upload_for_a_day(tools: Tools, service: Service) -> None:
    Path("a.txt").write_text("hello")
    assert only(tools("upload", paths=["a.txt"], expires="1d"))["bytes"] == 5


def a_nested_input(tools: Tools, service: Service) -> None:
    loras = json.dumps([{"path": "https://x.example/a", "scale": 0.5}])
    assert only(tools("run", endpoint="sandbox/echo", items=[f"loras:={loras}", *NOW]))["loras"] == json.loads(loras)


def low_priority_with_a_tag(tools: Tools, service: Service) -> None:
    words = {"endpoint": "sandbox/echo", "items": ["a=1", *NOW], "priority": "low", "tag": ["job=7"]}
    request = only(tools("submit", **words))
    (row,) = all_of(tools("history_show", refs=[request["request_id"]]))
    assert (row["tags"], row["options"]["priority"]) == ({"job": "7"}, "low")


def checked_without_paying(tools: Tools, service: Service) -> None:
    before = service.accepted
    found = only(tools("run", endpoint=FLUX, items=["prompt=x", "num_images=2"], dry_run=True))
    assert found["input"]["num_images"] == 2
    assert found["price"]["unit_price"]
    assert tools("run", endpoint=FLUX, items=["prompt=x", "num_images=9"], dry_run=True)[2]["fields"][0]["nearest"] == 4
    assert service.accepted == before


TASKS: tuple[Callable[[Tools, Service], None], ...] = (
    a_picture_model, its_inputs, its_price, a_prompt_that_begins_with_an_at, a_prompt_with_quotes_and_newlines,
    two_pictures_into_a_folder, a_picture_from_a_local_file, text_as_it_streams, submit_and_wait,
    submit_three_and_wait_for_any, the_result_of_the_last, cancel, log_lines, what_failed_today, spend_by_endpoint,
    again_with_another_seed, an_upload_for_a_day, a_nested_input, low_priority_with_a_tag, checked_without_paying,
)  # fmt: skip


@pytest.mark.parametrize("task", TASKS, ids=[task.__name__.replace("_", " ") for task in TASKS])
def test_a_task(task: Callable[[Tools, Service], None], tools: Tools, service: Service) -> None:
    task(tools, service)


def test_they_are_twenty() -> None:
    assert len(set(TASKS)) == 20


def test_every_tool_is_described_by_a_schema(tools: Tools) -> None:
    for described, _ in tools.by_name.values():
        Draft202012Validator.check_schema(described["parameters"])
        Draft202012Validator.check_schema(described["output"])
        assert described["description"]


def test_the_generator_is_short() -> None:
    source = Path(sys.modules[Tools.__module__].__file__ or "")
    assert len(source.read_text("utf-8").splitlines()) <= 100
