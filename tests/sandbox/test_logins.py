"""Logins beside keys: access tokens, and the refresh tokens that rotate (§1.2, §1.5)."""

import base64
import hashlib
import hmac
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from fal_cli.sandbox.services.login import CLIENT_ID
from fal_cli.sandbox.state import logins, tokens
from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import KEYS, SANDBOX_KEY

ECHO = "sandbox/echo"
Start = Callable[..., Client]


def jwt(key: str, claims: dict[str, Any], **header: Any) -> str:
    """A token as any other tool makes one, with the sandbox's key."""

    def encoded(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', **header})}.{encoded(claims)}"
    signature = hmac.digest(key.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def ways(client: Client, token: str) -> dict[str, requests.Response]:
    """What each host answers to a login."""
    headers = {"Authorization": f"Bearer {token}"}

    def post(url: str, body: Any = None) -> requests.Response:
        return requests.post(url, json=body or {}, headers=headers, timeout=15)

    return {
        "run": post(f"{client.addresses.run}/{ECHO}", {"sandbox": {"run": 0}}),
        "events": post(f"{client.addresses.run}/{ECHO}/stream"),
        "submit": post(f"{client.addresses.queue}/{ECHO}"),
        "cdn": post(f"{client.addresses.rest}/storage/auth/token?storage_type=fal-cdn-v3"),
        "realtime": post(f"{client.addresses.rest}/tokens/", {"allowed_apps": ["echo"]}),
    }


@pytest.mark.parametrize("make", [
    lambda: tokens.mint(KEYS.login, "login", 60),
    lambda: jwt(SANDBOX_KEY, {"exp": int(time.time()) + 60, "sub": "me"}),
    lambda: jwt(SANDBOX_KEY, {"exp": time.time() + 60}, kid="1"),
])  # fmt: skip
def test_a_live_login_is_as_good_as_a_key(client: Client, make: Callable[[], str]) -> None:
    answers = ways(client, make())
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 200)


def test_an_expired_login(client: Client) -> None:
    for claims in ({"exp": time.time() - 1}, {"exp": 0}, {}, {"exp": "soon"}):
        for answer in ways(client, jwt(SANDBOX_KEY, claims)).values():
            assert (answer.status_code, answer.json()["detail"]) == (401, "The access token has expired.")


@pytest.mark.parametrize(
    "make",
    [
        lambda: jwt("sandbox:another-key-0123456789", {"exp": time.time() + 60}),
        lambda: jwt(SANDBOX_KEY, {"exp": time.time() + 60}, alg="none"),
        lambda: jwt(SANDBOX_KEY, {"exp": time.time() + 60}).rpartition(".")[0] + ".",
        lambda: jwt(SANDBOX_KEY, {"exp": time.time() + 60, "kind": "cdn"}),
        lambda: tokens.mint(KEYS.seal, "login", 60),
        lambda: tokens.mint(KEYS.seal, "cdn", 60),
        lambda: jwt(SANDBOX_KEY, ["exp"]),  # type: ignore[arg-type]
        lambda: "a.b.c",
        lambda: "é.b.c".encode().decode("latin-1"),
        lambda: "..",
    ],
)
def test_what_only_looks_like_a_login(client: Client, make: Callable[[], str]) -> None:
    for answer in ways(client, make()).values():
        assert answer.status_code == 401
        assert "nvalid key credentials" in answer.json()["detail"]


def test_a_key_is_no_login(client: Client) -> None:
    assert ways(client, SANDBOX_KEY)["run"].status_code == 401


def test_the_platform_api_takes_keys_only(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.mint(KEYS.login, 'login', 60)}"}
    url = f"{client.addresses.api}/v1/models/pricing?endpoint_id={ECHO}"
    assert requests.get(url, headers=headers, timeout=15).status_code == 401


# -- refreshing


def refresh(client: Client, token: str, **form: str) -> requests.Response:
    given = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": token, **form}
    return requests.post(f"{client.addresses.rest}/oauth/token", data=given, timeout=15)


def test_a_refresh_gives_both_tokens(client: Client) -> None:
    answer = refresh(client, logins.begin(client.sandbox.store))
    body = answer.json()
    assert answer.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 86_400)
    assert ways(client, body["access_token"])["run"].status_code == 200
    claims = json.loads(base64.urlsafe_b64decode(body["access_token"].split(".")[1] + "=="))
    assert claims["exp"] - time.time() == pytest.approx(86_400, abs=60)


def test_tokens_rotate(client: Client) -> None:
    first = logins.begin(client.sandbox.store)
    second = refresh(client, first).json()["refresh_token"]
    third = refresh(client, second).json()["refresh_token"]
    assert len({first, second, third}) == 3


def test_a_used_token_ends_its_login(client: Client) -> None:
    stolen = logins.begin(client.sandbox.store)
    other = logins.begin(client.sandbox.store)
    following = refresh(client, stolen).json()["refresh_token"]
    for token in (stolen, following, stolen):
        answer = refresh(client, token)
        assert (answer.status_code, answer.json()["error"]) == (403, "invalid_grant")
    assert refresh(client, other).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"refresh_token": "nonsense"}, 403, "invalid_grant"),
        ({"refresh_token": ""}, 403, "invalid_grant"),
        ({"client_id": "someone"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 403, "unsupported_grant_type"),
    ],
)
def test_refused_refreshes(client: Client, form: dict[str, str], status: int, error: str) -> None:
    good = logins.begin(client.sandbox.store)
    answer = refresh(client, good, **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert refresh(client, good).status_code == 200  # it was not used up


def test_faults_of_a_refresh(start: Start) -> None:
    client = start(faults=["login=503*1", "login=expires:0*1"])
    token = logins.begin(client.sandbox.store)
    assert refresh(client, token).status_code == 503
    body = refresh(client, token).json()
    assert ways(client, body["access_token"])["run"].json()["detail"] == "The access token has expired."
    assert client.stats()["http"]["login"] == 2


def test_a_login_in_the_vendors_form(client: Client, tmp_path: Path) -> None:
    path = logins.write(client.sandbox.store, tmp_path / "fal-home")
    assert path.name == "auth0_token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert refresh(client, path.read_text()).status_code == 200
