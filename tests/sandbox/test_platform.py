"""The platform API: the listing of requests, prices, billing events (§11), in its own error shape (§8.3)."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError

from fal_cli.sandbox.models.known import MODELS
from fal_cli.sandbox.state import register
from tests.support.sandbox_client import Client, until
from tests.support.sandbox_keys import ADMIN_KEY, LOCKED_KEY, SANDBOX_KEY

ECHO = "sandbox/echo"
DEV = "fal-ai/flux/dev"
SCHNELL = "fal-ai/flux/schnell"
LISTING, PRICING, BILLING = "requests/by-endpoint", "pricing", "billing-events"
PLAIN_KEYS = {"request_id", "endpoint_id", "started_at", "sent_at", "ended_at", "status_code", "duration"}
DONE = {"queue": 0, "run": 0}
Start = Callable[..., Client]


@pytest.fixture
def admin(client: Client) -> Client:
    return Client(client.sandbox, ADMIN_KEY)


def listed(client: Client, endpoint: str = ECHO, **query: Any) -> dict[str, Any]:
    answer = client.platform(LISTING, {"endpoint_id": endpoint, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def find(client: Client, request_id: str, endpoint: str = ECHO, **query: Any) -> dict[str, Any] | None:
    """The listing's entry of a request, payloads included."""
    items = listed(client, endpoint, request_id=request_id, expand="payloads", **query)["items"]
    assert len(items) <= 1
    return items[0] if items else None


def get(client: Client, request_id: str, endpoint: str = ECHO) -> dict[str, Any]:
    found = find(client, request_id, endpoint)
    assert found is not None
    return found


def moment(text: str) -> float:
    assert text.endswith("Z")
    return datetime.fromisoformat(text).timestamp()


def charges(admin: Client, **query: Any) -> list[dict[str, Any]]:
    answer = admin.platform(BILLING, query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["billing_events"])


# -- the listing


def test_ended_request(client: Client) -> None:
    payload = {"text": "hi", "n": 2**60, "sandbox": {"queue": 0.1, "run": 0.2}}
    before = time.time()
    request_id = client.submit(ECHO, payload)
    result = client.outcome(ECHO, request_id).json()
    document = listed(client, request_id=request_id)
    assert set(document) == {"items", "next_cursor", "has_more"}
    assert (document["next_cursor"], document["has_more"]) == (None, False)
    (item,) = document["items"]
    assert set(item) == PLAIN_KEYS
    assert (item["request_id"], item["endpoint_id"], item["status_code"]) == (request_id, ECHO, 200)
    sent, started, ended = (moment(item[key]) for key in ("sent_at", "started_at", "ended_at"))
    assert before - 0.001 <= sent <= time.time()
    assert started - sent == pytest.approx(0.1, abs=1e-3)
    assert ended - started == pytest.approx(0.2, abs=1e-3)
    assert item["duration"] == pytest.approx(0.2, abs=1e-3)
    full = get(client, request_id)
    assert {**item, "json_input": payload, "json_output": result} == full


def test_waiting_then_running(client: Client) -> None:
    waiting = client.submit(ECHO, {"sandbox": {"queue": 60}})
    assert find(client, waiting) is None
    client.cancel(ECHO, waiting)
    assert find(client, waiting) is None  # it has never run
    running = client.submit(ECHO, {"a": 1, "sandbox": {"queue": 0, "run": 60}})
    item = get(client, running)
    assert [item[key] for key in ("ended_at", "status_code", "duration", "json_output")] == [None] * 4
    assert item["json_input"] == {"a": 1, "sandbox": {"queue": 0, "run": 60}}
    client.cancel(ECHO, running)
    client.wait(ECHO, running)
    ended = get(client, running)
    assert (ended["status_code"], ended["json_output"]["error_type"]) == (499, "client_cancelled")


def test_latest_attempt_counts(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0.1, "run": 0.2, "requeue": 1}})
    client.wait(ECHO, request_id)
    item = get(client, request_id)
    assert item["duration"] == pytest.approx(0.2, abs=1e-3)
    assert moment(item["started_at"]) - moment(item["sent_at"]) == pytest.approx(0.1 + 0.08 + 0.05, abs=1e-3)


def test_late_is_not_listed_yet(client: Client) -> None:
    assert find(client, client.submit(ECHO, {"sandbox": {**DONE, "late": 60}})) is None


def test_direct_run(client: Client) -> None:
    for wait in ({}, {"queue": 0.2}):
        payload = {"b": [1, None], "sandbox": {"run": 0.2, **wait}}
        answer = client.run(ECHO, payload)
        item = get(client, answer.headers["x-fal-request-id"])
        assert (item["json_input"], item["json_output"]) == (payload, answer.json())
        waited = moment(item["started_at"]) - moment(item["sent_at"])
        assert waited == pytest.approx(wait.get("queue", 0), abs=1e-3)
        assert (item["status_code"], item["duration"]) == (200, pytest.approx(0.2, abs=1e-3))


def test_direct_run_that_still_runs(client: Client) -> None:
    mark = {"mark": "a run whose answer is lost", "sandbox": {"run": 60}}
    with pytest.raises(requests.ReadTimeout):
        client.run(ECHO, mark, timeout=0.5)
    (item,) = [item for item in listed(client, expand="payloads")["items"] if item["json_input"] == mark]
    assert (item["ended_at"], item["json_output"]) == (None, None)


def test_direct_run_of_an_ordered_body(client: Client) -> None:
    answer = client.run(ECHO, {"sandbox": {"run": 0, "body": "<b>", "content_type": "text/html"}})
    item = get(client, answer.headers["x-fal-request-id"])
    assert (item["status_code"], item["json_output"]) == (200, None)
    failed = client.run(ECHO, {"sandbox": {"run": 0, "body": "never", "fail": 500}})
    assert failed.status_code == get(client, failed.headers["x-fal-request-id"])["status_code"] == 500


def test_stream(client: Client) -> None:
    payload = {"text": "x", "sandbox": {"events": 3, "interval": 0.1}}
    answer = client.run(f"{ECHO}/stream", payload)
    item = get(client, answer.headers["x-fal-request-id"])
    assert (item["endpoint_id"], item["status_code"], item["json_input"]) == (ECHO, 200, payload)
    assert item["json_output"] == {"text": "x", "event": 3}
    assert 0.3 <= item["duration"] < 10
    empty = client.run(f"{ECHO}/stream", {"sandbox": {"events": 0}})
    assert get(client, empty.headers["x-fal-request-id"])["json_output"] is None
    refused = client.run(f"{DEV}/stream", {})
    item = get(client, refused.headers["x-fal-request-id"], DEV)
    assert (item["status_code"], item["json_output"]) == (422, refused.json())


def test_stream_of_pictures(client: Client) -> None:
    payload = {"prompt": "x", "image_size": "square", "sandbox": {"run": 0}}
    answer = client.run(f"{DEV}/stream", payload)
    last = json.loads(answer.text.rstrip().rpartition("data: ")[2])
    assert get(client, answer.headers["x-fal-request-id"], DEV)["json_output"] == last


def test_stream_while_it_runs_and_after_its_reader_left(client: Client) -> None:
    payload = {"sandbox": {"events": 1000, "interval": 0.1}}
    with client.run(f"{ECHO}/stream", payload, stream=True) as answer:
        request_id = answer.headers["x-fal-request-id"]
        next(answer.iter_content(None))
        assert get(client, request_id)["ended_at"] is None
    item = until(lambda: (found := get(client, request_id))["ended_at"] and found)
    assert (item["status_code"], item["json_output"]["error_type"]) == (499, "client_disconnected")


@pytest.mark.parametrize("word", ["garbage", "reset-after", "cut-after:1", "close-after:1"])
def test_stream_that_was_cut(client: Client, word: str) -> None:
    payload = {"cut by": word, "sandbox": {"events": 3, "fault": f"events={word}"}}
    try:
        client.run(f"{ECHO}/stream", payload)
    except (ChunkedEncodingError, ConnectionError):
        pass
    else:
        assert word in ("garbage", "close-after:1")

    def look() -> dict[str, Any] | None:
        items = listed(client, expand="payloads", status="user_error")["items"]
        return next((item for item in items if item["json_input"] == payload), None)

    assert until(look)["status_code"] == 499


def test_its_own_endpoint_only(client: Client) -> None:
    request_id = client.submit(SCHNELL, {"prompt": "x", "sandbox": DONE})
    assert get(client, request_id, SCHNELL)["endpoint_id"] == SCHNELL
    assert find(client, request_id, DEV) is None
    assert find(client, request_id, "fal-ai/flux") is None
    assert get(client, request_id, f"{DEV},{SCHNELL}") is not None
    repeated = client.platform(LISTING, [("endpoint_id", DEV), ("endpoint_id", SCHNELL), ("request_id", request_id)])
    assert [item["request_id"] for item in repeated.json()["items"]] == [request_id]
    deep = client.submit(f"workflows/{ECHO}/a/b", {"sandbox": DONE})
    assert get(client, deep, f"workflows/{ECHO}/a/b")["request_id"] == deep
    assert listed(client, "acme/nothing")["items"] == []


def test_files_are_filled_in(client: Client) -> None:
    request_id = client.submit(SCHNELL, {"prompt": "x", "sandbox": DONE})
    output = get(client, request_id, SCHNELL)["json_output"]
    assert output == client.ask("fal-ai/flux", request_id).json()
    assert output["images"][0]["url"].startswith(client.addresses.cdn)
    inline = client.submit(SCHNELL, {"prompt": "x", "sync_mode": True, "sandbox": DONE})
    assert client.ask("fal-ai/flux", inline).json()["images"][0]["url"].startswith("data:")
    assert get(client, inline, SCHNELL)["json_output"] is None


def test_failures(client: Client) -> None:
    refused = client.submit(DEV, {"sandbox": DONE})
    item = get(client, refused, DEV)
    assert (item["status_code"], item["json_output"]) == (422, client.ask("fal-ai/flux", refused).json())
    page = client.submit(ECHO, {"sandbox": {**DONE, "fail": {"status": 502, "html": True}}})
    assert (get(client, page)["status_code"], get(client, page)["json_output"]) == (502, None)


def test_payloads_that_are_not_kept(client: Client) -> None:
    unstored = client.submit(ECHO, {"a": 1, "sandbox": DONE}, headers={"X-Fal-Store-IO": "0"})
    item = get(client, unstored)
    assert (item["status_code"], item["json_input"], item["json_output"]) == (200, None, None)
    expired = client.submit(ECHO, {"a": 1, "sandbox": {**DONE, "expire": 0}})
    assert client.ask(ECHO, expired).status_code == 404
    item = get(client, expired)
    assert (item["status_code"], item["json_input"]["a"], item["json_output"]) == (200, 1, None)
    # The limit is on the bytes of the body as it came.
    for length, kept in ((1024 * 1024, True), (1024 * 1024 + 1, False)):
        body = json.dumps({"text": "", "sandbox": DONE})
        body = body.replace('""', f'"{"x" * (length - len(body))}"')
        headers = {"Content-Type": "application/json"}
        answer = client.send("POST", f"{client.addresses.queue}/{ECHO}", data=body.encode(), headers=headers)
        assert (get(client, answer.json()["request_id"])["json_input"] is not None) == kept


def test_input_of_a_get(client: Client) -> None:
    url = f"{client.addresses.queue}/{ECHO}"
    query = {"a": "1", "sandbox": '{"queue":0,"run":0}'}
    request_id = client.send("GET", url, params=query).json()["request_id"]
    assert get(client, request_id)["json_input"] == {"a": "1", "sandbox": DONE}
    for text in ('{"logs":["\\ud800"]}', '{"run":NaN}'):
        assert client.send("GET", url, params={"sandbox": text}).status_code == 422


@pytest.mark.parametrize(
    ("fail", "status"), [(None, "success"), (422, "user_error"), (500, "error"), (499, "user_error")]
)
def test_status_filter(client: Client, fail: int | None, status: str) -> None:
    orders = DONE if fail is None else {**DONE, "fail": fail}
    request_id = client.submit(ECHO, {"sandbox": orders})
    found = {word: find(client, request_id, status=word) is not None for word in ("success", "user_error", "error")}
    assert found == {word: word == status for word in found}
    running = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    assert find(client, running, status="success") is None


def test_span_of_time(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": DONE})
    began = datetime.fromtimestamp(moment(get(client, request_id)["started_at"]), UTC)
    day = timedelta(days=1)
    for start, end, found in (
        (began - day, began + day, True),
        (began, began + day, True),
        (began - day, began, False),
        (began + timedelta(milliseconds=1), began + day, False),
    ):
        span = {"start": start.isoformat(), "end": end.isoformat().replace("+00:00", "Z")}
        assert (find(client, request_id, **span) is not None) == found
    today, tomorrow = (f"{began + days * day:%Y-%m-%d}" for days in (0, 1))
    assert find(client, request_id, start=today, end=tomorrow) is not None
    assert find(client, request_id, start=tomorrow, end=f"{began + 2 * day:%Y-%m-%d}") is None


def test_default_span(start: Start) -> None:
    client = start()
    request_id = client.submit(ECHO, {"sandbox": DONE})
    for days, in_all, by_id in ((0.9, True, True), (1.1, False, True), (89, False, True), (91, False, False)):
        found = register.find(client.sandbox.store, request_id, time.time())
        assert found is not None
        register.amend(client.sandbox.store, replace(found, accepted=time.time() - days * 86_400))
        assert bool(listed(client)["items"]) == in_all
        assert (find(client, request_id) is not None) == by_id


def test_order(start: Start) -> None:
    client = start()
    short = client.submit(ECHO, {"sandbox": {"queue": 0.8, "run": 0.1}})
    longer = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.2}})
    first = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    second = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    client.wait(ECHO, short)

    def order(**query: Any) -> list[str]:
        return [item["request_id"] for item in listed(client, **query)["items"]]

    assert order() == order(sort_by="ended_at") == [second, first, short, longer]
    assert order(sort_by="duration") == [second, first, longer, short]


def test_pages_show_one_moment(start: Start) -> None:
    client = start()
    ids = [client.submit(ECHO, {"sandbox": {"queue": 0, "run": 1 if n == 2 else 0}}) for n in range(5)]
    seen: list[str] = []
    page = listed(client, limit=2)
    late = client.submit(ECHO, {"sandbox": DONE})
    client.wait(ECHO, ids[2])
    while page["has_more"]:
        seen += [item["request_id"] for item in page["items"]]
        page = listed(client, limit=2, cursor=page["next_cursor"])
    seen += [item["request_id"] for item in page["items"]]
    assert page["next_cursor"] is None
    assert seen == [ids[2], ids[4], ids[3], ids[1], ids[0]]
    assert listed(client, limit=1)["items"][0]["request_id"] in (late, ids[2])


def test_an_exact_page_is_the_last(start: Start) -> None:
    client = start()
    for _ in range(51):
        client.submit(ECHO, {"sandbox": DONE})
    usual = listed(client)
    assert (len(usual["items"]), usual["has_more"]) == (50, True)
    rest = listed(client, cursor=usual["next_cursor"])
    assert (len(rest["items"]), rest["has_more"], rest["next_cursor"]) == (1, False, None)
    whole = listed(client, limit=51)
    assert (len(whole["items"]), whole["has_more"], whole["next_cursor"]) == (51, False, None)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "endpoint_id: is missing"),
        ("endpoint_id=", "endpoint_id: has an empty entry"),
        (f"endpoint_id={ECHO},", "endpoint_id: has an empty entry"),
        ("endpoint_id=echo", "endpoint_id: expected owner/alias"),
        (f"endpoint_id={ECHO},+a/b//c", "endpoint_id: expected owner/alias"),
        (f"endpoint_id={','.join(f'a/b{n}' for n in range(51))}", "endpoint_id: at most 50"),
        (f"endpoint_id={ECHO}&since=2025-01-01", "since: unknown parameter; one of endpoint_id, start"),
        (f"endpoint_id={ECHO}&expand_payloads=true", "expand_payloads: unknown parameter"),
        (f"endpoint_id={ECHO}&expand=inputs", "expand: only payloads"),
        (f"endpoint_id={ECHO}&status=failed", "status: expected one of success, user_error, error"),
        (f"endpoint_id={ECHO}&status=error&status=success", "status: given more than once"),
        (f"endpoint_id={ECHO}&status=", "status: is empty"),
        (f"endpoint_id={ECHO}&sort_by=started_at", "sort_by: expected one of ended_at, duration"),
        (f"endpoint_id={ECHO}&limit=0", "limit: expected a whole number, 1 to 100"),
        (f"endpoint_id={ECHO}&limit=101", "limit: expected a whole number, 1 to 100"),
        (f"endpoint_id={ECHO}&limit=ten", "limit: expected a whole number, 1 to 100"),
        (f"endpoint_id={ECHO}&request_id=abc", "request_id: expected a UUID"),
        (f"endpoint_id={ECHO}&start=yesterday", "start: expected YYYY-MM-DD"),
        (f"endpoint_id={ECHO}&start=2025-02-30", "start: expected YYYY-MM-DD"),
        (f"endpoint_id={ECHO}&start=2025-01-01T00:00:00", "start: expected YYYY-MM-DD"),
        (f"endpoint_id={ECHO}&start=2025-01-01T00:00:00+01:00", "start: expected YYYY-MM-DD"),  # + is a space
        (f"endpoint_id={ECHO}&start=1735689600", "start: expected YYYY-MM-DD"),
        (f"endpoint_id={ECHO}&end=soon", "end: expected YYYY-MM-DD"),
        (f"endpoint_id={ECHO}&start=2025-01-02&end=2025-01-02", "start: must be before end"),
        (f"endpoint_id={ECHO}&cursor=Mg==", "cursor: is none that an earlier page gave"),
        (f"endpoint_id={ECHO}&cursor=%C3%A9", "cursor: is none that an earlier page gave"),
        (f"endpoint_id={ECHO}&cursor=W1tbWw==", "cursor: is none that an earlier page gave"),
    ],
)
def test_malformed_listing(client: Client, query: str, named: str) -> None:
    answer = client.send("GET", f"{client.addresses.api}/v1/models/{LISTING}?{query}")
    error = answer.json()["error"]
    assert (answer.status_code, set(answer.json()), error["type"]) == (422, {"error"}, "validation_error")
    assert error["message"].startswith(named)


# -- prices


def test_prices(client: Client) -> None:
    answer = client.platform(PRICING, {"endpoint_id": f"{SCHNELL},{DEV},{SCHNELL}"})
    assert answer.json() == {
        "prices": [
            {"endpoint_id": SCHNELL, "unit_price": 0.003, "unit": "megapixel", "currency": "USD"},
            {"endpoint_id": DEV, "unit_price": 0.025, "unit": "megapixel", "currency": "USD"},
        ],
        "next_cursor": None,
        "has_more": False,
    }


def test_every_model_has_a_price(client: Client) -> None:
    query = [("endpoint_id", name) for name in (*MODELS, f"comfy/{ECHO}/any/path") if name != "sandbox/unpriced"]
    prices = client.platform(PRICING, query).json()["prices"]
    assert [price["endpoint_id"] for price in prices] == [endpoint for _, endpoint in query]
    assert all(price["unit_price"] > 0 and price["unit"] for price in prices)


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ({"endpoint_id": f"{ECHO},acme/nothing"}, 404, "not_found"),
        ({"endpoint_id": "fal-ai/flux"}, 404, "not_found"),
        ({"endpoint_id": "flux"}, 422, "validation_error"),
        ({}, 422, "validation_error"),
        ({"endpoint_id": ECHO, "limit": 5}, 422, "validation_error"),
    ],
)
def test_refused_prices(client: Client, query: dict[str, Any], status: int, kind: str) -> None:
    answer = client.platform(PRICING, query)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


# -- billing events


def test_charge(admin: Client) -> None:
    payload = {"prompt": "x", "num_images": 3, "image_size": "landscape_4_3", "sandbox": DONE}
    request_id = admin.submit(DEV, payload)
    assert admin.ask("fal-ai/flux", request_id).headers["x-fal-billable-units"] == "3"
    (event,) = charges(admin, request_id=request_id)
    ended = get(admin, request_id, DEV)["ended_at"]
    assert event == {
        "request_id": request_id, "endpoint_id": DEV, "timestamp": ended,
        "output_units": 3, "unit_price": 0.025, "percent_discount": None,
        "cost_subtotal": 0.075, "cost_discount": 0, "cost_total": 0.075, "cost_estimate_nano_usd": 75_000_000,
    }  # fmt: skip


def test_who_is_charged(admin: Client) -> None:
    stream = admin.run(f"{ECHO}/stream", {"sandbox": {"events": 2}})
    run = admin.run(ECHO, {"sandbox": {"run": 0}})
    charged = [stream.headers["x-fal-request-id"], run.headers["x-fal-request-id"]]
    ill = [DEV, ECHO, ECHO, f"{DEV}/nothing"]
    orders = [DONE, {**DONE, "fail": 500}, {"queue": 0, "run": 60}, DONE]
    free = [admin.submit(endpoint, {"sandbox": order}) for endpoint, order in zip(ill, orders, strict=True)]
    document = admin.platform(BILLING, {"request_id": ",".join(charged + free)}).json()
    assert [event["request_id"] for event in document["billing_events"]] == charged[::-1]
    assert (document["next_cursor"], document["has_more"]) == (None, False)
    repeated = admin.platform(BILLING, [("request_id", one) for one in charged])
    assert len(repeated.json()["billing_events"]) == 2
    assert charges(admin, request_id=charged[0], endpoint_id=DEV) == []
    assert len(charges(admin, request_id=charged[0], endpoint_id=f"{DEV},{ECHO}")) == 1


def test_pages_and_spans_of_charges(start: Start) -> None:
    client = start()
    admin = Client(client.sandbox, ADMIN_KEY)
    ids = [admin.submit(ECHO, {"sandbox": DONE}) for _ in range(3)]
    first = admin.platform(BILLING, {"limit": 2}).json()
    second = admin.platform(BILLING, {"limit": 2, "cursor": first["next_cursor"]}).json()
    events = first["billing_events"] + second["billing_events"]
    assert [event["request_id"] for event in events] == ids[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)
    middle = events[1]["timestamp"]
    assert [event["request_id"] for event in charges(admin, start=middle)] == ids[:0:-1]
    assert [event["request_id"] for event in charges(admin, end=middle)] == ids[:1]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"start": "2025-01-01", "end": "2025-04-02"}, "start: at most 90 days before end"),
        ({"start": "2020-01-01"}, "start: at most 90 days before end"),
        ({"limit": 10_001}, "limit: expected a whole number, 1 to 10000"),
        ({"endpoint_id": "echo"}, "endpoint_id: expected owner/alias"),
        ({"request_id": "a,,b"}, "request_id: has an empty entry"),
        ({"status": "success"}, "status: unknown parameter"),
    ],
)
def test_malformed_billing(admin: Client, query: dict[str, Any], named: str) -> None:
    answer = admin.platform(BILLING, query)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "validation_error")
    assert answer.json()["error"]["message"].startswith(named)


def test_longest_span_of_charges(admin: Client) -> None:
    assert charges(admin, start="2025-01-01", end="2025-04-01") == []


# -- keys, methods, paths, faults


@pytest.mark.parametrize("path", [f"{LISTING}?endpoint_id={ECHO}", f"{PRICING}?endpoint_id={ECHO}", BILLING])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {SANDBOX_KEY}"},
        {"Authorization": "Key nocolon"},
        {"Authorization": "Key some:other"},
    ],
)
def test_wrong_keys(client: Client, path: str, headers: dict[str, str]) -> None:
    answer = requests.get(f"{client.addresses.api}/v1/models/{path}", headers=headers, timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, set(answer.json()), error["type"]) == (401, {"error"}, "authorization_error")


def test_scopes(client: Client, admin: Client) -> None:
    locked = Client(client.sandbox, LOCKED_KEY)
    for one in (client, locked, admin):
        assert one.platform(LISTING, {"endpoint_id": ECHO}).status_code == 200
        assert one.platform(PRICING, {"endpoint_id": ECHO}).status_code == 200
    for one in (client, locked):
        answer = one.platform(BILLING)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "authorization_error")
    assert admin.platform(BILLING).status_code == 200


def test_admin_may_do_all_that_others_may(admin: Client) -> None:
    request_id = admin.submit(ECHO, {"sandbox": DONE})
    assert admin.ask(ECHO, request_id).status_code == 200
    assert admin.run(ECHO, {"sandbox": {"run": 0}}).status_code == 200
    assert admin.send("POST", f"{admin.addresses.rest}/tokens/", json={"allowed_apps": ["echo"]}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/models", "/v1/models/", "/v1/models/pricing/", "/v1/account", "/v1/sandbox/echo"]
)
def test_unknown_path(client: Client, path: str) -> None:
    answer = client.send("GET", client.addresses.api + path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


def test_wrong_method(client: Client) -> None:
    answer = client.send("POST", f"{client.addresses.api}/v1/models/{PRICING}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["error"]["message"] == "Method Not Allowed"


def test_other_services_know_nothing_of_it(client: Client) -> None:
    assert client.send("GET", f"{client.addresses.rest}/v1/models/{PRICING}").json() == {"detail": "Not Found"}


@pytest.mark.parametrize(("route", "path"), [("listing", LISTING), ("pricing", PRICING), ("billing", BILLING)])
def test_faults(start: Start, route: str, path: str) -> None:
    words = ["500*1", "429:retry-after=1*1", "403*1", "504:type=upstream*1", "html-502*1", "garbage*1"]
    client = start(faults=[f"{route}={word}" for word in words])
    admin = Client(client.sandbox, ADMIN_KEY)
    query = {"endpoint_id": ECHO}
    failed, limited, forbidden, timed_out = (admin.platform(path, query) for _ in range(4))
    assert (failed.status_code, failed.json()["error"]["type"]) == (500, "server_error")
    assert (limited.status_code, limited.json()["error"]["type"]) == (429, "rate_limited")
    assert (limited.headers["retry-after"], "x-fal-needs-retry" in limited.headers) == ("1", False)
    assert (forbidden.status_code, forbidden.json()["error"]["type"]) == (403, "authorization_error")
    assert (timed_out.status_code, timed_out.json()["error"]["type"]) == (504, "upstream")
    page, garbage, whole = (admin.platform(path, query) for _ in range(3))
    assert (page.status_code, "nginx" in page.text) == (502, True)
    with pytest.raises(json.JSONDecodeError):
        garbage.json()
    assert whole.status_code == 200
    assert client.stats()["http"][route] == 7


@pytest.mark.parametrize("word", ["cut-before", "cut-after", "reset-before", "reset-after", "truncate"])
def test_listing_that_does_not_come(start: Start, word: str) -> None:
    client = start(faults=[f"listing={word}*1"])
    with pytest.raises((ConnectionError, ChunkedEncodingError)):
        listed(client)
    assert listed(client)["items"] == []


def test_any_reaches_the_platform(start: Start) -> None:
    assert start(faults=["any=503"]).platform(PRICING, {"endpoint_id": ECHO}).json()["error"]["type"] == "server_error"


def test_lost_submit_is_found_by_its_input(client: Client) -> None:
    """What the listing is there for (§9.3 #3)."""
    payload = {"prompt": "once", "sandbox": {"queue": 0.3, "run": 0, "fault": "submit=cut-after*1"}}
    sent = datetime.now(UTC) - timedelta(minutes=1)
    with pytest.raises(ConnectionError):
        client.post(ECHO, payload)

    def look() -> list[dict[str, Any]]:
        items = listed(client, start=sent.isoformat(), expand="payloads")["items"]
        return [item for item in items if item["json_input"] == payload]

    assert look() == []
    (item,) = until(look)
    assert client.ask(ECHO, item["request_id"]).json() == {"prompt": "once"}
