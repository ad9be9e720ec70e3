"""The vendor's Python client, unmodified, working through steps: `python client.py sync|async`.

It is told where to go by the environment (FAL_KEY, FAL_RUN_HOST, FAL_QUEUE_RUN_HOST, SSL_CERT_FILE) and, for REST
and CDN, whose hosts it has as constants, by the two assignments below; and
prints one JSON line per step: what it saw (`said`), or the traceback of an exception that it did not expect
(`error`). The steps are written once; `settle` and `gather` hide which of the two clients answers.
"""

import asyncio
import inspect
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import fal_client
import httpx
from httpx_sse import aconnect_sse

# These two are constants to the client; everything else it reads from the environment.
fal_client.client.REST_URL = f"https://{os.environ['FAL_REST_HOST']}"
fal_client.client.CDN_URL = f"https://{os.environ['FAL_CDN_HOST']}"

ECHO = "sandbox/echo"
FLUX = "fal-ai/flux/schnell"
LONG = 3600
QUICK = {"queue": 0, "run": 0}
CLIENTS = {"sync": fal_client.SyncClient, "async": fal_client.AsyncClient}

Step = Callable[[Any], Awaitable[Any]]
STEPS: dict[str, Step] = {}


def step(function: Step) -> Step:
    STEPS[function.__name__] = function
    return function


async def settle(answer: Any) -> Any:
    """The value of a call of either client."""
    return await answer if inspect.isawaitable(answer) else answer


async def gather(events: Any) -> list[Any]:
    """All events of either client's iterator."""
    return [event async for event in events] if hasattr(events, "__aiter__") else list(events)


def shown(status: Any) -> dict[str, Any]:
    """A status object with the name of its class."""
    return {"kind": type(status).__name__, **asdict(status)}


async def refused(call: Callable[[], Any]) -> dict[str, Any]:
    """The HTTP error that a call must raise."""
    try:
        answer = await settle(call())
    except fal_client.client.FalClientHTTPError as error:
        return {
            "code": error.status_code,
            "message": error.message,
            "error_type": error.error_type,
            "headers": {name.lower(): value for name, value in error.response_headers.items()},
        }
    raise AssertionError(f"expected an HTTP error, not {answer!r}")


@step
async def follow(client: Any) -> Any:
    orders = {"queue": 0.2, "run": 0.4, "logs": ["one", "two"]}
    handle = await settle(client.submit(ECHO, {"text": "a kite", "sandbox": orders}))
    first = shown(await settle(handle.status(with_logs=True)))
    events = [shown(event) for event in await gather(handle.iter_events(with_logs=True, interval=0.05))]
    result = await settle(handle.get())
    return {"first": first, "events": events, "result": result, "urls": [handle.status_url, handle.response_url]}


@step
async def without_logs(client: Any) -> Any:
    handle = await settle(client.submit(ECHO, {"sandbox": {"queue": 0, "run": LONG}}))
    running = shown(await settle(handle.status()))
    await settle(handle.cancel())
    return running


@step
async def subscribe(client: Any) -> Any:
    enqueued: list[str] = []
    updates: list[dict[str, Any]] = []
    result = await settle(
        client.subscribe(
            FLUX,
            {"prompt": "a kite", "sandbox": {"queue": 0.1, "run": 0.2, "logs": ["drawing"]}},
            with_logs=True,
            on_enqueue=enqueued.append,
            on_queue_update=lambda status: updates.append(shown(status)),
        )
    )
    async with httpx.AsyncClient() as files:
        file = await files.get(result["images"][0]["url"])
    return {
        "enqueued": enqueued,
        "updates": updates,
        "result": result,
        "file": [file.status_code, file.headers["content-type"], file.content[:3].hex()],
    }


@step
async def run(client: Any) -> Any:
    return await settle(client.run(ECHO, {"text": "a kite ✓", "sandbox": QUICK}))


@step
async def run_path(client: Any) -> Any:
    return await settle(client.run(ECHO, {"deep": [1, {"er": None}], "sandbox": QUICK}, path="/some/path"))


@step
async def run_refused(client: Any) -> Any:
    return await refused(lambda: client.run(FLUX, {"num_images": 9}))


@step
async def cancel_queued(client: Any) -> Any:
    handle = await settle(client.submit(ECHO, {"sandbox": {"queue": LONG}}))
    before = shown(await settle(handle.status()))
    await settle(handle.cancel())
    after = shown(await settle(handle.status()))
    again = await refused(handle.cancel)
    return {"before": before, "after": after, "again": again, "result": await refused(handle.get)}


@step
async def cancel_running(client: Any) -> Any:
    handle = await settle(client.submit(ECHO, {"sandbox": {"queue": 0, "run": LONG}}))
    before = shown(await settle(handle.status()))
    await settle(handle.cancel())
    events = [shown(event) for event in await gather(handle.iter_events())]
    return {"before": before, "last": events[-1], "result": await refused(handle.get)}


@step
async def invalid_input(client: Any) -> Any:
    handle = await settle(client.submit(FLUX, {"prompt": "a kite", "num_images": 9, "sandbox": QUICK}))
    events = [shown(event) for event in await gather(handle.iter_events())]
    return {"last": events[-1], "result": await refused(handle.get)}


@step
async def failed(client: Any) -> Any:
    orders = {**QUICK, "app": {"status": 500, "traceback": "ValueError: no"}}
    handle = await settle(client.submit(ECHO, {"sandbox": orders}))
    events = [shown(event) for event in await gather(handle.iter_events(with_logs=True))]
    return {"last": events[-1], "result": await refused(handle.get)}


@step
async def failed_by_gateway(client: Any) -> Any:
    orders = {**QUICK, "gateway": {"status": 504, "error_type": "startup_timeout"}}
    handle = await settle(client.submit(ECHO, {"sandbox": orders}))
    events = [shown(event) for event in await gather(handle.iter_events())]
    return {"last": events[-1], "result": await refused(handle.get)}


@step
async def ingress(client: Any) -> Any:
    """Pages of a proxy in front of the service, which the client must tell from its answers and try again."""
    orders = {**QUICK, "fault": ["submit=html-502*1", "status=html-503*1", "result=html-504*1"]}
    handle = await settle(client.submit(ECHO, {"unique": str(uuid4()), "sandbox": orders}))
    result = await settle(handle.get())
    return {"id": handle.request_id, "result": result}


@step
async def start_deadline(client: Any) -> Any:
    handle = await settle(client.submit(ECHO, {"sandbox": {"queue": LONG}}, start_timeout=1.1))
    return {"id": handle.request_id, "result": await refused(handle.get)}


@step
async def too_early(client: Any) -> Any:
    handle = await settle(client.submit(ECHO, {"sandbox": {"queue": LONG}}))
    async with httpx.AsyncClient(headers={"Authorization": f"Key {fal_client.auth.fetch_credentials()}"}) as raw:
        answer = await raw.get(handle.response_url)
    await settle(handle.cancel())
    return {"code": answer.status_code, "body": answer.json()}


@step
async def options(client: Any) -> Any:
    said = {"hint": "warm-7", "start_timeout": 30, "headers": {"X-Fal-Tags": "team=kites", "X-Fal-Store-IO": "0"}}
    low = await settle(client.submit(ECHO, {"sandbox": {"queue": LONG}}, priority="low", **said))
    normal = await settle(client.submit(ECHO, {"sandbox": {"queue": LONG}}, priority="normal"))
    places = [(await settle(handle.status())).position for handle in (low, normal)]
    for handle in (low, normal):
        await settle(handle.cancel())
    return {"ids": [low.request_id, normal.request_id], "places": places}


@step
async def by_request_id(client: Any) -> Any:
    """With the request id alone, and the endpoint's sub-path in the name: the client builds the URLs itself."""
    handle = await settle(client.submit(FLUX, {"prompt": "a kite", "sandbox": QUICK}))
    await settle(handle.get())
    status = shown(await settle(client.status(FLUX, handle.request_id, with_logs=True)))
    return {"status": status, "result": await settle(client.result(FLUX, handle.request_id))}


@step
async def namespace(client: Any) -> Any:
    handle = await settle(client.submit(f"workflows/{ECHO}", {"text": "a kite", "sandbox": QUICK}))
    return {"url": handle.response_url, "result": await settle(handle.get())}


@step
async def unknown_app(client: Any) -> Any:
    nowhere = "no-one/nothing"
    return [await refused(lambda: client.submit(nowhere, {})), await refused(lambda: client.run(nowhere, {}))]


@step
async def unknown_id(client: Any) -> Any:
    rid = str(uuid4())
    calls = (client.status, client.result, client.cancel)
    return [await refused(lambda call=call: call(ECHO, rid)) for call in calls]


@step
async def wrong_key(client: Any) -> Any:
    stranger = type(client)(key="someone:else")
    return await refused(lambda: stranger.submit(ECHO, {}))


@step
async def webhook(client: Any) -> Any:
    return await refused(lambda: client.submit(ECHO, {}, webhook_url="https://example.com/hook?a=1&b=2"))


@step
async def status_stream(client: Any) -> Any:
    """The client never reads the status stream; this is the library with which it reads a model's."""
    orders = {"queue": 0.1, "run": 0.2, "logs": ["one", "two"]}
    handle = await settle(client.submit(ECHO, {"sandbox": orders}))
    headers = {"Authorization": f"Key {fal_client.auth.fetch_credentials()}"}
    async with (
        httpx.AsyncClient(headers=headers) as raw,
        aconnect_sse(raw, "GET", f"{handle.status_url}/stream", params={"logs": "1"}) as source,
    ):
        return [event.json() async for event in source.aiter_sse()]


async def fetched(url: str) -> dict[str, Any]:
    """What the sandbox serves for a file's URL: its length and digest."""
    async with httpx.AsyncClient(timeout=60) as files:
        answer = await files.get(url)
    return {"code": answer.status_code, "size": len(answer.content), "sha256": sha256(answer.content).hexdigest()}


@step
async def uploads(client: Any) -> Any:
    """One of each flow: empty and small by the CDN token, small by a signed URL, large in parts from a file."""
    small, large = b"\x89PNG small", os.urandom(1024 * 1024) * 101
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(large)
        file.flush()
        urls = {
            "empty": await settle(client.upload(b"", "text/plain", "empty.txt")),
            "small": await settle(client.upload(small, "image/png", "small.png")),
            "signed": await settle(client.upload(small, "image/png", "signed.png", repository="fal")),
            "large": await settle(client.upload_file(file.name)),
        }
    sent = {"empty": b"", "small": small, "signed": small, "large": large}
    expected = {
        name: {"code": 200, "size": len(data), "sha256": sha256(data).hexdigest()} for name, data in sent.items()
    }
    return {name: {"sent": expected[name], "got": await fetched(url)} for name, url in urls.items()}


@step
async def stream(client: Any) -> Any:
    return await gather(client.stream("fal-ai/any-llm", {"prompt": "a kite"}))


@step
async def realtime(client: Any) -> Any:
    """Two inputs, two results, by token and then by key."""
    answers = []
    for use_jwt in (True, False):
        opened = client.realtime(ECHO, use_jwt=use_jwt)
        if hasattr(opened, "__aenter__"):
            async with opened as connection:
                for text in ("one", "two"):
                    await connection.send({"text": text})
                    answers.append(await connection.recv())
        else:
            with opened as connection:
                for text in ("one", "two"):
                    connection.send({"text": text})
                    answers.append(connection.recv())
    return answers


@step
async def bare_socket(client: Any) -> Any:
    """Text and bytes, as they are, by token and then by key."""
    answers = []
    for use_jwt in (True, False):
        opened = client.ws_connect(ECHO, path="some/socket", use_jwt=use_jwt)
        if hasattr(opened, "__aenter__"):
            async with opened as socket:
                for frame in ("not JSON", b"\xc1"):
                    await socket.send(frame)
                    answers.append(repr(await socket.recv()))
        else:
            with opened as socket:
                for frame in ("not JSON", b"\xc1"):
                    socket.send(frame)
                    answers.append(repr(socket.recv()))
    return answers


@step
async def login(client: Any) -> Any:
    """A login whose access token is to be had with its refresh token first, which rotates."""
    fal_client.auth.AUTH0_TOKEN_URL = f"https://{os.environ['FAL_REST_HOST']}/oauth/token"
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "auth0_token"
        path.write_text(os.environ["SANDBOX_REFRESH_TOKEN"])
        os.environ |= {"FAL_HOME_DIR": folder, "FAL_FORCE_AUTH_BY_USER": "1"}
        answers = []
        for _ in range(2):  # the second time with the access token that the first one has kept
            answers.append(await settle(type(client)().run(ECHO, {"text": "a kite", "sandbox": QUICK})))
        kept = path.read_text().split("\n")
    os.environ.clear()
    os.environ |= before
    return {"answers": answers, "rotated": kept[0] != before["SANDBOX_REFRESH_TOKEN"], "kept": len(kept)}


async def main(kind: str) -> None:
    client = CLIENTS[kind]()
    for name, function in STEPS.items():
        line: dict[str, Any] = {"step": name}
        try:
            line["said"] = await function(client)
        except Exception:
            line["error"] = traceback.format_exc()
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
