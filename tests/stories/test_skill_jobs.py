"""Jobs done by the command lines that the skill prescribes, with nothing else known, and each paid for once."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from fal_cli.cli import skill
from fal_cli.cli.registry import VERBS
from tests.conftest import Service
from tests.support.command_lines import command_lines
from tests.support.in_process import Called, call


@pytest.fixture
def env(home: Path, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"HOME": str(home), "FAL_CLI_HOME": str(home / "fal")} | service.env


class Agent:
    """Knows the page, and the answers to its own calls."""

    def __init__(self, env: dict[str, str], page: str) -> None:
        self._env = env
        self._page = page
        self._lines = list(command_lines(page))

    def prescribed(self, beginning: str, **values: str) -> list[str]:
        """The words of the first command line that begins so, with values in the place of its example's."""
        words = shlex.split(next(line for line in self._lines if line.startswith(beginning)))[1:]
        return [values.get(word, word) for word in words]

    def __call__(self, beginning: str, *more: str, code: int = 0, **values: str) -> Called:
        done = call(self._env, *self.prescribed(beginning, **values), *more, code=code)
        print(f"$ {beginning}\n{done.stdout.decode()}{done.stderr}")
        return done


@pytest.fixture
def agent(env: dict[str, str]) -> Agent:
    return Agent(env, skill.text())


def saved(done: Called) -> list[Path]:
    return [Path(path) for path in done.end["files"]]


def test_a_picture_of_a_prompt(agent: Agent, service: Service) -> None:
    """Find, read, price, run; the same again is free, and another seed is paid for."""
    found = agent("fal models").lines[0]["endpoint_id"]
    fields: dict[str, Any] = {line["name"]: line for line in agent("fal schema", **{"fal-ai/flux/dev": found}).lines}
    assert fields["prompt"]["required"]
    assert float(agent("fal pricing").value["estimate"]["amount"]) <= 0.10
    first = agent("fal run fal-ai/flux/dev")
    (picture,) = saved(first)
    assert picture.stat().st_size
    assert saved(agent("fal run fal-ai/flux/dev")) == [picture]
    assert service.accepted == 1
    (words,) = [word for word in agent.prescribed("fal run fal-ai/flux/dev") if word.startswith("{")]
    agent("fal run fal-ai/flux/dev", **{words: words.replace("7", "8")})
    assert service.accepted == 2


def test_a_local_file_made_larger(agent: Agent, service: Service) -> None:
    """The file of one call goes into another; a limit that is too low sends nothing, and says what to do."""
    (picture,) = saved(agent("fal run fal-ai/flux/dev"))
    picture.rename("photo.jpg")
    refused = agent("fal run fal-ai/esrgan", **{"0.10": "0.0000001"}, code=12)
    assert refused.end["again"] == "fixed"
    assert service.accepted == 1
    for _ in range(2):
        (big,) = saved(agent("fal run fal-ai/esrgan"))
    assert big.stat().st_size
    assert service.accepted == 2


@pytest.mark.skipif("batch" not in VERBS, reason="there is no batch")
def test_many_calls(agent: Agent, service: Service) -> None:
    """Planned and priced, made, and made again for nothing."""
    Path("cats.csv").write_text("prompt,seed\na cat,1\na cat,2\n", "utf-8")
    assert float(agent("fal batch", **{"--yes": "--dry-run"}).value["estimate"]["amount"]) < 5
    assert service.accepted == 0
    done = agent("fal batch")
    assert [line["state"] for line in done.lines] == ["done", "done"]
    assert all(Path(path).exists() for line in done.lines for path in line["files"])
    agent("fal batch")
    assert service.accepted == 2


def test_a_long_job(agent: Agent, service: Service) -> None:
    """Submitted, waited for and fetched; a `run` that stops waiting names the command that goes on."""
    words = agent.prescribed("fal run fal-ai/flux/dev")
    stops = words.index("--timeout")
    submit = [word for word in (*words[1:stops], *words[stops + 2 :]) if word not in ("-d", "out/")]
    assert re.search(r"`fal submit` with the same words \(without `-d` and `--timeout`\)", skill.text())
    request_id = call(agent._env, "submit", *submit).value["request_id"]
    assert agent("fal wait", ID=request_id).value["verdict"] == "ok"
    assert saved(agent("fal result", ID=request_id))
    assert agent("fal history").lines[0]["request_id"] == request_id

    slow = [word.replace('"seed": 7', '"seed": 9, "sandbox": {"run": 3}') for word in words]
    slow[stops + 1] = "1s"
    stopped = call(agent._env, *slow, code=7)
    assert stopped.end["again"] == "resume"
    assert saved(call(agent._env, *stopped.end["next"][1:]))
    assert service.accepted == 2
