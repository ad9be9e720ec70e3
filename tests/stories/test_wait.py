"""`fal wait`: a line for each request as it ends, and a code that says whether all went well."""

import json
import signal

import pytest

from fal_cli.concurrency import MOST
from tests.support.fault_proxy import answer, lose_answer
from tests.support.place import Place
from tests.support.waiting import until

FAILS = {"fail": {"status": 500, "body": {"detail": "the model broke"}}}
WAITS = {"queue": 60}


def test_a_line_as_each_ends(place: Place) -> None:
    slow = place.queued(n=1, orders={"run": 3})
    quick = place.queued(n=2)
    process = place.start("wait", slow, quick)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{quick}\tok\n".encode()
    assert process.stdout.readline() == f"{slow}\tok\n".encode()
    assert process.wait(30) == 0


@pytest.mark.parametrize(
    "words", [["last"], ["@1"], ["sandbox/echo", "last"], ["last", "sandbox/echo"]], ids=lambda words: " ".join(words)
)
def test_whatever_names_it(place: Place, words: list[str]) -> None:
    request_id = place.queued(n=1)
    assert place("wait", *words).text == f"{request_id}\tok\n"


def test_its_result_is_kept_here(place: Place) -> None:
    request_id = place.queued(n=1)
    place("wait", request_id)
    (row,) = place.rows
    assert (row.state, row.has_result) == ("completed", True)
    place.proxy.fail("result", answer(404, {"status": "NOT_FOUND"}), times=9)
    assert json.loads(place("result", request_id).stdout) == {"n": 1}


def test_one_that_failed(place: Place) -> None:
    failed, good = place.queued(n=1, orders=FAILS), place.queued(n=2)
    done = place("wait", failed, good, code=1)
    assert sorted(done.text.splitlines()) == sorted([f"{failed}\tfailed", f"{good}\tok"])
    assert "the model broke" in done.stderr
    assert (place.row(failed).state, place.row(failed).is_open) == ("failed", False)


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param({"fail": 422}, id="its input was refused by the model"),
        pytest.param({"fail": 500, "silent_error": True}, id="its status did not say so"),
        pytest.param({"fail": 404}, id="the app has no such path"),
    ],
)
def test_whatever_failed_the_code_is_1(place: Place, orders: dict[str, object]) -> None:
    """As its help says: codes of its own would have a script take them for those of `wait` itself."""
    request_id = place.queued(n=1, orders=orders)
    assert place("wait", request_id, code=1).text == f"{request_id}\tfailed\n"


def test_one_that_was_cancelled(place: Place) -> None:
    request_id = place.queued(n=1, orders=WAITS)
    process = place.start("wait", request_id)
    until(lambda: place.proxy.count("stream") == 1)
    place("cancel", request_id)
    stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (1, f"{request_id}\tfailed\n".encode())
    assert place.rows[0].state == "cancelled"


def test_a_second_cancel_says_so(place: Place) -> None:
    request_id = place.queued(n=1, orders=WAITS)
    assert "cancelled" in place("cancel", request_id).stderr
    again = place("cancel", request_id)
    assert f"{request_id}: already cancelled" in again.stderr
    (told,) = map(json.loads, place("cancel", request_id, "--json").text.splitlines())
    assert told == {"request_id": request_id, "outcome": "already_cancelled"}


def test_a_cancel_whose_answer_was_lost_is_ours(place: Place) -> None:
    request_id = place.queued(n=1, orders=WAITS)
    place.proxy.fail("cancel", lose_answer)
    assert f"{request_id}: cancelled" in place("cancel", request_id).stderr


def test_a_limit(place: Place) -> None:
    slow, quick = place.queued(n=1, orders=WAITS), place.queued(n=2)
    done = place("wait", slow, quick, "--timeout", "2s", code=7)
    assert done.text == f"{quick}\tok\n"
    assert f"resume {slow}" in done.stderr
    assert place.row(slow).is_open


def test_a_limit_weighs_more_than_a_failure(place: Place) -> None:
    slow, failed = place.queued(n=1, orders=WAITS), place.queued(n=2, orders=FAILS)
    done = place("wait", slow, failed, "--timeout", "2s", code=7)
    assert done.text == f"{failed}\tfailed\n"


def test_any_ends_with_the_first(place: Place) -> None:
    slow, quick = place.queued(n=1, orders=WAITS), place.queued(n=2)
    assert place("wait", "--any", slow, quick).text == f"{quick}\tok\n"
    assert place.row(slow).is_open


def test_any_ends_with_the_first_though_it_failed(place: Place) -> None:
    slow, failed = place.queued(n=1, orders=WAITS), place.queued(n=2, orders=FAILS)
    assert place("wait", "--any", slow, failed, code=1).text == f"{failed}\tfailed\n"


def test_one_that_is_named_twice(place: Place) -> None:
    request_id = place.queued(n=1)
    assert set(place("wait", request_id, "last").text.splitlines()) == {f"{request_id}\tok"}


def test_one_that_has_ended_long_ago(place: Place) -> None:
    request_id = place.queued(n=1)
    place("resume")
    assert place("wait", request_id).text == f"{request_id}\tok\n"


def test_one_that_nobody_knows(place: Place) -> None:
    unknown, good = "00000000-0000-4000-8000-000000000000", place.queued(n=1)
    done = place("wait", "sandbox/echo", unknown, good, code=5)
    assert f"{good}\tok" in done.text
    assert f"{unknown}\tok" not in done.text


def test_sixty_at_once(place: Place) -> None:
    ids = [place.queued(n=number) for number in range(70)]
    lines = place("wait", *ids).text.splitlines()
    assert sorted(lines) == sorted(f"{request_id}\tok" for request_id in ids)
    assert {(row.state, row.has_result) for row in place.rows} == {("completed", True)}


NEVER = {"queue": 86_400}


@pytest.mark.parametrize("words", [("wait", "--any"), ("wait",)])
def test_those_that_run_hide_none_that_has_ended(place: Place, words: tuple[str, ...]) -> None:
    """More than are followed at once stand before it, and none of those ends."""
    slow = [place.queued(n=number, orders=NEVER) for number in range(MOST + 6)]
    quick = place.queued(n=-1)
    process = place.start(*words, *slow, quick)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{quick}\tok\n".encode()
    if "--any" not in words:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, 143)


@pytest.mark.parametrize("more", [1, 12])
def test_nor_one_that_ends_later(place: Place, more: int) -> None:
    """The listing is looked at as long as one of them is not followed."""
    slow = [place.queued(n=number, orders=NEVER) for number in range(MOST + more)]
    later = place.queued(n=-1, orders={"run": 4})
    assert place("wait", "--any", *slow, later).text == f"{later}\tok\n"


def test_those_that_run_hide_no_result_of_resume(place: Place) -> None:
    for number in range(MOST + 6):
        place.queued(n=number, orders=NEVER)
    place.queued(n=-1)
    process = place.start("resume")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"n": -1}
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143


def test_an_interruption(place: Place) -> None:
    request_id = place.queued(n=1, orders=WAITS)
    process = place.start("wait", request_id)
    until(lambda: place.proxy.count("stream") == 1)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (143, b"")
    assert f"To pick up: fal resume {request_id}" in stderr.decode()


def test_a_result_that_is_not_kept_is_not_taken_for_seen(place: Place) -> None:
    """Nobody has it: what is paid for must stay among what is unfinished."""
    (place.folder / "big.json").write_text(json.dumps({"text": "x" * 2_000_000}))
    request_id = place("submit", "sandbox/echo", "@big.json", "sandbox.run=0").text.strip()
    assert place("wait", request_id).text == f"{request_id}\tok\n"
    assert not place.rows[0].has_result
    assert place.rows[0].is_open


def test_for_programs(place: Place) -> None:
    """Both are JSON, line by line."""
    failed, good = place.queued(n=1, orders=FAILS), place.queued(n=2)
    done = place("wait", failed, good, "--json", code=1)
    verdicts = {line["request_id"]: line["verdict"] for line in map(json.loads, done.text.splitlines())}
    assert verdicts == {failed: "failed", good: "ok"}
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line.get("request_id") for line in told} >= {failed, good}
    assert [line["code"] for line in told if line["event"] == "error"] == [1]
