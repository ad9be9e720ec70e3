"""Server-sent events: the WHATWG rules one by one, any chunking, and a second decoder to compare with."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.sse import EventDecoder, ServerSentEvent

Events = list[ServerSentEvent]


def decoded(*chunks: bytes) -> Events:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def event(data: str, kind: str = "message", last_id: str = "", retry: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(data, kind, last_id, retry)


def reference(stream: bytes) -> Events:
    """Sections 9.2.5 and 9.2.6 of the standard, word by word, for a whole stream."""
    text = stream.decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    events: Events = []
    data = kind = last_id = ""
    retry: int | None = None
    for line in lines:
        if line == "":
            if data != "":
                events.append(event(data.removesuffix("\n"), kind or "message", last_id, retry))
                retry = None
            data = kind = ""
            continue
        if line.startswith(":"):
            continue
        field, _, value = line.partition(":")
        if value.startswith(" "):
            value = value[1:]
        if field == "event":
            kind = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and value and all(digit in "0123456789" for digit in value):
            retry = int(value)
    return events


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(b"data: x\n\n", [event("x")], id="LF"),
        pytest.param(b"data: x\r\n\r\n", [event("x")], id="CR LF"),
        pytest.param(b"data: x\r\r", [event("x")], id="CR"),
        pytest.param(b"data: x\r\ndata: y\rdata: z\n\r", [event("x\ny\nz")], id="mixed"),
        pytest.param(b"\xef\xbb\xbfdata: x\n\n", [event("x")], id="a BOM"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", [], id="a second BOM is a letter"),
        pytest.param(b"data: \xef\xbb\xbfx\n\n", [event("\ufeffx")], id="a BOM later is a letter"),
        pytest.param(b": ping\n\ndata: x\n\n", [event("x")], id="a comment"),
        pytest.param(b"data: x\n: between\ndata: y\n\n", [event("x\ny")], id="a comment between"),
        pytest.param(b":\n\n", [], id="an empty comment"),
        pytest.param(b"data: a\ndata: b\ndata:\ndata: c\n\n", [event("a\nb\n\nc")], id="several lines"),
        pytest.param(b"data:x\n\n", [event("x")], id="no space after the colon"),
        pytest.param(b"data:  x\n\n", [event(" x")], id="one space is taken off"),
        pytest.param(b"data: x: y\n\n", [event("x: y")], id="a second colon"),
        pytest.param(b"data\n\n", [event("")], id="data without a colon"),
        pytest.param(b"data:\n\n", [event("")], id="empty data"),
        pytest.param(b"data\ndata\n\n", [event("\n")], id="two empty lines of data"),
        pytest.param(b"event: add\ndata: x\n\ndata: y\n\n", [event("x", "add"), event("y")], id="event lasts once"),
        pytest.param(b"event: add\n\ndata: x\n\n", [event("x")], id="event without data is dropped"),
        pytest.param(b"event:\ndata: x\n\n", [event("x")], id="an empty event is a message"),
        pytest.param(
            b"id: 1\ndata: x\n\ndata: y\n\n", [event("x", last_id="1"), event("y", last_id="1")], id="id stays"
        ),
        pytest.param(b"id: 1\n\ndata: x\n\n", [event("x", last_id="1")], id="id without data stays"),
        pytest.param(b"id: 1\ndata: x\n\nid\ndata: y\n\n", [event("x", last_id="1"), event("y")], id="id taken back"),
        pytest.param(b"id: 1\x002\ndata: x\n\n", [event("x")], id="id with NUL is ignored"),
        pytest.param(b"retry: 1500\ndata: x\n\ndata: y\n\n", [event("x", retry=1500), event("y")], id="retry"),
        pytest.param(b"retry: 1500\n\ndata: x\n\n", [event("x", retry=1500)], id="retry without data stays"),
        pytest.param(b"retry: 1.5\nretry: -1\nretry:\nretry: 1s\ndata: x\n\n", [event("x")], id="retry not of digits"),
        pytest.param("retry: ٣\ndata: x\n\n".encode(), [event("x")], id="retry of other digits"),
        pytest.param(b"Data: x\nDATA: y\ndata : z\nfoo: w\n\n", [], id="unknown fields"),
        pytest.param(b" data: x\n\n", [], id="a field after a space"),
        pytest.param(b"data: x\n", [], id="no blank line"),
        pytest.param(b"data: x\n\ndata: y\n", [event("x")], id="cut in the middle of an event"),
        pytest.param(b"data: x\n\ndata: y", [event("x")], id="cut in the middle of a line"),
        pytest.param(b"\n\n\n", [], id="blank lines"),
        pytest.param(b"", [], id="nothing"),
        pytest.param("data: für 😀\n\n".encode(), [event("für 😀")], id="UTF-8"),
        pytest.param(b"data: \xff\xfe\n\n", [event("\ufffd\ufffd")], id="invalid UTF-8"),
        pytest.param("data: a\u2028b\x0bc\x85d\n\n".encode(), [event("a\u2028b\x0bc\x85d")], id="no other line ends"),
        pytest.param(b"data: \x00\x1b[31m\n\n", [event("\x00\x1b[31m")], id="control characters"),
    ],
)
def test_rules(stream: bytes, expected: Events) -> None:
    assert reference(stream) == expected, "the reference decoder itself"
    assert decoded(stream) == expected
    assert decoded(*(bytes([byte]) for byte in stream)) == expected, "byte by byte"


def test_an_event_comes_with_its_blank_line_and_not_later() -> None:
    decoder = EventDecoder()
    assert list(decoder.feed(b"data: x\n")) == []
    assert list(decoder.feed(b"\n")) == [event("x")]
    assert list(decoder.feed(b"data: y\r\n\r")) == [event("y")], "a CR is a whole line end"
    assert list(decoder.feed(b"\ndata: z\r")) == []
    assert list(decoder.feed(b"\r")) == [event("z")]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param((b"data: x\r", b"\n\r", b"\n"), id="CR LF split twice"),
        pytest.param((b"data: x\r", b"", b"\n\r\n"), id="an empty chunk between CR and LF"),
        pytest.param((b"data: x\r\n\r", b"\n", b""), id="split at the last LF"),
    ],
)
def test_a_split_line_end_is_one_line_end(chunks: tuple[bytes, ...]) -> None:
    assert decoded(*chunks, b"data: y\n\n") == [event("x"), event("y")]


def test_a_lf_after_a_cr_in_different_lines_is_not_swallowed() -> None:
    assert decoded(b"data: x\r", b"data: y\n", b"\n") == [event("x\ny")]


def test_utf8_split_anywhere() -> None:
    stream = "\ufeffdata: ü€😀\n\n".encode()
    for at in range(len(stream) + 1):
        assert decoded(stream[:at], stream[at:]) == [event("ü€😀")]


def test_a_retry_of_absurd_size_ends_nothing() -> None:
    """Strangers' bytes: the reader of a stream may not break on them."""
    assert [found.data for found in decoded(b"retry: " + b"9" * 5000 + b"\ndata: x\n\n")] == ["x"]


lines = st.sampled_from(
    [
        *(
            b"",
            b"",
            b"data: a",
            b"data:b",
            b"data",
            b"data: \xc3\xbc",
            b"data: \xf0\x9f\x98\x80",
            b": ping",
            b"event: e",
        ),
        *(
            b"id: 1",
            b"id",
            b"id: \x00",
            b"retry: 10",
            b"retry: x",
            b"\xef\xbb\xbfdata: c",
            b"foo: bar",
            b"data: \xff\xc3",
        ),
    ]
)
streams = st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=12).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)
noise = st.lists(
    st.sampled_from(
        [b"data", b"id", b"event", b"retry", b":", b" ", b"\n", b"\r", b"1", b"\xef\xbb\xbf", b"\xc3", b"\x00"]
    )
).map(b"".join)


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    stream = draw(streams | noise | st.binary(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@settings(deadline=None)
@given(chunked())
def test_any_chunking_gives_the_same_events(chunks: list[bytes]) -> None:
    assert decoded(*chunks) == decoded(b"".join(chunks))


@settings(deadline=None)
@given(streams | noise | st.binary(max_size=60))
def test_same_as_the_reference(stream: bytes) -> None:
    assert decoded(stream) == reference(stream)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), st.sampled_from(["\n", "\r\n"]))
def test_any_text_of_one_line_arrives_as_it_is(text: str, end: str) -> None:
    assert decoded(f"data: {text}{end}{end}".encode()) == [event(text)]


def test_ten_thousand_random_streams_split_anywhere_are_as_the_reference_has_them() -> None:
    """Broader than a property can be in its time: pieces of real streams put together and cut at random."""
    dice = random.Random(20260101)
    pieces = [b"data: ", b"data:", b"data", b"event: x", b"id: 7", b"retry: 10", b": c", b"\n", b"\r", b"\r\n", b"\n\n"]
    pieces += ["ü😀".encode(), b"\xff", b"\xef\xbb\xbf", b"a", b" ", b":", b"\0"]
    for _ in range(10_000):
        stream = b"".join(dice.choices(pieces, k=dice.randrange(1, 25)))
        cuts = sorted(dice.sample(range(len(stream) + 1), k=min(3, len(stream))))
        edges = [0, *cuts, len(stream)]
        assert decoded(*(stream[start:end] for start, end in pairwise(edges))) == reference(stream), stream
