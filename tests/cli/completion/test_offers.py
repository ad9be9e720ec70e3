"""What is offered at the cursor, whatever the shell."""

from pathlib import Path

import pytest

from fal_cli.catalog import store
from fal_cli.cli.completion import values
from fal_cli.config import aliases, paths
from fal_cli.files.cache import Cache
from fal_cli.ledger import batches
from fal_cli.ledger.rows import Call, State
from fal_cli.ledger.store import Ledger
from tests.cli.completion.conftest import Offer
from tests.support.catalogue_server import document_bytes
from tests.support.filled_home import FIRST, OPEN, SECOND, keep_catalogue


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param(["ru"], ["run"], id="verb"),
        pytest.param(["sandbox", "s"], ["start", "stop", "status", "serve", "stats"], id="subverb"),
        pytest.param(["--sandbox", "sta"], ["status"], id="after-a-flag"),
        pytest.param(["--profile", "run", "can"], ["cancel"], id="a-value-is-no-verb"),
        pytest.param(["run", "x/y", "--on-t"], ["--on-timeout"], id="option"),
        pytest.param(["run", "x/y", "--on-timeout", ""], ["detach", "cancel"], id="choice"),
        pytest.param(["run", "--on-timeout=c"], ["--on-timeout=cancel"], id="choice-after-equals"),
        pytest.param(["run", "-q", "--on-timeout", "detach", "--on-"], ["--on-interrupt"], id="given-options-are-over"),
        pytest.param(["run", "-o", "x", "--outp"], [], id="also-by-their-short-names"),
        pytest.param(["run", "x/y", "--ta"], ["--tag"], id="repeatable-option"),
        pytest.param(["run", "x/y", "--tag", "a=b", "--ta"], ["--tag"], id="repeatable-option-again"),
        pytest.param(["status", "--sand"], ["--sandbox"], id="the-programs-own"),
        pytest.param(["run", "--", "--on-t"], [], id="no-options-after-two-dashes"),
        pytest.param(["completion", "f"], ["fish"], id="shell"),
        pytest.param(["completion", "install", "z"], ["zsh"], id="shell-to-install"),
        pytest.param(["help", "exi"], ["exit-codes"], id="topic"),
        pytest.param(["help", "sub"], ["submit"], id="command-to-explain"),
        pytest.param(["config", "set", "pri"], ["private"], id="setting"),
        pytest.param(["config", "set", "private", ""], ["true", "false"], id="its-value"),
        pytest.param(["config", "set", "profile", ""], ["work", "home"], id="a-profile-as-a-value"),
        pytest.param(["auth", "switch", "w"], ["work"], id="profile"),
        pytest.param(["--profile", ""], ["work", "home"], id="profile-option"),
        pytest.param(["history", "--state", "f"], ["failed"], id="state"),
        pytest.param(["models", "--category", "l"], ["llm"], id="category"),
        pytest.param(["upload", "--expires", "3"], ["30d"], id="expiry"),
        pytest.param(["nonsense", "\udcff"], [], id="nonsense"),
        pytest.param(["run", "x/y", "--no-such", ""], [], id="unknown-option"),
    ],
)
def test_words(offer: Offer, words: list[str], offered: list[str]) -> None:
    assert list(offer(*words)) == offered


def test_hidden_verbs_are_not_offered(offer: Offer) -> None:
    assert "run" in offer("")
    assert "subscribe" not in offer("")
    assert list(offer("subscribe", "--on-t")) == ["--on-timeout"]


@pytest.mark.parametrize(
    "words",
    [
        *(["batch", verb, ""] for verb in ("status", "resume", "retry", "cancel", "export", "rm")),
        *([verb, "--batch", ""] for verb in ("history", "gallery", "resume")),
        ["history", "--batch="],
    ],
    ids=" ".join,
)
def test_the_names_of_batches(offer: Offer, env: dict[str, str], words: list[str]) -> None:
    assert not offer(*words)
    ledger = Ledger(paths.state_folder(env) / "ledger.db")
    for name in ("cats", "dogs"):
        batches.make(ledger, name, ["fal-ai/flux/dev"], "a.csv", {})
    beginning = "--batch=" if words[-1] else ""
    assert list(offer(*words).items()) == [(f"{beginning}{name}", "fal-ai/flux/dev") for name in ("dogs", "cats")]


class TestEndpoints:
    def test_those_called_lately_are_first(self, offer: Offer) -> None:
        assert list(offer("run", "")) == [
            "fal-ai/flux/dev", "fal-ai/any-llm", "fal-ai/flux/schnell", "fal-ai/video-upscaler",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("state", "error", "is_offered"),
        [
            (State.REFUSED, 'Application "flux" not found', False),
            (State.FAILED, "Path /dve not found", False),
            (State.FAILED, "Not Found", False),
            (State.FAILED, "the model broke", True),
            (State.REFUSED, "the input was refused", True),
            (State.UNKNOWN, "", True),
        ],
    )
    def test_a_name_that_the_service_knows_nothing_under_is_not_offered(
        self, offer: Offer, env: dict[str, str], state: State, error: str, is_offered: bool
    ) -> None:
        ledger = Ledger(paths.state_folder(env) / "ledger.db")
        for _ in range(2):
            ledger.ended(ledger.begin(Call("fal-ai/flux/dve", {})), state, error)
        assert bool(offer("run", "fal-ai/flux/dv")) is is_offered
        ledger.completed(ledger.begin(Call("fal-ai/flux/dve", {})), size=1, kept=None)
        assert offer("run", "fal-ai/flux/dv"), "it was there once"

    def test_are_described(self, offer: Offer) -> None:
        assert offer("schema", "fal-ai/v") == {"fal-ai/video-upscaler": "Vidéo ↑, video-to-video, deprecated"}

    def test_are_found_by_a_part_that_all_have_in_common(self, offer: Offer) -> None:
        assert list(offer("run", "schnell")) == ["fal-ai/flux/schnell"]
        assert list(offer("run", "flux")) == ["fal-ai/flux/dev", "fal-ai/flux/schnell"]

    def test_what_was_typed_is_never_lost_from_the_line(self) -> None:
        assert values._alike("llm", ["a/llm", "b/llm"]) == []
        assert values._alike("llm", ["a/llm/x", "a/llm/y"]) == ["a/llm/x", "a/llm/y"]

    def test_a_servers_hostile_name_is_left_out(self, offer: Offer) -> None:
        assert not offer("run", "evil")

    def test_those_of_the_host_that_is_set(self, offer: Offer, env: dict[str, str]) -> None:
        assert list(offer("run", "fal-ai/flux/s", FAL_API_HOST="http://127.0.0.1:8704")) == []
        keep_catalogue(env, "http://127.0.0.1:8704")
        assert list(offer("run", "fal-ai/flux/s", FAL_API_HOST="http://127.0.0.1:8704")) == ["fal-ai/flux/schnell"]

    def test_those_of_the_profiles_own_host(self, offer: Offer, env: dict[str, str]) -> None:
        from fal_cli.auth import profiles

        profiles.set_host(profiles.path_of(env), "home", "api", "https://api.example")
        assert list(offer("--profile", "home", "run", "fal-ai/flux/s")) == []
        keep_catalogue(env, "https://api.example")
        assert list(offer("--profile", "home", "run", "fal-ai/flux/s")) == ["fal-ai/flux/schnell"]

    def test_the_sandboxs_are_apart(self, offer: Offer) -> None:
        assert not offer("--sandbox", "run", "")
        assert not offer("run", "", FAL_SANDBOX="1")


class TestListsOfEndpoints:
    """The endpoints of a batch, with commas between them."""

    def test_the_part_behind_the_last_comma(self, offer: Offer) -> None:
        assert list(offer("batch", "fal-ai/flux/dev,fal-ai/flux/s")) == ["fal-ai/flux/dev,fal-ai/flux/schnell"]
        assert offer("batch", "a/b,c/d,fal-ai/v") == {
            "a/b,c/d,fal-ai/video-upscaler": "Vidéo ↑, video-to-video, deprecated"
        }

    def test_those_before_it_and_the_verbs_are_not_offered(self, offer: Offer) -> None:
        behind = ["fal-ai/any-llm", "fal-ai/flux/schnell", "fal-ai/video-upscaler"]
        assert list(offer("batch", "fal-ai/flux/dev,")) == [f"fal-ai/flux/dev,{endpoint}" for endpoint in behind]

    def test_aliases(self, offer: Offer, env: dict[str, str]) -> None:
        aliases.put(env, aliases.checked("poster", "fal-ai/flux/dev", (), ""))
        assert offer("batch", "fal-ai/any-llm,po") == {"fal-ai/any-llm,poster": "fal-ai/flux/dev"}
        assert list(offer("batch", "poster,fal-ai/a")) == ["poster,fal-ai/any-llm"]

    def test_are_found_by_a_part(self, offer: Offer) -> None:
        assert list(offer("batch", "fal-ai/any-llm,schnell")) == ["fal-ai/any-llm,fal-ai/flux/schnell"]

    def test_a_command_of_one_endpoint_takes_no_list(self, offer: Offer) -> None:
        assert not offer("run", "fal-ai/flux/dev,fal-ai/flux/s")

    def test_their_inputs_are_those_of_all(self, offer: Offer, env: dict[str, str]) -> None:
        offered = list(offer("batch", "fal-ai/flux/dev,fal-ai/video-upscaler", "list.csv", ""))
        assert offered.count("prompt=") == 1
        assert "video_url=" in offered
        aliases.put(env, aliases.checked("poster", "fal-ai/flux/dev", (), ""))
        offered = list(offer("batch", "unknown/app,poster", "list.csv", "output_format="))
        assert offered == ["output_format=jpeg", "output_format=png"]


class TestInputs:
    def test_required_ones_are_first(self, offer: Offer) -> None:
        offered = offer("run", "fal-ai/flux/dev", "")
        assert list(offered)[:4] == ["prompt=", "image_size=", "image_size.", "num_inference_steps="]
        assert offered["prompt="] == "required: What the picture shows."
        assert offered["num_inference_steps="].startswith("default 28: ")

    def test_given_ones_are_not_offered_again(self, offer: Offer) -> None:
        assert "prompt=" not in offer("run", "fal-ai/flux/dev", "prompt=x", "")
        assert "prompt=" not in offer("run", "fal-ai/flux/dev", "-i", "prompt=x", "-i", "")
        assert "prompt=" not in offer("run", "fal-ai/flux/dev", "-t", "prompt=x", "")

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            pytest.param("output_format=", ["output_format=jpeg", "output_format=png"], id="choices"),
            pytest.param("output_format:=p", ["output_format:=png"], id="after-colon-equals"),
            pytest.param("sync_mode=", ["sync_mode=true", "sync_mode=false"], id="truth"),
            pytest.param("num_images=", ["num_images=1"], id="default"),
            pytest.param("image_size.", ["image_size.width=", "image_size.height="], id="parts"),
            pytest.param("loras.0.", ["loras.0.path=", "loras.0.scale="], id="parts-of-a-list"),
            pytest.param("prompt=", [], id="any-text"),
            pytest.param("prompt=a=b", [], id="text-with-equals"),
            pytest.param("nonsense=", [], id="unknown"),
            pytest.param("{", [], id="document"),
        ],
    )
    def test_values(self, offer: Offer, typed: str, offered: list[str]) -> None:
        assert list(offer("run", "fal-ai/flux/dev", typed)) == offered

    def test_of_a_request_that_is_made_again(self, offer: Offer) -> None:
        assert list(offer("rerun", "last", "pro")) == ["prompt="]
        assert list(offer("rerun", SECOND[:8], "pro")) == ["prompt="]

    def test_of_an_app_on_this_machine(self, offer: Offer, env: dict[str, str]) -> None:
        folder = store.folder_of(env, store._LOCAL) / "schemas"
        document = document_bytes("flux_dev").replace(b"/fal-ai/flux/dev", b"/draw")
        Cache(folder).write("http://localhost:8080", document, seconds=0, facts={})
        assert list(offer("run", "http://localhost:8080/draw", "pro")) == ["prompt="]

    def test_texts_alone_after_t(self, offer: Offer) -> None:
        assert list(offer("run", "fal-ai/flux/dev", "-t", "")) == ["prompt=", "image_url="]

    def test_without_a_schema_those_of_the_last_call(self, offer: Offer, tmp_path: Path) -> None:
        for kept in (tmp_path / "fal" / "cache").rglob("schemas/*"):
            kept.unlink()
        assert list(offer("run", "fal-ai/flux/dev", "seed=1", "")) == ["prompt="]


class TestListsOfABatch:
    def test_files_until_one_is_there(self, offer: Offer) -> None:
        assert list(offer("batch", "fal-ai/flux/dev", "pl")) == ["plain.png"]
        offered = list(offer("batch", "fal-ai/flux/dev", "prompt=x", ""))
        assert offered[:1] == ["c: d=e.png"]
        assert "image_size=" in offered
        assert not offer("batch", "fal-ai/flux/dev", "cats.csv", "pl")
        assert list(offer("batch", "fal-ai/flux/dev", "cats.csv", "--rows", "pl")) == ["plain.png"]


class TestFiles:
    @pytest.mark.parametrize(
        ("words", "offered"),
        [
            pytest.param(["run", "x/y", "image_url=@my"], ["image_url=@my photo.jpg"], id="after-equals-at"),
            pytest.param(["run", "x/y", "image_url=my"], [], id="not-before-at"),
            pytest.param(["run", "x/y", "image_url=@fol"], ["image_url=@folder of files/"], id="folder"),
            pytest.param(["run", "x/y", "a@folder of files/"], ["a@folder of files/inner one.png"], id="in-a-folder"),
            pytest.param(["run", "x/y", "a:=@pl"], ["a:=@plain.png"], id="json"),
            pytest.param(["run", "x/y", "@pl"], ["@plain.png"], id="document"),
            pytest.param(["run", "x/y", "-i", "a@pl"], ["a@plain.png"], id="option"),
            pytest.param(["run", "x/y", "-o", "pl"], ["plain.png"], id="output"),
            pytest.param(["run", "x/y", "--output=pl"], ["--output=plain.png"], id="output-equals"),
            pytest.param(["run", "x/y", "-d", ""], ["folder of files/"], id="folders-alone"),
            pytest.param(["upload", "it"], ["it's $5.png"], id="upload"),
            pytest.param(["upload", "."], [".hidden"], id="hidden"),
            pytest.param(["upload", "no/such/"], [], id="no-folder"),
            pytest.param(["webhook", "verify", "--body", "pl"], ["plain.png"], id="any-option-that-takes-one"),
        ],
    )
    def test_files(self, offer: Offer, words: list[str], offered: list[str]) -> None:
        assert list(offer(*words)) == offered

    def test_an_input_that_takes_a_file(self, offer: Offer) -> None:
        assert "video_url=@plain.png" in offer("run", "fal-ai/video-upscaler", "video_url=")
        assert "image_url=@plain.png" in offer("run", "unknown/endpoint", "image_url=")

    def test_home(self, offer: Offer, tmp_path: Path) -> None:
        assert list(offer("upload", "~")) == ["~/"]

    def test_a_name_that_no_line_can_hold(self, offer: Offer) -> None:
        Path("zeile\nzwei").write_bytes(b"")
        Path("z\udcff").write_bytes(b"")
        assert list(offer("upload", "z")) == ["z\udcff"]


class TestRequests:
    def test_newest_first_with_endpoint_and_prompt(self, offer: Offer) -> None:
        offered = offer("result", "")
        assert list(offered) == ["last", OPEN, SECOND, FIRST]
        assert offered[FIRST] == "fal-ai/flux/dev: a cat · just now"
        assert offered[SECOND] == 'fal-ai/flux/dev: a "dog" ␛[31m%s: new: line · just now'
        assert offered[OPEN] == "fal-ai/flux/dev: still running · unfinished, just now"

    def test_by_their_beginning(self, offer: Offer) -> None:
        assert list(offer("status", FIRST[:2])) == [FIRST]

    def test_unfinished_ones_where_only_these_make_sense(self, offer: Offer) -> None:
        assert list(offer("cancel", "")) == ["last", OPEN]

    def test_calls_without_an_id(self, offer: Offer) -> None:
        assert list(offer("history", "show", ""))[:3] == ["last", OPEN, "@3"]
        assert list(offer("history", "show", "@"))[:1] == ["@3"]

    def test_not_twice(self, offer: Offer) -> None:
        assert list(offer("wait", OPEN, "")) == ["last", SECOND, FIRST]

    def test_beside_an_endpoint(self, offer: Offer) -> None:
        assert list(offer("status", "fal-ai/flux/dev", "0")) == [FIRST]
        assert not offer("status", "fal-ai/any-llm", "0")
        assert list(offer("status", "fal-ai/a")) == ["fal-ai/any-llm"]

    def test_a_private_call_tells_nothing(self, offer: Offer, env: dict[str, str]) -> None:
        from fal_cli.config import paths
        from fal_cli.ledger.rows import Call
        from fal_cli.ledger.store import Ledger

        ledger = Ledger(paths.state_folder(env) / "ledger.db")
        row = ledger.begin(Call("fal-ai/flux/dev", {"prompt": "a secret"}, is_private=True))
        ledger.accepted(row, "9f-private", {})
        assert offer("status", "9") == {"9f-private": "fal-ai/flux/dev · unfinished, just now"}
