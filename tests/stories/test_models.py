"""`fal models`, `schema`, `pricing` and `open`: what a person sees and a program reads, also without a network."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Program, Service
from tests.support.catalogue_server import Catalogue, document_bytes
from tests.support.faulty_server import Server, http
from tests.support.past_requests import Past, uuid
from tests.support.pseudo_terminal import Screen

FLUX = "fal-ai/flux/dev"
PAGE = "https://fal.ai/models/fal-ai/flux/dev"


@pytest.fixture
def api() -> Catalogue:
    return Catalogue()


@pytest.fixture
def server(api: Catalogue) -> Iterator[Server]:
    with api.server() as server:
        yield server


@pytest.fixture
def keyless(home: Path, server: Server) -> Program:
    """The program without a key, pointed at a platform API of three models."""
    return Program(home, {"FAL_API_HOST": server.url})


@pytest.fixture
def keyed(home: Path, server: Server) -> Program:
    """The same with a key."""
    return Program(home, {"FAL_API_HOST": server.url, "FAL_KEY": "id:secret"})


def on_terminal(program: Program, *words: str, columns: int = 100, code: int = 0, **env: str) -> Screen:
    """The program at its end, in a terminal."""
    screen = Screen([*program.argv, *words], program.env | env, columns=columns)
    assert screen.finish() == code
    return screen


def json_lines(program: Program, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program(*words).text.splitlines()]


class TestModels:
    def test_a_table_on_a_terminal(self, keyless: Program) -> None:
        titles, *rows = on_terminal(keyless, "models").text.splitlines()
        assert titles.split() == ["endpoint", "title", "category", "status"]
        assert rows[0].split("  ")[0] == FLUX
        assert rows[2].endswith("deprecated")
        assert len(rows) == 3

    def test_it_fits_a_narrow_terminal(self, keyless: Program) -> None:
        titles, *rows = on_terminal(keyless, "models", columns=40).text.splitlines()
        assert titles.split() == ["endpoint", "category"]
        assert len(rows) == 3

    def test_sixty_columns_cut_no_endpoint(self, keyless: Program) -> None:
        titles, *rows = on_terminal(keyless, "models", columns=60).text.splitlines()
        assert titles.split() == ["endpoint", "category", "status"]
        assert [row.split()[0] for row in rows] == [FLUX, "fal-ai/any-llm", "fal-ai/video-upscaler"]

    def test_more_than_are_shown_is_told(self, keyless: Program) -> None:
        text = on_terminal(keyless, "models", "--limit", "2").text
        assert text.splitlines()[-1] == "2 shown; there are more: --limit 10, or 0 for all"
        assert "video-upscaler" not in text

    def test_a_json_object_a_line_in_a_pipe(self, keyless: Program, server: Server) -> None:
        found = json_lines(keyless, "models")
        assert [line["endpoint_id"] for line in found] == [FLUX, "fal-ai/any-llm", "fal-ai/video-upscaler"]
        assert found[0] == {
            "endpoint_id": FLUX,
            "display_name": "FLUX.1 [dev]",
            "category": "text-to-image",
            "status": "active",
            "description": "Pictures from words.",
        }
        assert all("authorization" not in seen.headers for seen in server.requests)

    @pytest.mark.parametrize(
        ("words", "endpoints"),
        [
            (["flux"], [FLUX]),
            (["--category", "llm"], ["fal-ai/any-llm"]),
            (["--status", "deprecated"], ["fal-ai/video-upscaler"]),
            (["--limit", "1"], [FLUX]),
            (["answers", "of", "many"], ["fal-ai/any-llm"]),
        ],
    )
    def test_what_is_asked_for(self, keyless: Program, words: list[str], endpoints: list[str]) -> None:
        assert [line["endpoint_id"] for line in json_lines(keyless, "models", *words)] == endpoints

    def test_none(self, keyless: Program) -> None:
        done = keyless("models", "nothing-like-it")
        assert (done.text, done.stderr) == ("", "no model matches 'nothing-like-it'; all of them: fal models\n")

    def test_without_a_network_what_is_kept_is_searched(self, keyless: Program, api: Catalogue) -> None:
        keyless("models")
        api.replies["/v1/models"] = http(503, {"detail": "down"}, {"Retry-After": "0"})
        done = keyless("models", "answers")
        assert [json.loads(line)["endpoint_id"] for line in done.text.splitlines()] == ["fal-ai/any-llm"]
        assert "showing the copy from just now" in done.stderr

    def test_a_limit_that_is_none(self, keyless: Program) -> None:
        assert "--limit must be 0 or more" in keyless("models", "--limit", "-1", code=2).stderr

    def test_a_reader_that_has_enough(self, keyless: Program) -> None:
        process = keyless.start("models")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0


class TestSchema:
    def test_a_table_on_a_terminal(self, keyless: Program) -> None:
        text = on_terminal(keyless, "schema", FLUX).text
        assert text.splitlines()[0] == "fal-ai/flux/dev  FLUX.1 [dev] · text-to-image"
        assert "* prompt                 text                            What the picture shows." in text
        assert "  num_images             integer          1              1 to 4" in text
        assert text.splitlines()[-1] == "call it: fal run fal-ai/flux/dev prompt='…'"

    @pytest.mark.parametrize("columns", [40, 80])
    def test_no_line_is_broken_by_the_terminal(self, keyless: Program, columns: int) -> None:
        raw = on_terminal(keyless, "schema", "fal-ai/video-upscaler", "--no-color", columns=columns).raw.decode()
        table = raw.split("call it:")[0]
        assert max(map(len, table.replace("\r", "").split("\n"))) <= columns

    def test_a_json_object_a_line_in_a_pipe(self, keyless: Program) -> None:
        found = json_lines(keyless, "schema", FLUX)
        assert next(line["name"] for line in found if line["direction"] == "output") == "images"
        inputs = {line["name"]: line for line in found if line["direction"] == "input"}
        assert inputs["num_images"] == {
            "direction": "input", "name": "num_images", "types": ["integer"], "required": False, "default": 1,
            "minimum": 1, "maximum": 4, "title": "Num Images", "description": "How many pictures to make.",
        }  # fmt: skip
        assert inputs["seed"]["nullable"] is True
        assert inputs["image_url"]["media"] is True
        assert [part["name"] for part in inputs["loras"]["item"]["properties"]] == ["path", "scale"]
        assert [part["types"] for part in inputs["image_size"]["any_of"]] == [["object"], ["string"]]

    def test_the_document_itself_byte_for_byte(self, keyless: Program) -> None:
        assert keyless("schema", FLUX, "--openapi").stdout == document_bytes("flux_dev")
        assert keyless("schema", FLUX, "--openapi").stdout == document_bytes("flux_dev"), "from the cache as well"

    def test_it_is_asked_for_once(self, keyless: Program, server: Server) -> None:
        keyless("schema", FLUX)
        keyless("schema", FLUX)
        assert len(server.requests) == 1
        keyless("schema", FLUX, "--refresh")
        assert len(server.requests) == 2

    def test_without_a_network_what_is_kept_is_shown(self, keyless: Program, api: Catalogue) -> None:
        keyless("schema", FLUX)
        api.replies["/v1/models"] = http(503, {"detail": "down"})
        done = keyless("schema", FLUX, "--refresh", "--openapi")
        assert done.stdout == document_bytes("flux_dev")
        assert "showing the copy from just now" in done.stderr

    def test_an_unknown_endpoint(self, keyless: Program) -> None:
        keyless("models")
        done = keyless("schema", "fal-ai/flux/def", code=5)
        assert done.stderr == "fal: no endpoint fal-ai/flux/def\nDid you mean fal-ai/flux/dev?\n"
        assert done.stdout == b""
        assert "fal models QUERY" in keyless("schema", "far/off", code=5).stderr

    def test_a_key_that_is_refused(self, keyed: Program, api: Catalogue) -> None:
        api.replies["/v1/models"] = http(401, {"detail": "No user found for Key ID and Secret"})
        assert "the key was refused" in keyed("schema", FLUX, code=3).stderr

    def test_an_app_on_this_machine(self, keyed: Program, server: Server, api: Catalogue) -> None:
        api.replies["/openapi.json"] = http(200, document_bytes("local_app"), {"Content-Type": "application/json"})
        names = [line["name"] for line in json_lines(keyed, "schema", f"{server.url}/stars")]
        assert names == ["count"]
        assert "authorization" not in server.requests[0].headers

    def test_what_is_kept_is_private(self, keyless: Program) -> None:
        keyless("schema", FLUX)
        keyless("models")
        kept = list((keyless.home / "fal" / "cache").rglob("*"))
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_file()} == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_dir()} == {0o700}


class TestPricing:
    def test_a_table_on_a_terminal(self, keyed: Program) -> None:
        lines = on_terminal(keyed, "pricing", FLUX, "fal-ai/video-upscaler").text.splitlines()
        assert [line.split() for line in lines] == [
            ["endpoint", "price", "for", "one"],
            [FLUX, "$0.025", "megapixel"],
            ["fal-ai/video-upscaler", "$0.0000125", "second"],
        ]

    def test_decimals_are_text_in_a_pipe(self, keyed: Program) -> None:
        assert json_lines(keyed, "pricing", "fal-ai/video-upscaler") == [
            {
                "endpoint_id": "fal-ai/video-upscaler",
                "unit_price": "0.0000125",
                "unit": "second",
                "currency": "USD",
            }
        ]

    def test_an_estimate_is_the_services_own(self, keyed: Program, server: Server) -> None:
        (line,) = json_lines(keyed, "pricing", FLUX, "--estimate", "2.5")
        assert (line["unit_quantity"], line["total_cost"]) == ("2.5", "0.0625")
        assert json.loads(server.requests[-1].body) == {
            "estimate_type": "unit_price",
            "endpoints": {FLUX: {"unit_quantity": 2.5}},
        }
        assert "for 2.5" in on_terminal(keyed, "pricing", FLUX, "--estimate", "2.5").text

    def test_one_of_two_has_no_price(self, keyed: Program) -> None:
        done = keyed("pricing", FLUX, "a/b", code=5)
        assert json.loads(done.text)["endpoint_id"] == FLUX
        assert "the service has no price for a/b" in done.stderr

    @pytest.mark.parametrize("number", ["0", "-1", "many", "NaN", "1e99", ""])
    def test_a_number_of_units_that_is_none(self, keyed: Program, number: str) -> None:
        assert "is not a number of units" in keyed("pricing", FLUX, "--estimate", number, code=2).stderr

    def test_it_needs_a_key(self, keyless: Program) -> None:
        keyless("pricing", FLUX, code=3)


class TestOpen:
    @pytest.fixture
    def browser(self, home: Path) -> dict[str, str]:
        """What makes a script the browser, which writes down what it was given."""
        script = home / "browser"
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {home}/opened\n')
        script.chmod(0o755)
        return {"BROWSER": f"{script} %s"}

    def opened(self, program: Program) -> str:
        file = program.home / "opened"
        return file.read_text().strip() if file.exists() else ""

    @pytest.mark.parametrize("name", [FLUX, f"https://fal.ai/models/{FLUX}/playground"])
    def test_a_models_page(self, fal: Program, browser: dict[str, str], name: str) -> None:
        assert on_terminal(fal, "open", name, **browser).text == f"opened {PAGE}"
        assert self.opened(fal) == PAGE

    def test_the_address_where_it_is_asked_for_or_nobody_looks(self, fal: Program, browser: dict[str, str]) -> None:
        assert fal("open", FLUX, env=browser).text == f"{PAGE}\n"
        assert on_terminal(fal, "open", FLUX, "--print", **browser).text == PAGE
        assert on_terminal(fal, "open", FLUX).text == PAGE, "no browser"
        assert self.opened(fal) == ""

    def test_the_first_file_of_a_request(self, served: Program, browser: dict[str, str]) -> None:
        done = served(
            "run", FLUX, "prompt=a cat", "sandbox.queue=0", "sandbox.run=0", "num_images=2", "--print", "urls"
        )
        first = done.text.splitlines()[0]
        assert served("open", "last").text.strip() == first
        assert on_terminal(served, "open", "last", **browser).text.splitlines()[-1] == f"opened {first}"
        assert self.opened(served) == first

    def test_a_request_that_was_not_fetched_yet_is(self, served: Program) -> None:
        name = served("submit", FLUX, "prompt=a cat", "sandbox.queue=0", "sandbox.run=0").text.strip()
        served("wait", name)
        assert served("open", FLUX, name).text.startswith("http://127.0.0.1:")

    @pytest.mark.parametrize(
        "url",
        ["file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "https://a b/", "https:///x", "http://é/"],
    )
    def test_only_the_web_is_opened(self, fal: Program, home: Path, browser: dict[str, str], url: str) -> None:
        Past(home).add(uuid(1), result={"images": [{"url": url}], "x_url": url})
        text = on_terminal(fal, "open", "last", **browser).text
        page = f"https://fal.ai/dashboard/requests?requestId={uuid(1)}"
        assert "it has no file to open" in text
        assert self.opened(fal) == page

    def test_a_request_that_goes_on_has_a_page(self, served: Program) -> None:
        name = served("submit", FLUX, "prompt=a cat", "sandbox.queue=60").text.strip()
        done = served("open", name)
        assert done.text.strip() == f"https://fal.ai/dashboard/requests?requestId={name}"

    def test_a_file_of_a_private_sandbox_as_it_was_saved_or_fetched_anew(
        self, fal: Program, browser: dict[str, str], tmp_path: Path
    ) -> None:
        """The server that its URL names is gone."""
        words = ("run", FLUX, "prompt=a cat", "sandbox.queue=0", "sandbox.run=0")
        assert "-d FOLDER/" in fal("--sandbox", *words).stderr
        brought = Path(fal("--sandbox", "open", "last").text.strip())
        assert brought.is_relative_to(fal.home)
        assert brought.read_bytes()[:3] == b"\xff\xd8\xff"
        done = fal("--sandbox", *words, "-d", str(tmp_path / "out"))
        assert "only while the command runs" not in done.stderr
        (saved,) = (tmp_path / "out").iterdir()
        for named in (("last",), (FLUX, "last"), ("last", FLUX)):
            assert fal("--sandbox", "open", *named).text == f"{saved}\n"
        shown = on_terminal(fal, "--sandbox", "open", "last", **browser)
        assert self.opened(fal) == saved.as_uri()
        assert "opened" in shown.text
        saved.unlink()
        assert Path(fal("--sandbox", "open", "last").text.strip()).is_relative_to(fal.home)

    def test_a_file_of_a_private_sandbox_by_one_that_is_kept_up(self, fal: Program) -> None:
        fal("--sandbox", "run", FLUX, "prompt=a cat", "sandbox.queue=0", "sandbox.run=0")
        with fal.start("sandbox", "serve", "--port", "0") as server:
            assert server.stdout is not None
            lines = [server.stdout.readline().decode() for _ in range(6)]
            env = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            url = fal("open", "last", env=env).text.strip()
            assert requests.get(url, timeout=30).status_code == 200
            server.terminate()

    def test_what_has_no_page(self, fal: Program) -> None:
        assert "which has no page" in fal("open", "http://localhost:8080", code=2).stderr
        fal("open", "last", code=5)


class TestTheSandbox:
    """The same commands against the sandbox, which speaks the wire strictly."""

    def test_models(self, served: Program) -> None:
        assert FLUX in [line["endpoint_id"] for line in json_lines(served, "models", "flux")]

    def test_a_private_one(self, fal: Program) -> None:
        assert (
            "call it: fal --sandbox run fal-ai/flux/dev prompt='…'"
            in on_terminal(fal, "--sandbox", "schema", FLUX).text
        )

    def test_schema(self, served: Program) -> None:
        names = [line["name"] for line in json_lines(served, "schema", FLUX) if line["direction"] == "input"]
        assert names[0] == "prompt"
        assert json.loads(served("schema", FLUX, "--openapi").stdout)["openapi"].startswith("3.0")

    def test_pricing(self, served: Program) -> None:
        (line,) = json_lines(served, "pricing", FLUX, "--estimate", "3")
        assert (line["unit_price"], line["total_cost"]) == ("0.025", "0.075")

    def test_an_endpoint_that_it_has_not(self, served: Program) -> None:
        assert "no endpoint a/b" in served("schema", "a/b", code=5).stderr

    def test_without_a_key(self, served: Program, service: Service) -> None:
        env = {"FAL_KEY": "", "HOME": os.devnull}
        assert served("models", env=env).text
        assert served("schema", FLUX, env=env).text
