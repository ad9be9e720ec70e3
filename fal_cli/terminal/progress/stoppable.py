"""A live display that gives the terminal back while the program is stopped with Ctrl-Z, and goes on after `fg`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.live import Live

from fal_cli import signals

_MOST_TRIES = 50
ECHOED = 4
"""Cells that stay free at the end of the last line: the terminal writes `^C` or `^Z` there, once or twice.

If that went into a next line, one line more would have to be drawn over than anybody counted.
"""


@contextmanager
def stoppable(live: Live) -> Iterator[None]:
    """A block in which `live` is drawn."""
    with live, signals.around_stop(_Stop(live), partial(_go_on, live)):
        yield


class _Stop:
    """Gives the terminal back, unless this very thread is in the middle of writing to it: nothing can be written then.

    What cannot be written for long, to a terminal that is gone, keeps nobody from stopping.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._tries = 0

    def __call__(self) -> None:
        console = self._live.console
        self._tries += 1
        if (console._buffer or console._buffer_index) and self._tries < _MOST_TRIES:
            raise signals.NotNow
        self._tries = 0
        self._live.stop()


def _go_on(live: Live) -> None:
    live._live_render._shape = None  # what stands above is the shell's now, and not to be drawn over
    live.start(refresh=True)
