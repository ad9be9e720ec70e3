"""The engine: hands calls to the crew as the window and the gate allow, and takes in what becomes of each.

All of its state belongs to the thread that runs it. The crew's threads tell their news to one queue; what they write
goes through one group. Rows are read from the plan as they are needed, so that memory does not grow with their number.
"""

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from fal_cli.api import locks
from fal_cli.api import queue as service
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, Refused, WaitEnded
from fal_cli.api.events import BackOnline, Offline
from fal_cli.batch.carrier import (
    Accepted,
    Began,
    Came,
    Carrier,
    Ended,
    Gone,
    Job,
    Over,
    Saved,
    Turned,
    Unsaved,
    Vanished,
    WentBack,
    is_lock,
)
from fal_cli.batch.crew import Broke, Crew, Desk, News
from fal_cli.batch.gate import Gate
from fal_cli.batch.group import Group
from fal_cli.batch.lost import Lost
from fal_cli.batch.planned import Fate, PlanFile, Planned
from fal_cli.batch.saving import DiskFull
from fal_cli.batch.stops import Failures, worst
from fal_cli.batch.window import CEILING, Window
from fal_cli.calls import sweep
from fal_cli.calls.once import failed_for_good
from fal_cli.calls.opens import Opens
from fal_cli.concurrency import Inbox
from fal_cli.errors import CliError, Exit, report
from fal_cli.ledger import batches, claims
from fal_cli.ledger.claims import OverBudget, Taken
from fal_cli.ledger.migrations import LedgerError
from fal_cli.ledger.rows import Row, State
from fal_cli.ledger.store import Ledger
from fal_cli.results.money import Money
from fal_cli.signals import GRACE_SECONDS, Interrupted, Noted
from fal_cli.terminal.progress.standing import RATE, Standing

SAVERS = 8
_MOST_UNSAVED = 32
_TICK_SECONDS = 0.25
_MOST_ATTEMPTS = 3
_LOCKED: dict[locks.Lock, str] = {
    "balance": "balance locked: fal.ai/dashboard/billing",
    "topup": "locked, a top-up is due: fal.ai/dashboard/billing",
    "admin": "locked by fal.ai: support@fal.ai",
    "other": "account locked: fal.ai/dashboard/billing",
}
_PAGE = 500


@dataclass(frozen=True)
class Rules:
    """How a batch is to be run. `concurrency` None finds it; `learned` is what an earlier batch found."""

    concurrency: int | None = None
    learned: int = 0
    deadline: Deadline = field(default_factory=Deadline.never)
    max_failures: str = ""
    waits_for_lock: bool = True
    cancels_on_interrupt: bool = False


class Teller:
    """Who hears of rows that end and of where the batch stands. By itself it tells nobody."""

    def row_done(self, planned: Planned, job: Job, saved: Saved) -> None:
        """A row has its files."""

    def row_failed(self, planned: Planned, job: Job, state: str, why: str) -> None:
        """A row has failed, was cancelled, or is not known."""

    def stands(self, standing: Standing) -> None:
        """Something may have changed."""

    def note(self, text: str) -> None:
        """Something worth knowing."""

    def essential(self, text: str, **facts: Any) -> None:
        """Something about money or a request that has to be known."""


class Engine:
    """Runs one plan to its end, or as far as it goes."""

    def __init__(
        self,
        plan: PlanFile,
        number: int,
        name: str,
        endpoints: Sequence[str],
        crew: Crew,
        savers: Crew,
        carrier: Carrier,
        group: Group,
        news: Inbox[News],
        rules: Rules,
        teller: Teller,
    ) -> None:
        """`number` is that of the batch in the ledger."""
        self._plan = plan
        self._number = number
        self._endpoints = endpoints
        self._crew = crew
        self._savers = savers
        self._carrier = carrier
        self._group = group
        self._news = news
        self._rules = rules
        self._teller = teller
        self._window = Window(fixed=rules.concurrency, learned=rules.learned)
        self._gate = Gate()
        self._failures = Failures(rules.max_failures)
        self._codes: set[Exit] = set()
        self._rows: Iterator[Planned] = iter(())
        self._next: Planned | None = None
        self._again: deque[Job] = deque()
        self._opens = Opens()
        self._lost = Lost()
        self._jobs: set[Job] = set()
        self._saving: set[Job] = set()
        self._is_sweeping = False
        self._beat_at = 0.0
        self._offline_at = 0.0
        self._stopped = ""
        self._broken: Exception | None = None
        self._handlers = self._by_kind()
        self.standing = Standing(name)

    def run(self) -> int:
        """Runs it and returns the exit code. Raises `Interrupted` once nothing is at risk any more, and what broke."""
        counts = self._plan.counts()
        self.standing.rows = sum(counts.values())
        self.standing.done = counts.get(Fate.DONE, 0)
        self.standing.failed = counts.get(Fate.FAILED, 0)
        self._rows = self._plan.rows(Fate.SEND, Fate.NEXT)
        self._read_opens()
        self._read_lost()
        with Noted(lambda: self._news.put(News(None, None))) as noted:
            self._loop(noted)
        self._show()
        if self._broken is not None:
            raise self._broken
        if noted.signum:
            raise Interrupted(noted.signum)
        if self.standing.failed or self.standing.cancelled:
            self._codes.add(Exit.FAILED)
        if self._lost:
            self._codes.add(Exit.UNKNOWN_OUTCOME)
        return worst(self._codes)

    @property
    def learned(self) -> int | None:
        """How many ran at once, as a start for the next batch; None where nothing was learned."""
        return self._window.learned

    @property
    def going_on(self) -> int:
        """How many requests live on without us."""
        return sum(1 for job in self._jobs if job.request_id and job not in self._saving) + len(self._opens)

    @property
    def leaving(self) -> int:
        """How many calls are on their way to the service, and have no answer yet."""
        return self._window.sending

    @property
    def unknown(self) -> list[tuple[Planned, Row]]:
        """The rows that may be running: their answers were lost."""
        return self._lost.rows

    @property
    def stopped(self) -> str:
        """Why no more was sent than was; "" if all was."""
        return self._stopped

    # -- the loop

    def _loop(self, noted: Noted) -> None:
        while True:
            if noted.signum:
                self._wind_up(noted)
                return
            if self._rules.deadline.passed and not self._stopped:
                self._stop("--timeout has passed", Exit.STILL_RUNNING)
            self._beat()
            self._fill()
            if self._is_over():
                return
            self._show()
            self._take_some()

    def _take_some(self, seconds: float = _TICK_SECONDS) -> None:
        """Takes in what happened, all of it; waits for something a moment."""
        try:
            self._take(self._news.get(seconds))
            while True:
                self._take(self._news.get())
        except queue.Empty:
            return

    def _is_over(self) -> bool:
        if self._broken is not None or (self._stopped and Exit.STILL_RUNNING in self._codes):
            return not self._window.sending and not self._saving
        if self._jobs or self._saving or self._is_sweeping:
            return False
        if self._stopped:
            return True
        return not (self._has_more() or len(self._opens) or self._lost.may_be_found)

    def _wind_up(self, noted: Noted) -> None:
        """After a signal: what is being sent gets its answer, what is being saved its time; nothing new begins."""
        self._stopped = "interrupted"
        self.standing.stopping = "interrupted"
        until = time.monotonic() + GRACE_SECONDS
        while (self._window.sending or self._saving) and (left := until - time.monotonic()) > 0:
            self.standing.grace_left = left
            self._show()
            self._take_some()
        self.standing.grace_left = 0.0
        if self._rules.cancels_on_interrupt:
            self._cancel_all(until)

    def _cancel_all(self, until: float) -> None:
        """Asks the service to stop what is open."""
        open_ = [job for job in self._jobs if job.handle is not None and job not in self._saving]
        asked: Inbox[bool] = Inbox()

        def cancel(job: Job, desk: Desk) -> None:
            assert job.handle is not None
            try:
                service.cancel(desk.kept, job.handle, deadline=Deadline(GRACE_SECONDS))
                asked.put(True)
            except ApiError:
                asked.put(False)

        helpers = Crew(self._crew.wire, SAVERS, "cancelling")
        for job in open_:
            helpers.put(job, partial(cancel, job))
        arrived = answered = 0
        while answered < len(open_) and time.monotonic() < until + GRACE_SECONDS:
            with suppress(queue.Empty):
                arrived += asked.get(_TICK_SECONDS)
                answered += 1
        running = sum(1 for job in open_ if job.has_begun)
        self._teller.essential(
            f"{arrived} of {len(open_)} open requests were asked to stop; {running} had started and may be billed"
        )

    def _beat(self) -> None:
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + batches.BEAT_SECONDS
            number = self._number
            self._group.post(lambda ledger: batches.beat(ledger, number))

    def _show(self) -> None:
        standing, window, gate = self.standing, self._window, self._gate
        standing.sending, standing.waiting, standing.running = window.sending, window.waiting, window.running
        standing.saving, standing.open, standing.unknown = len(self._saving), len(self._opens), len(self._lost)
        standing.gate, standing.gate_told = gate.why, gate.told
        standing.gate_left, standing.gate_closed_for = gate.left, gate.closed_for
        standing.has_more = self._next is not None or bool(self._again)
        standing.offline_for = time.monotonic() - self._offline_at if standing.offline else 0.0
        self._teller.stands(standing)

    def _stop(self, why: str, code: Exit) -> None:
        """No more is sent; what runs is followed to its end, unless the time is over."""
        if not self._stopped:
            self._stopped = why
            self.standing.stopping = why
            self._teller.note(f"stopped: {why}")
        self._codes.add(code)

    # -- handing out

    def _fill(self) -> None:
        if self._stopped or self._broken is not None:
            return
        self._take_up_opens()
        while self._may_send() and (job := self._next_job()) is not None:
            self._window.sends()
            job.is_counted = job.is_leaving = True
            self._jobs.add(job)
            self._crew.put(job, partial(self._carrier.send, job))
        if not self._jobs and not self._has_more() and not len(self._opens):
            self._look_for_lost()

    def _may_send(self) -> bool:
        if self._gate.why:
            return self._gate.lets_one_through and not self._window.sending
        return self._window.room > 0 and len(self._saving) < _MOST_UNSAVED

    def _has_more(self) -> bool:
        if self._next is None:
            self._next = next(self._rows, None)
        return self._next is not None or bool(self._again)

    def _next_job(self) -> Job | None:
        if self._again:
            return self._again.popleft()
        if not self._has_more():
            return None
        assert self._next is not None
        planned, self._next = self._next, None
        return Job(planned)

    # -- requests that an earlier run sent

    def _read_opens(self) -> None:
        rows = self._plan.rows(Fate.OPEN)
        while page := list(islice(rows, _PAGE)):
            self._opens.add(self._carrier.rows_of(page).values())

    def _take_up_opens(self) -> None:
        """Follows what is open: all of it where it is little, else what the listing says to have ended, and a few."""
        opens = self._opens
        if opens.wants_a_look(CEILING - self._window.in_flight) and not self._is_sweeping:
            self._is_sweeping = True
            self._crew.put(None, self._sweep)
        while (room := CEILING - self._window.in_flight) > 0 and len(self._saving) < _MOST_UNSAVED:
            found = opens.next(room=room, may_follow=not self._is_sweeping)
            if found is None:
                return
            open_, is_ended = found
            planned = self._plan.row(open_.row)
            if planned is not None:
                self._take_up(Job(planned, open_.local_id, open_.request_id), is_ended=is_ended)

    def _take_up(self, job: Job, *, is_ended: bool = False) -> None:
        self._jobs.add(job)
        job.is_counted = job.is_taken_up = True
        self._window.joins()
        self._crew.put(job, partial(self._carrier.take_up, job, is_ended))

    def _sweep(self, desk: Desk) -> None:
        """One look at the listing: which of the open ones have ended. Its failure leaves all to be followed."""
        opens = self._opens
        try:
            ended = sweep.ended_of(desk.kept, self._endpoints, opens.since, opens.names, self._rules.deadline)
        except ApiError:
            ended = None
        self._news.put(News(None, Swept(ended)))

    # -- lost answers

    def _read_lost(self) -> None:
        for planned in self._plan.rows(Fate.LOST):
            self._add_lost(planned)

    def _add_lost(self, planned: Planned) -> None:
        row = self._carrier.rows_of([planned]).get(planned.row)
        if row is not None:
            self._lost.add(planned, row)

    def _look_for_lost(self) -> None:
        if not self._is_sweeping and self._lost.is_due():
            self._is_sweeping = True
            self._crew.put(None, partial(self._look, [row for _, row in self._lost.rows]))

    def _look(self, rows: list[Row], desk: Desk) -> None:
        try:
            found = sweep.look_for(desk.kept, rows, self._rules.deadline)
            adopted = self._carrier.adopt(rows, found, desk)
        except ApiError as error:
            self._news.put(News(None, Looked({}, frozenset(), error)))
            return
        self._news.put(News(None, Looked(adopted, found.absent, None)))

    def _looked(self, looked: "Looked") -> None:
        self._is_sweeping = False
        if looked.error is not None:
            self._lost.give_up()
            self._teller.note(f"your requests cannot be listed: {looked.error.message}")
        for planned, row in self._lost.rows:
            if row.local_id in looked.adopted:
                self._lost.remove(planned.row)
                self._teller.essential(
                    f"row {planned.row} is request {looked.adopted[row.local_id]}, which the service had accepted",
                    request_id=looked.adopted[row.local_id],
                )
                self._take_up(Job(planned, row.local_id, looked.adopted[row.local_id]))
            elif row.local_id in looked.absent:
                self._lost.remove(planned.row)
                self._group.do(partial(_never_arrived, row.local_id))
                self._again.append(Job(planned))

    # -- what happened

    def _take(self, news: News) -> None:
        job, what = news
        handler = self._handlers.get(type(what))
        if handler is not None:
            handler(job, what)

    def _by_kind(self) -> dict[type, Callable[[Any, Any], None]]:
        return {
            Accepted: self._accepted,
            Began: self._began,
            WentBack: lambda job, _: self._window.waits_again(),
            Over: lambda job, _: self._leaves_window(job),
            Came: self._came,
            Saved: self._saved,
            Ended: self._ended,
            Turned: self._turned,
            Vanished: self._vanished,
            Unsaved: self._unsaved,
            Gone: self._gone,
            Taken: self._taken,
            OverBudget: self._over_budget,
            Broke: self._broke,
            Swept: self._swept,
            Looked: lambda _, looked: self._looked(looked),
            Offline: self._offline,
            BackOnline: self._online,
        }

    def _accepted(self, job: Job, what: Accepted) -> None:
        job.is_leaving = False
        self._window.is_accepted()
        was = self._gate.why
        if self._gate.open() and was != RATE:
            self._teller.note("calls are accepted again")

    def _began(self, job: Job, what: Began) -> None:
        self.standing.offline = ""
        if job.is_counted:
            self._window.begins()

    def _leaves_window(self, job: Job) -> None:
        if job.is_counted:
            job.is_counted = False
            self._window.ends(was_running=job.has_begun)

    def _comes_to_nothing(self, job: Job) -> None:
        """A submit that was on its way gave no request."""
        job.is_leaving = job.is_counted = False
        self._window.is_refused()

    def _came(self, job: Job, what: Came) -> None:
        self._leaves_window(job)
        self._saving.add(job)
        self._savers.put(job, partial(self._carrier.save, job, what.outcome))

    def _saved(self, job: Job, what: Saved) -> None:
        self._forget(job)
        self.standing.done += 1
        self._count_end(job)
        self._note_end(job, well=True)
        self._teller.row_done(job.planned, job, what)

    def _ended(self, job: Job, what: Ended) -> None:
        self._leaves_window(job)
        self._forget(job)
        if what.state is State.FAILED and job.failures + 1 < _MOST_ATTEMPTS and self._may_mend(what):
            again = Job(job.planned, failures=job.failures + 1)
            self._again.append(again)
            return
        told = report(what.error)
        self._fails(job, "cancelled" if what.state is State.CANCELLED else "failed", told.message, told.lines)

    def _may_mend(self, what: Ended) -> bool:
        return not self._stopped and not failed_for_good(self._carrier.facts_of(what.error))

    def _turned(self, job: Job, what: Turned) -> None:
        """A submit that came to nothing: the gate closes for all, or the row has failed."""
        self._comes_to_nothing(job)
        error = what.error
        if isinstance(error, NotReached) and not error.is_permanent:
            self._gate.close_for_network(error.message)
        elif isinstance(error, Refused) and error.status == 429:
            self._gate.close_for_rate(error.headers)
            self._window.slows()
        elif is_lock(error):
            self._locked(error)
        else:
            self._jobs.discard(job)
            told = report(error)
            if error.status in (401, 403) or isinstance(error, NotReached):
                self._broken = error
                return
            self._fails(job, "failed", told.message, told.lines)
            return
        self._jobs.discard(job)
        self._again.appendleft(job)

    def _locked(self, error: ApiError) -> None:
        if not self._rules.waits_for_lock:
            self._stop(f"the account is locked: {error.message}", Exit.LIMITED)
        self._gate.close_for_lock(_LOCKED[locks.lock_of(error) or "other"])

    def _vanished(self, job: Job, what: Vanished) -> None:
        self._comes_to_nothing(job)
        self._jobs.discard(job)
        self._add_lost(job.planned)
        self._lost.start_again()

    def _unsaved(self, job: Job, what: Unsaved) -> None:
        self._forget(job)
        self.standing.unsaved += 1
        self.standing.last_failure = f"row {job.planned.row}: {what.error.message}"
        self._codes.add(Exit.NOT_SAVED)
        self._teller.row_failed(job.planned, job, "unsaved", what.error.message)
        if isinstance(what.error, DiskFull):
            self._stop(what.error.message, Exit.NOT_SAVED)

    def _gone(self, job: Job, what: Gone) -> None:
        self._leaves_window(job)
        self._forget(job)
        if what.error.status in (401, 403):
            self._broken = what.error
            return
        self._group.do(lambda ledger: ledger.ended(job.local_id, State.EXPIRED, what.error.message))
        self._fails(job, "failed", f"the service no longer has its result: {what.error.message}")

    def _taken(self, job: Job, what: Taken) -> None:
        """Another process has sent this very call meanwhile."""
        self._comes_to_nothing(job)
        self._jobs.discard(job)
        if what.row.request_id:
            self._take_up(Job(job.planned, what.row.local_id, what.row.request_id))
        else:
            self._add_lost(job.planned)

    def _over_budget(self, job: Job, what: OverBudget) -> None:
        self._comes_to_nothing(job)
        self._jobs.discard(job)
        self._stop(_told_of_budget(what), Exit.OVER_BUDGET)

    def _broke(self, job: Job | None, what: Broke) -> None:
        if isinstance(what.error, WaitEnded):
            if job is not None:
                self._jobs.discard(job)
            self._codes.add(Exit.STILL_RUNNING)
            return
        if isinstance(what.error, LedgerError) and job is not None and job.request_id:
            # The disk does not take the id: it is told, since nothing else has it.
            self._teller.essential(f"row {job.planned.row} is request {job.request_id}", request_id=job.request_id)
        if job is not None and job.is_leaving:
            self._comes_to_nothing(job)
        if job is not None:
            self._leaves_window(job)
            self._forget(job)
        if self._broken is None:
            failed = isinstance(what.error, LedgerError)
            self._broken = CliError(f"the history cannot be written: {what.error}") if failed else what.error

    def _swept(self, _: None, what: "Swept") -> None:
        self._is_sweeping = False
        self._opens.learn(what.ended)

    def _offline(self, job: Job, what: Offline) -> None:
        if not self.standing.offline:
            self._offline_at = time.monotonic() - what.seconds
        self.standing.offline = what.reason

    def _online(self, job: Job, what: BackOnline) -> None:
        self.standing.offline = ""

    def _fails(self, job: Job, state: str, why: str, lines: tuple[str, ...] = ()) -> None:
        told = "; ".join([why, *lines])
        self.standing.failed += state == "failed"
        self.standing.cancelled += state == "cancelled"
        self._count_end(job)
        self.standing.last_failure = f"row {job.planned.row}: {told}"
        self._teller.row_failed(job.planned, job, state, told)
        self._note_end(job, well=False)

    def _count_end(self, job: Job) -> None:
        self.standing.ended_here += 1
        self.standing.taken_up += job.is_taken_up

    def _note_end(self, job: Job, *, well: bool) -> None:
        endpoint = str(job.planned.endpoint) if len(self._endpoints) > 1 else ""
        why = self._failures.ended(endpoint, well=well)
        if why and not self._stopped:
            self._stop(why, Exit.FAILED)

    def _forget(self, job: Job) -> None:
        self._jobs.discard(job)
        self._saving.discard(job)


def _never_arrived(local_id: int, ledger: Ledger) -> None:
    ledger.ended(local_id, State.NOT_SENT, "the service lists all its calls, and not this one")


def _told_of_budget(over: OverBudget) -> str:
    """Why a budget lets no more be sent."""
    if over.why:
        return f"{over.why}, and the budget is {over.budget.name}; to send it all the same: --allow-unknown-cost"
    spent, limit = Money(over.spent.total, claims.CURRENCY), Money(over.budget.limit, claims.CURRENCY)
    return f"the budget {over.budget.name} is used up: {spent} of {limit} are spent or set aside"


@dataclass(frozen=True)
class Swept:
    """Which open requests have ended; None where the listing cannot be had."""

    ended: set[str] | None


@dataclass(frozen=True)
class Looked:
    """What a look for lost answers found: the id of each call that was adopted, by its number in the ledger.

    `absent` are those that were never accepted, unless they were adopted.
    """

    adopted: dict[int, str]
    absent: frozenset[int]
    error: ApiError | None
