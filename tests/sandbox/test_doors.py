"""Who gets in: only by the sandbox's own names, only with the keys of its own state (H13 in the list of faults)."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import websocket

from fal_cli.sandbox.server import SERVICES, Sandbox
from fal_cli.sandbox.state import keys
from tests.support.sandbox_client import Client

ECHO = "sandbox/echo"
Start = Callable[..., Client]


@pytest.fixture
def closed(start: Start) -> Client:
    """A sandbox that answers to its own names alone, as one that a user starts does."""
    return start(hosts=())


def port_of(client: Client, service: str = "queue") -> int:
    return int(getattr(client.addresses, service).rpartition(":")[2])


@pytest.mark.parametrize("service", SERVICES)
def test_another_name_is_refused_on_every_host(closed: Client, service: str) -> None:
    for name in ("evil.test", f"evil.test:{port_of(closed, service)}", "127.0.0.1.evil.test", "127.0.0.1:1", ""):
        answer = closed.send("GET", getattr(closed.addresses, service), headers={"Host": name})
        assert answer.status_code == 421, name
        assert "evil" not in answer.headers.get("location", "")


def test_another_name_is_refused_whatever_the_key(closed: Client) -> None:
    answer = closed.post(ECHO, {"prompt": "a secret"}, headers={"Host": "evil.test"})
    assert answer.status_code == 421
    assert closed.stats()["accepted"] == 0


def test_its_own_names_are_answered(closed: Client) -> None:
    for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]", "ws.localhost"):
        assert closed.post(ECHO, headers={"Host": f"{name}:{port_of(closed)}"}).status_code == 200, name


def test_a_name_without_its_port_is_another(closed: Client) -> None:
    assert closed.post(ECHO, headers={"Host": "localhost"}).status_code == 421


def test_names_that_were_allowed(start: Start) -> None:
    client = start(hosts=["fal.internal", "proxy.internal:8443"])
    for name, status in (
        ("fal.internal", 200), ("fal.internal:99", 200), ("proxy.internal:8443", 200), ("proxy.internal", 421),
    ):  # fmt: skip
        assert client.post(ECHO, headers={"Host": name}).status_code == status, name
    with pytest.raises(ValueError, match="is not a host name"):
        start(hosts=["http://fal.internal"])


def test_a_page_of_another_host_is_refused(closed: Client) -> None:
    for origin in ("https://evil.test", "null", "http://[broken"):
        answer = closed.post(ECHO, headers={"Origin": origin})
        assert answer.status_code == 403, origin
    assert closed.post(ECHO, headers={"Origin": "http://localhost:3000"}).status_code == 200
    assert closed.stats()["accepted"] == 1


def test_no_other_origin_is_ever_allowed_to_read(closed: Client) -> None:
    preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    for service in SERVICES:
        url = f"{getattr(closed.addresses, service)}/{ECHO}"
        for answer in (
            closed.send("OPTIONS", url, headers=preflight),
            closed.send("POST", url, json={}, headers={"Origin": "http://localhost:3000"}),
        ):
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.test"}, 421), ({"origin": "https://evil.test"}, 403), ({"origin": "null"}, 403)],
)
def test_sockets_are_refused_too(closed: Client, headers: dict[str, str], status: int) -> None:
    url = f"{closed.addresses.run.replace('http', 'ws', 1)}/{ECHO}/realtime"
    header = [f"Authorization: {closed.headers['Authorization']}"]
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url, header=header, timeout=10, **headers)
    assert caught.value.status_code == status


def test_each_state_has_keys_of_its_own(tmp_path: Path) -> None:
    first, second = keys.of(tmp_path / "first"), keys.of(tmp_path / "second")
    assert first.secret != second.secret
    assert len(first.secret) >= 32
    assert keys.of(tmp_path / "first") == first
    assert first.secret not in repr(first)


def test_the_key_of_another_state_is_unknown(tmp_path: Path) -> None:
    sandboxes = [Sandbox(tmp_path / name) for name in ("first", "second")]
    sandboxes[0].start()
    strange = Client(sandboxes[0], sandboxes[1].keys.plain)
    assert strange.post(ECHO).json() == {"detail": "No user found for Key ID and Secret"}
    for sandbox in sandboxes:
        sandbox.stop()


def test_tokens_and_signatures_of_another_state_are_worth_nothing(tmp_path: Path) -> None:
    one, other = (Client(Sandbox(tmp_path / name)) for name in ("one", "other"))
    one.sandbox.start()
    other.sandbox.start()
    token = other.send("POST", f"{other.addresses.rest}/storage/auth/token?storage_type=fal-cdn-v3").json()["token"]
    answer = requests.post(
        f"{one.addresses.cdn}/files/upload", data=b"x", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert answer.status_code == 401
    for client in (one, other):
        client.sandbox.stop()


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys.of(tmp_path / "state"), range(8)))
    assert len(set(found)) == 1
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["key"]


@pytest.mark.parametrize("text", ["", "sandbox:", "sandbox:short", "fal:0123456789abcdef0123", "sandbox:" + "x" * 999])
def test_a_damaged_key_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(OSError, match="remove it"):
        keys.of(tmp_path)


EVERYTHING = """
import os, sys
os.umask(0)
from pathlib import Path
import requests
from fal_cli.sandbox.server import Sandbox
from fal_cli.sandbox.state import signing
sandbox = Sandbox(Path(sys.argv[1]))
sandbox.start()
key = {"Authorization": f"Key {sandbox.keys.plain}"}
body = {"prompt": "x", "image_size": "square", "sandbox": {"run": 0}}
drawn = requests.post(f"{sandbox.addresses.run}/fal-ai/flux/schnell", json=body, headers=key).json()
requests.get(drawn["images"][0]["url"])
token = requests.post(f"{sandbox.addresses.rest}/storage/auth/token?storage_type=fal-cdn-v3", headers=key).json()
bearer = {"Authorization": f"Bearer {token['token']}"}
requests.post(f"{sandbox.addresses.cdn}/files/upload", data=b"private", headers=bearer).raise_for_status()
signing.jwks(sandbox.store)
sandbox.stop()
"""


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nothing_is_for_others_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "above" / "state"
    subprocess.run([sys.executable, "-c", EVERYTHING, str(state)], check=True, timeout=60)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (state.parent, state, *state.rglob("*"))}
    assert {path for path in modes if path.suffix == ".db"}
    assert len(list((state / "files").iterdir())) == 2
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}, modes


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_an_older_state_is_taken_from_others(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "files").mkdir(parents=True)
    (state / "fal.db").touch(0o644)
    keys.of(state)
    (state / "key").chmod(0o644)
    for folder in (state, state / "files"):
        folder.chmod(0o755)
    Sandbox(state).stop()
    assert {stat.S_IMODE((state / name).stat().st_mode) for name in ("key", "fal.db")} == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (state, state / "files")} == {0o700}
