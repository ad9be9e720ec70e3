"""The grammars of faults and orders."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.sandbox.orders.faults import Fault, parse_fault
from fal_cli.sandbox.orders.orders import OrderError, parse_orders, take_orders
from fal_cli.sandbox.orders.words import ROUTES
from fal_cli.sandbox.replies.routes import match
from fal_cli.sandbox.state.logs import progress_bar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("submit=429*2", {"route": "submit", "kind": "status", "status": 429, "times": 2}),
        ("any=503", {"route": "any", "kind": "status", "status": 503, "times": None}),
        ("status=503:json", {"status": 503, "retry_after": None}),
        ("run=429:retry-after=2", {"retry_after": "2"}),
        ("run=429:retry-after=date+2*1", {"retry_after": "date+2", "times": 1}),
        ("submit=504:user", {"status": 504, "user_timeout": True}),
        ("run=503:type=startup_timeout,retry-after=1", {"error_type": "startup_timeout"}),
        ("submit=307:location=http://127.0.0.1:9/x", {"location": "http://127.0.0.1:9/x"}),
        ("submit=html-502", {"kind": "html", "status": 502}),
        ("result=stall:0.5", {"kind": "stall", "seconds": 0.5}),
        ("submit=stall-before:2", {"kind": "stall-before", "seconds": 2.0}),
        ("submit=cut-after*1", {"kind": "cut-after", "times": 1}),
        ("stream=cut", {"kind": "cut-after", "count": 1}),
        ("stream=cut-after:3", {"kind": "cut-after", "count": 3}),
        ("stream=silent", {"kind": "silent", "count": 0}),
        ("stream=silent-after:2", {"kind": "silent-after", "count": 2}),
        ("stream=close-after:0", {"kind": "close-after", "count": 0}),
        ("stream=refuse", {"kind": "refuse", "status": 404}),
        ("stream=refuse:503", {"kind": "refuse", "status": 503}),
        ("stream=split", {"kind": "split"}),
        ("part:3=500*1", {"route": "part", "number": 3, "status": 500, "times": 1}),
        ("part=cut-at:100", {"number": 0, "kind": "cut-at", "count": 100}),
        ("token=expires:0.5", {"kind": "expires", "seconds": 0.5}),
        ("events=slow-first:2", {"kind": "slow-first", "seconds": 2.0}),
        ("events=cut-after:2", {"kind": "cut-after", "count": 2}),
        ("events=multi-line", {"kind": "multi-line"}),
        ("realtime=close-after:2:1012", {"kind": "close-after", "count": 2, "code": 1012}),
        ("realtime=close-after:2", {"count": 2, "code": 1011}),
        ("realtime=unauthorized*1", {"kind": "unauthorized", "times": 1}),
        ("listing=429:retry-after=1", {"route": "listing", "status": 429, "retry_after": "1"}),
        ("billing=cut-before", {"route": "billing", "kind": "cut-before"}),
        ("models=html-502", {"route": "models", "kind": "html"}),
        ("webhook=redeliver*1", {"route": "webhook", "kind": "redeliver", "times": 1}),
        ("webhook=bad-signature", {"kind": "bad-signature"}),
        ("webhook=old", {"kind": "old"}),
    ],
)
def test_fault(text: str, expected: dict[str, Any]) -> None:
    fault = parse_fault(text)
    assert {key: getattr(fault, key) for key in expected} == expected
    assert parse_fault(fault.text) == fault


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("429", "ROUTE=FAULT"),
        ("submitt=429", "submit, run, status, stream, result, cancel, file, any"),
        ("submit=explode", "cut-before, cut-after"),
        ("submit=200", "300 to 599"),
        ("submit=307", "location=URL"),
        ("submit=429:soon", "retry-after=SECONDS"),
        ("submit=429*many", "whole number"),
        ("submit=429*0", "*1"),
        ("submit=html-404", "html-502, html-503, html-504"),
        ("submit=stall", "stall:2"),
        ("submit=silent", "unknown fault 'silent'"),
        ("stream=cut-after", "cut-after:2"),
        ("stream=refuse:500", "404 or 503"),
        ("submit=truncate:3", "no argument"),
        ("submit=", "unknown fault"),
        ("part:x=500", "part:3"),
        ("part:0=500", "part:3"),
        ("file:1=500", "unknown route"),
        ("submit=cut-at:1", "unknown fault 'cut-at'"),
        ("events=bad-json:1", "no argument"),
        ("pricing=cut-at:1", "unknown fault 'cut-at'"),
        ("realtime=truncate", "unauthorized"),
        ("webhook=500", "unknown fault '500'; one of redeliver, bad-signature, old"),
        ("webhook=html-502", "one of redeliver, bad-signature, old"),
        ("webhook=cut-before", "one of redeliver, bad-signature, old"),
        ("webhook=old:1", "no argument"),
        ("submit=redeliver", "unknown fault 'redeliver'"),
        ("realtime=close-after:1:99", "perhaps a code"),
    ],
)
def test_bad_fault_names_what_is_allowed(text: str, named: str) -> None:
    with pytest.raises(ValueError, match="fault") as caught:
        parse_fault(text)
    assert named in str(caught.value)


def test_any_means_what_arrives() -> None:
    fault = parse_fault("any=503")
    assert [route for route in ROUTES if not fault.matches(route)] == ["webhook"]


@given(st.sampled_from(ROUTES), st.text(max_size=20))
def test_any_text_is_a_fault_or_a_value_error(route: str, word: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_fault(f"{route}={word}"), Fault)


def test_orders_are_taken_out() -> None:
    rest, orders = take_orders({"a": 1, "sandbox": {"queue": 2, "fault": "submit=429", "logs": ["x\x1b[0m"]}})
    assert rest == {"a": 1}
    assert (orders.queue, orders.logs, orders.faults[0].status) == (2.0, ("x\x1b[0m",), 429)


@pytest.mark.parametrize("payload", [[], "text", None, {"a": 1}, {"nested": {"sandbox": 1}}])
def test_no_orders(payload: Any) -> None:
    assert take_orders(payload)[0] == payload


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ("fast", ("sandbox",)),
        ({"quick": 1}, ("sandbox", "quick")),
        ({"queue": -1}, ("sandbox", "queue")),
        ({"queue": True}, ("sandbox", "queue")),
        ({"run": "1"}, ("sandbox", "run")),
        ({"position": 1.5}, ("sandbox", "position")),
        ({"requeue": 99}, ("sandbox", "requeue")),
        ({"logs": "line"}, ("sandbox", "logs")),
        ({"nsfw": 1}, ("sandbox", "nsfw")),
        ({"fail": 200}, ("sandbox", "fail")),
        ({"fail": {"code": 500}}, ("sandbox", "fail", "code")),
        ({"fail": {"traceback": 1}}, ("sandbox", "fail", "traceback")),
        ({"fault": "nonsense"}, ("sandbox", "fault")),
        ({"fault": [1]}, ("sandbox", "fault")),
        ({"events": -1}, ("sandbox", "events")),
        ({"interval": "1"}, ("sandbox", "interval")),
        ({"body_base64": "%"}, ("sandbox", "body_base64")),
        ({"mode": "duplex"}, ("sandbox", "mode")),
        ({"values": ["complex"]}, ("sandbox", "values")),
    ],
)
def test_bad_order_names_its_place(data: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(OrderError) as caught:
        parse_orders(data)
    assert caught.value.path == path


def test_progress_bar() -> None:
    assert progress_bar(13, 28, 13 / 9.87) == " 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]"
    assert progress_bar(0, 4, 0) == "  0%|          | 0/4 [00:00<?, ?it/s]"
    assert progress_bar(4, 4, 2) == "100%|██████████| 4/4 [00:02<00:00,  2.00it/s]"


@pytest.mark.parametrize(
    ("service", "path", "name", "app"),
    [
        ("run", "/fal-ai/flux/dev", "run", "fal-ai/flux"),
        ("queue", "/fal-ai/flux/dev", "submit", "fal-ai/flux"),
        ("queue", "/comfy/acme/pipe/run", "submit", "comfy/acme/pipe"),
        ("queue", "/fal-ai/flux/requests/r/status", "status", "fal-ai/flux"),
        ("queue", "/fal-ai/flux/dev/requests/r/status/", "status", "fal-ai/flux"),
        ("queue", "/workflows/acme/pipe/requests/r/status/stream", "stream", "workflows/acme/pipe"),
        ("queue", "/fal-ai/flux/requests/r/", "result", "fal-ai/flux"),
        ("queue", "/fal-ai/flux/requests/r/response", "result", "fal-ai/flux"),
        ("queue", "/fal-ai/flux/requests/r/cancel", "cancel", "fal-ai/flux"),
        ("queue", "/sandbox/echo/stream", "submit", "sandbox/echo"),
        ("run", "/fal-ai/any-llm/stream", "events", "fal-ai/any-llm"),
        ("run", "/fal-ai/flux/dev/realtime", "realtime", "fal-ai/flux"),
        ("run", "/workflows/acme/pipe/stream", "events", "workflows/acme/pipe"),
        ("run", "/acme/stream", "run", "acme/stream"),
    ],
)
def test_route(service: str, path: str, name: str, app: str) -> None:
    route = match(service, path)
    assert route is not None
    assert route.endpoint is not None
    assert (route.name, route.endpoint.app) == (name, app)


@pytest.mark.parametrize(
    "path", ["/", "/flux", "/workflows/acme", "/fal-ai//dev", "/fal-ai/flux/requests", "/a/b/requests/r/x"]
)
def test_no_route(path: str) -> None:
    assert match("queue", path) is None
