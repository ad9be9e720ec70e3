"""Fetching one file piece by piece (the request layer alone), and what `-o` and `-d` mean before anything is sent."""

import gzip
import os
import random
import socket
from pathlib import Path

import pytest

from fal_cli.api import wire
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError, NotReached, Refused
from fal_cli.api.hosts import Hosts
from fal_cli.api.wire import Wire
from fal_cli.errors import CliError, Exit, UsageError
from fal_cli.results.destination import DEFAULT_NAME, Saving, checked, save_result, write_whole
from fal_cli.urls import is_public
from tests.support.faulty_server import (
    Clock,
    Server,
    Step,
    Talk,
    answer,
    answering,
    clear_environment,
    close,
    read_request,
    send,
)

DATA = random.Random(5).randbytes(1_000_000)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clear_environment(monkeypatch)
    return Clock().replace_in(monkeypatch, wire)


def got(server: Server, path: str = "/x.png", key: str = "Key a:b") -> bytes:
    hosts = Hosts(run=server.url, queue=server.url, rest=server.url, cdn=server.url, api="")
    return b"".join(fetch(Wire(hosts, key), Download(server.url + path)))


def head(status: int, length: int | None, **headers: str) -> bytes:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if length is not None:
        fields["Content-Length"] = str(length)
    lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def first(*steps: Step) -> list[Step]:
    """One request, and then these steps and the connection's end."""
    return [read_request, *steps, close]


def half(**headers: str) -> list[Step]:
    """The first half of the data, all of it having been promised."""
    return first(send(head(200, len(DATA), **headers) + DATA[:500_000]))


def rest(talk: Talk) -> None:
    """What a well-behaved host answers to a range."""
    start = int(talk.request.headers["range"].removeprefix("bytes=").removesuffix("-"))
    answered = head(206, len(DATA) - start, Content_Range=f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
    talk.sock.sendall(answered + DATA[start:])


# Fetching


ZIPPED = gzip.compress(DATA)
CHUNK = b"f4240\r\n" + DATA + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(first(send(head(200, len(DATA)) + DATA)), id="with a length"),
        pytest.param(first(send(head(200, None) + DATA)), id="to the end of the connection"),
        pytest.param(first(send(head(200, None, Transfer_Encoding="chunked") + CHUNK)), id="chunked"),
        pytest.param(first(send(head(200, len(ZIPPED), Content_Encoding="gzip") + ZIPPED)), id="gzip"),
    ],
)
def test_a_file_comes_whole(script: list[Step]) -> None:
    with Server(script) as server:
        assert got(server) == DATA


def test_a_file_of_nothing() -> None:
    with Server(answering(answer(200, b""))) as server:
        assert got(server) == b""


def test_a_cut_file_is_resumed_with_its_etag_and_without_the_key() -> None:
    with Server(half(ETag='"v1"'), first(rest)) as server:
        assert got(server) == DATA
        begun, resumed = server.requests
    assert "range" not in begun.headers
    assert begun.headers["accept-encoding"] == "identity"
    assert resumed.headers["if-range"] == '"v1"'
    assert not any("authorization" in seen.headers for seen in server.requests)


def test_a_weak_etag_is_no_condition() -> None:
    with Server(half(ETag='W/"v1"'), first(rest)) as server:
        assert got(server) == DATA
        assert "if-range" not in server.requests[1].headers


def another_range(talk: Talk) -> None:
    """As many bytes as are missing, but from the start, and saying so."""
    missing = len(DATA) - int(talk.request.headers["range"].removeprefix("bytes=").removesuffix("-"))
    answered = head(206, missing, Content_Range=f"bytes 0-{missing - 1}/{len(DATA)}")
    talk.sock.sendall(answered + DATA[:missing])


WHOLE = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(first(send(head(200, len(DATA)) + DATA[::-1])), id="all of it again, for the file has changed"),
        pytest.param(first(send(head(200, 9) + DATA[:9])), id="another file"),
        pytest.param(first(send(head(416, 0))), id="no such range"),
        pytest.param(first(send(head(404, 0))), id="gone"),
        pytest.param(first(send(head(206, len(DATA), Content_Range=WHOLE) + DATA)), id="all of it as a range"),
        pytest.param(first(another_range), id="another range than asked"),
    ],
)
def test_what_is_no_continuation_is_an_error(second: list[Step]) -> None:
    with Server(half(), second) as server, pytest.raises(ApiError):
        got(server)


def test_a_host_that_cannot_resume_is_asked_for_all_of_it_again() -> None:
    whole = first(send(head(200, len(DATA)) + DATA))
    with Server(half(), half(), whole) as server:
        assert got(server) == DATA
        assert len(server.requests) == 3


def test_what_came_before_a_cut_is_kept_however_little_it_is() -> None:
    with Server(first(send(head(200, len(DATA)) + DATA[:3])), first(rest)) as server:
        assert got(server) == DATA
        assert server.requests[1].headers["range"] == "bytes=3-"


def test_a_download_that_keeps_being_cut_ends_with_a_sentence() -> None:
    again = first(send(head(206, 1, Content_Range="bytes 500000-500000/9")))
    with Server(half(), again) as server, pytest.raises(NotReached) as caught:
        got(server)
    assert "(" not in caught.value.message


def test_a_part_that_nobody_asked_for_is_not_the_whole() -> None:
    with (
        Server(first(send(head(206, 9, Content_Range="bytes 0-8/99") + DATA[:9]))) as server,
        pytest.raises(NotReached),
    ):
        got(server)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x", "http://127.0.0.1/x", "https://127.0.0.1/x", "https://127.1/x", "https://2130706433/x",
        "https://[::1]/x", "https://[::ffff:127.0.0.1]/x", "https://0.0.0.0/x", "https://localhost./x",
    ],
)  # fmt: skip
def test_this_machine_is_not_asked_for_a_file_of_the_real_service(url: str) -> None:
    with pytest.raises(ApiError, match="this machine"):
        list(fetch(Wire(Hosts(), ""), Download(url)))


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "169.254.169.254", "fe80::1%lo", "100.64.0.1", "::"])
def test_networks_around_this_machine_are_not_public(address: str) -> None:
    assert not is_public(address)
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")


def test_a_name_that_leads_to_this_machine_is_left_after_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = socket.getaddrinfo
    with Server([close]) as server:
        port = int(server.url.rpartition(":")[2])
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *more, **named: lookup(host if named.get("flags") else "127.0.0.1", *more, **named),
        )
        with pytest.raises(NotReached, match="this machine") as caught:
            list(fetch(Wire(Hosts(), ""), Download(f"https://media.example:{port}/x")))
    assert caught.value.is_permanent
    assert server.requests == []


def test_a_host_that_breaks_off_each_time_is_given_up_on() -> None:
    with Server(half(), first()) as server:
        with pytest.raises(NotReached):
            got(server)
        assert len(server.requests) <= 20


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_final(status: int) -> None:
    with Server(answering(answer(status, {"detail": "no"}))) as server:
        with pytest.raises(Refused) as caught:
            got(server, key="")
        assert (caught.value.status, len(server.requests)) == (status, 1)


def test_a_passing_failure_is_tried_again() -> None:
    with Server(answering(answer(503, ""), answer(429, ""), answer(200, DATA))) as server:
        assert got(server) == DATA


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        pytest.param("data:image/png;base64,iVBORw0KGgo=", b"\x89PNG\r\n\x1a\n", id="base64"),
        pytest.param("data:text/plain;charset=utf-8;base64,eA==", b"x", id="parameters"),
        pytest.param("data:,a%20b", b"a b", id="percent"),
        pytest.param("data:;base64,", b"", id="nothing"),
        pytest.param("data:image/png;base64,iVBO\nRw0KGgo=", b"\x89PNG\r\n\x1a\n", id="a line break"),
    ],
)
def test_a_data_uri(uri: str, data: bytes) -> None:
    download = Download(uri)
    assert b"".join(fetch(Wire(Hosts(), ""), download)) == data
    assert download.size in (len(data), None)


@pytest.mark.parametrize(
    "uri", ["data:image/png;base64", "data:image/png;base64,iVBOR", "data:image/png;base64,!!!!", "data:"]
)
def test_a_broken_data_uri(uri: str) -> None:
    with pytest.raises(Refused, match="data: URI"):
        list(fetch(Wire(Hosts(), ""), Download(uri)))


# Places


@pytest.mark.parametrize(
    ("output", "folder", "expected"),
    [
        pytest.param("", "", Saving(), id="nothing"),
        pytest.param("x.json", "", Saving(result_file=Path("x.json")), id="json"),
        pytest.param("x.JSON", "", Saving(result_file=Path("x.JSON")), id="JSON"),
        pytest.param("x.png", "", Saving(template="x.png"), id="media"),
        pytest.param("a{b}.png", "", Saving(template="a{{b}}.png"), id="braces of the user's"),
        pytest.param("", "-", Saving(to_stdout=True), id="stdout"),
        pytest.param("", "new", Saving(template=f"new/{DEFAULT_NAME}"), id="folder to be"),
        pytest.param("", "new/", Saving(template=f"new/{DEFAULT_NAME}"), id="folder with a slash"),
        pytest.param("", "there", Saving(template=f"there/{DEFAULT_NAME}"), id="folder"),
        pytest.param("", "br{a}ce", Saving(template=f"br{{{{a}}}}ce/{DEFAULT_NAME}"), id="folder with braces"),
        pytest.param("", "out/{seed}.{ext}", Saving(template="out/{seed}.{ext}"), id="template"),
        pytest.param("", "{input.a.b}", Saving(template="{input.a.b}"), id="input"),
    ],
)
def test_what_the_options_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, folder: str, expected: Saving
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "br{a}ce").mkdir()
    assert checked(output, folder) == expected


@pytest.mark.parametrize("template", ["{}", "{0}", "{seed!r}x{nope}", "{a.b}", "{seed", "{seed.x}", "{id[0]}"])
def test_2_a_template_that_means_nothing(template: str) -> None:
    with pytest.raises(UsageError, match="-d"):
        checked("", template)


def test_home_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checked("~/x.png", "").template == f"{tmp_path}/x.png"
    assert checked("", "~/out/").template.startswith(f"{tmp_path}/out/")


def test_a_result_replaces_what_is_there_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("old")
    save_result(tmp_path / "x.json", [b"n", b"ew"])
    assert (tmp_path / "x.json").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x.json"]


def test_11_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(CliError) as caught:
        save_result(tmp_path / "gone" / "x.json", [b"{}"])
    assert caught.value.code == Exit.NOT_SAVED


def test_chunks_that_fail_leave_nothing(tmp_path: Path) -> None:
    def chunks() -> object:
        yield b"half"
        raise NotReached("cut")

    with pytest.raises(NotReached):
        write_whole(tmp_path / "x.png", chunks(), overwrite=False)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []
