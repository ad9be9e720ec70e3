"""A call whose answer was lost: looked up, adopted by one row only, and sent again on the user's word alone."""

import json
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import Finished
from tests.support.fault_proxy import answer, held, lose_answer, stall, together
from tests.support.place import Place
from tests.support.time_machine import pass_time
from tests.support.waiting import until

PATIENT = {"PYTHONPATH": ""}  # looks as long as any user's program does


def end(process: Any) -> Finished:
    stdout, stderr = process.communicate(timeout=60)
    return Finished(process.returncode, stdout, stderr.decode())


def wrong_clock(place: Place, minutes: int) -> dict[str, str]:
    """The variable with which a process has a clock that is off by so much."""
    file = place.folder / "clock"
    file.write_text(str(60 * minutes))
    return {"FAL_TESTS_CLOCK": str(file)}


class TestAdoption:
    def test_it_is_said_what_was_found(self, place: Place) -> None:
        name = place.lose("n=1")
        assert name == "@1"
        done = place("resume", name)
        assert json.loads(done.stdout) == {"n": 1}
        (request_id,) = place.service.stats["requests"]
        assert f"@1 is request {request_id}, which the service had accepted" in done.stderr
        row = place.rows[0]
        assert (row.request_id, row.state, row.is_open) == (request_id, "completed", False)
        assert row.urls["response_url"] == f"https://queue.fal.run/sandbox/echo/requests/{request_id}"

    def test_of_two_identical_calls_the_one_that_is_nobodys(self, place: Place) -> None:
        known = place.queued(n=1)
        place.lost(n=1)
        assert place("resume").text.splitlines() == ['{"n":1}'] * 2
        other = place.row("@2").request_id
        assert {known, other} == set(place.service.stats["requests"])
        assert known != other

    def test_each_of_two_identical_calls_gets_its_own(self, place: Place) -> None:
        place.lost(n=1)
        place.lost(n=1)
        assert place("resume").text.splitlines() == ['{"n":1}'] * 2
        assert {row.request_id for row in place.rows} == set(place.service.stats["requests"])

    def test_of_a_call_that_arrived_and_one_that_did_not_one_is_found(self, place: Place) -> None:
        place.lost(n=1, arrives=False)
        place.lost(n=1)
        assert place("resume", code=10).text == '{"n":1}\n'
        assert sorted(bool(row.request_id) for row in place.rows) == [False, True]
        assert place.service.accepted == 1

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"n": 2}, id="another input"),
            pytest.param({"n": 1, "more": None}, id="more input"),
            pytest.param({"n": "1"}, id="another type"),
            pytest.param({"n": True}, id="a type that Python takes for the same"),
            pytest.param({}, id="less input"),
        ],
    )
    def test_what_has_another_input_is_not_adopted(self, place: Place, other: dict[str, Any]) -> None:
        place.lost(n=1, arrives=False)
        place.elsewhere(**other)
        place("resume", "@1", code=10)
        assert place.row("@1").request_id == ""

    def test_what_went_to_another_endpoint_is_not_adopted(self, place: Place) -> None:
        place.lost(n=1, arrives=False)
        place.elsewhere("sandbox/echo/deeper", n=1)
        place("resume", "@1", code=10)
        assert place.row("@1").request_id == ""

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("ü" * 100_000, id="too long to be kept"),
            pytest.param("data:image/png;base64," + "A" * 10_000, id="holding a file"),
        ],
    )
    def test_an_input_that_was_not_kept_whole_is_known_by_its_hash(self, place: Place, text: str) -> None:
        place.lost(z=1, text=text)
        assert not place.row("@1").input_is_whole
        assert json.loads(place("resume").stdout) == {"z": 1, "text": text}

    def test_among_many(self, place: Place) -> None:
        """The listing comes in pages; what is looked for is on the last."""
        place.lost(n=1)
        for number in range(120):
            place.elsewhere(n=number + 2)
        assert json.loads(place("resume", "@1").stdout) == {"n": 1}
        assert place.proxy.count("listing") == 2

    def test_the_pages_are_read_once_for_all_of_them(self, place: Place) -> None:
        for number in range(8):
            place.lost(n=number)
        for number in range(250):
            place.elsewhere(m=number)
        lines = place("resume").text.splitlines()
        assert sorted(json.loads(line)["n"] for line in lines) == list(range(8))
        assert place.proxy.count("listing") == 3  # of a hundred each, where each by itself would take as many

    def test_one_that_is_not_listed_yet_is_looked_for_again(self, place: Place) -> None:
        """One that waits in line is not."""
        place.lost(n=1)
        place.proxy.fail("listing", answer(200, {"items": [], "next_cursor": None, "has_more": False}))
        assert json.loads(place("resume", env=PATIENT).stdout) == {"n": 1}
        assert place.proxy.count("listing") == 2

    def test_one_that_waited_in_line_for_twenty_minutes(self, place: Place) -> None:
        """The listing goes by when a request began to run (§9.3, §11.2)."""
        place.lost(n=1, orders={"queue": 1200})
        place.pass_time(timedelta(minutes=21))
        assert json.loads(place("resume").stdout) == {"n": 1}

    @pytest.mark.parametrize("passed", [timedelta(minutes=9), timedelta(hours=5), timedelta(days=2)])
    def test_however_late_one_asks(self, place: Place, passed: timedelta) -> None:
        place.lost(n=1)
        place.pass_time(passed)
        assert json.loads(place("resume").stdout) == {"n": 1}

    @pytest.mark.parametrize("minutes", [-8, 8])
    def test_whatever_the_clock_of_this_machine_says(self, place: Place, minutes: int) -> None:
        """It is wrong by minutes; what the service says of its own time is in every answer's Date."""
        place.lost(n=1)
        pass_time(timedelta(minutes=minutes), ledger=place.ledger)
        assert json.loads(place("resume").stdout) == {"n": 1}

    @pytest.mark.parametrize("minutes", [-1500, -20, 20, 1500])
    def test_a_clock_that_is_wrong_by_any_time(self, place: Place, minutes: int) -> None:
        """What is told of its age is by the service's clock, too."""
        env = wrong_clock(place, minutes)
        place.proxy.fail("submit", lose_answer)
        place("submit", "sandbox/echo", "n=1", "sandbox.run=0", code=10, env=env)
        done = place("resume", env=env)
        assert json.loads(done.stdout) == {"n": 1}
        assert "which the service had accepted" in done.stderr
        assert not re.search(r"-\d", done.stderr.replace(place.rows[0].request_id, ""))

    @pytest.mark.parametrize("minutes", [-1500, -20, 20, 1500])
    def test_a_clock_that_was_set_right_meanwhile(self, place: Place, minutes: int) -> None:
        """An earlier answer of the same command has told by how much it was wrong."""
        place.proxy.fail("submit", lose_answer)
        (place.folder / "song.bin").write_bytes(b"la")
        words = ("submit", "sandbox/echo", "n=1", "file=@song.bin", "sandbox.run=0")
        place(*words, code=10, env=wrong_clock(place, minutes))
        assert json.loads(place("resume").stdout)["n"] == 1

    def test_one_whose_process_number_is_anothers_now(self, place: Place) -> None:
        """As after a reboot: the number says nothing about a process of days ago."""
        process = place.start("run", "--direct", "sandbox/echo", "n=1", "sandbox.run=2")
        until(lambda: place.service.accepted == 1)
        process.kill()
        process.communicate()
        place.pass_time(timedelta(days=3))
        with closing(sqlite3.connect(place.ledger)) as db, db:
            db.execute("UPDATE requests SET pid = 1")
        assert json.loads(place("resume").stdout) == {"n": 1}

    def test_one_that_failed(self, place: Place) -> None:
        name = place.lost(n=1, orders={"fail": 500})
        place("resume", name, code=1)
        assert (place.rows[0].state, place.rows[0].is_open) == ("failed", False)

    def test_one_that_was_adopted_and_then_left(self, place: Place) -> None:
        place.lost(n=1, orders={"run": 2})
        process = place.start("resume")
        until(lambda: place.rows[0].request_id)
        process.kill()
        process.communicate()
        assert json.loads(place("resume").stdout) == {"n": 1}
        assert place.proxy.count("listing") == 1

    def test_the_listing_is_asked_with_the_key_at_its_own_host_only(self, place: Place) -> None:
        place.lost(n=1)
        place("resume")
        asked = [seen for seen in place.proxy.seen if seen.route == "listing"]
        assert {seen.host for seen in asked} == {"api"}
        assert all(seen.request.headers["authorization"].startswith("Key ") for seen in asked)

    @pytest.mark.parametrize("verb", ["status", "result", "cancel", "logs", "wait"])
    def test_other_verbs_say_that_it_has_to_be_looked_up(self, place: Place, verb: str) -> None:
        name = place.lost(n=1)
        done = place(verb, name, code=5)
        assert f"fal resume {name}" in done.stderr


class TestPrivateCalls:
    """The service hides the input of such a call; only one that is alone can be told."""

    def test_one_that_is_alone(self, place: Place) -> None:
        place.lost(n=1, is_private=True)
        assert json.loads(place("resume").stdout) == {"n": 1}
        assert not place.rows[0].has_result

    def test_one_beside_another_that_has_its_row(self, place: Place) -> None:
        place("resume", place.queued(n=1, is_private=True))
        place.lost(n=2, is_private=True)
        assert json.loads(place("resume").stdout) == {"n": 2}

    def test_two_of_which_none_has_a_row(self, place: Place) -> None:
        place.lost(n=1, is_private=True)
        place.lost(n=2, is_private=True)
        done = place("resume", code=10)
        assert done.stdout == b""
        assert [row.request_id for row in place.rows] == ["", ""]

    def test_what_was_not_kept_cannot_be_sent_again(self, place: Place) -> None:
        name = place.lost(n=1, is_private=True, arrives=False)
        done = place("resume", name, "--retry-unknown", code=2)
        assert "it was private" in done.stderr
        assert place.service.accepted == 0


class TestDirectCalls:
    def test_its_result_comes_from_the_listing(self, place: Place) -> None:
        place.lost(n=1, mode="direct")
        done = place("resume", "--print", "envelope")
        envelope = json.loads(done.stdout)
        assert envelope["data"] == {"n": 1}
        assert envelope["request_id"] in place.service.stats["requests"]
        assert place.rows[0].request_id == envelope["request_id"]

    def test_one_that_still_runs(self, place: Place) -> None:
        process = place.start("run", "--direct", "sandbox/echo", "n=1", "sandbox.run=4")
        until(lambda: place.service.accepted == 1)
        process.kill()
        process.communicate()
        assert "still running" in place("resume", code=8).stderr
        assert place.rows[0].is_open
        until(lambda: place("resume", code=None).code == 0)
        assert json.loads(place.finished[-1].stdout) == {"n": 1}
        assert place.service.accepted == 1

    def test_one_that_failed(self, place: Place) -> None:
        place.lost(n=1, mode="direct", orders={"fail": 500})
        assert "failed (HTTP 500)" in place("resume", code=1).stderr
        assert "nothing is unfinished" in place("resume").stderr

    def test_a_private_one_has_no_output_to_fetch(self, place: Place) -> None:
        place.lost(n=1, mode="direct", is_private=True)
        assert "the service has no output for it" in place("resume", code=5).stderr
        assert "nothing is unfinished" in place("resume").stderr

    def test_it_is_not_sent_again_by_resume(self, place: Place) -> None:
        name = place.lost(n=1, mode="direct", arrives=False)
        done = place("resume", name, "--retry-unknown", code=2)
        assert f"fal rerun {name}" in done.stderr
        assert place.service.accepted == 0

    def test_a_queued_call_does_not_adopt_a_direct_one(self, place: Place) -> None:
        """The queue knows nothing of it: the result of the one would be lost, and the other be looked for in vain."""
        place.lost(n=1, mode="direct")
        place.lost(n=1, arrives=False)
        place("resume", "@2", code=10)
        assert place.row("@2").request_id == ""
        assert json.loads(place("resume", "@1").stdout) == {"n": 1}


class TestNotFound:
    def test_nothing_is_sent(self, place: Place) -> None:
        name = place.lost(n=1, arrives=False)
        done = place("resume", name, code=10)
        assert f"the service lists no request like {name} (sandbox/echo" in done.stderr
        assert f"fal resume {name} --retry-unknown" in done.stderr
        assert (place.proxy.count("submit"), place.service.accepted) == (0, 0)
        assert place.row(name).is_open

    def test_with_the_users_word_it_is_sent_once_more(self, place: Place) -> None:
        options = ("--priority", "low", "--tag", "team=x", "--start-timeout", "60")
        name = place.lose("n=1", *options, arrives=False)
        done = place("resume", name, "--retry-unknown")
        assert json.loads(done.stdout) == {"n": 1}
        (request_id,) = place.service.stats["requests"]
        assert f"{name} was sent again: request {request_id}" in done.stderr
        first, second = place.rows
        assert (first.state, first.is_open, first.error) == (
            "unknown",
            False,
            f"not found on the service; sent again as {request_id}",
        )
        assert (second.request_id, second.state, second.is_open) == (request_id, "completed", False)
        assert second.options == first.options
        lost, again = (seen.request for seen in place.proxy.seen if seen.route == "submit")
        assert (lost.body, lost.headers["x-fal-tags"]) == (again.body, again.headers["x-fal-tags"])
        assert "nothing is unfinished" in place("resume", "--retry-unknown").stderr
        assert place.service.accepted == 1

    def test_with_the_users_word_what_is_there_is_not_sent_again(self, place: Place) -> None:
        place.lost(n=1)
        assert json.loads(place("resume", "--retry-unknown").stdout) == {"n": 1}
        assert place.service.accepted == 1

    def test_an_input_that_was_not_kept_cannot_be_sent_again(self, place: Place) -> None:
        place.lost(text="x" * 100_000, arrives=False)
        done = place("resume", "--retry-unknown", code=2)
        assert "too long" in done.stderr
        assert place.service.accepted == 0

    def test_one_whose_answer_is_lost_again_is_no_worse_off(self, place: Place) -> None:
        place.lost(n=1, arrives=False)
        place.proxy.fail("submit", lose_answer)
        done = place("resume", "--retry-unknown", code=10)
        assert done.stdout == b""
        assert place.service.accepted == 1
        assert place("resume", code=None).text.splitlines() == ['{"n":1}']
        assert place.service.accepted == 1


class TestListingFails:
    def test_refused(self, place: Place) -> None:
        """The key's scope does not allow it."""
        name = place.lost(n=1)
        place.proxy.fail("listing", answer(403, {"error": {"type": "forbidden", "message": "no scope"}}))
        done = place("resume", name, code=10)
        assert "the service refused to list your requests (HTTP 403" in done.stderr
        assert "https://fal.ai/dashboard" in done.stderr
        assert f"fal resume {name} --retry-unknown" in done.stderr
        assert (place.row(name).is_open, place.service.accepted) == (True, 1)

    def test_refused_and_sent_again_on_the_users_word(self, place: Place) -> None:
        place.lost(n=1)
        place.proxy.fail("listing", answer(403, {"error": {"type": "forbidden", "message": "no scope"}}))
        assert json.loads(place("resume", "--retry-unknown").stdout) == {"n": 1}
        assert place.service.accepted == 2

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param(answer(500, {"error": {"type": "internal", "message": "down"}}), id="500"),
            pytest.param(answer(502, "<html>bad gateway</html>"), id="502"),
            pytest.param(lose_answer, id="cut"),
            pytest.param(answer(200, "no JSON"), id="no JSON"),
        ],
    )
    def test_a_failure_is_no_answer_to_whether_it_is_there(self, place: Place, fault: Callable[..., None]) -> None:
        """Not even with the user's word, which was given for a call that is not there."""
        name = place.lost(n=1)
        place.proxy.fail("listing", fault, times=20)
        done = place("resume", name, "--retry-unknown", code=6)
        assert done.stdout == b""
        assert (place.row(name).is_open, place.service.accepted) == (True, 1)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"items": [{"request_id": 7, "json_input": {"n": 1}}]}, id="no id"),
            pytest.param({"items": [{"json_input": {"n": 1}}, None, "x"]}, id="no objects"),
            pytest.param({"items": None}, id="no list"),
            pytest.param({}, id="nothing"),
            pytest.param({"items": [], "has_more": True, "next_cursor": None}, id="more of nothing"),
        ],
    )
    def test_a_listing_that_lists_nothing_that_can_be_read(self, place: Place, body: dict[str, Any]) -> None:
        place.lost(n=1)
        place.proxy.fail("listing", answer(200, body))
        assert "lists no request" in place("resume", code=10).stderr

    def test_a_limit_that_ends_the_search_is_no_answer_either(self, place: Place) -> None:
        """It waits in line, which is where a search has to look for a while."""
        place.lost(n=1, orders={"queue": 20})
        done = place("resume", "--retry-unknown", "--timeout", "1s", code=None, env=PATIENT)
        assert done.stdout == b""
        assert place.service.accepted == 1


class TestTwoAtOnce:
    def test_two_that_look_for_the_same_call_agree(self, place: Place) -> None:
        """One is held up until the other has found it."""
        place.lost(n=1)
        found = threading.Event()
        place.proxy.fail("listing", held(found))
        late = place.start("resume", "@1")
        until(lambda: place.proxy.count("listing") == 1)
        assert json.loads(place("resume", "@1").stdout) == {"n": 1}
        found.set()
        done = end(late)
        assert "lists no request" not in done.stderr
        assert done.code == 0, done.stderr

    def test_a_call_that_another_has_found_is_not_sent_again(self, place: Place) -> None:
        place.lost(n=1)
        found = threading.Event()
        place.proxy.fail("listing", held(found))
        late = place.start("resume", "@1", "--retry-unknown")
        until(lambda: place.proxy.count("listing") == 1)
        place("resume", "@1")
        found.set()
        end(late)
        assert place.service.accepted == 1

    def test_a_call_that_another_has_found_gets_no_second_request(self, place: Place) -> None:
        """One more with the same input is there, made on another machine: it is not this call's."""
        place.lost(n=1)
        place.elsewhere(n=1)
        found = threading.Event()
        place.proxy.fail("listing", held(found))
        late = place.start("resume", "@1")
        until(lambda: place.proxy.count("listing") == 1)
        place("resume", "@1")
        mine = place.row("@1").request_id
        found.set()
        end(late)
        assert place.row("@1").request_id == mine

    def test_what_another_picked_up_is_left_to_it(self, place: Place) -> None:
        place.queued(n=1)
        given = threading.Event()
        place.proxy.fail("result", held(given))
        first = place.start("resume", "--print", "none")
        until(lambda: place.proxy.count("result") == 1)
        done = place("resume")
        given.set()
        assert done.stdout == b""
        assert "1 request is followed by another process" in done.stderr
        assert first.wait(30) == 0
        assert place.proxy.count("result") == 1

    def test_a_call_that_nobody_finds_is_sent_again_once(self, place: Place) -> None:
        place.lost(n=1, arrives=False)
        both = [place.start("resume", "--retry-unknown") for _ in range(2)]
        for process in both:
            end(process)
        assert place.service.accepted == 1

    def test_two_identical_calls_and_two_that_look_for_both(self, place: Place) -> None:
        place.lost(n=1)
        place.lost(n=1)
        place.proxy.fail("listing", together(2), times=2)  # one look for both calls, in each of two processes
        both = [end(process) for process in [place.start("resume", "@1", "@2") for _ in range(2)]]
        assert {row.request_id for row in place.rows} == set(place.service.stats["requests"])
        assert [done.code for done in both] == [0, 0], [done.stderr for done in both]

    def test_one_that_dies_while_it_sends_again_leaves_nothing_to_be_paid_twice(self, place: Place) -> None:
        place.lost(n=1, arrives=False)
        place.proxy.fail("submit", stall)
        process = place.start("resume", "--retry-unknown")
        until(lambda: place.service.accepted == 1)
        process.kill()
        process.communicate()
        place("resume", "--retry-unknown", code=None)
        assert place.service.accepted == 1
        assert [row.request_id for row in place.rows if row.request_id] == list(place.service.stats["requests"])
