"""The schema of one call: it types what is typed, refuses what is wrong, and asks once more before it does."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fal_cli.calls import prepare, validate
from fal_cli.endpoint import parse
from fal_cli.errors import Exit, InputRefused, report
from fal_cli.files.attachment import Attachment
from fal_cli.inputs.stdin import Stdin
from fal_cli.options import CallFlags, InputWords
from tests.catalog.conftest import Clock, Make, Run
from tests.support.catalogue_server import Catalogue, document_bytes
from tests.support.faulty_server import Server, http
from tests.support.inputs import gather

FLUX, VIDEO = parse("fal-ai/flux/dev"), parse("fal-ai/video-upscaler")


def gathered(run: Run, *words: str, target: Any = FLUX) -> dict[str, Any]:
    """What the words of a command line make, checked."""
    known = validate.known(run.context, target, asks=True)
    stdin = Stdin(None, is_terminal=True, say=print)
    schema = known.schema if known else None
    found = gather(words, [], stdin, tell_guess=run.context.talk.decision, schema=schema)
    validate.check(run.context, target, known, found)
    return found


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
        assert "duration=5 is sent as text, as the schema has it" in one.said

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
            "promt: there is no such input; did you mean prompt?",
            "num_images: 9 is too large: the most is 4",
            'output_format: "jpg" is not one of jpeg, png; did you mean jpeg?',
        )
        assert told.hint == "What it takes: fal schema fal-ai/flux/dev. To send it as it is: --no-validate"

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
        assert "warning: by its schema of 30 d ago: num_images: 9 is too large: the most is 4" in one.said

    def test_undocumented_keys_are_told_and_sent(self, run: Make) -> None:
        one = run()
        assert gathered(one, "prompt=a", "steps=3", "cfg=2")["steps"] == 3
        assert "steps, cfg are no documented inputs of fal-ai/flux/dev; sent as given" in one.said

    def test_the_orders_to_a_sandbox_are_no_news(self, run: Make) -> None:
        one = run()
        gathered(one, "prompt=a", "sandbox.queue=0")
        assert "documented" not in one.said


class TestWhatIsAsked:
    def read(self, run: Run, *words: str, given: bytes = b"", dry_run: bool = False) -> Mapping[str, Any]:
        run.context.stdin = Stdin(io.BytesIO(given) if given else None, is_terminal=not given, say=print)
        return prepare.read_inputs(run.context, FLUX, InputWords(items=list(words)), CallFlags(dry_run=dry_run))

    def test_nothing_for_input_that_is_all_json(self, run: Make, server: Server, tmp_path: Path) -> None:
        file = tmp_path / "b.json"
        file.write_text('{"b": 1}')
        self.read(run(), f"@{file}", '{"a": 1}', "-", str(file), given=b'{"num_images": 9}')
        assert server.requests == []

    def test_json_is_checked_by_what_is_kept(self, run: Make, server: Server) -> None:
        gathered(run(), "prompt=a")
        with pytest.raises(InputRefused):
            self.read(run(), '{"prompt": "a", "num_images": 9}')

    def test_a_dry_run_asks_anyway(self, run: Make, server: Server) -> None:
        with pytest.raises(InputRefused):
            self.read(run(), '{"prompt": "a", "num_images": 9}', dry_run=True)
        assert len(server.requests) == 1

    def test_items_ask_once(self, run: Make, server: Server) -> None:
        assert self.read(run(), "prompt=a", "seed=1") == {"prompt": "a", "seed": 1}
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["promt=a cat"], "promt: there is no such input; did you mean prompt?"),
        (["seed=7"], "prompt: is required, as in prompt='…'"),
        (["prompt=a", "num_images=9"], "num_images: 9 is too large: the most is 4"),
        (["prompt=a", "num_images=0"], "num_images: 0 is too small: the least is 1"),
        (["prompt=a", "num_images=two"], 'num_images: expected an integer, not the text "two"'),
        (["prompt=a", "guidance_scale=25"], "guidance_scale: 25 is too large: the most is 20"),
        (["prompt=a", "output_format=jpg"], 'output_format: "jpg" is not one of jpeg, png; did you mean jpeg?'),
        (["prompt=a", "sync_mode=yes"], 'sync_mode: expected true or false, not the text "yes"; did you mean true?'),
        (
            ["prompt=a", "image_size.widht=640"],
            "image_size.widht: there is no such input; did you mean width?",
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
