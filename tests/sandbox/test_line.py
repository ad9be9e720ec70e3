"""A limit of concurrency: who waits, who runs, and that all who look see the same (§4.10, §8.3, §16 #2)."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.sandbox.state import line
from fal_cli.sandbox.state.store import Store
from tests.support.sandbox_client import Client, parse_events, until

ECHO = "sandbox/echo"
Start = Callable[..., Client]


# -- the line itself, beside a plain simulation


@dataclass(frozen=True)
class Job:
    at: int
    wait: int
    run: int
    low: bool
    patience: int | None
    cancel_after: int | None


JOBS = st.lists(
    st.builds(
        Job,
        at=st.integers(0, 20),
        wait=st.integers(0, 5),
        run=st.integers(0, 8),
        low=st.booleans(),
        patience=st.none() | st.integers(0, 12),
        cancel_after=st.none() | st.integers(0, 12),
    ),
    max_size=12,
)
END = 10_000


@contextmanager
def empty_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        yield store
        store.close()


def happenings(jobs: list[Job], looks: list[int]) -> list[tuple[int, int, int, str]]:
    """What is done to a line in its order of time: joins before cancels, and looks whenever they are."""
    joins = [(job.at, 0, number, "join") for number, job in enumerate(jobs)]
    cancels = [
        (job.at + job.cancel_after, 1, number, "cancel")
        for number, job in enumerate(jobs)
        if job.cancel_after is not None
    ]
    return sorted([*joins, *cancels, *((look, 2, 0, "look") for look in looks)])


def played(store: Store, jobs: list[Job], most: int, looks: list[int]) -> dict[int, float]:
    """When each of the jobs that has a turn begins, by the line."""
    line.set_limit(store, most, 0)
    for moment, _, number, kind in happenings(jobs, looks):
        job = jobs[number] if jobs else None
        if kind == "look":
            line.play(store, moment)
            continue
        assert job is not None
        with store.transaction() as db:
            if kind == "join":
                line.enter(
                    db, str(number), ready=moment + job.wait, span=job.run, tail=job.run, low=job.low, now=moment,
                    deadline=math.inf if job.patience is None else moment + job.patience,
                )  # fmt: skip
            else:
                line.stop(db, str(number), moment, moment)
    line.play(store, END)
    return began(store)


def began(store: Store) -> dict[int, float]:
    rows = store.db.execute("SELECT id, ended - span FROM line WHERE state = 'began'")
    return {int(name): start for name, start in rows}


class Simulation:
    """The same line, step by step through all moments."""

    def __init__(self, jobs: list[Job], most: int) -> None:
        self.jobs, self.most = jobs, most
        self.waiting: list[int] = []
        self.starts: dict[int, float] = {}
        self.ends: dict[int, float] = {}

    def run(self) -> dict[int, float]:
        """When each of the jobs that has a turn begins."""
        for moment in range(200):
            self.serve(moment)
            for number, job in enumerate(self.jobs):
                if job.at == moment:
                    self.waiting.append(number)
                    self.serve(moment)
            for number, job in enumerate(self.jobs):
                if job.cancel_after is not None and job.at + job.cancel_after == moment:
                    self.cancel(number, moment)
                    self.serve(moment)
        return self.starts

    def cancel(self, number: int, moment: int) -> None:
        if number in self.waiting:
            self.waiting.remove(number)
        elif number in self.ends:
            self.ends[number] = min(self.ends[number], moment)

    def serve(self, moment: int) -> None:
        for number in sorted(self.waiting, key=lambda number: self.jobs[number].low):
            job = self.jobs[number]
            in_time = job.patience is None or job.at + job.patience >= moment
            if sum(end > moment for end in self.ends.values()) < self.most and job.at + job.wait <= moment and in_time:
                self.waiting.remove(number)
                self.starts[number], self.ends[number] = moment, moment + job.run


@settings(max_examples=150, deadline=None)
@given(JOBS, st.integers(1, 4), st.lists(st.integers(0, 40), max_size=6))
def test_who_begins_when_does_not_depend_on_who_looks(jobs: list[Job], most: int, looks: list[int]) -> None:
    # Of what was cancelled the line forgets when it began; all others tell whether a cancel made room.
    kept = {number for number, job in enumerate(jobs) if job.cancel_after is None}
    with empty_store() as store:
        found = played(store, jobs, most, looks)
    expected = Simulation(jobs, most).run()
    assert {number: found.get(number) for number in kept} == {number: expected.get(number) for number in kept}


def test_a_thousand_cancels_and_ten_thousand_waiting_cost_little() -> None:
    with empty_store() as store:
        line.set_limit(store, 2, 0)
        for number in range(10_000):
            with store.transaction() as db:
                line.enter(db, f"r{number}", ready=1, span=60, tail=60, deadline=math.inf, low=False, now=1)
        began_at = time.process_time()
        for number in range(9_000, 10_000):
            with store.transaction() as db:
                line.stop(db, f"r{number}", 2, 2)
        assert line.length(store) == 8_998
        assert [line.place(store, f"r{number}") for number in (2, 3, 8_999)] == [0, 1, 8_997]
        line.play(store, 61 + 1 + 60 * 100)
        assert line.length(store) == 8_998 - 2 * 101
        assert time.process_time() - began_at < 5.0


# -- what is seen of it


def limited(start: Start, most: int) -> Client:
    return start(settings=[f"concurrency={most}"])


def states(client: Client, ids: list[str]) -> list[tuple[str, int | None]]:
    found = [client.ask(ECHO, request_id, "/status").json() for request_id in ids]
    return [(status["status"], status.get("queue_position")) for status in found]


def test_only_so_many_run_and_the_others_stand_in_line(start: Start) -> None:
    client = limited(start, 2)
    orders = {"sandbox": {"queue": 0, "run": 60}}
    answers = [client.post(ECHO, {"n": number, **orders}).json() for number in range(5)]
    assert [answer["queue_position"] for answer in answers] == [0, 0, 0, 1, 2]
    assert {answer["status"] for answer in answers} == {"IN_QUEUE"}
    ids = [answer["request_id"] for answer in answers]
    assert states(client, ids) == [
        ("IN_PROGRESS", None), ("IN_PROGRESS", None), ("IN_QUEUE", 0), ("IN_QUEUE", 1), ("IN_QUEUE", 2),
    ]  # fmt: skip
    assert client.ask(ECHO, ids[4]).json() == {"detail": "Request is still in progress"}


def test_the_line_is_common_to_all_endpoints(start: Start) -> None:
    client = limited(start, 1)
    first = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    second = client.submit("fal-ai/flux/schnell", {"prompt": "x", "sandbox": {"queue": 0, "run": 60}})
    assert states(client, [first])[0][0] == "IN_PROGRESS"
    assert client.ask("fal-ai/flux", second, "/status").json()["queue_position"] == 0


def test_a_turn_comes_when_another_ends(start: Start) -> None:
    client = limited(start, 1)
    ids = [client.submit(ECHO, {"n": number, "sandbox": {"queue": 0, "run": 0.3}}) for number in range(3)]
    assert client.outcome(ECHO, ids[2]).json() == {"n": 2}
    listed = client.platform("requests/by-endpoint", {"endpoint_id": ECHO}).json()["items"]
    assert [item["request_id"] for item in listed] == ids[::-1]
    starts = [item["started_at"] for item in reversed(listed)]
    ends = [item["ended_at"] for item in reversed(listed)]
    assert starts[1:] == ends[:-1]  # to the microsecond, whoever looked and when
    assert [item["duration"] for item in listed] == [pytest.approx(0.3, abs=1e-3)] * 3


def test_all_processes_agree(start: Start) -> None:
    here, there = limited(start, 1), limited(start, 1)
    unlimited = start()
    ids = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.4}}) for client in (here, there, here)]
    assert states(unlimited, ids)[1:] == [("IN_QUEUE", 0), ("IN_QUEUE", 1)]
    for request_id in ids:
        unlimited.wait(ECHO, request_id)
    seen = [client.ask(ECHO, ids[2], "/status").json()["metrics"] for client in (here, there, unlimited)]
    assert seen == [{"inference_time": pytest.approx(0.4)}] * 3


def test_a_cancelled_one_leaves_the_line(start: Start) -> None:
    client = limited(start, 1)
    ids = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}}) for _ in range(4)]
    assert client.cancel(ECHO, ids[1]).json() == {"status": "OK"}
    assert states(client, ids[2:]) == [("IN_QUEUE", 0), ("IN_QUEUE", 1)]
    gone = client.ask(ECHO, ids[1], "/status").json()
    assert (gone["status"], gone["error_type"], gone["metrics"]) == (
        "COMPLETED", "client_cancelled", {"inference_time": None},
    )  # fmt: skip
    assert client.cancel(ECHO, ids[1]).json() == {"status": "ALREADY_COMPLETED"}


def test_a_cancel_of_what_runs_lets_the_next_begin(start: Start) -> None:
    client = limited(start, 1)
    ids = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}}) for _ in range(2)]
    assert client.cancel(ECHO, ids[0]).json() == {"status": "CANCELLATION_REQUESTED"}
    assert client.outcome(ECHO, ids[0]).status_code == 499
    client.wait(ECHO, ids[1], "IN_PROGRESS")


def test_low_priority_stands_behind(start: Start) -> None:
    client = limited(start, 1)
    orders = {"sandbox": {"queue": 0, "run": 60}}
    client.submit(ECHO, orders)
    low = client.submit(ECHO, orders, headers={"X-Fal-Queue-Priority": "low"})
    normal = client.submit(ECHO, orders)
    assert states(client, [normal, low]) == [("IN_QUEUE", 0), ("IN_QUEUE", 1)]


def test_strangers_that_were_ordered_stand_in_line_too(start: Start) -> None:
    client = limited(start, 1)
    client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    answer = client.post(ECHO, {"sandbox": {"queue": 60, "position": 5}}).json()
    assert answer["queue_position"] == 5


def test_the_longest_line_that_one_would_join(start: Start) -> None:
    client = limited(start, 1)
    orders = {"sandbox": {"queue": 0, "run": 60}}
    for _ in range(3):
        client.submit(ECHO, orders)
    assert client.post(ECHO, orders, "?fal_max_queue_length=1").status_code == 429
    assert client.post(ECHO, orders, "?fal_max_queue_length=2").status_code == 200


def test_a_start_deadline_in_the_line(start: Start) -> None:
    client = limited(start, 1)
    client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    late = client.submit(ECHO, {"sandbox": {"queue": 0}}, headers={"X-Fal-Request-Start-Timeout": "0.3"})
    behind = client.submit(ECHO, {"sandbox": {"queue": 0}})
    assert states(client, [late, behind]) == [("IN_QUEUE", 0), ("IN_QUEUE", 1)]
    missed = client.outcome(ECHO, late)
    assert (missed.status_code, missed.headers["x-fal-request-timeout-type"]) == (504, "user")
    assert states(client, [behind]) == [("IN_QUEUE", 0)]


def test_attempts_that_fail_in_the_line(start: Start) -> None:
    client = limited(start, 1)
    first = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.3}})
    again = client.submit(ECHO, {"a": 1, "sandbox": {"queue": 0.1, "run": 0.5, "requeue": 1, "logs": ["x"]}})
    seen = client.events(ECHO, again)
    order = [event["status"] for event in seen if event["status"] != "COMPLETED"]
    assert order.index("IN_PROGRESS") < len(order) - 1 - order[::-1].index("IN_QUEUE")
    assert [entry["message"] for event in seen for entry in event.get("logs", [])].count("x") == 1
    assert client.ask(ECHO, again).json() == {"a": 1}
    assert client.ask(ECHO, first).status_code == 200


def test_a_status_stream_follows_the_line(start: Start) -> None:
    client = limited(start, 1)
    ids = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.4}}) for _ in range(3)]
    events = parse_events(client.ask(ECHO, ids[2], "/status/stream").content)
    told = [(event["status"], event.get("queue_position")) for event in events]
    assert told == [("IN_QUEUE", 1), ("IN_QUEUE", 0), ("IN_PROGRESS", None), ("COMPLETED", None)]


@pytest.mark.parametrize("path", ["", "/stream"])
def test_a_direct_run_never_waits(start: Start, path: str) -> None:
    client = limited(start, 1)
    running = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    before = client.stats()["accepted"]
    refused = client.run(f"{ECHO}{path}", {})
    assert refused.status_code == 429
    assert refused.json()["detail"][0]["type"] == "concurrent_requests_limit"
    assert refused.headers["x-fal-needs-retry"] == "1"
    assert refused.headers["x-fal-error-type"] == refused.json()["error_type"] == "concurrent_requests_limit"
    assert client.stats()["accepted"] == before
    client.cancel(ECHO, running)
    until(lambda: client.run(f"{ECHO}{path}", {"sandbox": {"run": 0}}).status_code == 200)


def test_what_runs_directly_counts(start: Start) -> None:
    client = limited(start, 1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.run, ECHO, {"sandbox": {"run": 1.0}})
        until(lambda: client.stats()["accepted_runs"])
        waiting = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0}})
        assert states(client, [waiting]) == [("IN_QUEUE", 0)]
        assert running.result().status_code == 200
    assert client.outcome(ECHO, waiting).status_code == 200


def test_a_stream_counts_until_its_reader_leaves(start: Start) -> None:
    client = limited(start, 1)
    payload = {"sandbox": {"events": 1000, "interval": 0.1}}
    with client.run(f"{ECHO}/stream", payload, stream=True) as answer:
        next(answer.iter_content(None))
        assert client.run(ECHO, {}).status_code == 429
    until(lambda: client.run(ECHO, {"sandbox": {"run": 0}}).status_code == 200)


def test_the_result_of_what_waited(start: Start) -> None:
    client = limited(start, 1)
    client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.4}})
    payload = {"prompt": "x", "image_size": "square", "sandbox": {"queue": 0, "run": 0}}
    headers = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds":3600}'}
    waited = client.submit("fal-ai/flux/schnell", payload, headers=headers)
    result = client.outcome("fal-ai/flux", waited)
    assert client.send("GET", result.json()["images"][0]["url"]).status_code == 200
    (expires,) = client.sandbox.store.db.execute("SELECT expires FROM files").fetchone()
    ended = client.sandbox.store.db.execute("SELECT ended FROM requests WHERE id = ?", (waited,)).fetchone()[0]
    assert expires == pytest.approx(ended + 3600)


def test_the_limit_is_kept_and_can_be_changed(start: Start) -> None:
    first = limited(start, 1)
    ids = [first.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}}) for _ in range(4)]
    limited(start, 3)
    assert [state for state, _ in states(first, ids)] == ["IN_PROGRESS"] * 3 + ["IN_QUEUE"]
    first.sandbox.store.reset()
    assert first.post(ECHO).json()["queue_position"] == 0


@pytest.mark.parametrize("words", [["concurrency=0"], ["concurrency=many"], ["concurrency"], ["concurency=2"]])
def test_malformed_settings(start: Start, words: list[str]) -> None:
    with pytest.raises(ValueError, match="setting"):
        start(settings=words)


def test_webhook_of_what_waited(start: Start) -> None:
    from tests.support.webhook_receiver import Receiver

    client = start(settings=["concurrency=1"], webhooks=True)
    receiver = Receiver()
    client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.4}})
    payload: dict[str, Any] = {"a": 1, "sandbox": {"queue": 0, "run": 0}}
    request_id = client.post(ECHO, payload, params={"fal_webhook": receiver.url}).json()["request_id"]
    until(lambda: receiver.deliveries)
    assert receiver.deliveries[0].told["request_id"] == request_id
    assert client.ask(ECHO, request_id).json() == {"a": 1}
    receiver.close()
