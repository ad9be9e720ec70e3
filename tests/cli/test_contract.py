"""What the tree promises of commands: there for each, about options that there are, and kept."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fal_cli.cli import tree
from fal_cli.cli.contract import CONTRACTS, DEFAULTS, ENVIRONMENT, PATTERNS
from fal_cli.cli.schemas import OUTPUTS, schemas
from fal_cli.config import paths
from fal_cli.ledger.rows import Call
from fal_cli.ledger.store import Ledger
from tests.support.in_process import call

FACTS = tree.facts()
COMMANDS = {command.path: command for command in tree.tree().walk()}
GROUPS = {"", "webhook", "auth", "config", "alias", "sandbox", "completion"}
WORDS = {
    "run": ["fal-ai/flux/dev", "prompt=x"], "submit": ["fal-ai/flux/dev"], "stream": ["fal-ai/any-llm", "prompt=x"],
    "rerun": ["last"], "subscribe": ["fal-ai/flux/dev", "prompt=x"], "webhook send": ["last", "--to", "http://x/"],
    "gallery": [], "webhook listen": [], "sandbox serve": [],
}  # fmt: skip
VALUES = {
    "--output": "x.json", "--directory": "out/", "--webhook": "https://x.example/", "--max-queue": "1", "--priority":
    "low", "--timeout": "1s", "--cert": "c.pem", "--key": "k.pem", "--jwks": "keys.json", "--from": "last",
}  # fmt: skip


NOWHERE = {f"FAL_{name}_HOST": "http://127.0.0.1:1" for name in ("RUN", "QUEUE_RUN", "REST", "CDN", "API")}
"""Hosts where nothing listens."""


def record(home: Path) -> None:
    """A request of the past, which `last` names."""
    ledger = Ledger(Path(paths.ledger({"FAL_CLI_HOME": str(home)}, in_sandbox=False)))
    local_id = ledger.begin(Call("fal-ai/flux/dev", {"prompt": "x"}, "queue", ""))
    ledger.accepted(local_id, "6f0c2e0e-6d0b-4c4e-9a51-0123456789ab", {})


def names(command: tree.Command) -> set[str]:
    """Every option that stands with a command, by its long name."""
    return {option.takes.name for option in (*command.options, *COMMANDS[""].options)}


def typed(option: str) -> list[str]:
    """An option as it is typed; one that is written with a value has that."""
    name, _, value = option.partition(" ")
    value = value or VALUES.get(name, "")
    return [name, value] if value else [name]


def conflicts() -> list[Any]:
    return [
        pytest.param(path, pair, id=f"{path}: {' and '.join(pair)}")
        for path, contract in CONTRACTS.items()
        for pair in contract.conflicts
    ]


def requirements() -> list[Any]:
    return [
        pytest.param(path, option, id=f"{path}: {option}")
        for path, contract in CONTRACTS.items()
        for option in contract.requires
    ]


def test_each_command_that_runs_has_one() -> None:
    assert set(COMMANDS) - GROUPS == set(CONTRACTS)


@pytest.mark.parametrize("path", CONTRACTS)
def test_it_names_options_and_schemas_that_there_are(path: str) -> None:
    contract, known = CONTRACTS[path], names(COMMANDS[path])
    named = [option for pair in contract.conflicts for option in pair]
    named += [option for pair in contract.requires.items() for option in (pair[0], *pair[1])]
    named += [option for option in contract.stdout.options if option.startswith("--")]
    assert {option.partition(" ")[0] for option in named} <= known
    assert {contract.stdout.schema, *contract.stdout.options.values()} <= {*OUTPUTS, "tree", "command"}


def test_defaults_and_variables_are_of_options_that_there_are() -> None:
    for path, option in DEFAULTS:
        assert option in names(COMMANDS[path]), (path, option)
    assert set(ENVIRONMENT) <= {name for command in COMMANDS.values() for name in names(command)}
    values = {option.takes.value for command in COMMANDS.values() for option in command.options}
    values |= {argument.takes.value for command in COMMANDS.values() for argument in command.arguments}
    assert set(PATTERNS) <= values


@pytest.mark.parametrize(("path", "pair"), conflicts())
def test_what_excludes_each_other_is_refused(path: str, pair: tuple[str, ...], tmp_path: Path) -> None:
    options = [word for option in pair if option != "--json" for word in typed(option)]
    env = {"FAL_CLI_HOME": str(tmp_path), "FAL_KEY": "id:x"}
    record(tmp_path)
    called = call(env | NOWHERE, *path.split(), *WORDS.get(path, ["last"]), *options, code=2)
    assert called.end["kind"] == "usage"
    assert called.stdout == b""


@pytest.mark.parametrize(("path", "option"), requirements())
def test_what_needs_another_is_refused_alone(path: str, option: str, tmp_path: Path) -> None:
    env = {"FAL_CLI_HOME": str(tmp_path), "FAL_KEY": "id:x"}
    record(tmp_path)
    called = call(env | NOWHERE, *path.split(), *WORDS.get(path, ["last"]), *typed(option), code=2)
    assert called.end["code"] == 2


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])


def test_the_tree_fits_its_schema() -> None:
    Draft202012Validator(schemas()["tree"]).validate(json.loads(json.dumps(FACTS)))


def test_the_short_tree_fits_its_schema_and_is_short(tmp_path: Path) -> None:
    called = call({"FAL_CLI_HOME": str(tmp_path)}, "--help", "--brief")
    Draft202012Validator(schemas()["brief"]).validate(called.value)
    assert len(called.stdout) <= 6000
    assert len(called.value["commands"]) == len(CONTRACTS) - 1  # all but the hidden one


@pytest.mark.parametrize(
    ("value", "fits", "does_not"),
    [
        (
            "endpoint",
            ["fal-ai/flux/dev", "workflows/a/b", "110602490-x", "http://localhost:80/a"],
            ["flux", "", "a b/c"],
        ),
        ("endpoint_list", ["a/b", "a/b,110602490-x,fal-ai/flux/dev"], ["a/b,", ",a/b", "a/b,flux", "a/b, a/c", ""]),
        ("duration", ["90", "90s", "1h30m", "1.5h"], ["90x", "-1s"]),
        ("moment", ["30d", "2026-01-31", "1w3d", "2026-01-31T10:00"], ["yesterday", "1y"]),
        ("input", ["a=b", "a:=1", "a@f", "-", "@f.json", "{}", "a=\nb"], ["a b"]),
        ("expiry", ["1h", "never", "3600"], ["2h", ""]),
        ("size", ["800k", "10M", "1.5G"], ["ten"]),
        ("header", ["A: b"], ["A"]),
        ("tag", ["a=b"], ["a"]),
    ],
)
def test_a_pattern_tells_what_is_taken(value: str, fits: list[str], does_not: list[str]) -> None:
    for text in fits:
        assert re.fullmatch(PATTERNS[value], text), text
    for text in does_not:
        assert not re.fullmatch(PATTERNS[value], text), text
