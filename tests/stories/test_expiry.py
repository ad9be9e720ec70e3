"""Before it expires, and after: the ledger's copy in place of what the service dropped, and a plain word where there is
none."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fal_cli.ledger.store import Ledger
from tests.support.fault_proxy import answer
from tests.support.place import Place

GONE = timedelta(days=31)  # by then the service keeps nothing
AN_HOUR = timedelta(minutes=61)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(200))).decode()
KEPT_HERE = "the service no longer has this result: this is the copy in your history"


@pytest.mark.parametrize("verb", ["result", "resume"])
def test_the_ledger_answers_for_the_service(place: Place, verb: str) -> None:
    request_id = place.queued(n=1)
    fetched = place("result", request_id).stdout
    place.pass_time(GONE)
    done = place(verb, request_id)
    assert done.stdout == fetched
    assert "this is the copy in your history" in done.stderr


def test_in_every_form_that_was_asked_for(place: Place) -> None:
    place.queued(n=1)
    envelope = json.loads(place("result", "last", "--print", "envelope").stdout)
    place.pass_time(GONE)
    assert json.loads(place("result", "last", "--print", "envelope").stdout) == envelope
    assert place("result", "last", "--query", "n").text == "1\n"
    place("result", "last", "-o", "x.json")
    assert json.loads((place.folder / "x.json").read_text()) == {"n": 1}


def test_a_copy_that_was_cut_short_says_so(place: Place) -> None:
    uri = f"data:image/png;base64,{PNG}"
    place.queued(image={"url": uri}, n=1)
    assert json.loads(place("result", "last").stdout)["image"]["url"] == uri
    place.pass_time(GONE)
    done = place("result", "last")
    assert f"{KEPT_HERE}, with long data: URIs cut short" in done.stderr
    assert json.loads(done.stdout)["image"]["url"].startswith("data:image/png;base64,")


def test_no_file_is_made_of_what_was_cut_short(place: Place) -> None:
    place.queued(image={"url": f"data:image/png;base64,{PNG}", "content_type": "image/png"})
    place("result", "last", "-d", "first/")
    (whole,) = (place.folder / "first").iterdir()
    assert whole.read_bytes() == base64.b64decode(PNG)
    place.pass_time(GONE)
    done = place("result", "last", "-d", "second/", code=None)
    saved = list((place.folder / "second").iterdir()) if (place.folder / "second").exists() else []
    assert saved == []
    assert done.code != 0


@pytest.mark.parametrize(
    ("verb", "is_private", "why"),
    [
        pytest.param("result", False, "fal history show", id="result"),
        pytest.param("result", True, "The call was private", id="result of a private call"),
        pytest.param("resume", False, "fal history show", id="resume"),
        pytest.param("wait", False, "fal history show", id="wait"),
    ],
)
def test_what_is_past_its_time_is_not_called_not_found(place: Place, verb: str, is_private: bool, why: str) -> None:
    request_id = place.queued(n=1, is_private=is_private)
    place.pass_time(GONE)
    done = place(verb, request_id, code=5)
    assert f"the result of {request_id} has expired: the service no longer has it" in done.stderr
    assert "no such endpoint or request" not in done.stderr
    assert why in done.stderr
    assert (place.rows[0].state, place.rows[0].is_open) == ("expired", False)
    assert "nothing is unfinished" in place("resume").stderr


def test_what_was_seen_at_its_end_and_is_gone_was_dropped(place: Place) -> None:
    """Whatever the clock says: the service had it, and has it no longer."""
    place.queued(n=1, orders={"expire": 0})
    assert place("status", "last").text == "COMPLETED\n"
    done = place("result", "last", code=5)
    assert "has expired" in done.stderr


def test_a_request_that_never_was_is_not_found(place: Place) -> None:
    done = place("result", "sandbox/echo", "00000000-0000-4000-8000-000000000000", code=5)
    assert "no such endpoint or request" in done.stderr
    assert "has expired" not in done.stderr


def test_a_young_one_that_is_not_found_is_not_past_its_time(place: Place) -> None:
    place.queued(n=1, orders={"queue": 60})
    place.proxy.fail("result", answer(404, {"status": "NOT_FOUND"}), times=9)
    done = place("result", "last", code=5)
    assert "has expired" not in done.stderr
    assert place.rows[0].is_open


def test_without_a_network_the_ledger_answers(place: Place) -> None:
    place.queued(n=1)
    place("result", "last")
    place.proxy.go_away()
    done = place("result", "last")
    assert json.loads(done.stdout) == {"n": 1}
    assert "the service cannot be reached: this is the copy in your history" in done.stderr


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failure_of_the_service_does_not_undo_a_result_that_was_kept(place: Place, status: int) -> None:
    place.queued(n=1)
    place("result", "last")
    place.proxy.fail("result", answer(status, {"detail": "we are down"}, {"x-fal-request-id": "x"}), times=20)
    done = place("result", "last", code=None)
    row = place.rows[0]
    assert (row.state, row.has_result) == ("completed", True)
    assert json.loads(done.stdout) == {"n": 1}


def test_a_refused_key_is_not_taken_for_an_end(place: Place) -> None:
    place.queued(n=1)
    place("result", "last", env={"FAL_KEY": "wrong:key"}, code=3)
    assert place.rows[0].is_open
    assert json.loads(place("resume").stdout) == {"n": 1}


def test_the_most_urgent_are_shown_to_be_due(place: Place) -> None:
    place.queued(n=1)
    place("status", "last")
    place.pass_time(timedelta(minutes=50))
    (line,) = [json.loads(text) for text in place("history").text.splitlines()]
    assert line["state"] == "ended"
    assert line["expires_at"] > line["created_at"]


def test_what_ended_hours_ago_is_not_said_to_be_kept_for_another_hour(place: Place) -> None:
    """When it is first seen at its end says nothing of when it ended; it cannot be trusted to stay."""
    place.queued(n=1)
    place.pass_time(timedelta(hours=3))
    place("status", "last")
    (row,) = place.rows
    assert row.state == "ended"
    assert row.expires_at is not None
    assert row.expires_at < datetime.now(UTC)


def test_the_oldest_of_what_is_unfinished_is_the_most_urgent(place: Place) -> None:
    old = place.queued(n=1)
    place.pass_time(timedelta(minutes=55))
    new = place.queued(n=2)
    for request_id in (new, old):
        place("status", request_id)
    assert [row.request_id for row in Ledger(place.ledger).unfinished()] == [old, new]


def test_files_that_were_saved_are_remembered(place: Place) -> None:
    place.queued("fal-ai/flux/dev", prompt="x")
    place("resume", "-d", "out/")
    (saved,) = place.rows[0].files
    assert Path(saved).parent == place.folder / "out"
