"""A job costs three HTTP requests however long it runs, and ends right when its event stream does not.

FAL_TESTS_FULL=1 waits as long as the program itself does: a minute, and twenty seconds of silence.
"""

import json

import pytest

from tests.conftest import Program, Service
from tests.support.full_run import FULL
from tests.support.place import HURRY


def _http(service: Service) -> dict[str, int]:
    (request,) = service.stats["requests"].values()
    return {route: count for route, count in request["http"].items() if count}


@pytest.mark.parametrize("seconds", [60 if FULL else 4])
def test_a_job_costs_three_requests_however_long_it_runs(served: Program, service: Service, seconds: int) -> None:
    done = served("run", "sandbox/echo", "a=1", f"sandbox.run={seconds}", timeout=120)
    assert json.loads(done.stdout) == {"a": 1}
    counts = {route: count for route, count in service.stats["http"].items() if count}
    # The schema is asked for once a week, the price once an hour.
    assert counts == {"models": 1, "pricing": 1, "submit": 1, "status_stream": 1, "result": 1}


@pytest.mark.parametrize("fault", ["refuse", "silent", "cut", "cut-after:2", "close-after:1", "silent-after:1"])
def test_a_broken_stream_is_reopened_at_most_three_times(served: Program, service: Service, fault: str) -> None:
    # Longer than a silence is borne, which is a tenth of the usual in an ordinary run.
    seconds, hurry = (25, {}) if FULL else (4, {"PYTHONPATH": HURRY, "FAL_TESTS_SILENCE_SECONDS": "2"})
    order = ("sandbox.run=" + str(seconds), f"sandbox.fault=stream={fault}")
    done = served("run", "sandbox/echo", "a=1", *order, timeout=120, env=hurry)
    assert json.loads(done.stdout) == {"a": 1}
    http = service.stats["http"]
    assert 1 <= http["status_stream"] <= 4
    assert 1 <= http["status"] <= 20
    assert http["result"] == 1


def test_a_request_that_goes_back_to_the_queue(served: Program) -> None:
    done = served("run", "sandbox/echo", "a=1", "sandbox.run=1", "sandbox.requeue=1", "--json")
    words = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    states = [word for word in words if word in ("queued", "inprogress", "completed")]
    collapsed = [word for at, word in enumerate(states) if at == 0 or states[at - 1] != word]
    assert collapsed == ["queued", "inprogress", "queued", "inprogress", "completed"]


def test_every_log_line_is_shown_once_though_the_windows_overlap(served: Program) -> None:
    lines = [f"line {number}" for number in range(30)]
    request_id = served(
        "submit", "sandbox/echo", f"sandbox.logs:={json.dumps(lines)}", "sandbox.run=2", "sandbox.queue=0"
    ).text.strip()
    shown = served("logs", request_id, "--follow").text.splitlines()
    assert [line for line in shown if line.startswith("line ")] == lines


def test_status_follow_writes_one_word_a_change(served: Program) -> None:
    request_id = served("submit", "sandbox/echo", "sandbox.queue=5", "sandbox.run=1.5").text.strip()
    assert served("status", "--follow", request_id).text.split() == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


def test_a_status_just_after_the_submit_waits_for_the_lag(served: Program) -> None:
    request_id = served("submit", "sandbox/echo", "sandbox.late=0.3", "sandbox.queue=30").text.strip()
    assert served("status", request_id).text == "IN_QUEUE\n"
