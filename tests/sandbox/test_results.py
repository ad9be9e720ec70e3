"""How long a result is there, by its size and by whether its payloads are stored (§4.7), and their deletion (§11.2)."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.sandbox_client import Client, until
from tests.support.sandbox_keys import ADMIN_KEY

ECHO, FLUX = "sandbox/echo", "fal-ai/flux"
DONE = {"queue": 0, "run": 0}
DAY = 86_400
SMALL, BIG, HUGE = 10, 20_000, 1024 * 1024 + 1
Start = Callable[..., Client]


def submit(client: Client, size: int, store: str = "1", **orders: Any) -> str:
    payload = {"text": "x" * size, "sandbox": {**DONE, **orders}}
    request_id = client.submit(ECHO, payload, headers={"X-Fal-Store-IO": store})
    client.wait(ECHO, request_id)
    return request_id


def kept(client: Client, request_id: str) -> float:
    found = client.sandbox.store.request(request_id)
    assert found is not None
    return float(found.record["kept"])


@pytest.mark.parametrize(
    ("size", "store", "seconds"),
    [
        (SMALL, "1", 30 * DAY), (BIG, "1", 30 * DAY), (HUGE, "1", 30 * DAY),
        (SMALL, "0", 3600), (BIG, "0", 360), (HUGE, "0", 0),
        (10_240 - len('{"text":""}') - 1, "0", 3600), (10_240 - len('{"text":""}'), "0", 360),
        (1024 * 1024 - len('{"text":""}'), "0", 360), (1024 * 1024 - len('{"text":""}') + 1, "0", 0),
    ],
)  # fmt: skip
def test_the_life_of_a_result(client: Client, size: int, store: str, seconds: float) -> None:
    assert kept(client, submit(client, size, store)) == seconds


def test_a_result_whose_time_is_over(start: Start) -> None:
    client = start(settings=["keep=0.6", "keep-big=0.2", "keep-stored=60"])
    small, big = submit(client, SMALL, "0"), submit(client, BIG, "0")
    stored = submit(client, BIG)
    for request_id in (big, small):
        until(lambda request_id=request_id: client.ask(ECHO, request_id).status_code == 404)
    assert client.ask(ECHO, small).json() == {"status": "NOT_FOUND"}
    assert client.ask(ECHO, small, "/status").status_code == 200
    assert client.ask(ECHO, stored).status_code == 200


def test_an_order_for_one_request_counts_more(start: Start) -> None:
    client = start(settings=["keep=0", "keep-stored=0"])
    assert client.ask(ECHO, submit(client, SMALL)).status_code == 404
    assert client.ask(ECHO, submit(client, SMALL, expire=60)).status_code == 200


# -- deletion


def erase(client: Client, request_id: str, key: str = ADMIN_KEY) -> requests.Response:
    admin = Client(client.sandbox, key)
    return admin.send("DELETE", f"{admin.addresses.api}/v1/models/requests/{request_id}/payloads")


def test_a_deletion_leaves_what_is_kept_elsewhere(start: Start) -> None:
    client = start()
    small, huge = submit(client, SMALL), submit(client, HUGE)
    for request_id in (small, huge):
        answer = erase(client, request_id)
        assert (answer.status_code, answer.json()) == (200, {"cdn_delete_results": []})
    assert client.ask(ECHO, small).status_code == 200
    assert kept(client, small) == 3600
    assert client.ask(ECHO, huge).status_code == 404
    query = {"endpoint_id": ECHO, "expand": "payloads"}
    items = client.platform("requests/by-endpoint", query).json()["items"]
    assert [(item["json_input"], item["json_output"], item["status_code"]) for item in items] == [(None, None, 200)] * 2


def test_a_deletion_takes_the_files_of_the_output(start: Start) -> None:
    client = start()
    payload = {"prompt": "x", "image_size": "square", "num_images": 2, "sandbox": DONE}
    request_id = client.submit("fal-ai/flux/schnell", payload)
    urls = [image["url"] for image in client.outcome(FLUX, request_id).json()["images"]]
    assert requests.get(urls[0], timeout=15).status_code == 200
    results = erase(client, request_id).json()["cdn_delete_results"]
    assert sorted(results, key=lambda result: urls.index(result["link"])) == [
        {"link": url, "exception": None} for url in urls
    ]
    assert [requests.get(url, timeout=15).status_code for url in urls] == [404, 404]
    assert client.ask(FLUX, request_id).status_code == 200
    assert erase(client, request_id).json() == {"cdn_delete_results": []}


def test_who_may_delete_what(client: Client) -> None:
    request_id = submit(client, SMALL)
    assert erase(client, request_id, client.sandbox.keys.plain).status_code == 403
    assert erase(client, "00000000-0000-0000-0000-000000000000").json()["error"]["type"] == "not_found"
    wrong = client.send("GET", f"{client.addresses.api}/v1/models/requests/{request_id}/payloads")
    assert wrong.status_code in (403, 405)
