"""Every command starts fast because it imports only what it uses."""

import subprocess
import sys

import pytest

from tests.conftest import Program

_PROBE = """
import sys
sys.argv = ["fal", *{words!r}]
from fal_cli.__main__ import _dispatch
_dispatch(sys.argv[1:])
print("\\n".join(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""

HEAVY = {
    "requests",
    "rich",
    "uvicorn",
    "starlette",
    "sqlite3",
    "platformdirs",
    "jmespath",
    "PIL",
    "pydantic",
    "jinja2",
    "tinytag",
}


def _imported(program: Program, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(words=list(words))], capture_output=True, env=program.env, check=True
    )
    return set(done.stderr.decode().split())


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("__complete", "words", "run", "--"),
        ("--help",),
        ("help", "exit-codes"),
        ("completion", "bash"),
    ],
)
def test_a_command_without_a_call_imports_nothing_heavy(fal: Program, words: tuple[str, ...]) -> None:
    assert _imported(fal, *words) & HEAVY == set()


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("__complete", "words", "run", "--"),
        (),
        ("--help",),
        ("help", "run"),
        ("run", "fal", "--sandbox", "--help"),
        ("help", "exit-codes"),
        ("auth",),
    ],
)
def test_version_completion_and_help_are_answered_before_typer_is_imported(
    fal: Program, words: tuple[str, ...]
) -> None:
    assert _imported(fal, *words) & {"typer", "typing", "re", "dataclasses", "inspect"} == set()


def test_a_call_imports_neither_rich_nor_the_server_stack(served: Program) -> None:
    imported = _imported(served, "submit", "sandbox/echo", "a=1")
    assert "requests" in imported
    assert imported & {"rich", "uvicorn", "starlette", "PIL", "pydantic", "jinja2", "tinytag"} == set()
