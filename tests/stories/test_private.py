"""`--private`: neither what goes in nor what comes out stays on this machine; the service is told to keep nothing."""

import json
from collections.abc import Mapping

import pytest

from tests.support.place import Place

HUSH = "hush-hush-9f3a"
CALLS = [
    pytest.param(("run", "sandbox/echo"), id="run"),
    pytest.param(("submit", "sandbox/echo"), id="submit"),
    pytest.param(("run", "--direct", "sandbox/echo"), id="run --direct"),
    pytest.param(("stream", "sandbox/echo"), id="stream"),
]


def kept_here(place: Place) -> bytes:
    """Every byte under the home."""
    return b"".join(path.read_bytes() for path in place.home.rglob("*") if path.is_file())


@pytest.mark.parametrize("words", CALLS)
@pytest.mark.parametrize(
    ("flag", "env"), [(("--private",), {}), ((), {"FAL_PRIVATE": "1"})], ids=["option", "variable"]
)
def test_nothing_of_it_stays(
    place: Place, words: tuple[str, ...], flag: tuple[str, ...], env: Mapping[str, str]
) -> None:
    place(*words, *flag, f"prompt={HUSH}", "sandbox.queue=0", "sandbox.run=0", env=env)
    if words[0] == "submit":
        assert json.loads(place("resume").stdout)["prompt"] == HUSH
    assert HUSH.encode() not in kept_here(place)
    (row,) = place.rows
    assert (row.is_private, row.input_json, row.has_result, row.state) == (True, None, False, "completed")
    (call,) = [seen.request for seen in place.proxy.seen if HUSH.encode() in seen.request.body]
    assert call.headers["x-fal-store-io"] == "0"
    (request_id,) = place.service.stats["requests"]
    assert row.request_id == request_id


def test_nothing_of_a_session_stays(place: Place) -> None:
    place("realtime", "sandbox/echo", "--private", stdin=json.dumps({"prompt": HUSH}).encode() + b"\n")
    assert HUSH.encode() not in kept_here(place)


@pytest.mark.parametrize("words", [("run",), ("run", "--direct")], ids=lambda words: " ".join(words))
def test_an_error_that_repeats_the_input_is_not_kept_either(place: Place, words: tuple[str, ...]) -> None:
    fail = json.dumps({"status": 500, "body": {"detail": f"cannot draw {HUSH}"}})
    done = place(
        *words, "sandbox/echo", "--private", f"prompt={HUSH}", "sandbox.queue=0", f"sandbox.fail:={fail}", code=1
    )
    assert HUSH in done.stderr
    assert HUSH.encode() not in kept_here(place)


def test_nor_is_an_input_that_was_refused(place: Place) -> None:
    done = place("run", "fal-ai/flux/dev", "--private", f"seed={HUSH}", "sandbox.queue=0", code=4)
    assert done.stdout == b""
    assert HUSH.encode() not in kept_here(place)


def test_a_result_that_nobody_read_is_on_the_service_only(place: Place) -> None:
    process = place.start("run", "--private", "sandbox/echo", f"prompt={HUSH}", "sandbox.queue=0", "sandbox.run=0")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == 0
    assert HUSH.encode() not in kept_here(place)
    assert json.loads(place("resume").stdout) == {"prompt": HUSH}


def test_a_search_does_not_find_it(place: Place) -> None:
    place("run", "--private", "sandbox/echo", f"prompt={HUSH}", "sandbox.queue=0", "sandbox.run=0")
    assert place("history", "--search", HUSH).text == ""
    (line,) = place("history", "--private").text.splitlines()
    assert HUSH not in line
