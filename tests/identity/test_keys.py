"""Which calls have one key: the account's, the endpoint's, and with the options that change what comes back."""

from pathlib import Path

import pytest

from fal_cli.api.call_options import CallOptions
from fal_cli.api.hosts import Hosts
from fal_cli.auth.accounts import Account
from fal_cli.auth.credentials import Credential
from fal_cli.errors import UsageError
from fal_cli.identity.digests import Digests, NoDigest
from fal_cli.identity.keys import identity, outcome_of, scope_of
from fal_cli.ledger.journal import Journal
from tests.support.waiting import until


def scope(key: str = "id:secret", profile: str = "", queue: str = "https://queue.fal.run") -> str:
    return scope_of(Account(Hosts(queue=queue), Credential(f"Key {key}", "", profile)))


def test_a_rotated_secret_keeps_the_scope() -> None:
    assert scope("id:old") == scope("id:new")
    assert scope("id:old", "work") == scope("other:new", "work")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(scope("other:secret"), id="another key"),
        pytest.param(scope(profile="work"), id="a profile"),
        pytest.param(scope(queue="https://queue.example"), id="another host"),
        pytest.param(scope("secret-without-an-id"), id="a key without an id"),
        pytest.param(scope("sandbox:0123456789abcdef"), id="a sandbox"),
    ],
)
def test_another_account_is_another_scope(other: str) -> None:
    assert other != scope()


def test_hosts_are_told_apart_as_they_are_reached() -> None:
    assert scope(queue="https://QUEUE.fal.run:443") == scope()
    here, there = scope("sandbox:0123456789abcdef", queue="http://127.0.0.1:1"), "http://127.0.0.1:2"
    assert here == scope("sandbox:0123456789abcdef", queue=there)
    assert here != scope("sandbox:fedcba9876543210", queue=there)


def test_a_scope_shows_nothing_of_a_key() -> None:
    assert "secret" not in scope("secret-id:secret")
    assert len(scope()) == 32


def test_a_key_is_of_all_its_parts() -> None:
    parts = ("s", "a/b", "{}")
    keys = [
        identity(*parts),
        identity("t", "a/b", "{}"),
        identity("s", "a/c", "{}"),
        identity("s", "a/b", '{"x":"1"}'),
        identity(*parts, nth=1),
        identity(*parts, outcome=outcome_of(CallOptions(method="get"))),
        identity(*parts, outcome=outcome_of(CallOptions(expires="7d"))),
    ]
    assert len({key.once_key for key in keys}) == len(keys)
    assert keys[0].content_key == keys[1].content_key


def test_options_that_change_nothing_of_the_result_stay_out() -> None:
    options = CallOptions(priority="low", hint="x", tags={"a": "b"}, no_store=True, max_queue=3, start_timeout=9)
    assert outcome_of(options) == {}
    assert outcome_of(CallOptions(expires="7d")) == outcome_of(CallOptions(expires="604800"))


class TestDigests:
    @pytest.fixture
    def journal(self, tmp_path: Path) -> Journal:
        def warn(text: str) -> None:
            raise AssertionError(text)

        return Journal(tmp_path / "state" / "ledger.db", warn=warn)

    def test_a_change_that_keeps_size_and_time_is_seen(self, journal: Journal, tmp_path: Path) -> None:
        import os

        path = tmp_path / "a.png"
        path.write_bytes(b"one")
        os.utime(path, ns=(10**18, 10**18))
        before = Digests(journal).of_path(path)
        changed = path.stat().st_ctime_ns
        until(lambda: _rewritten(path, b"two") != changed)
        os.utime(path, ns=(10**18, 10**18))
        assert path.stat().st_mtime_ns == 10**18
        assert Digests(journal).of_path(path) != before

    def test_a_file_that_settled_is_read_once(
        self, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"one")
        later = path.stat().st_ctime_ns + 3 * 10**9
        monkeypatch.setattr("fal_cli.identity.digests.time.time_ns", lambda: later)
        known = Digests(journal).of_path(path)

        def read(*args: object) -> str:
            raise AssertionError("it was read again")

        monkeypatch.setattr(Digests, "_read", read)
        assert Digests(journal).of_path(path) == known

    def test_a_file_that_was_just_written_is_not_remembered(self, journal: Journal, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"one")
        assert Digests(journal).of_path(path)
        assert journal.required(lambda ledger: ledger.execute("SELECT count(*) FROM hashes", ()).fetchone()[0]) == 0

    def test_a_pipe_is_left_for_the_one_who_sends_it(self, journal: Journal, tmp_path: Path) -> None:
        import os

        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(NoDigest):
            Digests(journal).of_path(tmp_path / "pipe")

    def test_a_missing_file_is_named(self, journal: Journal, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none\.png"):
            Digests(journal).of_path(tmp_path / "none.png")


def _rewritten(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    return path.stat().st_ctime_ns
