"""The schema of one call: it types what is typed, refuses what is wrong, and asks once more before it does."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.body import Body
from fal_cli.api.catalog_entry import Search
from fal_cli.api.events import Result
from fal_cli.calls import prepare, validate
from fal_cli.catalog import models
from fal_cli.context import Context
from fal_cli.endpoint import parse, parse_target
from fal_cli.errors import Exit, InputRefused, NotFound, report
from fal_cli.files.attachment import Attachment
from fal_cli.inputs.stdin import Stdin
from fal_cli.ledger.rows import Call
from fal_cli.options import CallFlags, InputWords
from fal_cli.schema import Field, Schema
from fal_cli.schema.values import settled
from fal_cli.terminal.terminal import Streams
from tests.catalog.conftest import Clock, Make, Run
from tests.support.catalogue_server import Catalogue, document_bytes
from tests.support.faulty_server import Server, http
from tests.support.inputs import gather

FLUX, VIDEO = parse("fal-ai/flux/dev"), parse("fal-ai/video-upscaler")


def gathered(run: Run, *words: str, target: Any = FLUX) -> dict[str, Any]:
    """What the words of a command line make, checked."""
    known = validate.look(run.context, target).known
    stdin = Stdin(None, is_terminal=True, say=print)
    schema = known.schema if known else None
    found = gather(words, [], stdin, tell_guess=run.context.talk.decision, schema=schema)
    known = validate.check(run.context, target, known, found)
    validate.tell(run.context, target, known, found)
    return found


def read(run: Run, *words: str, given: bytes = b"", target: Any = FLUX, **flags: Any) -> Mapping[str, Any]:
    """The same through all of the pipeline, with JSON on stdin."""
    run.context.stdin = Stdin(io.BytesIO(given) if given else None, is_terminal=not given, say=print)
    return prepare.read_inputs(run.context, target, InputWords(items=list(words)), CallFlags(**flags)).input_json


class TestTypes:
    def test_the_schema_types_what_is_typed(self, run: Make) -> None:
        words = ("prompt=12345", "num_images=2", "image_size.width=640", "loras.0.path=7", "loras.0.scale=1", "x=5")
        assert gathered(run(), *words) == {
            "prompt": "12345", "num_images": 2, "image_size": {"width": 640}, "loras": [{"path": "7", "scale": 1}],
            "x": 5,
        }  # fmt: skip

    def test_text_that_looks_like_a_number_stays_text_where_the_schema_says_so(self, run: Make) -> None:
        one = run()
        assert gathered(one, "video_url=https://a/b.mp4", "duration=5", target=VIDEO)["duration"] == "5"
        assert "duration=5 is sent as text, as the schema says" in one.said

    def test_a_file_for_a_list_of_files_is_a_list_of_one(self, run: Make) -> None:
        found = gathered(run(), "video_url@a.mp4", "reference_image_urls=@a.png", target=VIDEO)
        assert found["reference_image_urls"] == [Attachment(key="reference_image_urls", path=Path("a.png"))]

    def test_without_a_schema_the_guess_holds(self, run: Make) -> None:
        one = run()
        assert gathered(one, "prompt=5", "seed=7", "loras=[1]", target=parse("a/b")) == {
            "prompt": "5", "seed": 7, "loras": "[1]",
        }  # fmt: skip
        assert "seed=7 is sent as 7, not as text (for text: -t seed=7)" in one.said


class TestRefusals:
    def test_what_is_wrong_is_told_by_field_with_code_4(self, run: Make) -> None:
        with pytest.raises(InputRefused) as caught:
            gathered(run(), "promt=a cat", "num_images=9", "output_format=jpg")
        told = report(caught.value)
        assert told.code == Exit.INPUT_REFUSED == 4
        assert told.message == "the input does not fit fal-ai/flux/dev, so nothing was sent"
        assert told.lines == (
            "promt: no such input; did you mean prompt?",
            "num_images: 9 is too large: at most 4",
            'output_format: "jpg" is not one of jpeg, png; did you mean jpeg?',
        )
        assert told.hint == "See its inputs: fal schema fal-ai/flux/dev. To send it as it is: --no-validate"

    def test_today_is_asked_before_refusing_by_what_was_kept(
        self,
        run: Make,
        server: Server,
        api: Catalogue,
        clock: Clock,
    ) -> None:
        gathered(run(), "prompt=a")
        clock(3600)
        api.documents[str(FLUX)] = document_bytes("flux_dev").replace(b'"maximum": 4,', b'"maximum": 40,')
        assert gathered(run(), "prompt=a", "num_images=9")["num_images"] == 9
        assert len(server.requests) == 2

    def test_today_is_asked_once_and_not_again_at_once(
        self,
        run: Make,
        server: Server,
    ) -> None:
        for _ in range(2):
            with pytest.raises(InputRefused):
                gathered(run(), "prompt=a", "num_images=9")
        assert len(server.requests) == 1

    def test_what_is_kept_refuses_where_nobody_answers(
        self,
        run: Make,
        api: Catalogue,
        clock: Clock,
    ) -> None:
        gathered(run(), "prompt=a")
        clock(3600)
        api.replies["/v1/models"] = http(503, {"detail": "down"})
        with pytest.raises(InputRefused):
            gathered(run(), "prompt=a", "num_images=9")

    def test_what_is_older_than_a_week_only_warns(
        self,
        run: Make,
        api: Catalogue,
        clock: Clock,
    ) -> None:
        gathered(run(), "prompt=a")
        clock(30 * 86_400)
        api.replies["/v1/models"] = http(503, {"detail": "down"})
        one = run()
        gathered(one, "prompt=a", "num_images=9")
        assert "warning: by its schema of 30 d ago: num_images: 9 is too large: at most 4" in one.said

    def test_undocumented_keys_are_told_and_sent(self, run: Make) -> None:
        one = run()
        assert gathered(one, "prompt=a", "steps=3", "cfg=2")["steps"] == 3
        assert "steps, cfg are not documented inputs of fal-ai/flux/dev; sent as given" in one.said

    def test_the_orders_to_a_sandbox_are_no_news(self, run: Make) -> None:
        one = run()
        gathered(one, "prompt=a", "sandbox.queue=0")
        assert "documented" not in one.said


class TestWhatIsAsked:
    @pytest.mark.parametrize("is_kept", [True, False])
    @pytest.mark.parametrize("word", ['{"prompt": "a", "num_images": 9}', "-"])
    def test_json_is_checked_whatever_is_kept(self, run: Make, server: Server, word: str, is_kept: bool) -> None:
        """The same call has the same answer on every machine."""
        if is_kept:
            gathered(run(), "prompt=a")
        with pytest.raises(InputRefused):
            read(run(), word, given=b'{"prompt": "a", "num_images": 9}')
        assert len(server.requests) == 1

    def test_json_that_is_right_is_sent_as_it_is(self, run: Make, server: Server, tmp_path: Path) -> None:
        file = tmp_path / "b.json"
        file.write_text('{"seed": "42", "sync_mode": "off"}')
        found = read(run(), f"@{file}", '{"prompt": "x"}', "-", given=b'{"num_images": "2", "extra": [1]}')
        assert found == {"num_images": "2", "extra": [1], "seed": "42", "sync_mode": "off", "prompt": "x"}
        assert len(server.requests) == 1

    def test_items_ask_once(self, run: Make, server: Server) -> None:
        assert read(run(), "prompt=a", "seed=1") == {"prompt": "a", "seed": 1}
        assert len(server.requests) == 1

    def test_without_the_check_types_are_still_the_schemas(self, run: Make, server: Server) -> None:
        found = read(run(), "prompt=12345", "num_images=9", "image_size.widht=1", no_validate=True)
        assert found == {"prompt": "12345", "num_images": 9, "image_size": {"widht": 1}}
        assert len(server.requests) == 1

    def test_nothing_where_nothing_is_typed_and_nothing_checked(self, run: Make, server: Server) -> None:
        assert read(run(), '{"num_images": 9}', no_validate=True) == {"num_images": 9}
        assert server.requests == []


class TestAChoiceInAnotherType:
    def test_a_number_becomes_the_text_that_it_stands_for(self, run: Make) -> None:
        one = run()
        found = read(one, '{"video_url": "https://a/b.mp4", "duration": 5}', target=VIDEO)
        assert found["duration"] == "5"
        assert 'duration: 5 is sent as the text "5", as the schema says' in one.said

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            (Field("x", ("string",), choices=("5", "10")), 5, "5"),
            (Field("x", ("string",), choices=("5", "10")), 5.0, "5"),
            (Field("x", ("string",), choices=("5", "10")), 7, 7),
            (Field("x", ("string",), choices=("auto", "true")), True, "true"),
            (Field("x", ("integer",), choices=(5, 10)), "5", "5"),
            (Field("x", choices=("5", 5)), 5, 5),
            (Field("x", ("array",), item=Field("", ("string",), choices=("5",))), [5, "5"], ["5", "5"]),
            (Field("x", ("object",), properties=(Field("y", ("string",), choices=("5",)),)), {"y": 5, "z": 5},
             {"y": "5", "z": 5}),
            (Field("x", ("string", "integer"), choices=("5",),
                   alternatives=(Field("x", ("string",), choices=("5",)), Field("x", ("integer",)))), 5, 5),
        ],
    )  # fmt: skip
    def test_what_is_changed_and_what_is_not(self, field: Field, value: Any, expected: Any) -> None:
        told: list[str] = []
        found = settled(Schema((field,)), {"x": value, "unknown": 5}, told.append)
        assert found == {"x": expected, "unknown": 5}
        assert type(found["x"]) is type(expected)
        assert bool(told) is (expected != value or type(expected) is not type(value))


class TestAForgottenAt:
    """A path of this machine where a file's URL is wanted is not sent to a paid call."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "my photo.png").write_bytes(b"x")
        (tmp_path / "photo.png").write_bytes(b"x")
        return tmp_path

    @pytest.mark.parametrize(
        ("word", "line"),
        [
            ("video_url=photo.png", "video_url: photo.png is a file here: video_url=@photo.png"),
            ("video_url=./photo.png", "video_url: ./photo.png is a file here: video_url=@./photo.png"),
            ("video_url=~/photo.png", "video_url: ~/photo.png is a file here: video_url=@'~/photo.png'"),
            ("video_url=my photo.png", "video_url: my photo.png is a file here: video_url=@'my photo.png'"),
            ('{"video_url": "photo.png"}', "video_url: photo.png is a file here: video_url=@photo.png"),
            ("video_url=file:///gone.png", "video_url: file:///gone.png names a file on this machine, which the service"
             " cannot read"),
            ("mask_url=photo.png", "mask_url: photo.png is a file here: mask_url=@photo.png"),
            ("image_urls[]=photo.png", "image_urls: photo.png is a file here: image_urls=@photo.png"),
            ("x.0.audio_url=photo.png", "x.0.audio_url: photo.png is a file here: x.0.audio_url=@photo.png"),
        ],
    )  # fmt: skip
    def test_it_is_refused(self, run: Make, word: str, line: str) -> None:
        words = [word] if "video_url" in word else ["video_url=https://a/b.mp4", word]
        with pytest.raises(InputRefused) as caught:
            read(run(), *words, target=VIDEO)
        told = report(caught.value)
        assert (told.code, told.lines, told.hint) == (4, (line,), "To send it as it is: --no-validate")

    def test_a_file_url_of_a_file_that_is_there(self, run: Make, folder: Path) -> None:
        with pytest.raises(InputRefused) as caught:
            read(run(), f"video_url=file://{folder}/my%20photo.png", target=VIDEO)
        assert report(caught.value).lines == (
            f"video_url: {folder}/my photo.png is a file here: video_url=@'{folder}/my photo.png'",
        )

    def test_without_a_schema_the_name_tells(self, run: Make) -> None:
        with pytest.raises(InputRefused):
            read(run(), "image_url=photo.png", target=parse("private/app"))
        assert read(run(), "picture=photo.png", target=parse("private/app")) == {"picture": "photo.png"}

    @pytest.mark.parametrize(
        "words",
        [
            ["prompt=photo.png"], ["prompt=./photo.png"], ["prompt=x", "other=photo.png"],
            ["prompt=x", "output_format=png"], ["prompt=x", "image_url=https://a/photo.png"],
            ["prompt=x", "image_url=data:image/png;base64,AAAA"], ["prompt=x", "image_url=HTTPS://a/photo.png"],
            ["prompt=x", "loras.0.path=owner/name"],
        ],
    )  # fmt: skip
    def test_plain_texts_and_urls_are_left_alone(self, run: Make, folder: Path, words: list[str]) -> None:
        (folder / "png").write_bytes(b"x")
        one = run()
        read(one, *words)
        assert "is a file here" not in one.said
        assert "neither" not in one.said

    @pytest.mark.parametrize("text", ["./gone", "gone.png", "/tmp/gone.x", "~/gone", "example.com/a.png"])
    def test_what_only_looks_like_a_path_is_told_and_sent(self, run: Make, text: str) -> None:
        one = run()
        assert read(one, "prompt=x", f"image_url={text}")["image_url"] == text
        assert f"image_url: {text} is neither a URL nor a file here; it is sent as it is" in one.said

    def test_an_app_on_this_machine_may_read_it(self, run: Make, server: Server) -> None:
        one = run()
        assert read(one, "image_url=photo.png", target=parse_target(server.url)) == {"image_url": "photo.png"}
        assert "photo.png is a file here: image_url=@photo.png" in one.said

    def test_it_can_be_sent(self, run: Make) -> None:
        assert read(run(), "video_url=photo.png", target=VIDEO, no_validate=True) == {"video_url": "photo.png"}


class TestAPerson:
    """Somebody at a terminal hears what is wrong before they are asked for what is missing."""

    def asked(self, run: Make, typed: bytes, *words: str, target: Any = FLUX) -> tuple[Mapping[str, Any], str]:
        one = run()
        streams = Streams(io.BytesIO(typed), io.BytesIO(), one.stderr, True, False, True)
        one.context = Context(streams, one.context.env)
        try:
            made = prepare.read_inputs(one.context, target, InputWords(items=list(words)), CallFlags())
            return made.input_json, one.said
        except InputRefused as error:
            return {}, one.said + "\n".join(error.lines)

    def test_a_wrong_key_before_a_question(self, run: Make) -> None:
        found, said = self.asked(run, b"a cat\n", "promt=x")
        assert (found, said) == ({}, "promt: no such input; did you mean prompt?")

    def test_a_wrong_value_before_a_question(self, run: Make) -> None:
        found, said = self.asked(run, b"a cat\n", "num_images=9")
        assert (found, said) == ({}, "num_images: 9 is too large: at most 4")

    def test_what_is_missing_is_asked_for(self, run: Make) -> None:
        found, said = self.asked(run, b"a cat\n", "seed=1")
        assert found == {"seed": 1, "prompt": "a cat"}
        assert said.count("prompt:") == 1

    def test_a_file_for_a_list_is_a_list(self, run: Make, api: Catalogue, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"x")
        api.documents[str(FLUX)] = (
            document_bytes("odd_files")
            .replace(b"/acme/files", b"/fal-ai/flux/dev")
            .replace(
                b'"type": "object",\n    "title": "Input"',
                b'"required": ["image_urls"], "type": "object",\n    "title": "Input"',
            )
        )
        found, _ = self.asked(run, f"{tmp_path}/a.png\n".encode(), "lyrics=x")
        assert found["image_urls"] == [Attachment(key="image_urls", path=tmp_path / "a.png")]


class TestAnUnknownEndpoint:
    NEAR = parse("fal-ai/flux/dve")

    def test_one_that_is_nearly_a_known_one_is_refused_before_anything_leaves(self, run: Make, server: Server) -> None:
        with pytest.raises(NotFound) as caught:
            read(run(), "image_url=@photo.png", target=self.NEAR)
        told = report(caught.value)
        assert (told.code, told.message) == (5, "no endpoint fal-ai/flux/dve, so nothing was sent")
        assert told.hint == "Did you mean fal-ai/flux/dev? To send it as it is: --no-validate"
        assert {seen.target.partition("?")[0] for seen in server.requests} == {"/v1/models"}

    def test_it_stays_so_and_is_asked_again_before(self, run: Make, api: Catalogue, server: Server) -> None:
        for _ in range(2):
            with pytest.raises(NotFound):
                read(run(), "a=1", target=self.NEAR)
        searches = [seen for seen in server.requests if "q=" in seen.target]
        assert len(searches) == 1, "what the search listed is kept"
        api.documents[str(self.NEAR)] = document_bytes("flux_dev")
        api.unlisted.add(str(self.NEAR))
        assert read(run(), '{"prompt": "x"}', target=self.NEAR) == {"prompt": "x"}

    @pytest.mark.parametrize(
        "name",
        ["far/off", "private/app", "fal-ai/flux/dev2", "fal-ai/flux-2/dev", "workflows/fal-ai/flux-dve", "fal-ai/flux"],
    )
    def test_what_may_be_somebodys_own_is_sent(self, run: Make, name: str) -> None:
        assert read(run(), "a=1", target=parse(name)) == {"a": 1}

    def test_it_is_told(self, run: Make) -> None:
        one, later = run(), run()
        read(one, "a=1", target=parse("far/off"))
        assert "the service does not list far/off; sent anyway" in one.said
        read(later, "a=1", target=parse("far/off"))
        assert "does not list" not in later.said

    def test_what_has_run_before_is_never_refused(self, run: Make) -> None:
        one = run()
        entry = one.context.journal.begin(Call(str(self.NEAR), {}))
        entry.completed(Result(Body(b"{}"), "application/json", "r-1"), request_id="r-1")
        assert read(run(), "a=1", target=self.NEAR) == {"a": 1}

    def test_one_that_is_listed_is_not_unknown_whatever_one_answer_says(self, run: Make, api: Catalogue) -> None:
        list(models.models(run().context, Search()))
        api.replies["/v1/models"] = http(404, {"error": {"type": "not_found", "message": "no"}})
        one = run()
        assert read(one, "prompt=a") == {"prompt": "a"}
        assert "does not list" not in one.said

    def test_where_the_service_cannot_be_searched_it_is_sent(self, run: Make, api: Catalogue) -> None:
        api.search_reply = http(503, {"detail": "down"})
        assert read(run(), "a=1", target=self.NEAR) == {"a": 1}

    def test_without_the_check_it_is_sent(self, run: Make) -> None:
        assert read(run(), "a=1", target=self.NEAR, no_validate=True) == {"a": 1}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["promt=a cat"], "promt: no such input; did you mean prompt?"),
        (["seed=7"], "prompt: is required, as in prompt='…'"),
        (["prompt=a", "num_images=9"], "num_images: 9 is too large: at most 4"),
        (["prompt=a", "num_images=0"], "num_images: 0 is too small: at least 1"),
        (["prompt=a", "num_images=two"], 'num_images: expected an integer, not the text "two"'),
        (["prompt=a", "guidance_scale=25"], "guidance_scale: 25 is too large: at most 20"),
        (["prompt=a", "output_format=jpg"], 'output_format: "jpg" is not one of jpeg, png; did you mean jpeg?'),
        (["prompt=a", "sync_mode=yeah"], 'sync_mode: expected true or false, not the text "yeah"'),
        (["prompt=a", 'num_images="2"'], "num_images: expected an integer, not the text '\"2\"'; did you mean 2?"),
        (
            ["prompt=a", "image_size=512x512"],
            'image_size: "512x512" is not one of square_hd, square, portrait_4_3, portrait_16_9, landscape_4_3, '
            "landscape_16_9, or an object with width and height; did you mean image_size.width=512 "
            "image_size.height=512?",
        ),
        (
            ["prompt=a", "image_size.widht=640"],
            "image_size.widht: no such input; did you mean width?",
        ),
        (
            ["prompt=a", "image_size=landscape"],
            'image_size: "landscape" is not one of square_hd, square, portrait_4_3, portrait_16_9, landscape_4_3, '
            "landscape_16_9, or an object with width and height; did you mean landscape_4_3?",
        ),
        (["prompt=a", "num_inference_steps=28.5"], 'num_inference_steps: expected an integer, not the text "28.5"'),
    ],
)
def test_wrong_inputs_to_flux(run: Make, words: list[str], line: str) -> None:
    with pytest.raises(InputRefused) as caught:
        gathered(run(), *words)
    assert [told.partition("; did you mean 28?")[0] for told in report(caught.value).lines] == [line]
