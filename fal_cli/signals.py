"""Signals. SIGINT, SIGTERM and SIGHUP end the program as one exception, except while a submit is answered.

A `KeyboardInterrupt` in the middle of a paid POST would lose the id of a request that runs and is billed.
So from the first byte of a submit until its id is on disk a signal only sets a flag; the answer is awaited up
to ten seconds, and a second signal gives up.
"""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from fal_cli.api.errors import Phase

if TYPE_CHECKING:
    from fal_cli.api.phases import Exchange

GRACE_SECONDS = 10.0
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_handled: set[int] = set()


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
            signal.signal(number, _raise)


def _raise(signum: int, frame: FrameType | None) -> None:
    # A second one while the first unwinds would only cut off what is said about the request.
    for number in _handled:
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted(signum)


class SubmitShield:
    """Holds signals back while bytes of a paid call may be on their way.

    On leaving the block a held signal is raised as `Interrupted`. Inside, `Interrupted` is raised at once if
    nothing was sent, and after the grace time or a second signal otherwise.
    """

    def __init__(self, exchange: "Exchange", say: Callable[[str], None]) -> None:
        self._exchange = exchange
        self._say = say
        self.held: int | None = None
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> "SubmitShield":
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._hold)
        if hasattr(signal, "SIGALRM"):
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._give_up)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            # After an interruption they stay ignored: another would only cut off what is said about the request.
            ignored = isinstance(error, Interrupted) and number in _handled
            signal.signal(number, signal.SIG_IGN if ignored else handler)
        if self.held is not None and error is None:
            _raise(self.held, None)

    def _hold(self, signum: int, frame: FrameType | None) -> None:
        if self.held is not None or self._exchange.phase == Phase.NOT_CONNECTED:
            _raise(signum, frame)
        self.held = signum
        self._exchange.is_abandoned = True
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        self._say("interrupted while submitting: waiting for the request id (press Ctrl-C again to give up)")

    def _give_up(self, signum: int, frame: FrameType | None) -> None:
        _raise(self.held or signum, frame)
