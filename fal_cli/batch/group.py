"""The ledger for many threads at once: whatever they want written is written together, with one wait for the disk."""

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from fal_cli.ledger.journal import Journal
from fal_cli.ledger.migrations import LedgerError
from fal_cli.ledger.store import Ledger

T = TypeVar("T")
Act = Callable[[Ledger], Any]


class _Wish:
    """An act that a thread waits for, and where its answer goes."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.answer: queue.SimpleQueue[Any] = queue.SimpleQueue()  # an event and its lock take ten times as long


class Group:
    """Takes acts from any thread and does them in groups, on a thread of its own. It ends with `close`."""

    def __init__(self, journal: Journal, failed: Callable[[LedgerError], None]) -> None:
        """`failed` hears of an act that nobody waits for and that could not be done."""
        self._journal = journal
        self._failed = failed
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def do(self, act: Callable[[Ledger], T]) -> T:
        """What an act answers, once it is on the disk. Raises `LedgerError`, and what the act raises."""
        wish = _Wish(act)
        self._wishes.put(wish)
        answer = wish.answer.get()
        if isinstance(answer, Exception):
            raise answer
        return cast(T, answer)

    def post(self, act: Act) -> None:
        """Has an act done soon. It may be lost with the power, and so is what nobody else can tell."""
        self._wishes.put(_Wish(act))

    def close(self) -> None:
        """Returns when all is done that was wanted."""
        self._wishes.put(None)
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closed:
            wishes = self._some()
            for wish, answer in zip(wishes, self._answers([wish.act for wish in wishes]), strict=True):
                wish.answer.put(answer)
                if isinstance(answer, LedgerError):
                    self._failed(answer)

    def _some(self) -> list[_Wish]:
        """All that is wanted by now, and that was before it was closed."""
        wishes: list[_Wish] = []
        while not (wishes and self._wishes.empty()):
            wish = self._wishes.get()
            if wish is None:
                self._is_closed = True
                break
            wishes.append(wish)
        return wishes

    def _answers(self, acts: list[Act]) -> list[Any]:
        if not acts:
            return []
        try:
            return self._journal.open_ledger().together(acts)
        except LedgerError as error:
            return [error] * len(acts)
