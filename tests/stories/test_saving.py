"""From `-o` to the disk: the format asked for, what came, how it is named, and what an interruption keeps."""

import base64
import io
import json
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Program, Service
from tests.support.faulty_server import Server, Step, Talk, answer, answering, http, read_request

NOW = ("sandbox.queue=0", "sandbox.run=0")
SMALL = ("image_size.width=32", "image_size.height=32")
FLUX = ("run", "fal-ai/flux/dev", "prompt=a cat", *SMALL)
ECHO = ("run", "sandbox/echo", *NOW)


def picture(kind: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(data, kind)
    return data.getvalue()


PNG, JPEG = picture("PNG"), picture("JPEG")
PAGE = b"<!DOCTYPE html><html><body>The link has expired.</body></html>"


def embedded(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def result_of(*files: dict[str, str]) -> str:
    return f"images:={json.dumps(list(files))}"


def kind_of(path: Path) -> str:
    with Image.open(path) as opened:
        return str(opened.format)


# What is asked for, and what came


@pytest.mark.parametrize(("name", "kind"), [("cat.png", "PNG"), ("cat.jpg", "JPEG"), ("cat.jpeg", "JPEG")])
def test_the_model_is_asked_for_the_format_of_the_name(served: Program, tmp_path: Path, name: str, kind: str) -> None:
    served(*FLUX, *NOW, "-o", str(tmp_path / name))
    assert kind_of(tmp_path / name) == kind


def test_a_format_that_somebody_named_is_theirs(served: Program, tmp_path: Path) -> None:
    done = served(*FLUX, *NOW, "output_format=jpeg", "-o", str(tmp_path / "cat.png"))
    assert not (tmp_path / "cat.png").exists()
    assert kind_of(tmp_path / "cat.jpg") == "JPEG"
    assert "is image/jpeg, so it is saved as cat.jpg" in done.stderr


@pytest.mark.parametrize(
    ("data", "kind", "file_name", "saved"),
    [
        pytest.param(JPEG, "image/png", "x.png", "x.jpg", id="jpeg in a png"),
        pytest.param(PNG, "image/jpeg", "x.jpeg", "x.png", id="png in a jpeg"),
        pytest.param(PNG, "image/png", "x.png", "x.png", id="true"),
        pytest.param(JPEG, "image/jpeg", "x.jpeg", "x.jpeg", id="either spelling"),
        pytest.param(b"hello", "text/plain", "x.srt", "x.srt", id="text"),
        pytest.param(b"hello", "image/png", "x.png", "x.png", id="unknown bytes"),
    ],
)
def test_a_name_does_not_lie(
    served: Program, tmp_path: Path, data: bytes, kind: str, file_name: str, saved: str
) -> None:
    served(
        *ECHO,
        result_of({"url": embedded(data, kind), "file_name": file_name}),
        "-d",
        f"{tmp_path}/out/{{name}}.{{ext}}",
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == [saved]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (PAGE, "a web page in its place"),
        (b"\n <html>", "a web page"),
        (b"", "an empty file"),
        (b'{"detail": "gone"}', "gone"),
    ],
)
def test_11_something_else_in_the_place_of_a_picture(served: Program, tmp_path: Path, body: bytes, told: str) -> None:
    with Server(answering(answer(200, body))) as server:
        url = {"url": f"{server.url}/x.png", "content_type": "image/png"}
        done = served(*ECHO, result_of(url, {"url": embedded(PNG, "image/png")}), "-d", f"{tmp_path}/out/", code=11)
    assert told in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_page_that_is_the_result_is_saved(served: Program, tmp_path: Path) -> None:
    url = embedded(PAGE, "text/html")
    served(*ECHO, result_of({"url": url, "content_type": "text/html"}), "-d", f"{tmp_path}/x.{{ext}}")
    assert (tmp_path / "x.html").read_bytes() == PAGE


def test_names_that_are_the_same_are_numbered_in_the_results_order(served: Program, tmp_path: Path) -> None:
    def slow_first(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if talk.is_over:
                return
            time.sleep(0.6 if talk.request.target == "/0" else 0)
            talk.sock.sendall(http(200, talk.request.target.encode()))

    with Server([slow_first]) as server:
        urls = [{"url": f"{server.url}/{number}"} for number in range(4)]
        served(*ECHO, result_of(*urls), "-d", f"{tmp_path}/out/{{seed}}.bin")
    out = tmp_path / "out"
    names = sorted((path.name for path in out.iterdir()), key=lambda name: (len(name), name))
    assert [(out / name).read_bytes() for name in names] == [b"/0", b"/1", b"/2", b"/3"]


def test_one_broken_item_keeps_no_other_from_being_saved(served: Program, tmp_path: Path) -> None:
    def odd(*lines: str) -> Step:
        def step(talk: Talk) -> None:
            read_request(talk)
            talk.sock.sendall("\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode())
            talk.is_over = True

        return step

    scripts = [odd("Content-Length: ²"), odd("Content-Length: -5"), odd("Content-Length: 9" * 40)]
    redirect = answer(302, "", {"Location": "http://[::x"})
    with Server(*([script] for script in scripts)) as server, Server(answering(redirect)) as other:
        urls = ["https://[", "http://a:b:c/", f"{other.url}/x", *[f"{server.url}/{number}" for number in range(3)]]
        files = [{"url": url} for url in [*urls, embedded(PNG, "image/png")]]
        done = served(*ECHO, result_of(*files), "-d", f"{tmp_path}/{{index}}.{{ext}}", code=11)
    assert "unexpected" not in done.stderr
    assert (tmp_path / "6.png").read_bytes() == PNG


# Whose file it is


def test_a_file_of_ones_own_that_is_forbidden_to_others(served: Program, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    url = served("upload", "--acl", "forbid", str(tmp_path / "secret.png")).text.strip()
    served(*ECHO, result_of({"url": url}), "-d", f"{tmp_path}/back.{{ext}}")
    assert (tmp_path / "back.png").read_bytes() == PNG


def test_an_app_on_this_machine_needs_no_key_to_save_its_files(fal: Program, tmp_path: Path) -> None:
    def app(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if talk.is_over:
                return
            file = json.dumps({"images": [{"url": f"http://{talk.request.headers['host']}/x.png"}]}).encode()
            is_call = talk.request.method == "POST"
            kind = {"Content-Type": "application/json" if is_call else "image/png"}
            talk.sock.sendall(http(200, file if is_call else PNG, kind))

    with Server([app]) as server:
        fal("run", server.url, "prompt=x", "--no-validate", "-d", f"{tmp_path}/{{index}}.{{ext}}")
    assert (tmp_path / "0.png").read_bytes() == PNG


def test_a_result_that_is_a_file_itself(fal: Program, tmp_path: Path) -> None:
    with Server(answering(answer(200, PNG, {"Content-Type": "image/png"}))) as server:
        call = ("run", server.url, "prompt=x", "--no-validate", "--print", "none")
        fal(*call, "-o", str(tmp_path / "x.png"))
        fal(*call, "-d", f"{tmp_path}/d/{{index}}.{{ext}}")
        fal(*call, "-o", str(tmp_path / "y.jpg"))
    assert [(tmp_path / name).read_bytes() for name in ("x.png", "d/0.png", "y.png")] == [PNG] * 3


@pytest.mark.skipif(sys.platform == "darwin", reason="RLIMIT_AS is not kept there")
def test_a_huge_embedded_file_passes_through_in_pieces(fal: Program, tmp_path: Path) -> None:
    data = bytes(range(256)) * (100 * 4096)
    body = b'{"video": {"url": "data:video/mp4;base64,' + base64.b64encode(data).replace(b"/", b"\\/") + b'"}}'
    limit = 360 * 1024 * 1024
    with Server(answering(answer(200, body, {"Content-Type": "application/json"}))) as server:
        done = subprocess.run(
            [*fal.argv, "run", server.url, "--no-validate", "a=1", "--print", "none", "-d", f"{tmp_path}/x.{{ext}}"],
            env=fal.env, capture_output=True, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.mp4").read_bytes() == data


# What an interruption keeps


def resumed_command(stderr: str) -> list[str]:
    line = next(line for line in stderr.splitlines() if "To pick it up: " in line)
    return line.partition("To pick it up: ")[2].split()[1:]


@pytest.mark.parametrize("how", ["interrupted", "out of time"])
def test_the_printed_command_does_what_was_asked_for(served: Program, tmp_path: Path, how: str) -> None:
    words = (*FLUX, "sandbox.queue=0", "sandbox.run=1.5", "-o", str(tmp_path / "cat.png"), "--print", "urls")
    if how == "interrupted":
        process = served.start(*words)
        assert process.stderr is not None
        told = process.stderr.readline().decode()
        process.send_signal(signal.SIGINT)
        told += process.communicate(timeout=20)[1].decode()
    else:
        told = served(*words, "--timeout", "1s", code=7).stderr
    command = resumed_command(told)
    assert command[0] == "resume"
    assert command[2:] == ["-o", str(tmp_path / "cat.png"), "--print", "urls"]
    done = served(*command)
    assert done.text.strip().startswith("http")
    assert kind_of(tmp_path / "cat.png") == "PNG"


def test_ctrl_c_while_saving_tells_the_truth_of_that_stage(served: Program, tmp_path: Path) -> None:
    def stuck(talk: Talk) -> None:
        read_request(talk)
        talk.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + PNG)
        talk.server.stopping.wait(60)

    with Server([stuck]) as server:
        process = served.start(*ECHO, result_of({"url": f"{server.url}/x.png"}), "-d", f"{tmp_path}/out/")
        assert process.stdout is not None
        assert process.stdout.read(1)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "goes on" not in stderr.decode()
    assert (
        f"result {json.loads(served('history', '--json').stdout)['request_id']} -d {tmp_path}/out/" in stderr.decode()
    )


# How long it may take


def test_6_a_limit_counts_the_upload(served: Program, tmp_path: Path, silent_port: int) -> None:
    (tmp_path / "x.png").write_bytes(PNG)
    hosts = {"FAL_REST_HOST": f"http://127.0.0.1:{silent_port}"}
    began = time.monotonic()
    done = served("run", "sandbox/echo", f"image_url@{tmp_path / 'x.png'}", "--timeout", "2s", env=hosts, code=6)
    assert time.monotonic() - began < 10
    assert "--timeout passed while x.png was uploaded" in done.stderr
    assert served("history", "--json").stdout == b""


def test_10_a_limit_counts_the_submit(served: Program, silent_port: int) -> None:
    hosts = {"FAL_QUEUE_RUN_HOST": f"http://127.0.0.1:{silent_port}"}
    began = time.monotonic()
    served("run", "sandbox/echo", "a=1", "--no-validate", "--timeout", "2s", env=hosts, code=10)
    assert time.monotonic() - began < 10


@pytest.fixture
def silent_port() -> object:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def test_11_a_host_that_drips_does_not_outlive_the_limit(served: Program, service: Service, tmp_path: Path) -> None:
    def drip(talk: Talk) -> None:
        read_request(talk)
        talk.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + PNG)
        while not talk.server.stopping.wait(0.1):
            talk.sock.sendall(b"x")

    with Server([drip]) as server:
        began = time.monotonic()
        url = {"url": f"{server.url}/x.png"}
        done = served(*ECHO, result_of(url), "-d", f"{tmp_path}/out/", "--timeout", "3s", code=11)
    assert time.monotonic() - began < 15
    assert "timed out" in done.stderr
