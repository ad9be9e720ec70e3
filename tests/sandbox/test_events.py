"""A model's own event stream, its faults, and answers that are no streams (§6)."""

import json
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops, ImageStat
from requests.exceptions import ChunkedEncodingError, ConnectionError

from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import LOCKED_KEY

Start = Callable[..., Client]
ECHO, LLM, DEV = "sandbox/echo/stream", "fal-ai/any-llm/stream", "fal-ai/flux/dev/stream"
CUT = (ChunkedEncodingError, ConnectionError)


def stream(client: Client, endpoint: str = ECHO, payload: Any = None, **orders: Any) -> requests.Response:
    given = {"prompt": "x"} if payload is None else payload
    return client.run(endpoint, {**given, "sandbox": {"run": 0, **orders}}, stream=True)


def values(answer: requests.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [json.loads(block.removeprefix("data: ")) for block in answer.content.decode().split("\n\n")[:-1]]


def test_text_that_grows(client: Client) -> None:
    answer = stream(client, LLM, {"prompt": "one two three"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-fal-request-id"]
    events = values(answer)
    assert len(events) > 10
    for earlier, later in pairwise(events):
        assert later["output"].startswith(earlier["output"] + " ")
        assert earlier["partial"] is True
    assert events[-1]["partial"] is False
    assert all(event["error"] is None for event in events)
    whole = client.run("fal-ai/any-llm", {"prompt": "one two three", "sandbox": {"run": 0}}).json()
    assert whole == events[-1]
    assert "sandbox" in whole["output"]
    assert "one two three" in whole["output"]


def test_text_through_the_queue(client: Client) -> None:
    payload = {"prompt": "hello", "system_prompt": "be brief", "sandbox": {"queue": 0, "run": 0}}
    request_id = client.submit("fal-ai/any-llm", payload)
    assert client.outcome("fal-ai/any-llm", request_id).json().keys() == {"output", "partial", "error"}


def test_long_prompts_make_no_more_events(client: Client) -> None:
    assert len(values(stream(client, LLM, {"prompt": "word " * 5000}))) <= 200


@pytest.mark.parametrize("payload", [{}, {"prompt": 1}, {"prompt": ""}])
def test_refused_before_it_begins(client: Client, payload: Any) -> None:
    answer = stream(client, LLM, payload)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "prompt"])


def test_pictures_that_sharpen(client: Client) -> None:
    given = {"prompt": "x", "seed": 3, "image_size": "square"}
    events = values(stream(client, DEV, given))
    pictures = [picture(event["images"][0]["url"]) for event in events]
    distances = [distance(data, pictures[-1]) for data in pictures]
    assert len(events) >= 4
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == len(distances)
    plain = client.run("fal-ai/flux/dev", {**given, "sandbox": {"run": 0}}).json()
    assert picture(events[-1]["images"][0]["url"]) == picture(plain["images"][0]["url"])
    assert events[-1].keys() == plain.keys()


def test_pictures_inside(client: Client) -> None:
    given = {"prompt": "x", "sync_mode": True, "image_size": "square"}
    events = values(stream(client, DEV, given))
    assert all(event["images"][0]["url"].startswith("data:image/jpeg;base64,") for event in events)


def picture(url: str) -> bytes:
    answer = requests.get(url, timeout=15)
    assert answer.status_code == 200
    return answer.content


def distance(one: bytes, other: bytes) -> float:
    """How far two pictures are apart."""
    with Image.open(BytesIO(one)) as first, Image.open(BytesIO(other)) as second:
        return float(sum(ImageStat.Stat(ImageChops.difference(first, second)).mean))


def test_where_there_is_no_stream(client: Client) -> None:
    missing = client.run("fal-ai/flux/schnell/stream", {"prompt": "x"})
    assert (missing.status_code, missing.json()["detail"]) == (404, "Path /schnell/stream not found")
    assert client.run("acme/nothing/stream").status_code == 404
    assert client.send("OPTIONS", f"{client.addresses.run}/{ECHO}").status_code == 405
    assert client.run(f"{ECHO}/").status_code == 307
    assert Client(client.sandbox, LOCKED_KEY).run(ECHO).status_code == 403
    assert requests.post(f"{client.addresses.run}/{ECHO}", json={}, timeout=15).status_code == 401


def test_a_token_instead_of_a_key(client: Client) -> None:
    body = {"allowed_apps": ["echo"], "token_expiration": 120}
    token = client.send("POST", f"{client.addresses.rest}/tokens/", json=body).json()
    for query, status in ((token, 200), (token[:-1], 401)):
        url = f"{client.addresses.run}/{ECHO}?fal_jwt_token={query}"
        assert requests.post(url, json={}, timeout=15).status_code == status


def test_ordered_events(client: Client) -> None:
    assert values(stream(client)) == [{"prompt": "x"}]
    assert [event["event"] for event in values(stream(client, events=3))] == [1, 2, 3]
    odd = [0, "", None, [1, {"ü": "日本"}], False, 2**70]
    assert values(stream(client, events=odd)) == odd
    assert values(stream(client, events=0)) == []


def test_pings_only_where_ordered(client: Client) -> None:
    assert b": ping" not in stream(client, events=3, interval=0.05).content
    assert b": ping\n\n" in stream(client, events=2, interval=0.1, ping=0.02).content


def test_many_events(client: Client) -> None:
    answer = stream(client, events=20_000)
    assert sum(chunk.count(b"\n\n") for chunk in answer.iter_content(65_536)) == 20_000


def test_one_write_an_event(client: Client) -> None:
    chunks = list(stream(client, events=5).raw.read_chunked())
    assert len(chunks) == 5
    assert all(chunk.endswith(b"\n\n") for chunk in chunks)


def test_counts_as_accepted(start: Start) -> None:
    client = start()
    request_id = stream(client, LLM).headers["x-fal-request-id"]
    stats = client.stats()
    assert (stats["accepted"], stats["accepted_runs"], stats["by_endpoint"]) == (1, 0, {"fal-ai/any-llm": 1})
    assert stats["http"]["events"] == stats["requests"][request_id]["http"]["events"] == 1


def test_only_the_echo_follows_its_orders(client: Client) -> None:
    answer = stream(client, LLM, events=3)
    (entry,) = answer.json()["detail"]
    assert (answer.status_code, entry["loc"], entry["type"]) == (422, ["body", "sandbox", "events"], "sandbox_order")


@pytest.mark.parametrize("endpoint", [ECHO, "sandbox/echo"])
def test_other_content(client: Client, endpoint: str) -> None:
    text = stream(client, endpoint, body="plain ü", content_type="text/plain")
    assert (text.content.decode(), text.headers["content-type"]) == ("plain ü", "text/plain; charset=utf-8")
    binary = stream(client, endpoint, body_base64="AAEC/w==", content_type="audio/wav")
    assert (binary.content, binary.headers["content-type"]) == (b"\0\1\2\xff", "audio/wav")


def test_other_content_not_through_the_queue(client: Client) -> None:
    assert client.post("sandbox/echo", {"sandbox": {"body": "x"}}).status_code == 422


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ("close-after:1", b'data: {"event":1}\n\n'),
        ("close-after:0", b""),
        ("bad-json", b'data: {garbled by the sandbox\n\ndata: {"event":1}\n\ndata: {"event":2}\n\n'),
        ("multi-line", b'data: {\ndata:  "event": 1\ndata: }\n\ndata: {\ndata:  "event": 2\ndata: }\n\n'),
        ("crlf", b'data: {"event":1}\r\n\r\ndata: {"event":2}\r\n\r\n'),
        ("cr", b'data: {"event":1}\r\rdata: {"event":2}\r\r'),
        ("bom", b'\xef\xbb\xbfdata: {"event":1}\n\ndata: {"event":2}\n\n'),
        ("slow-first:0.1", b'data: {"event":1}\n\ndata: {"event":2}\n\n'),
        (
            "error-after:1",
            b'data: {"event":1}\n\ndata: {"error":"The sandbox was ordered to fail here."}\n\n',
        ),
    ],
)
def test_shapes_and_early_ends(client: Client, fault: str, body: bytes) -> None:
    answer = stream(client, payload={}, events=2, fault=f"events={fault}")
    assert (answer.status_code, answer.content) == (200, body)


def test_an_end_while_still_partial(client: Client) -> None:
    assert values(stream(client, LLM, fault="events=close-after:2"))[-1]["partial"] is True


@pytest.mark.parametrize("count", [0, 1, 3])
def test_cut_in_the_middle_of_an_event(client: Client, count: int) -> None:
    answer = stream(client, events=5, fault=f"events=cut-after:{count}")
    assert answer.status_code == 200
    assert read_until_broken(answer).count(b"\n\n") == count


def test_silence(client: Client) -> None:
    payload = {"sandbox": {"events": 5, "ping": 0.05, "fault": "events=silent-after:2"}}
    answer = client.run(ECHO, payload, stream=True, timeout=1)
    assert read_until_broken(answer).count(b"\n\n") == 2


def read_until_broken(answer: requests.Response) -> bytes:
    seen = bytearray()
    with pytest.raises(CUT):  # noqa: PT012
        for piece in answer.iter_content(None):
            seen += piece
    return bytes(seen)


def test_split_at_odd_bytes(client: Client) -> None:
    chunks = list(stream(client, events=["日本語 " * 30], fault="events=split").raw.read_chunked())
    assert max(map(len, chunks)) <= 61
    assert json.loads(b"".join(chunks)[6:]) == "日本語 " * 30


@pytest.mark.parametrize(
    ("fault", "status"), [("503", 503), ("429:retry-after=1", 429), ("html-502", 502), ("504:user", 504)]
)
def test_refused_by_order(client: Client, fault: str, status: int) -> None:
    before = client.stats()["accepted"]
    assert stream(client, fault=f"events={fault}").status_code == status
    assert client.stats()["accepted"] == before


@pytest.mark.parametrize(("word", "recorded"), [("cut-before", 0), ("reset-before", 0), ("reset-after", 1)])
def test_no_answer(client: Client, word: str, recorded: int) -> None:
    before = client.stats()["accepted"]
    with pytest.raises(CUT):
        stream(client, fault=f"events={word}")
    assert client.stats()["accepted"] == before + recorded


def test_ordered_failure(client: Client) -> None:
    assert stream(client, LLM, fail=500).status_code == 500


def test_fault_that_ends(start: Start) -> None:
    client = start(faults=["events=503*1"])
    assert [stream(client).status_code for _ in range(2)] == [503, 200]


def test_a_fault_of_a_stream_leaves_a_refusal_alone(client: Client) -> None:
    assert stream(client, LLM, {}, fault="events=cut-after:1").status_code == 422
