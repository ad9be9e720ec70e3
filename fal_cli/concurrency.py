"""Work in threads: several jobs at a time, one for a limited time, or a crowd whose events are told in one place."""

import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

T = TypeVar("T")
_TURN_SECONDS = 0.1


class TooLate(Exception):
    """A job that has not ended within its time. It goes on by itself."""


@contextmanager
def long_turns() -> Iterator[None]:
    """A block in which threads run longer before Python switches to another, for many threads that mostly wait.

    By default it switches every 5 ms. With a hundred threads those switches took a quarter of the processor's time.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def in_parallel(jobs: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """The results of `jobs` in their order; up to `threads` run at once.

    Raises what the first failing job raised, without waiting for the others: they look at a flag of their own.
    """
    changed = threading.Condition()
    results: dict[int, T] = {}
    failures: list[BaseException] = []
    waiting = iter(enumerate(jobs))

    def work() -> None:
        while True:
            with changed:
                number, job = next(waiting, (None, None))
            if number is None or job is None or failures:
                return
            try:
                result = job()
            except BaseException as error:
                with changed:
                    failures.append(error)
                    changed.notify_all()
                return
            with changed:
                results[number] = result
                changed.notify_all()

    for _ in range(min(threads, len(jobs))):
        threading.Thread(target=work, name="worker", daemon=True).start()
    with changed:
        while len(results) < len(jobs) and not failures:
            changed.wait()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(jobs))]


class Turns:
    """Lets numbered threads go on one after the other, 0 first. Each of them ends with `done`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._done: set[int] = set()
        self._next = 0

    def wait(self, number: int) -> None:
        """Returns when all before `number` are done."""
        with self._changed:
            self._changed.wait_for(lambda: self._next >= number)

    def done(self, number: int) -> None:
        with self._changed:
            self._done.add(number)
            while self._next in self._done:
                self._done.remove(self._next)
                self._next += 1
            self._changed.notify_all()


class Task(Generic[T]):
    """One job on a thread: what it `found`, or why not (`failure`); neither while it goes on."""

    def __init__(self, job: Callable[[], T], *, name: str) -> None:
        self.found: T | None = None
        self.failure: Exception | None = None
        self.is_done = False
        self._job = job
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Waits for its end, so long at most."""
        self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        try:
            self.found = self._job()
            self.is_done = True
        except Exception as error:  # whatever it is, it is looked at where the job is waited for
            self.failure = error


def within(seconds: float, job: Callable[[], T], *, name: str) -> T:
    """What `job` returns or raises within so long, on a thread of that name. Raises `TooLate`."""
    task = Task(job, name=name)
    task.wait(seconds)
    if task.failure is not None:
        raise task.failure
    if not task.is_done:
        raise TooLate
    return cast(T, task.found)


class Inbox(Generic[T]):
    """What many threads, and handlers of signals, put in and one thread takes out.

    A `SimpleQueue` that is waited for with a limit never wakes again if a handler of a signal runs longer than what is
    left of the limit, as that of Ctrl-Z does: a negative rest counts as no limit there (Python 3.11 and 3.12).
    A `Queue` cannot be put into by a handler. So the queue is never waited for, but a lock beside it.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._bell = threading.Lock()
        self._bell.acquire()

    def put(self, thing: T) -> None:
        """Puts something in, from anywhere."""
        self._queue.put(thing)
        with suppress(RuntimeError):  # it rings already
            self._bell.release()

    def get(self, seconds: float = 0.0) -> T:
        """Takes the oldest out, waiting so long at most. Raises `queue.Empty`, now and then a little early."""
        with suppress(queue.Empty):
            return self._queue.get_nowait()
        if seconds > 0:
            self._bell.acquire(timeout=seconds)
        return self._queue.get_nowait()


MOST = 64
K = TypeVar("K")
E = TypeVar("E")


@dataclass(frozen=True)
class Finished(Generic[T]):
    """How one piece of work ended: with a value, or with an error."""

    value: T | None = None
    error: Exception | None = None


class Crowd(Generic[K, E, T]):
    """Takes work in at any time, until `news` has told of the end of all of it."""

    def __init__(self) -> None:
        self._news: queue.SimpleQueue[tuple[K, E | Finished[T]]] = queue.SimpleQueue()
        self._waiting: deque[tuple[K, Callable[[Callable[[E], None]], T]]] = deque()
        self._running = 0

    @property
    def free(self) -> int:
        """How many pieces of work could begin now."""
        return max(0, MOST - self._running - len(self._waiting))

    def add(self, key: K, work: Callable[[Callable[[E], None]], T]) -> None:
        """Begins `work`, or lets it wait for its turn. It is given a function that takes its events."""
        self._waiting.append((key, work))
        self._start()

    def news(self) -> Iterator[tuple[K, E | Finished[T]]]:
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

    def _do(self, key: K, work: Callable[[Callable[[E], None]], T]) -> None:
        try:
            ended: Finished[T] = Finished(work(lambda event: self._news.put((key, event))))
        except Exception as error:  # whatever it is belongs to whoever reads the news
            ended = Finished(error=error)
        self._news.put((key, ended))
