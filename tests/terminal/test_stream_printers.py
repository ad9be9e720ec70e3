"""What a stream's events become on stdout: lines, growing text, the last one. No server and no process here."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.stream import StreamEvent
from fal_cli.terminal import stream_printers
from fal_cli.terminal.output import Output
from fal_cli.terminal.stream_printers import (
    FinalPrinter,
    GrowingText,
    LinePrinter,
    ScreenPrinter,
    TextPrinter,
    has_text,
    last_json,
)

Printers = type[LinePrinter] | type[TextPrinter] | type[FinalPrinter] | type[ScreenPrinter]
words = st.text(st.characters(codec="utf-8"), max_size=12)


def event(value: Any) -> StreamEvent:
    return StreamEvent(value, json.dumps(value, ensure_ascii=False))


def shown(kind: Printers, *events: StreamEvent, is_terminal: bool = False) -> bytes:
    """What a printer writes of these events."""
    stream = io.BytesIO()
    printer = kind(Output(stream, is_terminal=is_terminal, color=False))
    for one in events:
        printer.show(one)
    printer.end()
    return stream.getvalue()


class TestGrowingText:
    @settings(deadline=None)
    @given(st.lists(words))
    def test_deltas_add_up(self, pieces: list[str]) -> None:
        text = GrowingText()
        openai = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
        assert "".join(map(text.news, openai)) == "".join(pieces)

    @pytest.mark.parametrize("key", ["delta", "choices"])
    def test_the_work_grows_with_the_text_and_not_with_its_square(
        self, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        """Counted are the characters that are looked at."""
        looked_at: list[int] = []
        original = stream_printers._bytes
        monkeypatch.setattr(stream_printers, "_bytes", lambda text: looked_at.append(len(text)) or original(text))
        text = GrowingText()
        for _ in range(2_000):
            text.news({"delta": "word "} if key == "delta" else {"choices": [{"delta": {"content": "word "}}]})
        assert sum(looked_at) == 5 * 2_000

    @settings(deadline=None)
    @given(st.lists(words), st.sampled_from(["output", "text", "response"]))
    def test_versions_add_up(self, pieces: list[str], key: str) -> None:
        text = GrowingText()
        versions = [{key: "".join(pieces[: end + 1])} for end in range(len(pieces))]
        assert "".join(map(text.news, versions)) == "".join(pieces)

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            pytest.param(["a", "ab", "ab", "abc"], ["a", "b", "", "c"], id="bare"),
            pytest.param([{"output": "a"}, {"output": "b"}], ["a", "\nb"], id="another"),
            pytest.param([{"output": "ab"}, {"output": "a"}], ["ab", "\na"], id="shorter"),
            pytest.param([{"delta": "a"}, {"output": "ab"}], ["a", "b"], id="deltas, then all of it"),
            pytest.param([{"output": None}, {"output": 5}, {}, [], None, 7], [""] * 6, id="none"),
            pytest.param([{"choices": []}, {"choices": [7]}, {"choices": [{"delta": 1}]}], [""] * 3, id="odd choices"),
            pytest.param([{"choices": [{"delta": {"content": None}}], "text": "x"}], ["x"], id="text beside choices"),
            pytest.param([{"delta": {"x": 1}}], [""], id="another delta"),
        ],
    )
    def test_news(self, values: list[Any], expected: list[str]) -> None:
        text = GrowingText()
        assert [text.news(value) for value in values] == expected

    @settings(deadline=None)
    @given(
        st.recursive(st.none() | words | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(words, inner))
    )
    def test_any_value_is_no_crash(self, value: Any) -> None:
        assert isinstance(GrowingText().news(value), str)
        assert isinstance(has_text(value), bool)


class TestLines:
    def test_json_goes_out_as_it_came(self) -> None:
        data = '{"n": 1.50, "t": "\\u00e9"}'
        assert shown(LinePrinter, StreamEvent(json.loads(data), data)) == data.encode() + b"\n"

    def test_data_over_several_lines_is_one_line(self) -> None:
        data = '{"a":\n 1}'
        assert shown(LinePrinter, StreamEvent(json.loads(data), data)) == b'{"a": 1}\n'

    def test_what_is_no_json_is_its_text(self) -> None:
        found = StreamEvent({"text": "{oops"}, "{oops", is_json=False)
        assert shown(LinePrinter, found) == b'{"text": "{oops"}\n'

    @settings(deadline=None)
    @given(st.lists(st.dictionaries(words, words), max_size=5))
    def test_as_many_lines_as_events(self, values: list[dict[str, str]]) -> None:
        data = shown(LinePrinter, *map(event, values))
        assert [json.loads(line) for line in data.split(b"\n")[:-1]] == values

    def test_half_a_character_is_still_json(self) -> None:
        data = shown(LinePrinter, StreamEvent({"a": "\ud800"}, '{"a":"\ud800"}'))
        assert json.loads(data) == {"a": "\ud800"}


class TestText:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([{"output": "a"}, {"output": "a b"}], "a b\n"),
            ([{"output": "a\n"}], "a\n"),
            ([{"n": 1}], ""),
            ([], ""),
            ([{"delta": "a\n"}, {"delta": ""}], "a\n"),
        ],
    )
    def test_the_last_line_is_ended_once(self, values: list[Any], expected: str) -> None:
        assert shown(TextPrinter, *map(event, values)).decode() == expected

    def test_bytes_of_a_pipe_are_the_texts(self) -> None:
        assert shown(TextPrinter, event({"delta": "\x1b[1mé\r\n\x07"})) == "\x1b[1mé\r\n\x07\n".encode()

    def test_a_terminal_sees_control_characters(self) -> None:
        data = shown(TextPrinter, event({"output": "a\x1b[2J\nb\u202e"}), is_terminal=True).decode()
        assert "\x1b" not in data
        assert "\u202e" not in data
        assert data.startswith("a␛[2J\nb")

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(["a", "\n", "b\n", "\n\n", " ", "é"]), max_size=8))
    def test_on_a_terminal_no_line_end_is_lost_between_pieces(self, pieces: list[str]) -> None:
        whole = "".join(pieces)
        data = shown(TextPrinter, *(event({"delta": piece}) for piece in pieces), is_terminal=True).decode()
        assert data == (whole if whole.endswith("\n") or not whole else whole + "\n")


class TestFinal:
    def test_the_last_alone(self) -> None:
        assert shown(FinalPrinter, event({"n": 1}), event({"n": 2})) == b'{"n": 2}\n'
        assert shown(FinalPrinter) == b""

    def test_laid_out_on_a_terminal(self) -> None:
        assert shown(FinalPrinter, event({"n": 1}), is_terminal=True) == b'{\n  "n": 1\n}\n'


class TestScreen:
    def test_text_as_it_grows(self) -> None:
        data = shown(ScreenPrinter, event({"output": "a"}), event({"output": "ab", "n": 1}), is_terminal=True)
        assert data == b"ab\n"

    def test_else_the_last_state(self) -> None:
        data = shown(ScreenPrinter, event({"n": 1}), event({"n": 2}), is_terminal=True)
        assert json.loads(data) == {"n": 2}

    def test_text_that_comes_late_is_text(self) -> None:
        data = shown(ScreenPrinter, event({"n": 1}), event({"output": "a"}), event({"n": 2}), is_terminal=True)
        assert data == b"a\n"

    def test_a_hostile_last_state_moves_no_cursor(self) -> None:
        data = shown(ScreenPrinter, event({"n": "\x1b[2J\u202e"}), is_terminal=True).decode()
        assert "\x1b" not in data
        assert "\u202e" not in data


def test_the_last_event_as_a_result() -> None:
    assert last_json(event({"a": 1})) == b'{"a": 1}'
    assert last_json(StreamEvent({"text": "x"}, "x", is_json=False)) == b'{"text": "x"}'
