"""A realtime conversation with a scripted session: who is answered, who is not, and when a connection is left.

No socket and no clock here: what a session answers is written down, and every wait is over at once.
"""

import json
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fal_cli.api.errors import NotReached, Refused
from fal_cli.api.realtime import Ended, Failed, Received
from fal_cli.calls import conversation
from fal_cli.calls.conversation import AppFailed, Conversation, Plan
from fal_cli.errors import CliError, Exit
from fal_cli.inputs.stdin import Lines
from fal_cli.schema.protocol import Protocol

GOOD, CUT = Ended(1000), Ended(None)
Script = Callable[["Scripted", Any], None]


class Clock:
    """Time that passes only where somebody waits for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(conversation, "time", SimpleNamespace(monotonic=found.monotonic, sleep=found.sleep))
    return found


class Fed:
    """Lines of stdin that are there when they are: a `None` among them is a wait until `is_open`."""

    descriptor = 0

    def __init__(self, values: Iterable[Any], is_open: Callable[[], bool]) -> None:
        self._lines = [value if isinstance(value, bytes | None) else json.dumps(value).encode() for value in values]
        self._is_open = is_open
        self.is_over = False

    @property
    def is_ready(self) -> bool:
        return not self._lines or self._lines[0] is not None or self._is_open()

    def take(self) -> list[bytes]:
        assert self.is_ready, "this would wait for ever"
        line = self._lines.pop(0) if self._lines else None
        if line is None and self._lines:
            line = self._lines.pop(0)
        self.is_over = line is None
        return [] if line is None else [line]


class Scripted:
    """A session that does with each input what `script` says: it may `answer`, `end`, or raise."""

    def __init__(self, clock: Clock, script: Script, fed: Fed) -> None:
        self._clock = clock
        self._script = script
        self._fed = fed
        self._events: list[tuple[float, Received | Failed | Ended | None]] = []
        self.sent: list[Any] = []
        self.sent_at: list[float] = []
        self.closed_with_unanswered: int | None = None
        self.is_broken = self.is_midway = False
        self._answers = 0

    def drop(self) -> None:
        """There is no connection to free."""

    def answer(self, value: Any, *, after: float = 0.0) -> None:
        self._events.append((self._clock.now + after, Received(value)))

    def arrives_over(self, seconds: float, value: Any) -> None:
        """An answer whose parts come each quarter of a second."""
        self._events += [(self._clock.now + part / 4, None) for part in range(int(seconds * 4))]
        self._events.append((self._clock.now + seconds, Received(value)))

    def fail(self, message: str) -> None:
        self._events.append((self._clock.now, Failed(message)))

    def end(self, ended: Ended) -> None:
        self._events.append((self._clock.now, ended))

    def send(self, value: Any) -> None:
        self.sent.append(value)
        self.sent_at.append(self._clock.now)
        self._script(self, value)

    def wait(self, seconds: float, other: int | None = None) -> tuple[bool, bool]:
        is_heard = bool(self._events) and self._events[0][0] <= self._clock.now
        is_there = other is not None and self._fed.is_ready
        if not (is_heard or is_there):
            self._clock.now += seconds
        return is_heard, is_there

    def receive(self) -> Received | Failed | Ended | None:
        _, event = self._events.pop(0)
        self.is_midway = event is None
        self._answers += isinstance(event, Received)
        return event

    def close(self) -> None:
        self.closed_with_unanswered = len(self.sent) - self._answers


class Held:
    """A conversation that was held: what it answered and said, and its sessions."""

    def __init__(self, clock: Clock, *scripts: Script | Exception, **plan: Any) -> None:
        self._clock = clock
        self._scripts = list(scripts)
        self.sessions: list[Scripted] = []
        self.answers: list[Any] = []
        self.warnings: list[str] = []
        self.renewals: list[None] = []
        usual: dict[str, Any] = {
            "defaults": {}, "throttle": 0.0, "idle": None, "linger": None, "protocol": Protocol(),
            "warn": self.warnings.append, "renew": lambda: self.renewals.append(None),
        }  # fmt: skip
        self._plan = Plan(**{"connect": self._connect, "answer": self.answers.append, **usual, **plan})

    def hold(self, values: Iterable[Any]) -> "Held":
        self._fed = Fed(values, lambda: bool(self.warnings))
        Conversation(self._plan, cast(Lines, self._fed)).hold()
        return self

    def _connect(self) -> Any:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        if isinstance(script, Exception):
            raise script
        self.sessions.append(Scripted(self._clock, script, self._fed))
        return self.sessions[-1]


def echo(session: Scripted, value: Any) -> None:
    session.answer(value)


def silent(session: Scripted, value: Any) -> None:
    """Never answers."""


def then(*ends: Any) -> Script:
    """Does one thing after the other with the inputs: a value is an answer, an `Ended` an end, None nothing."""
    left = list(ends)

    def script(session: Scripted, value: Any) -> None:
        step = left.pop(0)
        for one in step if isinstance(step, list) else [step]:
            if isinstance(one, Exception):
                raise one
            if isinstance(one, Ended):
                session.end(one)
            elif one is not None:
                session.answer(one)

    return script


def test_each_line_is_answered_in_order(clock: Clock) -> None:
    held = Held(clock, echo, defaults={"d": 1}).hold([{"a": 1}, {"a": 2, "d": 3}])
    assert held.answers == [{"d": 1, "a": 1}, {"d": 3, "a": 2}]
    assert held.warnings == []
    assert len(held.sessions) == 1


def test_no_line_and_no_default_is_no_session(clock: Clock) -> None:
    assert Held(clock, echo).hold([]).sessions == []
    assert Held(clock, echo).hold([b"\n", b"  "]).sessions == []
    assert Held(clock, echo, defaults={"a": 1}).hold([]).answers == [{"a": 1}]


def test_a_connection_is_never_closed_while_an_answer_is_awaited(clock: Clock) -> None:
    """The last answer comes an hour after the last input."""
    held = Held(clock, lambda session, value: session.answer(value, after=3600.0 * value["a"]))
    held.hold([{"a": 0}, {"a": 1}])
    assert held.answers == [{"a": 0}, {"a": 1}]
    assert held.sessions[0].closed_with_unanswered == 0


def test_further_results_are_heard_until_the_app_is_quiet(clock: Clock) -> None:
    held = Held(clock, then([{"n": 1}, {"n": 2}, {"n": 3}])).hold([{"a": 1}])
    assert held.answers == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        pytest.param([b"{", {"a": 1}], "line 1: not a JSON object", id="one"),
        pytest.param([{"a": 1}, b"[1]", b"", b'"x"'], "lines 2, 4: not a JSON object", id="two, an empty one between"),
        pytest.param([b"x"] * 11, "lines 1-11: not a JSON object", id="many"),
    ],
)
def test_malformed_lines_are_told_at_the_end(clock: Clock, lines: list[Any], named: str) -> None:
    held = Held(clock, echo)
    with pytest.raises(CliError, match=named) as caught:
        held.hold(lines)
    assert caught.value.code == Exit.FAILED
    assert held.answers == [{"a": 1}] * lines.count({"a": 1})


def test_a_cut_names_what_had_no_answer_and_the_rest_goes_on(clock: Clock) -> None:
    held = Held(clock, then({"n": 1}, None, CUT), echo)
    with pytest.raises(CliError, match="no answer came to lines 2, 3: the connection was lost") as caught:
        held.hold([{"a": 1}, {"a": 2}, {"a": 3}, None, {"a": 4}])
    assert caught.value.code == Exit.UNKNOWN_OUTCOME
    assert "not sent again" in caught.value.hint
    assert held.answers == [{"n": 1}, {"a": 4}]
    assert [session.sent for session in held.sessions] == [[{"a": 1}, {"a": 2}, {"a": 3}], [{"a": 4}]]
    assert held.warnings == ["the connection was cut; no answer came to lines 2, 3"]


def test_an_input_whose_sending_failed_may_have_arrived(clock: Clock) -> None:
    def broken(session: Scripted, value: Any) -> None:
        session.end(CUT)
        raise NotReached("the connection was lost")

    with pytest.raises(CliError, match="no answer came to line 1"):
        Held(clock, broken, echo).hold([{"a": 1}])


def test_after_a_failed_sending_the_next_input_waits_for_the_next_connection(clock: Clock) -> None:
    def broken(session: Scripted, value: Any) -> None:
        session.answer({"late": 1})
        session.end(CUT)
        session.is_broken = True
        raise NotReached("the connection was lost")

    held = Held(clock, broken, echo).hold([{"a": 1}, {"a": 2}])
    assert [session.sent for session in held.sessions] == [[{"a": 1}], [{"a": 2}]]
    assert held.answers == [{"late": 1}, {"a": 2}]


@pytest.mark.parametrize("code", [1001, 1006, 1008, 1009, 1011, 1012])
def test_any_other_code_is_no_good_end(clock: Clock, code: int) -> None:
    held = Held(clock, then(Ended(code)))
    with pytest.raises(CliError, match="line 1"):
        held.hold([{"a": 1}])
    assert held.warnings == [f"the connection was closed with code {code}; no answer came to line 1"]


def test_a_good_end_without_an_answer_is_told(clock: Clock) -> None:
    held = Held(clock, then({"n": 1}, GOOD)).hold([{"a": 1}, {"a": 2}])
    assert held.answers == [{"n": 1}]
    assert held.warnings == ["the session ended without an answer to line 2"]


def test_a_good_end_without_any_answer_is_no_success(clock: Clock) -> None:
    held = Held(clock, then(None, GOOD))
    with pytest.raises(CliError, match="no answer came to lines 1, 2: the app ended the session") as caught:
        held.hold([{"a": 1}, {"a": 2}])
    assert caught.value.code == Exit.UNKNOWN_OUTCOME


def test_the_apps_own_error_ends_it(clock: Clock) -> None:
    with pytest.raises(AppFailed, match="INTERNAL_ERROR: no cats"):
        Held(clock, then(Ended(1000, "INTERNAL_ERROR: no cats"))).hold([{"a": 1}])


def test_silence_beyond_the_limit_names_the_line(clock: Clock) -> None:
    with pytest.raises(CliError, match="no answer came to line 1: nothing arrived for 120 s") as caught:
        Held(clock, silent, idle=120.0).hold([{"a": 1}])
    assert caught.value.code == Exit.UNKNOWN_OUTCOME
    assert clock.now >= 120.0


def test_a_failed_connection_is_tried_again_with_growing_pauses(clock: Clock) -> None:
    assert Held(clock, *[NotReached("no connection")] * 4, echo).hold([{"a": 1}]).answers == [{"a": 1}]
    assert len(clock.slept) == 4
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[0] < clock.slept[-1] <= 10.0


def test_a_connection_that_never_comes_is_given_up_on(clock: Clock) -> None:
    held = Held(clock, NotReached("no connection"))
    with pytest.raises(NotReached):
        held.hold([{"a": 1}])
    assert len(held.warnings) == len(clock.slept) >= 4


def test_a_refusal_is_not_tried_again(clock: Clock) -> None:
    with pytest.raises(Refused):
        Held(clock, Refused("no", status=403)).hold([{"a": 1}])
    assert clock.slept == []


def test_throttle_is_a_pause_between_two_inputs(clock: Clock) -> None:
    held = Held(clock, echo, throttle=0.5).hold([{"a": 1}, {"a": 2}, {"a": 3}])
    assert held.sessions[0].sent_at == [0.0, 0.5, 1.0]


def test_the_wait_for_an_answer_begins_with_its_input(clock: Clock) -> None:
    """Whoever types for a while before the next line still has the whole limit for its answer."""

    def script(session: Scripted, value: Any) -> None:
        clock.now += 100.0 if value == {"a": 1} else 0.0
        session.answer(value, after=50.0)

    held = Held(clock, script, idle=120.0).hold([{"a": 1}, {"a": 2}])
    assert held.answers == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "refusal", [Refused("not now", status=429), NotReached("no connection")], ids=["refused", "not reached"]
)
def test_what_was_lost_before_a_connection_that_cannot_be_opened_again_is_told(
    clock: Clock, refusal: Exception
) -> None:
    held = Held(clock, then({"n": 1}, Ended(1011)), refusal)
    with pytest.raises(CliError, match="no answer came to line 2: the connection was lost, then: no") as caught:
        held.hold([{"a": 1}, {"a": 2}, None, {"a": 3}])
    assert caught.value.code == Exit.UNKNOWN_OUTCOME
    assert "Not sent: line 3 and everything after." in caught.value.hint


def test_the_apps_own_error_and_a_failing_writer_name_what_has_no_answer(clock: Clock) -> None:
    def full(value: Any) -> None:
        raise CliError("cannot write to stdout", hint="Make room.")

    with pytest.raises(AppFailed) as caught:
        Held(clock, then({"n": 1}, None, Ended(1000, "INTERNAL_ERROR"))).hold([{"a": 1}, {"a": 2}, {"a": 3}])
    assert caught.value.hint == "No answer came to lines 2, 3, which may have run and may be billed."
    with pytest.raises(CliError) as failed:
        Held(clock, then(None, [{"n": 1}]), answer=full).hold([{"a": 1}, {"a": 2}])
    assert failed.value.hint == "Make room.\nNo answer came to line 2, which may have run and may be billed."


def test_connections_that_bring_nothing_are_opened_ever_more_seldom_and_then_not_at_all(clock: Clock) -> None:
    """Each of them costs an input."""
    held = Held(clock, then(CUT), then(CUT), then(CUT), then(CUT), then(CUT), echo)
    with pytest.raises(CliError, match="no answer came to lines 1-5") as caught:
        held.hold([{"a": number} for number in range(1, 9)])
    assert caught.value.code == Exit.UNKNOWN_OUTCOME
    assert len(held.sessions) == 5
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == 3


def test_throttle_is_waited_out_before_a_connection_is_opened(clock: Clock) -> None:
    held = Held(clock, then([{"n": 1}, Ended(1012)]), echo, throttle=3.0).hold([{"a": 1}, {"a": 2}])
    assert (len(held.sessions), clock.slept, held.answers) == (2, [3.0], [{"n": 1}, {"a": 2}])


def test_a_result_on_its_way_is_no_silence(clock: Clock) -> None:
    def script(session: Scripted, value: Any) -> None:
        session.arrives_over(5.0, value)

    assert Held(clock, script, idle=2.0).hold([{"a": 1}]).answers == [{"a": 1}]


def test_a_slow_reader_of_the_answers_is_no_silence_of_the_app(clock: Clock) -> None:
    def slow(value: Any) -> None:
        clock.now += 4.0
        answers.append(value)

    def script(session: Scripted, value: Any) -> None:
        session.answer(value, after=0.1)

    answers: list[Any] = []
    Held(clock, script, idle=2.0, answer=slow).hold([{"a": 1}, {"a": 2}, {"a": 3}])
    assert answers == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_empty_lines_do_not_put_off_the_limit(clock: Clock) -> None:
    def tick(text: str) -> None:
        clock.now += 0.5

    with pytest.raises(CliError, match="no answer came to line 1: nothing arrived for 2 s"):
        Held(clock, silent, idle=2.0, warn=tick).hold([{"a": 1}, *[b"no JSON"] * 1000])
    assert clock.now < 4.0


def test_a_cut_after_the_last_answer_may_have_lost_more_and_was_paid_for(clock: Clock) -> None:
    def script(session: Scripted, value: Any) -> None:
        session.answer(value)
        session.end(CUT)

    held = Held(clock, script)
    with pytest.raises(CliError) as raised:
        held.hold([{"a": 1}])
    assert raised.value.code == Exit.UNKNOWN_OUTCOME
    assert held.answers == [{"a": 1}]


def test_a_cut_after_an_error_leaves_the_error(clock: Clock) -> None:
    def script(session: Scripted, value: Any) -> None:
        session.fail("the input is bad")
        session.end(CUT)

    with pytest.raises(AppFailed, match="the input is bad"):
        Held(clock, script).hold([{"a": 1}])
