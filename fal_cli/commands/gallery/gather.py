"""The results of the ledger one after the other, each looked at in a thread of its own, a few ahead of the page."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import islice

from fal_cli.api.errors import ApiError, NotReached, NotReady, RequestFailed
from fal_cli.calls import past as calls
from fal_cli.calls.past import Past
from fal_cli.commands.gallery import cards
from fal_cli.commands.gallery.cards import Found
from fal_cli.commands.gallery.embedding import Embedding
from fal_cli.commands.gallery.page import Medium
from fal_cli.concurrency import Task
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.ledger.rows import Row, State
from fal_cli.results import at_hand
from fal_cli.results.at_hand import AtHand
from fal_cli.snippets.again import Again

AT_ONCE = 8
_WAIT_SECONDS = 3600.0


class LeftOut(Exception):
    """A call that has no place on the page; the message is why, in a word or two."""


class Gathering:
    """Cards of calls, in their order. `left_out` counts by reason what had no place on the page.

    With `tells_failures` calls without a result have one, where it says why; `failed` counts them by reason.
    """

    def __init__(
        self,
        context: Context,
        embedding: Embedding,
        rows: Sequence[Row],
        *,
        fetches: bool,
        tells_failures: bool = False,
    ) -> None:
        self._context = context
        self._embedding = embedding
        self._owned = at_hand.owners(rows)
        self._fetches = fetches
        self._again = Again(context)
        self._is_out_of_reach = False
        self._tells_failures = tells_failures
        self.is_free = context.accounts.costs_nothing
        self.left_out: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.shown = 0
        self.rows = [row for row in rows if self._has_a_place(row)]

    def found(self, rows: Sequence[Row]) -> Iterator[Found]:
        """Each call with its card, a few of the next ones being looked at meanwhile."""
        tasks = (Task(partial(self._found, row), name="gallery") for row in rows)
        ahead = deque(islice(tasks, AT_ONCE))
        while ahead:
            one = _waited_for(ahead.popleft())
            ahead.extend(islice(tasks, 1))
            if one.card is None:
                self.left_out[one.left_out] += 1
            elif one.card.is_failed:
                self.failed[one.left_out] += 1
            else:
                self.shown += 1
            yield one

    def _has_a_place(self, row: Row) -> bool:
        why = "private" if row.is_private else "" if self._tells_failures else cards.NOTHING_MADE.get(row.state, "")
        if why:
            self.left_out[why] += 1
        return not why

    def _found(self, row: Row) -> Found:
        """A call with its card, or why it has none."""
        try:
            past, trouble = self._result(row), ""
        except LeftOut as error:
            return self._without_result(row, str(error))
        except (ApiError, CliError) as error:
            past, trouble = Past(row.endpoint, row.name, row, None), f"Its result cannot be fetched: {error.message}"
        media = [] if trouble else self._media(past)
        command = self._again.command(row, seed=past.seed)
        card = cards.card(past, past.row or row, media, command=command, is_free=self.is_free, trouble=trouble)
        return Found(row, cards.without_secrets(card, self._context.secrets.hide))

    def _without_result(self, row: Row, why: str) -> Found:
        if not self._tells_failures:
            return Found(row, None, why)
        card = cards.failed(row, why, command=self._again.command(row), is_free=self.is_free)
        return Found(row, cards.without_secrets(card, self._context.secrets.hide), why)

    def _result(self, row: Row) -> Past:
        """What a call answered. Raises `LeftOut` where it has not, and as `look` where it had to."""
        if row.state in cards.NOTHING_MADE:
            raise LeftOut(cards.NOTHING_MADE[row.state])
        has_ended = row.state in (State.COMPLETED, State.ENDED)
        asks = self._fetches and not self._is_out_of_reach
        try:
            return calls.look(self._context, row, asks=asks)
        except NotReady:
            raise LeftOut(cards.NOT_FINISHED) from None
        except RequestFailed:
            raise LeftOut("failed") from None
        except (ApiError, CliError) as error:
            self._is_out_of_reach = self._is_out_of_reach or isinstance(error, NotReached)
            if not has_ended:
                raise LeftOut(cards.NOT_FINISHED) from None
            raise

    def _media(self, past: Past) -> list[Medium]:
        files = self._files(past)
        if not all(file.path for file in files) and self._fetches:
            past = calls.look_again(self._context, past)
            files = self._files(past)
        wire = cache(partial(calls.quiet_wire, self._context))
        return [
            self._embedding.medium(wire, file, alt=cards.alt_of(past, number, len(files)), number=number)
            for number, file in enumerate(files)
        ]

    def _files(self, past: Past) -> list[AtHand]:
        return at_hand.files(past.row, past.answer, self._owned, is_whole=past.is_whole)


def _waited_for(task: Task[Found]) -> Found:
    while not task.is_done:
        task.wait(_WAIT_SECONDS)
        if task.failure is not None:
            raise task.failure
    assert task.found is not None
    return task.found
