"""One call carried through its stations, on a thread of the crew: sent, followed, fetched, saved.

Each station tells the engine what happened; none decides what becomes of the batch. What has to survive a kill is on
the disk before the next step: the claim before bytes leave, the id before anything else, the result before the files.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from fal_cli import media
from fal_cli.api import clock, follow, locks, queue, retry
from fal_cli.api.body import Body, turn
from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import AnswerLost, ApiError, Phase, Refused, RequestFailed
from fal_cli.api.events import Completed, Event, Handle, InProgress, Queued, Result
from fal_cli.api.hosts import Hosts
from fal_cli.api.phases import Exchange
from fal_cli.batch import fates
from fal_cli.batch.costs import Costs
from fal_cli.batch.crew import Desk, News
from fal_cli.batch.group import Group
from fal_cli.batch.planned import Fate, Planned
from fal_cli.batch.saving import Kept, Saver
from fal_cli.batch.uploads import Uploads
from fal_cli.calls import alike, sweep
from fal_cli.calls.follow import fetch_patiently
from fal_cli.endpoint import parse
from fal_cli.errors import NotSaved
from fal_cli.ledger import claims, rows
from fal_cli.ledger.claims import Budget, Claimed, Taken
from fal_cli.ledger.journal import CANCELLED_STATUS, Journal, urls_of
from fal_cli.ledger.rows import Row, State
from fal_cli.ledger.store import Ledger
from fal_cli.results.outcome import Outcome

_KEPT_RESULT_BYTES = 64 * 1024


@dataclass(eq=False)
class Job:
    """One row on its way. `local_id` is its call in the ledger, 0 before there is one."""

    planned: Planned
    local_id: int = 0
    request_id: str = ""
    handle: Handle | None = None
    has_begun: bool = False
    is_counted: bool = False
    """Whether the window knows of it."""
    is_leaving: bool = False
    """Whether its submit is on its way, and nothing was heard of it yet."""
    accepted_at: float = 0.0
    """When this process heard of that (monotonic); 0 if an earlier one did."""
    is_taken_up: bool = False
    """Whether an earlier run sent it."""
    seconds: float | None = None
    failures: int = 0


class Accepted(NamedTuple):
    """The service took the call."""


class Began(NamedTuple):
    """The request runs."""


class WentBack(NamedTuple):
    """The request waits again."""


class Over(NamedTuple):
    """The request has left its place on the service; its result is still to be fetched."""


class Came(NamedTuple):
    """The result is here, and in the ledger."""

    outcome: Outcome


class Ended(NamedTuple):
    """The request failed, or was cancelled: this is its end."""

    error: RequestFailed
    state: State


class Turned(NamedTuple):
    """The submit was refused, or never left: nothing was accepted."""

    error: ApiError


class Vanished(NamedTuple):
    """The submit's answer was lost."""

    error: ApiError


class Saved(NamedTuple):
    """The files of the result are on the disk, and the ledger knows it."""

    outcome: Outcome
    urls: list[str]
    files: list[Path]
    result: Any


class Unsaved(NamedTuple):
    """The result is there, and a file of it is not."""

    error: NotSaved


class Gone(NamedTuple):
    """The service does not know the request any more, or does not give its result."""

    error: ApiError


Tell = Callable[[News], None]


@dataclass(frozen=True)
class Terms:
    """What is the same for every call of a batch. `scope` is the account's."""

    batch: str
    options: CallOptions
    host: str
    profile: str
    key_print: str
    scope: str
    is_private: bool
    again: frozenset[str] = frozenset()
    budgets: Callable[[], Sequence[Budget]] = tuple
    has_budget: bool = False
    allows_unknown: bool = False
    saves: bool = True


class Carrier:
    """Carries calls. Its methods are what the crew's threads do."""

    def __init__(
        self,
        terms: Terms,
        hosts: Hosts,
        journal: Journal,
        group: Group,
        uploads: Uploads,
        costs: Costs,
        saver: Saver,
        tell: Tell,
        deadline: Deadline,
    ) -> None:
        self._terms = terms
        self._hosts = hosts
        self._journal = journal
        self._group = group
        self._uploads = uploads
        self._costs = costs
        self._saver = saver
        self._tell = tell
        self._deadline = deadline

    # -- sending

    def send(self, job: Job, desk: Desk) -> None:
        """Sends a call, once, and follows it to its result."""
        planned = job.planned
        try:
            input_json = self._uploads.resolved(desk.kept, planned.input_json, planned.spares)
        except ApiError as error:
            self._tell(News(job, Turned(error)))
            return
        if not self._claims(job, input_json):
            return
        exchange = Exchange()
        terms = self._terms
        try:
            submitted = queue.submit(
                desk.fresh, planned.endpoint, input_json, terms.options, exchange, policy=retry.ONCE
            )
        except ApiError as error:
            self._turned(job, error)
            return
        except BaseException:  # whatever it is, the row must say what is known
            self._note_unexpected(job, exchange)
            raise
        job.handle, job.request_id = submitted.handle, submitted.handle.request_id
        job.accepted_at = time.monotonic()
        urls = urls_of(submitted.handle)
        self._group.do(lambda ledger: ledger.accepted(job.local_id, job.request_id, urls))
        self._tell(News(job, Accepted()))
        self.follow(job, desk)

    def _claims(self, job: Job, input_json: dict[str, Any]) -> bool:
        """Takes the call for this process, on the disk when this returns; tells what keeps it from that."""
        call, terms = self._recorded(job.planned, input_json), self._terms
        reserved = self._costs.expected(job.planned.endpoint, input_json).most if terms.has_budget else None

        def act(ledger: Ledger) -> claims.Claim:
            if job.local_id and claims.leave_again(ledger, job.local_id):
                return Claimed(job.local_id)
            seen = claims.newest(ledger, call.once_key)
            if fates.of(seen, terms.again) not in (Fate.SEND, Fate.NEXT):
                assert seen is not None
                return Taken(seen)
            return claims.claim(
                ledger,
                call,
                seen=seen,
                reserved=reserved,
                budgets=terms.budgets(),
                allows_unknown=terms.allows_unknown,
                leaves=True,
            )

        claim = self._group.do(act)
        if isinstance(claim, Claimed):
            job.local_id = claim.local_id
            return True
        self._tell(News(job, claim))
        return False

    def _recorded(self, planned: Planned, input_json: dict[str, Any]) -> rows.Call:
        terms = self._terms
        return rows.Call(
            endpoint=str(planned.endpoint),
            input_json=input_json,
            host=terms.host,
            profile=terms.profile,
            key_print=terms.key_print,
            options=terms.options.as_kept(),
            is_private=terms.is_private,
            once_key="" if terms.is_private else planned.key,
            content_key=planned.content,
            like_key=alike.key(str(planned.endpoint), input_json),
            scope=terms.scope,
            batch=terms.batch,
            row_number=planned.row,
            hide=self._journal.hidden,
        )

    def _turned(self, job: Job, error: ApiError) -> None:
        """Writes down what a submit that gave no id came to."""
        if isinstance(error, AnswerLost):
            skew = clock.skew_seconds()
            self._group.do(lambda ledger: ledger.ended(job.local_id, State.UNKNOWN, error.message, clock_skew=skew))
            self._tell(News(job, Vanished(error)))
            return
        if isinstance(error, Refused) and not may_be_sent_soon(error):
            self._group.do(lambda ledger: ledger.ended(job.local_id, State.REFUSED, error.message))
        else:
            self._group.do(lambda ledger: claims.take_back(ledger, job.local_id))
        self._tell(News(job, Turned(error)))

    def _note_unexpected(self, job: Job, exchange: Exchange) -> None:
        state = State.UNKNOWN if exchange.phase > Phase.NOT_CONNECTED else State.NOT_SENT
        self._group.do(lambda ledger: ledger.ended(job.local_id, state, "an unexpected failure"))

    # -- following

    def follow(self, job: Job, desk: Desk) -> None:
        """Stays with a request until its result is here."""
        assert job.handle is not None
        last: Event | None = None
        try:
            for last in follow.follow(desk.kept, job.handle, deadline=self._deadline, logs=False, among_many=True):
                self._hear(job, last)
        except Refused as error:
            self._tell(News(job, Gone(error)))
            return
        job.seconds = last.inference_seconds if isinstance(last, Completed) else None
        self.fetch(job, desk)

    def _hear(self, job: Job, event: Event) -> None:
        if isinstance(event, InProgress):
            if not job.has_begun:
                job.has_begun = True
                self._group.post(lambda ledger: ledger.seen(job.local_id, State.RUNNING))
                self._tell(News(job, Began()))
        elif isinstance(event, Queued):
            if job.has_begun:
                job.has_begun = False
                self._tell(News(job, WentBack()))
        else:
            self._tell(News(job, Over() if isinstance(event, Completed) else event))

    def fetch(self, job: Job, desk: Desk) -> None:
        """Fetches the result of a request that has ended."""
        assert job.handle is not None
        try:
            result = fetch_patiently(desk.kept, job.handle, self._deadline, lambda event: None)
        except RequestFailed as error:
            self._failed(job, error)
            return
        except Refused as error:
            self._tell(News(job, Gone(error)))
            return
        self._record(job, result)
        self._tell(News(job, Came(self._outcome(job, result))))

    def _failed(self, job: Job, error: RequestFailed) -> None:
        state = State.CANCELLED if error.status == CANCELLED_STATUS else State.FAILED
        units = error.headers.get("x-fal-billable-units", "")
        facts = self.facts_of(error)
        bill = self._costs.failure(job.planned.endpoint, job.local_id, units, job.accepted_at, error.status or 0)

        def act(ledger: Ledger) -> None:
            ledger.ended(job.local_id, state, error.message, billable_units=units, failure=facts)
            if bill is not None:
                bill(ledger)

        self._group.do(act)
        self._tell(News(job, Ended(error, state)))

    def facts_of(self, error: RequestFailed) -> Mapping[str, object]:
        """What a failure was."""
        return self._journal.facts_of(error, is_private=self._terms.is_private)

    def _record(self, job: Job, result: Result) -> None:
        bill = self._costs.bill(job.planned.endpoint, job.local_id, result.billable_units, job.accepted_at)
        with turn(len(result.body)):
            self._completed(job, result, bill)

    def _completed(self, job: Job, result: Result, bill: Callable[[Ledger], None] | None) -> None:
        kept = None if self._terms.is_private else self._journal.without_secrets(result)

        def act(ledger: Ledger) -> None:
            ledger.completed(
                job.local_id,
                size=len(result.body),
                kept=kept,
                billable_units=result.billable_units,
                inference_seconds=job.seconds,
            )
            if bill is not None:
                bill(ledger)

        self._group.do(act)

    def _outcome(self, job: Job, result: Result) -> Outcome:
        entry = self._journal.entry(None)
        url = job.handle.response_url if job.handle else ""
        return Outcome(result, str(job.planned.endpoint), job.request_id, entry, url, job.seconds)

    # -- saving

    def take_up(self, job: Job, is_ended: bool, desk: Desk) -> None:
        """Goes on with a call that was accepted earlier. What the ledger has of its result is not fetched again."""
        row = self._group.do(lambda ledger: ledger.row(job.local_id))
        if row is None:
            return
        job.seconds = row.inference_seconds
        if row.state is State.COMPLETED and row.has_result:
            kept = self._group.do(lambda ledger: ledger.result(job.local_id))
            if kept is not None and kept.is_whole:
                result = Result(Body(kept.body), kept.content_type, row.request_id, row.billable_units)
                self._tell(News(job, Came(self._outcome(job, result))))
                return
        job.handle = queue.handle_for(
            self._hosts, job.planned.endpoint, row.request_id, row.urls, row.created_at.timestamp()
        )
        if is_ended or row.state in (State.COMPLETED, State.ENDED):
            self.fetch(job, desk)
        else:
            self.follow(job, desk)

    def adopt_new(self, planned: Planned, request_id: str) -> bool:
        """Takes a request that another machine sent for a row that has none; False if the ledger has it already."""
        call = self._recorded(planned, dict(planned.input_json))
        urls = urls_of(queue.handle_for(self._hosts, planned.endpoint, request_id))

        def act(ledger: Ledger) -> bool:
            if any(row.request_id == request_id for row in ledger.by_request_id(request_id)):
                return False
            seen = claims.newest(ledger, call.once_key)
            claim = claims.claim(ledger, call, seen=seen, leaves=True)
            if isinstance(claim, Claimed):
                ledger.accepted(claim.local_id, request_id, urls)
            return isinstance(claim, Claimed)

        return self._group.do(act)

    # -- lost answers

    def rows_of(self, planned: Sequence[Planned]) -> dict[int, Row]:
        """The newest call of each of these rows, by the rows' numbers."""
        found = self._group.do(lambda ledger: self.find(ledger, [one.key for one in planned]))
        return {one.row: found[one.key]._replace(row_number=one.row) for one in planned if one.key in found}

    def find(self, ledger: Ledger, keys: Sequence[str]) -> dict[str, Row]:
        """The newest call with each of these keys; one of a private batch is known by its number alone."""
        if not self._terms.is_private:
            return claims.newest_of(ledger, keys)
        return claims.newest_of_batch(ledger, self._terms.batch, keys)

    def adopt(self, rows: Sequence[Row], found: sweep.Found, desk: Desk) -> dict[int, str]:
        """Gives calls whose answers were lost the requests that were found; which id each has then."""
        adopted: dict[int, str] = {}
        for row in rows:
            for request_id in found.candidates.get(row.local_id, ()):
                handle = queue.handle_for(self._hosts, parse(row.endpoint), request_id)
                if not _is_queued(desk, handle):
                    continue
                taken = self._group.do(partial(_adopt, row.local_id, request_id, urls_of(handle)))
                if taken:
                    adopted[row.local_id] = taken
                    break
        return adopted

    # -- saving

    def save(self, job: Job, outcome: Outcome, desk: Desk) -> None:
        """Saves the files of a result, and has the ledger know it."""
        try:
            with outcome.turn():
                saved = self._saved(job, outcome, desk)
        except NotSaved as error:
            self._tell(News(job, Unsaved(error)))
            return
        self._tell(News(job, saved))

    def _saved(self, job: Job, outcome: Outcome, desk: Desk) -> Saved:
        outline = outcome.outlined()
        files = self._files(job, outcome, outline, desk) if self._terms.saves else []
        urls = [file.url for file in media.find(outline)]
        paths, hashes = [str(file.path.absolute()) for file in files], [file.sha256 for file in files]
        self._group.do(lambda ledger: ledger.delivered(job.local_id, paths, hashes))
        small = not urls and len(outcome.result.body) <= _KEPT_RESULT_BYTES and outcome.result.is_json
        return Saved(outcome, urls, [file.path for file in files], outline if small else None)

    def _files(self, job: Job, outcome: Outcome, outline: Any, desk: Desk) -> list[Kept]:
        body = outcome.result.body
        if not outcome.result.is_json and not body.looks_like_json:
            return [self._saver.save_itself(job.planned, job.request_id, outcome.result)]
        return self._saver.save(desk.kept, job.planned, job.request_id, body, outline)


def _adopt(local_id: int, request_id: str, urls: Mapping[str, str], ledger: Ledger) -> str:
    return ledger.adopt(local_id, request_id, urls)


def _is_queued(desk: Desk, handle: Handle) -> bool:
    """Whether a listed request is one of the queue, and no direct call with the same input."""
    try:
        queue.status(desk.kept, handle)
    except Refused as error:
        if error.status != 404:
            raise
        return False
    return True


def may_be_sent_soon(error: ApiError) -> bool:
    """Whether a refused submit is one that is to be made again: for rate, or while the account is locked."""
    return isinstance(error, Refused) and (error.status == 429 or is_lock(error))


def is_lock(error: ApiError) -> bool:
    """Whether the account is locked."""
    return locks.lock_of(error) is not None
