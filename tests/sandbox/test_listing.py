"""The listing of requests when there are many, when it lags, and when it is exact (§11.2, §14)."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fal_cli.sandbox.state import history, line, register, timeline
from fal_cli.sandbox.state.history import BEFORE_ALL, Mark, Search
from fal_cli.sandbox.state.record import Outcome, Record
from fal_cli.sandbox.state.store import Store
from tests.support.sandbox_client import Client, until

ECHO = "sandbox/echo"
DONE = {"queue": 0, "run": 0}
EXACT = ["exact-listing"]
MANY = 10_000
Start = Callable[..., Client]


def listed(client: Client, **query: Any) -> Any:
    answer = client.platform("requests/by-endpoint", {"endpoint_id": ECHO, **query})
    assert answer.status_code == 200, answer.text
    return answer


def ids(client: Client, **query: Any) -> list[str]:
    return [item["request_id"] for item in listed(client, **query).json()["items"]]


# -- lagging, exact


def test_by_default_it_says_nothing_of_being_exact(start: Start) -> None:
    client = start()
    client.submit(ECHO, {"sandbox": {"queue": 60}})
    done = client.submit(ECHO, {"sandbox": DONE})
    answer = listed(client)
    assert "x-fal-listing" not in answer.headers
    assert [item["request_id"] for item in answer.json()["items"]] == [done]


def test_it_can_lag(start: Start) -> None:
    client = start(settings=["listing-lag=60"])
    request_id = client.submit(ECHO, {"sandbox": DONE})
    assert client.outcome(ECHO, request_id).status_code == 200
    assert ids(client) == ids(client, request_id=request_id) == []
    soon = start(settings=["listing-lag=0.3"])
    until(lambda: ids(soon) == [request_id])


def test_an_exact_one_leaves_nothing_out(start: Start) -> None:
    client = start(settings=EXACT)
    payloads: list[dict[str, Any]] = [
        {"n": 0, "sandbox": {"queue": 60}},
        {"n": 1, "sandbox": {"queue": 0, "run": 60}},
        {"n": 2, "sandbox": DONE},
        {"n": 3, "sandbox": {**DONE, "late": 60}},
    ]
    accepted = [client.submit(ECHO, payload) for payload in payloads]
    answer = listed(client, expand="payloads")
    assert answer.headers["x-fal-listing"] == "exact"
    items = {item["request_id"]: item for item in answer.json()["items"]}
    assert list(items) == [accepted[1], accepted[0], accepted[3], accepted[2]]  # the open ones first
    waiting = items[accepted[0]]
    assert [waiting[key] for key in ("started_at", "ended_at", "status_code", "duration", "json_output")] == [None] * 5
    assert waiting["sent_at"]
    assert [items[request_id]["json_input"] for request_id in accepted] == payloads
    assert ids(client, request_id=accepted[0]) == [accepted[0]]


def test_an_exact_one_lists_what_never_ran(start: Start) -> None:
    client = start(settings=EXACT)
    request_id = client.submit(ECHO, {"sandbox": {"queue": 60}})
    client.cancel(ECHO, request_id)
    (item,) = listed(client).json()["items"]
    assert (item["request_id"], item["started_at"], item["status_code"]) == (request_id, None, 499)


def test_an_exact_one_lists_the_line(start: Start) -> None:
    client = start(settings=[*EXACT, "concurrency=1"])
    accepted = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}}) for _ in range(3)]
    items = listed(client).json()["items"]
    assert [item["request_id"] for item in items] == accepted[::-1]
    assert [item["started_at"] is None for item in items] == [True, True, False]
    assert ids(start(settings=["concurrency=1"])) == accepted[:1]


def test_an_exact_one_waits_for_what_is_being_accepted(start: Start) -> None:
    client = start(settings=EXACT, faults=["submit=stall-before:0.7*1"])
    sent = threading.Thread(target=client.submit, args=(ECHO, {"slow": True, "sandbox": {"queue": 60}}))
    sent.start()
    until(lambda: client.stats()["http"]["submit"])
    (item,) = listed(client, expand="payloads").json()["items"]
    assert item["json_input"]["slow"] is True
    sent.join()


def test_an_exact_one_does_not_vouch_for_what_takes_too_long(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from fal_cli.sandbox.intake import calls

    monkeypatch.setattr(calls, "_PATIENCE_SECONDS", 0.1)
    client = start(settings=EXACT, faults=["run=stall-before:2*1"])
    sent = threading.Thread(target=client.run, args=(ECHO, {"sandbox": {"run": 0}}))
    sent.start()
    until(lambda: client.stats()["http"]["run"])
    answer = listed(client)
    assert "x-fal-listing" not in answer.headers
    sent.join()
    assert listed(client).headers["x-fal-listing"] == "exact"


# -- many


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of ten thousand ended requests of 50 endpoints, and a hundred that run."""
    store = Store(tmp_path_factory.mktemp("many"))
    now = time.time()
    with store.transaction() as db:
        for number in range(MANY):
            record = ended(f"sandbox/echo/{number % 50}", now - 2 * MANY + number, number % 7, 500 * (number % 9 == 0))
            register.add(db, record, kind="queue", body_hash="", given=None)
        for _ in range(100):
            register.add(db, ended("sandbox/echo/0", now - 1, 600, 0), kind="queue", body_hash="", given=None)
    yield store
    store.close()


def ended(endpoint: str, accepted: float, seconds: float, code: int) -> Record:
    outcome = Outcome(code or 200, {}, {"X-Fal-Billable-Units": "0" if code else "1"})
    life = timeline.running(seconds)
    return Record(str(uuid4()), endpoint, ECHO, accepted, life, outcome, price="0.001")


def sweep(store: Store, found: Search, moment: float, size: int = 100) -> Iterator[tuple[list[str], int]]:
    """The ids of each page, and what it cost in steps of the database's machine."""
    after: Mark | None = BEFORE_ALL
    while after is not None:
        steps = [0]
        store.db.set_progress_handler(lambda steps=steps: steps.__setitem__(0, steps[0] + 1), 100)
        page = []
        for mark, past in history.search(store, found, moment, after):
            page.append((mark, past.record.request_id))
            if len(page) == size:
                break
        store.db.set_progress_handler(None, 0)
        yield [request_id for _, request_id in page], 100 * steps[0]
        after = page[-1][0] if len(page) == size else None


def searching(endpoints: list[str], **options: Any) -> Search:
    usual: dict[str, Any] = {
        "request_id": None, "start": 0.0, "end": line.NEVER, "codes": None, "by_seconds": False, "is_exact": False,
    }  # fmt: skip
    return Search(endpoints=endpoints, **(usual | options))


@pytest.mark.parametrize(
    ("count", "options"),
    [(1, {}), (50, {}), (1, {"by_seconds": True}), (50, {"by_seconds": True}), (50, {"is_exact": True})],
)
def test_a_page_costs_what_it_holds(many: Store, count: int, options: dict[str, Any]) -> None:
    found = searching([f"sandbox/echo/{number}" for number in range(count)], **options)
    pages = list(sweep(many, found, time.time()))
    seen = [request_id for page, _ in pages for request_id in page]
    assert len(seen) == len(set(seen)) == MANY // 50 * count + 100
    # Some 30 steps for each row that is read, and the open ones are sorted; a scan of all rows is ten times that.
    assert max(cost for _, cost in pages) < 30_000


def test_pages_are_in_order(many: Store) -> None:
    found = searching([f"sandbox/echo/{number}" for number in range(50)])
    moment = time.time()
    pasts = [past for _, past in history.search(many, found, moment, BEFORE_ALL)]
    ends = [past.ended for past in pasts if past.ended is not None]
    assert [past.ended for past in pasts[:100]] == [None] * 100
    assert ends == sorted(ends, reverse=True)
    longest = [
        past.seconds
        for _, past in history.search(many, searching(["sandbox/echo/3"], by_seconds=True), moment, BEFORE_ALL)
    ]
    assert longest == sorted(longest, key=lambda seconds: seconds or 0, reverse=True)


def test_a_status_among_many(many: Store) -> None:
    found = searching([f"sandbox/echo/{number}" for number in range(50)], codes=(500, 599))
    assert sum(len(page) for page, _ in sweep(many, found, time.time())) == -(-MANY // 9)


def test_a_sweep_of_ten_thousand_takes_no_time(tmp_path: Path, start: Start, many: Store) -> None:
    client = start(settings=EXACT)
    client.sandbox.store.db.execute("ATTACH ? AS other", (str(many.state / "fal.db"),))
    client.sandbox.store.db.execute("INSERT INTO requests SELECT * FROM other.requests")
    query = {"endpoint_id": ",".join(f"sandbox/echo/{number}" for number in range(50)), "limit": 100}
    began_at, seen, cursor = time.process_time(), set(), None
    while True:
        page = client.platform("requests/by-endpoint", query | ({"cursor": cursor} if cursor else {})).json()
        seen |= {item["request_id"] for item in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == MANY + 100
    assert time.process_time() - began_at < 20  # of client and server; a full scan for each page is minutes


def test_pages_hold_when_things_are_cancelled_between_them(start: Start) -> None:
    client = start(settings=EXACT)
    accepted = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}}) for _ in range(6)]
    first = listed(client, limit=2).json()
    for request_id in accepted:
        client.cancel(ECHO, request_id)
    late = client.submit(ECHO, {"sandbox": DONE})
    seen = [item["request_id"] for item in first["items"]]
    cursor = first["next_cursor"]
    while cursor:
        page = listed(client, limit=2, cursor=cursor).json()
        seen += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == accepted[::-1]
    assert late not in seen
