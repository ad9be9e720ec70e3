"""Logging in, profiles and settings, as real processes: whose key goes where, and that it is seen nowhere."""

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Finished, Program, Service
from tests.support.faulty_server import Server, answer, answering, refusing_port
from tests.support.pseudo_terminal import Screen
from tests.support.sandbox_keys import ADMIN_KEY, KEYS, SANDBOX_KEY, provided, sandbox_at

SECRET = KEYS.secret.encode()
ECHO = ("sandbox/echo", "sandbox.queue=0", "sandbox.run=0")
KEYRING = """
import json, os, time
from pathlib import Path

_FILE = Path(os.environ["FAKE_KEYRING"])
_MODE = os.environ.get("FAKE_KEYRING_MODE", "")


def _kept():
    if _MODE == "hang":
        time.sleep(60)
    if _MODE == "locked":
        raise PermissionError("the collection is locked")
    return json.loads(_FILE.read_text()) if _FILE.exists() else {}


def get_password(service, name):
    return _kept().get(f"{service}/{name}")


def set_password(service, name, secret):
    kept = _kept() | {f"{service}/{name}": secret}
    _FILE.touch(0o600)
    _FILE.write_text(json.dumps(kept))


def delete_password(service, name):
    kept = _kept()
    del kept[f"{service}/{name}"]
    _FILE.write_text(json.dumps(kept))
"""


@pytest.fixture
def keyless(home: Path, service: Service) -> Program:
    """The program, pointed at the served sandbox without a key."""
    return Program(home, {name: value for name, value in service.env.items() if name != "FAL_KEY"})


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Service]:
    """Another sandbox, as another service."""
    state = tmp_path / "second"
    sandbox = sandbox_at(state)
    sandbox.start()
    yield Service(sandbox, state)
    sandbox.stop()


@pytest.fixture
def keyring(keyless: Program, tmp_path: Path) -> Path:
    """A keyring of our own in the place of the library; returns the file in which it keeps all."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "keyring.py").write_text(KEYRING)
    store = tmp_path / "keyring.json"
    keyless.env |= {"PYTHONPATH": str(folder), "FAKE_KEYRING": str(store)}
    return store


def log_in(program: Program, key: str, *words: str, code: int | None = 0) -> Finished:
    return program("auth", "login", "--with-key", *words, stdin=f"{key}\n".encode(), code=code)


def profiles_file(program: Program) -> Path:
    return program.home / "fal" / "config" / "profiles.toml"


def listed(program: Program, *words: str) -> dict[str, dict[str, Any]]:
    lines = program(*words, "auth", "list").text.splitlines()
    return {facts["profile"]: facts for facts in map(json.loads, lines)}


def holding(folder: Path, secret: bytes) -> list[Path]:
    """Every file under a folder with the secret in it."""
    return [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


def assert_private(paths: list[Path]) -> None:
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path


@contextmanager
def api_that(*replies: Any) -> Iterator[Server]:
    """A platform API that gives these replies, the last one again and again."""
    with Server(answering(*replies)) as server:
        yield server


def prompted(program: Program, *words: str) -> Screen:
    screen = Screen([*program.argv, "auth", "login", *words], program.env, columns=120)
    screen.until(lambda text: "not shown" in text)
    return screen


class TestLogin:
    def test_once_logged_in_calls_need_nothing_more(self, keyless: Program) -> None:
        keyless("run", *ECHO, "a=1", code=3)
        done = log_in(keyless, SANDBOX_KEY)
        assert "profile default: the key sandbox… is stored in" in done.stderr
        assert done.stdout == b""
        assert json.loads(keyless("run", *ECHO, "a=1").stdout) == {"a": 1}
        assert "the active profile (default)" in keyless("-v", "run", *ECHO).stderr

    def test_a_refused_key_is_not_stored(self, keyless: Program) -> None:
        done = log_in(keyless, "nobody:topsecret", code=3)
        assert "the key was refused (HTTP 401" in done.stderr
        assert "Nothing was stored" in done.stderr
        assert not profiles_file(keyless).exists()
        assert holding(keyless.home, b"topsecret") == []

    def test_a_refused_key_leaves_the_one_before(self, keyless: Program) -> None:
        log_in(keyless, SANDBOX_KEY)
        before = profiles_file(keyless).read_bytes()
        log_in(keyless, "nobody:topsecret", code=3)
        assert profiles_file(keyless).read_bytes() == before

    def test_a_service_that_cannot_be_reached(self, keyless: Program) -> None:
        with refusing_port() as port:
            keyless.env["FAL_API_HOST"] = f"http://127.0.0.1:{port}"
            done = log_in(keyless, SANDBOX_KEY, code=6)
        assert "network: " in done.stderr
        assert "--no-check" in done.stderr
        assert not profiles_file(keyless).exists()

    def test_unchecked(self, keyless: Program) -> None:
        with api_that(answer(401, {})) as server:
            keyless.env["FAL_API_HOST"] = server.url
            log_in(keyless, "nobody:topsecret", "--no-check")
            assert server.connections == 0
        assert listed(keyless)["default"]["key_id"] == "nobody"

    @pytest.mark.parametrize(
        ("reply", "code", "shown", "is_stored"),
        [
            pytest.param(answer(403, {"error": {"message": "User is locked. Reason: balance."}}), 0,
                         "the account is locked", True, id="locked"),
            pytest.param(answer(403, {"error": {"message": "Not allowed."}}), 3, "Not allowed", False, id="forbidden"),
            pytest.param(answer(404, {"error": {"message": "no such models"}}), 0, "is stored in", True, id="no model"),
            pytest.param(answer(404, "<html>"), 5, "Nothing was stored", False, id="no API"),
            pytest.param(answer(200, "<html>welcome</html>"), 6, "--no-check", False, id="a captive portal"),
            pytest.param(answer(302, "", {"Location": "https://example.com"}), 1, "redirect", False, id="redirect"),
            pytest.param(answer(401, {"detail": "no user for nobody:topsecret"}), 3, "refused", False, id="echo"),
        ],
    )  # fmt: skip
    def test_what_the_service_says_decides(
        self, keyless: Program, reply: Any, code: int, shown: str, is_stored: bool
    ) -> None:
        with api_that(reply) as server:
            keyless.env["FAL_API_HOST"] = server.url
            done = log_in(keyless, "nobody:topsecret", "-vv", code=code)
        assert shown in done.stderr
        assert "topsecret" not in done.stderr
        assert profiles_file(keyless).exists() is is_stored
        (seen,) = server.requests
        assert seen.headers["authorization"] == "Key nobody:topsecret"
        assert seen.method == "GET"

    def test_a_key_that_can_be_none_goes_nowhere(self, keyless: Program, service: Service) -> None:
        before = service.stats["http"]
        done = log_in(keyless, "FAL_KEY=id:topsecret", code=2)
        assert "id:secret" in done.stderr
        assert "topsecret" not in done.stderr
        assert service.stats["http"] == before

    @pytest.mark.parametrize("given", [b"", b"\n", b"  \r\n"])
    def test_no_key_at_all(self, keyless: Program, given: bytes) -> None:
        assert "no key was given" in keyless("auth", "login", "--with-key", stdin=given, code=2).stderr

    @pytest.mark.parametrize(
        "given", [SANDBOX_KEY.encode(), f"{SANDBOX_KEY}\r\nmore\n".encode(), f"{SANDBOX_KEY}\r\n".encode("utf-16")]
    )
    def test_the_first_line_is_the_key(self, keyless: Program, given: bytes) -> None:
        keyless("auth", "login", "--with-key", stdin=given)
        assert SANDBOX_KEY in profiles_file(keyless).read_text()

    def test_a_pipe_alone_is_no_answer(self, keyless: Program) -> None:
        done = keyless("auth", "login", stdin=SANDBOX_KEY.encode(), code=2)
        assert "--with-key" in done.stderr
        assert not profiles_file(keyless).exists()

    def test_what_wins_over_it_is_said(self, keyless: Program) -> None:
        keyless.env["FAL_KEY"] = SANDBOX_KEY
        assert "FAL_KEY is set and overrides it" in log_in(keyless, ADMIN_KEY).stderr
        assert "FAL_KEY is set and overrides it" in keyless("auth", "switch", "default").stderr
        assert "FAL_KEY is set and overrides" in keyless("auth", "list").stderr

    def test_the_profile_that_the_environment_names(self, keyless: Program) -> None:
        keyless.env["FAL_PROFILE"] = "work"
        done = log_in(keyless, SANDBOX_KEY)
        assert "wins" not in done.stderr
        assert list(listed(keyless)) == ["work"]

    def test_a_name_that_is_none(self, keyless: Program) -> None:
        assert "not a name for a profile" in log_in(keyless, SANDBOX_KEY, "--profile", "a/b", code=2).stderr

    def test_in_the_sandbox_it_touches_no_real_key(self, keyless: Program) -> None:
        log_in(keyless, ADMIN_KEY)
        before = profiles_file(keyless).read_bytes()
        provided(keyless.home / "fal" / "state" / "sandbox")
        log_in(keyless, SANDBOX_KEY, "--sandbox")
        assert profiles_file(keyless).read_bytes() == before
        assert listed(keyless, "--sandbox")["default"]["key_id"] == "sandbox"
        log_in(keyless, "nobody:topsecret", "--sandbox", code=3)
        keyless("--sandbox", "auth", "logout")
        assert listed(keyless)["default"]["key_id"] == "sandbox-"


class TestPrompt:
    def test_the_key_is_never_on_the_screen(self, keyless: Program) -> None:
        screen = prompted(keyless)
        assert "Key for profile default" in screen.text
        screen.press(SANDBOX_KEY.encode() + b"\r")
        assert screen.finish() == 0
        assert "is stored in" in screen.text
        assert SECRET not in screen.raw
        assert SANDBOX_KEY in profiles_file(keyless).read_text()

    def test_nor_with_everything_told(self, keyless: Program) -> None:
        screen = prompted(keyless, "-vv", "--profile", "work")
        assert "Key for profile work" in screen.text
        screen.press(SANDBOX_KEY.encode() + b"\r")
        assert screen.finish() == 0
        assert "[hidden]" in screen.text
        assert SECRET not in screen.raw

    def test_nor_a_wrong_one(self, keyless: Program) -> None:
        screen = prompted(keyless)
        screen.press(b"nobody:topsecret\r")
        assert screen.finish() == 3
        assert b"topsecret" not in screen.raw

    @pytest.mark.parametrize("keys", [b"\r", b"\x04", b"\xff\xfe:topsecret\r"])
    def test_no_key(self, keyless: Program, keys: bytes) -> None:
        screen = prompted(keyless)
        screen.press(keys)
        assert screen.finish() == 2
        assert b"topsecret" not in screen.raw

    def test_ctrl_c_leaves_a_clean_line(self, keyless: Program) -> None:
        screen = prompted(keyless)
        screen.press(b"sandbox:local-on")
        screen.press(b"\x03")
        assert screen.finish() == 130
        assert screen.text.splitlines()[-1] == "Nothing was stored."
        assert b"local-on" not in screen.raw

    def test_with_key_does_not_read_a_terminal(self, keyless: Program) -> None:
        screen = Screen([*keyless.argv, "auth", "login", "--with-key"], keyless.env, columns=100)
        assert screen.finish() == 2
        assert "from a pipe" in screen.text


class TestPrivacy:
    def test_no_file_with_a_key_is_readable_by_others(self, keyless: Program) -> None:
        for words in (("--profile", "work"), ("--profile", "home")):
            done = subprocess.run(
                ["sh", "-c", 'umask 000; exec "$@"', "sh", *keyless.argv, "auth", "login", "--with-key", *words],
                input=SANDBOX_KEY.encode(),
                env=keyless.env,
                capture_output=True,
                check=True,
            )
            assert SECRET not in done.stdout + done.stderr
        keyless("submit", *ECHO, "--profile", "home")
        keyless("auth", "switch", "home")
        keyless("config", "set", "private", "true")
        found = holding(keyless.home, SECRET)
        assert found == [profiles_file(keyless)]
        assert_private(found)

    def test_it_is_in_no_output_and_in_no_ledger(self, keyless: Program) -> None:
        log_in(keyless, ADMIN_KEY, "--profile", "work")
        (submitted,) = keyless("submit", *ECHO, "-vv").text.split()
        for words in (
            ("auth", "list"), ("auth", "status"), ("auth", "switch", "work"), ("config", "list"), ("status", submitted),
            ("result", submitted), ("auth", "status", "--json"), ("history",), ("auth", "logout"), ("auth", "status"),
        ):  # fmt: skip
            done = keyless(*words, "-vv", code=None, env={"FAL_DEBUG": "1"})
            assert SECRET not in done.stdout + done.stderr.encode(), words
        assert holding(keyless.home, SECRET) == []

    def test_it_is_kept_of_no_input_that_it_was_typed_into(self, keyless: Program) -> None:
        log_in(keyless, ADMIN_KEY, "--profile", "work")
        keyless("run", "sandbox/echo", f"prompt=my key is {ADMIN_KEY}", "sandbox.run=0")
        keyless("submit", "sandbox/echo", f"prompt={SECRET.decode()}", "--tag", "a=b")
        assert holding(keyless.home, SECRET) == [profiles_file(keyless)]
        kept = [json.loads(line) for line in keyless("history").stdout.splitlines()]
        assert {row["input"]["prompt"] for row in kept} == {"my key is [hidden]", "[hidden]"}
        assert not any(row["input_is_whole"] for row in kept)  # so that nothing sends the mark in its place

    def test_an_open_file_is_warned_of(self, keyless: Program) -> None:
        log_in(keyless, SANDBOX_KEY)
        profiles_file(keyless).chmod(0o644)
        done = keyless("submit", *ECHO)
        assert f"chmod 600 {profiles_file(keyless)}" in done.stderr
        log_in(keyless, SANDBOX_KEY)
        assert "chmod" not in keyless("submit", *ECHO).stderr

    def test_the_vendors_files_are_left_alone(self, keyless: Program) -> None:
        folder = keyless.home / ".fal"
        folder.mkdir()
        (folder / "config.toml").write_text(f'[theirs]\nkey = "{SANDBOX_KEY}"\n')
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
        keyless("submit", *ECHO, "--profile", "theirs")
        keyless("auth", "switch", "theirs")
        keyless("submit", *ECHO)
        log_in(keyless, ADMIN_KEY, "--profile", "theirs")
        assert "also a profile of fal.ai's own CLI" in keyless("-v", "submit", *ECHO).stderr
        keyless("auth", "logout", "--profile", "theirs")
        keyless("config", "set", "--profile", "theirs", "hosts.api", keyless.env["FAL_API_HOST"])
        keyless("submit", *ECHO, "--profile", "theirs")
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


class TestTwoProfiles:
    @pytest.fixture
    def fal(self, home: Path, service: Service, second: Service) -> Program:
        """Two profiles with hosts of their own, `work` at one service and `home` at the other."""
        program = Program(home)
        for name, place in (("work", service), ("home", second)):
            for host, url in vars(place.sandbox.addresses).items():
                program("config", "set", "--profile", name, f"hosts.{host}", url)
        log_in(program, SANDBOX_KEY, "--profile", "work")
        log_in(program, ADMIN_KEY, "--profile", "home")
        return program

    def test_each_has_its_own_hosts(self, fal: Program, service: Service, second: Service) -> None:
        fal("submit", *ECHO)
        assert (service.accepted, second.accepted) == (1, 0)
        fal("submit", *ECHO, "--profile", "home")
        fal("auth", "switch", "home")
        fal("run", *ECHO)
        assert (service.accepted, second.accepted) == (1, 2)

    def test_a_ref_goes_where_it_was_made_while_the_other_is_active(
        self, fal: Program, service: Service, second: Service
    ) -> None:
        (request,) = fal("submit", *ECHO, "a=1").text.split()
        fal("auth", "switch", "home")
        asked = second.stats["http"]
        assert json.loads(fal("result", request, "--wait").stdout) == {"a": 1}
        assert fal("status", request).text == "COMPLETED\n"
        assert json.loads(fal("resume", "last").stdout) == {"a": 1}
        assert second.stats["http"] == asked
        fal("rerun", request)
        assert (service.accepted, second.accepted) == (2, 0)

    def test_it_is_asked_about_with_the_key_that_made_it(self, fal: Program) -> None:
        (request,) = fal("submit", *ECHO, "a=1").text.split()
        log_in(fal, "sandbox-nobody:wrong", "--profile", "home", "--no-check")
        fal("auth", "switch", "home")
        assert "profile work, which made the request" in fal("-v", "result", request, "--wait").stderr
        fal("result", request, "--profile", "home", code=3)

    def test_a_variable_wins_over_a_profiles_host(self, fal: Program, second: Service) -> None:
        env = {name: value for name, value in second.env.items() if name != "FAL_KEY"}
        fal("submit", *ECHO, env=env)
        assert second.accepted == 1

    def test_its_hosts_are_not_for_another_key(self, fal: Program) -> None:
        """FAL_KEY goes to the service, not to where a profile's key goes."""
        with Server([]) as server:
            for host in ("run", "queue", "rest", "cdn", "api"):
                fal("config", "set", "--profile", "work", f"hosts.{host}", server.url)
            with refusing_port() as port:
                hosts = ("FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_API_HOST")
                env = {"FAL_KEY": "own:key"} | dict.fromkeys(hosts, f"http://127.0.0.1:{port}")
                facts = fal("auth", "status", env=env, code=6)
            assert "The key is from FAL_KEY" in facts.stderr
            assert server.connections == 0

    def test_a_profile_that_is_gone_says_how_to_come_back(self, fal: Program) -> None:
        (request,) = fal("submit", *ECHO).text.split()
        fal("auth", "switch", "home")
        fal("auth", "logout", "--profile", "work")
        done = fal("status", request, code=3)
        assert "fal auth login --profile work" in done.stderr
        log_in(fal, SANDBOX_KEY, "--profile", "work")
        fal("status", request)


class TestKeyring:
    def test_the_file_has_a_mark_alone(self, keyless: Program, keyring: Path) -> None:
        done = log_in(keyless, SANDBOX_KEY, "--keyring")
        assert "is stored in the system keyring" in done.stderr
        assert holding(keyless.home, SECRET) == []
        assert SANDBOX_KEY in keyring.read_text()
        assert listed(keyless)["default"] == {
            "profile": "default", "active": True, "source": "keyring", "key_id": "sandbox", "hosts": {},
        }  # fmt: skip
        assert json.loads(keyless("run", *ECHO, "a=1").stdout) == {"a": 1}

    def test_a_ref_of_it_while_another_is_active(self, keyless: Program, keyring: Path) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring", "--profile", "work")
        (request,) = keyless("submit", *ECHO, "a=1").text.split()
        log_in(keyless, "sandbox-nobody:wrong", "--profile", "home", "--no-check")
        keyless("auth", "switch", "home")
        assert json.loads(keyless("result", request, "--wait").stdout) == {"a": 1}

    def test_logging_in_again_keeps_it_there_unless_told_otherwise(self, keyless: Program, keyring: Path) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring")
        log_in(keyless, ADMIN_KEY)
        assert ADMIN_KEY in keyring.read_text()
        assert SANDBOX_KEY not in keyring.read_text()
        assert holding(keyless.home, SECRET) == []
        log_in(keyless, SANDBOX_KEY, "--no-keyring")
        assert json.loads(keyring.read_text()) == {}
        assert holding(keyless.home, SECRET) == [profiles_file(keyless)]

    def test_logout(self, keyless: Program, keyring: Path) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring")
        keyless("auth", "logout")
        assert json.loads(keyring.read_text()) == {}
        keyless("run", *ECHO, code=3)

    @pytest.mark.parametrize(("mode", "shown"), [("hang", "did not answer within 3 s"), ("locked", "is locked")])
    def test_one_that_does_not_do_it(self, keyless: Program, keyring: Path, mode: str, shown: str) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring")
        keyless.env["FAKE_KEYRING_MODE"] = mode
        for words in (("run", *ECHO), ("auth", "logout")):
            started = time.monotonic()
            done = keyless(*words, code=3)
            assert shown in done.stderr
            assert done.stdout == b""
            assert time.monotonic() - started < 30
        done = log_in(keyless, ADMIN_KEY, code=3)
        assert shown in done.stderr
        assert SECRET.decode() not in done.stderr
        assert listed(keyless)["default"]["source"] == "keyring"
        assert "profile default" in log_in(keyless, SANDBOX_KEY, "--no-keyring").stderr
        keyless("run", *ECHO)

    def test_it_is_not_asked_where_it_is_not_needed(self, keyless: Program, keyring: Path) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring")
        keyless.env["FAKE_KEYRING_MODE"] = "hang"
        started = time.monotonic()
        keyless("auth", "list")
        keyless("config", "list")
        keyless("submit", *ECHO, env={"FAL_KEY": SANDBOX_KEY})
        assert time.monotonic() - started < 8

    def test_ctrl_c_does_not_wait_for_it(self, keyless: Program, keyring: Path) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring")
        process = keyless.start("-vv", "run", *ECHO, env={"FAKE_KEYRING_MODE": "hang"})
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert process.wait(10) == 130
        assert time.monotonic() - started < 1.5

    def test_an_entry_that_is_gone(self, keyless: Program, keyring: Path) -> None:
        log_in(keyless, SANDBOX_KEY, "--keyring", "--profile", "work")
        keyring.write_text("{}")
        assert "fal auth login --profile work" in keyless("run", *ECHO, code=3).stderr
        keyless("auth", "logout", "--profile", "work")
        assert listed(keyless) == {}

    def test_without_the_extra_nothing_is_asked(self, keyless: Program, tmp_path: Path) -> None:
        folder = tmp_path / "none"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text("import sys\nsys.modules['keyring'] = None\n")
        keyless.env["PYTHONPATH"] = str(folder)
        assert "fal-cli[keyring]" in log_in(keyless, SANDBOX_KEY, "--keyring", code=2).stderr


class TestListAndSwitch:
    def test_none(self, keyless: Program) -> None:
        done = keyless("auth", "list")
        assert done.stdout == b""
        assert "fal auth login" in done.stderr

    def test_ours_and_the_vendors(self, keyless: Program) -> None:
        (folder := keyless.home / ".fal").mkdir()
        (folder / "config.toml").write_text(
            '[__internal__]\nprofile = "theirs"\n[theirs]\nkey = "11111111-2222:topsecret"\n'
            '[work]\nkey = "a:b"\n[bare]\nhost = "x"\n[odd]\nkey = "topsecret"\n'
        )
        log_in(keyless, SANDBOX_KEY, "--profile", "work")
        found = listed(keyless)
        assert {name: (facts["source"], facts["key_id"], facts["active"]) for name, facts in found.items()} == {
            "work": ("file", "sandbox", True),
            "theirs": ("vendor", "11111111", False),
            "bare": (None, None, False),
            "odd": ("vendor", None, False),
        }
        keyless("auth", "logout")
        assert listed(keyless)["theirs"]["active"]

    def test_a_table_on_a_terminal(self, keyless: Program) -> None:
        log_in(keyless, SANDBOX_KEY, "--profile", "work")
        log_in(keyless, ADMIN_KEY, "--profile", "home")
        keyless("config", "set", "--profile", "home", "hosts.queue", "queue.example")
        screen = Screen([*keyless.argv, "auth", "list"], keyless.env, columns=80)
        assert screen.finish() == 0
        title, work, home = screen.text.splitlines()
        assert title.split()[:3] == ["profile", "key", "stored"]
        assert work.split() == ["*", "work", "sandbox…", "a", "file"]
        assert home.split() == ["home", "sandbox-…", "a", "file", "queue"]
        assert SECRET not in screen.raw

    def test_switch(self, keyless: Program) -> None:
        log_in(keyless, SANDBOX_KEY, "--profile", "work")
        log_in(keyless, ADMIN_KEY, "--profile", "home")
        assert keyless("auth", "switch", "home").stderr == "the active profile is home\n"
        assert listed(keyless)["home"]["active"]
        done = keyless("auth", "switch", "nobody", code=2)
        assert "(known: work, home)" in done.stderr
        assert keyless("config", "get", "profile").text == "home\n"

    def test_a_profile_without_a_key_cannot_be_the_active_one(self, keyless: Program) -> None:
        keyless("config", "set", "--profile", "bare", "hosts.queue", "queue.example")
        assert "fal auth login --profile bare" in keyless("auth", "switch", "bare", code=3).stderr


class TestLogout:
    def test_it_says_what_is_left(self, keyless: Program) -> None:
        log_in(keyless, SANDBOX_KEY)
        log_in(keyless, ADMIN_KEY, "--profile", "work")
        keyless("auth", "switch", "work")
        assert "calls now use the key from the active profile (default)" in keyless("auth", "logout").stderr
        log_in(keyless, ADMIN_KEY, "--profile", "work")
        assert "none of the profiles is active (work)" in keyless("auth", "logout", "--profile", "default").stderr
        keyless.env["FAL_KEY"] = SANDBOX_KEY
        assert "calls now use the key from FAL_KEY" in keyless("auth", "logout", "--profile", "work").stderr
        assert holding(keyless.home, SECRET) == []

    def test_nothing_to_forget(self, keyless: Program) -> None:
        log_in(keyless, SANDBOX_KEY)
        assert "(stored: default)" in keyless("auth", "logout", "--profile", "work", code=2).stderr


class TestStatus:
    def test_all_that_is_known(self, keyless: Program) -> None:
        log_in(keyless, ADMIN_KEY, "--profile", "work")
        with api_that(
            answer(200, {"username": "acme", "credits": {"current_balance": 12.345, "currency": "USD"}})
        ) as server:
            keyless("config", "set", "hosts.api", server.url)
            del keyless.env["FAL_API_HOST"]
            facts = json.loads(keyless("auth", "status").stdout)
            assert facts.pop("hosts")["api"] == server.url
        assert facts == {
            "account": "acme",
            "balance": 12.345,
            "currency": "USD",
            "lock": "none",
            "source": f"the active profile (work) in {profiles_file(keyless)}",
            "profile": "work",
            "key_id": "sandbox-",
        }
        (seen,) = server.requests
        assert seen.target == "/v1/account/billing?expand=credits"

    def test_on_a_terminal(self, keyless: Program) -> None:
        hostile = answer(200, {"username": "ac\x1b[2Jme", "credits": {"current_balance": 12, "currency": "USD"}})
        with api_that(hostile) as server:
            env = keyless.env | {"FAL_API_HOST": server.url, "FAL_KEY": SANDBOX_KEY}
            screen = Screen([*keyless.argv, "auth", "status"], env, columns=100)
            assert screen.finish() == 0
        assert "account  ac␛[2Jme" in screen.text
        assert "balance  $12.00" in screen.text
        assert "key      sandbox… from FAL_KEY" in screen.text
        assert f"api {env['FAL_API_HOST']}" in screen.text
        assert SECRET not in screen.raw

    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(answer(403, {"error": {"type": "authorization_error", "message": "scope"}}), id="scope"),
            pytest.param(answer(200, {}), id="an empty answer"),
            pytest.param(answer(200, {"username": None, "credits": {"current_balance": "NaN"}}), id="odd values"),
            pytest.param(answer(200, {"credits": []}), id="a list"),
        ],
    )
    def test_what_is_not_visible(self, keyless: Program, reply: Any) -> None:
        log_in(keyless, SANDBOX_KEY)
        with api_that(reply) as server:
            keyless.env["FAL_API_HOST"] = server.url
            facts = json.loads(keyless("auth", "status", "--json").stdout)
            screen = Screen([*keyless.argv, "auth", "status"], keyless.env, columns=100)
            assert screen.finish() == 0
        assert (facts["account"], facts["balance"]) == (None, None)
        assert screen.text.count("not visible to this key") == 2

    def test_a_refused_key_names_its_source(self, keyless: Program) -> None:
        log_in(keyless, "nobody:wrong", "--no-check")
        done = keyless("auth", "status", code=3)
        assert f"The key is from the active profile (default) in {profiles_file(keyless)}" in done.stderr
        assert done.stdout == b""

    def test_no_key(self, keyless: Program) -> None:
        assert "fal auth login" in keyless("auth", "status", code=3).stderr

    def test_in_the_sandbox(self, fal: Program) -> None:
        facts = json.loads(fal("--sandbox", "auth", "status").stdout)
        assert (facts["source"], facts["profile"], facts["key_id"]) == ("the sandbox", None, "sandbox")


class TestConfig:
    def test_every_setting_and_where_it_is_from(self, fal: Program) -> None:
        fal("config", "set", "private", "yes")
        fal("config", "set", "on_interrupt", "cancel")
        fal("config", "set", "hosts.queue", "queue.example/")
        found = {
            facts["key"]: (facts["value"], facts["from"])
            for facts in map(json.loads, fal("config", "list", env={"FAL_API_HOST": "api.example"}).text.splitlines())
        }
        folder = fal.home / "fal" / "config"
        assert found["private"] == (True, str(folder / "config.toml"))
        assert found["on_interrupt"] == ("cancel", str(folder / "config.toml"))
        assert found["profile"] == ("default", "default")
        assert found["hosts.queue"] == ("https://queue.example", str(folder / "profiles.toml"))
        assert found["hosts.api"] == ("https://api.example", "FAL_API_HOST")
        assert found["hosts.run"] == ("https://fal.run", "default")
        assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600, 0o600]

    def test_get_set_and_unset(self, fal: Program) -> None:
        for key, value, other in (
            ("private", "true", "false"), ("on_interrupt", "cancel", "detach"),
            ("hosts.api", "https://api.example", "https://api.fal.ai"),
        ):  # fmt: skip
            fal("config", "set", key, value)
            assert fal("config", "get", key).text == f"{value}\n"
            fal("config", "unset", key)
            assert fal("config", "get", key).text == f"{other}\n"

    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            (("get", "colour"), "Choose from: private, on_interrupt, profile, budget, hosts.run"),
            (("set", "colour", "red"), "Choose from: private"),
            (("unset", "hosts.nope"), "Choose from: private"),
            (("set", "private", "maybe"), "is not true or false"),
            (("set", "on_interrupt", "stop"), "detach, cancel"),
            (("set", "hosts.queue", "http://queue.example"), "in clear"),
            (("set", "hosts.queue", "queue example"), "not a host"),
            (("set", "profile", "nobody"), "no profile 'nobody'"),
            (("set", "--profile", "a/b", "hosts.queue", "queue.example"), "not a name for a profile"),
        ],
    )
    def test_what_cannot_be(self, fal: Program, words: tuple[str, ...], shown: str) -> None:
        assert shown in fal("config", *words, code=2).stderr
        assert not (fal.home / "fal" / "config").exists()

    def test_a_variable_that_wins_is_named(self, fal: Program) -> None:
        done = fal("config", "set", "private", "true", env={"FAL_PRIVATE": "0"})
        assert "FAL_PRIVATE is set and overrides it" in done.stderr
        assert fal("config", "get", "private", env={"FAL_PRIVATE": "0"}).text == "false\n"

    def test_hosts_without_a_key_are_said_to_wait_for_one(self, fal: Program) -> None:
        assert "has no key yet" in fal("config", "set", "hosts.queue", "queue.example").stderr

    def test_private_is_kept_to(self, served: Program) -> None:
        served("config", "set", "private", "true")
        served("submit", "sandbox/echo", "note=unseen", "sandbox.queue=0", "sandbox.run=0")
        assert holding(served.home, b"unseen") == []
        served("submit", "sandbox/echo", "note=unseen", env={"FAL_PRIVATE": "0"})
        assert holding(served.home, b"unseen") != []

    def test_a_malformed_file_stops_a_call_rather_than_make_it_public(self, served: Program, service: Service) -> None:
        served("config", "set", "private", "true")
        (served.home / "fal" / "config" / "config.toml").write_text("private = tru")
        assert "config.toml is not TOML" in served("submit", *ECHO, code=2).stderr
        assert service.accepted == 0

    def test_a_table_on_a_terminal(self, fal: Program) -> None:
        screen = Screen([*fal.argv, "config", "list"], fal.env, columns=80)
        assert screen.finish() == 0
        assert screen.text.splitlines()[1].split() == ["private", "false", "default"]


def test_profiles_that_cannot_be_read_stop_a_call(served: Program, service: Service) -> None:
    """They may hold a budget, whichever key is used; and nobody waits for a pipe in their place."""
    path = profiles_file(served)
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert "it is not a file" in served("submit", *ECHO, code=2).stderr
    assert service.accepted == 0
