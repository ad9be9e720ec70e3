"""What the account may do: its locks, its access list, its rate, models without a key (§1.7, §9.3, §13 #6)."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import websocket

from fal_cli.sandbox.orders.faults import parse_fault
from tests.support.sandbox_client import Client, until
from tests.support.sandbox_keys import ADMIN_KEY

ECHO = "sandbox/echo"
QUICK = {"queue": 0, "run": 0}
LOCKS = {
    "balance": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    "admin": "User is locked. Reason: Admin lock. Please contact support@fal.ai.",
    "topup": "User is locked. Reason: TOP_UP.",
}
Start = Callable[..., Client]


def initiate(client: Client) -> requests.Response:
    url = f"{client.addresses.rest}/storage/upload/initiate?storage_type=fal-cdn-v3"
    return client.send("POST", url, json={"file_name": "a.txt", "content_type": "text/plain"})


def paid(client: Client) -> list[requests.Response]:
    """One answer of each way in which money can be spent."""
    return [
        client.post(ECHO, {"sandbox": QUICK}),
        client.run(ECHO, {"sandbox": QUICK}),
        client.run(f"{ECHO}/stream", {"sandbox": QUICK}),
        initiate(client),
        client.send("POST", f"{client.addresses.rest}/storage/auth/token?storage_type=fal-cdn-v3"),
        client.send("POST", f"{client.addresses.rest}/tokens/", json={"allowed_apps": ["echo"]}),
    ]


def assert_locked(client: Client, kind: str = "balance") -> None:
    for answer in paid(client):
        assert (answer.status_code, answer.json()) == (403, {"detail": LOCKS[kind]})
        assert "x-fal-error-type" not in answer.headers


def assert_free(client: Client) -> None:
    assert [answer.status_code for answer in paid(client)] == [200] * 6


# -- locks


@pytest.mark.parametrize("kind", LOCKS)
def test_each_lock_has_its_words(start: Start, kind: str) -> None:
    assert_locked(start(faults=[f"locked:{kind}"]), kind)


def test_what_exists_can_be_read_and_cancelled(start: Start) -> None:
    client = start()
    done = client.submit(ECHO, {"a": 1, "sandbox": QUICK})
    waiting = client.submit(ECHO, {"sandbox": {"queue": 60}})
    client.sandbox.store.lock("admin", time.time() + 60)
    assert_locked(client, "admin")
    assert client.ask(ECHO, done, "/status").status_code == 200
    assert client.ask(ECHO, done).json() == {"a": 1}
    assert client.events(ECHO, done)[-1]["status"] == "COMPLETED"
    assert client.cancel(ECHO, waiting).json() == {"status": "OK"}
    assert client.platform("requests/by-endpoint", {"endpoint_id": ECHO}).status_code == 200
    client.sandbox.store.unlock()
    assert_free(client)


def test_a_lock_for_a_time(start: Start) -> None:
    client = start(faults=["locked:topup:0.4"])
    assert client.post(ECHO).json() == {"detail": LOCKS["topup"]}
    until(lambda: client.post(ECHO).status_code == 200)


def test_a_call_can_lock_the_account_in_the_middle(start: Start) -> None:
    client, other = start(), start()
    payload = {"row": 7, "sandbox": {**QUICK, "fault": "locked:balance:0.5"}}
    before = client.stats()["accepted"]
    assert client.post(ECHO, payload).json() == {"detail": LOCKS["balance"]}
    assert_locked(other)
    until(lambda: other.post(ECHO, {"sandbox": QUICK}).status_code == 200)
    assert client.post(ECHO, payload).status_code == 200  # it has locked once, and that was it
    assert client.stats()["accepted"] == before + 2


def test_a_lock_refuses_a_socket(start: Start) -> None:
    client = start(faults=["locked:admin"])
    url = f"{client.addresses.run.replace('http', 'ws', 1)}/{ECHO}/realtime"
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url, header=[f"Authorization: {client.headers['Authorization']}"], timeout=10)
    assert caught.value.status_code == 403
    assert "Admin lock" in str(caught.value.resp_body)


def test_a_lock_of_some_calls_only(start: Start) -> None:
    client = start(faults=["submit=locked:admin*2"])
    assert [client.post(ECHO).json().get("detail") for _ in range(3)] == [LOCKS["admin"], LOCKS["admin"], None]
    assert client.run(ECHO, {"sandbox": QUICK}).status_code == 200


def test_the_balance_runs_out_at_the_threshold(start: Start) -> None:
    client = start(settings=["balance=1.1", "lock-threshold=1.05"])
    admin = Client(client.sandbox, ADMIN_KEY)
    payload = {"prompt": "x", "sandbox": QUICK}
    for left in (1.075, 1.05, 1.025):
        assert client.post("fal-ai/flux/dev", payload).status_code == 200
        assert admin.account({"expand": "credits"}).json()["credits"]["current_balance"] == left
    assert_locked(client)
    running = start(settings=["balance=2"])
    assert_free(running)  # topped up


def test_money_that_is_spent_later_counts_when_it_is_spent(start: Start) -> None:
    client = start(settings=["balance=1", "lock-threshold=0.98"])
    payload = {"prompt": "x", "sandbox": {"queue": 0, "run": 60}}
    for _ in range(3):
        assert client.post("fal-ai/flux/dev", payload).status_code == 200
    assert_free(client)


# -- permissions


@pytest.mark.parametrize("route", ["submit", "run", "events"])
def test_a_model_that_is_denied_by_order(start: Start, route: str) -> None:
    client = start(faults=[f"{route}=denied*1"])
    call = {"submit": client.post, "run": client.run, "events": lambda endpoint: client.run(f"{endpoint}/stream")}[
        route
    ]
    answer = call(ECHO)
    assert (answer.status_code, answer.json()) == (
        403,
        {"detail": "Access denied", "error_type": "authorization_error"},
    )
    assert answer.headers["x-fal-error-type"] == "authorization_error"
    assert client.stats()["accepted"] == 0


def test_an_access_list(start: Start) -> None:
    client = start(settings=["deny=fal-ai/flux/dev,fal-ai/esrgan"])
    for endpoint in ("fal-ai/flux/dev", "fal-ai/esrgan"):
        for answer in (client.post(endpoint, {}), client.run(endpoint, {}), client.run(f"{endpoint}/stream", {})):
            assert (answer.status_code, answer.json()["detail"]) == (403, "Access denied")
    assert client.post("fal-ai/flux/schnell", {"prompt": "x"}).status_code == 200
    assert client.models({"endpoint_id": "fal-ai/flux/dev"}).status_code == 200


@pytest.mark.parametrize("route", ["listing", "pricing", "billing", "account", "models"])
def test_a_missing_permission_on_the_platform_api(start: Start, route: str) -> None:
    admin = Client(start(faults=[f"{route}=denied*1"]).sandbox, ADMIN_KEY)
    paths = {
        "listing": f"models/requests/by-endpoint?endpoint_id={ECHO}", "pricing": f"models/pricing?endpoint_id={ECHO}",
        "billing": "models/billing-events", "account": "account/billing", "models": "models",
    }  # fmt: skip
    url = f"{admin.addresses.api}/v1/{paths[route]}"
    denied = admin.send("GET", url)
    assert denied.status_code == 403
    assert denied.json() == {"error": {"type": "authorization_error", "message": "Access denied"}}
    assert admin.send("GET", url).status_code == 200


# -- without a key


def nobody(client: Client, method: str, url: str, **options: Any) -> requests.Response:
    return requests.request(method, url, timeout=15, **options)


def test_models_need_a_key_unless_it_is_set_otherwise(start: Start) -> None:
    strict, open_ = start(), start(settings=["keyless"])
    payload = {"a": 1, "sandbox": QUICK}
    assert nobody(strict, "POST", f"{strict.addresses.run}/{ECHO}", json=payload).status_code == 401
    assert nobody(open_, "POST", f"{open_.addresses.run}/{ECHO}", json=payload).json() == {"a": 1}
    submitted = nobody(open_, "POST", f"{open_.addresses.queue}/{ECHO}", json=payload).json()
    for key, status in (("status_url", 200), ("response_url", 200)):
        assert nobody(open_, "GET", submitted[key]).status_code == status
    assert nobody(open_, "PUT", submitted["cancel_url"]).status_code == 400
    url = f"{open_.addresses.run.replace('http', 'ws', 1)}/{ECHO}/realtime"
    websocket.create_connection(url, timeout=10).close()


def test_a_wrong_key_is_wrong_all_the_same(start: Start) -> None:
    client = start(settings=["keyless"])
    assert Client(client.sandbox, "some:other").post(ECHO).status_code == 401


def test_uploads_and_the_platform_need_a_key(start: Start) -> None:
    client = start(settings=["keyless"])
    url = f"{client.addresses.rest}/storage/upload/initiate?storage_type=fal-cdn-v3"
    assert nobody(client, "POST", url, json={}).status_code == 401
    assert nobody(client, "GET", f"{client.addresses.api}/v1/models/pricing?endpoint_id={ECHO}").status_code == 401


# -- a rate


def test_a_rate_lets_some_through(start: Start) -> None:
    client = start(faults=["submit=429@0.01/3"])
    codes = [client.post(ECHO).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    refused = client.post(ECHO)
    assert not {"retry-after", "x-ratelimit-reset"} & set(refused.headers)
    assert refused.headers["x-fal-error-type"] == "concurrent_requests_limit"
    assert client.stats()["accepted"] == 3
    assert client.run(ECHO, {"sandbox": QUICK}).status_code == 200


def test_a_rate_says_how_long(start: Start) -> None:
    client = start(faults=["submit=429:retry-after,reset@0.05"])
    assert client.post(ECHO).status_code == 200
    refused = client.post(ECHO)
    assert 18 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["x-ratelimit-reset"] == refused.headers["retry-after"]
    assert refused.headers["x-ratelimit-remaining"] == "0"


def test_whoever_waits_as_told_is_let_through(start: Start) -> None:
    client = start(faults=["submit=429:retry-after@2/1"])
    for _ in range(3):
        until(lambda: client.post(ECHO).status_code == 200)
    refused = client.post(ECHO)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    time.sleep(1)
    assert client.post(ECHO).status_code == 200


def test_the_bucket_is_the_accounts(start: Start) -> None:
    here, there = start(faults=["submit=429@0.01/2"]), start(faults=["submit=429@0.01/2"])
    assert [client.post(ECHO).status_code for client in (here, there, here, there)] == [200, 200, 429, 429]


def test_a_rate_that_ends(start: Start) -> None:
    client = start(faults=["submit=429@0.01/1*2"])
    assert [client.post(ECHO).status_code for _ in range(5)] == [200, 429, 429, 200, 200]


def test_a_reset_without_a_rate(start: Start) -> None:
    refused = start(faults=["submit=429:reset=3"]).post(ECHO)
    assert refused.headers["x-ratelimit-reset"] == "3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("submit=429@2", {"rate": 2.0, "burst": 2, "status": 429}),
        ("submit=429@0.5", {"rate": 0.5, "burst": 1}),
        ("submit=429:retry-after,reset@2/10*3", {"burst": 10, "times": 3, "retry_after": "next", "reset": "next"}),
        ("run=html-503@1", {"kind": "html", "rate": 1.0}),
        ("locked", {"route": "", "kind": "locked", "lock": "balance", "seconds": float("inf")}),
        ("locked:6", {"lock": "balance", "seconds": 6.0}),
        ("locked:admin:6", {"lock": "admin", "seconds": 6.0}),
        ("submit=locked:topup*2", {"route": "submit", "lock": "topup", "times": 2}),
        ("pricing=denied", {"kind": "denied"}),
    ],
)
def test_words(text: str, expected: dict[str, Any]) -> None:
    fault = parse_fault(text)
    assert {key: getattr(fault, key) for key in expected} == expected
    assert parse_fault(fault.text) == fault


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("locked:never", "balance, admin, topup"),
        ("locked:admin:soon", "SECONDS"),
        ("locked:6:admin", "SECONDS"),
        ("status=locked", "unknown fault 'locked'"),
        ("status=denied", "unknown fault 'denied'"),
        ("submit=429@0", "@0.5"),
        ("submit=429@2/0", "@0.5"),
        ("submit=429@fast", "unknown fault '429@fast'"),
        ("submit=cut-after@2", "only a status or a page"),
        ("submit=429:retry-after", "unknown option 'retry-after'"),
    ],
)
def test_malformed_words(text: str, named: str) -> None:
    with pytest.raises(ValueError, match="fault") as caught:
        parse_fault(text)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "word", ["balance", "balance=much", "balance=nan", "lock-threshold=1e99", "deny=", "deny=flux", "keyless=1"]
)
def test_malformed_settings(start: Start, word: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        start(settings=[word])
