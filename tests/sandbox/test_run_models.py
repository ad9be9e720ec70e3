"""Direct runs, the models, and their files."""

import base64
import time
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image

from tests.support.sandbox_client import Client

SCHNELL = "fal-ai/flux/schnell"
QUICK = {"queue": 0, "run": 0}


def picture(client: Client, url: str) -> Image.Image:
    assert url.startswith(f"{client.addresses.cdn}/files/b/")
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    return Image.open(BytesIO(answer.content))


def flux(client: Client, **payload: Any) -> dict[str, Any]:
    answer = client.run(SCHNELL, {"prompt": "a kite", "sandbox": QUICK, **payload})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_direct_run_takes_its_time(client: Client) -> None:
    before = client.stats()
    began = time.monotonic()
    answer = client.run("sandbox/echo/any/path", {"a": [1, None], "sandbox": {"run": 0.3}})
    assert time.monotonic() - began >= 0.3
    assert (answer.status_code, answer.json()) == (200, {"a": [1, None]})
    request_id = answer.headers["x-fal-request-id"]
    after = client.stats()
    assert after["accepted_runs"] == before["accepted_runs"] + 1
    assert after["accepted"] == before["accepted"] + 1
    assert after["requests"][request_id]["http"]["run"] == 1
    assert client.ask("sandbox/echo", request_id, "/status").status_code == 404


def test_direct_run_refuses_at_once(client: Client) -> None:
    answer = client.run(SCHNELL, {"prompt": 5})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "prompt"]
    assert answer.headers["x-fal-billable-units"] == "0"
    assert client.run("fal-ai/flux/nope").json() == {"detail": "Path /nope not found"}
    assert client.run("acme/none").json() == {"detail": 'Application "acme/none" not found'}


@pytest.mark.parametrize(
    ("data", "content_type", "kind"),
    [
        ("{", "application/json", "json_invalid"),
        ("{}", "text/plain", "model_attributes_type"),
        ("", "application/json", "missing"),
        ("[1]", "application/json", "model_type"),
    ],
)
def test_direct_run_body(client: Client, data: str, content_type: str, kind: str) -> None:
    url = f"{client.addresses.run}/{SCHNELL}"
    answer = client.send("POST", url, data=data, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == kind


def test_direct_run_redirects_a_trailing_slash(client: Client) -> None:
    answer = client.run("sandbox/echo/?a=b")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{client.addresses.run}/sandbox/echo?a=b"


def test_queue_options_mean_nothing_to_a_run(client: Client) -> None:
    headers = {"X-Fal-No-Retry": "1", "X-Fal-Queue-Priority": "low"}
    orders = {"run": 0, "requeue": 1, "position": 9, "late": 60}
    assert client.run("sandbox/echo", {"sandbox": orders}, headers=headers).status_code == 200
    assert client.run("sandbox/echo", headers={"X-Fal-Request-Timeout": "0"}).status_code == 400


@pytest.mark.parametrize("depth", [50, 500, 880, 940, 960, 980, 1000, 5000])
def test_deep_nesting_is_served_or_refused(client: Client, depth: int) -> None:
    data = '{"a":' + "[" * depth + "]" * depth + "}"
    url = f"{client.addresses.run}/sandbox/echo"
    answer = client.send("POST", url, data=data, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.text == data


def test_ordered_failure_of_a_run(client: Client) -> None:
    answer = client.run("sandbox/echo", {"sandbox": {"run": 0, "fail": {"status": 503, "body": {"x": 1}}}})
    assert (answer.status_code, answer.json()) == (503, {"x": 1})


def test_flux_output(client: Client) -> None:
    result = flux(client, num_images=2, seed=2**40, image_size="portrait_16_9", output_format="png")
    assert set(result) == {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    assert (result["seed"], result["prompt"], result["has_nsfw_concepts"]) == (
        2**40, "a kite", [False, False],
    )  # fmt: skip
    for image in result["images"]:
        assert (image["width"], image["height"], image["content_type"]) == (576, 1024, "image/png")
        drawn = picture(client, image["url"])
        assert (drawn.size, drawn.format) == ((576, 1024), "PNG")


def test_same_seed_same_bytes(client: Client) -> None:
    def drawn(**payload: Any) -> list[bytes]:
        images = flux(client, image_size={"width": 96, "height": 80}, **payload)["images"]
        return [requests.get(image["url"], timeout=10).content for image in images]

    first = drawn(seed=7, num_images=2)
    assert drawn(seed=7, num_images=2) == first
    assert drawn(seed=8)[0] != first[0]
    assert drawn(seed=7, prompt="a boat")[0] != first[0]
    assert first[0] != first[1]


def test_large_and_tiny_sizes(client: Client) -> None:
    huge = flux(client, image_size={"width": 14142, "height": 1}, sync_mode=True)["images"][0]
    assert (huge["width"], huge["height"]) == (2048, 1)
    assert huge["url"].startswith("data:image/jpeg;base64,")
    inline = Image.open(BytesIO(base64.b64decode(huge["url"].partition(",")[2])))
    assert inline.size == (2048, 1)


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("image_size", {"width": 14143}, "less_than_equal"),
        ("image_size", "round", "literal_error"),
        ("num_inference_steps", 13, "less_than_equal"),
        ("num_images", "two", "int_parsing"),
        ("output_format", "gif", "literal_error"),
        ("guidance_scale", 0.5, "greater_than_equal"),
        ("seed", 1.5, "int_from_float"),
    ],
)
def test_flux_refuses(client: Client, field: str, value: Any, kind: str) -> None:
    entries = client.run(SCHNELL, {"prompt": "x", field: value}).json()["detail"]
    assert kind in [entry["type"] for entry in entries]
    assert all(entry["loc"][:2] == ["body", field] for entry in entries)


def test_nsfw_is_blacked_out_unless_unchecked(client: Client) -> None:
    orders = {**QUICK, "nsfw": True}
    flagged = flux(client, sandbox=orders, image_size="square")
    assert flagged["has_nsfw_concepts"] == [True]
    assert picture(client, flagged["images"][0]["url"]).getextrema() == ((0, 0), (0, 0), (0, 0))
    assert flux(client, sandbox=orders, enable_safety_checker=False)["has_nsfw_concepts"] == [False]


def test_esrgan_of_a_data_uri_and_of_a_file(client: Client) -> None:
    buffer = BytesIO()
    Image.new("RGBA", (30, 20), (255, 0, 0, 128)).save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    first = client.run("fal-ai/esrgan", {"image_url": uri, "sandbox": QUICK}).json()["image"]
    assert (first["width"], first["height"], first["content_type"]) == (60, 40, "image/png")
    assert picture(client, first["url"]).size == (60, 40)
    elsewhere = first["url"].replace("127.0.0.1", "localhost").replace(client.addresses.cdn.rpartition(":")[2], "9")
    second = client.run("fal-ai/esrgan", {"image_url": elsewhere, "sandbox": QUICK}).json()["image"]
    assert picture(client, second["url"]).size == (120, 80)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.com/a.png", "file_download_error"),
        ("http://127.0.0.1:1/files/b/abc/a.png", "file_download_error"),
        ("http://127.0.0.1:1/etc/passwd", "file_download_error"),
        ("http://[broken", "file_download_error"),
        ("data:image/png;base64,!!", "image_load_error"),
        ("data:image/png;base64,AAAA", "image_load_error"),
        (None, "string_type"),
    ],
)
def test_esrgan_refuses(client: Client, url: str | None, kind: str) -> None:
    answer = client.run("fal-ai/esrgan", {"image_url": url})
    (entry,) = answer.json()["detail"]
    assert (answer.status_code, entry["type"], entry["loc"]) == (422, kind, ["body", "image_url"])
    assert entry["url"] == f"https://docs.fal.ai/errors/#{kind}"


def test_file_ranges(client: Client) -> None:
    url = flux(client, image_size="square")["images"][0]["url"]
    whole = requests.get(url, timeout=10)
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(whole.content)
    for asked, span in (
        ("bytes=0-9", (0, 9)),
        ("bytes=100-", (100, size - 1)),
        ("bytes=-5", (size - 5, size - 1)),
    ):
        part = requests.get(url, headers={"Range": asked}, timeout=10)
        assert part.status_code == 206
        assert part.content == whole.content[span[0] : span[1] + 1]
        assert part.headers["content-range"] == f"bytes {span[0]}-{span[1]}/{size}"
    assert requests.get(url, headers={"Range": f"bytes={size}-"}, timeout=10).status_code == 416
    changed = requests.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'}, timeout=10)
    assert changed.status_code == 200
    head = requests.head(url, timeout=10)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert requests.get(url.replace(url.rpartition("/")[2], "other.jpg"), timeout=10).status_code == 404
