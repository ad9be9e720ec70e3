"""The whole program with strangers' text: what the system is asked for is traced, and no file of theirs is in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.support.in_process import call

COUNT = 120
ENDPOINTS = {"fal-ai/flux/dev": "prompt", "fal-ai/esrgan": "image_url", "sandbox/echo": "x"}
SCRIPT = """
import os, sys
from tests.support.hostile import texts
from tests.support.in_process import call
count, path, *options = sys.argv[1:]
endpoints = list({endpoints!r}.items())
for number, text in enumerate(texts(int(count), path)):
    endpoint, key = endpoints[number % len(endpoints)]
    call(os.environ, "run", endpoint, f"{{key}}={{text}}", "--dry-run", *options, code=None)
"""


def can_trace() -> bool:
    strace = shutil.which("strace")
    return bool(strace) and subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def traced(env: dict[str, str], folder: Path, *words: str) -> str:
    """The calls about files that the program made with these texts."""
    log = folder / "trace"
    argv = [sys.executable, "-c", SCRIPT.format(endpoints=ENDPOINTS), *words]
    environment = env | {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["strace", "-f", "-qq", "-s", "400", "-e", "trace=%file", "-o", str(log), *argv],
        env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return "\n".join(line for line in log.read_text("utf-8", "replace").splitlines() if "execve(" not in line)


@pytest.fixture
def env(home: Path, service: Service) -> dict[str, str]:
    return {"HOME": str(home), "FAL_CLI_HOME": str(home / "fal")} | service.env


@pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace")
class TestTraced:
    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        path = tmp_path / "elsewhere" / "canary-7291"
        path.parent.mkdir()
        path.write_text("stolen")
        return path

    def test_with_literal_no_file_is_asked_for(self, env: dict[str, str], tmp_path: Path, secret: Path) -> None:
        assert secret.name not in traced(env, tmp_path, str(COUNT), str(secret), "--literal")

    def test_with_files_none_outside_is_opened(self, env: dict[str, str], tmp_path: Path, secret: Path) -> None:
        (tmp_path / "in").mkdir()
        lines = traced(env, tmp_path, "30", str(secret), "--files", str(tmp_path / "in")).splitlines()
        assert [line for line in lines if secret.name in line and "open" in line.partition("(")[0]] == []

    def test_without_them_it_is(self, env: dict[str, str], tmp_path: Path, secret: Path) -> None:
        assert secret.name in traced(env, tmp_path, "15", str(secret))


@pytest.mark.parametrize(
    ("given", "words"),
    [({"FAL_LITERAL": "1"}, []), ({}, ["--literal"])],
    ids=["by the variable", "by the option"],
)
def test_it_goes_for_every_call(env: dict[str, str], given: dict[str, str], words: list[str]) -> None:
    now = ("sandbox.queue:=0", "sandbox.run:=0")
    for verb in ("run", "submit", "stream"):
        assert call(env | given, verb, "sandbox/echo", "x=@/etc/passwd", *now, *words).code == 0
    assert call(env | given, "result", "last").value["x"] == "@/etc/passwd"
    assert call(env | given, "rerun", "last:2", "x={{a}}", *words).value["x"] == "{{a}}"
    told = call(env | given, "realtime", "sandbox/echo", "y=@/etc/passwd", *words, stdin=b'{"x": "@a"}\n').value
    assert (told["x"], told["y"]) == ("@a", "@/etc/passwd")


def test_no_file_outside_of_the_folder_is_uploaded(env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    (folder / "link").symlink_to(tmp_path / "b.txt")
    within = env | {"FAL_FILES": str(folder)}
    assert call(within, "upload", str(folder / "a.txt")).value["name"] == "a.txt"
    for path in (tmp_path / "b.txt", folder / "link", folder / ".." / "b.txt"):
        assert call(within, "upload", str(path), code=2).end["kind"] == "outside_files"
        for verb in ("run", "submit", "stream", "realtime"):
            words = (verb, "fal-ai/esrgan", f"image_url@{path}")
            assert call(within, *words, code=2).end["kind"] == "outside_files"


def test_the_folder_has_to_be_one(served: Program, tmp_path: Path) -> None:
    done = served("run", "sandbox/echo", "x=1", "--files", str(tmp_path / "gone"), code=2)
    assert "is not a folder" in done.stderr
