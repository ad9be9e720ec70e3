"""Endpoint ids: the grammar of §2.1, pages copied from a browser, hostile segments, and what is no endpoint."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.endpoint import NAMESPACES, EndpointId, InvalidEndpoint, looks_like_endpoint, parse

ALPHANUMERIC = string.ascii_letters + string.digits

segments = st.builds(
    str.__add__, st.sampled_from(ALPHANUMERIC + "_~"), st.text(st.sampled_from(ALPHANUMERIC + "._~-"), max_size=8)
)
owners = segments.filter(lambda segment: segment not in NAMESPACES)
endpoints = st.builds(
    EndpointId,
    owners,
    segments,
    st.lists(segments, max_size=3).map("/".join),
    st.sampled_from(("", *NAMESPACES)),
)
legacy = st.builds(
    "{}-{}".format, st.from_regex(r"[0-9]{1,9}", fullmatch=True), st.from_regex(r"[a-zA-Z0-9][a-z-]*", fullmatch=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("fal-ai/flux", EndpointId("fal-ai", "flux"), id="owner and alias"),
        pytest.param("fal-ai/flux/dev", EndpointId("fal-ai", "flux", "dev"), id="a path"),
        pytest.param("fal-ai/flux/dev/image-to-image", EndpointId("fal-ai", "flux", "dev/image-to-image"), id="long"),
        pytest.param("workflows/acme/pipe", EndpointId("acme", "pipe", "", "workflows"), id="workflow"),
        pytest.param("comfy/acme/pipe/run", EndpointId("acme", "pipe", "run", "comfy"), id="comfy with a path"),
        pytest.param("acme/workflows/comfy", EndpointId("acme", "workflows", "comfy"), id="namespace words later on"),
        pytest.param("workflows/comfy/pipe", EndpointId("comfy", "pipe", "", "workflows"), id="one namespace at most"),
        pytest.param("110602490-lcm", EndpointId("110602490", "lcm"), id="legacy"),
        pytest.param("110602490-lcm-sd15-i2i", EndpointId("110602490", "lcm-sd15-i2i"), id="legacy, first hyphen"),
        pytest.param("fal-ai/wan/v2.2-a14b/turbo", EndpointId("fal-ai", "wan", "v2.2-a14b/turbo"), id="dots"),
        pytest.param("  fal-ai/flux/dev\n", EndpointId("fal-ai", "flux", "dev"), id="copied with white space"),
        pytest.param("fal-ai/flux/dev/", EndpointId("fal-ai", "flux", "dev"), id="a slash at the end"),
        pytest.param("/fal-ai/flux", EndpointId("fal-ai", "flux"), id="a slash in front"),
    ],
)
def test_grammar(text: str, expected: EndpointId) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("https://fal.ai/models/fal-ai/flux/dev", "fal-ai/flux/dev", id="page"),
        pytest.param("https://www.fal.ai/models/fal-ai/flux/dev", "fal-ai/flux/dev", id="www"),
        pytest.param("http://fal.ai/models/fal-ai/flux/dev", "fal-ai/flux/dev", id="http"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev/", "fal-ai/flux/dev", id="slash"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev/playground", "fal-ai/flux/dev", id="playground"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev/api", "fal-ai/flux/dev", id="api tab"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev/api#queue", "fal-ai/flux/dev", id="api tab with an anchor"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev/llms.txt", "fal-ai/flux/dev", id="llms.txt"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev/examples/", "fal-ai/flux/dev", id="examples"),
        pytest.param("https://fal.ai/models/fal-ai/flux/dev?share=1&x=/y", "fal-ai/flux/dev", id="query"),
        pytest.param("https://fal.ai/models/workflows/acme/pipe", "workflows/acme/pipe", id="workflow"),
        pytest.param("https://fal.ai/models/110602490-lcm", "110602490/lcm", id="legacy"),
        pytest.param("https://fal.run/fal-ai/flux/dev", "fal-ai/flux/dev", id="run URL"),
        pytest.param("https://queue.fal.run/fal-ai/flux/dev?fal_webhook=x", "fal-ai/flux/dev", id="queue URL"),
    ],
)
def test_address_of_a_page(address: str, expected: str) -> None:
    assert str(parse(address)) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "look like owner/name", id="nothing"),
        pytest.param("/", "look like owner/name", id="a slash"),
        pytest.param("flux", "look like owner/name", id="no slash"),
        pytest.param("lcm-110602490", "look like owner/name", id="legacy the wrong way round"),
        pytest.param("110602490-", "look like owner/name", id="legacy without alias"),
        pytest.param("110602490_lcm", "look like owner/name", id="legacy with another separator"),
        pytest.param("workflows/acme", "after workflows/ comes", id="a namespace needs owner and alias"),
        pytest.param("comfy/acme/", "after comfy/ comes", id="comfy needs owner and alias"),
        pytest.param("fal-ai//flux", "empty part", id="empty part"),
        pytest.param("fal-ai/../flux", "'..' cannot be", id="dot dot"),
        pytest.param("fal-ai/./flux", "'.' cannot be", id="dot"),
        pytest.param("fal-ai/..", "'..' cannot be", id="dot dot as alias"),
        pytest.param("fal-ai/.hidden", "contains a character", id="a leading dot"),
        pytest.param("fal-ai/flux/-rf", "contains a character", id="a leading hyphen"),
        pytest.param("fal-ai/%2e%2e/admin", "contains a character", id="percent-encoded dots"),
        pytest.param("fal-ai/flux?x=1", "contains a character", id="query"),
        pytest.param("fal-ai/flux#x", "contains a character", id="fragment"),
        pytest.param("fal-ai/flux dev", "contains a character", id="space"),
        pytest.param("fal-ai/fl\nux", "contains a character", id="line break"),
        pytest.param("fal-ai/flux\r\nX-Evil: 1", "contains a character", id="header injection"),
        pytest.param("fal-ai/flüx", "contains a character", id="umlaut"),
        pytest.param("fal-ai/flux@evil.com", "contains a character", id="at"),
        pytest.param("fal-ai\\flux/dev", "contains a character", id="backslash"),
        pytest.param("app.py::App/x", "contains a character", id="the vendor's own run"),
        pytest.param("https://evil.com/models/fal-ai/flux", "not an endpoint", id="a page elsewhere"),
        pytest.param("https://fal.ai.evil.com/models/fal-ai/flux", "not an endpoint", id="a page on a lookalike"),
        pytest.param("https://fal.ai/models/", "not an endpoint", id="the page of all models"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidEndpoint, match="not an endpoint") as caught:
        parse(text)
    assert told in str(caught.value)


@settings(deadline=None)
@given(endpoints)
def test_text_form_round_trips(endpoint: EndpointId) -> None:
    assert parse(str(endpoint)) == endpoint
    assert parse(f"https://fal.run/{endpoint}") == endpoint or str(endpoint).endswith(
        ("/api", "/playground", "/examples", "/llms.txt")
    )


@settings(deadline=None)
@given(legacy)
def test_legacy_form_round_trips(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)
    assert looks_like_endpoint(text)


def test_a_legacy_alias_that_could_not_be_read_again_is_refused() -> None:
    """What `parse` accepts is written into the ledger and read again from there."""
    with pytest.raises(InvalidEndpoint):
        parse("1--x")


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_an_endpoint_that_round_trips_or_is_refused(text: str) -> None:
    try:
        endpoint = parse(text)
    except InvalidEndpoint:
        return
    assert all(part not in ("", ".", "..") for part in str(endpoint).split("/"))
    assert set(str(endpoint)) <= set(ALPHANUMERIC + "._~-/")


@pytest.mark.parametrize(
    ("text", "app"),
    [
        pytest.param("fal-ai/flux/dev", "fal-ai/flux", id="the path is dropped"),
        pytest.param("workflows/acme/pipe/x/y", "workflows/acme/pipe", id="the namespace stays"),
        pytest.param("110602490-lcm", "110602490/lcm", id="legacy"),
    ],
)
def test_app_is_the_id_without_its_path(text: str, app: str) -> None:
    assert parse(text).app == app


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        pytest.param("fal-ai/any-llm", "/stream", "fal-ai/any-llm/stream", id="appended"),
        pytest.param("fal-ai/any-llm/stream", "/stream", "fal-ai/any-llm/stream", id="never twice"),
        pytest.param("fal-ai/any-llm/x/stream", "stream", "fal-ai/any-llm/x/stream", id="never twice, deeper"),
        pytest.param("fal-ai/any-llm/upstream", "stream", "fal-ai/any-llm/upstream/stream", id="whole segments"),
        pytest.param("fal-ai/any-llm", "a/b", "fal-ai/any-llm/a/b", id="several segments"),
        pytest.param("fal-ai/any-llm", "", "fal-ai/any-llm", id="nothing"),
        pytest.param("workflows/acme/pipe", "x", "workflows/acme/pipe/x", id="under a namespace"),
    ],
)
def test_joined(text: str, path: str, expected: str) -> None:
    assert str(parse(text).joined(path)) == expected


@pytest.mark.parametrize("path", ["../other", "a//b", "x?y=1", "a b", "%2e%2e"])
def test_joined_refuses_a_hostile_path(path: str) -> None:
    with pytest.raises(InvalidEndpoint):
        parse("fal-ai/flux").joined(path)


@settings(deadline=None)
@given(st.uuids())
def test_a_request_id_is_never_taken_for_an_endpoint(request_id: object) -> None:
    assert not looks_like_endpoint(str(request_id))
    assert not looks_like_endpoint(str(request_id).upper())


@pytest.mark.parametrize(
    "request_id",
    [
        pytest.param("12345678-1234-4234-9234-123456789012", id="digits alone"),
        pytest.param("12345678-abcd-4bcd-9bcd-abcdefabcdef", id="digits first"),
    ],
)
def test_a_request_id_that_looks_legacy_is_no_endpoint(request_id: str) -> None:
    assert not looks_like_endpoint(request_id)
    with pytest.raises(InvalidEndpoint):
        parse(request_id)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("fal-ai/flux", True),
        ("110602490-lcm", True),
        ("last", False),
        ("@last", False),
        ("last:2", False),
        ("12345678", False),
        ("abcd-efgh", False),
        ("", False),
    ],
)
def test_looks_like_endpoint(word: str, expected: bool) -> None:
    assert looks_like_endpoint(word) is expected
