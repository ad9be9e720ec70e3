"""`key={{expression}}`: what it looks into, what it finds, and what is said where it finds nothing."""

import io
import json
import subprocess
import sys
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings

from fal_cli.errors import CliError, MalformedInput, UsageError
from fal_cli.inputs.expressions import Source
from fal_cli.inputs.items import Item
from fal_cli.inputs.stdin import Stdin
from fal_cli.schema import Field, Schema
from tests.conftest import SECONDS, Program, Service
from tests.support.inputs import gather
from tests.support.json_values import values

RESULT = {
    "images": [
        {"url": "https://v3.fal.media/files/b/a1/one.png", "width": 640, "content_type": "image/png"},
        {"url": "https://v3.fal.media/files/b/a2/two.png", "width": 320},
    ],
    "seed": 7,
    "scale": 1.5,
    "prompt": "a {{cat}} @home",
    "has_nsfw_concepts": [False],
    "none": None,
}
ONE, TWO = (image["url"] for image in RESULT["images"])  # type: ignore[attr-defined]


def gathered(*words: str, stdin: bytes | None = None, source: Source | None = None, **options: Any) -> dict[str, Any]:
    data = json.dumps(RESULT).encode() if stdin is None else stdin
    return gather(words, (), Stdin(io.BytesIO(data), is_terminal=False, say=print), source=source, **options)


class TestFound:
    @pytest.mark.parametrize(
        ("expression", "found"),
        [
            pytest.param("images[0].url", ONE, id="a text"),
            pytest.param("seed", 7, id="a number"),
            pytest.param("scale", 1.5, id="a fraction"),
            pytest.param("has_nsfw_concepts[0]", False, id="false"),
            pytest.param("images[].width", [640, 320], id="a list"),
            pytest.param("images[1]", {"url": TWO, "width": 320}, id="an object"),
            pytest.param("images[?width > `400`].url | [0]", ONE, id="a filter"),
            pytest.param("images[9:]", [], id="an empty list is something"),
            pytest.param("prompt", "a {{cat}} @home", id="what is found is read no further"),
            pytest.param("none || seed", 7, id="the first of two"),
            pytest.param(" seed ", 7, id="spaces"),
            pytest.param("{a: seed, b: {c: scale}}", {"a": 7, "b": {"c": 1.5}}, id="braces of its own"),
            pytest.param("@", RESULT, id="all"),
        ],
    )
    def test_it_keeps_its_type(self, expression: str, found: object) -> None:
        (value,) = gathered(f"x={{{{{expression}}}}}").values()
        assert value == found
        assert type(value) is type(found)

    def test_text_keys_and_deep_ones_too(self) -> None:
        assert gathered("prompt={{seed}}", "a.0.b={{seed}}") == {"prompt": 7, "a": [{"b": 7}]}

    def test_several_look_into_one_stdin(self) -> None:
        assert gathered("a={{seed}}", "b={{scale}}", "c=3") == {"a": 7, "b": 1.5, "c": 3}

    def test_stdin_is_no_input_then(self) -> None:
        assert gathered("a={{seed}}") == {"a": 7}

    def test_it_is_a_change_to_a_recorded_input(self) -> None:
        assert gathered("a={{seed}}", base={"a": 1, "b": 2}) == {"a": 7, "b": 2}

    def test_types_of_a_schema_do_not_apply(self) -> None:
        assert gathered("a={{seed}}", schema=Schema((Field("a", kinds=("string",)),))) == {"a": 7}

    def test_any_json_is_looked_into(self) -> None:
        assert gathered("a={{[1]}}", stdin=b"[1, 2]") == {"a": 2}
        assert gathered("a={{@}}", stdin=b'"text"') == {"a": "text"}
        assert gathered("a={{x}}", stdin='{"x": "ü"}'.encode("utf-16")) == {"a": "ü"}

    @settings(deadline=None)
    @given(values.filter(lambda value: value is not None))
    def test_any_value_comes_through_whole(self, value: Any) -> None:
        given_json = json.dumps({"x": value}).encode()
        assert json.dumps(gathered("a={{x}}", stdin=given_json)["a"]) == json.dumps(value)


class TestMedia:
    @pytest.mark.parametrize(
        ("context", "expression", "found"),
        [
            pytest.param(RESULT, "media[0]", ONE, id="the first"),
            pytest.param(RESULT, "media", [ONE, TWO], id="all"),
            pytest.param(RESULT, "media[-1]", TWO, id="the last"),
            pytest.param(RESULT, "length(media)", 2, id="counted"),
            pytest.param(RESULT, "nothing || media[0]", ONE, id="as the second choice"),
            pytest.param(RESULT, "[seed, media[0]]", [7, ONE], id="beside others"),
            pytest.param({"video": {"url": ONE}}, "media[0]", ONE, id="of any shape"),
            pytest.param([{"url": ONE}], "media[0]", ONE, id="of a list"),
            pytest.param({"media": [{"url": ONE}]}, "media[0]", ONE, id="also where the JSON has such a key"),
            pytest.param({"x": {"media": 5}}, "x.media", 5, id="a key of that name further in"),
            pytest.param({"x": [{"media": 5}]}, "x[].media | [0]", 5, id="in a list"),
            pytest.param([{"media": 5}], "[0].media", 5, id="in a list that is all"),
            pytest.param(RESULT, "keys(@)", list(RESULT), id="not seen by who does not ask"),
        ],
    )
    def test_media(self, context: Any, expression: str, found: object) -> None:
        assert gathered(f"x={{{{{expression}}}}}", stdin=json.dumps(context).encode()) == {"x": found}

    def test_no_media_are_nothing(self) -> None:
        with pytest.raises(UsageError, match=r"finds nothing in the JSON on stdin"):
            gathered("x={{media[0]}}", stdin=b'{"a": 1}')


class TestRefused:
    @pytest.mark.parametrize(
        ("word", "at", "told"),
        [
            pytest.param("x={{images[0}}", 12, "ends too early", id="an open bracket"),
            pytest.param("x={{a b}}", 6, "'b' is not allowed here", id="two names"),
            pytest.param("x={{a..b}}", 6, "'.' is not allowed here", id="two dots"),
            pytest.param("x={{'a}}", 4, "Unclosed ' delimiter", id="an open text"),
            pytest.param("x={{a # b}}", 6, "Unknown token #", id="an odd character"),
            pytest.param("x={{}}", 4, "expected an expression", id="nothing"),
            pytest.param("x={{ }}", 5, "ends too early", id="a space"),
            pytest.param("x={{1}}", 4, "1 is not allowed here", id="a number"),
            pytest.param("x={{seen(@)}}", 2, "Unknown function: seen()", id="no such function"),
            pytest.param("x={{length(seed)}}", 2, "length()", id="a function of another type"),
            pytest.param("x={{length()}}", 2, "length()", id="a function of nothing"),
            pytest.param("x={{&seed}}", 2, "this finds is not JSON", id="no value"),
            pytest.param("x={{to_number('nan')}}", 2, "this finds is not JSON", id="no number"),
            pytest.param("x=a{{seed}}", 3, "only a whole value", id="text before"),
            pytest.param("x={{seed}}b", 2, "only a whole value", id="text after"),
            pytest.param("x={{seed}} {{scale}}", 8, "only a whole value", id="two of them"),
            pytest.param("x={{" + "[" * 5000 + "}}", 0, "", id="nested deeply"),
        ],
    )
    def test_with_a_caret_under_what_is_wrong(self, word: str, at: int, told: str) -> None:
        with pytest.raises(MalformedInput) as caught:
            gathered(word)
        assert told in caught.value.message
        assert caught.value.word == word
        assert caught.value.at == at or not at

    def test_syntax_is_looked_at_before_stdin_is_read(self) -> None:
        with pytest.raises(MalformedInput):
            gathered("x={{a b}}", source=Source("nothing", unread))

    @pytest.mark.parametrize("expression", ["images[0].ulr", "nope", "none", "`null`", "images[9]", "seed.x"])
    def test_nothing_found(self, expression: str) -> None:
        with pytest.raises(UsageError) as caught:
            gathered(f"image_url={{{{{expression}}}}}")
        assert caught.value.message == f"image_url: {{{{{expression}}}}} finds nothing in the JSON on stdin"
        assert caught.value.lines == ("it holds images, seed, scale, prompt, has_nsfw_concepts, none",)
        assert "-t image_url=" in caught.value.hint
        assert not isinstance(caught.value, MalformedInput)

    @pytest.mark.parametrize(
        ("stdin", "told"),
        [
            pytest.param(b"[1, 2]", "it is a list of 2", id="a list"),
            pytest.param(b"{}", "it is {}", id="an empty object"),
            pytest.param(b'"\xc3\xbc"', 'it is "ü"', id="a text"),
            pytest.param(json.dumps(dict.fromkeys(map(str, range(30)))).encode(), "and 18 more", id="many names"),
        ],
    )
    def test_what_there_would_have_been(self, stdin: bytes, told: str) -> None:
        with pytest.raises(UsageError) as caught:
            gathered("a={{x}}", stdin=stdin)
        assert caught.value.lines[0].endswith(told)

    @pytest.mark.parametrize(
        ("stdin", "told", "hint"),
        [
            pytest.param(b"", "stdin is empty", "--from REF", id="empty"),
            pytest.param(b" \n", "stdin is empty", "--from REF", id="white space"),
            pytest.param(b"a cat", "stdin is not JSON", "-t a=", id="no JSON"),
            pytest.param(b'{"a": 1e999}', "stdin is not JSON", "-t a=", id="a number beyond all numbers"),
            pytest.param(b'{"a": 1}\n{"a": 2}', "stdin is not JSON", "-t a=", id="two values"),
        ],
    )
    def test_nothing_to_look_into(self, stdin: bytes, told: str, hint: str) -> None:
        with pytest.raises(UsageError) as caught:
            gathered("a={{x}}", stdin=stdin)
        assert caught.value.message.startswith("a: {{x}} has no result to read from: ")
        assert told in caught.value.message
        assert hint in caught.value.hint

    def test_a_terminal_is_not_waited_for(self) -> None:
        with pytest.raises(UsageError, match="stdin is a terminal") as caught:
            gather(["a={{x}}"], (), Stdin(io.BytesIO(b"{}"), is_terminal=True, say=print))
        assert "--from REF" in caught.value.hint

    @pytest.mark.parametrize("other", ["-", "b:=@-", "b@-", "prompt=@-"])
    def test_stdin_is_claimed_once(self, other: str) -> None:
        for words in ([other, "a={{seed}}"], ["a={{seed}}", other]):
            with pytest.raises(UsageError, match="stdin can be read once"):
                gathered(*words)


class TestPlain:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            (r"a=\{{x}}", "{{x}}"),
            (r"a=\{{x}} and {{y}}", "{{x}} and {{y}}"),
            (r"a=\@{{x}}", "@{{x}}"),
            ("a={{x", "{{x"),
            ("a=x}}", "x}}"),
            ("a={x}", "{x}"),
            ("a=}}{{", "}}{{"),
        ],
    )
    def test_other_braces(self, word: str, expected: str) -> None:
        assert gathered(word, source=Source("nothing", unread)) == {"a": expected}

    def test_raw_text(self) -> None:
        assert gather([], ["a={{x}}"], Stdin(None, is_terminal=False, say=print)) == {"a": "{{x}}"}


class TestSource:
    def test_it_is_read_once_and_only_when_asked(self) -> None:
        asked = []

        def read(item: Item) -> Any:
            asked.append(item.key)
            return {"x": 1}

        source = Source("the past", read)
        gathered("a=1", source=source)
        assert not source.is_read
        gathered("a={{x}}", "b={{x}}", source=source)
        assert source.is_read
        assert asked == ["a"]

    def test_stdin_is_then_free_for_others(self) -> None:
        source = Source("the past", lambda item: {"x": 1})
        assert gathered("-", "a={{x}}", source=source, stdin=b'{"b": 2}') == {"a": 1, "b": 2}

    def test_it_is_named(self) -> None:
        with pytest.raises(UsageError, match="finds nothing in the past"):
            gathered("a={{y}}", source=Source("the past", lambda item: {"x": 1}))

    def test_what_reading_it_raises_is_told(self) -> None:
        with pytest.raises(CliError, match="unread"):
            gathered("a={{y}}", source=Source("nothing", unread))


def unread(item: object) -> Any:
    raise CliError("unread")


def test_jmespath_is_imported_for_an_expression_alone() -> None:
    program = """
import io, sys
from tests.support.inputs import gather
from fal_cli.inputs.items import Item
from fal_cli.inputs.stdin import Stdin
gather(["a=1", "b={{ x", r"c=\\{{x}}"], ["d={{x}}"], Stdin(io.BytesIO(b'{"x": 1}'), is_terminal=False, say=print))
assert "jmespath" not in sys.modules
gather(["a={{x}}"], [], Stdin(io.BytesIO(b'{"x": 1}'), is_terminal=False, say=print))
assert "jmespath" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


QUICK = ("sandbox.queue=0", "sandbox.run=0")


class TestPipe:
    def test_a_result_feeds_the_next_call(self, served: Program) -> None:
        first = served("run", "fal-ai/flux/schnell", "prompt=a kite", "seed=7", *QUICK)
        done = served("run", "fal-ai/esrgan", "image_url={{images[0].url}}", *QUICK, stdin=first.stdout)
        assert json.loads(done.stdout)["image"]["width"] == 2 * json.loads(first.stdout)["images"][0]["width"]

    def test_two_processes_at_once_each_with_a_sandbox_of_its_own(self, fal: Program) -> None:
        """As it is typed: both start together, and the second one waits for the first."""
        first = fal.start("--sandbox", "run", "fal-ai/flux/schnell", "prompt=a kite", *QUICK)
        second = fal.start("--sandbox", "run", "fal-ai/esrgan", "image_url={{media[0]}}", *QUICK, stdin=first.stdout)
        stdout, stderr = second.communicate(timeout=SECONDS)
        assert (first.wait(), second.returncode) == (0, 0), stderr
        assert json.loads(stdout)["image"]["url"]

    def test_nothing_is_sent_for_what_is_not_there(self, served: Program, service: Service) -> None:
        for stdin in (b"", b'{"a": 1}', None):
            done = served("run", "sandbox/echo", "x={{b}}", stdin=stdin, code=2)
            assert "x: " in done.stderr
            assert "{{b}}" in done.stderr
        assert service.accepted == 0


class TestFrom:
    def test_a_request_by_any_of_its_names(self, served: Program) -> None:
        request_id = served("submit", "sandbox/echo", "a.b=7", *QUICK).text.strip()
        for ref in ("last", request_id, request_id[:8], "@1"):
            done = served("run", "sandbox/echo", "x={{a.b}}", "--from", ref, *QUICK)
            assert json.loads(done.stdout) == {"x": 7}
            served("run", "sandbox/echo", "a.b=7", *QUICK)

    def test_stdin_is_left_alone(self, served: Program) -> None:
        served("run", "sandbox/echo", "a=1", *QUICK)
        done = served("run", "sandbox/echo", "-", "x={{a}}", "--from", "last", *QUICK, stdin=b'{"b": 2}')
        assert json.loads(done.stdout) == {"b": 2, "x": 1}

    def test_it_is_not_there_yet(self, served: Program, service: Service) -> None:
        request_id = served("submit", "sandbox/echo", "sandbox.queue=600").text.strip()
        done = served("run", "sandbox/echo", "x={{a}}", "--from", "last", code=8)
        assert f"fal wait {request_id}" in done.stderr
        assert "--wait" not in done.stderr
        assert service.accepted == 1

    def test_there_is_no_such_request(self, served: Program, service: Service) -> None:
        served("run", "sandbox/echo", "x={{a}}", "--from", "last", code=5)
        served("run", "sandbox/echo", "x={{a}}", "--from", "not a ref", code=2)
        assert service.accepted == 0

    def test_it_failed(self, served: Program, service: Service) -> None:
        served("run", "sandbox/echo", "sandbox.fail=500", *QUICK, code=1)
        served("run", "sandbox/echo", "x={{a}}", "--from", "last", code=1)
        assert service.accepted == 1

    def test_no_input_takes_anything_from_it(self, served: Program, service: Service) -> None:
        served("run", "sandbox/echo", "a=1", *QUICK)
        done = served("run", "sandbox/echo", "x=1", "--from", "last", code=2)
        assert "no input uses it" in done.stderr
        assert service.accepted == 1

    def test_what_the_service_dropped_comes_from_the_ledger(self, served: Program) -> None:
        served("run", "sandbox/echo", "a=1", "sandbox.expire=0.2", *QUICK)
        sleep(0.4)
        done = served("run", "sandbox/echo", "x={{a}}", "--from", "last", *QUICK)
        assert json.loads(done.stdout) == {"x": 1}

    def test_a_copy_that_was_cut_short_is_not_used(self, served: Program, service: Service) -> None:
        uri = f"data:image/png;base64,{'A' * 90_000}"
        served("run", "sandbox/echo", f"a={uri}", "sandbox.expire=0.2", *QUICK)
        sleep(0.4)
        done = served("run", "sandbox/echo", "x={{a}}", "--from", "last", code=2)
        assert "cut short" in done.stderr
        assert service.accepted == 1

    def test_a_direct_call_is_only_in_the_ledger(self, served: Program) -> None:
        served("run", "sandbox/echo", "a=1", "--direct")
        done = served("run", "sandbox/echo", "x={{a}}", "--from", "@1", *QUICK)
        assert json.loads(done.stdout) == {"x": 1}
        served("run", "sandbox/echo", "a=1", "--direct", "--private")
        done = served("run", "sandbox/echo", "x={{a}}", "--from", "@3", code=5)
        assert "is stored that values could be read from" in done.stderr

    def test_a_later_failure_is_not_blamed_on_it(self, served: Program) -> None:
        """Only of a result that this command paid for it is said where it is kept."""
        served("run", "sandbox/echo", "a=1", *QUICK)
        done = served("run", "sandbox/echo", "x={{a}}", "sandbox.fail=500", "--from", "last", *QUICK, code=1)
        assert "is kept" not in done.stderr

    def test_rerun(self, served: Program) -> None:
        served("run", "sandbox/echo", "a=1", "b=2", *QUICK)
        done = served("rerun", "last", "b={{a}}", "--from", "last")
        assert json.loads(done.stdout) == {"a": 1, "b": 1}
