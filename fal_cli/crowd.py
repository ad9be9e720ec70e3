"""Work on many requests at once: each in a thread, and what happens told in one place, in the main thread.

Only 64 are worked on at a time; an account runs at most 40 at once (wire §4.10), so those that can end first are
among them.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from fal_cli.api.events import Event

MOST = 64

K = TypeVar("K")
T = TypeVar("T")
Show = Callable[[Event], None]


@dataclass(frozen=True)
class Finished(Generic[T]):
    """How one piece of work ended: with a value, or with an error."""

    value: T | None = None
    error: Exception | None = None


class Crowd(Generic[K, T]):
    """Takes work in at any time, until `news` has told of the end of all of it."""

    def __init__(self) -> None:
        self._news: queue.SimpleQueue[tuple[K, Event | Finished[T]]] = queue.SimpleQueue()
        self._waiting: deque[tuple[K, Callable[[Show], T]]] = deque()
        self._running = 0

    def add(self, key: K, work: Callable[[Show], T]) -> None:
        """Begins `work`, or lets it wait for its turn. It is given a function that takes its events."""
        self._waiting.append((key, work))
        self._start()

    def news(self) -> Iterator[tuple[K, Event | Finished[T]]]:
        """Yields each event and each end as it comes, with the key of its work."""
        while self._running:
            key, happened = self._news.get()
            if isinstance(happened, Finished):
                self._running -= 1
                self._start()
            yield key, happened

    def _start(self) -> None:
        while self._waiting and self._running < MOST:
            self._running += 1
            threading.Thread(target=self._do, args=self._waiting.popleft(), daemon=True).start()

    def _do(self, key: K, work: Callable[[Show], T]) -> None:
        try:
            ended: Finished[T] = Finished(work(lambda event: self._news.put((key, event))))
        except Exception as error:  # whatever it is belongs to whoever reads the news
            ended = Finished(error=error)
        self._news.put((key, ended))
