"""A realtime conversation with a scripted session: who is answered, who is not, and when a connection is left.

No socket and no clock here: what a session answers is written down, and every wait is over at once.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fal_cli import conversation
from fal_cli.api.errors import NotReached, Refused
from fal_cli.api.realtime import AppFailed, Ended, Received
from fal_cli.conversation import Conversation, Plan
from fal_cli.errors import CliError, Exit

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


class Scripted:
    """A session that does with each input what `script` says: it may `answer`, `end`, or raise."""

    def __init__(self, clock: Clock, script: Script) -> None:
        self._clock = clock
        self._script = script
        self._events: list[Received | Ended] = []
        self._changed = threading.Condition()
        self.sent: list[Any] = []
        self.closed_with_unanswered: int | None = None
        self._answers = 0

    def drop(self) -> None:
        """There is no connection to free."""

    def answer(self, value: Any) -> None:
        self._put(Received(value))

    def end(self, ended: Ended) -> None:
        self._put(ended)

    def _put(self, event: Received | Ended) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def send(self, value: Any) -> None:
        self.sent.append(value)
        self._script(self, value)

    def receive(self, seconds: float) -> Received | Ended | None:
        with self._changed:
            if not self._events:
                self._changed.wait(0.001)
            if not self._events:
                self._clock.now += seconds
                return None
            event = self._events.pop(0)
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
        usual: dict[str, Any] = {"defaults": {}, "throttle": 0.0, "idle": None, "warn": self.warnings.append}
        self._plan = Plan(connect=self._connect, answer=self.answers.append, **{**usual, **plan})

    def hold(self, values: Iterable[Any]) -> "Held":
        encoded = (value if isinstance(value, bytes) else json.dumps(value).encode() for value in values)
        Conversation(self._plan, encoded).hold()
        return self

    def _connect(self) -> Any:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        if isinstance(script, Exception):
            raise script
        self.sessions.append(Scripted(self._clock, script))
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
    late: list[Scripted] = []

    def script(session: Scripted, value: Any) -> None:
        if value == {"a": 1}:
            session.answer(value)
            return
        late.append(session)
        answering = threading.Timer(0.3, lambda: session.answer(value))
        answering.start()

    held = Held(clock, script).hold([{"a": 1}, {"a": 2}])
    assert held.answers == [{"a": 1}, {"a": 2}]
    assert late[0].closed_with_unanswered == 0


def test_further_results_are_heard_until_the_app_is_quiet(clock: Clock) -> None:
    held = Held(clock, then([{"n": 1}, {"n": 2}, {"n": 3}])).hold([{"a": 1}])
    assert held.answers == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        pytest.param([b"{", {"a": 1}], "line 1 held", id="one"),
        pytest.param([{"a": 1}, b"[1]", b"", b'"x"'], "lines 2, 4 held", id="two, an empty one between"),
        pytest.param([b"x"] * 11, "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … held", id="many"),
    ],
)
def test_malformed_lines_are_told_at_the_end(clock: Clock, lines: list[Any], named: str) -> None:
    held = Held(clock, echo)
    with pytest.raises(CliError, match=named) as caught:
        held.hold(lines)
    assert caught.value.code == Exit.FAILED
    assert held.answers == [{"a": 1}] * lines.count({"a": 1})


def test_a_cut_names_what_had_no_answer_and_the_rest_goes_on(clock: Clock) -> None:
    is_cut = threading.Event()

    def lines() -> Iterator[Any]:
        yield {"a": 1}
        yield {"a": 2}
        yield {"a": 3}
        is_cut.wait(10)
        yield {"a": 4}

    def warn(text: str) -> None:
        warnings.append(text)
        is_cut.set()

    warnings: list[str] = []
    held = Held(clock, then({"n": 1}, None, CUT), echo, warn=warn)
    with pytest.raises(CliError, match="no answer came to lines 2, 3: the connection was lost") as caught:
        held.hold(lines())
    assert caught.value.code == Exit.UNKNOWN_OUTCOME
    assert "not sent again" in caught.value.hint
    assert held.answers == [{"n": 1}, {"a": 4}]
    assert [session.sent for session in held.sessions] == [[{"a": 1}, {"a": 2}, {"a": 3}], [{"a": 4}]]
    assert warnings == ["the connection was cut; no answer came to lines 2, 3"]


def test_an_input_whose_sending_failed_may_have_arrived(clock: Clock) -> None:
    def broken(session: Scripted, value: Any) -> None:
        session.end(CUT)
        raise NotReached("the connection was lost")

    with pytest.raises(CliError, match="no answer came to line 1"):
        Held(clock, broken, echo).hold([{"a": 1}])


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


def test_the_apps_own_error_ends_it(clock: Clock) -> None:
    with pytest.raises(AppFailed, match="INTERNAL_ERROR: no cats"):
        Held(clock, then(Ended(1000, "INTERNAL_ERROR: no cats"))).hold([{"a": 1}])


def test_silence_beyond_the_limit_names_the_line(clock: Clock) -> None:
    with pytest.raises(CliError, match="no answer came to line 1: nothing came for 120 s") as caught:
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


def test_throttle_is_a_pause_after_each_input(clock: Clock) -> None:
    Held(clock, echo, throttle=0.5).hold([{"a": 1}, {"a": 2}])
    assert clock.slept.count(0.5) == 2
