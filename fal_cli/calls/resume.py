"""Taking up again what other commands left: many requests at once, each to its result (`resume`, `wait`).

A request with an id is followed; a call whose answer was lost is looked up on the service first. What comes is
recorded and handed on in the main thread, in the order in which it comes.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from fal_cli.api import follow, queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, Refused, RequestFailed, WaitEnded
from fal_cli.api.events import Completed, Event, Result
from fal_cli.api.platform import Listed
from fal_cli.api.wires import Wires
from fal_cli.auth.accounts import Account
from fal_cli.calls import admission, lookup, prepare, price, refs, stored, submit, sweep
from fal_cli.calls.follow import arrived, cancelled, fetch_patiently
from fal_cli.calls.lookup import check_listing, listed_output, not_found, over, refused_lookup
from fal_cli.calls.model import Call, Ending, Tracked
from fal_cli.calls.opens import Opens
from fal_cli.calls.stored import kept_here
from fal_cli.calls.terms import terms
from fal_cli.concurrency import Crowd, Finished
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit, NotFinished, StillRunning, UsageError, report
from fal_cli.ledger.journal import Entry
from fal_cli.ledger.rows import Mark, Row, Search, State
from fal_cli.options import CallFlags, InputWords
from fal_cli.results.money import NOT_KNOWN, cost_of
from fal_cli.results.outcome import Outcome

T = TypeVar("T")
Show = Callable[[Event], None]
_LOOKED_UP = {
    "queue": (State.SENDING, State.UNKNOWN),
    "direct": (State.SENDING, State.UNKNOWN, State.ACCEPTED),
}
Take = Callable[[Outcome, Mapping[str, Any]], None]
Again = Callable[[Row], Tracked]


@dataclass(eq=False)
class Job:
    """One request on its way to its result; `row` is its record. Without a `request` it is looked up first."""

    name: str
    endpoint: str
    entry: Entry
    request: Tracked | None = None
    row: Row | None = None


@dataclass(frozen=True)
class Arrival:
    """What following one request ended with."""

    result: Result
    inference_seconds: float | None


class Resumption:
    """Follows requests to their ends. `take` is given each result, `ended` each end and whether it went well.

    With `ended` every failure is code 1.

    `again` sends a call anew that was looked for and not found; without it such a one stays as it is.
    """

    def __init__(
        self,
        context: Context,
        ending: Ending,
        *,
        take: Take,
        ended: Callable[[str, bool], None] | None = None,
        again: Again | None = None,
        stops_at_first: bool = False,
    ) -> None:
        self._context = context
        self._ending = ending
        self._deadline = ending.deadline
        self._take = take
        self._ended = ended or (lambda name, is_ok: None)
        self._tells_ends = ended is not None
        self._again = again
        self._stops_at_first = stops_at_first
        self._crowd: Crowd[Job | None, Event, Arrival | list[Listed] | set[str]] = Crowd()
        self._opens = Opens()
        self._not_begun: dict[str, Job] = {}
        self._is_sweeping = self._has_looked = self._is_of_many = False
        self._is_small = threading.Event()
        self._wires: dict[tuple[str, str], Wires] = {}
        self._listings: lookup.Listings | None = None
        self._known_ids: dict[str, dict[str, int]] = {}
        self._display = context.terminal.display()
        self._going_on: dict[str, Job] = {}
        self.worst = 0

    def run(self, found: Sequence[Tracked | Row]) -> int:
        """Follows all of them to their ends and returns the worst exit code."""
        self._context.standing.leave = self._leave
        with self._display:
            items = _each_once([self._latest(item) for item in found])
            self._listings = _shared(items)
            self._is_of_many = len(items) > 1
            for item in items:  # all, before the first is followed: those that run are not to hide one that has ended
                self._guarded(partial(self._begin, item), item.request_id)
            self._start()
            for job, happened in self._crowd.news():
                if job is None:
                    self._swept(happened)
                    continue
                if not isinstance(happened, Finished):
                    self._display.show(job.name, happened)
                    job.entry.note(happened)
                    continue
                del self._going_on[job.name]
                self._guarded(partial(self._finish, job, happened), job.request.request_id if job.request else "")
                if self._stops_at_first:
                    break
                self._start()
        return self.worst

    def _latest(self, item: Tracked | Row) -> Tracked | Row:
        """The call that was sent in place of one, and in place of that, which now stand for it."""
        while isinstance(item, Row) and item.replaced_by is not None and not item.request_id:
            other = self._context.journal.row(item.replaced_by)
            if other is None or other.state in (State.NOT_SENT, State.REFUSED):
                return item
            item = other
        return item

    def _begin(self, item: Tracked | Row) -> None:
        if isinstance(item, Tracked):
            self._follow(Job(item.request_id, item.endpoint, item.entry, item))
            return
        job = Job(item.name, item.endpoint, self._context.journal.entry(item), row=item)
        # A sandbox's files are at another port by now.
        kept = job.entry.kept() if item.has_result and not self._context.in_sandbox else None
        if kept is not None and (kept.is_whole or not refs.is_in_queue(item)):
            self._display.add(job.name, job.endpoint)
            self._context.notify.note(f"{job.name}: this is the copy in your history")
            self._deliver(job, kept_here(item, job.entry))
        elif refs.is_in_queue(item):
            job.request = refs.of_row(self._context, item)
            self._follow(job)
        elif item.has_result:
            self._display.add(job.name, job.endpoint)
            self._deliver(job, kept_here(item, job.entry))
        elif lookup.is_being_sent(item):
            raise NotFinished(f"{item.name} is being sent by another process ({item.pid})")
        elif item.state is State.SENDING and item.mark is Mark.CLAIMED:
            job.entry.ended(State.NOT_SENT, "its process ended before it was sent")
            raise over(self._context, job.entry.row() or item, job.entry)
        elif item.state in _LOOKED_UP.get(item.mode, ()) and "://" not in item.endpoint:
            self._look_up(job, item)
        else:
            raise over(self._context, item, job.entry)

    def _follow(self, job: Job) -> None:
        """Has a request followed when there is room: one that has ended before all others."""
        job.row = job.row or job.entry.row()
        self._display.add(job.name, job.endpoint)
        self._going_on[job.name] = self._not_begun[job.name] = job
        self._opens.add_job(job.name, job.row)

    def _look_up(self, job: Job, row: Row) -> None:
        account = refs.account_of(self._context, row)
        check_listing(self._context, row, account)
        self._display.add(job.name, job.endpoint, "looking it up on the service")
        self._going_on[job.name] = job
        known, wires = self._known(row), self._wires_of(account)
        self._crowd.add(
            job,
            partial(
                _look_up, wires, row, self._deadline, lambda name: known.get(name, row.local_id) != row.local_id,
                self._listings,
            ),
        )  # fmt: skip

    def _known(self, row: Row) -> dict[str, int]:
        """The requests to an endpoint that the ledger has, each with the number of its row."""
        if row.endpoint not in self._known_ids:
            others = self._context.journal.search(Search(endpoint=row.endpoint))
            self._known_ids[row.endpoint] = {other.request_id: other.local_id for other in others if other.request_id}
        return self._known_ids[row.endpoint]

    def _wires_of(self, account: Account) -> Wires:
        key = (account.hosts.queue, account.credential.authorization)
        if key not in self._wires:
            self._wires[key] = Wires(self._context.wire(account=account))
        return self._wires[key]

    # -- which of many are followed

    def _start(self) -> None:
        """Begins as many as there is room for. Where there are more, the listing tells which have ended."""
        pause = self._opens.look_in
        if not self._opens.are_too_many(self._crowd.free):
            self._is_small.set()  # nobody is to wait for another look
        elif not self._is_sweeping and pause < float("inf"):
            self._is_sweeping = True
            self._is_small.clear()
            self._crowd.add(None, partial(_swept, self._groups(), self._deadline, self._is_small, pause))
        may_follow = self._has_looked or not self._is_sweeping
        while found := self._opens.next(room=self._crowd.free, may_follow=may_follow):
            open_, has_ended = found
            job = self._not_begun.pop(open_.request_id)
            assert job.request is not None
            wires = self._wires_of(job.request.account)
            work = _fetched if has_ended else partial(_followed_to_the_end, among_many=self._is_of_many)
            self._crowd.add(job, partial(work, wires, job.request, self._deadline))

    def _groups(self) -> "list[_Group]":
        """What the listing is to tell of: the requests that are not begun, by account and endpoint."""
        groups: dict[tuple[str, str, str], _Group] = {}
        for job in self._not_begun.values():
            row, request = job.row, job.request
            if row is None or request is None:
                continue
            account = request.account
            key = (account.hosts.queue, account.credential.key_print, job.endpoint)
            group = groups.setdefault(key, _Group(self._wires_of(account), job.endpoint, [], []))
            group.names.append(job.name)
            group.since.append(lookup.listed_since([row]))
        return list(groups.values())

    def _swept(self, happened: object) -> None:
        if isinstance(happened, Finished):
            self._is_sweeping, self._has_looked = False, True
            ended = happened.value
            self._opens.learn(ended if isinstance(ended, set) else None)
            self._start()

    def _finish(self, job: Job, finished: Finished[Arrival | list[Listed] | set[str]]) -> None:
        if job.row is not None and job.request is None:
            self._found(job, job.row, finished)
            return
        assert job.request is not None
        try:
            arrival = _value(finished)
            assert isinstance(arrival, Arrival)
            outcome = arrived(self._context, job.request, arrival.result, arrival.inference_seconds)
        except (Refused, NotReached, RequestFailed) as error:
            outcome = self._instead(job, job.request, error)
        except WaitEnded as error:
            if self._ending.on_timeout != "cancel":
                raise
            told = cancelled(self._context, self._context.wire(account=job.request.account), job.request)
            raise StillRunning(error.message, hint=told) from None
        self._deliver(job, outcome)

    def _tell_end(self, name: str, is_ok: bool) -> None:
        """A line on stdout, unless the display has just written one to the same terminal."""
        if not (self._display.is_live and self._context.output.is_terminal):
            self._ended(name, is_ok)

    def _instead(self, job: Job, request: Tracked, error: ApiError) -> Outcome:
        try:
            return stored.instead(self._context, request, error)
        except (ApiError, CliError):
            self._display.ended(job.name, "failed")
            with self._display.aside():
                self._tell_end(job.name, False)
            raise

    def _found(self, job: Job, row: Row, finished: Finished[Arrival | list[Listed] | set[str]]) -> None:
        """Goes on with what a lookup found."""
        try:
            listed = _value(finished)
        except Refused as error:
            self._not_found(job, row, refused_lookup(self._context, row, error))
            return
        for item in listed if isinstance(listed, list) else ():
            if self._adopt(job, row, item):
                return
        self._not_found(job, row, not_found(self._context, row))

    def _adopt(self, job: Job, row: Row, item: Listed) -> bool:
        account = refs.account_of(self._context, row)
        handle = queue.handle_for(account.hosts, refs.endpoint_of(row), item.request_id)
        request_id = row.request_id or job.entry.adopted(handle)
        if not request_id:
            return False
        if request_id != item.request_id:  # another process found it, and was first
            handle = queue.handle_for(account.hosts, refs.endpoint_of(row), request_id)
        self._context.notify.essential(
            f"{row.name} is request {request_id}, which the service had accepted", request_id=request_id
        )
        if row.mode == "direct":
            self._deliver(job, listed_output(row, job.entry, item))
            return True
        self._display.ended(job.name, "found")
        self._follow(Job(request_id, job.endpoint, job.entry, Tracked(handle, job.entry, account)))
        return True

    def _not_found(self, job: Job, row: Row, error: CliError) -> None:
        now = job.entry.row()
        if now is not None and refs.is_in_queue(now):  # found by another process meanwhile
            self._display.ended(job.name, "found")
            self._follow(Job(now.name, job.endpoint, job.entry, refs.of_row(self._context, now)))
            return
        if self._again is None:
            raise error
        self._context.notify.note(error.message)
        with self._display.aside():
            request = self._again(row)
        self._follow(Job(request.request_id, request.endpoint, request.entry, request))

    def _deliver(self, job: Job, outcome: Outcome) -> None:
        self._display.tallies[job.name].cost = self._settled(job, outcome)
        self._display.ended(job.name, "done", outcome.result.billable_units)
        with self._display.aside():
            self._tell_end(outcome.request_id, True)
            self._take(outcome, job.entry.inputs())

    def _settled(self, job: Job, outcome: Outcome) -> str:
        """What a request cost, as text; "" where no bill names units."""
        units, row = outcome.result.billable_units, job.entry.row()
        if units and row is not None and row.cost is None and job.request is not None:
            price.settle(self._context, self._context.wire(account=job.request.account), job.entry, job.endpoint, units)
            row = job.entry.row()
        return str(cost_of(row) or NOT_KNOWN) if units else ""

    def _guarded(self, action: Callable[[], None], name: str) -> None:
        """What fails for one is told and keeps no other from its end; `name` is its id."""
        try:
            action()
        except (ApiError, CliError) as error:
            told = report(error, tool=self._context.tool)
            if self._context.talk.machine and not told.request_id:
                told = told._replace(request_id=name)
            self._context.notify.error(told)
            is_end = self._tells_ends and isinstance(error, RequestFailed)
            self.worst = max(self.worst, int(Exit.FAILED if is_end else told.code))

    def _leave(self) -> tuple[str, ...]:
        names = [job.name for job in self._going_on.values()]
        if not names:
            return ()
        self._context.standing.going_on = tuple(names)
        what = "The request goes on" if len(names) == 1 else f"{len(names)} requests go on"
        again = names[0] if len(names) == 1 else ""
        return (f"{what}. To pick up: {self._context.tool} resume {again}".rstrip(),)


def _each_once(found: Sequence[Tracked | Row]) -> list[Tracked | Row]:
    by_name = {item.request_id if isinstance(item, Tracked) else item.name: item for item in found}
    return list(by_name.values())


class _Group(NamedTuple):
    """Requests that one listing can tell of, and when they were sent."""

    wires: Wires
    endpoint: str
    names: list[str]
    since: list[datetime]


def _shared(items: Sequence[Tracked | Row]) -> lookup.Listings:
    """The listings in which lost answers are looked for: one for all calls to an endpoint."""
    since: dict[str, datetime] = {}
    for item in items:
        if isinstance(item, Row) and not refs.is_in_queue(item):
            first = lookup.listed_since([item])
            since[item.endpoint] = min(first, since.get(item.endpoint, first))
    return lookup.Listings(since)


def _swept(
    groups: Sequence[_Group], deadline: Deadline, is_small: threading.Event, pause: float, show: Show
) -> set[str]:
    """Those of the requests that have ended, by the listing, after a pause; none where it is not worth a look then."""
    ended: set[str] = set()
    if is_small.wait(deadline.cut(pause)):
        return ended
    for group in groups:
        with group.wires.one() as wire:
            wire.notify = lambda event: None
            ended |= sweep.ended_of(wire, [group.endpoint], min(group.since), group.names, deadline)
    return ended


def _followed_to_the_end(
    wires: Wires, request: Tracked, deadline: Deadline, show: Show, *, among_many: bool
) -> Arrival:
    with wires.one() as wire:
        wire.notify = show
        last: Event | None = None
        for last in follow.follow(wire, request.handle, deadline=deadline, among_many=among_many):
            show(last)
        result = fetch_patiently(wire, request.handle, deadline, show)
        return Arrival(result, last.inference_seconds if isinstance(last, Completed) else None)


def _fetched(wires: Wires, request: Tracked, deadline: Deadline, show: Show) -> Arrival:
    """The result of a request that has ended: nothing is to be followed."""
    with wires.one() as wire:
        wire.notify = show
        return Arrival(fetch_patiently(wire, request.handle, deadline, show), None)


def _look_up(
    wires: Wires,
    row: Row,
    deadline: Deadline,
    is_taken: Callable[[str], bool],
    listings: lookup.Listings | None,
    show: Show,
) -> list[Listed]:
    with wires.one() as wire:
        wire.notify = show
        return lookup.look_up(wire, row, deadline, is_taken, listings)


def _value(finished: Finished[T]) -> T:
    if finished.error is not None:
        raise finished.error
    assert finished.value is not None
    return finished.value


def again(context: Context) -> Callable[[Row], Tracked]:
    """A function that puts a recorded call into the queue once more and closes its first row.

    It raises what `submit.submit` raises, and `UsageError` if the input was not kept in full.
    """

    def send(row: Row) -> Tracked:
        if row.mode != "queue":
            raise UsageError(f"{row.name} was a {row.mode} call: make it again with {context.tool} rerun {row.name}")
        context.accounts.use(refs.account_of(context, row))
        ready = prepare.prepare_again(context, row, InputWords(), CallFlags(no_validate=True), uploads=False)
        # A claim stands in its place only once it has left: until then the first one is the one to be looked up.
        ready = admission.admit(context, ready, terms(context), "queue")._replace(replaces=row.local_id)
        with admission.held(context, ready):
            request = _sent_again(context, row, ready)
        new = request.request_id
        context.notify.essential(f"{row.name} was sent again: request {new}", request_id=new)
        return request

    return send


def _sent_again(context: Context, row: Row, ready: Call) -> Tracked:
    """Submits a call in place of one that was looked for and not found. Raises as `submit.submit`, `NotFinished`."""
    first = context.journal.entry(row)
    if not first.claim(row.pid, "looked for and not found; being sent again"):
        raise NotFinished(f"{row.name} was picked up by another process")
    try:
        return submit.submit(context, context.wire(), ready).request
    except BaseException:  # an interruption too: the first stays unknown until the second is accepted
        first.reopen("looked for and not found; it was not sent again")
        raise
