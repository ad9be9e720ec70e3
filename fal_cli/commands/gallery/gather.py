"""The results of the ledger one after the other, each looked at in a thread of its own, a few ahead of the page."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from fal_cli.api.errors import ApiError, NotReached, NotReady, RequestFailed
from fal_cli.calls import past
from fal_cli.calls.past import Past
from fal_cli.commands.gallery import cards
from fal_cli.commands.gallery.cards import Found
from fal_cli.commands.gallery.embedding import Embedding
from fal_cli.commands.gallery.page import Card, Medium
from fal_cli.concurrency import Task
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.ledger.rows import Row, State
from fal_cli.results import at_hand
from fal_cli.results.at_hand import AtHand
from fal_cli.snippets.again import Again

AT_ONCE = 8
_WAIT_SECONDS = 3600.0
_NOT_FINISHED = "not finished"
_NOTHING_MADE = {
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.REFUSED: "refused",
    State.NOT_SENT: "not sent",
    State.EXPIRED: "expired",
    State.UNKNOWN: "whose outcome is not known",
    State.SENDING: _NOT_FINISHED,
}


class LeftOut(Exception):
    """A call that has no place on the page; the message is why, in a word or two."""


class Gathering:
    """Cards of calls, in their order. `left_out` counts by reason what had no place on the page."""

    def __init__(self, context: Context, embedding: Embedding, rows: Sequence[Row], *, fetches: bool) -> None:
        self._context = context
        self._embedding = embedding
        self._owned = at_hand.owners(rows)
        self._fetches = fetches
        self._again = Again(context)
        self._is_out_of_reach = False
        self.is_free = context.accounts.costs_nothing
        self.left_out: Counter[str] = Counter()
        self.shown = 0
        self.rows = [row for row in rows if self._has_a_place(row)]

    def found(self, rows: Sequence[Row]) -> Iterator[Found]:
        """Each call with its card, a few of the next ones being looked at meanwhile."""
        jobs = iter([partial(self._card, row) for row in rows])
        ahead: deque[Task[Card | str]] = deque(map(_started, islice(jobs, AT_ONCE)))
        for row in rows:
            card = _waited_for(ahead.popleft())
            ahead.extend(map(_started, islice(jobs, 1)))
            if isinstance(card, str):
                self.left_out[card] += 1
            else:
                self.shown += 1
            yield Found(row, None if isinstance(card, str) else card)

    def _has_a_place(self, row: Row) -> bool:
        why = "private" if row.is_private else _NOTHING_MADE.get(row.state, "")
        if why:
            self.left_out[why] += 1
        return not why

    def _card(self, row: Row) -> Card | str:
        """The card of a call, or why it has none."""
        try:
            found, trouble = self._result(row), ""
        except LeftOut as error:
            return str(error)
        except (ApiError, CliError) as error:
            found, trouble = Past(row.endpoint, row.name, row, None), f"Its result cannot be had: {error.message}"
        media = [] if trouble else self._media(found)
        command = self._again.command(row, seed=found.seed)
        card = cards.card(found, found.row or row, media, command=command, is_free=self.is_free, trouble=trouble)
        return cards.without_secrets(card, self._context.secrets.hide)

    def _result(self, row: Row) -> Past:
        """What a call answered. Raises `LeftOut` where it has not, and as `past.look` where it had to."""
        has_ended = row.state in (State.COMPLETED, State.ENDED)
        asks = self._fetches and not self._is_out_of_reach
        try:
            return past.look(self._context, row, asks=asks)
        except NotReady:
            raise LeftOut(_NOT_FINISHED) from None
        except RequestFailed:
            raise LeftOut("failed") from None
        except (ApiError, CliError) as error:
            self._is_out_of_reach = self._is_out_of_reach or isinstance(error, NotReached)
            if not has_ended:
                raise LeftOut(_NOT_FINISHED) from None
            raise

    def _media(self, found: Past) -> list[Medium]:
        files = self._files(found)
        if not all(file.path for file in files) and self._fetches:
            found = past.look_again(self._context, found)
            files = self._files(found)
        wire = past.quiet_wire(self._context) if any(_is_to_be_fetched(file) for file in files) else None
        return [
            self._embedding.medium(wire, file, alt=cards.alt_of(found, number, len(files)), number=number)
            for number, file in enumerate(files)
        ]

    def _files(self, found: Past) -> list[AtHand]:
        return at_hand.files(found.row, found.answer, self._owned, is_whole=found.is_whole)


def _is_to_be_fetched(file: AtHand) -> bool:
    return file.path is None or file.is_changed


def _started(job: Callable[[], Card | str]) -> Task[Card | str]:
    return Task(job, name="gallery")


def _waited_for(task: Task[Card | str]) -> Card | str:
    while not task.is_done:
        task.wait(_WAIT_SECONDS)
        if task.failure is not None:
            raise task.failure
    assert task.found is not None
    return task.found
