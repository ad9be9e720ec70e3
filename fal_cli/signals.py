"""Signals. SIGINT, SIGTERM and SIGHUP end the program as one exception, except while a submit is answered.

A `KeyboardInterrupt` in the middle of a paid POST would lose the id of a request that runs and is billed. So from
the first byte of a submit until its id is on disk a signal is held; the answer is awaited up to ten seconds, and a
second signal gives up. Handlers belong to the process and are set once, in the main thread: a submit in any thread
only says that it is on its way. `Interrupted` is raised in the main thread alone.
"""

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from fal_cli.api.errors import Phase

if TYPE_CHECKING:
    from fal_cli.api.phases import Exchange

GRACE_SECONDS = 10.0
_IN_A_MOMENT_SECONDS = 0.02
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_handled: set[int] = set()
_on_the_way: "list[SubmitShield]" = []
_noting: "list[Noted]" = []
_held: int | None = None
_unraisable: "list[Callable[[sys.UnraisableHookArgs], Any]]" = []
_coming: set[int] = set()
_around_stop: list[tuple[Callable[[], None], Callable[[], None]]] = []


class Interrupted(BaseException):
    """The person or the system asked the program to end. No `Exception`, so that nothing swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum

    @property
    def code(self) -> int:
        """128 + the signal's number, as shells have it."""
        return 128 + self.signum


def install(*, again: bool = False) -> None:
    """Makes each ending signal raise `Interrupted` in the main thread. One ignored from the start (nohup) stays so.

    With `again` after a first one, which had them ignored.
    """
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            _handled.add(number)
        if number in _handled if again else signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _give_up)
    if sys.unraisablehook is not _not_lost:
        _unraisable.append(sys.unraisablehook)
        sys.unraisablehook = _not_lost


def _not_lost(unraisable: "sys.UnraisableHookArgs") -> None:
    """Takes up an `Interrupted` that Python drops: one raised within a finalizer or the callback of a weak reference.

    A handler runs between any two instructions of the main thread, so also in those, of whatever library. The program
    would go on, deaf to every further signal. The same signal comes again in a moment, when that is over.
    """
    if not isinstance(unraisable.exc_value, Interrupted):
        _unraisable[-1](unraisable)
        return
    install(again=True)
    _send_in_a_moment(unraisable.exc_value.signum)


def _send_in_a_moment(signum: int) -> None:
    """Sends a signal to this process when the main thread is elsewhere; once, however often it is asked for."""
    if signum not in _coming:
        _coming.add(signum)
        again = threading.Timer(_IN_A_MOMENT_SECONDS, _send, (signum,))
        again.daemon = True
        again.start()


def _send(signum: int) -> None:
    _coming.discard(signum)
    if os.name == "posix":
        os.kill(os.getpid(), signum)
    else:
        _thread.interrupt_main(signal.Signals(signum))


def _end(signum: int, frame: FrameType | None) -> None:
    """The handler of the ending signals."""
    global _held
    if _noting and not _noting[-1].signum:
        _noting[-1].note(signum)
        return
    at_risk = [shield for shield in _on_the_way if shield.exchange.phase > Phase.NOT_CONNECTED]
    if _held is not None or not at_risk:
        _raise(signum)
    _held = signum
    for shield in _on_the_way:
        shield.exchange.is_abandoned = True
    if not _on_the_way:  # the last one ended meanwhile, in its own thread, and saw no signal
        _raise(signum)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
    with _unless_writing():
        at_risk[0].say("interrupted while submitting: waiting for the request id (press Ctrl-C again to give up)")


def _unless_writing() -> suppress:
    """A block of a handler that writes. The signal may have come in the middle of a write to the same stream.

    Python refuses a second one there with a `RuntimeError`, which would end the call that was interrupted.
    """
    return suppress(RuntimeError)


def _give_up(signum: int, frame: FrameType | None) -> None:
    """The grace time is over, or the last submit in another thread has its answer."""
    if _held is not None:
        _raise(_held)


def _raise(signum: int) -> NoReturn:
    # A second one while the first unwinds would only cut off what is said about the request.
    for number in _handled:
        signal.signal(number, signal.SIG_IGN)
    _stop_waiting()
    raise Interrupted(signum)


def _stop_waiting() -> None:
    global _held
    _held = None
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _wake_main_thread(signum: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
    else:
        _thread.interrupt_main(signal.Signals(signum))


@contextmanager
def around_stop(before: Callable[[], None], after: Callable[[], None]) -> Iterator[None]:
    """A block in which Ctrl-Z calls `before` first, and the return to the foreground calls `after`.

    For what has changed the terminal; `before` may raise `NotNow`. Of a program that goes on in the background `after`
    is not called. Does nothing outside of the main thread, and where nobody can stop it.
    """
    if not (hasattr(signal, "SIGTSTP") and _is_main_thread()):
        yield
        return
    pair = (before, after)
    _around_stop.append(pair)
    if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, _stop)
    try:
        yield
    finally:
        _around_stop.remove(pair)
        if not _around_stop and signal.getsignal(signal.SIGTSTP) is _stop:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)


class NotNow(Exception):
    """What is called before a stop interrupts itself, in the middle of drawing: it is to be called in a moment."""


def _stop(signum: int, frame: FrameType | None) -> None:
    """The handler of Ctrl-Z while something is drawn."""
    pairs = list(_around_stop)
    try:
        for before, _ in reversed(pairs):
            with _unless_writing():
                before()
    except NotNow:
        _send_in_a_moment(signum)
        return
    signal.signal(signum, signal.SIG_DFL)
    signal.raise_signal(signum)  # it stands still here
    signal.signal(signum, _stop)
    if _is_in_foreground():
        for _, after in pairs:
            with _unless_writing():
                after()


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # stderr is closed or not a terminal
        return True


class Noted:
    """While it is entered, the first ending signal is noted in `signum`, and a second one raises `Interrupted`.

    For who has many calls on their way at once, and ends by itself when none of them is at risk. `wake` is called in
    the main thread.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.signum = 0
        self._wake = wake

    def note(self, signum: int) -> None:
        self.signum = signum
        self._wake()

    def __enter__(self) -> "Noted":
        _noting.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _noting.remove(self)


class SubmitShield:
    """Holds signals back while bytes of a paid call may be on their way, in whichever thread.

    A held signal is raised as `Interrupted` in the main thread when no submit is on its way any more; at once if
    nothing was sent yet, and after the grace time or a second signal.
    """

    def __init__(self, exchange: "Exchange", say: Callable[[str], None]) -> None:
        self.exchange = exchange
        self.say = say

    def raise_held(self) -> None:
        """In the main thread, raises `Interrupted` if a signal waits for this submit, which came to nothing."""
        if _held is not None and _is_main_thread():
            _raise(_held)

    def __enter__(self) -> "SubmitShield":
        _on_the_way.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _on_the_way.remove(self)
        held = _held
        if held is None or _on_the_way:
            return
        if not _is_main_thread():
            _wake_main_thread(held)
        elif error is None:
            _raise(held)
        else:
            _stop_waiting()
