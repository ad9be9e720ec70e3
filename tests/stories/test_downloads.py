"""Files out: every file of a result lands whole, under a sane name, inside the folder that was named, or not at all.

Real processes. The results are those of the sandbox; hostile hosts and hostile names are our own servers' and the
echo's, which answers what it is given.
"""

import base64
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.conftest import Program, Service
from tests.support.faulty_server import Server, Step, Talk, answer, answering, http, read_request
from tests.support.sandbox_keys import SECRET

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
NOW = ("sandbox.queue=0", "sandbox.run=0")
ECHO = ("run", "sandbox/echo", *NOW)
SMALL = ("image_size.width=32", "image_size.height=32", "output_format=png", *NOW)
FLUX = ("run", "fal-ai/flux/dev", "prompt=a cat", "seed=7", *SMALL)


def data_uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def files_of(*urls: str) -> str:
    """The echo's input for a result with these files."""
    return f"images:={json.dumps([{'url': url} for url in urls])}"


def fetched(url: str) -> bytes:
    return requests.get(url, timeout=30).content


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden and half ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Shop:
    """Serves files by path with ranges; `cuts` are the places at which one connection after the other breaks off."""

    def __init__(self, files: dict[str, bytes], cuts: list[int] | None = None, *, ranges: bool = True) -> None:
        self.files = files
        self.cuts = list(cuts or ())
        self.ranges = ranges
        self._lock = threading.Lock()

    def __call__(self, talk: Talk) -> None:
        """One request after the other."""
        while not talk.is_over:
            read_request(talk)
            if not talk.is_over:
                self._answer(talk)

    def _answer(self, talk: Talk) -> None:
        data = self.files.get(talk.request.target)
        if data is None:
            talk.sock.sendall(http(404, {"detail": "File not found"}))
            return
        asked = talk.request.headers.get("range", "")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        lines = [f"HTTP/1.1 {206 if start else 200} OK", f"Content-Length: {len(data) - start}", 'ETag: "e1"']
        lines += [f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}"] if start else []
        talk.sock.sendall("\r\n".join([*lines, "", ""]).encode())
        with self._lock:
            end = self.cuts.pop(0) if self.cuts else len(data)
        talk.sock.sendall(data[start : max(start, end)])
        if end < len(data):
            talk.is_over = True


# Where files go


def test_o_saves_the_picture_and_stdout_is_still_the_result(served: Program, tmp_path: Path) -> None:
    done = served(*FLUX, "-o", str(tmp_path / "cat.png"))
    assert (tmp_path / "cat.png").read_bytes() == fetched(json.loads(done.stdout)["images"][0]["url"])
    assert f"saved {tmp_path / 'cat.png'}" in done.stderr
    assert (tmp_path / "cat.png").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_a_local_photo_becomes_one_of_twice_its_size(served: Program, tmp_path: Path) -> None:
    Image.new("RGB", (24, 18), "navy").save(tmp_path / "photo.jpg")
    words = ("run", "fal-ai/esrgan", f"image_url=@{tmp_path / 'photo.jpg'}", *NOW)
    served(*words, "-o", str(tmp_path / "big.png"))
    with Image.open(tmp_path / "big.png") as picture:
        assert picture.size == (48, 36)


def test_o_json_saves_the_result_as_it_came_over_what_is_there(served: Program, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("what is there, and longer than what comes, by far")
    done = served(*ECHO, "a=1", "-o", str(tmp_path / "x.json"))
    assert done.stdout == (tmp_path / "x.json").read_bytes() == b'{"a":1}'


@pytest.mark.parametrize("given", ["out/", "out", "deep/er/out/", "there"])
def test_d_saves_every_file_in_the_folder(served: Program, tmp_path: Path, given: str) -> None:
    (tmp_path / "there").mkdir()
    done = served(*FLUX, "num_images=3", "-d", f"{tmp_path}/{given}", "--print", "envelope")
    envelope = json.loads(done.stdout)
    expected = {
        f"fal-ai-flux-dev-{envelope['request_id']}-{index}.png": fetched(image["url"])
        for index, image in enumerate(envelope["data"]["images"])
    }
    assert tree(tmp_path / given) == expected
    assert len(set(expected.values())) == 3


def test_files_of_one_host_share_connections(served: Program, tmp_path: Path) -> None:
    """Of one result, and of all results that one command takes in."""
    with Server(answering(answer(200, PNG, {"Content-Type": "image/png"}))) as host:
        for part in range(3):
            urls = [f"{host.url}/{part}-{number}.png" for number in range(8)]
            served("submit", "sandbox/echo", *NOW, "-i", files_of(*urls))
        served("resume", "-d", f"{tmp_path}/{{name}}.{{ext}}", "--print", "none")
        assert len(host.requests) == len(list(tmp_path.glob("*.png"))) == 24
        assert host.connections <= 4


def test_every_field_of_a_template(served: Program, tmp_path: Path) -> None:
    template = f"{tmp_path}/{{endpoint}}/{{id}}/{{index}}_{{name}}_{{seed}}_{{date}}_{{input.prompt}}.{{ext}}"
    before = datetime.now(UTC).strftime("%Y-%m-%d")
    words = (f"images:={json.dumps([{'url': data_uri(b'x'), 'file_name': 'photo.JPEG'}])}", "seed=42")
    done = served(*ECHO, *words, "prompt=a b/c", "-d", template, "--print", "id")
    dates = {before, datetime.now(UTC).strftime("%Y-%m-%d")}
    folder = tmp_path / "sandbox-echo" / done.text.strip()
    (name,) = tree(folder)
    assert name in {f"0_photo_42_{date}_a b-c.jpeg" for date in dates}


def test_a_template_of_a_field_that_there_is_none_of_in_the_input(
    served: Program, service: Service, tmp_path: Path
) -> None:
    done = served(*ECHO, files_of(data_uri(b"x")), "-d", f"{tmp_path}/{{input.nope}}.{{ext}}", code=None)
    assert "input.nope" in done.stderr
    assert done.code == 2, done.stderr
    assert service.accepted == 0


def test_d_dash_writes_the_bytes_and_nothing_else(served: Program) -> None:
    done = served(*ECHO, files_of(data_uri(b"first\n\0"), data_uri(b"second")), "-d", "-")
    assert done.stdout == b"first\n\0second"


def test_print_files_is_a_path_a_line_in_the_order_of_the_result(served: Program, tmp_path: Path) -> None:
    done = served(*FLUX, "num_images=4", "-d", f"{tmp_path}/{{index}}.{{ext}}", "--print", "files")
    assert done.text.splitlines() == [f"{tmp_path}/{index}.png" for index in range(4)]


def test_print_files_alone_saves_here(served: Program, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    process = served.start(*FLUX, "--print", "files", cwd=here, env={"PYTHONPATH": os.getcwd()})
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr.decode()
    assert [name.encode() for name in tree(here)] == stdout.split()


def test_a_media_file_is_never_written_over_another(served: Program, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_text("mine")
    done = served(*ECHO, files_of(data_uri(b"1"), data_uri(b"2")), "-o", str(tmp_path / "cat.png"))
    assert done.stderr.count("cat.png exists, so it is saved as cat_1.png; to replace it: --overwrite\n") == 1
    found = {name: data for name, data in tree(tmp_path).items() if name.startswith("cat")}
    assert found.pop("cat.png") == b"mine"
    assert set(found) == {"cat_1.png", "cat_2.png"}
    assert set(found.values()) == {b"1", b"2"}


def test_overwrite_replaces(served: Program, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_text("mine")
    served(*ECHO, files_of(data_uri(b"1")), "-o", str(tmp_path / "cat.png"), "--overwrite")
    assert [data for name, data in tree(tmp_path).items() if name.startswith("cat")] == [b"1"]


def test_the_same_requests_file_is_left_where_it_is(served: Program, tmp_path: Path) -> None:
    served(*FLUX, "-d", f"{tmp_path}/out/")
    (file,) = (tmp_path / "out").iterdir()
    before = file.stat()
    done = served("result", "last", "-d", f"{tmp_path}/out/", "--print", "files")
    assert done.text == f"{file}\n"
    assert list((tmp_path / "out").iterdir()) == [file]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_half_a_file_of_the_same_request_is_no_reason_to_leave_it(served: Program, tmp_path: Path) -> None:
    served(*FLUX, "-d", f"{tmp_path}/out/")
    (file,) = (tmp_path / "out").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:10])
    done = served("result", "last", "-d", f"{tmp_path}/out/", "--print", "files")
    assert Path(done.text.strip()).read_bytes() == whole


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(("-o", "cat"), "extension", id="no extension"),
        pytest.param(("-o", "gone/x.png"), "folder does not exist", id="no folder"),
        pytest.param(("-o", "there"), "To save into a folder: -d there", id="a folder"),
        pytest.param(("-o", "x.png", "-d", "out/"), "give either", id="both"),
        pytest.param(("-d", "file"), "it is a file", id="a file for a folder"),
        pytest.param(("-d", "{nonsense}.png"), "{nonsense}", id="field"),
        pytest.param(("-d", "{index"), "-d {index", id="brace"),
    ],
)
def test_2_a_place_that_cannot_be(
    served: Program, service: Service, tmp_path: Path, words: tuple[str, ...], shown: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    process = served.start("run", "sandbox/echo", "a=1", *words, cwd=tmp_path, env={"PYTHONPATH": os.getcwd()})
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert shown in stderr.decode()
    assert stdout == b""
    assert service.accepted == 0


# What files are


@pytest.mark.parametrize(
    ("url", "data", "extension"),
    [
        pytest.param(data_uri(b"abc", "image/webp"), b"abc", "webp", id="base64"),
        pytest.param("data:text/plain,a%20b%C3%A9", "a bé".encode(), "txt", id="percent"),
        pytest.param("data:image/svg+xml;charset=utf-8,<svg/>", b"<svg/>", "svg", id="parameters"),
        pytest.param(data_uri(PNG, "application/octet-stream"), PNG, "png", id="by content"),
    ],
)
def test_a_data_uri_is_a_file(served: Program, tmp_path: Path, url: str, data: bytes, extension: str) -> None:
    served(*ECHO, files_of(url), "-d", f"{tmp_path}/out/x.{{ext}}")
    ((name, found),) = tree(tmp_path / "out").items()
    assert name == f"x.{extension}"
    assert found == data


@pytest.mark.parametrize("url", ["data:;base64,", "data:image/png;base64,!!!!", "data:", "HTTPS://[", "http://x:y/"])
def test_11_a_url_that_holds_nothing_is_that_files_failure(served: Program, tmp_path: Path, url: str) -> None:
    done = served(
        *ECHO, files_of(data_uri(PNG), url, data_uri(PNG + b"!")), "-d", f"{tmp_path}/out/{{index}}.{{ext}}", code=11
    )
    assert "cannot save" in done.stderr
    assert "unexpected" not in done.stderr
    assert sorted(tree(tmp_path / "out")) == ["0.png", "2.png"]


def test_a_result_without_files(served: Program, tmp_path: Path) -> None:
    done = served(*ECHO, "a=1", "-d", f"{tmp_path}/out/")
    assert "names no files" in done.stderr
    assert done.stdout == b'{"a":1}'
    assert not (tmp_path / "out").exists()
    assert "names no files" in served(*ECHO, "a=1", "-d", "-", code=11).stderr


def test_a_blacked_out_picture_deserves_a_warning(served: Program, tmp_path: Path) -> None:
    done = served(*FLUX, "sandbox.nsfw=true", "-d", f"{tmp_path}/out/")
    assert "the model marked it as not safe for work; it may be blacked out" in done.stderr
    assert "warning" not in served(*FLUX, "-d", f"{tmp_path}/out/").stderr


# Hosts that fail


def test_404_is_11_with_the_result_printed_and_the_others_saved(served: Program, tmp_path: Path) -> None:
    with Server([Shop({"/a.png": b"A", "/c.png": b"C"})]) as server:
        urls = [f"{server.url}/{name}.png" for name in "abc"]
        done = served(*ECHO, files_of(*urls), "-d", f"{tmp_path}/out/{{name}}.{{ext}}", code=11)
    assert [image["url"] for image in json.loads(done.stdout)["images"]] == urls
    assert "/b.png" in done.stderr
    assert "File not found" in done.stderr
    assert tree(tmp_path / "out") == {"a.png": b"A", "c.png": b"C"}


def test_a_download_cut_at_ten_random_points_is_resumed(served: Program, tmp_path: Path) -> None:
    data = random.Random(3).randbytes(5_000_000)
    cuts = sorted(random.Random(4).sample(range(1, len(data)), 10))
    with Server([Shop({"/film.mp4": data}, cuts)]) as server:
        served(*ECHO, files_of(f"{server.url}/film.mp4"), "-d", f"{tmp_path}/out/")
        asked = [seen.headers.get("range", "bytes=0-") for seen in server.requests]
        resumed = [seen.headers for seen in server.requests if "range" in seen.headers]
    assert list(tree(tmp_path / "out").values()) == [data]
    starts = [int(text.removeprefix("bytes=").removesuffix("-")) for text in asked]
    assert len(starts) == 11
    # What was in flight when the connection broke may be lost with it, never more.
    assert all(before <= start <= cut for before, start, cut in zip(starts, starts[1:], cuts, strict=False))
    assert {headers["if-range"] for headers in resumed} == {'"e1"'}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Shop({"/x.png": b"x" * 1000}, [500] * 50)], id="always cut"),
        pytest.param([Shop({"/x.png": b"x" * 1000}, [0] * 50)], id="nothing comes"),
        pytest.param([Shop({"/x.png": b"x" * 1000}, [500] * 50, ranges=False)], id="cannot resume"),
    ],
)
def test_11_a_file_that_never_comes_whole(served: Program, tmp_path: Path, script: list[Step]) -> None:
    with Server(script) as server:
        done = served(*ECHO, files_of(f"{server.url}/x.png"), "-d", f"{tmp_path}/out/", code=11)
    assert "/x.png" in done.stderr
    assert json.loads(done.stdout)
    assert tree(tmp_path / "out") == {}


def test_a_redirect_is_followed_and_nobody_gets_the_key(served: Program, tmp_path: Path) -> None:
    with Server([Shop({"/real.png": b"real"})]) as other:
        steps = (answer(302, "", {"Location": "/second"}), answer(307, "", {"Location": f"{other.url}/real.png"}))
        with Server(answering(*steps)) as own:
            words = (*ECHO, files_of(f"{own.url}/x.png"), "-o", str(tmp_path / "x.png"))
            served(*words, env={"FAL_CDN_HOST": own.url})
            seen = [*own.requests, *other.requests]
    assert (tmp_path / "x.png").read_bytes() == b"real"
    assert [one.target for one in seen] == ["/x.png", "/second", "/real.png"]
    assert not any("authorization" in one.headers or SECRET in str(one) for one in seen)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        pytest.param("/again", "redirects too often", id="for ever"),
        pytest.param("http://example.com/x.png", "not https", id="to plain http"),
        pytest.param("file:///etc/passwd", "not https", id="to a file"),
    ],
)
def test_11_a_redirect_that_leads_nowhere_good(served: Program, tmp_path: Path, location: str, shown: str) -> None:
    with Server(answering(answer(302, "", {"Location": location}))) as server:
        done = served(*ECHO, files_of(f"{server.url}/x.png"), "-d", f"{tmp_path}/out/", code=11)
    assert shown in done.stderr
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x.png",
        "http://127.0.0.1.example.com/x.png",
        "http://127.0.0.1@example.com/x.png",
        "http://localhost.example.com/x.png",
        "http://10.0.0.1/x.png",
    ],
)
def test_11_plain_http_is_fetched_from_this_machine_alone(served: Program, tmp_path: Path, url: str) -> None:
    done = served(*ECHO, files_of(url), "-d", f"{tmp_path}/out/", code=11)
    assert "not https" in done.stderr
    assert json.loads(done.stdout)


# Disks that fail


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("remote", [True, False], ids=["fetched", "embedded"])
def test_11_a_full_disk_leaves_nothing_half_written(served: Program, tiny: Path, remote: bool) -> None:
    with Server([Shop({"/big.png": b"x" * 300_000, "/small.png": b"y"})]) as server:
        big = f"{server.url}/big.png" if remote else data_uri(b"x" * 90_000)
        result = json.dumps({"images": [{"url": big}, {"url": f"{server.url}/small.png"}]}).encode()
        words = ("run", "sandbox/echo", "-", *NOW, "-d", f"{tiny}/{{index}}.{{ext}}")
        done = served(*words, stdin=result, code=11)
    assert "No space left" in done.stderr
    assert len(json.loads(done.stdout)["images"]) == 2
    assert tree(tiny) in ({"1.png": b"y"}, {})


@pytest.mark.parametrize(
    ("option", "place"), [("-o", "x.json"), ("-o", "x.png"), ("-d", "saved/")], ids=["json", "media", "folder"]
)
def test_11_a_file_that_may_not_grow(served: Program, tmp_path: Path, option: str, place: str) -> None:
    data = data_uri(bytes(400_000))
    (tmp_path / "input.json").write_text(json.dumps({"image": {"url": data}}))
    process = served.start(
        *(*ECHO, "-i", str(tmp_path / "input.json"), option, f"{tmp_path}/{place}"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 11, stderr.decode()
    assert json.loads(stdout)["image"]["url"] == data
    assert "File too large" in stderr.decode()
    assert [name for name in tree(tmp_path) if ".part" in name or name.startswith(("x", "saved"))] == []


def test_ctrl_c_in_the_middle_of_a_download(served: Program, tmp_path: Path) -> None:
    def half(talk: Talk) -> None:
        read_request(talk)
        talk.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 500_000)
        talk.server.stopping.wait(60)

    with Server([half]) as server:
        process = served.start(*ECHO, files_of(*(f"{server.url}/{n}.png" for n in range(3))), "-d", f"{tmp_path}/out/")
        end = time.monotonic() + 30
        while sum(map(len, tree(tmp_path).values())) < 1_000_000 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            stdout, stderr = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            pytest.fail("it was still there 5 s after Ctrl-C")
    assert process.returncode == 130
    assert json.loads(stdout)["images"]
    assert "Traceback" not in stderr.decode()
    assert tree(tmp_path / "out") == {}


# Names from strangers


NAMES = [
    "../../x", "../../x.png", "/etc/passwd", "/abs/olute.png", "C:\\x", "C:\\Windows\\x.png",
    "\\\\host\\share\\x.png", "", ".", "..", "...", " ", "/", "\\", ".bashrc", "-rf", "--.hidden-behind-dashes",
    "~/x", "x" * 300, "x" * 300 + ".png", "é" * 300 + ".jpeg", "😀" * 100 + ".png", "a\0b.png", "a\nb.png",
    "a\x1b[2Jb.png", "a\x7fb.png", "gpj.\u202exe.png", "\u200ex.png", "a\u2066b.png", "Cat.png", "cat.PNG",
    "CAT.png", "cat.png", "cat.png", "CON", "con.png", "NUL", "nul.txt", "aux.png", "COM1", "lpt9.png", "com¹.png",
    "a:b.png", "a*b?.png", 'a"b<c>d|e.png', "trailing.", "trailing .png ", "{id}.png", "{{x}}.png", "$(id).png",
    "`id`.png", "%2e%2e%2fx.png", "a//b.png", "a/../../b.png", "x.png/", ".png",
    "x.a-very-long-extension-that-is-none", "x.p/ng", "x.tar.gz", "\ufeffbom.png", "\u3000wide.png",
]  # fmt: skip


def _is_sane(name: str) -> bool:
    fits = len(name.encode()) <= 255
    return fits and name.isprintable() and name[0] not in ".-~ " and not set(name) & set('<>:"|?*\\/')


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{name}.{ext}", id="name"),
        pytest.param("{index}-{name}.{ext}", id="index"),
        pytest.param("{name}", id="bare"),
        pytest.param("", id="default"),
    ],
)
def test_hostile_names_land_inside_the_folder_and_none_takes_anothers_place(
    served: Program, tmp_path: Path, template: str
) -> None:
    inside = tmp_path / "box" / "out"
    images = [{"url": data_uri(f"file {n}".encode()), "file_name": name} for n, name in enumerate(NAMES)]
    words = ("run", "sandbox/echo", "-", *NOW, "-d", f"{inside}/{template}", "--print", "files")
    done = served(*words, stdin=json.dumps({"images": images}).encode())
    found = tree(tmp_path / "box")
    assert sorted(found.values()) == sorted(f"file {n}".encode() for n in range(len(NAMES)))
    assert [name for name in found if not name.startswith("out/") or not _is_sane(name.removeprefix("out/"))] == []
    assert [Path(path).read_bytes() for path in done.text.splitlines()] == [
        f"file {n}".encode() for n in range(len(NAMES))
    ]
    assert set(os.listdir(tmp_path)) <= {"box", "home", "service"}


def test_hostile_urls_and_hostile_inputs_in_names(served: Program, tmp_path: Path) -> None:
    targets = ["/..%2f..%2fx.png", "/%2e%2e/%2e%2e/y.png", "/a%00b.png", "/%5c%5chost%5cz.png", "/?../../x", "/#../x"]
    with Server(answering(answer(200, b"x"))) as server:
        urls = [server.url + target for target in targets]
        name = f"{tmp_path}/box/out/{{input.prompt}}-{{name}}-{{seed}}.{{ext}}"
        served(*ECHO, files_of(*urls), "-t", "prompt=../../\\/e vil\x1b", "-t", "seed=/../..", "-d", name)
    found = tree(tmp_path / "box")
    assert len(found) == len(targets)
    assert [name for name in found if not name.startswith("out/") or not _is_sane(name.removeprefix("out/"))] == []


def test_long_values_together_make_no_name_that_is_too_long(served: Program, tmp_path: Path) -> None:
    words = ("-t", f"prompt={'a' * 500}", "-t", f"negative_prompt={'b' * 500}")
    name = f"{tmp_path}/out/{{input.prompt}}-{{input.negative_prompt}}-{{index}}.{{ext}}"
    served(*ECHO, files_of(data_uri(b"x"), data_uri(b"y")), *words, "-d", name)
    assert sorted(tree(tmp_path / "out").values()) == [b"x", b"y"]
    assert all(path.endswith(".png") for path in tree(tmp_path / "out"))


# Between processes


def test_the_next_command_finds_a_file_whose_server_is_gone(fal: Program, tmp_path: Path) -> None:
    url = fal("--sandbox", *FLUX, "--print", "urls").text.strip()
    done = fal("--sandbox", "run", "fal-ai/esrgan", f"image_url={url}", *NOW, "-d", "-")
    with Image.open(io.BytesIO(done.stdout)) as picture:
        assert picture.size == (64, 64)
