"""`--once`: what was paid for is not paid for again; where reuse would be wrong it says why, and what would send."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fal_cli.calls.once import Fate, failed_for_good, fate_of
from fal_cli.calls.terms import Terms
from fal_cli.ledger.rows import Mark, Row, State, row_from
from tests.conftest import Finished, Program, Service
from tests.support.full_run import FULL
from tests.support.sandbox_keys import ADMIN_KEY, sandbox_at
from tests.support.summary_tables import FIGURES
from tests.support.time_machine import pass_time
from tests.support.waiting import until

NOW = ("sandbox.queue=0", "sandbox.run=0")
ECHO = ("sandbox/echo", *NOW)
PICTURE = ("fal-ai/flux/dev", "prompt=a cat", "image_size.width=32", "image_size.height=24", *NOW)
PROCESSES = 50 if FULL else 10
MOMENTS = 100 if FULL else 12
ORDERS = {"sandbox": {"queue": 0, "run": 0}}


def failing(kind: str) -> str:
    """The order that a request ends with an entry of that kind."""
    body = {"detail": [{"loc": ["body", "image_url"], "msg": "it went wrong", "type": kind}]}
    return f"sandbox.app:={json.dumps({'status': 422, 'body': body})}"


def ledger_in_sandbox(program: Program) -> Path:
    return program.home / "fal" / "state" / "sandbox" / "ledger.db"


@pytest.fixture
def exact(tmp_path: Path, home: Path) -> Iterator[tuple[Program, Service]]:
    """The program at a sandbox whose listing leaves nothing out."""
    state = tmp_path / "exact"
    sandbox = sandbox_at(state, settings=("exact-listing",))
    sandbox.start()
    service = Service(sandbox, state)
    yield Program(home, service.env), service
    sandbox.stop()


def rows(program: Program) -> list[Row]:
    """What the ledger says, oldest first."""
    with closing(sqlite3.connect(ledger_in_sandbox(program))) as db:
        db.row_factory = sqlite3.Row
        return [row_from(found) for found in db.execute("SELECT * FROM requests ORDER BY local_id")]


class TestReuse:
    def test_a_bare_text_and_an_alias_are_part_of_the_call(self, served: Program, service: Service) -> None:
        served("alias", "set", "small", *PICTURE[:1], *PICTURE[2:])
        served("run", *PICTURE, "--once")
        for words in (("small", "a cat"), (PICTURE[0], "a cat", *PICTURE[2:])):
            assert "reused" in served("run", *words, "--once").stderr
        assert "reused" not in served("run", "small", "a cat", "seed=3", "--once").stderr

    def test_a_folder_is_known_by_its_files(self, served: Program, tmp_path: Path) -> None:
        folder = tmp_path / "photos"
        folder.mkdir()
        (folder / "a.txt").write_text("a")
        words = ("run", *ECHO, f"data_url@{folder}/", "--once")
        served(*words)
        assert "reused" in served(*words).stderr
        (folder / "a.txt").rename(folder / "b.txt")
        assert "reused" not in served(*words).stderr

    def test_it_is_paid_for_once_however_it_is_written(self, served: Program, service: Service) -> None:
        first = served("run", *ECHO, "seed=7", "scale=1.0", "--once")
        again = served("run", "sandbox/echo", "-i", json.dumps({"scale": 1, "seed": 7, **ORDERS}), "--once")
        assert (again.stdout, service.accepted) == (first.stdout, 1)
        request_id = rows(served)[0].request_id
        assert again.stderr.startswith(f"reused request {request_id}, made just now: nothing was sent (--once)")
        envelope = json.loads(served("run", *ECHO, "scale=1.0", "seed=7", "--once", "--print", "envelope").stdout)
        assert (envelope["reused"], envelope["request_id"]) == (True, request_id)
        assert served("submit", *ECHO, "scale=1", "seed=7", "--once").text.strip() == request_id
        assert service.accepted == 1

    def test_a_call_without_it_is_found_by_one_with_it(self, served: Program, service: Service) -> None:
        served("run", *ECHO, "a=1")
        served("run", *ECHO, "a=1", "--once")
        assert service.accepted == 1
        served("run", *ECHO, "a=1")
        assert service.accepted == 2

    def test_what_runs_is_joined(self, served: Program, service: Service) -> None:
        request_id = served("submit", "sandbox/echo", "a=1", "sandbox.run=0.6", "--once").text.strip()
        done = served("run", "sandbox/echo", "a=1", "sandbox.run=0.6", "--once", "--print", "envelope")
        assert (json.loads(done.stdout)["request_id"], service.accepted) == (request_id, 1)
        assert f"joined request {request_id}" in done.stderr
        assert json.loads(done.stdout)["reused"] is True

    def test_only_what_is_missing_is_fetched(self, served: Program, service: Service, tmp_path: Path) -> None:
        served("run", *PICTURE, "--once", "-o", str(tmp_path / "a.png"))
        served("run", *PICTURE, "--once", "-o", str(tmp_path / "b.png"))
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
        assert service.accepted == 1

    def test_a_direct_call_is_known_too(self, served: Program, service: Service) -> None:
        first = served("run", *ECHO, "a=1", "--direct", "--once")
        assert served("run", *ECHO, "a=1", "--once").stdout == first.stdout
        assert service.stats["http"]["run"] == 1
        assert service.accepted <= 1

    def test_many_processes_and_one_request(
        self, served: Program, service: Service, record_property: Callable[[str, object], None]
    ) -> None:
        started = time.monotonic()
        words = ("run", "sandbox/echo", "a=1", "sandbox.run=0.5", "--once")
        processes = [served.start(*words) for _ in range(PROCESSES)]
        ended = [process.communicate(timeout=240) for process in processes]
        assert {process.returncode for process in processes} == {0}, [stderr for _, stderr in ended]
        assert {stdout for stdout, _ in ended} == {ended[0][0]}
        assert json.loads(ended[0][0])["a"] == 1
        assert service.accepted == 1
        record_property(FIGURES, f"{PROCESSES} processes with --once: 1 accepted, {time.monotonic() - started:.1f} s")


class TestWhereReuseWouldBeWrong:
    def test_media_that_are_gone(self, served: Program, service: Service) -> None:
        served("run", *PICTURE, "--once")
        for file in (service.state / "files").rglob("*"):
            if file.is_file():
                file.unlink()
        with closing(sqlite3.connect(service.state / "fal.db")) as db, db:
            db.execute("DELETE FROM files")
        done = served("run", *PICTURE, "--once", code=5)
        assert "its result is gone; nothing was sent" in done.stderr
        assert "--again expired" in done.stderr
        assert "It cost $0.025." in done.stderr
        assert service.accepted == 1
        served("run", *PICTURE, "--once", "--again", "expired")
        assert service.accepted == 2

    def test_media_that_are_gone_there_and_saved_here(self, served: Program, service: Service, tmp_path: Path) -> None:
        served("run", *PICTURE, "--once", "-o", str(tmp_path / "a.png"))
        with closing(sqlite3.connect(service.state / "fal.db")) as db, db:
            db.execute("DELETE FROM files")
        served("run", *PICTURE, "--once", "-o", str(tmp_path / "b.png"))
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
        (tmp_path / "a.png").write_bytes(b"another picture")
        later = time.time() + 100
        os.utime(tmp_path / "a.png", (later, later))
        (tmp_path / "b.png").unlink()
        served("run", *PICTURE, "--once", "-o", str(tmp_path / "c.png"), code=5)
        assert service.accepted == 1

    def test_a_result_that_was_cut(self, served: Program, service: Service) -> None:
        """The ledger's copy is short of its files: the service's is whole while it has it, and then it is gone."""
        words = ("run", *PICTURE, "sync_mode=true", "--once")
        first = served(*words)
        kept = rows(served)[0]
        assert kept.has_result
        assert served(*words).stdout == first.stdout
        pass_time(timedelta(days=60), ledger=ledger_in_sandbox(served), sandbox=service.state)
        assert "gone" in served(*words, code=5).stderr
        assert service.accepted == 1

    def test_another_key_of_the_same_account(self, served: Program, service: Service) -> None:
        served("run", *ECHO, "a=1", "--once")
        done = served("run", *ECHO, "a=1", "--once", env={"FAL_KEY": ADMIN_KEY})
        assert "was the same call, but of another key or host" in done.stderr
        assert service.accepted == 2

    def test_another_service(self, served: Program, service: Service, tmp_path: Path) -> None:
        served("run", *ECHO, "a=1", "--once")
        elsewhere = Program(served.home, {"FAL_CLI_HOME": str(served.home / "fal"), "FAL_SANDBOX": "1"})
        elsewhere.env.pop("FAL_KEY", None)
        done = elsewhere("run", *ECHO, "a=1", "--once")
        assert "was the same call, but of another key or host" in done.stderr

    def test_a_file_that_changed_with_its_time_kept(self, served: Program, service: Service, tmp_path: Path) -> None:
        picture = tmp_path / "a.png"
        words = ("run", *ECHO, f"image_url=@{picture}", "--once")
        for content in (b"one", b"two", b"one"):
            picture.write_bytes(content)
            os.utime(picture, ns=(10**18, 10**18))
            served(*words)
        assert service.accepted == 2

    def test_a_file_by_another_name_or_another_way_is_the_same(
        self, served: Program, service: Service, tmp_path: Path
    ) -> None:
        for name in ("a.png", "b.png"):
            (tmp_path / name).write_bytes(b"one")
        served("run", *ECHO, f"image_url=@{tmp_path / 'a.png'}", "--once")
        served("run", *ECHO, f"image_url=@{tmp_path / 'b.png'}", "--once")
        served("run", *ECHO, f"image_url=@{tmp_path / 'b.png'}", "--once", "--inline")
        assert service.accepted == 1

    def test_an_age_and_a_clock_that_went_back(self, served: Program, service: Service) -> None:
        served("run", *ECHO, "a=1", "--once")
        pass_time(timedelta(days=2), ledger=ledger_in_sandbox(served))
        served("run", *ECHO, "a=1", "--once=3d")
        assert service.accepted == 1
        served("run", *ECHO, "a=1", "--once=1d")
        assert service.accepted == 2
        pass_time(timedelta(days=-2), ledger=ledger_in_sandbox(served))  # now it was made in two days' time
        served("run", *ECHO, "a=1", "--once=1s")
        assert service.accepted == 2

    def test_a_schema_that_comes_and_goes(self, served: Program, service: Service) -> None:
        words = ("run", *PICTURE, "num_images=1", "seed=7", "--once")
        served(*words, env={"FAL_SANDBOX_FAULT": ""})
        served(*words, "--no-validate")
        for path in (served.home / "fal" / "cache").rglob("*"):
            if path.is_file():
                path.unlink()
        served(*words, env={"FAL_API_HOST": "http://127.0.0.1:9"}, code=None)
        assert service.accepted == 1

    def test_a_failed_download_of_the_input_is_tried_again(self, served: Program, service: Service) -> None:
        words = ("run", *ECHO, "a=1", failing("file_download_error"), "--once")
        served(*words, code=4)
        served(*words, code=4)
        assert service.accepted == 2

    def test_an_input_that_was_refused_is_told_again(self, served: Program, service: Service) -> None:
        words = ("run", *ECHO, "a=1", failing("content_policy_violation"), "--once")
        first = served(*words, code=4)
        again = served(*words, code=4)
        assert first.stderr.splitlines()[-3:] == again.stderr.splitlines()[-3:]
        assert "nothing was sent. To send it again: --again failed" in again.stderr
        assert service.accepted == 1
        served(*words, "--again", "failed", code=4)
        assert service.accepted == 2


class TestRefused:
    @pytest.mark.parametrize("verb", ["run", "submit"])
    def test_a_private_call(self, served: Program, service: Service, verb: str) -> None:
        assert "nothing of it is stored" in served(verb, *ECHO, "a=1", "--once", "--private", code=2).stderr
        assert service.accepted == 0

    @pytest.mark.parametrize("option", [("--once",), ("--budget", "5/day")])
    def test_without_a_ledger(self, served: Program, service: Service, option: tuple[str, ...]) -> None:
        path = ledger_in_sandbox(served)
        path.parent.mkdir(parents=True)
        path.mkdir()
        done = served("run", *ECHO, "a=1", *option, "--allow-unknown-cost", code=2)
        assert "needs the history" in done.stderr
        assert "FAL_CLI_HOME" in done.stderr
        assert service.accepted == 0
        served("run", *ECHO, "a=1")  # any other call warns and goes on

    def test_a_pipe_that_nothing_tells_from_others(self, served: Program, service: Service, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        done = served("run", *ECHO, f"image_url=@{tmp_path / 'pipe'}", "--once", code=2)
        assert "is a pipe" in done.stderr
        assert service.accepted == 0

    def test_an_age_that_is_none(self, served: Program) -> None:
        assert "is not an age" in served("run", *ECHO, "--once=soon", code=2).stderr
        assert "add --once" in served("run", *ECHO, "a=1", "--again", "failed", code=2).stderr


def test_a_folder_through_a_loop_twice(served: Program, service: Service, tmp_path: Path) -> None:
    """Each picture is uploaded once and paid for once; and for another call it is not uploaded again."""
    count = 40 if FULL else 4
    for number in range(count):
        (tmp_path / f"{number}.png").write_bytes(hashlib.sha256(bytes([number])).digest())
    words = [("submit", *ECHO, f"image_url=@{tmp_path / f'{number}.png'}", "--once") for number in range(count)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: served(*each), words))
        list(pool.map(lambda each: served(*each), words))
    assert (service.stats["http"]["upload"], service.accepted) == (count, count)
    done = served("submit", *ECHO, f"image_url=@{tmp_path / '0.png'}", "seed=2", "--once")
    assert "0.png was uploaded before" in done.stderr
    assert service.stats["http"]["upload"] == count
    assert service.accepted == count + 1


class TestKilled:
    @pytest.mark.parametrize("listing", ["exact", "lagging"])
    def test_at_any_moment_nothing_is_paid_twice(
        self,
        exact: tuple[Program, Service],
        served: Program,
        service: Service,
        listing: str,
        record_property: Callable[[str, object], None],
    ) -> None:
        program, place = exact if listing == "exact" else (served, service)
        seed = int(os.environ.get("FAL_TESTS_SEED") or random.randrange(2**32))
        chance = random.Random(seed)
        moments = [
            (number, chance.uniform(0, 1.2))
            for number in range(MOMENTS if FULL or listing == "exact" else MOMENTS // 4)
        ]

        def words(number: int) -> tuple[str, ...]:
            return ("run", "sandbox/echo", f"n={number}", "sandbox.queue=0", "sandbox.run=0.2", "--once")

        def kill(moment: tuple[int, float]) -> None:
            number, seconds = moment
            process = program.start(*words(number), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait()

        def again(moment: tuple[int, float]) -> Finished:
            return program(*words(moment[0]), code=None, timeout=120)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(kill, moments))
            ended = list(pool.map(again, moments))
        by_body = place.stats["by_body"]
        assert all(count == 1 for count in by_body.values()), f"seed {seed}: paid twice"
        codes = [done.code for done in ended]
        told = [done.stderr for done in ended if done.code != 0]
        if listing == "exact":
            assert codes == [0] * len(moments), f"seed {seed}: {told}"
            assert place.accepted == len(moments)
        else:
            assert set(codes) <= {0, 10}, f"seed {seed}: {told}"
            assert all("@" in line for line in told), "what is unknown is named"
        record_property(
            FIGURES,
            f"kill -9 at {len(moments)} moments with --once, {listing} listing (seed {seed}): none paid twice,"
            f" {codes.count(0)} done, {codes.count(10)} unknown and named",
        )

    def test_make_interrupted_and_made_again(self, exact: tuple[Program, Service], tmp_path: Path) -> None:
        program, service = exact
        count = 24 if FULL else 6
        argv = " ".join(program.argv)
        targets = " ".join(f"{number}.json" for number in range(count))
        (tmp_path / "Makefile").write_text(
            f"all: {targets}\n%.json:\n\t{argv} -q run sandbox/echo n=$* sandbox.queue=0 sandbox.run=0.3 -o $@ --once\n"
        )
        make = ["make", "-j8", "--silent"]
        options: dict[str, Any] = {"cwd": tmp_path, "env": program.env, "stdout": subprocess.DEVNULL}
        with subprocess.Popen(make, stderr=subprocess.DEVNULL, start_new_session=True, **options) as process:
            until(lambda: service.accepted > 1)
            os.killpg(process.pid, signal.SIGINT)
            process.wait()
        done = subprocess.run(make, stderr=subprocess.PIPE, timeout=240, check=False, **options)
        assert done.returncode == 0, done.stderr
        assert service.accepted == count
        assert len(list(tmp_path.glob("*.json"))) == count


class TestFate:
    """The table of `calls.once`, without a service."""

    NOW = datetime(2026, 5, 1, tzinfo=UTC)

    def row(self, state: State, **values: Any) -> Row:
        known: dict[str, Any] = dict.fromkeys(Row._fields)
        known |= {name: Row._field_defaults[name] for name in Row._field_defaults}
        known |= {"state": state, "mode": "queue", "updated_at": self.NOW, "created_at": self.NOW, "ended_at": self.NOW}
        return Row(**(known | values))

    @pytest.mark.parametrize(
        ("state", "values", "fate"),
        [
            (State.COMPLETED, {}, Fate.USE),
            (State.EXPIRED, {}, Fate.GONE),
            (State.ACCEPTED, {}, Fate.FOLLOW),
            (State.RUNNING, {}, Fate.FOLLOW),
            (State.ENDED, {}, Fate.FOLLOW),
            (State.ACCEPTED, {"mode": "direct"}, Fate.LOOK_UP),
            (State.SENDING, {"mark": Mark.CLAIMED}, Fate.SEND),
            (State.SENDING, {"mark": Mark.SENDING}, Fate.LOOK_UP),
            (State.SENDING, {}, Fate.LOOK_UP),
            (State.UNKNOWN, {}, Fate.LOOK_UP),
            (State.FAILED, {"failure": {"status": 422, "fields": [["body", "m", "missing"]]}}, Fate.TELL_FAILURE),
            (State.FAILED, {"failure": {"status": 500}}, Fate.SEND),
            (State.CANCELLED, {}, Fate.SEND),
            (State.REFUSED, {}, Fate.SEND),
            (State.NOT_SENT, {}, Fate.SEND),
        ],
    )
    def test_by_its_state(self, state: State, values: dict[str, Any], fate: Fate) -> None:
        terms = Terms(once=float("inf"))
        assert fate_of(self.row(state, **values), terms, self.NOW, is_being_sent=False) is fate

    def test_one_that_is_being_sent_is_awaited(self) -> None:
        for mark in (Mark.CLAIMED, Mark.SENDING, None):
            found = fate_of(self.row(State.SENDING, mark=mark), Terms(once=0.0), self.NOW, is_being_sent=True)
            assert found is Fate.AWAIT
        assert fate_of(None, Terms(once=0.0), self.NOW, is_being_sent=False) is Fate.SEND

    @pytest.mark.parametrize(
        ("failure", "is_for_good"),
        [
            ({"status": 422, "fields": [["body.prompt", "m", "string_too_long"]]}, True),
            ({"status": 422, "error_type": "content_policy_violation"}, True),
            ({"status": 400}, True),
            ({"status": 422, "fields": [["body", "m", "file_download_error"]]}, False),
            ({"status": 422, "fields": [["body", "m", "image_load_error"]]}, False),
            ({"status": 400, "error_type": "downstream_service_error"}, False),
            ({"status": 504, "error_type": "generation_timeout"}, False),
            ({"status": 503}, False),
            ({"status": 429}, False),
            ({}, False),
        ],
    )
    def test_what_failed_for_good(self, failure: dict[str, Any], is_for_good: bool) -> None:
        assert failed_for_good(failure) is is_for_good
