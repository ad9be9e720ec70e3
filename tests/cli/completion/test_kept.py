"""What completion reads of the program's files, and that nothing is ever wrong with it for the user."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.cli.completion import answer
from fal_cli.config import paths
from fal_cli.files.cache import Cache
from fal_cli.ledger.rows import Call
from fal_cli.ledger.store import Ledger
from tests.cli.completion.conftest import Offer
from tests.conftest import Program

ANY_WORDS = st.lists(st.text(max_size=12) | st.sampled_from(["run", "-i", "--", "status", "history", "-", "=@", "@"]))


class TestNamesAndPlaces:
    @given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
    def test_a_file_of_the_cache(self, name: str) -> None:
        assert Cache("x").path_of(name).startswith(os.path.join("x", quote(name, safe="")[:80]))

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs itself is asked")
    @pytest.mark.parametrize(
        "variables",
        [{}, {"XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c", "XDG_CONFIG_HOME": "/k"}, {"FAL_CLI_HOME": "/f"}],
    )
    def test_the_folders(self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "FAL_CLI_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for kind in ("state", "cache", "config"):
            ours = variables.get("FAL_CLI_HOME", "") and f"{variables['FAL_CLI_HOME']}/{kind}"
            platforms = getattr(platformdirs, f"user_{kind}_dir")("fal-cli", appauthor=False)
            assert paths.folder(kind, os.environ) == (ours or platforms)


def test_what_the_program_itself_keeps_of_the_sandbox(fal: Program) -> None:
    fal("--sandbox", "models")
    fal("--sandbox", "schema", "fal-ai/flux/dev")
    request_id = fal("--sandbox", "submit", "fal-ai/flux/dev", "prompt=a cat").text.strip()

    def offered(*words: str) -> str:
        return fal("__complete", "words", "--sandbox", *words).text

    assert "fal-ai/esrgan\t" in offered("run", "fal-ai/e")
    assert offered("run", "fal-ai/flux/dev", "pro").startswith("prompt=\trequired")
    assert offered("status", request_id[:8]).startswith(f"{request_id}\tfal-ai/flux/dev: a cat")


class TestALedgerThatIsNotAsItShouldBe:
    def test_missing(self, tmp_path: Path) -> None:
        env = {"FAL_CLI_HOME": str(tmp_path / "none")}
        assert answer.candidates(["status", ""], env) == []
        assert not (tmp_path / "none").exists()

    def test_broken(self, offer: Offer, env: dict[str, str]) -> None:
        (paths.state_folder(env) / "ledger.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
        assert offer("status", "") == {}
        assert "fal-ai/flux/schnell" in offer("run", "")

    def test_of_the_first_version(self, tmp_path: Path) -> None:
        folder = tmp_path / "state"
        folder.mkdir()
        db = sqlite3.connect(folder / "ledger.db")
        db.execute("CREATE TABLE requests (local_id INTEGER PRIMARY KEY, request_id TEXT)")
        assert answer.candidates(["status", ""], {"FAL_CLI_HOME": str(tmp_path)}) == []

    def test_locked(self, offer: Offer, env: dict[str, str]) -> None:
        db = sqlite3.connect(paths.state_folder(env) / "ledger.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN EXCLUSIVE")
        begin = time.monotonic()
        assert offer("status", "") == {}
        assert time.monotonic() - begin < 2
        db.execute("ROLLBACK")
        assert offer("status", "")

    def test_written_meanwhile(self, offer: Offer, env: dict[str, str]) -> None:
        db = sqlite3.connect(paths.state_folder(env) / "ledger.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        assert len(offer("status", "")) == 4

    def test_with_a_hundred_thousand_rows(self, tmp_path: Path) -> None:
        env = {"FAL_CLI_HOME": str(tmp_path)}
        path = paths.state_folder(env) / "ledger.db"
        Ledger(path).begin(Call("a/b", {"prompt": "x" * 1000}))
        with sqlite3.connect(path) as db:
            names = [
                row[1] for row in db.execute("PRAGMA table_info(requests)") if row[1] not in ("local_id", "request_id")
            ]
            listed = ", ".join(names)
            db.execute(
                f"INSERT INTO requests (request_id, {listed})"
                " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
                f" SELECT lower(hex(randomblob(16))), {listed} FROM n, (SELECT * FROM requests)"
            )
        begin = time.process_time()
        assert len(answer.candidates(["status", ""], env)) == 101
        assert answer.candidates(["status", "ab"], env)
        assert len(answer.candidates(["run", ""], env)) == 1
        assert time.process_time() - begin < 0.5


class TestACacheThatIsNotAsItShouldBe:
    @pytest.mark.parametrize(
        "data",
        [b"", b"{}", b"{}\n", b"{}\n[", b"{}\n[1, [2, 3]]", b'{}\n{"a": 1}', b"\xff\n\xff", b"{}\n" + b"[" * 100_000],
    )
    def test_is_an_empty_one(self, offer: Offer, tmp_path: Path, data: bytes) -> None:
        for path in (tmp_path / "fal" / "cache").rglob("*.json"):
            path.write_bytes(data)
        offer("run", "")
        offer("run", "fal-ai/flux/dev", "")
        offer("run", "fal-ai/flux/dev", "output_format=")
        assert list(offer("run", "fal-ai/f")) == ["fal-ai/flux/dev"]  # the ledger knows of it

    def test_profiles_that_are_no_toml(self, offer: Offer, tmp_path: Path) -> None:
        (tmp_path / "fal" / "config" / "profiles.toml").write_text("[api")
        assert offer("--profile", "") == {}
        assert offer("run", "")


@given(ANY_WORDS)
def test_a_call_never_fails(words: list[str]) -> None:
    for shell in ("zsh", "fish", "words"):
        answer.reply([shell, *words], {"FAL_CLI_HOME": "/nowhere"})
    answer.reply(["bash", "fal " + " ".join(words), *words[-1:]], {"FAL_CLI_HOME": "/nowhere"})
    answer.reply(words, {"FAL_CLI_HOME": "/nowhere"})


@pytest.mark.parametrize("words", [[], ["bash"], ["zsh"], ["fish"], ["tcsh", "run"], ["words", "run", "\x00"]])
def test_a_call_says_nothing_on_stderr(fal: Program, words: list[str]) -> None:
    done = fal("__complete", *[word for word in words if "\x00" not in word])
    assert done.stderr == ""


def test_a_closed_stdout_is_nothing(fal: Program) -> None:
    script = f"{' '.join(fal.argv)} __complete words '' >&-"
    done = subprocess.run(["sh", "-c", script], env=fal.env, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


_PROBE = """
import socket, sys
def refuse(*words, **more): raise AssertionError("the network was touched")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
sys.argv = ["fal", "__complete", *{words!r}]
from fal_cli.__main__ import _dispatch
_dispatch(sys.argv[1:])
sys.stderr = sys.__stderr__
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = {"typer", "requests", "rich", "urllib3", "platformdirs", "pydantic", "PIL", "jmespath", "fal_cli.errors",
         "fal_cli.catalog.store", "fal_cli.catalog.schemas", "fal_cli.config.settings",
         "fal_cli.ledger.store", "fal_cli.ledger.rows",
         "fal_cli.context", "fal_cli.options"}  # fmt: skip
ASKED = [
    pytest.param(["run", "--"], id="option"),
    pytest.param(["run", ""], id="endpoint"),
    pytest.param(["run", "fal-ai/flux/dev", ""], id="input"),
    pytest.param(["run", "fal-ai/flux/dev", "image_size="], id="value"),
    pytest.param(["status", ""], id="request"),
    pytest.param(["--profile", ""], id="profile"),
    pytest.param(["upload", ""], id="file"),
]


@pytest.mark.parametrize("words", ASKED)
def test_nothing_heavy_is_imported_and_nothing_called(env: dict[str, str], words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(words=["words", *words])], capture_output=True, env=env, check=True
    )
    assert done.stdout
    assert set(done.stderr.decode().split()) & HEAVY == set()


@pytest.mark.parametrize("words", ASKED)
def test_takes_no_more_than_five_times_what_python_takes_to_do_nothing(env: dict[str, str], words: list[str]) -> None:
    asked = [sys.executable, "-m", "fal_cli", "__complete", "words", *words]
    nothing = [sys.executable, "-c", "pass"]
    assert _best_seconds(asked, env) < 5 * _best_seconds(nothing, env)


def _best_seconds(argv: list[str], env: dict[str, str]) -> float:
    """The time of the processor that a program takes at best: others use this machine too."""
    import resource

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(12):
        before = spent()
        subprocess.run(argv, env=env, capture_output=True, check=True)
        times.append(spent() - before)
    return min(times)


def test_rows_of_any_text(tmp_path: Path) -> None:
    """Prompts of every kind become one plain line."""
    env: dict[str, Any] = {"FAL_CLI_HOME": str(tmp_path)}
    ledger = Ledger(paths.state_folder(env) / "ledger.db")
    for number, prompt in enumerate(["\ttabs\tand\nlines\r", "\u202eback", 7, None, ["a"], {"b": 1}, "é" * 500]):
        row = ledger.begin(Call("a/b", {"prompt": prompt}))
        ledger.accepted(row, f"{number}abc", {})
    lines = answer.reply(["zsh", "status", ""], env).splitlines()
    assert len(lines) == 8
    assert all(line.count("\t") == 1 and line.replace("\t", "").isprintable() for line in lines)
