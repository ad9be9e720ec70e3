"""Where nobody has a home: a container, a job of CI, a service. A call is warned about and made."""

import json
import subprocess
from pathlib import Path

import pytest

from fal_cli.commands.doctor import files
from tests.conftest import Program, Service
from tests.support import bare_place
from tests.support.in_process import call

CALL = ["run", "sandbox/echo", "a=1", "sandbox.queue=0", "sandbox.run=0"]
WARNING = "warning: the history cannot be used (no home folder to keep it in; choose a folder: FAL_CLI_HOME)"


def checked(done: "subprocess.CompletedProcess[str]", code: int = 0) -> "subprocess.CompletedProcess[str]":
    assert done.returncode == code, f"code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.skipif(not bare_place.can_be_made(), reason="no root may be made here")
class TestABareRoot:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        path = tmp_path / "root"
        path.mkdir()
        return path

    def test_a_call_is_warned_about_and_made(self, root: Path, service: Service) -> None:
        done = checked(bare_place.in_a_bare_root([*CALL, "-q"], root, service.env))
        assert (json.loads(done.stdout), service.accepted) == ({"a": 1}, 1)
        assert done.stderr.startswith(WARNING)

    def test_every_other_command_runs(self, root: Path, service: Service) -> None:
        for words in (["models", "flux"], ["auth", "status"]):
            assert checked(bare_place.in_a_bare_root(words, root, service.env)).stdout
        findings = bare_place.in_a_bare_root(["doctor"], root, service.env).stdout.splitlines()
        states = {found["name"]: found["state"] for found in map(json.loads, findings)}
        assert (states["ledger"], states["service"]) == ("problem", "ok")

    def test_with_a_ledger_required_nothing_is_sent(self, root: Path, service: Service) -> None:
        words = [*CALL, "--require-ledger", "--json"]
        end = json.loads(checked(bare_place.in_a_bare_root(words, root, service.env), 2).stderr.splitlines()[-1])
        assert (end["kind"], end["code"], service.accepted) == ("no_ledger", 2, 0)


@pytest.mark.skipif(not bare_place.can_change_user(), reason="no program may be run as another user here")
class TestNobody:
    def test_a_call(self, service: Service) -> None:
        done = checked(bare_place.as_nobody(CALL, Path("/"), service.env))
        assert WARNING in done.stderr

    def test_a_private_sandbox_forgets(self) -> None:
        done = checked(bare_place.as_nobody([*CALL, "--sandbox", "-q"], Path("/"), {}))
        assert json.loads(done.stdout) == {"a": 1}

    def test_a_folder_of_that_name_is_no_home(self, tmp_path: Path, service: Service) -> None:
        """A `~` that nobody expands is not the folder `~` in which somebody left a key or a setting."""
        planted = tmp_path / "~" / ".config" / "fal-cli"
        planted.mkdir(parents=True)
        (planted / "config.toml").write_text("private = true\n")
        for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path, *planted.parents, planted):
            folder.chmod(0o755)
        done = checked(bare_place.as_nobody(["config", "get", "private"], tmp_path, {}))
        assert done.stdout == "false\n"


@pytest.mark.parametrize("words", [["-q"], []], ids=["quiet", "as ever"])
def test_it_is_always_said_that_a_paid_call_is_not_recorded(served: Program, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "file").write_text("")
    env = {"FAL_CLI_HOME": str(tmp_path / "file" / "below")}
    assert "requests are not recorded" in served(*CALL, *words, env=env).stderr


@pytest.mark.parametrize("words", [CALL, ["submit", *CALL[1:]], ["stream", *CALL[1:]], [*CALL, "--direct"]])
def test_a_required_ledger_refuses_before_anything_is_sent(
    home: Path, service: Service, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    env = service.env | {"FAL_CLI_HOME": str(tmp_path / "file" / "below"), "FAL_REQUIRE_LEDGER": "1"}
    assert call(env, *words, code=2).end["kind"] == "no_ledger"
    assert service.accepted == 0
    assert call(env | {"FAL_CLI_HOME": str(home)}, *words).code == 0


def test_a_check_that_fails_is_a_line_and_the_others_go_on(
    home: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(context: object) -> None:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(files, "_settings", broken)
    found = {line["name"]: line for line in call(service.env | {"FAL_CLI_HOME": str(home)}, "doctor", code=1).lines}
    assert found["settings"]["state"] == "problem"
    assert "could not determine the home directory" in found["settings"]["fact"]
    assert {"ledger", "cache", "key", "service"} <= set(found)
