"""The threads of a batch: each has connections of its own, and tells what happens to one queue."""

import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from fal_cli.api.wire import Wire


class Desk:
    """What one thread works with. `fresh` has a new connection for each submit, `kept` keeps the one to the queue."""

    def __init__(self, wire: Wire) -> None:
        self.fresh = wire.twin()
        self.kept = wire.twin()


class News(NamedTuple):
    """Something that happened to a piece of work."""

    about: Any
    what: Any


class Broke(NamedTuple):
    """A piece of work that ended with an error that nobody expected, or that its owner is to judge."""

    error: Exception


Work = Callable[[Desk], None]


class Crew:
    """Up to `most` threads, made when there is work for them. What is put in is begun in its order."""

    def __init__(self, wire: Wire, most: int, name: str) -> None:
        self.wire = wire
        self._most = most
        self._name = name
        self._work: queue.SimpleQueue[tuple[Any, Work]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._busy = 0
        self._tell: Callable[[News], None] = lambda news: None

    def tells(self, tell: Callable[[News], None]) -> None:
        """Names who hears of work that broke."""
        self._tell = tell

    @property
    def busy(self) -> int:
        """How many pieces of work were put in and have not ended."""
        return self._busy

    def put(self, about: Any, work: Work) -> None:
        """Has a piece of work done by the next thread that is free."""
        with self._lock:
            self._busy += 1
            if self._busy > self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._work.put((about, work))

    def _run(self) -> None:
        desk = Desk(self.wire)
        while True:
            about, work = self._work.get()
            try:
                work(desk)
            except Exception as error:  # whatever it is belongs to whoever reads the news
                self._tell(News(about, Broke(error)))
            finally:
                with self._lock:
                    self._busy -= 1
