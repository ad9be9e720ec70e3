"""The forms in which people have a received webhook."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.commands.webhook.received import BadChunks, TooLarge, parse, read_chunked
from fal_cli.commands.webhook.signature import Invalid
from fal_cli.errors import UsageError
from tests.commands.webhook.conftest import raw

HEADERS = {"X-Fal-Webhook-User-Id": "u", "x-fal-webhook-request-id": "r", "Other": "a: b"}
READ = {"x-fal-webhook-user-id": ["u"], "x-fal-webhook-request-id": ["r"], "other": ["a: b"]}


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"], ids=["crlf", "lf"])
@pytest.mark.parametrize("start", [b"POST /hook?a=1 HTTP/1.1", b"POST / HTTP/2", b":method: POST", b""])
@pytest.mark.parametrize("body", [b"", b"{}", b"a\r\n\r\nb\n\nc\n", b"\x00\xff"])
def test_a_raw_request(newline: bytes, start: bytes, body: bytes) -> None:
    assert parse(raw(HEADERS, body, newline=newline, start=start), "it") == (READ, body)


@settings(deadline=None)
@given(body=st.binary(), newline=st.sampled_from([b"\r\n", b"\n"]))
def test_any_body_stays_as_it_is(body: bytes, newline: bytes) -> None:
    assert parse(raw(HEADERS, body, newline=newline), "it") == (READ, body)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\n\r\n"])
def test_header_lines_alone(end: bytes) -> None:
    assert parse(b"\xef\xbb\xbfA: 1\nb:2 \t\r\nA:  3" + end, "it") == ({"a": ["1", "3"], "b": ["2"]}, b"")


@pytest.mark.parametrize(
    "value",
    [
        HEADERS,
        {name: [text] for name, text in HEADERS.items()},
        [[name, text] for name, text in HEADERS.items()],
        [{"name": name, "value": text} for name, text in HEADERS.items()],
    ],
    ids=["object", "lists", "pairs", "har"],
)
def test_json(value: object) -> None:
    assert parse(json.dumps(value, indent=1).encode(), "it") == (READ, b"")


def test_a_number_in_json_is_its_digits() -> None:
    assert parse(b'{"T": 1752019770}', "it")[0] == {"t": ["1752019770"]}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it has no headers"),
        (b" \r\n\r\n", "it has no headers"),
        (b"no header", "line 1 of it is not a header"),
        (b"A: 1\nGET / HTTP/1.1\n", "line 2 of it is not a header"),
        (b"{", "it is not JSON"),
        (b'{"payload": {"a": 1}}', "'payload' is not text"),
        (b'{"a": true}', "'a' is not text"),
        (b'{"a": null}', "'a' is not text"),
        (b'{"a": "x\\ny"}', "'a' is not text"),
        (b"[1]", "'1' is not text"),
        (b"[[1, 2]]", "'1' is not text"),
    ],
)
def test_what_is_no_webhook(data: bytes, told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(data, "it")
    assert told in error.value.message


def test_header_bytes_that_are_no_text_are_kept() -> None:
    headers, _ = parse(b"A: \xff\xc3\xbc\n", "it")
    assert headers["a"][0].encode("utf-8", "surrogateescape") == b"\xff\xc3\xbc"


def test_the_length_that_a_request_states_ends_its_body() -> None:
    assert parse(raw(HEADERS | {"Content-Length": "2"}, b"{}\n"), "it")[1] == b"{}"


def test_a_body_that_is_shorter_was_cut() -> None:
    with pytest.raises(Invalid, match="the body is cut short: 1 of the 2 bytes of its Content-Length"):
        parse(raw(HEADERS | {"Content-Length": "2"}, b"{"), "it")


CHUNKED = b'4\r\n{"a"\r\n3;x=y\r\n: 1\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n'


def test_a_chunked_request_is_put_together() -> None:
    headers = HEADERS | {"Transfer-Encoding": "chunked"}
    assert parse(raw(headers, CHUNKED), "it")[1] == b'{"a": 1}'
    assert parse(raw(headers, b'{"a": 1}'), "it")[1] == b'{"a": 1}'  # as most tools record it


@settings(deadline=None)
@given(chunks=st.lists(st.binary(min_size=1)))
def test_chunks(chunks: list[bytes]) -> None:
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert b"".join(read_chunked(io.BytesIO(coded), 1_000_000)) == b"".join(chunks)


@pytest.mark.parametrize(
    "data", [b"", b"4\r\n{}\r\n", b"2\r\n{}xx\r\n0\r\n\r\n", b"-1\r\n", b"123456789\r\n", b"0\r\n" + b"a: b\r\n" * 200]
)
def test_broken_chunks(data: bytes) -> None:
    with pytest.raises(BadChunks):
        list(read_chunked(io.BytesIO(data), 100))


def test_chunks_beyond_the_limit_are_not_read() -> None:
    with pytest.raises(TooLarge):
        list(read_chunked(io.BytesIO(b"3\r\nabc\r\nffffffff\r\n"), 100))
