"""`fal rerun`: an earlier call again, with its input and options and what is to be different."""

import json
import signal
from typing import Any

import pytest

from tests.support.fault_proxy import answer
from tests.support.faulty_server import Server, answering
from tests.support.faulty_server import answer as http_answer
from tests.support.place import Place
from tests.support.waiting import until

ECHO = ("sandbox/echo", "sandbox.queue=0", "sandbox.run=0")


def sent(place: Place, route: str = "submit") -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Input and own headers of each call that came."""
    calls = [seen.request for seen in place.proxy.seen if seen.route == route]
    return [
        (json.loads(call.body), {name: text for name, text in call.headers.items() if name.startswith("x-")})
        for call in calls
    ]


def test_the_same_again(place: Place) -> None:
    place("run", *ECHO, "n=1", "deep.list[0]=x")
    done = place("rerun", "last")
    assert json.loads(done.stdout) == {"n": 1, "deep": {"list": ["x"]}}
    assert "last is sandbox/echo request" in done.stderr
    first, second = sent(place)
    assert first == second
    assert len({row.request_id for row in place.rows}) == 2
    assert place.service.accepted == 2


def test_with_changes(place: Place) -> None:
    place("run", *ECHO, "n=1", "prompt=a cat", "deep.a=1", "deep.b=2")
    done = place("rerun", "@1", "n=2", "deep.b=3", "new:=[1]", "-t", "prompt=7")
    assert json.loads(done.stdout) == {"n": 2, "prompt": "7", "deep": {"a": 1, "b": 3}, "new": [1]}
    assert place.row("@1").input_json != place.row("@2").input_json


def test_the_options_are_kept(place: Place) -> None:
    options = ("--priority", "low", "--tag", "team=x", "--tag", "for=y", "--expires", "1d", "--no-server-retry")
    place("run", *ECHO, "n=1", *options)
    place("rerun", "last")
    (_, first), (_, second) = sent(place)
    assert first["x-fal-queue-priority"] == "low"
    assert first["x-fal-tags"] == "team=x,for=y"
    assert first == second


def test_the_options_can_be_changed(place: Place) -> None:
    place("run", *ECHO, "n=1", "--priority", "low", "--tag", "team=x")
    place("rerun", "last", "--priority", "normal", "--tag", "team=z")
    _, (_, headers) = sent(place)
    assert (headers["x-fal-queue-priority"], headers["x-fal-tags"]) == ("normal", "team=z")


def test_headers_of_ones_own_are_not_kept_and_that_is_said(place: Place) -> None:
    """They may be secrets."""
    place("run", *ECHO, "n=1", "-H", "X-Token: hush-hush")
    assert b"hush-hush" not in b"".join(path.read_bytes() for path in place.home.rglob("*") if path.is_file())
    done = place("rerun", "last")
    assert "its own headers (X-Token), which are not stored" in done.stderr
    _, (_, headers) = sent(place)
    assert "x-token" not in headers
    place("rerun", "@1", "-H", "X-Token: again")
    assert sent(place)[-1][1]["x-token"] == "again"


@pytest.mark.parametrize("again", [[], ["n=2"]], ids=["as it was", "with changes"])
def test_a_private_call_cannot_be_made_again(place: Place, again: list[str]) -> None:
    place("run", *ECHO, "n=1", "--private")
    done = place("rerun", "last", *again, code=2)
    assert "it was private" in done.stderr
    assert place.service.accepted == 1


def test_an_input_that_was_not_kept_whole(place: Place) -> None:
    (place.folder / "in.json").write_text(json.dumps({"url": "data:image/png;base64," + "A" * 1000}))
    place("run", *ECHO, "@in.json")
    assert "held a file" in place("rerun", "last", code=2).stderr
    assert place.service.accepted == 1


def test_what_is_made_again_can_become_private(place: Place) -> None:
    place("run", *ECHO, "n=1")
    place("rerun", "last", "--private")
    assert place.row("@2").is_private
    assert place.row("@2").input_json is None
    assert sent(place)[1][1]["x-fal-store-io"] == "0"


def test_a_direct_call_is_made_directly(place: Place) -> None:
    place("run", "--direct", *ECHO, "n=1")
    assert json.loads(place("rerun", "@1", "n=2").stdout) == {"n": 2}
    assert (place.proxy.count("run"), place.proxy.count("submit")) == (2, 0)
    assert [row.mode for row in place.rows] == ["direct", "direct"]


@pytest.mark.parametrize("verb", ["stream", "realtime"])
def test_what_never_went_through_the_queue_is_not_put_into_it(place: Place, verb: str) -> None:
    """A session's defaults are no input of a call, and a stream is none in the queue: it would bill another."""
    place(verb, "sandbox/echo", "n=1", stdin=b'{"x":1}\n' if verb == "realtime" else None, code=None)
    place("rerun", "@1", code=None)
    assert place.proxy.count("submit") == 0


def test_an_app_on_this_machine_needs_no_key(place: Place) -> None:
    with Server(answering(http_answer(200, {"done": True}))) as app:
        place("run", app.url, '{"n": 1}', "--no-validate", env={"FAL_KEY": ""})
        assert json.loads(place("rerun", "@1", '{"n": 2}', "--no-validate", env={"FAL_KEY": ""}).stdout) == {
            "done": True
        }
        assert [json.loads(seen.body)["n"] for seen in app.requests] == [1, 2]
    assert place.proxy.seen == []


def test_a_lost_call_is_made_again_on_purpose(place: Place) -> None:
    name = place.lose("n=1", arrives=False)
    assert json.loads(place("rerun", name).stdout) == {"n": 1}
    assert place.row(name).state == "unknown"
    assert place.service.accepted == 1


def test_one_that_was_refused(place: Place) -> None:
    place.proxy.fail("submit", answer(429, {"detail": "later"}), times=20)
    place("run", *ECHO, "n=1", code=9)
    place.proxy.forget_faults()
    assert json.loads(place("rerun", "@1").stdout) == {"n": 1}


def test_stdin_is_not_its_business(place: Place) -> None:
    """A loop over lines keeps its lines; a word can ask for what is there."""
    place("run", *ECHO, "n=1")
    assert json.loads(place("rerun", "last", stdin=b'{"n": 2}').stdout) == {"n": 1}
    assert json.loads(place("rerun", "last", "-", stdin=b'{"n": 3}').stdout) == {"n": 3}


def test_its_files_are_named_after_the_new_input(place: Place) -> None:
    place("run", "fal-ai/flux/dev", "prompt=a cat", "sandbox.queue=0", "sandbox.run=0")
    place("rerun", "last", "prompt=a dog", "-d", "{input.prompt}.{ext}", "--print", "none")
    assert [path.stem for path in place.folder.iterdir()] == ["a dog"]


@pytest.mark.parametrize("ref", ["last", "@1", "00000000-0000-4000-8000-000000000000"])
def test_what_the_ledger_does_not_have(place: Place, ref: str) -> None:
    place("rerun", ref, code=5)
    assert place.service.accepted == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["last", "no item"], "expected key=value", id="item"),
        pytest.param(["last", "--priority", "high"], "--priority", id="option"),
        pytest.param(["last", "-o", "x"], ".json", id="output"),
    ],
)
def test_usage(place: Place, words: list[str], told: str) -> None:
    place.queued(n=1)
    assert told in place("rerun", *words, code=2).stderr
    assert place.proxy.count("submit") == 0


def test_an_interruption_leaves_the_new_one(place: Place) -> None:
    place.queued(n=1, orders={"run": 60})
    process = place.start("rerun", "last")
    until(lambda: len(place.rows) == 2 and place.rows[1].request_id)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"resume {place.rows[1].request_id}" in stderr.decode()


def test_a_call_of_a_profile_is_made_by_it(place: Place) -> None:
    config = place.home / "config.toml"
    config.write_text(f'[work]\nkey = "{place.program.env["FAL_KEY"]}"\n')
    env = {"FAL_CONFIG_PATH": str(config)}
    place("run", "--profile", "work", *ECHO, "n=1", env=env)
    place("rerun", "last", env=env | {"FAL_KEY": "another:key"})
    assert [row.profile for row in place.rows] == ["work", "work"]
    authorizations = {seen.request.headers["authorization"] for seen in place.proxy.seen}
    assert authorizations == {f"Key {place.program.env['FAL_KEY']}"}
