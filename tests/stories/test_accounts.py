"""A REF goes to the host that made it, with the key of the profile that made it; no key goes anywhere else."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Program, Service
from tests.support.fault_proxy import Exchange, answer, with_body, with_header
from tests.support.full_run import some
from tests.support.place import KEY, SECRET, Place
from tests.support.sandbox_keys import sandbox_at
from tests.support.waiting import until

OTHER_KEY = f"other-id:other-{SECRET}"
OTHER = {
    "FAL_RUN_HOST": "fal.run.other.example",
    "FAL_QUEUE_RUN_HOST": "queue.fal.run.other.example",
    "FAL_API_HOST": "api.fal.ai.other.example",
}
ECHO = ("sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=0")
VERBS = some([("status",), ("resume",), ("cancel",), ("wait",), ("result",), ("logs",), ("status", "--follow")], 4)


@pytest.fixture
def other(place: Place, tmp_path: Path) -> Iterator[Service]:
    """A second service with names of its own, and a second key that both services take."""
    state = tmp_path / "other"
    sandbox = sandbox_at(state)
    sandbox.start()
    place.proxy.also(sandbox.addresses)
    place.proxy.keys.append(OTHER_KEY)
    yield Service(sandbox, state)
    sandbox.stop()


def keys_by_host(place: Place) -> dict[str, set[str]]:
    """Which keys each host was given."""
    found: dict[str, set[str]] = {}
    for seen in place.proxy.seen:
        found.setdefault(seen.host, set()).add(seen.request.headers.get("authorization", "").removeprefix("Key "))
    return found


@pytest.fixture
def profiles(place: Place) -> dict[str, str]:
    """What points at fal.ai's own CLI, with a profile for each key."""
    path = place.home / "config.toml"
    path.write_text(f'[mine]\nkey = "{KEY}"\n\n[theirs]\nkey = "{OTHER_KEY}"\n')
    return {"FAL_CONFIG_PATH": str(path), "FAL_KEY": ""}


class TestHosts:
    def test_a_new_one_is_made_where_one_is_now(self, place: Place, other: Service) -> None:
        place("submit", *ECHO)
        place("rerun", "last", env=OTHER)
        assert (place.service.accepted, other.accepted) == (1, 1)

    @pytest.mark.parametrize("verb", VERBS, ids=" ".join)
    def test_a_host_that_is_not_configured_gets_no_key(
        self, place: Place, other: Service, verb: tuple[str, ...]
    ) -> None:
        """Neither the one that made the request, nor another: what a row says of its host is text in a file."""
        request_id = place.queued(n=1)
        place(*verb, request_id, env=OTHER, code=3)
        done = place(*verb, request_id, env=OTHER | {"FAL_KEY": OTHER_KEY}, code=3)
        assert f"request {request_id} was made at https://queue.fal.run, which is not configured now" in done.stderr
        assert "FAL_QUEUE_RUN_HOST=https://queue.fal.run" in done.stderr
        assert place.proxy.seen == []

    def test_not_even_of_a_profile_that_has_another_key_now(
        self, place: Place, other: Service, profiles: dict[str, str]
    ) -> None:
        request_id = place("submit", "--profile", "mine", *ECHO, env=profiles).text.strip()
        Path(profiles["FAL_CONFIG_PATH"]).write_text(f'[mine]\nkey = "{OTHER_KEY}"\n')
        place.proxy.seen.clear()
        place("status", request_id, env=profiles | OTHER, code=3)
        assert place.proxy.seen == []

    def test_that_one_keeps_no_other_from_its_turn(self, place: Place, other: Service) -> None:
        place("submit", *ECHO)
        place("submit", "sandbox/echo", "n=2", "sandbox.run=0", env=OTHER | {"FAL_KEY": OTHER_KEY})
        done = place("resume", env=OTHER | {"FAL_KEY": OTHER_KEY}, code=3)
        assert json.loads(done.stdout) == {"n": 2}
        assert "which is not configured now" in done.stderr

    def test_a_lost_call_is_looked_up_where_it_was_made(self, place: Place, other: Service) -> None:
        """Looked up elsewhere it would be taken for one that never arrived, and be sent again."""
        name = place.lost(n=1)
        place("resume", name, "--retry-unknown", code=None, env=OTHER)
        assert (place.service.accepted, other.accepted) == (1, 0)

    def test_a_lost_call_is_not_looked_up_with_another_key(self, place: Place, other: Service) -> None:
        """Another account's listing does not have it, which says nothing."""
        name = place.lost(n=1)
        place.proxy.fail("listing", answer(200, {"items": [], "has_more": False}), times=9)
        done = place("resume", name, "--retry-unknown", code=None, env={"FAL_KEY": OTHER_KEY})
        assert done.code != 0
        assert place.service.accepted == 1

    def test_urls_of_a_host_that_is_not_ours_are_refused(self, place: Place, other: Service) -> None:
        for host in (
            "https://evil.example",
            "https://queue.fal.run.evil.example",
            "https://queue.fal.run@evil.example",
        ):
            place("status", f"{host}/sandbox/echo/requests/1", code=2)
        assert place.proxy.seen == []

    def test_two_sandboxes(self, served: Program, service: Service, tmp_path: Path) -> None:
        """On this machine as anywhere: what was made at the one is not asked for at the other."""
        state = tmp_path / "second"
        second = sandbox_at(state)
        second.start()
        request_id = served("submit", *ECHO).text.strip()
        env = Service(second, state).env
        refused = served("status", request_id, env=env, code=3).stderr
        assert "which is not configured now" in refused
        assert served("status", request_id).text == "COMPLETED\n"
        second.stop()


class TestProfiles:
    def test_a_request_is_asked_about_with_the_key_of_its_profile(
        self, place: Place, other: Service, profiles: dict[str, str]
    ) -> None:
        mine = place("submit", "--profile", "mine", *ECHO, env=profiles).text.strip()
        theirs = place("submit", "--profile", "theirs", *ECHO, env=profiles).text.strip()
        for request_id, key in ((mine, KEY), (theirs, OTHER_KEY)):
            for env in (profiles | {"FAL_PROFILE": "mine"}, profiles | {"FAL_KEY": "wrong:key"}):
                place.proxy.seen.clear()
                place("status", request_id, env=env)
                assert keys_by_host(place) == {"queue": {key}}

    def test_each_of_many_with_its_own(self, place: Place, other: Service, profiles: dict[str, str]) -> None:
        for profile in ("mine", "theirs", "mine"):
            place("submit", "--profile", profile, *ECHO, env=profiles)
        place.proxy.seen.clear()
        assert len(place("resume", env=profiles | {"FAL_KEY": "wrong:key"}).text.splitlines()) == 3
        owners = {row.request_id: row.profile for row in place.rows}
        about_requests = [seen for seen in place.proxy.seen if "/pricing" not in seen.request.target]
        for seen in about_requests:
            (request_id,) = [request_id for request_id in owners if request_id in seen.request.target]
            key = {"mine": KEY, "theirs": OTHER_KEY}[owners[request_id]]
            assert seen.request.headers["authorization"] == f"Key {key}"

    def test_a_lost_call_is_looked_up_with_its_own(
        self, place: Place, other: Service, profiles: dict[str, str]
    ) -> None:
        place.program.env.update(profiles)
        place.lose("n=1", "--profile", "theirs")
        place.proxy.seen.clear()
        assert json.loads(place("resume", env={"FAL_KEY": KEY}).stdout) == {"n": 1}
        assert set().union(*keys_by_host(place).values()) == {OTHER_KEY}

    def test_the_users_word_weighs_more(self, place: Place, other: Service, profiles: dict[str, str]) -> None:
        mine = place("submit", "--profile", "mine", *ECHO, env=profiles).text.strip()
        place.proxy.seen.clear()
        place("status", "--profile", "theirs", mine, env=profiles)
        assert keys_by_host(place) == {"queue": {OTHER_KEY}}


class TestSandbox:
    def test_its_rows_live_apart(self, place: Place) -> None:
        """What cost nothing is not among what was paid for, and the other way round."""
        place("--sandbox", "submit", *ECHO)
        place("submit", "sandbox/echo", "n=2", "sandbox.queue=0", "sandbox.run=0", env={"FAL_SANDBOX": "1"})
        assert "nothing is unfinished" in place("resume").stderr
        place("status", "last", code=5)
        assert place("history").text == ""
        place.queued(n=3)
        assert sorted(place("--sandbox", "resume").text.split()) == ['{"n":1}', '{"n":2}']
        assert place("resume").text == '{"n":3}'
        assert place.service.accepted == 1


class TestServersWord:
    """What a server names is data; a key goes to the configured hosts, whoever names others."""

    def no_key_left(self, place: Place) -> None:
        ours = {"queue", "run", "api", "rest", "cdn"}
        for seen in place.proxy.seen:
            assert seen.host in ours or KEY not in seen.request.headers.get("authorization", ""), seen.host
        place.holds_no_secret()

    @pytest.mark.parametrize(
        ("route", "words", "status"),
        [
            *(pytest.param("submit", ("submit", *ECHO), status, id=f"submit {status}") for status in (301, 303, 308)),
            pytest.param("submit", ("submit", *ECHO), 307, id="submit 307"),
            pytest.param("run", ("run", "--direct", *ECHO), 302, id="direct 302"),
            pytest.param("run", ("run", "--direct", *ECHO), 307, id="direct 307"),
            pytest.param("events", ("stream", *ECHO), 307, id="stream 307"),
            pytest.param("status", ("status", "last"), 302, id="status 302"),
            pytest.param("result", ("result", "last"), 302, id="result 302"),
            pytest.param("result", ("result", "last"), 307, id="result 307"),
            pytest.param("cancel", ("cancel", "last"), 307, id="cancel 307"),
            pytest.param("stream", ("resume", "last", "--timeout", "5s"), 302, id="status stream 302"),
            pytest.param("listing", ("resume", "@2"), 302, id="listing 302"),
            pytest.param("rest", ("upload", "file.bin"), 307, id="upload 307"),
        ],
    )
    def test_a_redirect_takes_no_key_along(self, place: Place, status: int, route: str, words: tuple[str, ...]) -> None:
        place.queued(n=1)
        if route == "listing":
            place.lost(n=1)
        (place.folder / "file.bin").write_bytes(b"x")
        moved = answer(status, {"detail": "moved"}, {"Location": "https://evil.example/somewhere"})
        place.proxy.fail(route, moved, times=20)
        place(*words, code=None)
        assert place.proxy.count(route)
        self.no_key_left(place)

    def test_urls_of_a_submit(self, place: Place) -> None:
        """What is elsewhere is rebuilt at the queue's own host."""

        def elsewhere(body: bytes) -> bytes:
            return body.replace(b"https://queue.fal.run", b"https://evil.example")

        place.proxy.fail("submit", with_body(elsewhere))
        assert json.loads(place("run", *ECHO).stdout) == {"n": 1}
        assert {seen.host for seen in place.proxy.seen} <= {"queue", "api"}
        assert "evil.example" not in json.dumps([dict(row.urls) for row in place.rows])
        self.no_key_left(place)

    def test_urls_in_the_ledger(self, place: Place) -> None:
        """Not even what stands in the ledger is believed."""
        request_id = place.queued(n=1)
        with closing(sqlite3.connect(place.ledger)) as db, db:
            db.execute("UPDATE requests SET urls = replace(urls, 'queue.fal.run', 'evil.example')")
        for verb in ("status", "resume", "cancel"):
            place(verb, request_id)
        assert {seen.host for seen in place.proxy.seen} == {"queue", "api"}  # both are the account's
        self.no_key_left(place)

    def test_the_host_in_the_ledger(self, place: Place, other: Service) -> None:
        """Over plain http nothing of the key is sent to another machine, whatever stands there."""
        request_id = place.queued(n=1)
        with closing(sqlite3.connect(place.ledger)) as db, db:
            db.execute("UPDATE requests SET host = 'http://queue.fal.run.other.example'")
        place("status", request_id, code=None)
        assert [seen for seen in place.proxy.seen if "authorization" in seen.request.headers] == []

    def test_media(self, place: Place) -> None:
        place.queued(image={"url": "https://evil.example/a.png", "content_type": "image/png"})
        place("resume", "-d", "out/", code=None)
        assert "evil.example" in keys_by_host(place)
        self.no_key_left(place)

    def test_media_that_is_redirected(self, place: Place) -> None:
        place.queued(image={"url": "https://v3.fal.media/files/a.png", "content_type": "image/png"})
        place.proxy.fail("cdn", answer(302, "", {"Location": "https://evil.example/a.png"}), times=9)
        place("resume", "-d", "out/", code=None)
        assert "evil.example" in keys_by_host(place)
        self.no_key_left(place)

    def test_an_upload_url(self, place: Place) -> None:
        def elsewhere(body: bytes) -> bytes:
            named: dict[str, Any] = json.loads(body)
            changed = {name: "https://evil.example/put" for name in named if name.endswith("url")}
            return json.dumps(named | changed).encode()

        (place.folder / "file.bin").write_bytes(b"x")
        place.proxy.fail("rest", with_body(elsewhere), times=9)
        place("upload", "file.bin", code=None)
        assert "evil.example" in keys_by_host(place)
        self.no_key_left(place)

    @pytest.mark.parametrize("header", ["Location", "Refresh", "Link", "Content-Location"])
    def test_a_header_of_a_good_answer(self, place: Place, header: str) -> None:
        place.proxy.fail("submit", with_header(header, "https://evil.example/"))
        place("run", *ECHO)
        assert {seen.host for seen in place.proxy.seen} <= {"queue", "api"}

    @pytest.mark.parametrize("machine", ["evil.example", "queue.fal.run", "default"])
    def test_netrc(self, place: Place, machine: str) -> None:
        entry = "default" if machine == "default" else f"machine {machine}"
        (place.home / ".netrc").write_text(f"{entry} login a password b\n")
        place.queued(image={"url": "https://evil.example/a.png", "content_type": "image/png"})
        place("resume", "-d", "out/", code=None)
        assert {seen.request.headers.get("authorization") for seen in place.proxy.seen} == {f"Key {KEY}", None}


def test_the_strangers_of_these_tests_would_be_seen(place: Place) -> None:
    """Else nothing above would prove anything: one that asks for the key itself is recorded with what it was given."""
    seen_at: list[Exchange] = []
    place.proxy.fail("evil.example", seen_at.append)
    place.proxy.names["evil.example"] = "evil.example"
    place("submit", *ECHO, env={"FAL_QUEUE_RUN_HOST": "https://evil.example"}, code=10)
    until(lambda: seen_at)
    assert keys_by_host(place)["evil.example"] == {KEY}
