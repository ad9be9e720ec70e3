"""The sandbox as a bare HTTP client sees it: no code of the product between a test and the wire."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from fal_cli.sandbox.intake.context import Addresses
from fal_cli.sandbox.server import Sandbox

PATIENCE = 15.0


class Client:
    """Requests to one sandbox with its key; every answer is returned as it came."""

    def __init__(self, sandbox: Sandbox, key: str = "") -> None:
        self.sandbox = sandbox
        self.headers = {"Authorization": f"Key {key or sandbox.keys.plain}"}

    @property
    def addresses(self) -> Addresses:
        return self.sandbox.addresses

    def send(self, method: str, url: str, **options: Any) -> requests.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        options = {"timeout": PATIENCE, "allow_redirects": False, **options}
        return requests.request(method, url, headers=headers, **options)

    def post(self, endpoint: str, payload: Any = None, query: str = "", **options: Any) -> requests.Response:
        """Submit, and return the answer."""
        return self.send("POST", f"{self.addresses.queue}/{endpoint}{query}", json=payload or {}, **options)

    def run(self, endpoint: str, payload: Any = None, **options: Any) -> requests.Response:
        return self.send("POST", f"{self.addresses.run}/{endpoint}", json=payload or {}, **options)

    def submit(self, endpoint: str, payload: Any = None, **options: Any) -> str:
        """Submit, and return the request id."""
        answer = self.post(endpoint, payload, **options)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    def ask(self, app: str, request_id: str, tail: str = "", method: str = "GET", **options: Any) -> requests.Response:
        url = f"{self.addresses.queue}/{app}/requests/{request_id}{tail}"
        return self.send(method, url, **options)

    def cancel(self, app: str, request_id: str) -> requests.Response:
        return self.ask(app, request_id, "/cancel", "PUT")

    def wait(self, app: str, request_id: str, state: str = "COMPLETED") -> dict[str, Any]:
        """Poll until the request is in `state`; its status then."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.ask(app, request_id, "/status?logs=1").json()
            return found if found.get("status") == state else None

        return until(look)

    def outcome(self, app: str, request_id: str) -> requests.Response:
        """The result, once the request is over."""
        self.wait(app, request_id)
        return self.ask(app, request_id)

    def events(self, app: str, request_id: str, tail: str = "/status/stream?logs=1") -> list[dict[str, Any]]:
        """Every event of a status stream that ends by itself."""
        return parse_events(self.ask(app, request_id, tail).content)

    def platform(self, path: str, query: Any = None, **options: Any) -> requests.Response:
        """A call of the platform API; `query` is a mapping, or pairs."""
        return self.send("GET", f"{self.addresses.api}/v1/models/{path}", params=query, **options)

    def models(self, query: Any = None, **options: Any) -> requests.Response:
        """The catalogue."""
        return self.send("GET", f"{self.addresses.api}/v1/models", params=query, **options)

    def estimate(self, body: Any, **options: Any) -> requests.Response:
        """The cost of what `body` says."""
        return self.send("POST", f"{self.addresses.api}/v1/models/pricing/estimate", json=body, **options)

    def account(self, query: Any = None, **options: Any) -> requests.Response:
        return self.send("GET", f"{self.addresses.api}/v1/account/billing", params=query, **options)

    def stats(self) -> dict[str, Any]:
        return self.sandbox.store.stats()


def until(look: Callable[[], Any]) -> Any:
    """The first true answer of `look`, asked again and again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it never came to that")


def parse_events(body: bytes) -> list[dict[str, Any]]:
    """The events of a whole stream's bytes."""
    return list(_parse(body.decode()))


def _parse(text: str) -> Iterator[dict[str, Any]]:
    for block in text.split("\n\n"):
        if block.startswith("data: "):
            yield json.loads(block.removeprefix("data: "))
