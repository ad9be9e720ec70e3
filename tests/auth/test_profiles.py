"""Profiles on disk: what is written is what is read, nobody else can read it, and the keyring cannot hold us up."""

import os
import stat
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.auth import keyring, profiles
from fal_cli.config import toml
from fal_cli.errors import CliError, Exit, NoCredentials, UsageError

KEY = "6f0c2e0e-6d0b-4a53-9a3e-0d5ad1f8a3c7:9b1c55d7e2a0"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(TEXTS | st.booleans(), lambda inner: st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fal" / "config" / "profiles.toml"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes nothing away: what is private is so by its own doing."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestToml:
    @given(st.dictionaries(TEXTS, VALUES, max_size=5))
    def test_what_is_written_is_what_the_standard_library_reads(self, values: dict[str, object]) -> None:
        assert tomllib.loads(toml.dumps(values)) == values

    @pytest.mark.parametrize("text", ['"', "\\", "\x7f", "\x00", "\r\n", "\u2028", "😀", "[a]\nb = 1", "'''", "é", "#"])
    def test_characters_that_mean_something(self, text: str) -> None:
        values = {text: text, "table": {text: {text: text, "true": True}}}
        assert tomllib.loads(toml.dumps(values)) == values

    @pytest.mark.parametrize("value", [1, 1.5, None, ["a"]])
    def test_what_we_never_write_is_refused(self, value: object) -> None:
        with pytest.raises(toml.NotWritable, match="name"):
            toml.dumps({"table": {"name": value}})

    def test_a_file_with_more_than_we_write_is_left_as_it_is(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_text("count = 1\n")
        with pytest.raises(CliError, match="cannot write"), toml.changing(path) as values:
            values["name"] = "x"
        assert path.read_text() == "count = 1\n"

    def test_what_others_put_beside_ours_stays(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_text('note = "mine"\n[profiles.work]\nkey = "a:b"\ncolour = "red"\n')
        profiles.store_key(path, "work", KEY, in_keyring=False)
        values = tomllib.loads(path.read_text())
        assert values["note"] == "mine"
        assert values["profiles"]["work"] == {"key": KEY, "colour": "red"}

    def test_an_error_in_the_block_changes_nothing(self, path: Path) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        before = path.read_bytes()
        with pytest.raises(ZeroDivisionError), toml.changing(path) as values:
            _clear_and_fail(values)
        assert path.read_bytes() == before
        assert [entry.name for entry in path.parent.iterdir()] == ["profiles.toml"]

    def test_a_link_stays_a_link(self, path: Path, tmp_path: Path) -> None:
        path.parent.mkdir(parents=True)
        target = tmp_path / "dotfiles" / "profiles.toml"
        path.symlink_to(target)
        profiles.store_key(path, "work", KEY, in_keyring=False)
        assert path.is_symlink()
        assert mode_of(target) == 0o600

    def test_a_folder_in_its_place(self, path: Path) -> None:
        path.mkdir(parents=True)
        with pytest.raises(UsageError, match="cannot read"):
            toml.read(path)

    def test_a_home_that_is_closed_to_us_holds_nothing_of_ours(self, path: Path) -> None:
        """A service that runs as nobody, in somebody's home, still calls."""
        path.parent.mkdir(parents=True)
        path.write_text('active = "x"')
        path.parent.chmod(0)
        child = os.fork()
        if not child:
            if os.geteuid() == 0:  # whom no mode stops
                os.setuid(65_534)
            os._exit(_nothing_is_read(path))
        _, status = os.waitpid(child, 0)
        path.parent.chmod(0o700)
        assert os.waitstatus_to_exitcode(status) == 0


def _clear_and_fail(values: dict[str, object]) -> None:
    values.clear()
    raise ZeroDivisionError


def _nothing_is_read(path: Path) -> int:
    try:
        return 0 if toml.read(path).values == {} else 1
    except BaseException:
        return 2


def _store(path: Path, name: str) -> None:
    profiles.store_key(path, name, KEY, in_keyring=False)


class TestPrivacy:
    def test_file_and_folders_are_private_from_their_first_moment(self, path: Path, open_umask: None) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        assert mode_of(path) == 0o600
        assert mode_of(path.parent) == 0o700
        assert mode_of(path.parent.parent) == 0o700

    def test_the_file_is_never_there_in_part_or_open(
        self, path: Path, open_umask: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[tuple[str, int, bytes]] = []
        fsync = os.fsync

        def look(descriptor: int) -> None:
            seen.extend((file.name, mode_of(file), file.read_bytes()) for file in path.parent.iterdir())
            fsync(descriptor)

        profiles.store_key(path, "work", KEY, in_keyring=False)
        before = path.read_bytes()
        monkeypatch.setattr(os, "fsync", look)
        profiles.store_key(path, "home", KEY, in_keyring=False)
        assert len(seen) == 2
        assert {mode for _, mode, _ in seen} == {0o600}
        assert [content for name, _, content in seen if name == path.name] == [before]

    def test_a_umask_that_takes_everything_is_no_hindrance(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        before = os.umask(0o777)
        try:
            profiles.store_key(path, "work", KEY, in_keyring=False)
        finally:
            os.umask(before)
        assert mode_of(path) == 0o600

    def test_an_open_file_is_told_of_and_closed_by_the_next_change(self, path: Path) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        path.chmod(0o640)
        assert profiles.read(path).is_exposed
        profiles.store_key(path, "work", KEY, in_keyring=False)
        assert not profiles.read(path).is_exposed
        assert mode_of(path) == 0o600

    def test_many_at_once_lose_nothing(self, path: Path) -> None:
        names = [f"p{number}" for number in range(40)]
        with ProcessPoolExecutor(8) as pool:
            list(pool.map(_store, [path] * len(names), names))
        assert set(profiles.read(path).by_name) == set(names)

    def test_nothing_that_is_printed_shows_a_key(self, path: Path) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        found = profiles.read(path)
        shown = f"{found} {found.get('work')} {[found.get('work')]} {toml.read(path)}"
        assert "work" in shown
        assert KEY.partition(":")[2] not in shown


class TestProfiles:
    def test_none(self, path: Path) -> None:
        found = profiles.read(path)
        assert (found.chosen, found.active, dict(found.by_name)) == ("", "default", {})
        assert not found.get("work").has_key

    def test_a_key(self, path: Path) -> None:
        profiles.store_key(path, "default", KEY, in_keyring=False)
        found = profiles.read(path).get("default")
        assert (found.key, found.key_id, found.in_keyring, found.has_key) == (KEY, "6f0c2e0e", False, True)

    def test_a_key_in_the_keyring_leaves_a_mark_alone(self, path: Path) -> None:
        profiles.store_key(path, "default", KEY, in_keyring=False)
        profiles.store_key(path, "default", KEY, in_keyring=True)
        found = profiles.read(path).get("default")
        assert (found.key, found.key_id, found.in_keyring, found.has_key) == ("", "6f0c2e0e", True, True)
        assert KEY.partition(":")[2] not in path.read_text()

    def test_the_first_profile_is_active_and_the_next_is_not(self, path: Path) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        profiles.store_key(path, "home", KEY, in_keyring=False)
        profiles.store_key(path, "default", KEY, in_keyring=False)
        assert profiles.read(path).active == "work"

    def test_beside_a_default_none_becomes_active_by_itself(self, path: Path) -> None:
        profiles.store_key(path, "default", KEY, in_keyring=False)
        profiles.store_key(path, "work", KEY, in_keyring=False)
        assert profiles.read(path).active == "default"

    def test_forgetting_a_key_keeps_the_hosts(self, path: Path) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        profiles.set_host(path, "work", "queue", "https://queue.example")
        profiles.forget_key(path, "work")
        found = profiles.read(path)
        assert found.active == "default"
        assert not found.get("work").has_key
        assert found.get("work").hosts == {"queue": "https://queue.example"}
        profiles.set_host(path, "work", "queue", "")
        assert profiles.read(path).by_name == {}

    def test_forgetting_the_last_of_a_profile_forgets_it(self, path: Path) -> None:
        profiles.store_key(path, "work", KEY, in_keyring=False)
        profiles.forget_key(path, "work")
        assert profiles.read(path).by_name == {}
        profiles.forget_key(path, "work")

    @pytest.mark.parametrize(
        "text",
        [
            "active = 1",
            "profiles = 1",
            "[profiles]\nwork = 1",
            "[profiles.work]\nkey = 1",
            "[profiles.work]\nkeyring = 'yes'",
            "[profiles.work]\nhosts = 'x'",
            "[profiles.work.hosts]\nqueue = 1",
            "[profiles.work]\nkey_id = 1",
        ],
    )
    def test_what_cannot_be_meant_is_named(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True)
        path.write_text(text)
        with pytest.raises(UsageError, match=r"profiles\.toml: .* is not valid"):
            profiles.read(path)


class TestNames:
    @pytest.mark.parametrize("name", ["work", "a", "acme-2", "me@work", "büro", "a.b_c"])
    def test_good(self, name: str) -> None:
        assert profiles.checked_name(name) == name

    @pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a\n", "x" * 65, "\x1b[2J", ".", "a\udc80"])
    def test_bad(self, name: str) -> None:
        with pytest.raises(UsageError):
            profiles.checked_name(name)


class TestKeys:
    @pytest.mark.parametrize("text", [KEY, f"  {KEY}\r\n", "sandbox:local-only-key", "a:b:c", "a:b/+=="])
    def test_good(self, text: str) -> None:
        assert profiles.checked_key(text) == text.strip()

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="nothing"),
            pytest.param(" \n", id="blank"),
            pytest.param("topsecret", id="no id"),
            pytest.param(":topsecret", id="an empty id"),
            pytest.param("id:", id="an empty secret"),
            pytest.param("Key id:topsecret", id="a header"),
            pytest.param("FAL_KEY=id:topsecret", id="a line of an env file"),
            pytest.param('"id:topsecret"', id="quotes"),
            pytest.param("id:top\nsecret", id="two lines"),
            pytest.param("id:top\x00secret", id="NUL"),
            pytest.param("id:topsecret\u200b", id="an invisible character"),
            pytest.param("id:topsecrét", id="beyond ASCII"),
            pytest.param("https://topsecret", id="a URL"),
            pytest.param("id:topsecret" + "x" * 2000, id="too long"),
        ],
    )
    def test_bad_and_not_shown(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            profiles.checked_key(text)
        assert caught.value.code == Exit.USAGE
        assert "topsec" not in caught.value.message + caught.value.hint

    @pytest.mark.parametrize(
        ("key", "shown"), [(KEY, "6f0c2e0e"), ("sandbox:x", "sandbox"), ("a-key-without-a-colon", ""), (":x", "")]
    )
    def test_the_id_of_a_key_is_all_that_is_shown(self, key: str, shown: str) -> None:
        assert profiles.short_id(key) == shown


class Backend(ModuleType):
    """The library as we use it, with a dictionary for the system's store."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    found = Backend()
    monkeypatch.setitem(sys.modules, "keyring", found)
    return found


class TestKeychain:
    def test_kept_read_and_forgotten(self, backend: Backend) -> None:
        assert keyring.read("work") is None
        keyring.write("work", KEY)
        assert keyring.read("work") == KEY
        assert backend.kept == {("fal-cli", "work"): KEY}
        keyring.remove("work")
        keyring.remove("work")
        assert backend.kept == {}

    def test_a_store_that_keeps_nothing_is_noticed(self, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backend, "set_password", lambda *words: None)
        with pytest.raises(CliError, match="did not store the key"):
            keyring.write("work", KEY)

    def test_what_a_store_says_is_shown_without_the_key(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(service: str, name: str, secret: str) -> None:
            raise RuntimeError(f"cannot keep {secret},\nit is locked")

        monkeypatch.setattr(backend, "set_password", fail)
        with pytest.raises(CliError, match="it is locked") as caught:
            keyring.write("work", KEY)
        assert KEY.partition(":")[2] not in caught.value.message
        assert caught.value.code == Exit.CREDENTIALS

    def test_one_that_never_answers_is_left(self, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backend, "get_password", lambda *words: time.sleep(30))
        monkeypatch.setattr(keyring, "LIMIT_SECONDS", 0.2)
        started = time.monotonic()
        with pytest.raises(CliError, match="did not answer"):
            keyring.read("work")
        assert time.monotonic() - started < 5

    def test_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "keyring", None)
        with pytest.raises(NoCredentials) as caught:
            keyring.read("work")
        assert "fal-cli[keyring]" in caught.value.hint
        monkeypatch.setattr(keyring, "find_spec", lambda name: None)
        with pytest.raises(UsageError):
            keyring.require()

    def test_homes_do_not_share_an_entry(self, tmp_path: Path) -> None:
        first, second = (profiles.read(tmp_path / name / "profiles.toml") for name in ("a", "b"))
        assert first.keyring_entry("work") != second.keyring_entry("work")
