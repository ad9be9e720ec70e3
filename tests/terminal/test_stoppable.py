"""Ctrl-Z in the middle of drawing: the terminal is given back a moment later, whole."""

import io
import os
import signal
import threading

import pytest
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fal_cli import signals
from fal_cli.terminal.progress.stoppable import stoppable


class _Stopped(io.StringIO):
    """A terminal at which Ctrl-Z is pressed while it is being written to."""

    presses = False

    def write(self, text: str) -> int:
        if self.presses:
            self.presses = False
            signals._stop(signal.SIGTSTP, None)
        return super().write(text)


def test_ctrl_z_in_the_middle_of_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[int] = []
    again = threading.Event()
    monkeypatch.setattr(signal, "raise_signal", stopped.append)
    monkeypatch.setattr(os, "kill", lambda pid, signum: again.set())
    terminal = _Stopped()
    live = Live(Text("the line"), console=Console(file=terminal, force_terminal=True, width=40), auto_refresh=False)
    live.transient = True
    with stoppable(live):
        terminal.presses = True
        live.refresh()
        assert not stopped
        assert live.is_started
        assert again.wait(10)
        signals._stop(signal.SIGTSTP, None)  # as the signal that is sent again does
        assert stopped == [signal.SIGTSTP]
        before, _, after = terminal.getvalue().rpartition("\x1b[1A\x1b[2K")
        assert "the line" in before
        assert "the line" in after  # drawn again: it was in the foreground all the time
