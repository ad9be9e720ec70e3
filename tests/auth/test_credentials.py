"""The credential: the documented order of sources, fal.ai's own CLIs as they are, and a key that is never shown."""

import base64
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.auth.credentials import Credential, Source, choose, find, named_by_environment
from fal_cli.errors import Exit, NoCredentials, UsageError

CONFIG = """
[__internal__]
profile = "active"

[active]
key = "active:key"

[work]
key = " work:key "
host = "api.alpha.fal.ai"

[empty]
host = "x"

[blank]
key = "  "

[number]
key = 7
"""


def jwt(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


FRESH = jwt({"exp": time.time() + 3600})


OURS = """
[profiles.default]
key = "default:key"

[profiles.home]
key = "home:key"

[profiles.home.hosts]
queue = "https://queue.home"

[profiles.work]
key = "our-work:key"

[profiles.hosted.hosts]
queue = "https://queue.hosted"

[profiles.empty.hosts]
queue = "https://queue.empty"
"""


class Home:
    """The vendor's files and ours, and the environment that points at them."""

    def __init__(self, folder: Path) -> None:
        self.config_path = folder / "config.toml"
        self.token_path = folder / "auth0_token"
        self.our_path = folder / "ours" / "config" / "profiles.toml"
        self.env = {
            "FAL_CONFIG_PATH": str(self.config_path),
            "FAL_HOME_DIR": str(folder),
            "FAL_CLI_HOME": str(folder / "ours"),
        }

    def ours(self, text: str = OURS, *, active: str = "") -> "Home":
        self.our_path.parent.mkdir(parents=True, exist_ok=True)
        self.our_path.touch(0o600)
        self.our_path.write_text((f'active = "{active}"\n' if active else "") + text, encoding="utf-8")
        return self

    def config(self, text: str = CONFIG) -> "Home":
        self.config_path.write_text(text, encoding="utf-8")
        return self

    def login(self, token: str = FRESH) -> "Home":
        self.token_path.write_text(f"refresh\n{token}", encoding="utf-8")
        return self

    def find(self, profile: str = "", **env: str) -> Credential:
        return find(self.env | env, profile)

    def choose(self, profile: str = "", **env: str) -> Source:
        return choose(self.env | env, profile)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


SOURCES: list[tuple[str, dict[str, str], str]] = [
    ("FAL_KEY", {"FAL_KEY": "id:secret"}, "Key id:secret"),
    ("pair", {"FAL_KEY_ID": "pair-id", "FAL_KEY_SECRET": "pair-secret"}, "Key pair-id:pair-secret"),
    ("FAL_PROFILE", {"FAL_PROFILE": "work"}, "Key work:key"),
    ("active profile", {}, "Key active:key"),
]


class TestOrder:
    @pytest.mark.parametrize("first", range(len(SOURCES)), ids=[name for name, _, _ in SOURCES])
    def test_an_earlier_source_wins_over_all_later_ones(self, home: Home, first: int) -> None:
        env: dict[str, str] = {}
        for _, more, _ in SOURCES[first:]:
            env |= more
        assert home.config().login().find(**env).authorization == SOURCES[first][2]

    def test_the_option_wins_over_all(self, home: Home) -> None:
        env = {"FAL_KEY": "id:secret", "FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s", "FAL_PROFILE": "active"}
        found = home.config().login().find("work", **env)
        assert (found.authorization, found.profile) == ("Key work:key", "work")
        assert "--profile work" in found.source

    def test_the_login_comes_last(self, home: Home) -> None:
        found = home.login().find()
        assert (found.authorization, found.source) == (f"Bearer {FRESH}", str(home.token_path))

    def test_the_login_alone_when_forced(self, home: Home) -> None:
        found = home.config().login().find(FAL_FORCE_AUTH_BY_USER="1", FAL_KEY="id:secret")
        assert found.authorization == f"Bearer {FRESH}"

    def test_forced_without_a_login(self, home: Home) -> None:
        with pytest.raises(NoCredentials):
            home.config().find(FAL_FORCE_AUTH_BY_USER="1", FAL_KEY="id:secret")

    @pytest.mark.parametrize("value", ["0", "", "true"])
    def test_not_forced(self, home: Home, value: str) -> None:
        found = home.login().find(FAL_FORCE_AUTH_BY_USER=value, FAL_KEY="id:secret")
        assert found.authorization == "Key id:secret"

    def test_nothing(self, home: Home) -> None:
        with pytest.raises(NoCredentials) as caught:
            home.find()
        assert caught.value.code == Exit.CREDENTIALS
        assert "FAL_KEY" in caught.value.message
        assert "--sandbox" in caught.value.hint

    @pytest.mark.parametrize(
        "env",
        [
            pytest.param({"FAL_KEY": ""}, id="empty key"),
            pytest.param({"FAL_KEY": "  \n"}, id="blank key"),
            pytest.param({"FAL_KEY_ID": "i"}, id="an id without a secret"),
            pytest.param({"FAL_KEY_SECRET": "s"}, id="a secret without an id"),
            pytest.param({"FAL_KEY_ID": "i", "FAL_KEY_SECRET": ""}, id="an empty secret"),
            pytest.param({"FAL_PROFILE": ""}, id="an empty profile name"),
        ],
    )
    def test_an_empty_source_is_none(self, home: Home, env: dict[str, str]) -> None:
        assert home.config().find(**env).authorization == "Key active:key"

    def test_the_source_is_named(self, home: Home) -> None:
        home.config()
        assert home.find(FAL_KEY="i:s").source == "FAL_KEY"
        assert "FAL_KEY_ID" in home.find(FAL_KEY_ID="i", FAL_KEY_SECRET="s").source
        assert home.find(FAL_PROFILE="work").source == f"FAL_PROFILE (work) in {home.config_path}"
        assert home.find(FAL_PROFILE="work").profile == "work"
        assert home.find().profile == "active"


class TestKeys:
    def test_white_space_around_is_taken_off(self, home: Home) -> None:
        assert home.find(FAL_KEY=" id:secret\r\n").authorization == "Key id:secret"

    @pytest.mark.parametrize("key", ['"id:secret"', "'id:secret'", ' " id:secret "\n'])
    def test_quotes_around_are_taken_off(self, home: Home, key: str) -> None:
        assert home.find(FAL_KEY=key).authorization == "Key id:secret"

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param("id:sec ret", id="space"),
            pytest.param("Key id:secret", id="a whole header value"),
            pytest.param("id:sec\nX-Evil: 1", id="header injection"),
            pytest.param("id:sec\x00ret", id="NUL"),
            pytest.param("id:sec\x7fret", id="DEL"),
            pytest.param("id:secrét", id="beyond ASCII"),
            pytest.param("id:\u200bsecret", id="an invisible character"),
        ],
    )
    def test_a_key_that_can_be_none_is_refused_and_not_shown(self, home: Home, key: str) -> None:
        with pytest.raises(NoCredentials) as caught:
            home.find(FAL_KEY=key)
        assert "FAL_KEY" in caught.value.message
        assert "sec" not in caught.value.message + caught.value.hint

    @settings(deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    def test_any_key_is_a_header_or_no_credential(self, key: str) -> None:
        nowhere = {"FAL_CONFIG_PATH": "/no/such/config.toml", "FAL_HOME_DIR": "/no/such/folder", "FAL_CLI_HOME": "/no"}
        env = {"FAL_KEY": key, **nowhere}
        try:
            found = find(env)
        except NoCredentials:
            assert not key.isascii() or not key.strip().isprintable() or " " in key.strip() or not key.strip()
        else:
            assert found.authorization in (f"Key {key.strip()}", f"Key {key.strip()[1:-1].strip()}")
            assert found.authorization.isascii()
            assert found.authorization.isprintable()

    def test_it_is_never_shown(self, home: Home) -> None:
        secret = "sk-9f8e7d"
        for found in (home.find(FAL_KEY=f"id:{secret}"), home.config(f'[p]\nkey = "id:{secret}"').find("p")):
            assert secret in found.authorization
            assert secret not in repr(found)
            assert secret not in str(found)
            assert secret not in f"{[found]}"
        login = home.login().find(FAL_FORCE_AUTH_BY_USER="1")
        assert FRESH not in repr(login)


class TestConfig:
    @pytest.mark.parametrize("name", ["unknown", "__internal__", "", " work"])
    def test_an_unknown_profile(self, home: Home, name: str) -> None:
        home.config()
        if name:
            with pytest.raises(UsageError) as caught:
                home.find(name)
            assert "work" in caught.value.message, "the known ones are listed"
            with pytest.raises(UsageError):
                home.find(FAL_PROFILE=name)
        else:
            assert home.find(name).profile == "active"

    def test_a_profile_without_any_config(self, home: Home) -> None:
        with pytest.raises(UsageError, match="known: none"):
            home.find("work")

    @pytest.mark.parametrize("name", ["empty", "blank", "number"])
    def test_a_profile_without_a_key(self, home: Home, name: str) -> None:
        with pytest.raises(NoCredentials, match="has no key"):
            home.config().find(name)

    @pytest.mark.parametrize(
        "internal",
        [
            pytest.param('[__internal__]\nprofile = "gone"', id="a profile that is gone"),
            pytest.param("[__internal__]", id="no profile"),
            pytest.param("[__internal__]\nprofile = 7", id="a number"),
            pytest.param('__internal__ = "work"', id="no table"),
            pytest.param('[__internal__]\nprofile = ["work"]', id="a list"),
            pytest.param('[__internal__]\nprofile = "empty"\n[empty]', id="a profile without a key"),
        ],
    )
    def test_an_active_profile_that_cannot_be_used_is_passed_over(self, home: Home, internal: str) -> None:
        assert home.config(internal).login().find().authorization == f"Bearer {FRESH}"

    def test_a_malformed_config_is_named(self, home: Home) -> None:
        with pytest.raises(NoCredentials, match="is not TOML"):
            home.config("[work").find()

    def test_a_config_that_is_no_text(self, home: Home) -> None:
        home.config_path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(NoCredentials, match="cannot read"):
            home.find()

    def test_a_folder_in_its_place(self, home: Home) -> None:
        home.config_path.mkdir()
        with pytest.raises(NoCredentials, match="cannot read"):
            home.find()

    def test_a_malformed_config_does_not_matter_beside_a_key(self, home: Home) -> None:
        assert home.config("[work").find(FAL_KEY="i:s").authorization == "Key i:s"

    def test_a_profile_with_a_malformed_key(self, home: Home) -> None:
        with pytest.raises(NoCredentials) as caught:
            home.config('[p]\nkey = "id:sec ret"').find("p")
        assert "sec" not in caught.value.message

    def test_nothing_is_written(self, home: Home) -> None:
        home.config().login()
        before = {path: path.read_bytes() for path in home.config_path.parent.iterdir()}
        home.find()
        home.find(FAL_FORCE_AUTH_BY_USER="1")
        assert {path: path.read_bytes() for path in home.config_path.parent.iterdir()} == before


class TestOurs:
    def test_the_active_profile_comes_after_the_environment_and_before_the_vendor(self, home: Home) -> None:
        home.ours(active="home").config().login()
        assert home.find().authorization == "Key home:key"
        assert home.find().profile == "home"
        for _, env, expected in SOURCES[:2]:
            assert home.find(**env).authorization == expected
        assert home.find(FAL_PROFILE="work").authorization == "Key our-work:key"
        assert home.find("default", FAL_KEY="i:s", FAL_PROFILE="work").authorization == "Key default:key"

    def test_default_is_active_where_none_was_chosen(self, home: Home) -> None:
        found = home.ours().config().find()
        assert (found.authorization, found.profile) == ("Key default:key", "default")
        assert found.source == f"the active profile (default) in {home.our_path}"

    def test_without_a_default_the_vendors_files_are_next(self, home: Home) -> None:
        home.ours('[profiles.home]\nkey = "home:key"')
        with pytest.raises(NoCredentials, match=r"none of the profiles is active \(home\)") as caught:
            home.find()
        assert caught.value.hint == "Choose one: fal auth switch home"
        assert home.config().find().authorization == "Key active:key"

    def test_the_same_name_in_both_is_ours_and_v_says_so(self, home: Home) -> None:
        home.ours().config()
        told: list[str] = []
        assert choose(home.env, "work", tell=told.append).credential.authorization == "Key our-work:key"
        assert told == ["profile work is also a profile of fal.ai's own CLI; the one stored here is used"]
        assert choose(home.env, "home", tell=told.append).credential.authorization == "Key home:key"
        assert len(told) == 1

    def test_a_name_of_the_vendors_alone(self, home: Home) -> None:
        found = home.ours().config().find("active")
        assert (found.authorization, found.profile) == ("Key active:key", "active")
        assert str(home.config_path) in found.source

    def test_the_vendors_profile_can_be_our_active_one(self, home: Home) -> None:
        found = home.ours(active="active").config().find()
        assert (found.authorization, found.profile) == ("Key active:key", "active")

    def test_an_active_profile_that_is_gone_is_not_passed_over(self, home: Home) -> None:
        """Otherwise another account would pay."""
        with pytest.raises(UsageError, match="no profile 'gone'") as caught:
            home.ours(active="gone").config().login().find()
        assert "home" in caught.value.message
        assert "active" in caught.value.message
        assert "fal auth login --profile gone" in caught.value.hint

    def test_a_profile_with_hosts_alone_has_no_key(self, home: Home) -> None:
        home.ours().config()
        with pytest.raises(NoCredentials, match="'hosted' has no key"):
            home.find("hosted")
        with pytest.raises(NoCredentials, match="'empty' has no key"):
            home.find("empty")

    def test_a_malformed_file_is_named_and_does_not_matter_beside_a_key(self, home: Home) -> None:
        home.ours("[profiles")
        with pytest.raises(UsageError, match=r"profiles\.toml is not TOML"):
            home.find()
        assert home.find(FAL_KEY="i:s").authorization == "Key i:s"

    def test_a_vendors_file_that_cannot_be_read_does_not_matter_beside_ours(self, home: Home) -> None:
        home.ours().config("[work")
        assert choose(home.env, "work", tell=lambda text: None).credential.authorization == "Key our-work:key"

    def test_a_file_that_others_can_read_is_warned_of(self, home: Home) -> None:
        home.ours().our_path.chmod(0o644)
        warnings: list[str] = []
        assert choose(home.env, warn=warnings.append).credential.authorization == "Key default:key"
        (warning,) = warnings
        assert f"chmod 600 {home.our_path}" in warning
        choose(home.env | {"FAL_KEY": "i:s"}, warn=warnings.append)
        assert len(warnings) == 1
        home.our_path.chmod(0o600)
        choose(home.env, warn=warnings.append)
        assert len(warnings) == 1

    def test_login_forced(self, home: Home) -> None:
        found = home.ours(active="home").login().find(FAL_FORCE_AUTH_BY_USER="1")
        assert found.authorization == f"Bearer {FRESH}"

    def test_a_stale_login_of_the_vendors_does_not_matter_beside_ours(self, home: Home) -> None:
        assert home.ours().login("opaque").find().authorization == "Key default:key"


class TestHosts:
    """A profile's hosts are for its key alone."""

    @pytest.mark.parametrize(
        ("profile", "env", "queue"),
        [
            pytest.param("", {}, "https://queue.home", id="active"),
            pytest.param("home", {"FAL_KEY": "i:s"}, "https://queue.home", id="named beside a key"),
            pytest.param("", {"FAL_PROFILE": "home"}, "https://queue.home", id="named by the variable"),
            pytest.param("", {"FAL_KEY": "i:s"}, None, id="another key"),
            pytest.param("", {"FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s"}, None, id="another pair"),
            pytest.param("", {"FAL_FORCE_AUTH_BY_USER": "1"}, None, id="the login"),
            pytest.param("work", {}, None, id="another profile"),
            pytest.param("hosted", {}, "https://queue.hosted", id="no key yet"),
        ],
    )
    def test_which(self, home: Home, profile: str, env: dict[str, str], queue: str | None) -> None:
        assert home.ours(active="home").config().choose(profile, **env).hosts.get("queue") == queue

    def test_ours_go_with_the_vendors_key_of_the_same_name(self, home: Home) -> None:
        home.ours().config('[hosted]\nkey = "vendor:key"')
        source = home.choose("hosted")
        assert source.credential.authorization == "Key vendor:key"
        assert source.hosts == {"queue": "https://queue.hosted"}

    def test_no_key_is_needed_to_know_them(self, home: Home) -> None:
        source = home.choose()
        assert source.hosts == {}
        with pytest.raises(NoCredentials):
            _ = source.credential


class TestEnvironment:
    @pytest.mark.parametrize(
        ("env", "variable"),
        [
            ({}, ""),
            ({"FAL_KEY": " "}, ""),
            ({"FAL_KEY": "i:s", "FAL_PROFILE": "work"}, "FAL_KEY"),
            ({"FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s"}, "FAL_KEY_ID and FAL_KEY_SECRET"),
            ({"FAL_KEY_ID": "i"}, ""),
            ({"FAL_PROFILE": "work"}, "FAL_PROFILE"),
            ({"FAL_FORCE_AUTH_BY_USER": "1", "FAL_KEY": "i:s"}, "FAL_FORCE_AUTH_BY_USER"),
        ],
    )
    def test_what_wins_over_an_active_profile(self, env: dict[str, str], variable: str) -> None:
        assert named_by_environment(env) == variable


class TestLogin:
    @pytest.mark.parametrize(
        "token",
        [
            pytest.param(jwt({"exp": time.time() - 1}), id="expired"),
            pytest.param(jwt({"exp": time.time() + 200}), id="about to expire"),
            pytest.param(jwt({}), id="no exp"),
            pytest.param(jwt({"exp": None}), id="exp null"),
            pytest.param(jwt({"exp": "soon"}), id="exp a word"),
            pytest.param(jwt({"exp": 10**400}), id="exp beyond all numbers"),
            pytest.param(jwt({"exp": float("nan")}), id="exp no number"),
            pytest.param(jwt([]), id="claims are a list"),
            pytest.param(jwt("x"), id="claims are a text"),
            pytest.param("opaque", id="no JWT"),
            pytest.param("a.b.c", id="no base64"),
            pytest.param("a.!!!.c", id="not even letters"),
            pytest.param("a.é.c", id="beyond ASCII"),
            pytest.param("", id="no access token"),
        ],
    )
    def test_stale_or_unparsable(self, home: Home, token: str) -> None:
        with pytest.raises(NoCredentials, match="stale") as caught:
            home.login(token).find()
        assert "FAL_KEY" in caught.value.hint
        assert not token or token not in caught.value.message

    def test_blank_lines_and_spaces_are_skipped(self, home: Home) -> None:
        home.token_path.write_text(f"\n refresh \n\n {FRESH} \n")
        assert home.find().authorization == f"Bearer {FRESH}"

    @pytest.mark.parametrize(
        "token",
        [
            pytest.param(FRESH + "☃", id="beyond ASCII"),
            pytest.param(FRESH + " x", id="space"),
            pytest.param(FRESH + "\x00", id="NUL"),
        ],
    )
    def test_a_token_that_cannot_be_a_header(self, home: Home, token: str) -> None:
        with pytest.raises(NoCredentials):
            home.login(token).find()

    def test_bytes_that_are_no_text(self, home: Home) -> None:
        home.token_path.write_bytes(b"refresh\n\xff\xff")
        with pytest.raises(NoCredentials, match="cannot read"):
            home.find()

    def test_a_key_is_used_beside_a_stale_login(self, home: Home) -> None:
        assert home.login("opaque").find(FAL_KEY="i:s").authorization == "Key i:s"
        assert home.config().find().authorization == "Key active:key"
