"""A live display that gives the terminal back while the program is stopped with Ctrl-Z, and goes on after `fg`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.live import Live

from fal_cli import signals

ECHOED = 4
"""Cells that stay free at the end of the last line: the terminal writes `^C` or `^Z` there, once or twice.

If that went into a next line, one line more would have to be drawn over than anybody counted.
"""


@contextmanager
def stoppable(live: Live) -> Iterator[None]:
    """A block in which `live` is drawn."""
    with live, signals.around_stop(live.stop, partial(_go_on, live)):
        yield


def _go_on(live: Live) -> None:
    live._live_render._shape = None  # what stands above is the shell's now, and not to be drawn over
    live.start(refresh=True)
