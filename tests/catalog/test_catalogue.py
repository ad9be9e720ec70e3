"""What is known of endpoints: asked for once, kept with an age, used when nobody answers, never in the way."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.catalog_entry import Model, Search
from fal_cli.api.errors import NotReached, Unavailable
from fal_cli.catalog import models, schemas, store
from fal_cli.cli import endpoint_help
from fal_cli.context import Context
from fal_cli.endpoint import parse, parse_target
from fal_cli.errors import CliError, Exit
from tests.catalog.conftest import Clock, Make
from tests.support.catalogue_server import Catalogue, document, document_bytes
from tests.support.faulty_server import Server, answer, close, http, pause, read_request, refusing_port, stall

FLUX = parse("fal-ai/flux/dev")
WEEK, HOUR = 7 * 86_400.0, 3600.0


class TestSchemaFor:
    def test_it_is_asked_for_once_a_week(self, run: Make, server: Server, clock: Clock) -> None:
        for _ in range(3):
            known = schemas.schema_for(run().context, FLUX)
            assert known is not None
            assert known.schema.inputs[0].name == "prompt"
        assert len(server.requests) == 1
        clock(WEEK + 60)
        assert schemas.schema_for(run().context, FLUX) is not None
        assert len(server.requests) == 2

    def test_without_a_key(self, run: Make, server: Server) -> None:
        assert schemas.schema_for(run().context, FLUX) is not None
        assert "authorization" not in server.requests[0].headers

    def test_with_the_key_if_there_is_one(self, run: Make, server: Server) -> None:
        assert schemas.schema_for(run(FAL_KEY="id:secret").context, FLUX) is not None
        assert server.requests[0].headers["authorization"] == "Key id:secret"

    def test_refresh_asks_again(self, run: Make, server: Server, api: Catalogue) -> None:
        schemas.schema_for(run().context, FLUX)
        api.documents[str(FLUX)] = b'{"paths": {}}'
        known = schemas.schema_for(run().context, FLUX, refresh=True)
        assert known is not None
        assert known.document == b'{"paths": {}}'
        again = schemas.schema_for(run().context, FLUX)
        assert again is not None
        assert again.document == known.document

    def test_no_such_endpoint_is_believed_for_an_hour(self, run: Make, server: Server, clock: Clock) -> None:
        for _ in range(2):
            assert schemas.schema_for(run().context, parse("a/b")) is None
        assert len(server.requests) == 1
        clock(HOUR + 1)
        assert schemas.schema_for(run().context, parse("a/b")) is None
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        "odd",
        [
            *(http(status, {"error": {"type": "x", "message": "no"}}) for status in (400, 401, 403, 429, 500, 503)),
            http(200, "<html>Sign in to the network</html>", {"Content-Type": "text/html"}),
            http(404, "<html>There is no such page</html>", {"Content-Type": "text/html"}),
            http(200, {}),
            http(200, {"models": "none"}),
            http(200, {"models": [{"endpoint_id": str(FLUX), "openapi": {"error": "it could not be made"}}]}),
            http(200, {"models": [{"endpoint_id": str(FLUX), "openapi": {"paths": {}, "x": ["y"] * 500_000}}]}),
        ],
    )
    def test_an_answer_that_is_none_stands_in_no_way_and_is_not_kept(
        self, run: Make, api: Catalogue, odd: bytes
    ) -> None:
        api.replies["/v1/models"] = odd
        assert schemas.schema_for(run().context, FLUX) is None
        api.replies.clear()
        assert schemas.schema_for(run().context, FLUX) is not None

    def test_it_does_not_drop_what_is_kept(self, run: Make, api: Catalogue, clock: Clock) -> None:
        assert schemas.schema_for(run().context, FLUX) is not None
        clock(WEEK + 1)
        api.replies["/v1/models"] = http(200, "<html>")
        known = schemas.schema_for(run().context, FLUX)
        assert known is not None
        assert known.is_old

    def test_silence_is_remembered_for_five_minutes(self, run: Make, clock: Clock) -> None:
        with refusing_port() as port:
            dead = {"FAL_API_HOST": f"http://127.0.0.1:{port}"}
            assert schemas.look(run(**dead).context, FLUX) == schemas.Looked()
        with Catalogue().server() as server:
            folder = Path(store.shelf_of(run(**dead).context, FLUX).cache.folder).parent
            folder.rename(Path(store.shelf_of(run(FAL_API_HOST=server.url).context, FLUX).cache.folder).parent)
            assert schemas.schema_for(run(FAL_API_HOST=server.url).context, FLUX) is None
            clock(301)
            assert schemas.schema_for(run(FAL_API_HOST=server.url).context, FLUX) is not None

    def test_what_the_user_has_to_fix_is_not_remembered(self, run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "nowhere.pem")
        untrusted = run(FAL_API_HOST="https://127.0.0.1:9").context
        assert schemas.look(untrusted, FLUX) == schemas.Looked()
        assert store.shelf_of(untrusted, FLUX).read() is None

    @pytest.mark.parametrize("answer", [http(404, "null"), http(200, {"models": []})])
    def test_an_endpoint_that_is_not_listed_is_unknown(self, run: Make, api: Catalogue, answer: bytes) -> None:
        api.replies["/v1/models"] = answer
        assert schemas.look(run().context, FLUX) == schemas.Looked(None, is_unknown=True, is_asked=True)
        assert schemas.look(run().context, FLUX) == schemas.Looked(None, is_unknown=True, is_asked=False)

    def test_one_without_a_document_is_not_unknown(self, run: Make, api: Catalogue) -> None:
        api.replies["/v1/models"] = http(200, {"models": [{"endpoint_id": str(FLUX)}]})
        assert schemas.look(run().context, FLUX) == schemas.Looked(None, is_unknown=False, is_asked=True)

    def test_what_is_kept_is_used_however_old_where_nobody_answers(self, run: Make, clock: Clock) -> None:
        assert schemas.schema_for(run().context, FLUX) is not None
        clock(400 * 86_400)
        with refusing_port() as port:
            offline = run()
            offline.context.accounts.hosts = offline.context.accounts.hosts._replace(api=f"http://127.0.0.1:{port}")
            shelf = _same_shelf(run().context, offline.context)
            known = schemas.schema_for(offline.context, FLUX)
        assert shelf
        assert known is not None
        assert known.is_old
        assert "using the copy from 400 d ago" in offline.said

    def test_each_host_has_its_own(self, run: Make, api: Catalogue) -> None:
        assert schemas.schema_for(run().context, FLUX) is not None
        with Catalogue({str(FLUX): b'{"paths": {}}'}).server() as other:
            known = schemas.schema_for(run(FAL_API_HOST=other.url).context, FLUX)
        assert known is not None
        assert known.document == b'{"paths": {}}'

    def test_a_queue_on_this_machine_without_an_api_host_is_not_the_services(self, run: Make, server: Server) -> None:
        env = {"FAL_API_HOST": "", "FAL_RUN_HOST": server.url, "FAL_QUEUE_RUN_HOST": server.url}
        assert schemas.schema_for(run(**env).context, FLUX) is None
        assert server.requests == []

    def test_a_folder_that_cannot_be_written_stands_in_no_way(self, run: Make, tmp_path: Path) -> None:
        (tmp_path / "fal").mkdir()
        (tmp_path / "fal" / "cache").write_text("")
        assert schemas.schema_for(run().context, FLUX) is not None

    def test_a_damaged_document_is_asked_for_again(self, run: Make, server: Server, tmp_path: Path) -> None:
        assert schemas.schema_for(run().context, FLUX) is not None
        (file,) = (tmp_path / "fal" / "cache").rglob("*.json")
        file.write_bytes(file.read_bytes()[:-100])
        known = schemas.schema_for(run().context, FLUX)
        assert known is not None
        assert len(server.requests) == 2

    def test_files_are_private(self, run: Make, tmp_path: Path) -> None:
        schemas.schema_for(run().context, FLUX)
        files = [path for path in (tmp_path / "fal" / "cache").rglob("*") if path.is_file()]
        assert [path.stat().st_mode & 0o777 for path in files] == [0o600]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([stall], id="never-reads"),
        pytest.param([read_request, stall], id="never-answers"),
        pytest.param([read_request, *[pause(0.2), lambda talk: talk.sock.sendall(b"H")] * 60], id="trickles"),
        pytest.param([close], id="closes"),
        pytest.param([read_request, answer(200, "no json")], id="nonsense"),
        pytest.param([read_request, answer(302, "", {"Location": "https://example.com"})], id="elsewhere"),
    ],
)
def test_two_seconds_at_most(run: Make, script: list[Any]) -> None:
    with Server(script) as slow:
        started = time.monotonic()
        assert schemas.schema_for(run(FAL_API_HOST=slow.url).context, FLUX) is None
        assert time.monotonic() - started < 3.0
        started = time.monotonic()
        assert schemas.schema_for(run(FAL_API_HOST=slow.url).context, FLUX) is None
        assert time.monotonic() - started < 0.5, "the next call does not wait again"


def test_an_answer_that_came_too_late_is_there_for_the_next_call(run: Make, api: Catalogue) -> None:
    late = [read_request, pause(2.5), lambda talk: talk.sock.sendall(api.answer(talk.request)), close]
    with Server(late) as slow:
        assert schemas.schema_for(run(FAL_API_HOST=slow.url).context, FLUX) is None
        end = time.monotonic() + 5.0
        while schemas.schema_for(run(FAL_API_HOST=slow.url).context, FLUX) is None:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert slow.connections == 1


class TestKeptSchema:
    def test_nothing_is_asked(self, run: Make, server: Server) -> None:
        assert schemas.kept_schema(run().context, FLUX) is None
        schemas.schema_for(run().context, FLUX)
        assert schemas.kept_schema(run().context, FLUX) is not None
        assert len(server.requests) == 1


class TestHelp:
    def test_the_inputs_stand_under_the_options(self, run: Make) -> None:
        shown = endpoint_help.section(["run", str(FLUX), "--help"], str(FLUX), run().context)
        assert shown[0].startswith("Inputs of fal-ai/flux/dev (* required")
        assert any("num_inference_steps" in line for line in shown)

    @pytest.mark.parametrize("word", ["a/b", "", "flux", "a b", "http://example.com", "\udcff"])
    def test_what_is_unknown_adds_nothing(self, run: Make, word: str) -> None:
        assert endpoint_help.section(["run", word, "--help"], word, run().context) == []


class TestALocalApp:
    def test_its_own_document_is_asked_for_each_time(self, run: Make, server: Server, api: Catalogue) -> None:
        api.replies["/openapi.json"] = http(200, document_bytes("local_app"), {"Content-Type": "application/json"})
        target = parse_target(f"{server.url}/stars")
        for count in (1, 2):
            known = schemas.schema_for(run(FAL_KEY="id:secret").context, target)
            assert known is not None
            assert [field.name for field in known.schema.inputs] == ["count"]
            assert len(server.requests) == count
        assert "authorization" not in server.requests[0].headers

    def test_one_without_a_document_is_not_asked_at_each_call(self, run: Make, server: Server, clock: Clock) -> None:
        target = parse_target(server.url)
        for _ in range(2):
            assert schemas.schema_for(run().context, target) is None
        assert len(server.requests) == 1
        clock(11)
        assert schemas.schema_for(run().context, target) is None
        assert len(server.requests) == 2

    def test_one_that_hangs_is_left_alone_before_the_call(self, run: Make) -> None:
        with Server([read_request, stall]) as slow:
            started = time.monotonic()
            assert schemas.schema_for(run().context, parse_target(slow.url)) is None
            assert time.monotonic() - started < 3.0
            slow.settle(requests=1)

    def test_where_it_is_down_the_last_one_is_used(self, run: Make, api: Catalogue) -> None:
        api.replies["/openapi.json"] = http(200, document_bytes("local_app"), {"Content-Type": "application/json"})
        with api.server() as app:
            target = parse_target(app.url)
            assert schemas.schema_for(run().context, target) is not None
        known = schemas.schema_for(run().context, target)
        assert known is not None
        assert known.schema.inputs[0].name == "colour"


class TestLookUp:
    def test_an_unknown_endpoint_and_the_nearest_one(self, run: Make) -> None:
        list(models.models(run().context, Search()))
        with pytest.raises(CliError) as caught:
            schemas.look_up(run().context, parse("fal-ai/flux/def"))
        assert caught.value.code == Exit.NOT_FOUND
        assert caught.value.hint == "Did you mean fal-ai/flux/dev?"

    def test_no_is_asked_again_by_who_asks(self, run: Make, server: Server) -> None:
        for _ in range(2):
            with pytest.raises(CliError):
                schemas.look_up(run().context, parse("a/b"))
        assert len(server.requests) == 2

    def test_an_endpoint_without_a_document(self, run: Make, api: Catalogue) -> None:
        api.replies["/v1/models"] = http(200, {"models": [{"endpoint_id": str(FLUX)}]})
        with pytest.raises(CliError) as caught:
            schemas.look_up(run().context, FLUX)
        assert caught.value.code == Exit.FAILED

    def test_an_endpoint_whose_document_could_not_be_made(self, run: Make, api: Catalogue) -> None:
        api.replies["/v1/models"] = http(200, {"models": [{"endpoint_id": str(FLUX), "openapi": {"error": "no"}}]})
        with pytest.raises(Unavailable):
            schemas.look_up(run().context, FLUX)

    def test_what_is_kept_where_nobody_answers_with_its_age(self, run: Make, api: Catalogue, clock: Clock) -> None:
        schemas.look_up(run().context, FLUX)
        clock(8 * 86_400)
        api.replies["/v1/models"] = http(503, {"detail": "down"})
        offline = run()
        known = schemas.look_up(offline.context, FLUX)
        assert known.json == document("flux_dev")
        assert "showing the copy from 8 d ago" in offline.said

    def test_nothing_kept_and_nobody_there(self, run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fal_cli.api.retry.FREE_RETRIES", 0)
        with refusing_port() as port, pytest.raises(NotReached):
            schemas.look_up(run(FAL_API_HOST=f"http://127.0.0.1:{port}").context, FLUX)


class TestTheList:
    def test_what_was_seen_is_kept_for_completion(self, run: Make) -> None:
        first = run()
        assert models.kept_models(first.context) == []
        list(models.models(first.context, Search("llm")))
        assert [model.endpoint for model in models.kept_models(first.context)] == ["fal-ai/any-llm"]
        list(models.models(run().context, Search()))
        kept = models.kept_models(first.context)
        assert [(model.endpoint, model.title) for model in kept] == [
            ("fal-ai/flux/dev", "FLUX.1 [dev]"),
            ("fal-ai/any-llm", "Any LLM"),
            ("fal-ai/video-upscaler", "Vidéo ↑ 上采样"),
        ]

    def test_a_whole_list_takes_the_place_of_what_was_kept(self, run: Make, api: Catalogue) -> None:
        list(models.models(run().context, Search()))
        api.replies["/v1/models"] = http(200, {"models": [{"endpoint_id": "a/b"}], "has_more": False})
        list(models.models(run().context, Search()))
        assert models.kept_models(run().context) == [Model("a/b")]

    def test_a_reader_that_stops_early_keeps_what_it_saw(self, run: Make) -> None:
        found = models.models(run().context, Search())
        next(found)
        found.close()  # type: ignore[attr-defined]  # a generator, typed as an iterator
        assert len(models.kept_models(run().context)) == 1

    @pytest.mark.parametrize(
        ("wanted", "endpoints"),
        [
            (Search("answers"), ["fal-ai/any-llm"]),
            (Search("FLUX pictures"), ["fal-ai/flux/dev"]),
            (Search(category="llm"), ["fal-ai/any-llm"]),
            (Search(status="active", limit=1), ["fal-ai/flux/dev"]),
        ],
    )
    def test_it_is_searched_here_where_nobody_answers(
        self, run: Make, api: Catalogue, wanted: Search, endpoints: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        list(models.models(run().context, Search()))
        api.replies["/v1/models"] = http(503, {"detail": "down"}, {"Retry-After": "0"})
        offline = run()
        assert [model.endpoint for model in models.models(offline.context, wanted)] == endpoints
        assert "showing the copy from just now" in offline.said

    def test_damaged_lists_are_none(self, run: Make, tmp_path: Path) -> None:
        list(models.models(run().context, Search()))
        (file,) = (tmp_path / "fal" / "cache").rglob("models.json")
        head = file.read_bytes().split(b"\n")[0]
        for body in (b"", b"{}", b"[1]", b"[[1,2,3,4,5,6,7,8,9]]", json.dumps([["a"] * 99]).encode()):
            file.write_bytes(head + b"\n" + body)
            assert models.kept_models(run().context) == []


def _same_shelf(one: Context, other: Context) -> bool:
    """Makes the second use the first's folder: the same host, which does not answer any more."""
    folder = Path(store.shelf_of(one, FLUX).cache.folder).parent
    other_folder = Path(store.shelf_of(other, FLUX).cache.folder).parent
    other_folder.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(other_folder)
    return True
