"""`fal resume`: what was left is taken up, whatever names it, and goes where `run` would have sent it."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fal_cli.concurrency import MOST, Crowd, Finished
from tests.support.fault_proxy import answer, held
from tests.support.faulty_server import Server, Step, close, read_request, send, stall
from tests.support.place import Place
from tests.support.waiting import until

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def printed(text: str) -> list[int]:
    """The `n` of each result that was printed, in order of their numbers."""
    return sorted(json.loads(line)["n"] for line in text.splitlines())


def objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects that follow each other in a text."""
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


class TestWithoutRef:
    def test_nothing_is_unfinished(self, place: Place) -> None:
        done = place("resume")
        assert (done.stdout, done.stderr) == (b"", "nothing is unfinished\n")
        assert place.proxy.seen == []

    def test_everything_that_was_left(self, place: Place) -> None:
        place("run", "sandbox/echo", "n=0", "sandbox.queue=0", "sandbox.run=0")
        for number in (1, 2, 3):
            place("submit", "sandbox/echo", f"n={number}", "sandbox.queue=0", "sandbox.run=0")
        place.lost(n=4)
        place.lose("n=5", "--direct", verb="run")
        assert printed(place("resume").text) == [1, 2, 3, 4, 5]
        assert {(row.state, row.is_open, row.has_result) for row in place.rows} == {("completed", False, True)}
        assert "nothing is unfinished" in place("resume").stderr
        assert place.service.accepted == 6

    def test_those_that_failed_are_told_and_keep_no_other_from_its_end(self, place: Place) -> None:
        place.queued(n=1)
        failed = place.queued(n=2, orders={"fail": {"status": 500, "body": {"detail": "the model broke"}}})
        cancelled = place.queued(n=3, orders={"queue": 60})
        place("cancel", cancelled)
        place.queued(n=4)
        done = place("resume", code=1)
        assert printed(done.text) == [1, 4]
        assert "the model broke" in done.stderr
        assert [place.row(name).state for name in (failed, cancelled)] == ["failed", "cancelled"]
        assert "nothing is unfinished" in place("resume").stderr

    def test_one_that_is_being_sent_is_left_to_its_process(self, place: Place) -> None:
        answered = threading.Event()
        place.proxy.fail("submit", held(answered))
        sending = place.start("submit", "sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=0")
        until(lambda: place.proxy.count("submit") == 1)
        done = place("resume", code=8)
        assert f"({sending.pid})" in done.stderr
        answered.set()
        assert sending.wait(30) == 0
        assert printed(place("resume").text) == [1]
        assert place.service.accepted == 1

    def test_a_network_that_is_away_is_waited_for(self, place: Place) -> None:
        for number in (1, 2):
            place.queued(n=number, orders={"run": 1})
        process = place.start("resume")
        until(lambda: place.proxy.count("stream") == 2)
        place.proxy.go_away()
        assert process.stderr is not None
        told = process.stderr.readline()
        while b"offline" not in told:
            told = process.stderr.readline()
        place.proxy.come_back()
        stdout, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert printed(stdout.decode()) == [1, 2]

    def test_a_limit_leaves_what_has_not_ended(self, place: Place) -> None:
        place.queued(n=1)
        slow = place.queued(n=2, orders={"queue": 60})
        done = place("resume", "--timeout", "2s", code=7)
        assert printed(done.text) == [1]
        assert f"resume {slow}" in done.stderr
        assert place.row(slow).is_open

    def test_a_limit_can_cancel(self, place: Place) -> None:
        for number in (1, 2):
            place.queued(n=number, orders={"queue": 60})
        done = place("resume", "--timeout", "1s", "--on-timeout", "cancel", code=7)
        assert done.stderr.count("was cancelled") == 2
        assert place.proxy.count("cancel") == 2

    def test_an_interruption_leaves_all_of_them(self, place: Place) -> None:
        for number in (1, 2):
            place.queued(n=number, orders={"queue": 60})
        process = place.start("resume")
        until(lambda: place.proxy.count("stream") == 2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        assert process.returncode == 130
        assert stdout == b""
        assert stderr.decode().splitlines()[-1] == "2 requests go on. To pick up: fal resume"
        assert [row.is_open for row in place.rows] == [True, True]

    def test_a_reader_who_leaves_ends_it_and_the_rest_stays(self, place: Place) -> None:
        for number in range(3):
            place.queued(n=number)
        process = place.start("resume")
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert any(row.is_open for row in place.rows)
        assert place("resume").text

    def test_a_profile_that_is_gone_keeps_no_other_from_its_turn(self, place: Place) -> None:
        config = place.home / "config.toml"
        config.write_text(f'[gone]\nkey = "{place.program.env["FAL_KEY"]}"\n')
        place.program.env["FAL_CONFIG_PATH"] = str(config)
        place("submit", "--profile", "gone", "sandbox/echo", "n=1", "sandbox.run=0")
        place.queued(n=2)
        config.write_text("")
        done = place("resume", code=2)
        assert printed(done.text) == [2]
        assert "'gone'" in done.stderr

    def test_the_call_of_an_app_on_this_machine_is_not_looked_up_on_the_service(self, place: Place) -> None:
        """Nothing of it lives on: neither the key nor its input has any business anywhere else."""
        with Server([read_request, stall]) as app:
            process = place.start("run", app.url, '{"n": 1}', "--no-validate")
            until(lambda: bool(place.rows))  # its schema was asked for before
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        place("resume", code=None)
        assert place.proxy.seen == []
        assert not place.rows[0].is_open


class TestRefs:
    """Each form is in `tests/test_refs.py`; here some of them all the way."""

    @pytest.fixture
    def ids(self, place: Place) -> list[str]:
        return [place.queued(n=number) for number in range(3)]

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            pytest.param(lambda ids: [ids[1][: prefix_length(ids)]], [1], id="a beginning"),
            pytest.param(lambda ids: ["last:2"], [1], id="last:2"),
            pytest.param(lambda ids: [f"https://queue.fal.run/sandbox/echo/requests/{ids[1]}/status"], [1], id="a URL"),
            pytest.param(lambda ids: ["sandbox/echo", ids[1]], [1], id="an endpoint before it"),
            pytest.param(lambda ids: [ids[1], "sandbox/echo"], [1], id="an endpoint behind it"),
            pytest.param(lambda ids: ["last:3", ids[1], "@3"], [0, 1, 2], id="three at once"),
        ],
    )
    def test_what_names_a_request(
        self, place: Place, ids: list[str], words: Callable[[list[str]], list[str]], found: list[int]
    ) -> None:
        assert printed(place("resume", *words(ids)).text) == found

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(lambda ids: [ids[0], ids[0]], id="the same id"),
            pytest.param(lambda ids: ["@1", "@1", "last"], id="the same number, and another"),
        ],
    )
    def test_one_that_is_named_twice_is_taken_up_once(
        self, place: Place, ids: list[str], words: Callable[[list[str]], list[str]]
    ) -> None:
        numbers = printed(place("resume", *words(ids)).text)
        assert numbers == sorted(set(numbers))
        assert numbers

    def test_a_request_of_another_machine(self, place: Place) -> None:
        request_id = place.queued(n=7)
        place.ledger.unlink()
        assert printed(place("resume", "sandbox/echo", request_id).text) == [7]

    @pytest.mark.parametrize(
        ("words", "code", "told"),
        [
            pytest.param(["last"], 5, "'last'", id="last of nothing"),
            pytest.param(["sandbox/echo", UNKNOWN], 5, "no such endpoint or request", id="id that nobody has"),
            pytest.param(["https://evil.example/a/b/requests/1"], 2, "not on the host in use", id="foreign URL"),
        ],
    )
    def test_what_names_none(self, place: Place, words: list[str], code: int, told: str) -> None:
        done = place("resume", *words, code=code)
        assert told in done.stderr
        assert done.stdout == b""

    def test_one_that_is_finished_is_fetched_again(self, place: Place, ids: list[str]) -> None:
        place("resume")
        assert printed(place("resume", ids[0]).text) == [0]

    @pytest.mark.parametrize(
        ("fault", "code", "told"),
        [
            pytest.param(answer(422, {"detail": "no"}), 4, "was refused", id="refused"),
            pytest.param(answer(404, {"detail": "no such app"}), 5, "was refused", id="not found"),
        ],
    )
    def test_one_that_there_is_nothing_to_take_up_of(
        self, place: Place, fault: Callable[..., None], code: int, told: str
    ) -> None:
        place.proxy.fail("submit", fault)
        place("submit", "sandbox/echo", "n=1", code=code)
        done = place("resume", "@1", code=5)
        assert f"@1 {told}" in done.stderr
        assert "fal rerun @1" in done.stderr


def prefix_length(ids: list[str]) -> int:
    """So long a beginning names one of them."""
    return next(length for length in range(4, 37) if len({request_id[:length] for request_id in ids}) == len(ids))


class TestWhere:
    def test_files_go_where_they_are_asked_to_go(self, place: Place) -> None:
        for seed in (1, 2):
            place.queued("fal-ai/flux/dev", prompt="x", seed=seed)
        done = place("resume", "-d", "out/", "--print", "files")
        saved = sorted(path.name for path in (place.folder / "out").iterdir())
        assert len(saved) == 2
        assert sorted(Path(line).name for line in done.text.splitlines()) == saved
        assert sorted(len(row.files) for row in place.rows) == [1, 1]
        for row in place.rows:
            assert row.request_id in Path(row.files[0]).name
            assert Path(row.files[0]).is_file()

    def test_files_are_named_after_the_input_that_the_ledger_has(self, place: Place) -> None:
        place.queued("fal-ai/flux/dev", prompt="a cat", seed=7)
        place.queued("fal-ai/flux/dev", prompt="a dog", seed=8)
        place("resume", "-d", "{input.prompt}-{seed}.{ext}")
        assert sorted(path.stem for path in place.folder.iterdir()) == ["a cat-7", "a dog-8"]

    def test_one_file_for_one_result(self, place: Place) -> None:
        place.queued(n=1)
        place("resume", "last", "-o", "x.json")
        assert json.loads((place.folder / "x.json").read_text()) == {"n": 1}

    def test_one_file_cannot_hold_several(self, place: Place) -> None:
        for number in (1, 2):
            place.queued(n=number)
        done = place("resume", "-o", "x.json", code=2)
        assert "several requests" in done.stderr
        assert [row.is_open for row in place.rows] == [True, True]

    @pytest.mark.parametrize("count", [1, 2])
    def test_print_envelope(self, place: Place, count: int) -> None:
        ids = [place.queued(n=number) for number in range(count)]
        found = objects(place("resume", "--print", "envelope").text)
        assert sorted(envelope["request_id"] for envelope in found) == sorted(ids)
        assert {envelope["endpoint"] for envelope in found} == {"sandbox/echo"}
        assert sorted(envelope["data"]["n"] for envelope in found) == list(range(count))

    def test_print_urls_and_id_and_url(self, place: Place) -> None:
        ids = [place.queued("fal-ai/flux/dev", prompt="x", num_images=2) for _ in range(2)]
        urls = place("resume", *ids, "--print", "urls").text.splitlines()
        assert len(urls) == 4
        assert all(url.startswith("http") for url in urls)
        assert sorted(place("resume", *ids, "--print", "id").text.split()) == sorted(ids)
        assert sorted(place("resume", *ids, "--print", "url").text.split()) == sorted(
            f"https://queue.fal.run/fal-ai/flux/requests/{request_id}" for request_id in ids
        )

    def test_query(self, place: Place) -> None:
        for number in (1, 2):
            place.queued(n=number)
        assert sorted(place("resume", "--query", "n").text.split()) == ["1", "2"]

    def test_byte_for_byte_and_a_line_each(self, place: Place) -> None:
        place.queued(a={"b": [1, 2]})
        assert place("resume").stdout == b'{"a":{"b":[1,2]}}'
        ids = [place.queued(n=number) for number in (1, 2)]
        assert sorted(place("resume", *ids).stdout.splitlines()) == [b'{"n":1}', b'{"n":2}']

    def test_what_could_not_be_saved_is_saved_later(self, place: Place) -> None:
        (place.folder / "out").write_text("no folder")
        place("run", "fal-ai/flux/dev", "prompt=x", "sandbox.queue=0", "sandbox.run=0", "-d", "out/", code=None)
        request = place.rows[0]
        assert (request.state, request.is_open) in (("completed", True), ("accepted", True))
        (place.folder / "out").unlink()
        place("resume", "-d", "out/")
        assert len(list((place.folder / "out").iterdir())) == 1
        assert not place.rows[0].is_open


class TestAfterADeath:
    def test_a_result_that_was_fetched_and_not_printed_is_printed(self, place: Place) -> None:
        """Nobody reads, so it is killed in the middle of writing."""
        text = "x" * 500_000
        reading, writing = os.pipe()
        words = ("run", "sandbox/echo", f"-ttext={text[:100_000]}", "n=1", "sandbox.queue=0", "sandbox.run=0")
        process = place.start(*words, stdout=writing)
        os.close(writing)
        until(lambda: place.rows and place.rows[0].state == "completed")
        process.kill()
        process.communicate()
        os.close(reading)
        assert place.rows[0].is_open
        assert json.loads(place("resume").stdout) == {"text": text[:100_000], "n": 1}
        assert not place.rows[0].is_open

    def test_what_the_ledger_has_whole_needs_no_network(self, place: Place) -> None:
        place.queued(n=1)
        process = place.start("result", "last")
        assert process.stdout is not None
        process.stdout.close()
        process.wait(30)
        assert (place.rows[0].state, place.rows[0].is_open, place.rows[0].has_result) == ("completed", True, True)
        place.proxy.go_away()
        assert printed(place("resume", "--timeout", "5s").text) == [1]

    def test_a_file_whose_download_was_killed_is_had_whole(self, place: Place) -> None:
        body = b"x" * 3_000_000
        with Server(routed_file(body, stalls_at=1_000_000), routed_file(body)) as media:
            place.queued(file={"url": f"{media.url}/x.bin", "file_name": "x.bin"})
            process = place.start("resume", "-d", "out/")
            media.settle(requests=1)
            until(lambda: any(path.stat().st_size for path in (place.folder / "out").glob("*")))
            process.kill()
            process.communicate()
            assert place.rows[0].is_open
            place("resume", "-d", "out/")
        (saved,) = place.rows[0].files
        assert Path(saved).read_bytes() == body
        assert not place.rows[0].is_open

    def test_so_is_that_of_a_direct_call_which_only_the_ledger_has(self, place: Place) -> None:
        reading, writing = os.pipe()
        words = ("run", "--direct", "sandbox/echo", f"-ttext={'x' * 100_000}", "sandbox.run=0")
        process = place.start(*words, stdout=writing)
        os.close(writing)
        until(lambda: place.rows and place.rows[0].state == "completed")
        process.kill()
        process.communicate()
        os.close(reading)
        seen = len(place.proxy.seen)
        assert json.loads(place("resume").stdout) == {"text": "x" * 100_000}
        assert not place.rows[0].is_open
        assert len(place.proxy.seen) == seen

    def test_a_direct_result_too_large_to_be_kept_is_not_told_of_for_ever(self, place: Place) -> None:
        reading, writing = os.pipe()
        (place.folder / "big.json").write_text(json.dumps({"text": "x" * 2_000_000}))
        process = place.start("run", "--direct", "sandbox/echo", "@big.json", "sandbox.run=0", stdout=writing)
        os.close(writing)
        until(lambda: place.rows and place.rows[0].state == "completed")
        process.kill()
        process.communicate()
        os.close(reading)
        assert not place.rows[0].has_result
        place("resume", code=None)
        assert "nothing is unfinished" in place("resume", code=None).stderr

    def test_a_stream_that_was_killed_is_told_of_once(self, place: Place) -> None:
        process = place.start("stream", "sandbox/echo", "n=1", "sandbox.events=100", "sandbox.interval=1")
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.communicate()
        done = place("resume", code=10)
        assert "stream call to sandbox/echo that was cut off: its output cannot be fetched" in done.stderr
        assert (place.rows[0].state, place.rows[0].is_open) == ("unknown", False)
        assert "nothing is unfinished" in place("resume").stderr

    def test_a_stream_whose_reader_left_is_nothing_unfinished(self, place: Place) -> None:
        process = place.start("stream", "sandbox/echo", "n=1", "sandbox.events=1000", "sandbox.interval=0.01")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert (place.rows[0].state, place.rows[0].is_open) == ("unknown", False)
        assert "nothing is unfinished" in place("resume").stderr

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    def test_whatever_ended_run_its_request_is_taken_up(self, place: Place, number: signal.Signals) -> None:
        process = place.start("run", "sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=1.5")
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(number)
        process.communicate(timeout=30)
        assert printed(place("resume").text) == [1]
        assert place.service.accepted == 1


def routed_file(body: bytes, *, stalls_at: int | None = None) -> list[Step]:
    """A script that answers with a file, or with its beginning and then with nothing."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % len(body)
    return [read_request, send(head + body[:stalls_at]), stall if stalls_at else close]


class TestCrowd:
    def test_those_that_come_first_are_begun_first(self) -> None:
        begun: list[int] = []
        crowd: Crowd[int, object, int] = Crowd()

        def work(number: int) -> int:
            begun.append(number)
            return number

        for number in range(MOST * 2):
            crowd.add(number, lambda show, number=number: work(number))  # type: ignore[misc]
        ended = {key: happened.value for key, happened in crowd.news() if isinstance(happened, Finished)}
        assert ended == {number: number for number in range(MOST * 2)}
        assert set(begun[: MOST // 2]) <= set(range(MOST))

    def test_an_error_is_the_end_of_one(self) -> None:
        crowd: Crowd[str, object, int] = Crowd()
        crowd.add("bad", lambda show: 1 // 0)
        crowd.add("good", lambda show: 7)
        ended = {key: happened for key, happened in crowd.news() if isinstance(happened, Finished)}
        assert isinstance(ended["bad"].error, ZeroDivisionError)
        assert ended["good"].value == 7
