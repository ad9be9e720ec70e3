"""`fal history`: what a person sees of the requests of the past, what a program reads of them, and forgetting them."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fal_cli.ledger.rows import State
from tests.conftest import Program
from tests.support.past_requests import PROMPT, Past, uuid
from tests.support.pseudo_terminal import Screen

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOSTILE = "line one\nline two\r\n\x1b[2J\x1b]0;owned\x07\x1b]52;c;aGk=\x07 \u202eevil\u202c [bold]x[/] \x9b31m"


@pytest.fixture
def past(home: Path) -> Past:
    return Past(home)


def _screen(program: Program, *words: str, columns: int = 100) -> Screen:
    """The program at its end, in a terminal."""
    screen = Screen([*program.argv, *words], program.env | {"TZ": "UTC"}, columns=columns)
    assert screen.finish() == 0
    return screen


def _lines(program: Program, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program("history", *words).text.splitlines()]


def _names(program: Program, *words: str) -> list[str]:
    return [line["request_id"] or f"@{line['local_id']}" for line in _lines(program, *words)]


class TestTable:
    def test_newest_first_with_what_matters_of_each(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), ago=9 * DAY, state=State.FAILED, error="it broke", endpoint="fal-ai/esrgan")
        past.add(uuid(2), ago=3 * HOUR, files=["/a.png", "/b.png"], result={})
        past.add(ago=3 * MINUTE, state=State.UNKNOWN, input_json={"seed": 7, "size": {"width": 1}})
        screen = _screen(fal, "history")
        title, *rows = screen.text.splitlines()
        assert title.split() == ["when", "id", "endpoint", "state", "files", "input"]
        assert [row.split("  ")[0] for row in rows[:3]] == ["3 min ago", "3 h ago", "9 d ago"]
        assert rows[0].split("  ", 1)[1].split() == ["@3", "fal-ai/flux/dev", "unknown", "seed=7,", "size={…}"]
        assert rows[1].split()[3:] == ["00000002", "fal-ai/flux/dev", "completed", "2", *PROMPT.split()]
        assert rows[2].split()[3:6] == ["00000001", "fal-ai/esrgan", "failed"]
        assert rows[3:] == ["1 unfinished: fal resume"]

    def test_what_is_due(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), state=State.ENDED, ago=2 * HOUR, ended_ago=90 * MINUTE)
        past.add(uuid(2), state=State.ENDED, ago=2 * HOUR, ended_ago=50 * MINUTE)
        past.add(uuid(3), state=State.ENDED, ago=2 * HOUR, ended_ago=10 * MINUTE)
        past.add(uuid(4), state=State.COMPLETED, ago=2 * HOUR, ended_ago=50 * MINUTE)
        past.add(uuid(5), state=State.EXPIRED)
        screen = _screen(fal, "history")
        until = past.now + 50 * MINUTE
        rows = screen.text.splitlines()
        shown = [row[rows[0].index("result") :].split("  ")[0] for row in rows]
        assert shown[:2] == ["result", "gone"]
        assert shown[2] == ""  # it was fetched: nothing is due
        assert shown[3] == f"until {until:%H:%M}"
        assert shown[4] == "gone in 9 min"
        assert b"\x1b[33mgone in 9 min" in screen.raw
        assert shown[5] == "gone"
        assert screen.text.endswith("3 unfinished, 1 about to go: fal resume")

    @pytest.mark.parametrize("columns", [200, 100, 80, 60, 40, 30, 20, 8])
    def test_every_width_keeps_each_row_on_its_line(self, fal: Program, past: Past, columns: int) -> None:
        past.add(uuid(1), endpoint="fal-ai/kling-video/v2.1/master/image-to-video", input_json={"prompt": "x" * 500})
        past.add(uuid(2), input_json={"prompt": "日本語の長いプロンプト" * 40})
        past.add(uuid(3), state=State.ENDED, ago=2 * HOUR, ended_ago=10 * MINUTE, files=["/a.png"])
        past.add(uuid(4), files=["/a.png"])
        screen = _screen(fal, "history", "-q", columns=columns)
        lines = screen.text.splitlines()
        assert len(lines) == 5
        assert [line for line in lines if len(line) > columns] == []
        assert all(line.endswith(("…", "input")) or "prompt" not in line for line in lines)

    def test_forty_columns_show_id_endpoint_and_state(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), endpoint="fal-ai/kling-video/v2.1/master/image-to-video")
        past.add(uuid(2))
        lines = _screen(fal, "history", columns=40).text.splitlines()
        assert lines == [
            "id        endpoint             state",
            "00000002  fal-ai/flux/dev      completed",
            "00000001  …ter/image-to-video  completed",
        ]

    def test_many_batches_do_not_hide_the_table(self, fal: Program, past: Past) -> None:
        for number in range(8):
            past.add(uuid(number), batch=f"b{number}", units="0", result={})
        lines = _screen(fal, "history").text.splitlines()
        assert lines[0] == "batch b7: 1 request (fal history --batch b7)"
        assert lines[4:] == ["batch b3: 1 request (fal history --batch b3)", "… and 3 more batches: fal batch"]

    def test_sixty_columns_show_the_input_before_the_cost(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), ago=30 * MINUTE, units="0", result={})
        title, row = _screen(fal, "history", columns=60).text.splitlines()
        assert title.split() == ["when", "id", "endpoint", "state", "input"]
        assert row.endswith("a cat in th…")

    def test_strangers_text_is_shown_and_not_obeyed(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), input_json={"prompt": HOSTILE}, endpoint="a/\x1b[2Jb", error=HOSTILE)
        screen = _screen(fal, "history", columns=200)
        assert "line one line two ␛[2J␛]0;owned␇␛]52;c;aGk=␇ <U+202E>evil<U+202C> [bold]x[/] <U+009B>31m" in screen.text
        assert "a/␛[2Jb" in screen.text
        for sequence in (b"\x1b[2J", b"\x1b]", "\u202e".encode(), b"\x07", "\x9b".encode()):
            assert sequence not in screen.raw

    @pytest.mark.parametrize(
        ("input_json", "hint"),
        [
            ({"image_url": "https://x/p.png", "prompt": "it flies"}, "it flies"),
            ({"negative_prompt": "rain", "seed": 7}, "rain"),
            ({"seed": 7, "text": "a\n\n b\tc"}, "a b c"),
            ({"seed": 7, "on": True, "list": [1]}, "seed=7, on=True, list=[…]"),
            ({"prompt": "", "seed": 1}, "prompt=, seed=1"),
        ],
    )
    def test_a_hint_of_the_input(self, fal: Program, past: Past, input_json: dict[str, Any], hint: str) -> None:
        past.add(uuid(1), input_json=input_json)
        assert _screen(fal, "history").text.splitlines()[1].endswith(f"completed  {hint}")

    def test_inputs_that_were_not_kept(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), input_json={"prompt": "secret"}, is_private=True)
        past.add(uuid(2), input_json={"prompt": "x" * 70_000})
        text = _screen(fal, "history").text
        assert "(private)" in text
        assert "(too long)" in text

    def test_ids_are_as_long_as_it_takes_to_be_alone_in_the_ledger(self, fal: Program, past: Past) -> None:
        alike = [f"01999999-aaaa-7bbb-8ccc-00000000000{number}" for number in range(3)]
        past.add(alike[0], ago=9 * DAY)  # not shown, and yet in the way
        past.add(alike[1])
        past.add(uuid(7))
        rows = _screen(fal, "history", "--since", "1d").text.splitlines()
        assert rows[1].split()[3] == uuid(7)[:8]
        assert rows[2].split()[3] == alike[1]
        assert _names(fal, "--since", "1d") == [uuid(7), alike[1]]
        assert json.loads(fal("history", "show", uuid(7)[:8]).stdout)["request_id"] == uuid(7)

    def test_twenty_at_first_and_all_on_demand(self, fal: Program, past: Past) -> None:
        for number in range(30):
            past.add(uuid(number))
        first = _screen(fal, "history").text.splitlines()
        assert len(first) == 22
        assert first[-1] == "the newest 20; --limit 0 shows all"
        assert len(_screen(fal, "history", "--limit", "0").text.splitlines()) == 31
        assert len(_screen(fal, "history", "--limit", "30").text.splitlines()) == 31

    def test_nothing_to_show_is_said_once(self, fal: Program, past: Past) -> None:
        assert _screen(fal, "history").text == "no requests yet"
        past.add(uuid(1))
        assert _screen(fal, "history", "--state", "failed").text == "no such requests"
        assert fal("history", "--state", "failed").stdout == b""

    @pytest.mark.parametrize("words", [("--no-color",), ()])
    def test_colour_is_left_out_where_it_is_not_wanted(self, fal: Program, past: Past, words: tuple[str, ...]) -> None:
        past.add(uuid(1))
        fal.env["NO_COLOR"] = "" if words else "1"
        assert b"\x1b[" not in _screen(fal, "history", *words).raw
        assert b"\x1b[" not in _screen(fal, "history", "show", "last", *words).raw


class TestFilters:
    @pytest.fixture
    def filled(self, fal: Program, past: Past) -> Program:
        past.add("completed-1", ago=40 * DAY, input_json={"prompt": 'say "hi"\n100% a_b'})
        past.add("failed-2", ago=9 * DAY, state=State.FAILED, error="out of memory", endpoint="fal-ai/flux/dev/image")
        past.add("private-3", ago=8 * DAY, is_private=True)
        past.add("ended-4", ago=3 * HOUR, state=State.ENDED, endpoint="fal-ai/flux")
        past.add("undelivered-5", ago=HOUR, delivered=False, endpoint="fal-ai/flux-pro")
        past.add(ago=MINUTE, state=State.REFUSED)
        return fal

    @pytest.mark.parametrize(
        ("words", "names"),
        [
            pytest.param((), "@6 undelivered-5 ended-4 private-3 failed-2 completed-1", id="all"),
            pytest.param(("--state", "failed"), "failed-2", id="state"),
            pytest.param(("--state", "failed,refused"), "@6 failed-2", id="states-by-comma"),
            pytest.param(("--state", "FAILED", "--state", "ended"), "ended-4 failed-2", id="states-repeated"),
            pytest.param(("--state", "open"), "undelivered-5 ended-4", id="open"),
            pytest.param(("--state", "unfinished,failed"), "undelivered-5 ended-4 failed-2", id="open-or-failed"),
            pytest.param(("--state", "not-sent"), "", id="none"),
            pytest.param(("--endpoint", "fal-ai/flux/dev"), "@6 private-3 failed-2 completed-1", id="endpoint"),
            pytest.param(("--endpoint", "fal-ai/flux"), "@6 ended-4 private-3 failed-2 completed-1", id="and-under-it"),
            pytest.param(("--since", "1d"), "@6 undelivered-5 ended-4", id="since-days"),
            pytest.param(("--since", "2h"), "@6 undelivered-5", id="since-hours"),
            pytest.param(("--since", "2000-01-01", "--limit", "1"), "@6", id="since-date-and-limit"),
            pytest.param(("--private",), "private-3", id="private"),
            pytest.param(("--search", 'say "hi"\n'), "completed-1", id="text-as-it-was-typed"),
            pytest.param(("--search", "100%"), "completed-1", id="no-wildcard"),
            pytest.param(("--search", "aXb"), "", id="no-wildcard-either"),
            pytest.param(("--search", "memory"), "failed-2", id="error"),
            pytest.param(("--search", "UNDELIVERED"), "undelivered-5", id="id"),
            pytest.param(("--search", "flux-pro", "--state", "open", "--since", "1d"), "undelivered-5", id="together"),
        ],
    )
    def test_filters(self, filled: Program, words: tuple[str, ...], names: str) -> None:
        assert _names(filled, *words) == names.split()

    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            pytest.param(("--state", "bogus"), "'bogus' is not one of sending, accepted,", id="state"),
            pytest.param(("--state", ""), "open, unfinished", id="no-state"),
            pytest.param(("--since", "soon"), "is not a time span (30d, 2h, 1w3d) or a date", id="since"),
            pytest.param(("--since", "7"), "is not a time span", id="since-number"),
            pytest.param(("--limit", "-1"), "--limit must be 0 or more", id="limit"),
            pytest.param(("--search", b"\xff".decode(errors="surrogateescape")), "not valid UTF-8", id="bytes"),
            pytest.param(("shwo", "last"), "no such command 'shwo'", id="subverb"),
            pytest.param(("clear",), "missing option '--before'", id="before"),
            pytest.param(("clear", "--before", "6m"), "would be minutes", id="months"),
        ],
    )
    def test_usage(self, filled: Program, words: tuple[str, ...], shown: str) -> None:
        done = filled("history", *words, code=2)
        assert shown in done.stderr
        assert done.stdout == b""


class TestForPrograms:
    def test_a_line_has_all_but_the_result(self, fal: Program, past: Past) -> None:
        past.add(
            uuid(1), ago=2 * HOUR, ended_ago=HOUR, units="3", tags={"team": "art"}, files=["/a.png"], profile="work",
            result={"secret": 1},
        )  # fmt: skip
        (line,) = _lines(fal)
        moments = {name: line.pop(name) for name in ("created_at", "ended_at", "expires_at")}
        assert moments["created_at"] == (past.now - 2 * HOUR).isoformat(timespec="milliseconds")
        assert moments["expires_at"] == past.now.isoformat(timespec="milliseconds")
        assert line == {
            "local_id": 1, "request_id": uuid(1), "endpoint": "fal-ai/flux/dev", "mode": "queue", "state": "completed",
            "open": False, "input": {"prompt": PROMPT}, "input_is_whole": True, "private": False, "profile": "work",
            "host": "https://queue.fal.run", "tags": {"team": "art"}, "error": None, "started_at": None,
            "batch": None, "batch_row": None,
            "inference_seconds": 2.5, "billable_units": "3", "files": ["/a.png"], "has_result": True,
            "cost": {"amount": None, "currency": None, "units": "3", "source": "not known"}, "reserved": None,
        }  # fmt: skip

    def test_json_on_a_terminal_is_the_same(self, fal: Program, past: Past) -> None:
        past.add(uuid(1))
        screen = _screen(fal, "history", "--json", columns=2000)
        row, end = map(json.loads, screen.text.splitlines())
        assert (row, end) == (_lines(fal)[0], {"event": "result", "code": 0})

    def test_nothing_is_imported_that_draws_or_calls(self, fal: Program, past: Past) -> None:
        past.add(uuid(1))
        argv = [sys.executable, "-X", "importtime", "-m", "fal_cli", "history"]
        done = subprocess.run(argv, env=fal.env, capture_output=True, check=True)
        imported = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}
        assert "fal_cli.commands.history.facts" in imported
        assert imported & {"rich", "requests", "starlette"} == set()

    def test_what_was_not_kept_is_null(self, fal: Program, past: Past) -> None:
        past.add(is_private=True, state=State.REFUSED, error="no")
        (line,) = _lines(fal)
        assert (line["request_id"], line["input"], line["private"], line["error"]) == (None, None, True, None)
        assert (line["billable_units"], line["expires_at"]) == (None, None)

    def test_a_reader_that_has_enough_ends_it(self, fal: Program, past: Past) -> None:
        for number in range(1000):
            past.add(uuid(number), ago=timedelta(seconds=number))
        process = fal.start("history")
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["request_id"] == uuid(999)
        process.stdout.close()
        assert process.wait(30) == 0

    def test_a_thousand_rows(self, fal: Program, past: Past) -> None:
        for number in range(1000):
            past.add(uuid(number), input_json={"prompt": f"number {number}"})
        assert len(_lines(fal)) == 1000
        began = time.monotonic()
        assert len(_screen(fal, "history", "--limit", "0").text.splitlines()) == 1001
        assert time.monotonic() - began < 20
        done = fal("history", "clear", "--before", "1h")
        assert "deleted 1000 requests" in done.stderr

    def test_the_sandbox_has_a_history_of_its_own(self, fal: Program, past: Past) -> None:
        past.add(uuid(1))
        request_id = fal("--sandbox", "submit", "sandbox/echo", "a=1").text.strip()
        assert _names(fal, "--sandbox") == [request_id]
        assert json.loads(fal("--sandbox", "history", "--json").stdout)["request_id"] == request_id
        assert _names(fal) == [uuid(1)]


class TestShow:
    def test_a_sheet(self, fal: Program, past: Past) -> None:
        past.add(
            uuid(1), ago=2 * HOUR, units="1", tags={"team": "art"}, files=["/out/a.png", "/out/b.png"],
            result={"images": [{"url": "https://x/1.png"}]},
        )  # fmt: skip
        lines = _screen(fal, "history", "show", "00000001").text.splitlines()
        entries = {line[:10].strip(): line[12:] for line in lines[: lines.index("input")] if line[:10].strip()}
        assert entries.pop("sent").endswith(" (2 h ago)")
        assert entries.pop("ended").endswith(" (2 h ago)")
        assert entries == {
            "request": uuid(1), "endpoint": "fal-ai/flux/dev", "state": "completed", "inference": "2.5 s",
            "billed": "1 unit", "result": "stored here", "files": "/out/a.png", "tags": "team=art", "mode": "queue",
            "host": "https://queue.fal.run", "number": "@1",
        }  # fmt: skip
        assert " " * 12 + "/out/b.png" in lines
        assert lines[lines.index("input") + 1 :][:3] == ["{", f'  "prompt": "{PROMPT}"', "}"]
        assert '      "url": "https://x/1.png"' in lines[lines.index("result") :]

    def test_what_is_unfinished_says_how_to_take_it_up(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), state=State.ENDED, ended_ago=50 * MINUTE)
        past.add(state=State.UNKNOWN, error=HOSTILE)
        text = _screen(fal, "history", "show", "@1", "@2", columns=120).text
        assert f"unfinished  its result was not fetched: fal resume {uuid(1)}" in text
        assert "result      gone in 9 min" in text
        assert "unfinished  its answer was lost, and it may be running: fal resume @2" in text
        assert "error       line one\n            line two" in text
        assert "␛[2J␛]0;owned␇" in text

    def test_strangers_text_is_shown_and_not_obeyed(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), input_json={"prompt": HOSTILE}, result={"text": HOSTILE}, files=[f"/{HOSTILE}"])
        past.add(uuid(2), body=HOSTILE.encode(), content_type="text/plain", tags={"k": HOSTILE})
        screen = _screen(fal, "history", "show", "@1", "@2", columns=200)
        for sequence in (b"\x1b[2J", b"\x1b]", "\u202e".encode(), b"\x07", "\x9b".encode()):
            assert sequence not in screen.raw
        assert screen.text.count("[bold]x[/]") == 5

    def test_a_line_with_the_result(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), result={"a": [1, 2]})
        past.add(uuid(2), body=b"a story", content_type="text/plain")
        past.add(uuid(3), body=b'{"a": NaN}')
        past.add(uuid(4), body=b"[" * 100_000)
        past.add(uuid(5), state=State.FAILED)
        lines = [json.loads(line) for line in fal("history", "show", "@1", "@2", "@3", "@4", "@5").text.splitlines()]
        assert [line["result"] for line in lines[:3]] == [{"a": [1, 2]}, "a story", '{"a": NaN}']
        assert lines[3]["result"] == "[" * 100_000
        assert (lines[4]["result"], lines[4]["result_is_whole"]) == (None, None)
        assert lines[1]["result_content_type"] == "text/plain"
        assert lines[0]["urls"] == {"status_url": f"https://queue.fal.run/requests/{uuid(1)}/status"}

    def test_a_ref_in_any_form(self, fal: Program, past: Past) -> None:
        past.add(uuid(1))
        past.add(state=State.REFUSED)
        url = f"https://queue.fal.run/fal-ai/flux/dev/requests/{uuid(1)}/status"
        numbers = [
            json.loads(fal("history", "show", ref).stdout)["local_id"]
            for ref in (uuid(1), "00000001", "@1", "last:2", url, "last", "@2")
        ]
        assert numbers == [1, 1, 1, 1, 1, 2, 2]

    @pytest.mark.parametrize("ref", ["nothing", "@99", "last:9"])
    def test_what_is_not_there(self, fal: Program, past: Past, ref: str) -> None:
        past.add(uuid(1))
        done = fal("history", "show", uuid(1), ref, code=5)
        assert done.stdout == b""
        assert ref in done.stderr

    def test_an_old_one_of_a_run(self, fal: Program) -> None:
        """What the program itself records is shown whole."""
        fal("--sandbox", "run", "sandbox/echo", "a=1", "sandbox.run=0", "--tag", "team=art")
        line = json.loads(fal("--sandbox", "history", "show", "last").stdout)
        assert (line["state"], line["open"], line["result"], line["tags"]) == (
            "completed", False, {"a": 1}, {"team": "art"},
        )  # fmt: skip
        assert line["input"]["a"] == 1


class TestForgetting:
    def test_rm(self, fal: Program, past: Past) -> None:
        for number in (1, 2, 3):
            past.add(uuid(number), result={"n": "a result to be overwritten"})
        done = fal("history", "rm", "@1", uuid(2), "@1")
        assert done.stderr.splitlines() == [
            f"deleted fal-ai/flux/dev request {uuid(1)}",
            f"deleted fal-ai/flux/dev request {uuid(2)}",
        ]
        assert done.stdout == b""
        assert _names(fal) == [uuid(3)]
        with sqlite3.connect(past.path) as db:
            assert db.execute("SELECT count(*) FROM results").fetchone() == (1,)

    @pytest.mark.parametrize(
        ("state", "why"),
        [
            (State.SENDING, "it may be on its way"),
            (State.ACCEPTED, "it may still be running"),
            (State.RUNNING, "it was running"),
            (State.ENDED, "its result was not fetched"),
            (State.UNKNOWN, "it may be running"),
        ],
    )
    def test_rm_refuses_what_is_unfinished(self, fal: Program, past: Past, state: State, why: str) -> None:
        past.add(uuid(1))
        name = "@2" if state is State.SENDING else uuid(2)
        past.add(name.partition("@")[0], state=state)
        done = fal("history", "rm", uuid(1), "@2", code=2)
        assert f"{name} is unfinished" in done.stderr
        assert why in done.stderr
        assert f"fal resume {name}" in done.stderr
        assert _names(fal) == [name, uuid(1)]  # all or nothing
        fal("history", "rm", uuid(1), name, "--force")
        assert _names(fal) == []

    def test_rm_refuses_a_result_that_was_not_handed_over(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), delivered=False)
        assert "its result was not printed or saved" in fal("history", "rm", "last", code=2).stderr

    def test_clear(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), ago=31 * DAY)
        past.add(uuid(2), ago=31 * DAY, state=State.UNKNOWN)
        past.add(uuid(3), ago=29 * DAY)
        done = fal("history", "clear", "--before", "30d")
        first, second = done.stderr.splitlines()
        assert first.startswith("deleted 1 request made before ")
        assert second == "1 request not deleted: unfinished; to pick them up: fal resume; to delete them: --force"
        assert _names(fal) == [uuid(3), uuid(2)]
        assert "deleted 1 request made" in fal("history", "clear", "--before", "30d", "--force").stderr
        assert fal("history", "clear", "--before", "30d").stderr.startswith("deleted 0 requests")
        assert _names(fal) == [uuid(3)]

    def test_clear_up_to_a_date(self, fal: Program, past: Past) -> None:
        past.add(uuid(1), ago=31 * DAY)
        day = (past.now - 30 * DAY).date().isoformat()
        assert "deleted 1 request" in fal("history", "clear", "--before", day).stderr


class TestTrouble:
    @pytest.mark.parametrize(
        "words",
        [
            pytest.param((), id="list"),
            pytest.param(("clear", "--before", "1d"), id="clear"),
            pytest.param(("--state", "open"), id="filter"),
        ],
    )
    @pytest.mark.parametrize("kind", ["folder", "garbage", "newer"])
    def test_a_ledger_that_cannot_be_read_is_an_error(
        self, fal: Program, home: Path, words: tuple[str, ...], kind: str
    ) -> None:
        path = home / "fal" / "state" / "ledger.db"
        path.parent.mkdir(parents=True)
        if kind == "folder":
            path.mkdir()
        elif kind == "garbage":
            path.write_bytes(os.urandom(10_000))
        else:
            with sqlite3.connect(path) as db:
                db.execute("PRAGMA user_version = 999")
        done = fal("history", *words, code=1)
        assert "the history cannot be used" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == b""

    def test_options_stand_on_either_side(self, fal: Program) -> None:
        fal("--sandbox", "submit", "sandbox/echo", "a=1")
        for words in (("--sandbox", "history", "show", "last"), ("history", "--sandbox", "show", "last"),
                      ("history", "show", "--sandbox", "last"), ("history", "show", "last", "--sandbox")):  # fmt: skip
            assert json.loads(fal(*words).stdout)["local_id"] == 1

    def test_help(self, fal: Program) -> None:
        text = fal("history", "--help").text
        assert "Show the requests of this machine" in text
        assert "fal history clear --before 30d" in text
        for subverb in ("show", "rm", "clear"):
            assert fal("history", subverb, "--help").text.startswith(f"Usage: fal history {subverb}")
