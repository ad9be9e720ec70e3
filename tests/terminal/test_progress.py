"""Following without a live display: plain lines in steps of 10 %, JSON lines, and silence."""

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, LogLine, Offline, Queued, Retrying
from fal_cli.errors import Report
from fal_cli.terminal.progress.base import Display, View
from fal_cli.terminal.progress.machine import Machine
from fal_cli.terminal.progress.open import open_display
from fal_cli.terminal.progress.plain import Plain
from fal_cli.terminal.progress.tally import KEPT_LINES, Tally, clock, duration
from fal_cli.terminal.talk import Talk


def log(message: str) -> LogLine:
    return LogLine("2025-01-01T00:00:00Z", "STDOUT", message)


def bar(step: int, total: int = 100) -> LogLine:
    return log(f"{100 * step // total:3d}%|█████     | {step}/{total} [00:01<00:01,  9.87it/s]")


def running(*lines: LogLine) -> InProgress:
    return InProgress(lines)


def shown(
    events: Iterable[Event], *, logs: bool = False, level: int = 0, machine: bool = False, end: str = ""
) -> list[str]:
    """What is on stderr after the events."""
    stream = io.StringIO()
    talk = Talk(stream, level=level, machine=machine)
    with View(open_display(talk, is_terminal=False, color=False, of_one=True, logs=logs), "a/b") as view:
        view.submitted("r-1")
        for event in events:
            view.show(event)
        if end:
            view.finished(end, "1")
    return stream.getvalue().splitlines()


FIRST = "a/b request r-1"


class TestChoice:
    @pytest.mark.parametrize(
        ("options", "kind"),
        [
            pytest.param({}, Plain, id="plain"),
            pytest.param({"machine": True}, Machine, id="--json"),
            pytest.param({"machine": True, "level": -1}, Machine, id="--json -q"),
            pytest.param({"level": -1}, Display, id="-q"),
        ],
    )
    def test_without_a_terminal(self, options: dict[str, Any], kind: type[Display]) -> None:
        assert type(open_display(Talk(io.StringIO(), **options), is_terminal=False, color=False)) is kind

    def test_silence_and_json_win_over_a_terminal(self) -> None:
        for options, kind in (({"level": -1}, Display), ({"machine": True}, Machine)):
            talk = Talk(io.StringIO(), **options)
            assert type(open_display(talk, is_terminal=True, color=True, logs=True)) is kind


class TestPlain:
    @pytest.mark.parametrize(
        ("events", "lines"),
        [
            pytest.param([], [], id="only the id"),
            pytest.param(
                [Queued(3), Queued(1), Queued(0)],
                ["queued, position 3", "queued, position 1", "queued, position 0"],
                id="positions",
            ),
            pytest.param([Queued(2), Queued(2), Queued(2)], ["queued, position 2"], id="a line a change"),
            pytest.param([Queued(None), running(), running()], ["queued", "running"], id="states"),
            pytest.param(
                [running(), Queued(0), running()],
                ["running", "queued, position 0", "running"],
                id="put back into the line",
            ),
            pytest.param([running(log("secret of the model"))], ["running"], id="log lines only when asked for"),
            pytest.param([running(bar(10), bar(20))], ["running", "  10 %", "  20 %"], id="steps"),
            pytest.param(
                [running(*(bar(step) for step in range(30)))],
                ["running", "  10 %", "  20 %"],
                id="no line between steps",
            ),
            pytest.param([running(bar(5))], ["running"], id="nothing below the first step"),
            pytest.param([running(bar(19), bar(55))], ["running", "  10 %", "  50 %"], id="steps are rounded down"),
            pytest.param(
                [running(bar(1, 3), bar(2, 3), bar(3, 3))], ["running", "  30 %", "  60 %", "  100 %"], id="thirds"
            ),
            pytest.param([running(bar(50)), running(bar(50))], ["running", "  50 %"], id="each step once"),
            pytest.param([running(bar(100), bar(0), bar(30))], ["running", "  100 %", "  30 %"], id="a second bar"),
            pytest.param(
                [running(bar(50), bar(20))], ["running", "  50 %", "  20 %"], id="a second bar that is further already"
            ),
            pytest.param(
                [running(bar(50)), Queued(0), running(bar(50))],
                ["running", "  50 %", "queued, position 0", "running", "  50 %"],
                id="a second attempt",
            ),
            pytest.param(
                [running(bar(90)), Completed((bar(100),))], ["running", "  90 %", "  100 %"], id="the last lines"
            ),
        ],
    )
    def test_lines(self, events: list[Event], lines: list[str]) -> None:
        assert shown(events) == [FIRST, *lines]

    def test_with_logs(self) -> None:
        events: list[Event] = [
            running(log("loading\n"), log("a\x1b[2J\nb")),
            Completed((log('{"traceback": "x\\ny"}'), bar(100))),
        ]
        assert shown(events, logs=True) == [FIRST, "running", "  loading", "  a␛[2J", "  b", "  x", "  y", "  100 %"]

    def test_closing_line(self) -> None:
        lines = shown([running(), Completed(inference_seconds=2.5)], end="done")
        assert re.fullmatch(r"done in \d\.\d s \(queued \d\.\d s, inference 2\.5 s\), 1 billable unit", lines[-1])

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 100)).map(sorted))
    def test_one_bar_is_at_most_ten_lines(self, steps: list[int]) -> None:
        lines = shown([running(*map(bar, steps))])
        assert lines[2:] == [f"  {ten} %" for ten in sorted({step // 10 * 10 for step in steps} - {0})]

    @pytest.mark.parametrize(
        ("events", "lines"),
        [
            pytest.param(
                [Retrying("status", "HTTP 503", 1, 0.5)],
                ["status failed (HTTP 503); trying again in 0.5 s"],
                id="a retry",
            ),
            pytest.param(
                [Offline("no route", 0.0)], ["offline (no route); the request goes on, still trying"], id="offline"
            ),
            pytest.param(
                [Offline("no route", 3e-7)], ["offline (no route); the request goes on, still trying"], id="just now"
            ),
            pytest.param(
                [Offline("x", 0.0), Offline("x", 5.0), Offline("x", 59.0)],
                ["offline (x); the request goes on, still trying"],
                id="not every time",
            ),
            pytest.param(
                [Offline("x", 0.0), Offline("x", 61.0), Offline("x", 100.0), Offline("x", 125.0)],
                [
                    "offline (x); the request goes on, still trying",
                    "offline since 1 min 01 s (x); the request goes on, still trying",
                    "offline since 2 min 05 s (x); the request goes on, still trying",
                ],
                id="once a minute",
            ),
            pytest.param([BackOnline(75.0)], ["online again after 1 min 15 s"], id="back"),
        ],
    )
    def test_trouble(self, events: list[Event], lines: list[str]) -> None:
        assert shown(events) == [FIRST, *lines]

    def test_each_outage_is_told(self) -> None:
        outage: list[Event] = [Offline("x", 2e-7), Offline("x", 0.6), BackOnline(1.0)]
        assert sum(line.startswith("offline") for line in shown([*outage, *outage])) == 2

    def test_strangers_text_is_made_visible(self) -> None:
        (line,) = shown([Offline("evil\x1b[2J\nhost", 0.0)])[1:]
        assert "\x1b" not in line
        assert "evil␛[2J␊host" in line


class TestLastWords:
    def lines(self, kind: Callable[[Talk], Display], *events: Event) -> list[str]:
        view = View(kind(Talk(io.StringIO())), "a/b")
        for event in events:
            view.show(event)
        return view.last_words()

    def plain(self, talk: Talk) -> Display:
        return Plain(talk, of_one=True)

    def test_the_last_twenty(self) -> None:
        events: list[Event] = [
            running(*(log(f"line {number}") for number in range(15))),
            Completed((log("line 15"), log("line 16"))),
        ]
        more = running(*(log(f"line {number}") for number in range(17, 30)))
        assert self.lines(self.plain, *events, more) == [f"line {number}" for number in range(30 - KEPT_LINES, 30)]
        assert KEPT_LINES == 20

    def test_progress_is_not_among_them(self) -> None:
        assert self.lines(self.plain, running(bar(10), log("x"), bar(20))) == ["x"]

    def test_a_traceback_is_unwrapped(self) -> None:
        assert self.lines(self.plain, Completed((log('{"traceback": "a\\nb"}'),))) == ["a", "b"]

    def test_nothing_twice(self) -> None:
        assert self.lines(lambda talk: Plain(talk, of_one=True, logs=True), running(log("x"))) == []
        assert self.lines(lambda talk: Machine(talk, of_one=True), running(log("x"))) == []

    def test_after_silence(self) -> None:
        assert self.lines(lambda talk: Display(talk, of_one=True), running(log("x"))) == ["x"]


class TestQuiet:
    def test_only_the_id_is_said(self) -> None:
        events: list[Event] = [Queued(1), running(log("x"), bar(50)), Offline("x", 0.0), BackOnline(1.0), Completed()]
        assert shown(events, level=-1, logs=True, end="done") == [FIRST]


class TestMachine:
    def facts(self, *events: Event, **options: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in shown(events, machine=True, **options)]

    def test_every_line_is_an_object(self) -> None:
        found = self.facts(
            Queued(2),
            Queued(2),
            running(log("a\nb[c]")),
            running(log("more")),
            Retrying("status", "HTTP 503", 1, 0.5),
            Offline("x", 3.5),
            Offline("x", 8.5),
            BackOnline(4.0),
            Completed((), 2.5, "it broke", "t"),
            end="failed",
        )
        assert found == [
            {"event": "request", "endpoint": "a/b", "request_id": "r-1"},
            {"event": "queued", "position": 2},
            {"event": "inprogress"},
            {"event": "retrying", "what": "status", "reason": "HTTP 503", "attempt": 1, "delay": 0.5},
            {"event": "offline", "reason": "x", "seconds": 3.5},
            {"event": "backonline", "seconds": 4.0},
            {"event": "completed", "error": "it broke", "error_type": "t"},
        ]

    def test_log_lines_are_asked_for(self) -> None:
        line = {"event": "log", "timestamp": "2025-01-01T00:00:00Z", "level": "STDOUT", "message": "a\nb[c]"}
        assert self.facts(running(log("a\nb[c]")), logs=True)[1:] == [{"event": "inprogress"}, line]

    def test_a_place_in_the_line_and_progress_come_every_five_seconds(self) -> None:
        now, told = [100.0], io.StringIO()
        display = Machine(Talk(told, machine=True), of_one=True, clock=lambda: now[0])
        display.add("", "a/b")
        for step, event in enumerate([Queued(3), Queued(2), Queued(1), *(running(bar(n)) for n in range(0, 100, 5))]):
            now[0] = 100 + step / 2
            display.show("", event)
        found = [json.loads(line) for line in told.getvalue().splitlines()]
        assert found == [
            {"event": "queued", "position": 3},
            {"event": "inprogress"},
            {"event": "progress", "percent": 30},
            {"event": "progress", "percent": 80},
        ]

    def test_of_many_only_the_end_is_told(self) -> None:
        told = io.StringIO()
        display = Machine(Talk(told, machine=True))
        display.add("r-1", "a/b").request_id = "r-1"
        for event in (Queued(1), running(log("x")), Completed()):
            display.show("r-1", event)
        display.ended("r-1", "done", "2")
        (found,) = [json.loads(line) for line in told.getvalue().splitlines()]
        assert found.pop("seconds") >= 0
        assert found == {"event": "finished", "verdict": "done", "request_id": "r-1", "billable_units": "2"}

    def test_the_closing_line_sums_up(self) -> None:
        told = io.StringIO()
        talk = Talk(told, machine=True)
        talk.sum_up(request_id="r-1", files=None)
        talk.result(7)
        assert json.loads(told.getvalue()) == {"event": "result", "code": 7, "request_id": "r-1"}
        Talk(told, level=2).result(0)
        assert told.getvalue().count("\n") == 1

    @pytest.mark.parametrize(("level", "events"), [(0, []), (1, ["note"])])
    def test_notes_are_for_people(self, level: int, events: list[str]) -> None:
        told = io.StringIO()
        Talk(told, machine=True, level=level).note("a hint")
        assert [json.loads(line)["event"] for line in told.getvalue().splitlines()] == events

    def test_quiet_leaves_the_id(self) -> None:
        (only,) = self.facts(Queued(1), Completed(), level=-1, end="done")
        assert only["request_id"] == "r-1"

    def test_an_error_is_a_line_too(self) -> None:
        stream = io.StringIO()
        talk = Talk(stream, machine=True, level=-1)
        talk.error(Report(4, "refused", ("a: b",), "hint", "r-1", "t", 422, kind="input_refused", next=("fal", "help")))
        assert json.loads(stream.getvalue()) == {
            "event": "error",
            "kind": "input_refused",
            "code": 4,
            "again": "fixed",
            "message": "refused",
            "fields": [],
            "next": ["fal", "help"],
            "request_id": "r-1",
            "status": 422,
            "error_type": "t",
            "details": ["a: b"],
            "hint": "hint",
        }


class TestTally:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0.0, "0.0 s"),
            (0.64, "0.6 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 min 00 s"),
            (185.0, "3 min 05 s"),
            (3599.4, "59 min 59 s"),
            (3599.6, "1 h 00 min"),
            (3725.0, "1 h 02 min"),
            (90_000.0, "25 h 00 min"),
        ],
    )
    def test_duration(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text

    @settings(deadline=None)
    @given(st.floats(0, 1e6))
    def test_duration_never_shows_sixty(self, seconds: float) -> None:
        assert not re.search(r"\b60\b", duration(seconds).replace("60 h", ""))

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0.0, "0:00"), (7.9, "0:07"), (754.0, "12:34"), (3599.9, "59:59"), (3723.0, "1:02:03")],
    )
    def test_clock(self, seconds: float, text: str) -> None:
        assert clock(seconds) == text

    @pytest.mark.parametrize(
        ("billable", "width", "pattern"),
        [
            pytest.param("1", None, r"done in \S+ s \(queued \S+ s, inference 2\.5 s\), 1 billable unit", id="all"),
            pytest.param("2.5", None, r"done in .*\), 2\.5 billable units", id="several units"),
            pytest.param("", None, r"done in \S+ s \(queued \S+ s, inference 2\.5 s\)", id="units unknown"),
            pytest.param("1", 40, r"done in \S+ s, 1 billable unit", id="less room"),
            pytest.param("1", 15, r"done in \S+ s", id="little room"),
            pytest.param("1", 3, r"done in \S+ s", id="no room"),
        ],
    )
    def test_closing(self, billable: str, width: int | None, pattern: str) -> None:
        tally = Tally("a/b")
        for event in (Queued(0), running(), Completed(inference_seconds=2.5)):
            tally.count(event)
        assert re.fullmatch(pattern, tally.closing("done", billable, width))

    def test_state(self) -> None:
        tally = Tally("a/b")
        states: list[tuple[str, int | None, bool]] = []
        for event in (Queued(2), running(bar(50)), Queued(1), running(), Completed()):
            tally.count(event)
            states.append((tally.state, tally.position, tally.progress is not None))
        assert [state for state, _, _ in states] == ["queued", "running", "queued", "running", "completed"]
        assert [has for _, _, has in states] == [False, True, False, False, False], "a second attempt begins anew"
        assert tally.running_since is not None
