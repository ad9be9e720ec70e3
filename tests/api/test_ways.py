"""The way to a host is one for HTTP and WebSocket: its proxies, its certificates, its refusals, its backup."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fal_cli.api import backup, queue, realtime, retry
from fal_cli.api.call_options import CallOptions
from fal_cli.api.errors import ApiError, NotReached, Refused
from fal_cli.api.hosts import Hosts
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId
from tests.support.faulty_server import (
    Authority,
    Server,
    Talk,
    answer,
    answering,
    clear_environment,
    handshake,
    read_request,
    refusing_port,
    send,
)  # fmt: skip

TOY = EndpointId("acme", "toy")
ELSEWHERE = "https://queue.fal.invalid"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def wire_to(base: str) -> Wire:
    return Wire(Hosts(run=base, queue=base, rest=base, cdn=base, api=base), "Key a:b")


def submit(base: str) -> None:
    queue.submit(wire_to(base), TOY, {}, CallOptions())


def converse(base: str) -> None:
    realtime.connect(wire_to(base), TOY, realtime.ENCODINGS["msgpack"])


BOTH = pytest.mark.parametrize("call", [submit, converse], ids=["http", "websocket"])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@BOTH
def test_a_redirect_is_not_followed(call: Callable[[str], None], status: int) -> None:
    with Server([read_request]) as other:
        leads = {"Location": f"ws://127.0.0.1:{other.port}/x"}
        with Server([read_request, answer(status, b"", leads)]) as server:
            with pytest.raises(Refused, match=leads["Location"]):
                call(server.url)
            assert server.connections == 1
        assert other.connections == 0


@BOTH
def test_a_folder_of_certificates_is_trusted(
    call: Callable[[str], None], authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here, which names the files of such a folder")
    folder = tmp_path / "trusted"
    folder.mkdir()
    shutil.copy(authority.bundle, folder / "ca.pem")
    subprocess.run(["openssl", "rehash", str(folder)], check=True)
    for variable in ("SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(folder))
        with Server([handshake(authority.context()), read_request, answer(404, {"detail": "seen"})]) as server:
            with pytest.raises(Refused):
                call(server.url.replace("http:", "https:"))
            assert len(server.requests) == 1
        monkeypatch.delenv(variable)


@BOTH
@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY", "all_proxy"])
def test_this_machine_is_asked_without_a_proxy(
    call: Callable[[str], None], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server([read_request]) as proxy, Server([read_request, answer(404, {"detail": "seen"})]) as server:
        monkeypatch.setenv(variable, proxy.url)
        with pytest.raises(Refused):
            call(server.url)
        assert (len(server.requests), proxy.connections) == (1, 0)


@BOTH
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(("status", "word"), [(407, "NAME:PASSWORD"), (403, "NO_PROXY")])
def test_a_proxy_that_refuses_is_asked_once(
    call: Callable[[str], None], variable: str, status: int, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(answering(answer(status, b""))) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        with pytest.raises(NotReached) as raised:
            call(ELSEWHERE)
        assert [seen.method for seen in proxy.requests] == ["CONNECT"]
    assert raised.value.is_permanent
    assert word in raised.value.way_out


def _receive(talk: Talk) -> None:
    talk.receive()


@BOTH
@pytest.mark.parametrize(
    ("script", "word"),
    [
        pytest.param([_receive, send(b"\x05\xff")], "NAME:PASSWORD", id="it wants a password"),
        pytest.param(
            [_receive, send(b"\x05\x00"), _receive, send(b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00")],
            "NO_PROXY",
            id="not allowed",
        ),
    ],
)
def test_so_is_a_socks_proxy(
    call: Callable[[str], None], script: list[Callable[[Talk], None]], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("socks")
    with Server(script) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url.replace("http:", "socks5h:"))
        with pytest.raises(NotReached) as raised:
            call(ELSEWHERE)
        assert proxy.connections == 1
    assert raised.value.is_permanent
    assert word in raised.value.way_out


@BOTH
def test_the_backup_stands_in_where_no_connection_comes_about(
    call: Callable[[str], None], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_HOSTS", {"fal.invalid": "127.0.0.1"})
    monkeypatch.setattr(backup, "_in_use", set())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    refused = [handshake(authority.context()), read_request, answer(404, {"detail": "seen"})]
    with Server(refused) as server:
        for _ in range(2):
            with pytest.raises(ApiError, match="seen"):
                call(f"https://fal.invalid:{server.port}")
        assert len(server.requests) == 2
    assert backup.current("https://fal.invalid/x") == "https://127.0.0.1/x"


def test_a_backup_is_not_tried_after_anything_was_sent(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_HOSTS", {"localhost": "127.0.0.1"})
    monkeypatch.setattr(backup, "_in_use", set())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with Server([handshake(authority.context("localhost")), read_request]) as server:
        base = f"https://localhost:{server.port}"
        with pytest.raises(TransportFailure):
            wire_to(base).send(Request("x", "GET", base), retry.at_most(0))
        assert server.connections == 1


def test_no_cookie_is_kept() -> None:
    cookie = answer(200, {}, {"Set-Cookie": "seen=1; Path=/"})
    with Server([read_request, cookie], [read_request, cookie]) as server:
        wire = wire_to(server.url)
        for _ in range(2):
            wire.send(Request("a look", "GET", f"{server.url}/x"), retry.ONCE)
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.parametrize("address", ["ftp://a.test/x", "file:///etc/passwd", "data:,x", "unix:x"])
def test_only_http_is_spoken(address: str) -> None:
    with pytest.raises(TransportFailure, match="is not an http or https address"):
        wire_to("http://127.0.0.1:9").send(Request("a look", "GET", address), retry.ONCE)


def test_a_message_names_a_host_without_what_stands_before_it() -> None:
    with refusing_port() as port, pytest.raises(TransportFailure) as failed:
        wire_to("http://127.0.0.1:9").send(Request("a look", "GET", f"http://me:pass@127.0.0.1:{port}/"), retry.ONCE)
    assert str(failed.value) == f"127.0.0.1:{port} refused the connection"


def test_many_hosts_in_turn_each_get_an_answer() -> None:
    """More than the adapter keeps connections to, twice: a pool that was closed to make room is not used again."""
    servers = [Server([read_request, answer(200, {})], [read_request, answer(200, {})]) for _ in range(7)]
    wire = wire_to("http://127.0.0.1:9")
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        for server in servers * 2:
            assert wire.send(Request("a look", "GET", f"{server.url}/x"), retry.ONCE).ok
