"""Files in: what `fal upload` and `key@file` send is what is served back, or nothing is and the error says why.

Real processes against the sandbox, which checks each part and counts every key that reached a pre-signed URL.
"""

import base64
import ctypes
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from fal_cli.sandbox.server import Sandbox
from tests.conftest import Program, Service
from tests.support.faulty_server import Server, Talk, http, read_request
from tests.support.pseudo_terminal import Screen
from tests.support.sandbox_keys import sandbox_at

MIB = 1024 * 1024
THRESHOLD = 100 * MIB
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
NOW = ("sandbox.queue=0", "sandbox.run=0")
LONG = 60  # seconds of an ordered silence: far more than any of these tests may take
Start = Callable[..., tuple[Program, Service]]


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Start]:
    """Serve a sandbox with faults; the program pointed at it, and its counts."""
    started: list[Sandbox] = []

    def begin(*faults: str) -> tuple[Program, Service]:
        state = tmp_path / f"faulty-{len(started)}"
        started.append(sandbox_at(state, faults=faults))
        started[-1].start()
        service = Service(started[-1], state)
        return Program(home, service.env), service

    yield begin
    for sandbox in started:
        sandbox.stop()


def sparse(path: Path, size: int) -> Path:
    """A file of that size whose every 5 MiB differ, without so many bytes on the disk."""
    with path.open("wb") as file:
        for at in range(0, size, 5 * MIB):
            file.seek(at)
            file.write(f"<{at}>".encode()[: size - at])
        file.truncate(size)
    return path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def served_digest(url: str) -> str:
    found = hashlib.sha256()
    with requests.get(url, stream=True, timeout=30) as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_content(MIB):
            found.update(chunk)
    return found.hexdigest()


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def nothing_sent(service: Service) -> bool:
    """Whether not a single request came, not even for a token; a look at the endpoint's schema is none."""
    return not any(count for route, count in service.stats["http"].items() if route != "models")


def interrupted(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, str]:
    """Ctrl-C; the program must leave long before what it waits for would come."""
    process.send_signal(signal.SIGINT)
    try:
        stdout, stderr = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        pytest.fail(f"it was still there 5 s after Ctrl-C\n{stderr.decode()}")
    return process.returncode, stdout, stderr.decode()


def until_idle(process: "subprocess.Popen[bytes]") -> None:
    """Waits until the program itself waits: it can send no more, since nobody reads."""
    seen, since = "", time.monotonic()
    while time.monotonic() - since < 0.3:
        now = Path(f"/proc/{process.pid}/io").read_text()
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.02)


# What is sent is what is served


@pytest.mark.parametrize("size", [0, 1, 11, 65_537, 3 * MIB + 1])
def test_a_small_file_is_served_back_byte_for_byte(
    served: Program, service: Service, tmp_path: Path, size: int
) -> None:
    file = tmp_path / "small.bin"
    file.write_bytes(os.urandom(size))
    done = served("upload", str(file))
    url = done.text.strip()
    assert done.text == f"{url}\n"
    assert served_digest(url) == digest(file)
    assert service.stats["uploads"] == {"files": 1, "parts": 0, "bytes": size, "leaked_keys": 0}


@pytest.mark.parametrize(("size", "parts"), [(THRESHOLD, 0), (THRESHOLD + 1, 11)], ids=["at", "over"])
def test_around_the_threshold_of_parts(
    served: Program, service: Service, tmp_path: Path, size: int, parts: int
) -> None:
    file = sparse(tmp_path / "large.bin", size)
    done = served("upload", str(file))
    assert served_digest(done.text.strip()) == digest(file)
    assert service.stats["uploads"] == {"files": 1, "parts": parts, "bytes": size, "leaked_keys": 0}
    assert service.stats["http"]["token"] == 1
    steps = [line for line in done.stderr.splitlines() if line.endswith("%")]
    assert steps == [f"uploading large.bin: {percent} %" for percent in range(10, 101, 10)]


def test_many_files_a_url_a_line_in_their_order(served: Program, service: Service, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in (3, 1, 2)]
    for file in files:
        file.write_text(f"this is {file.name}")
    urls = served("upload", *map(str, files)).text.splitlines()
    assert [requests.get(url, timeout=30).text for url in urls] == ["this is 3.txt", "this is 1.txt", "this is 2.txt"]
    assert [url.rpartition("/")[2] for url in urls] == ["3.txt", "1.txt", "2.txt"]


def test_the_content_type_is_by_name_then_by_content(served: Program, tmp_path: Path) -> None:
    wav = (
        b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00"
    )
    expected = {
        "a.png": (b"no picture at all", "image/png"),
        "b.JPG": (b"", "image/jpeg"),
        "c.webp": (b"", "image/webp"),
        "d.mp4": (b"", "video/mp4"),
        "e.glb": (b"", "model/gltf-binary"),
        "f.txt": (PNG, "text/plain"),
        "picture": (PNG, "image/png"),
        "sound": (wav, "audio/"),
        "unknown": (b"\x00\x01\x02 nothing that has a name", "application/octet-stream"),
        "empty": (b"", "application/octet-stream"),
    }
    for name, (data, _) in expected.items():
        (tmp_path / name).write_bytes(data)
    urls = served("upload", *(str(tmp_path / name) for name in expected)).text.splitlines()
    types = {
        name: requests.head(url, timeout=30).headers["content-type"].partition(";")[0]
        for name, url in zip(expected, urls, strict=True)
    }
    wrong = {name: kind for name, kind in types.items() if not kind.startswith(expected[name][1])}
    assert wrong == {}


def test_the_name_and_the_type_can_be_said(served: Program, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"data")
    words = ("upload", str(tmp_path / "x"), "--name", "given.dat", "--content-type", "application/x-mine")
    url = served(*words).text.strip()
    assert url.endswith("/given.dat")
    assert requests.head(url, timeout=30).headers["content-type"] == "application/x-mine"


@pytest.mark.parametrize(
    ("words", "name", "kind"),
    [
        pytest.param(("--name", "photo.png"), "photo.png", "image/png", id="named"),
        pytest.param((), "stdin", "image/png", id="by its content"),
        pytest.param(("--content-type", "image/x"), "stdin", "image/x", id="typed"),
    ],
)
def test_stdin(served: Program, words: tuple[str, ...], name: str, kind: str) -> None:
    url = served("upload", "-", *words, stdin=PNG).text.strip()
    answer = requests.get(url, timeout=30)
    assert answer.content == PNG
    assert (url.rpartition("/")[2], answer.headers["content-type"]) == (name, kind)


def test_a_pipe_that_the_shell_made_is_sent_whole_or_refused(served: Program, service: Service) -> None:
    """`fal upload <(command)`: such a file can be read once and has no size."""
    reading, writing = os.pipe()
    os.write(writing, b"what the command wrote")
    os.close(writing)
    process = served.start("upload", f"/dev/fd/{reading}", "--name", "x.txt", pass_fds=(reading,))
    os.close(reading)
    stdout, stderr = process.communicate(timeout=30)
    if process.returncode == 2:
        assert nothing_sent(service)
        assert stdout == b""
        return
    assert process.returncode == 0, stderr.decode()
    assert requests.get(stdout.decode().strip(), timeout=30).content == b"what the command wrote"


# When it expires and who may read it


def _storage(talk: Talk) -> None:
    """A token, then a file."""
    while not talk.is_over:
        read_request(talk)
        if talk.is_over:
            return
        base = talk.server.url
        is_token = "/storage/auth/token" in talk.request.target
        body = {"token": "t", "token_type": "Bearer", "base_url": base} if is_token else {"access_url": f"{base}/f"}
        talk.sock.sendall(http(200, body))


@pytest.mark.parametrize(
    ("words", "header"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param(("--expires", "1h"), '{"expiration_duration_seconds":3600}', id="1h"),
        pytest.param(("--expires", "1y"), '{"expiration_duration_seconds":31536000}', id="1y"),
        pytest.param(("--expires", "immediate"), '{"expiration_duration_seconds":60}', id="immediate"),
        pytest.param(("--expires", "77"), '{"expiration_duration_seconds":77}', id="seconds"),
        pytest.param(("--expires", "never"), '{"expiration_duration_seconds":null}', id="never"),
        pytest.param(("--acl", "hide"), '{"initial_acl":{"default":"hide"}}', id="acl"),
        pytest.param(
            ("--expires", "7d", "--acl", "forbid", "--acl", "acme=allow"),
            '{"expiration_duration_seconds":604800,"initial_acl":{"default":"forbid",'
            '"rules":[{"user":"acme","decision":"allow"}]}}',
            id="both",
        ),
    ],
)
def test_the_lifecycle_header_goes_out_under_both_names(
    fal: Program, tmp_path: Path, words: tuple[str, ...], header: str | None
) -> None:
    (tmp_path / "x.txt").write_text("x")
    with Server([_storage]) as server:
        env = {"FAL_KEY": "a:b", "FAL_REST_HOST": server.url, "FAL_CDN_HOST": "http://127.0.0.1:1"}
        assert fal("upload", str(tmp_path / "x.txt"), *words, env=env).text == f"{server.url}/f\n"
    token, upload = server.requests
    assert token.headers["authorization"] == "Key a:b"
    assert upload.headers["authorization"] == "Bearer t"
    assert upload.headers.get("x-fal-object-lifecycle") == header
    assert upload.headers.get("x-fal-object-lifecycle-preference") == header
    assert upload.headers["x-fal-file-name"] == "x.txt"
    assert upload.headers["content-type"] == "text/plain"
    assert upload.body == b"x"


def test_a_restricted_file_is_kept_from_strangers(served: Program, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    for acl, status in (("allow", 200), ("forbid", 403), ("hide", 404)):
        url = served("upload", str(tmp_path / "x.txt"), "--acl", acl).text.strip()
        assert requests.get(url, timeout=30).status_code == status


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(("--expires", "soon"), "soon", id="expires"),
        pytest.param(("--expires", "0"), "0", id="zero"),
        pytest.param(("--acl", "maybe"), "maybe", id="acl"),
        pytest.param(("--acl", "=allow=x"), "=allow=x", id="acl rule"),
        pytest.param(("other.txt", "--name", "y"), "--name", id="one name for two"),
    ],
)
def test_2_options_that_mean_nothing(
    served: Program, service: Service, tmp_path: Path, words: tuple[str, ...], shown: str
) -> None:
    (tmp_path / "x.txt").write_text("x")
    done = served("upload", str(tmp_path / "x.txt"), *words, code=2)
    assert shown in done.stderr
    assert nothing_sent(service)


# Files in inputs


def test_one_file_under_many_names_is_sent_once(served: Program, service: Service, tmp_path: Path) -> None:
    file, link, other = tmp_path / "a.png", tmp_path / "link.png", tmp_path / "b.png"
    file.write_bytes(PNG)
    link.symlink_to(file)
    other.write_bytes(PNG)
    words = (f"image_url=@{file}", f"mask_url@{link}", f"loras[0].url@{file}", f"tags[]@{other}", f"tags[]@{file}")
    result = json.loads(served("run", "sandbox/echo", *words, *NOW).stdout)
    first, second = result["image_url"], result["tags"][0]
    assert result == {"image_url": first, "mask_url": first, "loras": [{"url": first}], "tags": [second, first]}
    assert first != second
    assert requests.get(first, timeout=30).content == PNG
    assert service.stats["uploads"] == {"files": 2, "parts": 0, "bytes": 2 * len(PNG), "leaked_keys": 0}


@pytest.mark.parametrize("key", ["prompt", "negative_prompt", "text", "script", "a.prompt"])
def test_a_text_key_takes_the_files_text(served: Program, service: Service, tmp_path: Path, key: str) -> None:
    (tmp_path / "story.txt").write_text("Once upon a time\nthere was 1 cat.\n")
    done = served("run", "sandbox/echo", f"{key}=@{tmp_path / 'story.txt'}", *NOW)
    text = json.loads(done.stdout)
    for name in key.split("."):
        text = text[name]
    assert text == "Once upon a time\nthere was 1 cat."
    assert f"{key}: the text of" in done.stderr
    assert service.stats["uploads"]["files"] == 0


def test_an_at_sign_alone_uploads_even_for_a_text_key(served: Program, tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("a story")
    done = served("run", "sandbox/echo", f"prompt@{tmp_path / 'story.txt'}", *NOW)
    assert requests.get(json.loads(done.stdout)["prompt"], timeout=30).text == "a story"
    assert "prompt: uploading story.txt (text/plain)" in done.stderr


@pytest.mark.parametrize("word", ["image_url=@-", "image_url@-"])
def test_stdin_as_a_file_of_an_input(served: Program, word: str) -> None:
    result = json.loads(served("run", "sandbox/echo", word, *NOW, stdin=PNG).stdout)
    answer = requests.get(result["image_url"], timeout=30)
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"


def test_stdin_as_a_text_and_as_json(served: Program) -> None:
    assert json.loads(served("run", "sandbox/echo", "prompt=@-", *NOW, stdin=b"hello\n").stdout) == {"prompt": "hello"}
    assert json.loads(served("run", "sandbox/echo", "a:=@-", *NOW, stdin=b"[1]").stdout) == {"a": [1]}


@pytest.mark.parametrize("words", [("a_url@-", "b_url@-"), ("-", "a_url@-"), ("prompt=@-", "a_url@-")])
def test_2_stdin_is_claimed_once(served: Program, service: Service, words: tuple[str, ...]) -> None:
    assert "stdin can be read once" in served("run", "sandbox/echo", *words, stdin=b"{}", code=2).stderr
    assert nothing_sent(service)


def test_inline_embeds_the_file_and_uploads_nothing(served: Program, service: Service, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(PNG)
    done = served("run", "sandbox/echo", f"image_url=@{tmp_path / 'dot.png'}", "--inline", *NOW)
    assert json.loads(done.stdout) == {"image_url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}
    assert "image_url: embedding dot.png" in done.stderr
    assert service.stats["uploads"]["files"] == service.stats["http"]["token"] == 0


def test_2_a_file_too_large_to_embed(served: Program, service: Service, tmp_path: Path) -> None:
    file = sparse(tmp_path / "film.mp4", 10 * MIB + 1)
    done = served("run", "sandbox/echo", f"video_url=@{file}", "--inline", code=2)
    assert "film.mp4 is too large for --inline" in done.stderr
    assert nothing_sent(service)


# Files that cannot be read


def _as_an_ordinary_user() -> None:
    """Root reads everything; without these two capabilities it does not."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="drops Linux capabilities")
@pytest.mark.parametrize("verb", ["upload", "run"])
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("gone.png", "No such file", id="missing"),
        pytest.param("folder", "is a folder", id="folder"),
        pytest.param("secret.png", "Permission denied", id="unreadable"),
        pytest.param("gone/x.png", "No such file", id="folder-missing"),
        pytest.param("x" * 300, "too long", id="name-too-long"),
    ],
)
def test_2_an_unreadable_file_and_nothing_is_sent(
    served: Program, service: Service, tmp_path: Path, verb: str, name: str, shown: str
) -> None:
    (tmp_path / "good.png").write_bytes(PNG)
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "secret.png").chmod(0)
    files = (str(tmp_path / "good.png"), str(tmp_path / name))
    words = files if verb == "upload" else ("sandbox/echo", f"a_url=@{files[0]}", f"b_url=@{files[1]}")
    process = served.start(verb, *words, preexec_fn=_as_an_ordinary_user)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 2, stderr.decode()
    assert shown in stderr.decode()
    assert name[:100] in stderr.decode()
    assert stdout == b""
    assert nothing_sent(service)


# Refusals on the way


def test_a_refused_part_is_sent_again_by_itself(start: Start, tmp_path: Path) -> None:
    fal, service = start("part:2=500*1", "part:11=cut-at:100000*1")
    file = sparse(tmp_path / "large.bin", THRESHOLD + 200_000)
    done = fal("upload", str(file))
    assert served_digest(done.text.strip()) == digest(file)
    assert service.stats["uploads"]["parts"] == 11
    assert service.stats["http"]["part"] == 13
    assert "part 2" in done.stderr
    assert "part 11" in done.stderr


@pytest.mark.parametrize(
    ("fault", "code", "tries"),
    [
        pytest.param("part:3=422", 4, 1, id="422"),
        pytest.param("part:3=429:retry-after=0", 9, 5, id="429"),
        pytest.param("part:3=500:retry-after=0", 6, 5, id="500"),
    ],
)
def test_a_part_that_stays_refused_is_named_with_the_code_of_its_status(
    start: Start, tmp_path: Path, fault: str, code: int, tries: int
) -> None:
    fal, service = start(fault)
    done = fal("upload", str(sparse(tmp_path / "large.bin", THRESHOLD + 1)), code=None)
    assert "part 3" in done.stderr
    assert done.stdout == b""
    assert service.stats["uploads"]["files"] == 0
    assert service.stats["http"]["complete"] == 0
    assert done.code == code, done.stderr
    # Each of the others once, as far as they had begun.
    assert tries <= service.stats["http"]["part"] <= 10 + tries


def test_an_expired_token_is_minted_anew(start: Start, tmp_path: Path) -> None:
    fal, service = start("token=expires:0*1")
    (tmp_path / "x.txt").write_text("x")
    assert requests.get(fal("upload", str(tmp_path / "x.txt")).text.strip(), timeout=30).text == "x"
    assert service.stats["http"]["token"] == 2


@pytest.mark.parametrize("size", [0, 5, MIB])
def test_without_the_token_route_the_file_goes_to_a_presigned_url_without_the_key(
    start: Start, tmp_path: Path, size: int
) -> None:
    fal, service = start("token=404")
    (tmp_path / "x.bin").write_bytes(os.urandom(size))
    url = fal("upload", str(tmp_path / "x.bin")).text.strip()
    assert served_digest(url) == digest(tmp_path / "x.bin")
    assert service.stats["uploads"] == {"files": 1, "parts": 0, "bytes": size, "leaked_keys": 0}
    assert service.stats["http"]["upload"] == 2


@pytest.mark.parametrize(
    ("env", "faults", "code", "shown"),
    [
        pytest.param({"FAL_KEY": "wrong:key"}, (), 3, "key was refused", id="wrong-key"),
        pytest.param({}, ("token=403",), 9, "locked", id="locked"),
        pytest.param({}, ("upload=413",), 4, "413", id="too-large"),
        pytest.param({"FAL_KEY": ""}, (), 3, "FAL_KEY", id="no-key"),
    ],
)
def test_other_refusals_have_the_codes_of_a_call_and_submit_nothing(
    start: Start, tmp_path: Path, env: dict[str, str], faults: tuple[str, ...], code: int, shown: str
) -> None:
    fal, service = start(*faults)
    (tmp_path / "x.png").write_bytes(PNG)
    for words in (("upload", str(tmp_path / "x.png")), ("run", "sandbox/echo", f"a_url@{tmp_path / 'x.png'}")):
        done = fal(*words, env=env, code=code)
        assert shown in done.stderr
        assert done.stdout == b""
    assert service.accepted == 0


@pytest.mark.parametrize("verb", ["upload", "run"])
def test_a_file_that_changes_meanwhile_is_an_error_and_no_url(start: Start, tmp_path: Path, verb: str) -> None:
    fal, service = start("upload=stall:2*1")
    file = tmp_path / "log.txt"
    file.write_text("first")
    words = (str(file),) if verb == "upload" else ("sandbox/echo", f"a_url@{file}", *NOW)
    process = fal.start(verb, *words)
    until(lambda: service.stats["uploads"]["files"] == 1)  # all bytes are there, the answer is held back
    with file.open("a") as stream:
        stream.write("second")
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert stdout == b""
    assert "log.txt changed while it was sent" in stderr.decode()
    assert service.accepted == 0


# Ctrl-C


@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        pytest.param("upload", f"part=stall:{LONG}", id="no-answer-to-a-part"),
        pytest.param("run", f"part=stall-before:{LONG}", id="nobody-reads-the-parts"),
    ],
)
def test_ctrl_c_in_the_middle_of_a_large_upload(start: Start, tmp_path: Path, verb: str, fault: str) -> None:
    fal, service = start(fault)
    file = sparse(tmp_path / "large.bin", THRESHOLD + 1)
    process = fal.start(verb, *((str(file),) if verb == "upload" else ("sandbox/echo", f"video_url@{file}", *NOW)))
    until(lambda: service.stats["http"]["part"] >= 4)
    until_idle(process)
    code, stdout, talk = interrupted(process)
    assert (code, stdout) == (130, b"")
    assert "Traceback" not in talk
    assert service.accepted == service.stats["uploads"]["files"] == 0
    if verb == "run":
        assert "Nothing was submitted" in talk


def test_ctrl_c_in_the_middle_of_one_body(start: Start, tmp_path: Path) -> None:
    fal, service = start(f"upload=stall-before:{LONG}")
    process = fal.start("upload", str(sparse(tmp_path / "x.bin", 90 * MIB)))
    until(lambda: service.stats["http"]["upload"] == 1)
    until_idle(process)
    code, stdout, talk = interrupted(process)
    assert (code, stdout) == (130, b"")
    assert "Traceback" not in talk


# What a person sees


def test_a_bar_with_rate_on_a_terminal_that_is_gone_afterwards(start: Start, tmp_path: Path) -> None:
    fal, _ = start("upload=stall:2*1")
    (tmp_path / "photo.png").write_bytes(PNG + bytes(3 * MIB))
    screen = Screen([*fal.argv, "upload", str(tmp_path / "photo.png")], fal.env, columns=100)
    moment = screen.until(lambda text: "uploading photo.png" in text and "3.1/3.1 MB" in text)
    assert "/s" in moment
    assert screen.finish() == 0
    assert [line for line in screen.text.splitlines() if line.startswith("http://")] == screen.text.splitlines()


def test_quiet_and_machine_talk(served: Program, tmp_path: Path) -> None:
    file = sparse(tmp_path / "x.bin", 12 * MIB)
    assert served("-q", "upload", str(file)).stderr == ""
    done = served("--json", "upload", str(file))
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()][-1] == "result"
    assert {json.loads(line)["event"] for line in done.stderr.splitlines()} <= {"progress", "result"}
    assert json.loads(done.stdout)["url"].startswith("http://")


@pytest.mark.parametrize("words", [("upload", "{}"), ("run", "sandbox/echo", "file=@{}", *NOW)], ids=["upload", "run"])
def test_a_pipe_that_nobody_writes_to_is_named_on_a_terminal(served: Program, tmp_path: Path, words: list[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    screen = Screen([*served.argv, *(word.format(pipe) for word in words)], served.env, columns=200)
    screen.until(lambda text: f"waiting for {pipe}" in text)
    pipe.write_bytes(PNG)
    assert screen.finish() == 0
    assert screen.text.count("waiting for") == 1


def test_a_pipe_that_comes_at_once_is_not_named(served: Program, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    shell = f"{shlex.join(served.argv)} upload <(cat {tmp_path / 'photo.png'})"
    screen = Screen(["/bin/bash", "-c", shell], served.env, columns=200)
    assert screen.finish() == 0
    assert "waiting for" not in screen.text


@pytest.mark.parametrize("words", [("upload", "-"), ("run", "sandbox/echo", "file=@-", *NOW)], ids=["upload", "run"])
def test_a_kill_leaves_nothing_of_stdin_behind(served: Program, tmp_path: Path, words: list[str]) -> None:
    """It holds a user's input: unlinked as soon as it is open."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = served.start(*words, stdin=subprocess.PIPE, env=served.env | {"TMPDIR": str(folder)})
    assert process.stdin is not None
    process.stdin.write(b"secret" * 1_000_000)  # more than the pipe holds: most of it is in the file by then
    process.stdin.flush()
    held = [os.readlink(path) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert any(name.startswith(str(folder)) for name in held), held
    process.kill()
    process.communicate()
    assert list(folder.iterdir()) == []
