"""State on disk, shared by threads, servers and processes; starting and stopping."""

import contextlib
import hashlib
import json
import random
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from fal_cli.sandbox.state.store import LAYOUT, Store
from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import sandbox_at

ECHO = "sandbox/echo"
Start = Callable[..., Client]


def test_two_sandboxes_agree(start: Start) -> None:
    here, there = start(), start()
    payload = {"prompt": "x", "seed": 1, "sandbox": {"queue": 0.1, "run": 0.1}}
    request_id = here.submit("fal-ai/flux/schnell", payload)
    result = there.outcome("fal-ai/flux", request_id)
    url = result.json()["images"][0]["url"]
    assert url.startswith(there.addresses.cdn)
    twin = here.ask("fal-ai/flux", request_id).json()["images"][0]["url"]
    assert twin.startswith(here.addresses.cdn)
    assert requests.get(url, timeout=10).content == requests.get(twin, timeout=10).content


def test_outlives_its_server(start: Start) -> None:
    first = start()
    request_id = first.submit(ECHO, {"kept": True, "sandbox": {"queue": 0.1, "run": 0.1}})
    first.sandbox.stop()
    assert start().outcome(ECHO, request_id).json() == {"kept": True}


def test_counters_work_across_processes(start: Start) -> None:
    here, there = start(), start()
    payload = {"sandbox": {"fault": "submit=503*2"}}
    assert [each.post(ECHO, payload).status_code for each in (here, there, here)] == [503, 503, 200]


def test_many_submits_at_once(start: Start) -> None:
    clients = (start(), start())
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: clients[n % 2].submit(ECHO, {"n": n % 4}), range(40)))
    stats = clients[0].stats()
    assert len(set(ids)) == stats["accepted"] == stats["http"]["submit"] == 40
    assert stats["by_endpoint"] == {ECHO: 40}
    assert sorted(stats["by_body"].values()) == [10, 10, 10, 10]


def test_stats_and_reset(start: Start) -> None:
    client = start()
    body = b'{"a": 1}'
    url = f"{client.addresses.queue}/{ECHO}"
    answer = client.send("POST", url, data=body, headers={"Content-Type": "application/json"})
    request_id = answer.json()["request_id"]
    client.outcome(ECHO, request_id)
    requests.post(url, json={}, timeout=10)  # no key: arrives, and is counted, all the same
    stats = client.stats()
    assert (stats["accepted"], stats["accepted_runs"]) == (1, 0)
    assert stats["by_body"] == {hashlib.sha256(body).hexdigest(): 1}
    assert (stats["http"]["submit"], stats["http"]["result"]) == (2, 1)
    mine = stats["requests"][request_id]
    assert mine["endpoint"] == ECHO
    assert (mine["http"]["submit"], mine["http"]["result"], mine["http"]["cancel"]) == (1, 1, 0)
    assert mine["http"]["status"] == stats["http"]["status"] >= 1
    client.sandbox.store.reset()
    empty = client.stats()
    assert (empty["accepted"], empty["requests"], empty["http"]["submit"]) == (0, {}, 0)
    assert client.ask(ECHO, request_id, "/status").status_code == 404


def test_folder_is_private_and_reset_removes_files(start: Start, tmp_path: Path) -> None:
    client = start()
    payload = {"prompt": "x", "sandbox": {"run": 0}}
    url = client.run("fal-ai/flux/schnell", payload).json()["images"][0]["url"]
    requests.get(url, timeout=10)
    state = tmp_path / "state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert len(list((state / "files").iterdir())) == 1
    client.sandbox.store.reset()
    assert list((state / "files").iterdir()) == []
    assert requests.get(url, timeout=10).status_code == 404


def test_state_of_another_layout_is_wiped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.count("submit")
    store.db.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    store.close()
    assert Store(tmp_path).stats()["http"]["submit"] == 0


def test_opening_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(tmp_path / "state"), range(8)))
    assert stores[0].stats()["accepted"] == 0


def free_port() -> int:
    """A port with a free one before and four after it, below those that the system hands out itself."""
    for port in random.sample(range(20_000, 30_000, 10), 100):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for number in range(port - 1, port + 5):
                stack.enter_context(socket.create_server(("127.0.0.1", number)))
            return port
    raise AssertionError("no free ports")


def test_ports_in_a_row(tmp_path: Path) -> None:
    port = free_port()
    sandbox = sandbox_at(tmp_path, port=port)
    assert [int(url.rpartition(":")[2]) - port for url in vars(sandbox.addresses).values()] == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="in use"):
        sandbox_at(tmp_path, port=port)
    with pytest.raises(OSError, match="in use"):
        sandbox_at(tmp_path, port=port - 1)
    sandbox.stop()
    sandbox_at(tmp_path, port=port).stop()


def test_early_connections_wait(tmp_path: Path) -> None:
    sandbox = sandbox_at(tmp_path)
    with socket.create_connection(("127.0.0.1", int(sandbox.addresses.queue.rpartition(":")[2]))) as early:
        early.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        sandbox.start()
        assert early.recv(12) == b"HTTP/1.1 404"
    sandbox.stop()
    sandbox.stop()


def test_over_tls(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key, trusted = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    issued.cert_chain_pems[0].write_to_path(str(cert))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(trusted))
    sandbox = sandbox_at(tmp_path / "state", cert=cert, key=key)
    sandbox.start()
    client = Client(sandbox)
    answer = client.post(ECHO, verify=str(trusted)).json()
    assert answer["status_url"].startswith("https://127.0.0.1:")
    for word in ("cut-before", "reset-before"):
        with pytest.raises(requests.ConnectionError):
            client.post(ECHO, {"sandbox": {"fault": f"submit={word}"}}, verify=str(trusted))
    sandbox.stop()
    with pytest.raises(OSError, match=r"No such file|cert"):
        sandbox_at(tmp_path / "state", cert=tmp_path / "none.pem", key=key)


SERVE = """
import json, sys
from pathlib import Path
from fal_cli.sandbox.server import Sandbox
sandbox = Sandbox(Path(sys.argv[1]))
print(json.dumps(vars(sandbox.addresses)), flush=True)
sandbox.serve()
print("bye", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = json.loads(process.stdout.readline())["queue"]
        assert requests.get(url, timeout=10).status_code == 404
        process.send_signal(number)
        assert process.stdout.read() == "bye\n"
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_importing_the_package_is_free() -> None:
    code = "import sys; before = set(sys.modules); import fal_cli.sandbox; print(set(sys.modules) - before)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "starlette" not in found
    assert "uvicorn" not in found
