"""The table from any error to sentence, hint and exit code."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.errors import (
    AnswerLost,
    ApiError,
    FieldError,
    NotReached,
    NotReady,
    NotSent,
    Phase,
    Refused,
    RequestFailed,
    Unavailable,
    WaitEnded,
    read_detail,
)
from fal_cli.errors import EXIT_CODES, CliError, Exit, MalformedInput, NoCredentials, NotSaved, UsageError, report

LOCKED = "User is locked. Reason: Exhausted balance."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(CliError("x"), 1, id="own error"),
        pytest.param(NotSaved("x"), 11, id="own error with a code"),
        pytest.param(UsageError("x"), 2, id="usage"),
        pytest.param(MalformedInput("x", "a=b", 1), 2, id="malformed input"),
        pytest.param(NoCredentials("x"), 3, id="no credentials"),
        pytest.param(Refused("x", status=401), 3, id="401"),
        pytest.param(Refused("x", status=403), 3, id="403"),
        pytest.param(Refused(LOCKED, status=403), 9, id="403, locked"),
        pytest.param(Refused(LOCKED.upper(), status=403), 9, id="403, locked, upper case"),
        pytest.param(Refused("x", status=429), 9, id="429"),
        *(pytest.param(Refused("x", status=s), 4, id=f"{s}") for s in (400, 405, 409, 413, 415, 422)),
        pytest.param(Refused("x", status=404), 5, id="404"),
        pytest.param(Refused("x", status=307), 1, id="a redirect"),
        pytest.param(Refused("x", status=418), 1, id="any other refusal"),
        pytest.param(NotReached("x", phase=Phase.NOT_CONNECTED), 6, id="never connected"),
        pytest.param(NotReached("x", phase=Phase.ANSWERING), 6, id="a read that did not come whole"),
        *(pytest.param(Unavailable("x", status=s), 6, id=f"a free call, {s}") for s in (408, 500, 502, 503, 504)),
        pytest.param(WaitEnded("x", request_id="r"), 7, id="our limit passed"),
        pytest.param(NotReady("x", status=400), 8, id="not ready"),
        *(pytest.param(AnswerLost("x", phase=p), 10, id=f"lost, {p.name}") for p in (Phase.SENDING, Phase.WAITING)),
        pytest.param(AnswerLost("x", status=502), 10, id="lost behind a gateway"),
        pytest.param(RequestFailed("x", status=422), 4, id="failed, 422"),
        pytest.param(RequestFailed("x", status=400), 4, id="failed, 400"),
        pytest.param(RequestFailed("x", status=500), 1, id="failed, 500"),
        pytest.param(RequestFailed("x", status=404), 1, id="failed, the app's own 404"),
        pytest.param(RequestFailed("x", status=499), 1, id="cancelled by code"),
        pytest.param(RequestFailed("x", status=400, error_type="client_cancelled"), 1, id="cancelled by type"),
        pytest.param(
            RequestFailed("x", status=504, headers={"x-fal-request-timeout-type": "user"}),
            1,
            id="start deadline missed",
        ),
        pytest.param(
            RequestFailed("x", status=422, fields=(FieldError("", "x", "downstream_service_error"),)),
            1,
            id="downstream",
        ),
        pytest.param(ApiError("x"), 1, id="the family itself"),
        pytest.param(RuntimeError("x"), 1, id="unexpected"),
    ],
)
def test_exit_code(error: Exception, code: int) -> None:
    assert report(error).code == code


def test_every_code_is_explained() -> None:
    explained = {int(word) for codes, _, _ in EXIT_CODES for word in codes.split(", ")}
    assert explained == {int(code) for code in Exit} | {130, 143}
    assert len({meaning for _, meaning, _ in EXIT_CODES}) == len(EXIT_CODES)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        pytest.param(NotSent("no route", phase=Phase.NOT_CONNECTED), "no route", "Nothing was accepted", id="network"),
        pytest.param(
            NotReached("cut", phase=Phase.ANSWERING), "cut", "find the cause: fal doctor", id="a read that was cut"
        ),
        pytest.param(AnswerLost("no answer"), "(no answer)", "not sent again", id="lost"),
        pytest.param(AnswerLost("bad gateway", status=502), "HTTP 502: bad gateway", "may be billed", id="lost, 502"),
        pytest.param(Unavailable("down", status=503), "HTTP 503", "Run the command again later.", id="unavailable"),
        pytest.param(NotReady("still in progress"), "still in progress", "--wait", id="not ready"),
        pytest.param(Refused("who?", status=401), "the key was refused (HTTP 401): who?", "auth status", id="401"),
        pytest.param(Refused(LOCKED, status=403), LOCKED, "billing", id="locked"),
        pytest.param(Refused("slow down", status=429), "(HTTP 429): slow down", "later", id="429"),
        pytest.param(
            Refused("busy", status=429, error_type="concurrent_requests_limit"),
            "(HTTP 429, concurrent_requests_limit): busy",
            "later",
            id="the service's word for the kind",
        ),
        pytest.param(
            RequestFailed("x", headers={"x-fal-request-timeout-type": "user"}),
            "--start-timeout",
            "did not run",
            id="late",
        ),
        pytest.param(RuntimeError("boom"), "RuntimeError: boom", "FAL_DEBUG=1 fal", id="unexpected"),
    ],
)
def test_sentence_and_hint(error: Exception, message: str, hint: str) -> None:
    shown = report(error)
    assert message in shown.message
    assert hint in shown.hint


def test_the_tool_is_called_as_it_was() -> None:
    assert "fal --sandbox resume r-1" in report(WaitEnded("x", request_id="r-1"), tool="fal --sandbox").hint


def test_facts_are_kept() -> None:
    shown = report(RequestFailed("x", status=500, request_id="r-1", error_type="runner_error"))
    assert (shown.request_id, shown.status, shown.error_type) == ("r-1", 500, "runner_error")


class TestFields:
    def test_a_line_per_field(self) -> None:
        fields = (FieldError("body.seed", "not an integer", "int_type"), FieldError("", "broken"), FieldError("a", "b"))
        shown = report(RequestFailed("the input was refused", status=422, fields=fields, error_type="int_type"))
        assert shown.lines == ("seed: not an integer (int_type)", "broken", "a: b")
        assert shown.message == "the input was refused (HTTP 422)"

    def test_long_messages_are_cut(self) -> None:
        shown = report(RequestFailed("m" * 9000, status=500, fields=(FieldError("a", "f" * 9000, "t"),)))
        assert len(shown.message) < 600
        assert "characters)" in shown.message
        assert len(shown.lines[0]) < 300
        assert shown.lines[0].startswith("a: fff")
        assert shown.lines[0].endswith("(9000 characters) (t)")

    @pytest.mark.parametrize("length", [10, 200])
    def test_others_are_not(self, length: int) -> None:
        shown = report(RequestFailed("m" * length, status=500, fields=(FieldError("", "f" * length),)))
        assert shown.message.endswith("m" * length)
        assert shown.lines == ("f" * length,)

    def test_unexpected_failures_are_cut(self) -> None:
        assert len(report(RuntimeError("x" * 100_000)).message) < 700


class TestCaret:
    @pytest.mark.parametrize(
        ("word", "at", "shown", "column"),
        [
            pytest.param("a..b=c", 2, "a..b=c", 2, id="short"),
            pytest.param("cat", 3, "cat", 3, id="behind the end"),
            pytest.param("=x", 0, "=x", 0, id="at the beginning"),
            pytest.param("k" * 60 + "!" + "v" * 60, 60, "k" * 50 + "!" + "v" * 19, 50, id="a window around it"),
            pytest.param("a=\t\n\x1b[31mx", 2, "a=   [31mx", 2, id="control characters are blanks"),
        ],
    )
    def test_caret(self, word: str, at: int, shown: str, column: int) -> None:
        assert report(MalformedInput("expected key=value", word, at)).lines == (shown, " " * column + "^")

    @settings(deadline=None)
    @given(st.text(st.characters(max_codepoint=0x7F), max_size=120), st.data())
    def test_it_stands_under_the_character(self, word: str, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(word)))
        window, caret = report(MalformedInput("x", word, at)).lines
        column = caret.index("^")
        assert caret == " " * column + "^"
        assert len(window) == min(len(word), at + 20) - max(0, at - 50)
        if at < len(word):
            expected = word[at] if word[at].isprintable() else " "
            assert window[column] == expected
        else:
            assert column == len(window)

    def test_it_stands_under_wide_characters_too(self) -> None:
        window, caret = report(MalformedInput("expected key=value", "提示词", 3)).lines
        cells = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in window)
        assert caret.index("^") == cells

    def test_the_hint_stays(self) -> None:
        assert report(MalformedInput("x", "a", 0, hint="Quote it.")).hint == "Quote it."


@pytest.mark.parametrize(
    ("body", "message", "error_type", "fields"),
    [
        pytest.param({"detail": "gone"}, "gone", "", (), id="a text"),
        pytest.param({"detail": "gone", "error_type": "t"}, "gone", "t", (), id="a text and a type"),
        pytest.param(
            {"detail": [{"loc": ["body", "a", 0], "msg": "bad", "type": "t"}]},
            "the input was refused",
            "t",
            (FieldError("body.a.0", "bad", "t"),),
            id="a list of one",
        ),
        pytest.param(
            {"detail": [{"msg": "x", "type": "t"}, "y"]},
            "the input was refused",
            "",
            (FieldError("", "x", "t"), FieldError("", "y")),
            id="a list of several",
        ),
        pytest.param({"detail": {"message": "m", "type": "t"}}, "m", "t", (), id="an object"),
        pytest.param({"error": {"type": "t", "message": "m"}}, "m", "t", (), id="the platform's shape"),
        pytest.param({"error": "m"}, "m", "", (), id="an error text"),
        pytest.param({"message": "m"}, "m", "", (), id="a message"),
        pytest.param({"status": "NOT_FOUND"}, "NOT_FOUND", "", (), id="a status word"),
        pytest.param({"x": 1}, '{"x": 1}', "", (), id="an unknown object"),
        pytest.param([1], "[1]", "", (), id="a list"),
        pytest.param("text", "text", "", (), id="plain text"),
        pytest.param(None, "null", "", (), id="null"),
    ],
)
def test_read_detail(body: Any, message: str, error_type: str, fields: tuple[FieldError, ...]) -> None:
    detail = read_detail(body)
    assert (detail.message, detail.error_type, detail.fields) == (message, error_type, fields)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["detail", "error", "message", "loc", "msg", "type", "error_type", "status"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(json_values, st.sampled_from([400, 401, 403, 404, 422, 429, 500]), st.sampled_from([Refused, RequestFailed]))
def test_any_error_answer_is_shown(body: Any, status: int, kind: type[ApiError]) -> None:
    detail = read_detail(body)
    shown = report(kind(detail.message, status=status, fields=detail.fields, error_type=detail.error_type))
    assert shown.code in set(Exit)
    assert f"HTTP {status}" in shown.message or shown.message.startswith(("the request was", "the account"))
    assert all(isinstance(line, str) for line in shown.lines)
