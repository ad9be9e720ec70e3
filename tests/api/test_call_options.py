"""What can be asked of a call beside its input: headers and query as the wire wants them, and what is refused."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.call_options import (
    EXPIRES_SECONDS,
    METHODS,
    CallOptions,
    InvalidOption,
    body_and_query,
    encoded,
    expiry_seconds,
)


class TestHeaders:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            pytest.param(CallOptions(), {}, id="none"),
            pytest.param(CallOptions(priority="low"), {"X-Fal-Queue-Priority": "low"}, id="priority"),
            pytest.param(CallOptions(hint="lora a"), {"X-Fal-Runner-Hint": "lora a"}, id="hint"),
            pytest.param(CallOptions(no_server_retry=True), {"X-Fal-No-Retry": "1"}, id="no retry"),
            pytest.param(CallOptions(no_store=True), {"X-Fal-Store-IO": "0"}, id="no store"),
            pytest.param(CallOptions(tags={"a": "1"}), {"X-Fal-Tags": "a=1"}, id="a tag"),
            pytest.param(
                CallOptions(tags={"a": "1", "b.c_d-e": "x y=z"}), {"X-Fal-Tags": "a=1,b.c_d-e=x y=z"}, id="tags"
            ),
            pytest.param(
                CallOptions(start_timeout=30),
                {"X-Fal-Request-Start-Timeout": "30", "X-Fal-Request-Timeout": "30"},
                id="both timeout headers",
            ),
            pytest.param(
                CallOptions(start_timeout=1.5),
                {"X-Fal-Request-Start-Timeout": "1.5", "X-Fal-Request-Timeout": "1.5"},
                id="a timeout with a fraction",
            ),
            pytest.param(CallOptions(headers={"X-Own": "1"}), {"X-Own": "1"}, id="the user's own"),
            pytest.param(CallOptions(webhook="https://x", max_queue=1), {}, id="query parameters are no headers"),
        ],
    )
    def test_headers(self, options: CallOptions, expected: Mapping[str, str]) -> None:
        assert options.wire_headers() == expected

    @pytest.mark.parametrize(
        ("expires", "seconds"),
        [
            ("never", None),
            ("immediate", 60),
            ("1h", 3600),
            ("1d", 86_400),
            ("7d", 604_800),
            ("30d", 2_592_000),
            ("1y", 31_536_000),
            ("90", 90),
        ],
    )
    def test_expires(self, expires: str, seconds: int | None) -> None:
        header = CallOptions(expires=expires).wire_headers()["X-Fal-Object-Lifecycle-Preference"]
        assert json.loads(header) == {"expiration_duration_seconds": seconds}
        assert " " not in header
        assert expiry_seconds(expires) == seconds

    @pytest.mark.parametrize("expires", ["0", "-1", "soon", "9" * 13, "9" * 5000, "\u0661"])
    def test_what_is_no_expiry(self, expires: str) -> None:
        with pytest.raises(InvalidOption) as raised:
            expiry_seconds(expires)
        assert len(str(raised.value)) < 200

    def test_every_word_for_an_expiry_is_tested(self) -> None:
        assert set(EXPIRES_SECONDS) == {"never", "immediate", "1h", "1d", "7d", "30d", "1y"}

    @pytest.mark.parametrize(
        ("options", "name"),
        [
            pytest.param({"priority": "low"}, "x-fal-queue-priority", id="priority"),
            pytest.param({"hint": "h"}, "X-FAL-RUNNER-HINT", id="hint"),
            pytest.param({"start_timeout": 9.0}, "x-fal-request-timeout", id="older timeout"),
            pytest.param({"start_timeout": 9.0}, "X-Fal-Request-Start-Timeout", id="newer timeout"),
            pytest.param({"no_store": True}, "x-fal-store-io", id="no store"),
            pytest.param({"no_server_retry": True}, "x-fal-no-retry", id="no retry"),
            pytest.param({"tags": {"a": "1"}}, "x-fal-tags", id="tags"),
            pytest.param({"expires": "1h"}, "x-fal-object-lifecycle-preference", id="expires"),
        ],
    )
    def test_a_named_option_wins_over_a_header_of_any_case(self, options: dict[str, Any], name: str) -> None:
        headers = CallOptions(**options, headers={name: "mine", "X-Other": "stays"}).wire_headers()
        same = [value for key, value in headers.items() if key.lower() == name.lower()]
        assert len(same) == 1
        assert same != ["mine"]
        assert headers["X-Other"] == "stays"

    def test_a_header_stays_where_the_option_is_not_given(self) -> None:
        assert CallOptions(headers={"x-fal-queue-priority": "low"}).wire_headers() == {"x-fal-queue-priority": "low"}

    @pytest.mark.parametrize("seconds", [1.001, 30.0, 59.99, 86_400.0, 123_456.5, 999_999.0, 1_000_000.0, 1_080_000.0])
    def test_the_timeout_is_a_plain_decimal_number(self, seconds: float) -> None:
        text = CallOptions(start_timeout=seconds).wire_headers()["X-Fal-Request-Start-Timeout"]
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)
        assert float(text) == seconds


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            pytest.param({"start_timeout": 1}, "--start-timeout", id="a start timeout of 1 s"),
            pytest.param({"start_timeout": 0}, "--start-timeout", id="a start timeout of 0 s"),
            pytest.param({"start_timeout": -5}, "--start-timeout", id="a negative start timeout"),
            pytest.param({"max_queue": -1}, "--max-queue", id="a negative line"),
            pytest.param({"webhook": "example.com/hook"}, "--webhook", id="a webhook without scheme"),
            pytest.param({"webhook": "ftp://example.com"}, "--webhook", id="a webhook of another scheme"),
            pytest.param({"method": "head"}, "--method", id="an unknown method"),
            pytest.param({"method": "POST"}, "--method", id="a method not in lower case"),
            pytest.param({"expires": "2h"}, "--expires", id="an unknown expiry"),
            pytest.param({"expires": "0"}, "--expires", id="expiry 0"),
            pytest.param({"expires": "-1"}, "--expires", id="a negative expiry"),
            pytest.param({"expires": "1.5"}, "--expires", id="half an expiry"),
            pytest.param({"expires": "٣"}, "--expires", id="an expiry of other digits"),
            pytest.param({"headers": {"Authorization": "Key x"}}, "Authorization is set by fal", id="Authorization"),
            pytest.param({"headers": {"HOST": "x"}}, "HOST is set by fal", id="Host"),
            pytest.param({"headers": {"content-length": "1"}}, "set by fal", id="Content-Length"),
            pytest.param({"headers": {"Transfer-Encoding": "chunked"}}, "set by fal", id="Transfer-Encoding"),
            pytest.param({"headers": {"": "x"}}, "not a header name", id="no header name"),
            pytest.param({"headers": {"X Y": "x"}}, "not a header name", id="a space in a header name"),
            pytest.param({"headers": {"X:Y": "x"}}, "not a header name", id="a colon in a header name"),
            pytest.param({"headers": {"X\n": "x"}}, "not a header name", id="a line break in a header name"),
            pytest.param({"headers": {"Ü": "x"}}, "not a header name", id="a header name beyond ASCII"),
            pytest.param({"headers": {"X": "a\r\nY: b"}}, "control character", id="header injection"),
            pytest.param({"headers": {"X": "a\x00"}}, "control character", id="NUL in a header"),
            pytest.param({"headers": {"X": "a\x7f"}}, "control character", id="DEL in a header"),
            pytest.param({"hint": "a\nb"}, "control character", id="injection by a hint"),
            pytest.param({"tags": {"": "x"}}, "--tag", id="no tag name"),
            pytest.param({"tags": {"A": "x"}}, "--tag", id="an upper-case tag"),
            pytest.param({"tags": {"fal.x": "x"}}, "--tag", id="a reserved tag"),
            pytest.param({"tags": {"a" * 65: "x"}}, "--tag", id="a tag name too long"),
            pytest.param({"tags": {"a": "x,y"}}, "--tag", id="a comma in a tag"),
            pytest.param({"tags": {"a": "x\n"}}, "--tag", id="a line break in a tag"),
            pytest.param({"tags": {"a": "x" * 257}}, "--tag", id="a tag too long"),
            pytest.param({"tags": {f"t{n}": "x" for n in range(11)}}, "at most 10", id="eleven tags"),
            pytest.param({"tags": {f"t{n}": "x" * 250 for n in range(5)}}, "1024 bytes", id="too long together"),
            pytest.param({"tags": {f"t{n}": "ü" * 130 for n in range(4)}}, "1024 bytes", id="too long in bytes"),
        ],
    )
    def test_refused(self, options: dict[str, Any], told: str) -> None:
        with pytest.raises(InvalidOption) as caught:
            CallOptions(**options)
        assert told in str(caught.value)

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"start_timeout": 1.1}, id="start timeout"),
            pytest.param({"max_queue": 0}, id="an empty line"),
            pytest.param({"tags": {f"t{n}": "x" for n in range(10)}}, id="ten tags"),
            pytest.param({"tags": {"a" * 64: "x" * 256}}, id="the longest tag"),
            pytest.param({"tags": {"falx": "1"}}, id="a tag that begins with fal"),
            pytest.param({"headers": {"X-Name": "ü"}}, id="a header value beyond ASCII"),
            pytest.param({"expires": "1"}, id="one second"),
        ],
    )
    def test_taken(self, options: dict[str, Any]) -> None:
        assert CallOptions(**options)

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"hint": "caf\udce9"}, id="hint"),
            pytest.param({"headers": {"X": "caf\udce9"}}, id="header"),
            pytest.param({"tags": {"a": "caf\udce9"}}, id="tag"),
        ],
    )
    def test_bytes_of_the_command_line_that_are_no_text(self, options: dict[str, Any]) -> None:
        """They arrive as surrogates, which cannot be sent."""
        with pytest.raises(InvalidOption):
            CallOptions(**options)

    def test_a_refused_hint_names_its_own_option(self) -> None:
        with pytest.raises(InvalidOption, match="--hint"):
            CallOptions(hint="a\nb")

    @settings(deadline=None)
    @given(hint=st.text(max_size=8), value=st.text(max_size=8), tag=st.text(max_size=8))
    def test_what_is_taken_can_be_sent(self, hint: str, value: str, tag: str) -> None:
        """As `Wire` does it: header values as UTF-8 bytes."""
        try:
            options = CallOptions(hint=hint, headers={"X-Own": value.strip()}, tags={"a": tag})
        except InvalidOption:
            return
        headers: dict[str, str | bytes] = {name: text.encode() for name, text in options.wire_headers().items()}
        sent = requests.Request("POST", "https://fal.run/a/b", headers=headers).prepare()
        assert {name: sent.headers[name] for name in headers} == headers


class TestQuery:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            pytest.param(CallOptions(), {}, id="none"),
            pytest.param(
                CallOptions(webhook="https://x/?a=1&b=2"), {"fal_webhook": "https://x/?a=1&b=2"}, id="webhook"
            ),
            pytest.param(CallOptions(max_queue=5), {"fal_max_queue_length": "5"}, id="line"),
            pytest.param(CallOptions(max_queue=0), {"fal_max_queue_length": "0"}, id="a line of none"),
        ],
    )
    def test_query(self, options: CallOptions, expected: dict[str, str]) -> None:
        assert options.query() == expected
        body, query = body_and_query({"a": 1}, options)
        assert parse_qs(query) == {name: [value] for name, value in expected.items()}
        assert body == b'{"a":1}'

    def test_the_body_is_the_input_itself(self) -> None:
        assert (
            encoded({"prompt": "für", "n": [1, 2.5, None, True]}) == '{"prompt":"für","n":[1,2.5,null,true]}'.encode()
        )
        assert encoded({}) == b"{}"

    def test_with_get_the_input_is_the_query(self) -> None:
        body, query = body_and_query(
            {"prompt": "a & b", "n": 1, "t": True, "x": None, "l": [1, "ü"]}, CallOptions(method="get", max_queue=2)
        )
        assert body is None
        assert parse_qs(query) == {
            "prompt": ["a & b"],
            "n": ["1"],
            "t": ["true"],
            "x": ["null"],
            "l": ['[1, "ü"]'],
            "fal_max_queue_length": ["2"],
        }

    @pytest.mark.parametrize("method", [method for method in METHODS if method != "get"])
    def test_every_other_method_has_a_body(self, method: str) -> None:
        assert body_and_query({"a": 1}, CallOptions(method=method)) == (b'{"a":1}', "")
