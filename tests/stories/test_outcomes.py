"""The table of wire §8.5: an app's own answer is the outcome, once, whichever way it was called."""

import json

import pytest

from tests.conftest import Program, Service
from tests.support.fault_proxy import answer
from tests.support.place import Place

NOW = ("sandbox.queue=0", "sandbox.run=0")
WAYS = {"queue": ("run",), "direct": ("run", "--direct"), "stream": ("stream",)}
OUTCOMES = {  # the app's status: exit code, state in the ledger
    403: (1, "failed"),
    404: (1, "failed"),
    408: (1, "failed"),
    422: (4, "failed"),
    429: (1, "failed"),
    500: (1, "failed"),
}


def state(served: Program) -> str:
    return str(json.loads(served("history", "--limit", "1").stdout)["state"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", OUTCOMES)
def test_what_an_app_answers_is_the_outcome_once(served: Program, service: Service, status: int, way: str) -> None:
    failure = f'sandbox.app:={{"status":{status},"units":1,"body":{{"detail":"by the app"}}}}'
    done = served(*WAYS[way], "sandbox/echo", "a=1", *NOW, failure, code=None)
    code, ended = OUTCOMES[status]
    assert (done.code, state(served)) == (code, ended), done.stderr
    assert "by the app" in done.stderr
    assert done.stdout == b""
    assert service.accepted == 1
    assert served("resume").stdout == b""  # nothing is left of it


@pytest.mark.parametrize("way", ["direct", "stream"])
def test_a_refusal_of_the_gateway_is_waited_out(place: Place, way: str) -> None:
    busy = {"detail": "too many", "error_type": "concurrent_requests_limit"}
    place.proxy.fail("run" if way == "direct" else "stream", answer(429, busy, {"Retry-After": "0"}), times=2)
    done = place(*WAYS[way], "sandbox/echo", "a=1", *NOW, code=None)
    assert done.code == 0, done.stderr
    assert place.service.accepted == 1
