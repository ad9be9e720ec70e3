"""The four ways of uploading (wire §5), the request layer alone: whole, in parts, sent again, fallen back.

Against the sandbox, which checks each part, and against scripted servers, which see every header. A part has
1000 bytes here and a file above 4000 goes in parts, so that nothing needs much of a disk.
"""

import json
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests

from fal_cli.api import upload as storage
from fal_cli.api import wire
from fal_cli.api.errors import ApiError, NotReached, PartRefused, Refused, Unavailable
from fal_cli.api.hosts import Hosts
from fal_cli.api.upload import Lifecycle, Upload, upload
from fal_cli.api.upload_source import Piece, Source, SourceChanged, Stopped, Stretch
from fal_cli.api.wire import Wire
from tests.support.faulty_server import Clock, Server, Step, Talk, clear_environment, close, http, read_request, reset
from tests.support.sandbox_keys import SANDBOX_KEY, sandbox_at

PART = 1000
MULTIPART = 4000
SIZES = [0, 1, 999, 1000, 1001, 3999, 4000, 4001, 4999, 5000, 5001, 12_345]
KEY = "Key a:b"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Small parts, and no wait takes time."""
    clear_environment(monkeypatch)
    monkeypatch.setattr(storage, "PART_BYTES", PART)
    monkeypatch.setattr(storage, "MULTIPART_BYTES", MULTIPART)
    monkeypatch.setattr(wire, "random", SimpleNamespace(uniform=lambda low, high: high))
    return Clock().replace_in(monkeypatch, wire)


class Sent:
    """A file that was uploaded, and what was told on the way."""

    def __init__(self, folder: Path, size: int, *, name: str = "a.bin", lifecycle: str = "") -> None:
        self.path = folder / "file"
        self.data = random.Random(size).randbytes(size)
        self.path.write_bytes(self.data)
        self.told: list[int] = []
        self._lock = threading.Lock()
        self._name = name
        self._lifecycle = Lifecycle(lifecycle)

    def to(self, wire: Wire) -> str:
        """Uploads it and answers its URL."""
        with Source(self.path, name=self._name, content_type="image/png") as source:
            return upload(wire, Upload(source, self._lifecycle, self._count))

    def _count(self, count: int) -> None:
        with self._lock:
            self.told.append(count)


class Service:
    """A sandbox with faults, and a wire to it."""

    def __init__(self, folder: Path, *faults: str) -> None:
        self.sandbox = sandbox_at(folder / "sandbox", faults=faults)
        self.sandbox.start()
        addresses = self.sandbox.addresses
        self.retried: list[str] = []
        hosts = Hosts(run=addresses.run, queue=addresses.queue, rest=addresses.rest, cdn=addresses.cdn, api="")
        self.wire = Wire(hosts, f"Key {SANDBOX_KEY}", notify=lambda event: self.retried.append(event.what))

    @property
    def uploads(self) -> dict[str, int]:
        return dict(self.sandbox.store.stats()["uploads"])

    @property
    def http(self) -> dict[str, int]:
        return dict(self.sandbox.store.stats()["http"])


Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Service] = []

    def begin(*faults: str) -> Service:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Service(folder, *faults))
        return started[-1]

    yield begin
    for service in started:
        service.sandbox.stop()


def parts_of(size: int) -> int:
    return -(-size // PART) if size > MULTIPART else 0


# Whole


@pytest.mark.parametrize("fault", ["part=500*0", "token=404"], ids=["token", "presigned"])
def test_every_size_comes_back_byte_for_byte(start: Start, tmp_path: Path, fault: str) -> None:
    service = start(*([] if fault.endswith("*0") else [fault]))
    for count, size in enumerate(SIZES, 1):
        sent = Sent(tmp_path, size)
        assert requests.get(sent.to(service.wire), timeout=30).content == sent.data
        assert sum(sent.told) == size
        assert service.uploads["files"] == count
    assert service.uploads == {
        "files": len(SIZES),
        "parts": sum(map(parts_of, SIZES)),
        "bytes": sum(SIZES),
        "leaked_keys": 0,
    }


@pytest.mark.parametrize("size", [10, 5001])
@pytest.mark.parametrize("faults", [(), ("token=404",)], ids=["token", "presigned"])
def test_the_lifecycle_reaches_the_file(start: Start, tmp_path: Path, size: int, faults: tuple[str, ...]) -> None:
    service = start(*faults)
    url = Sent(tmp_path, size, lifecycle='{"initial_acl":{"default":"forbid"}}').to(service.wire)
    assert requests.get(url, timeout=30).status_code == 403


# Sent again


@pytest.mark.parametrize("flow", [(), ("token=404",)], ids=["token", "presigned"])
@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(("part:1=500*1",), id="500"),
        pytest.param(("part:3=503*4",), id="503 four times"),
        pytest.param(("part:2=429:retry-after=1*2", "part:6=html-502*1"), id="429 and a page"),
        pytest.param(("part:1=cut-before*1", "part:2=cut-after*1", "part:3=reset-after*2"), id="cut"),
        pytest.param(("part:4=truncate*1",), id="half an answer"),
        pytest.param(("part=500*4",), id="any four"),  # one more at the same part would be its last
        pytest.param(("complete=503*2", "upload=500*1"), id="around the parts"),
        pytest.param(("complete=cut-after*1",), id="completed, and the answer lost"),
    ],
)
def test_a_part_is_repeated_by_itself(
    start: Start, tmp_path: Path, flow: tuple[str, ...], faults: tuple[str, ...]
) -> None:
    service = start(*flow, *faults)
    sent = Sent(tmp_path, 5500)
    assert requests.get(sent.to(service.wire), timeout=30).content == sent.data
    assert sum(sent.told) == 5500
    assert service.uploads["files"] == 1
    assert service.uploads["leaked_keys"] == 0
    failed = sum(int(re.search(r"\*(\d)", fault)[1]) for fault in faults)  # type: ignore[index]
    assert len([what for what in service.retried if "token" not in what]) == failed


def test_cut_at_ten_random_points(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PART_BYTES", 400_000)
    points = random.Random(7)
    faults = [f"part:{number}=cut-at:{points.randrange(400_000)}*1" for number in range(1, 11)]
    service = start(*faults)
    sent = Sent(tmp_path, 4_000_000)
    assert requests.get(sent.to(service.wire), timeout=30).content == sent.data
    assert sum(sent.told) == 4_000_000
    assert min(sent.told) < 0  # what was sent in vain is taken back
    assert service.uploads["files"] == 1
    assert service.http["part"] == 20


@pytest.mark.parametrize("flow", [(), ("token=404",)], ids=["token", "presigned"])
@pytest.mark.parametrize(
    ("fault", "cause", "status", "tries"),
    [
        pytest.param("part:4=422", Refused, 422, 1, id="422"),
        pytest.param("part:4=404", Refused, 404, 1, id="404"),
        pytest.param("part:4=429", Refused, 429, 5, id="429"),
        pytest.param("part:4=500", Unavailable, 500, 5, id="500"),
        pytest.param("part:4=cut-before", NotReached, None, 5, id="cut"),
    ],
)
def test_a_part_that_stays_refused_is_named(
    start: Start,
    tmp_path: Path,
    flow: tuple[str, ...],
    fault: str,
    cause: type[ApiError],
    status: int | None,
    tries: int,
) -> None:
    service = start(*flow, fault)
    with pytest.raises(PartRefused) as caught:
        Sent(tmp_path, 5500).to(service.wire)
    assert caught.value.number == 4
    assert (type(caught.value.cause), caught.value.status) == (cause, status)
    assert service.retried.count("part 4") == tries - 1
    assert service.uploads["files"] == 0
    assert service.http["complete"] == 0


@pytest.mark.parametrize("size", [10, 5500])
def test_an_expired_token_is_minted_anew_once(start: Start, tmp_path: Path, size: int) -> None:
    service = start("token=expires:0*1")
    sent = Sent(tmp_path, size)
    assert requests.get(sent.to(service.wire), timeout=30).content == sent.data
    assert service.http["token"] == 2
    assert sum(sent.told) == size


def test_a_token_that_is_never_good_is_refused(start: Start, tmp_path: Path) -> None:
    service = start("token=expires:0")
    with pytest.raises(Refused) as caught:
        Sent(tmp_path, 10).to(service.wire)
    assert caught.value.status == 401
    assert service.http["token"] == 4


@pytest.mark.parametrize("fault", ["token=404", "token=405", "token=501", "token=500", "token=cut-before"])
def test_the_fall_back_stands_in_where_the_token_cannot_be_had(start: Start, tmp_path: Path, fault: str) -> None:
    service = start(fault)
    for size in (10, 5500):
        sent = Sent(tmp_path, size)
        assert requests.get(sent.to(service.wire), timeout=30).content == sent.data
    assert service.uploads["leaked_keys"] == 0


@pytest.mark.parametrize("fault", ["token=401", "token=403", "token=422", "token=429"])
def test_a_refusal_is_no_reason_to_try_another_way(start: Start, tmp_path: Path, fault: str) -> None:
    service = start(fault)
    with pytest.raises(Refused):
        Sent(tmp_path, 10).to(service.wire)
    assert service.http["upload"] == 0


# Who gets which credential


class Storage:
    """Scripted storage: the service's own host and a stranger's, which answers pre-signed URLs."""

    def __init__(self, own: Server, foreign: Server) -> None:
        self.own, self.foreign = own, foreign
        self.wire = Wire(Hosts(run=own.url, queue=own.url, rest=own.url, cdn=own.url, api=""), KEY)


@pytest.fixture
def strangers() -> Iterator[Storage]:
    """A service without tokens whose files lie on another host."""
    foreign = Server([_foreign])
    with foreign:
        own = Server([_initiating(foreign)])
        with own:
            yield Storage(own, foreign)


def _initiating(foreign: Server) -> Step:
    def step(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if talk.is_over:
                return
            if "/storage/auth/token" in talk.request.target:
                talk.sock.sendall(http(404, {"detail": "no such route"}))
                continue
            url = f"{foreign.url}/put/here?signature=s%2Fx&n=1"
            talk.sock.sendall(http(200, {"upload_url": url, "file_url": "https://v3.fal.media/files/b/1/a.bin"}))

    return step


def _foreign(talk: Talk) -> None:
    while not talk.is_over:
        read_request(talk)
        if talk.is_over:
            return
        number = urlsplit(talk.request.target).path.rpartition("/")[2]
        talk.sock.sendall(http(200, {"partNumber": 0, "etag": f'"e{number}"'}))


def test_the_key_goes_to_no_presigned_host(strangers: Storage, tmp_path: Path) -> None:
    for size in (0, 10, 5500):
        assert Sent(tmp_path, size).to(strangers.wire) == "https://v3.fal.media/files/b/1/a.bin"
    assert {seen.headers.get("authorization") for seen in strangers.own.requests} == {KEY}
    assert [seen.headers for seen in strangers.foreign.requests if "authorization" in seen.headers] == []
    assert "a:b" not in str(strangers.foreign.requests)


def test_flow_a_is_written_as_it_should_be(strangers: Storage, tmp_path: Path) -> None:
    sent = Sent(tmp_path, 10, name="größe.png", lifecycle="{}")
    sent.to(strangers.wire)
    _, begun = strangers.own.requests
    (put,) = strangers.foreign.requests
    assert begun.target == "/storage/upload/initiate?storage_type=fal-cdn-v3"
    assert json.loads(begun.body) == {"file_name": "größe.png", "content_type": "image/png"}
    assert begun.headers["x-fal-object-lifecycle"] == begun.headers["x-fal-object-lifecycle-preference"] == "{}"
    assert (put.method, put.target, put.body) == ("PUT", "/put/here?signature=s%2Fx&n=1", sent.data)
    assert put.headers["content-type"] == "image/png"
    assert "transfer-encoding" not in put.headers


def test_flow_c_puts_the_number_between_path_and_query_and_lists_the_parts_in_order(
    strangers: Storage, tmp_path: Path
) -> None:
    sent = Sent(tmp_path, 5500)
    sent.to(strangers.wire)
    *parts, end = strangers.foreign.requests
    by_number = {seen.target: seen.body for seen in parts}
    assert by_number == {
        f"/put/here/{number}?signature=s%2Fx&n=1": sent.data[(number - 1) * PART : number * PART]
        for number in range(1, 7)
    }
    assert (end.method, end.target) == ("POST", "/put/here/complete?signature=s%2Fx&n=1")
    assert json.loads(end.body) == {"parts": [{"partNumber": number, "etag": f'"e{number}"'} for number in range(1, 7)]}


def _tokens(talk: Talk) -> None:
    """The token flow, its parts answered with an ETag in the header alone."""
    while not talk.is_over:
        read_request(talk)
        if talk.is_over:
            return
        target, url = talk.request.target, talk.server.url
        if "/storage/auth/token" in target:
            body = {"token": "tok", "token_type": "Bearer", "base_url": f"{url}/"}
            talk.sock.sendall(http(200, body))
        elif re.search(r"/multipart/u1/\d+$", target):
            talk.sock.sendall(http(200, b"", {"ETag": f'"h{target.rpartition("/")[2]}"'}))
        else:
            talk.sock.sendall(http(200, {"access_url": f"{url}/files/b/1/a.bin", "uploadId": "u1"}))


def test_flow_d_is_written_as_it_should_be(tmp_path: Path) -> None:
    with Server([_tokens]) as server:
        hosts = Hosts(run=server.url, queue=server.url, rest=server.url, cdn="https://unused.example", api="")
        url = Sent(tmp_path, 4500, name="my file.bin").to(Wire(hosts, KEY))
        assert url == f"{server.url}/files/b/1/a.bin"
    token, begun, *parts, end = server.requests
    assert (token.headers["authorization"], token.body) == (KEY, b"{}")
    assert {seen.headers["authorization"] for seen in (begun, *parts, end)} == {"Bearer tok"}
    assert (begun.target, begun.body) == ("/files/upload/multipart", b"")
    assert begun.headers["x-fal-file-name"] == "my file.bin"
    assert begun.headers["content-type"] == "image/png"
    assert sorted(seen.target for seen in parts) == [f"/files/b/1/a.bin/multipart/u1/{n}" for n in range(1, 6)]
    assert {seen.headers["accept-encoding"] for seen in parts} == {"identity"}
    assert sorted(int(seen.headers["content-length"]) for seen in parts) == [500, 1000, 1000, 1000, 1000]
    assert json.loads(end.body)["parts"] == [{"partNumber": n, "etag": f'"h{n}"'} for n in range(1, 6)]


@pytest.mark.parametrize(
    "base",
    [
        pytest.param("http://cdn.example", id="plain http"),
        pytest.param("ftp://127.0.0.1", id="another scheme"),
        pytest.param("http://127.0.0.1@evil.example", id="a name before an at sign"),
    ],
)
def test_neither_bytes_nor_token_go_to_a_host_without_tls(tmp_path: Path, base: str) -> None:
    def step(talk: Talk) -> None:
        read_request(talk)
        talk.sock.sendall(http(200, {"token": "t", "base_url": base, "upload_url": base, "file_url": base}))

    with Server([step, close]) as server:
        hosts = Hosts(run=server.url, queue=server.url, rest=server.url, cdn=server.url, api="")
        with pytest.raises(Refused, match="not https"):
            Sent(tmp_path, 10).to(Wire(hosts, KEY))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        pytest.param([1], "not a JSON object", id="a list"),
        pytest.param({"token": "t"}, "access_url", id="no URL"),
        pytest.param({"token": "t", "access_url": 7}, "access_url", id="a number for a URL"),
    ],
)
def test_an_answer_that_says_nothing_is_refused(tmp_path: Path, body: object, shown: str) -> None:
    def step(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if not talk.is_over:
                talk.sock.sendall(http(200, body))

    with Server([step]) as server:
        hosts = Hosts(run=server.url, queue=server.url, rest=server.url, cdn=server.url, api="")
        with pytest.raises(Refused, match=shown):
            Sent(tmp_path, 10).to(Wire(hosts, KEY))


def test_nothing_is_reached_at_all(tmp_path: Path) -> None:
    with Server([reset]) as server:
        hosts = Hosts(run=server.url, queue=server.url, rest=server.url, cdn=server.url, api="")
        with pytest.raises(NotReached):
            Sent(tmp_path, 10).to(Wire(hosts, KEY))


# The file itself


@pytest.mark.parametrize("size", [10, 5500])
@pytest.mark.parametrize("change", ["longer", "shorter", "rewritten", "touched"])
def test_a_file_that_changes_while_it_is_sent(start: Start, tmp_path: Path, size: int, change: str) -> None:
    service = start()
    sent = Sent(tmp_path, size)
    done = threading.Event()

    def disturb(count: int) -> None:
        if count > 0 and not done.is_set():
            done.set()
            if change == "touched":
                os.utime(sent.path, (1, 1))
            elif change == "shorter":
                os.truncate(sent.path, 5)
            else:
                data = b"x" * (size + 5) if change == "longer" else b"x" * size
                sent.path.write_bytes(data)
                os.utime(sent.path, (1, 1))

    with Source(sent.path, name="a.bin", content_type="image/png") as source, pytest.raises(SourceChanged):
        upload(service.wire, Upload(source, on_bytes=disturb))
    assert service.http["complete"] == 0


def test_a_stretch_begins_anew_and_takes_back_what_it_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    told: list[int] = []
    stop = threading.Event()
    with Source(tmp_path / "x", name="x", content_type="") as source:
        stretch = Stretch(source, 2, 6, told.append, stop)
        first = stretch.begin()
        assert (len(first), first.read(4)) == (6, b"2345")
        second = stretch.begin()
        assert second.read() == b"234567"
        assert second.read() == second.read(3) == b""
        assert sum(told) == 6
        stop.set()
        with pytest.raises(Stopped):
            stretch.begin().read(1)


def test_a_piece_reads_to_its_length_and_no_further() -> None:
    data = bytes(range(100))
    piece = Piece(100, lambda at, size: data[at : at + min(size, 7)])  # short reads, as a disk may give
    found = b""
    while chunk := piece.read(33):
        found += chunk
    assert found == data


def test_several_readers_do_not_disturb_each_other(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(200_000)
    (tmp_path / "x").write_bytes(data)
    wrong: list[int] = []
    with Source(tmp_path / "x", name="x", content_type="") as source:

        def read(start: int) -> None:
            for at in range(start, len(data), 777):
                if source.read_at(at, 50) != data[at : at + 50]:
                    wrong.append(at)

        threads = [threading.Thread(target=read, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
