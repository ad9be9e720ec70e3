"""Jobs on threads that never keep the program from ending: several at a time, or one for a limited time.

An executor's threads are joined when the interpreter ends, so that Ctrl-C would wait for the slowest of them.
"""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class TooLate(Exception):
    """A job that has not ended within its time. It goes on by itself."""


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


def within(seconds: float, job: Callable[[], T], *, name: str) -> T:
    """What `job` returns or raises within so long, on a thread of that name. Raises `TooLate`."""
    results: list[T] = []
    failures: list[Exception] = []

    def work() -> None:
        try:
            results.append(job())
        except Exception as error:  # whatever it is, it is raised again where the job is waited for
            failures.append(error)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TooLate
    return results[0]
