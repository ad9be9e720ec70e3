"""What things cost: units and their rules, estimates, bills, the balance, and what was measured (§4.10, §11.2, §16)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image

from fal_cli.sandbox.models.known import MODELS
from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import ADMIN_KEY

QUICK = {"queue": 0, "run": 0}
ECHO = "sandbox/echo"
Start = Callable[..., Client]
PRICED = {endpoint: model for endpoint, model in MODELS.items() if model.module == "priced"}


def bill(client: Client, endpoint: str, payload: Any, **orders: Any) -> tuple[float, float]:
    """The units of a result, and what the bill says that they cost."""
    result = client.run(endpoint, {**payload, "sandbox": {"run": 0, **orders}})
    assert result.status_code == 200, result.text
    query = {"request_id": result.headers["x-fal-request-id"]}
    events = Client(client.sandbox, ADMIN_KEY).platform("billing-events", query).json()["billing_events"]
    (event,) = events or [{"output_units": 0, "cost_total": 0}]
    assert event["output_units"] == float(result.headers["x-fal-billable-units"])
    return event["output_units"], event["cost_total"]


# -- units


def test_there_are_ten_kinds_of_units() -> None:
    assert len({model.unit for model in MODELS.values()}) >= 10
    assert {model.unit for model in PRICED.values()} == {
        "images", "megapixels", "videos", "seconds", "1000 characters", "1000 tokens", "compute seconds", "units",
        "credits",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint", "payload", "units", "cost"),
    [
        ("sandbox/images", {"prompt": "x"}, 1, 0.04),
        ("sandbox/images", {"prompt": "x", "num_images": 3}, 3, 0.12),
        ("sandbox/megapixels", {"prompt": "x", "image_size": {"width": 1000, "height": 500}}, 0.5, 0.0125),
        ("sandbox/megapixels", {"prompt": "x", "image_size": "square", "num_images": 4}, 1.048576, 0.0262144),
        ("sandbox/videos", {"prompt": "x", "duration": 9, "num_videos": 2}, 2, 0.7),
        ("sandbox/seconds", {"prompt": "x", "duration": 4}, 4, 0.2),
        ("sandbox/seconds", {"prompt": "x", "duration": 4, "resolution": "1080p"}, 8, 0.4),
        ("sandbox/seconds", {"prompt": "x", "duration": 5, "resolution": "480p"}, 2.5, 0.125),
        ("sandbox/speech", {"text": "x" * 250}, 0.25, 0.025),
        ("sandbox/tokens", {"prompt": "one two three", "max_tokens": 5}, 0.008, 0.000016),
        ("sandbox/units", {"prompt": "x"}, 98, 0.098),
        ("sandbox/units", {"prompt": "x", "quality": "low", "num_images": 2}, 14, 0.014),
        ("sandbox/credits", {"prompt": "x", "duration": 3, "with_audio": False}, 60, 0.06),
        ("sandbox/credits", {"prompt": "x", "duration": 3}, 95, 0.095),
        ("sandbox/unpriced", {"prompt": "x"}, 1, 0.02),
        ("fal-ai/flux/dev", {"prompt": "x", "num_images": 2}, 2, 0.05),
    ],
)
def test_each_unit_has_its_rule(client: Client, endpoint: str, payload: Any, units: float, cost: float) -> None:
    assert bill(client, endpoint, payload) == (units, pytest.approx(cost))


def test_the_time_of_a_machine_is_its_time(client: Client) -> None:
    """With the noise of that endpoint, a tenth."""
    bills = [bill(client, "sandbox/compute", {"prompt": "x", "num_images": 2}, run=0.1)[0] for _ in range(8)]
    assert all(0.18 <= units <= 0.22 for units in bills)
    assert len(set(bills)) > 1


def test_noise_and_units_can_be_ordered(client: Client) -> None:
    assert bill(client, "sandbox/images", {"prompt": "x"}, units="2.5")[0] == 2.5
    assert bill(client, "sandbox/images", {"prompt": "x"}, units=0) == (0, 0)
    noisy = [bill(client, "sandbox/images", {"prompt": "x"}, noise=0.5)[0] for _ in range(8)]
    assert all(0.5 <= units <= 1.5 for units in noisy)
    assert len(set(noisy)) > 1
    assert bill(client, "sandbox/compute", {"prompt": "x"}, noise=0, run=0.1)[0] == 0.1
    streamed = client.run(f"{ECHO}/stream", {"sandbox": {"units": 7}})
    query = {"request_id": streamed.headers["x-fal-request-id"]}
    events = Client(client.sandbox, ADMIN_KEY).platform("billing-events", query).json()["billing_events"]
    assert [event["output_units"] for event in events] == [7]


@pytest.mark.parametrize("orders", [{"units": -1}, {"units": "x"}, {"noise": 1}, {"noise": -0.1}, {"noise": True}])
def test_malformed_orders(client: Client, orders: dict[str, Any]) -> None:
    answer = client.run("sandbox/images", {"prompt": "x", "sandbox": orders})
    assert answer.json()["detail"][0]["loc"] == ["body", "sandbox", next(iter(orders))]


def test_what_is_paid_for_is_there(client: Client) -> None:
    def fetched(endpoint: str, key: str, **payload: Any) -> requests.Response:
        result = client.run(endpoint, {"prompt": "x", "text": "x" * 60, **payload, "sandbox": {"run": 0}}).json()
        found = result[key][0] if isinstance(result[key], list) else result[key]
        return requests.get(found["url"], timeout=30)

    assert Image.open(BytesIO(fetched("sandbox/images", "images").content)).format == "PNG"
    film = Image.open(BytesIO(fetched("sandbox/seconds", "video", duration=2).content))
    assert (film.format, getattr(film, "n_frames", 1)) == ("GIF", 8)
    sound = fetched("sandbox/speech", "audio")
    assert (sound.headers["content-type"], sound.content[:4], sound.content[8:12]) == ("audio/wav", b"RIFF", b"WAVE")
    assert len(sound.content) > 60_000  # four seconds
    assert fetched("sandbox/videos", "videos").headers["content-type"] == "image/gif"


# -- prices and estimates


def price(client: Client, endpoint: str) -> dict[str, Any]:
    found: dict[str, Any] = client.platform("pricing", {"endpoint_id": endpoint}).json()["prices"][0]
    return found


def test_a_price_that_is_not_told(client: Client) -> None:
    answer = client.platform("pricing", {"endpoint_id": f"{ECHO},sandbox/unpriced"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
    body = {"estimate_type": "unit_price", "endpoints": {"sandbox/unpriced": {"unit_quantity": 1}}}
    assert client.estimate(body).status_code == 404


def estimate(client: Client, endpoint: str, calls: int = 1) -> requests.Response:
    body = {"estimate_type": "historical_api_price", "endpoints": {endpoint: {"call_quantity": calls}}}
    return client.estimate(body)


@pytest.mark.parametrize("endpoint", PRICED)
def test_a_new_endpoint_has_no_history(start: Start, endpoint: str) -> None:
    client = start()
    missing = estimate(client, endpoint)
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found")
    payload = {"text": "x" * 100} if endpoint == "sandbox/speech" else {"prompt": "x"}
    _, cost = bill(client, endpoint, payload, run=0.1)
    assert estimate(client, endpoint, 10).json()["total_cost"] == pytest.approx(10 * cost, abs=1e-8)


def test_one_that_is_not_new_has_one_from_elsewhere(start: Start) -> None:
    client = start()
    assert estimate(client, "fal-ai/flux/dev", 2).json()["total_cost"] == 0.05
    both = {"fal-ai/flux/dev": {"call_quantity": 1}, "sandbox/units": {"call_quantity": 1}}
    assert client.estimate({"estimate_type": "historical_api_price", "endpoints": both}).status_code == 404


def test_the_history_is_the_average(start: Start) -> None:
    client = start()
    for count in (1, 3):
        bill(client, "sandbox/images", {"prompt": "x", "num_images": count})
    assert estimate(client, "sandbox/images").json()["total_cost"] == 0.08
    body = {"estimate_type": "unit_price", "endpoints": {"sandbox/images": {"unit_quantity": 3}}}
    assert client.estimate(body).json()["total_cost"] == 0.12


def test_a_price_that_changes(start: Start) -> None:
    before = start()
    assert bill(before, "sandbox/images", {"prompt": "x"})[1] == 0.04
    after = start(settings=["price=sandbox/images:0.08,sandbox/units:0"])
    assert price(after, "sandbox/images")["unit_price"] == 0.08
    assert bill(after, "sandbox/images", {"prompt": "x"})[1] == 0.08
    assert price(after, "sandbox/units")["unit_price"] == 0
    admin = Client(after.sandbox, ADMIN_KEY)
    events = admin.platform("billing-events", {"endpoint_id": "sandbox/images"}).json()["billing_events"]
    assert [event["unit_price"] for event in events] == [0.08, 0.04]
    assert admin.account({"expand": "credits"}).json()["credits"]["current_balance"] == 99.88


@pytest.mark.parametrize(
    "word", ["price", "price=sandbox/images", "price=sandbox/images:", "price=sandbox/images:-1", "price=x:1"]
)
def test_malformed_prices(start: Start, word: str) -> None:
    with pytest.raises(ValueError, match="price=ENDPOINT:DOLLARS"):
        start(settings=[word])


def test_the_balance_goes_down_by_each_bill(start: Start) -> None:
    client = start(settings=["balance=1"])
    admin = Client(client.sandbox, ADMIN_KEY)
    for left in (0.96, 0.92, 0.88):
        bill(client, "sandbox/images", {"prompt": "x"})
        assert admin.account({"expand": "credits"}).json()["credits"] == {"current_balance": left, "currency": "USD"}


def test_bills_of_many_in_pages(start: Start) -> None:
    client = start()
    admin = Client(client.sandbox, ADMIN_KEY)
    sent = [client.submit(ECHO, {"n": number, "sandbox": QUICK}) for number in range(7)]
    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = admin.platform("billing-events", query).json()
        seen += [event["request_id"] for event in page["billing_events"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        client.submit(ECHO, {"late": True, "sandbox": QUICK})
    assert seen == sent[::-1]


# -- what was measured


def measured(client: Client, endpoint: str, *metrics: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.platform("analytics", {"endpoint_id": endpoint, "expand": ",".join(metrics), **query})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"time_series", "next_cursor", "has_more"}
    return list(answer.json()["time_series"])


def test_counts_and_percentiles(start: Start) -> None:
    client = start()
    times = [{"queue": seconds, "run": 2 * seconds} for seconds in (0.1, 0.2, 0.3)]
    accepted = [client.submit(ECHO, {"sandbox": orders}) for orders in times]
    client.submit(ECHO, {"sandbox": {**QUICK, "app": 422}})
    client.submit(ECHO, {"sandbox": {**QUICK, "gateway": 503}})
    client.submit(ECHO, {"sandbox": {"queue": 60}})
    for request_id in accepted:
        client.wait(ECHO, request_id)
    names = (
        "request_count", "success_count", "user_error_count", "error_count", "p50_prepare_duration", "p50_duration",
        "p99_duration", "cold_boot_count", "p50_cold_boot_duration", "total_billable_duration",
    )  # fmt: skip
    results = [result for bucket in measured(client, ECHO, *names) for result in bucket["results"]]
    totals = {name: sum(result[name] for result in results) for name in names[:4]}
    assert totals == {"request_count": 5, "success_count": 3, "user_error_count": 1, "error_count": 1}
    if len(results) == 1:  # an hour may have begun in between
        (result,) = results
        assert result["endpoint_id"] == ECHO
        assert result["p50_prepare_duration"] == pytest.approx(0.1, abs=0.01)
        assert result["p50_duration"] == pytest.approx(0.2, abs=0.01)
        assert 0.55 < result["p99_duration"] <= 0.6
        assert (result["cold_boot_count"], result["p50_cold_boot_duration"]) == (0, None)
        assert result["total_billable_duration"] == pytest.approx(1.2, abs=0.01)


def test_only_what_was_asked_for(client: Client) -> None:
    client.submit(ECHO, {"sandbox": QUICK})
    (bucket,) = measured(client, ECHO, "request_count", timeframe="month")
    assert set(bucket) == {"bucket", "results"}
    assert [set(result) for result in bucket["results"]] == [{"endpoint_id", "request_count"}]
    assert measured(client, "fal-ai/esrgan", "request_count") == []


def test_several_endpoints_in_their_order(start: Start) -> None:
    client = start()
    client.submit(ECHO, {"sandbox": QUICK})
    client.submit("fal-ai/any-llm", {"prompt": "x", "sandbox": QUICK})
    found = measured(client, f"fal-ai/any-llm,{ECHO},sandbox/images", "request_count", timeframe="month")
    assert [result["endpoint_id"] for bucket in found for result in bucket["results"]] == ["fal-ai/any-llm", ECHO]


@pytest.mark.parametrize(
    ("hours", "usual", "form"),
    [
        (1, "minute", "%M"),
        (24, "hour", "%H"),
        (24 * 30, "day", "%d"),
        (24 * 100, "week", "%A"),
        (24 * 400, "month", "%d"),
    ],
)
def test_the_size_of_a_bucket(start: Start, hours: int, usual: str, form: str) -> None:
    client = start()
    client.submit(ECHO, {"sandbox": QUICK})
    since = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    for query in ({"start": since}, {"start": since, "timeframe": usual}):
        (bucket,) = measured(client, ECHO, "request_count", **query)
        start_ = datetime.fromisoformat(bucket["bucket"])
        assert (start_.second, start_.microsecond) == (0, 0)
        assert usual == "minute" or start_.minute == 0
        assert usual in ("minute", "hour") or start_.hour == 0
        assert usual != "week" or start_.weekday() == 0
        assert usual != "month" or start_.day == 1


def test_a_time_zone(start: Start) -> None:
    client = start()
    client.submit(ECHO, {"sandbox": QUICK})
    (bucket,) = measured(client, ECHO, "request_count", timezone="Asia/Kolkata", timeframe="day")
    assert bucket["bucket"].endswith("T00:00:00+05:30")


def test_what_lags_is_not_measured_yet(start: Start) -> None:
    client = start(settings=["listing-lag=60"])
    client.submit(ECHO, {"sandbox": QUICK})
    assert measured(client, ECHO, "request_count") == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "endpoint_id"),
        ({"endpoint_id": ECHO, "expand": "p42_duration"}, "expand"),
        ({"endpoint_id": ECHO, "timeframe": "year"}, "timeframe"),
        ({"endpoint_id": ECHO, "timezone": "Mars/Base"}, "timezone"),
        ({"endpoint_id": ECHO, "timezone": "../../etc/passwd"}, "timezone"),
        ({"endpoint_id": ECHO, "bound_to_timeframe": "maybe"}, "bound_to_timeframe"),
        ({"endpoint_id": ECHO, "unknown": "1"}, "unknown"),
    ],
)
def test_malformed_queries(client: Client, query: dict[str, str], named: str) -> None:
    answer = client.platform("analytics", query)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(named)
