"""Files in and out: tokens, the four ways of uploading, what is refused, and how files are served back (§5)."""

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.client import HTTPConnection, IncompleteRead
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image
from requests.exceptions import ChunkedEncodingError, ConnectionError

from fal_cli.sandbox.state.uploads import safe_name
from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import LOCKED_KEY, SANDBOX_KEY

Start = Callable[..., Client]
TOKEN = "/storage/auth/token?storage_type=fal-cdn-v3"
CUT = (ChunkedEncodingError, ConnectionError)
NAMED = {"file_name": "a.png", "content_type": "image/png"}


def rest(client: Client, path: str, body: Any = None, **options: Any) -> requests.Response:
    return client.send("POST", client.addresses.rest + path, json=body if body is not None else {}, **options)


def bearer(client: Client) -> dict[str, str]:
    answer = rest(client, TOKEN)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"{answer.json()['token_type']} {answer.json()['token']}"}


def post(client: Client, data: Any, **headers: str) -> requests.Response:
    """Flow B."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(
        f"{client.addresses.cdn}/files/upload", data=data, headers={**bearer(client), **spelled}, timeout=15
    )


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=15)


class Parts:
    """Flow D, step by step."""

    def __init__(self, client: Client, **headers: str) -> None:
        self.token = bearer(client)
        url = f"{client.addresses.cdn}/files/upload/multipart"
        begun = requests.post(url, headers={**self.token, "X-Fal-File-Name": "big.bin", **headers}, timeout=15)
        assert begun.status_code == 200, begun.text
        self.url = str(begun.json()["access_url"])
        self.base = f"{self.url}/multipart/{begun.json()['uploadId']}"

    def put(self, number: int, data: bytes, **headers: str) -> requests.Response:
        return requests.put(f"{self.base}/{number}", data=data, headers={**self.token, **headers}, timeout=15)

    def complete(self, *parts: dict[str, Any]) -> requests.Response:
        return requests.post(f"{self.base}/complete", json={"parts": parts}, headers=self.token, timeout=15)


def test_cdn_token(client: Client) -> None:
    document = rest(client, TOKEN).json()
    assert document["token"].startswith("eyJ")
    assert document["token_type"] == "Bearer"
    assert document["base_url"] == client.addresses.cdn
    assert document["expires_at"].endswith("+00:00")
    left = datetime.fromisoformat(document["expires_at"]) - datetime.now().astimezone()
    assert timedelta(minutes=58) < left <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/storage/auth/token", {}, 422),
        ("/storage/auth/token?storage_type=gcs", {}, 422),
        (TOKEN, {"expiration_seconds": -1}, 422),
        ("/storage/upload/initiate?storage_type=s3", NAMED, 422),
        ("/storage/upload/initiate?storage_type=gcs", {"file_name": "a"}, 422),
        ("/tokens/", {}, 422),
        ("/tokens/", {"allowed_apps": []}, 422),
        ("/tokens/", {"allowed_apps": ["x"], "token_expiration": "long"}, 422),
        ("/tokens/other", {}, 404),
        ("/", {}, 404),
    ],
)
def test_rest_refuses(client: Client, path: str, body: Any, status: int) -> None:
    assert rest(client, path, body).status_code == status


def test_rest_needs_the_key(client: Client) -> None:
    url = client.addresses.rest + TOKEN
    assert requests.post(url, json={}, timeout=15).status_code == 401
    assert rest(client, TOKEN, headers={"Authorization": "Key a:b"}).status_code == 401
    assert rest(client, TOKEN, headers={"Authorization": f"Key {LOCKED_KEY}"}).status_code == 403
    assert client.send("GET", url).status_code == 405


def test_realtime_tokens(client: Client) -> None:
    for path in ("/tokens/", "/tokens"):
        assert rest(client, path, {"allowed_apps": ["flux"], "token_expiration": 120}).json().startswith("eyJ")
    newer = rest(client, "/tokens/realtime", {"allowed_apps": ["fal-ai/flux/dev/realtime"], "duration": 120})
    assert newer.json()["token"].startswith("eyJ")


def test_a_file_in_one_request(client: Client) -> None:
    data = os.urandom(200_000)
    answer = post(client, data, content_type="audio/wav", x_fal_file_name="my voice.wav")
    url = answer.json()["access_url"]
    assert re.fullmatch(re.escape(client.addresses.cdn) + r"/files/b/[0-9a-f]+/my_voice\.wav", url)
    served = get(url)
    assert served.content == data
    assert served.headers["content-type"] == "audio/wav"
    assert served.headers["content-length"] == str(len(data))
    assert served.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    head = requests.head(url, timeout=15)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(data)), b"")


def test_chunked_empty_and_nameless(client: Client) -> None:
    pieces = [os.urandom(70_000) for _ in range(3)]
    assert get(post(client, iter(pieces)).json()["access_url"]).content == b"".join(pieces)
    empty = post(client, b"", content_type="image/png").json()["access_url"]
    assert empty.endswith(".png")
    assert (get(empty).status_code, get(empty).content) == (200, b"")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../x", "x"),
        ("C:\\dir\\y.txt", "y.txt"),
        ("a b?.png", "a_b_.png"),
        ("日本.jpg", "jpg"),
        ("n" * 300 + ".png", "n" * 96 + ".png"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name, "image/png") == safe


def test_any_sandbox_serves_an_upload(start: Start) -> None:
    here, there = start(), start()
    url = post(here, b"shared").json()["access_url"]
    assert get(url.replace(here.addresses.cdn, there.addresses.cdn)).content == b"shared"


@pytest.mark.parametrize("authorization", [None, "Bearer x.y.z", f"Key {SANDBOX_KEY}", "Bearer"])
def test_cdn_needs_its_token(client: Client, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for path in ("/files/upload", "/files/upload/multipart"):
        assert requests.post(client.addresses.cdn + path, headers=headers, timeout=15).status_code == 401


def test_token_that_expires(start: Start) -> None:
    client = start(faults=["token=expires:0*1"])
    dead, alive = bearer(client), bearer(client)
    url = f"{client.addresses.cdn}/files/upload"
    assert requests.post(url, headers=dead, timeout=15).status_code == 401
    assert requests.post(url, headers=alive, timeout=15).status_code == 200


@pytest.mark.parametrize("kind", ["fal-cdn-v3", "gcs"])
def test_signed_upload(client: Client, kind: str) -> None:
    begun = rest(client, f"/storage/upload/initiate?storage_type={kind}", NAMED).json()
    assert get(begun["file_url"]).status_code == 404
    put = requests.put(begun["upload_url"], data=b"bytes", headers={"Content-Type": "image/png"}, timeout=15)
    assert put.status_code == 200
    served = get(begun["file_url"])
    assert (served.content, served.headers["content-type"]) == (b"bytes", "image/png")


def test_signed_upload_refuses(client: Client) -> None:
    begun = rest(client, "/storage/upload/initiate?storage_type=gcs", NAMED).json()
    url, headers = begun["upload_url"], {"Content-Type": "image/png"}
    bare = url.partition("?")[0]
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    later = re.sub(r"expires=[0-9]+", "expires=9999999999", url)
    for wrong in (bare, forged, later):
        assert requests.put(wrong, data=b"x", headers=headers, timeout=15).status_code == 403
    assert requests.put(url, data=b"x", headers={"Content-Type": "image/jpeg"}, timeout=15).status_code == 403
    assert get(begun["file_url"]).status_code == 404


def test_signed_url_that_expires(start: Start) -> None:
    client = start(faults=["upload=expires:0*1"])
    url = rest(client, "/storage/upload/initiate?storage_type=gcs", NAMED).json()["upload_url"]
    assert requests.put(url, data=b"x", headers={"Content-Type": "image/png"}, timeout=15).status_code == 403


def test_leaked_key_is_counted(start: Start) -> None:
    client = start()
    url = rest(client, "/storage/upload/initiate?storage_type=gcs", NAMED).json()["upload_url"]
    put = client.send("PUT", url, data=b"x", headers={"Content-Type": "image/png"})
    assert put.status_code == 200
    assert client.stats()["uploads"] == {"files": 1, "parts": 0, "bytes": 1, "leaked_keys": 1}


def test_parts_in_any_order(client: Client) -> None:
    upload = Parts(client)
    pieces = [os.urandom(150_000), os.urandom(150_000), os.urandom(7)]
    answers = [upload.put(number, pieces[number - 1]) for number in (3, 1, 2)]
    for answer, number in zip(answers, (3, 1, 2), strict=True):
        etag = f'"{hashlib.md5(pieces[number - 1]).hexdigest()}"'
        assert answer.headers["etag"] == etag
        assert answer.json() == {"partNumber": number, "etag": etag}
    assert get(upload.url).status_code == 404
    parts = [answer.json() for answer in answers]
    assert upload.complete(*parts).status_code == 200
    assert get(upload.url).content == b"".join(pieces)
    assert upload.complete(*parts).status_code == 200  # the answer to the first may have been lost
    assert upload.complete(*parts[:2]).status_code == 400
    assert get(upload.url).content == b"".join(pieces)


def test_part_sent_again_wins(client: Client) -> None:
    upload = Parts(client)
    old, other = upload.put(1, b"old").json(), upload.put(2, b"-other").json()
    new = upload.put(1, b"new").json()
    assert upload.complete(old, other).status_code == 400
    assert upload.complete(new, other).status_code == 200
    assert get(upload.url).content == b"new-other"


def test_completion_refuses(client: Client) -> None:
    upload = Parts(client)
    first, third = upload.put(1, b"one").json(), upload.put(3, b"three").json()
    for parts, reason in (
        ([first, third], "Part 2 is missing"),
        ([first], "Part 2 is missing"),
        ([first, {**third, "partNumber": 2}], "Part 2 is missing"),
        ([], "list of parts"),
        ([{"etag": "x"}], "partNumber"),
    ):
        answer = upload.complete(*parts)
        assert (answer.status_code, reason in answer.text) == (400, True), answer.text
    second = upload.put(2, b"").json()
    assert "Part 2 is empty" in upload.complete(first, second, third).text
    assert "from the list" in upload.complete(first, third).text
    second = upload.put(2, b"two").json()
    assert upload.complete(first, second, third).status_code == 200
    assert get(upload.url).content == b"onetwothree"


def test_a_sole_empty_part(client: Client) -> None:
    upload = Parts(client)
    assert upload.complete(upload.put(1, b"").json()).status_code == 200
    assert get(upload.url).content == b""


def test_parts_of_nothing(client: Client) -> None:
    upload = Parts(client)
    unknown = upload.base[:-1] + ("0" if upload.base[-1] != "0" else "1")
    assert requests.put(f"{unknown}/1", headers=upload.token, timeout=15).status_code == 404
    assert requests.put(f"{upload.base}/1", data=b"x", timeout=15).status_code == 401
    assert requests.put(f"{upload.base}/0", headers=upload.token, timeout=15).status_code == 404
    assert upload.put(10_001, b"x").status_code == 400
    assert requests.get(f"{upload.base}/1", headers=upload.token, timeout=15).status_code == 405


def test_signed_parts_as_the_javascript_client_sends_them(client: Client) -> None:
    begun = rest(client, "/storage/upload/initiate-multipart?storage_type=fal-cdn-v3", NAMED).json()
    path, _, query = begun["upload_url"].partition("?")
    parts = [requests.put(f"{path}/{n}?{query}", data=b"x" * n, timeout=15).json() for n in (1, 2)]
    assert requests.put(f"{path}/1", data=b"x", timeout=15).status_code == 401
    assert requests.put(f"{path}/1?signature=00&expires=9", data=b"x", timeout=15).status_code == 403
    assert requests.post(f"{path}/complete?{query}", json={"parts": parts}, timeout=15).status_code == 200
    assert get(begun["file_url"]).content == b"xxx"


def test_signed_parts_as_the_toolkit_sends_them(client: Client) -> None:
    begun = rest(client, "/storage/upload/initiate-multipart?storage_type=gcs", NAMED).json()
    base = begun["upload_url"]
    assert "?" not in base
    parts = []
    for number in (1, 2):
        signed = client.send("POST", f"{base}/{number}").json()["upload_url"]
        etag = requests.put(signed, data=b"y" * number, timeout=15).headers["etag"]
        parts.append({"part_number": number, "etag": etag.strip('"')})
    assert requests.post(f"{base}/complete", json={"parts": parts}, timeout=15).status_code == 401
    assert client.send("POST", f"{base}/complete", json={"parts": parts}).status_code == 200
    assert get(begun["file_url"]).content == b"yyy"


def lifecycle(**members: Any) -> str:
    return json.dumps(members)


@pytest.mark.parametrize(("decision", "status"), [("allow", 200), ("forbid", 403), ("hide", 404)])
def test_acl(client: Client, decision: str, status: int) -> None:
    text = lifecycle(initial_acl={"default": decision, "rules": [{"user": "acme", "decision": "allow"}]})
    url = post(client, b"secret", x_fal_object_lifecycle=text).json()["access_url"]
    assert get(url).status_code == status
    assert get(url, **bearer(client)).content == b"secret"
    assert client.send("GET", url).content == b"secret"
    assert get(url, authorization="Bearer nonsense").status_code == status


def test_expired_file(client: Client) -> None:
    url = post(client, b"x", x_fal_object_lifecycle=lifecycle(expiration_duration_seconds=0.001)).json()["access_url"]
    assert get(url).status_code == 404
    kept = post(client, b"x", x_fal_object_lifecycle=lifecycle(expiration_duration_seconds=3600)).json()["access_url"]
    assert get(kept).status_code == 200


def test_lifecycle_headers_by_flow(client: Client) -> None:
    hidden = lifecycle(initial_acl={"default": "hide"})
    # On the CDN the other name has no effect; before it either has (§5.7).
    direct = post(client, b"x", x_fal_object_lifecycle_preference=hidden).json()["access_url"]
    assert get(direct).status_code == 200
    for name in ("X-Fal-Object-Lifecycle", "X-Fal-Object-Lifecycle-Preference"):
        begun = rest(client, "/storage/upload/initiate?storage_type=gcs", NAMED, headers={name: hidden}).json()
        requests.put(begun["upload_url"], data=b"x", headers={"Content-Type": "image/png"}, timeout=15)
        assert get(begun["file_url"]).status_code == 404
        assert client.send("GET", begun["file_url"]).status_code == 200
    parts = Parts(client, **{"X-Fal-Object-Lifecycle": hidden})
    assert parts.complete(parts.put(1, b"x").json()).status_code == 200
    assert get(parts.url).status_code == 404
    assert get(parts.url, **parts.token).status_code == 200


@pytest.mark.parametrize(
    "text", ["{", "[]", lifecycle(expiration_duration_seconds="1h"), lifecycle(initial_acl={"default": "maybe"})]
)
def test_bad_lifecycle(client: Client, text: str) -> None:
    assert post(client, b"x", x_fal_object_lifecycle=text).status_code == 400


def test_lifecycle_of_a_result(client: Client) -> None:
    headers = {"X-Fal-Object-Lifecycle-Preference": lifecycle(initial_acl={"default": "forbid"})}
    payload = {"prompt": "x", "image_size": "square", "sandbox": {"run": 0}}
    url = client.run("fal-ai/flux/schnell", payload, headers=headers).json()["images"][0]["url"]
    assert get(url).status_code == 403
    assert client.send("GET", url).status_code == 200


def test_ranges_of_an_upload(client: Client) -> None:
    data = os.urandom(700_000)
    url = post(client, data).json()["access_url"]
    part = get(url, range="bytes=300000-599999")
    assert (part.status_code, part.content) == (206, data[300_000:600_000])
    assert part.headers["content-range"] == "bytes 300000-599999/700000"
    assert part.headers["content-length"] == "300000"
    etag = part.headers["etag"]
    assert get(url, range="bytes=699999-", if_range=etag).content == data[-1:]
    assert get(url, range="bytes=5-", if_range='"other"').status_code == 200
    beyond = get(url, range="bytes=700000-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */700000")


def test_a_model_reads_an_upload(start: Start) -> None:
    here, there = start(), start()
    buffer = BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, "PNG")
    url = post(here, buffer.getvalue(), content_type="image/png").json()["access_url"]
    answer = there.run("fal-ai/esrgan", {"image_url": url, "sandbox": {"run": 0}}).json()["image"]
    assert (answer["width"], answer["height"]) == (60, 40)


def test_stats(start: Start) -> None:
    client = start()
    get(post(client, b"12345").json()["access_url"])
    upload = Parts(client)
    upload.put(1, b"old")
    upload.complete(upload.put(1, b"new!").json())
    stats = client.stats()
    assert stats["uploads"] == {"files": 2, "parts": 2, "bytes": 9, "leaked_keys": 0}
    counted = {name: stats["http"][name] for name in ("token", "upload", "part", "complete", "file")}
    assert counted == {"token": 2, "upload": 2, "part": 2, "complete": 1, "file": 1}
    client.sandbox.store.reset()
    assert client.stats()["uploads"] == {"files": 0, "parts": 0, "bytes": 0, "leaked_keys": 0}
    assert list(client.sandbox.store.files.iterdir()) == []


def test_a_refused_part(start: Start) -> None:
    client = start(faults=["part:2=500*1"])
    upload = Parts(client)
    first = upload.put(1, b"a")
    assert [upload.put(2, b"b" * 200_000).status_code for _ in range(2)] == [500, 200]
    parts = [first.json(), upload.put(2, b"b").json()]
    assert upload.complete(*parts).status_code == 200
    assert get(upload.url).content == b"ab"


@pytest.mark.parametrize("fault", ["token=503*1", "upload=429:retry-after=1*1", "upload=html-502*1"])
def test_refused_steps(start: Start, fault: str) -> None:
    client = start(faults=[fault])
    call: Callable[[], requests.Response] = (
        (lambda: rest(client, TOKEN)) if fault.startswith("token") else (lambda: post(client, b"x"))
    )
    assert call().status_code in (429, 502, 503)
    assert call().status_code == 200


def test_an_answer_lost_after_the_completion(start: Start) -> None:
    client = start(faults=["complete=cut-after*1"])
    upload = Parts(client)
    part = upload.put(1, b"x").json()
    with pytest.raises(CUT):
        upload.complete(part)
    assert upload.complete(part).status_code == 200
    assert client.stats()["uploads"]["files"] == 1


def slowly(pieces: int) -> Iterator[bytes]:
    for _ in range(pieces):
        yield bytes(50_000)


@pytest.mark.parametrize("at", [0, 1, 60_000, 150_000])
def test_an_upload_cut_in_the_middle_leaves_nothing(start: Start, at: int) -> None:
    client = start(faults=[f"upload=cut-at:{at}*1", f"part=cut-at:{at}*1"])
    with pytest.raises(CUT):
        post(client, slowly(3))
    upload = Parts(client)
    with pytest.raises(CUT):
        upload.put(1, bytes(100_000))
    assert client.stats()["uploads"] == {"files": 0, "parts": 0, "bytes": 0, "leaked_keys": 0}
    assert list(client.sandbox.store.files.iterdir()) == []
    assert post(client, b"x").status_code == 200


@pytest.mark.parametrize("at", [0, 1, 299_999, 300_000])
def test_a_download_cut_in_the_middle(start: Start, at: int) -> None:
    client = start(faults=[f"file=cut-at:{at}*1"])
    data = os.urandom(300_000)
    url = post(client, data).json()["access_url"]
    if at == len(data):  # all of it came
        assert get(url).content == data
        return
    connection = HTTPConnection(urlsplit(url).netloc, timeout=15)
    connection.request("GET", urlsplit(url).path)
    answer = connection.getresponse()
    assert answer.headers["content-length"] == str(len(data))
    with pytest.raises(IncompleteRead) as caught:
        answer.read()
    assert caught.value.partial == data[:at]
    rest_of_it = get(url, range=f"bytes={at}-", if_range=answer.headers["etag"])
    assert caught.value.partial + rest_of_it.content == data


def test_token_is_a_jwt_that_cannot_be_forged(client: Client) -> None:
    token = bearer(client)["Authorization"].partition(" ")[2]
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["exp"] += 1000
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    url = f"{client.addresses.cdn}/files/upload"
    for wrong in (f"{head}.{forged}.{signature}", f"{head}.{payload}.", "a", "ä.ö.ü".encode().decode("latin-1")):
        headers = {"Authorization": f"Bearer {wrong}".encode("latin-1")}
        assert requests.post(url, headers=headers, timeout=15).status_code == 401


# -- what is served is what was sent


TYPES = ["text/plain", "text/plain; charset=latin-1", "text/csv", "application/json", "image/png", "x/y; a=b"]


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("flow", ["direct", "initiated"])
def test_the_type_is_the_uploaders_to_the_letter(client: Client, content_type: str, flow: str) -> None:
    if flow == "direct":
        url = post(client, b"abc", Content_Type=content_type).json()["access_url"]
    else:
        body = {"file_name": "a.txt", "content_type": content_type}
        begun = client.send(
            "POST", f"{client.addresses.rest}/storage/upload/initiate?storage_type=gcs", json=body
        ).json()
        requests.put(begun["upload_url"], data=b"abc", headers={"Content-Type": content_type}, timeout=15)
        url = begun["file_url"]
    for answer in (requests.get(url, timeout=15), requests.head(url, timeout=15)):
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


def test_a_small_upload_has_an_etag_and_ranges(client: Client) -> None:
    sent = post(client, b"hello", Content_Type="text/plain")
    url, etag = sent.json()["access_url"], sent.headers["etag"]
    whole = requests.get(url, timeout=15)
    assert (whole.headers["etag"], whole.headers["accept-ranges"]) == (etag, "bytes")
    part = requests.get(url, headers={"Range": "bytes=1-3", "If-Range": etag}, timeout=15)
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"ell", "bytes 1-3/5")
    assert requests.get(url, headers={"Range": "bytes=5-"}, timeout=15).status_code == 416


def test_a_file_that_is_known_is_not_sent_again(client: Client) -> None:
    sent = post(client, b"hello", Content_Type="text/plain")
    url, etag = sent.json()["access_url"], sent.headers["etag"]
    for known, status in ((etag, 304), (f'"x", W/{etag}', 304), ("*", 304), ('"x"', 200)):
        answer = requests.get(url, headers={"If-None-Match": known}, timeout=15)
        assert (answer.status_code, answer.headers["etag"]) == (status, etag)
        assert answer.content == (b"" if status == 304 else b"hello")


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_a_range_that_nobody_need_understand(client: Client, asked: str) -> None:
    url = post(client, b"hello", Content_Type="text/plain").json()["access_url"]
    answer = requests.get(url, headers={"Range": asked}, timeout=15)
    assert (answer.status_code, answer.content) == (200, b"hello")


@pytest.mark.parametrize("content_type", ["text/plain\r\nX-Evil: 1", "tëxt/plain", "\x00"])
def test_a_type_that_is_no_header(client: Client, content_type: str) -> None:
    body = {"file_name": "a.txt", "content_type": content_type}
    url = f"{client.addresses.rest}/storage/upload/initiate?storage_type=gcs"
    assert client.send("POST", url, json=body).status_code == 422
