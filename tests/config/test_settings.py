"""Folders and hosts from the environment, and which of them may be called without TLS."""

from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.hosts import Hosts
from fal_cli.config.hosts import hosts
from fal_cli.config.paths import config_folder, config_path, sandbox_folder, state_folder
from fal_cli.config.settings import is_private, on_interrupt
from fal_cli.errors import Exit, UsageError
from fal_cli.urls import is_loopback, origin

NAMES = {
    "FAL_RUN_HOST": "run",
    "FAL_QUEUE_RUN_HOST": "queue",
    "FAL_REST_HOST": "rest",
    "FAL_CDN_HOST": "cdn",
    "FAL_API_HOST": "api",
}


class TestFolders:
    def test_one_folder_for_all(self, tmp_path: Path) -> None:
        env = {"FAL_CLI_HOME": str(tmp_path)}
        assert state_folder(env) == tmp_path / "state"
        assert sandbox_folder(env) == tmp_path / "state" / "sandbox"
        assert config_folder(env) == tmp_path / "config"
        assert config_path(env) == tmp_path / "config" / "config.toml"

    def test_home_is_meant_by_a_tilde(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert state_folder({"FAL_CLI_HOME": "~/fal"}) == tmp_path / "fal" / "state"

    def test_the_platforms_own_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        for env in ({}, {"FAL_CLI_HOME": ""}):
            for folder in (state_folder(env), config_folder(env)):
                assert folder.name == "fal-cli"
                assert tmp_path in folder.parents


class TestHabits:
    """`private` and `on_interrupt`: a variable, else what is kept, else the default."""

    def _env(self, home: Path, text: str | None, **env: str) -> dict[str, str]:
        env["FAL_CLI_HOME"] = str(home)
        if text is not None:
            config_folder(env).mkdir(parents=True)
            config_path(env).write_text(text)
        return env

    @pytest.mark.parametrize(
        ("variable", "kept", "expected"),
        [
            (None, None, False),
            (None, "private = true", True),
            (None, "private = false", False),
            (None, "", False),
            ("1", None, True),
            ("0", None, False),
            ("", "private = true", True),
            ("0", "private = true", False),
            ("1", "private = false", True),
        ],
    )
    def test_private(self, tmp_path: Path, variable: str | None, kept: str | None, expected: bool) -> None:
        given = {} if variable is None else {"FAL_PRIVATE": variable}
        assert is_private(self._env(tmp_path, kept, **given)) is expected

    @pytest.mark.parametrize(
        ("variable", "kept", "expected"),
        [
            (None, None, "detach"),
            (None, 'on_interrupt = "cancel"', "cancel"),
            ("detach", 'on_interrupt = "cancel"', "detach"),
            ("cancel", None, "cancel"),
            ("", 'on_interrupt = "cancel"', "cancel"),
        ],
    )
    def test_on_interrupt(self, tmp_path: Path, variable: str | None, kept: str | None, expected: str) -> None:
        given = {} if variable is None else {"FAL_ON_INTERRUPT": variable}
        assert on_interrupt(self._env(tmp_path, kept, **given)) == expected

    @pytest.mark.parametrize("kept", ["private = 1", 'private = "yes"', "private =", "private = [true]"])
    def test_nothing_is_public_because_the_file_is_malformed(self, tmp_path: Path, kept: str) -> None:
        env = self._env(tmp_path, kept)
        with pytest.raises(UsageError, match=r"config\.toml"):
            is_private(env)
        assert is_private(env | {"FAL_PRIVATE": "1"})

    @pytest.mark.parametrize("kept", ['on_interrupt = "stop"', "on_interrupt = true"])
    def test_no_such_behaviour(self, tmp_path: Path, kept: str) -> None:
        with pytest.raises(UsageError, match="not detach or cancel"):
            on_interrupt(self._env(tmp_path, kept))


class TestProfilesHosts:
    OWN: ClassVar = {"queue": "queue.example", "api": "http://localhost:1"}

    def test_they_stand_in_for_the_services(self) -> None:
        assert hosts({}, self.OWN) == Hosts(queue="https://queue.example", api="http://localhost:1")

    def test_a_variable_wins_over_the_one_that_it_names(self) -> None:
        found = hosts({"FAL_QUEUE_RUN_HOST": "other.example"}, self.OWN)
        assert (found.queue, found.api) == ("https://other.example", "http://localhost:1")

    @pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.1"])
    def test_none_of_them_is_called_in_clear(self, url: str) -> None:
        with pytest.raises(UsageError, match=r"hosts\.rest: http://"):
            hosts({}, {"rest": url})

    def test_a_run_host_here_needs_a_queue_host(self) -> None:
        with pytest.raises(UsageError, match="the queue host") as caught:
            hosts({}, {"run": "http://localhost:1"})
        assert "fal config set hosts.queue" in caught.value.hint


class TestHosts:
    def test_default(self) -> None:
        assert hosts({}) == Hosts(
            run="https://fal.run",
            queue="https://queue.fal.run",
            rest="https://rest.fal.ai",
            cdn="https://v3.fal.media",
            api="https://api.fal.ai",
        )

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            pytest.param("example.com", "https://example.com", id="a name"),
            pytest.param("example.com:8443", "https://example.com:8443", id="a port"),
            pytest.param("https://example.com", "https://example.com", id="a URL"),
            pytest.param("https://example.com/", "https://example.com", id="a slash at the end"),
            pytest.param(" example.com\n", "https://example.com", id="white space around"),
            pytest.param("http://localhost:8000", "http://localhost:8000", id="http for localhost"),
            pytest.param("http://127.0.0.1:8000", "http://127.0.0.1:8000", id="http for 127.0.0.1"),
            pytest.param("http://[::1]:8000", "http://[::1]:8000", id="http for ::1"),
            pytest.param("localhost:8000", "https://localhost:8000", id="TLS unless http is written"),
        ],
    )
    @pytest.mark.parametrize("name", NAMES)
    def test_set(self, name: str, value: str, expected: str) -> None:
        env = {"FAL_QUEUE_RUN_HOST": "queue.example"} | {name: value}
        assert getattr(hosts(env), NAMES[name]) == expected

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("value", ["", "  ", "/"])
    def test_empty_is_unset(self, name: str, value: str) -> None:
        assert hosts({name: value}) == Hosts()

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("ftp://example.com", id="another scheme"),
            pytest.param("https://", id="no name"),
            pytest.param("https:///path", id="no name but a path"),
            pytest.param("user:key@example.com", id="a user"),
            pytest.param("https://localhost@evil.com", id="a user that looks like a host"),
            pytest.param("example.com?x=1", id="a query"),
            pytest.param("example.com#x", id="a fragment"),
            pytest.param("example.com:port", id="no port"),
            pytest.param("example.com:99999", id="a port too high"),
            pytest.param("example.com:0", id="port 0"),
            pytest.param("https://[::1", id="half an address"),
            pytest.param("fal run", id="a space inside"),
            pytest.param("fal\trun.com", id="a tab inside"),
            pytest.param("fal.run\\evil.com", id="a backslash"),
        ],
    )
    def test_no_host(self, value: str) -> None:
        with pytest.raises(UsageError, match="is not a host"):
            hosts({"FAL_RUN_HOST": value, "FAL_QUEUE_RUN_HOST": "queue.example"})

    @pytest.mark.parametrize("name", NAMES)
    def test_the_variable_is_named(self, name: str) -> None:
        with pytest.raises(UsageError) as caught:
            hosts({name: "example.com:port"})
        assert caught.value.message.startswith(name)
        assert name in caught.value.hint
        assert caught.value.code == Exit.USAGE

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("http://fal.run", id="the service itself"),
            pytest.param("http://192.168.0.1:8000", id="the same network"),
            pytest.param("http://0.0.0.0:8000", id="any address"),
            pytest.param("http://localhost.evil.com", id="a name that begins with localhost"),
            pytest.param("http://evil.com/localhost", id="localhost in the path"),
            pytest.param("http://127.0.0.1.evil.com", id="a name that begins with 127.0.0.1"),
            pytest.param("HTTP://example.com", id="upper-case http"),
            pytest.param("hTTp://example.com", id="mixed-case http"),
        ],
    )
    def test_plain_http_is_for_loopback_only(self, value: str) -> None:
        with pytest.raises(UsageError, match="in clear"):
            hosts({"FAL_RUN_HOST": value, "FAL_QUEUE_RUN_HOST": "queue.example"})

    @pytest.mark.parametrize("name", NAMES)
    def test_plain_http_is_refused_for_every_host(self, name: str) -> None:
        with pytest.raises(UsageError, match=f"{name}: http://"):
            hosts({name: "http://example.com"})

    @settings(deadline=None)
    @given(
        st.from_regex(r"(?:[hH][tT][tT][pP][sS]?:/{0,3})?", fullmatch=True),
        st.text(st.sampled_from("[]:127.0localhost@evil.com\\#/ \t?"), max_size=24),
    )
    def test_whatever_is_set_the_key_is_never_sent_in_clear(self, scheme: str, rest: str) -> None:
        try:
            found = hosts({"FAL_RUN_HOST": scheme + rest, "FAL_QUEUE_RUN_HOST": "queue.example"})
        except UsageError:
            return
        assert origin(found.run)[0] == "https" or is_loopback(found.run)


class TestQueueHost:
    @pytest.mark.parametrize(
        ("run", "queue"),
        [
            pytest.param("example.com", "https://queue.example.com", id="name"),
            pytest.param("https://example.com:8443", "https://queue.example.com:8443", id="port"),
        ],
    )
    def test_derived_from_the_run_host(self, run: str, queue: str) -> None:
        assert hosts({"FAL_RUN_HOST": run}).queue == queue

    def test_given(self) -> None:
        found = hosts({"FAL_RUN_HOST": "example.com", "FAL_QUEUE_RUN_HOST": "line.example.com"})
        assert (found.run, found.queue) == ("https://example.com", "https://line.example.com")

    def test_queue_alone(self) -> None:
        assert hosts({"FAL_QUEUE_RUN_HOST": "line.example.com"}).run == "https://fal.run"

    @pytest.mark.parametrize("run", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:1", "localhost:1"])
    def test_a_run_host_here_needs_a_queue_host(self, run: str) -> None:
        with pytest.raises(UsageError, match="the queue host") as caught:
            hosts({"FAL_RUN_HOST": run})
        assert "FAL_QUEUE_RUN_HOST" in caught.value.hint
        assert hosts({"FAL_RUN_HOST": run, "FAL_QUEUE_RUN_HOST": "http://localhost:8001"}).queue.endswith(":8001")


class TestOwns:
    @pytest.mark.parametrize(
        ("url", "owned"),
        [
            ("https://fal.run/fal-ai/flux", True),
            ("https://queue.fal.run/x?y=z", True),
            ("https://QUEUE.FAL.RUN:443/x", True),
            ("https://api.fal.ai", True),
            ("http://fal.run/x", False),
            ("https://fal.run:8443/x", False),
            ("https://fal.run.evil.com/x", False),
            ("https://evil.com/fal.run", False),
            ("https://fal.run@evil.com/x", False),
            ("https://evil.com\\@fal.run", False),
            ("https://other.fal.run/x", False),
            ("https://[fal.run/x", False),
            ("https://fal.run:port/x", False),
            ("fal.run", False),
            ("", False),
        ],
    )
    def test_owns(self, url: str, owned: bool) -> None:
        assert Hosts().owns(url) is owned

    def test_the_queue_alone(self) -> None:
        assert Hosts().owns_queue("https://queue.fal.run/a/b/requests/x")
        assert not Hosts().owns_queue("https://fal.run/a/b/requests/x")
