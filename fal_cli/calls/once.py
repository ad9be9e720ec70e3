"""`--once`: what was paid for is not paid for again. One call, by the newest row of the ledger that has its key.

| the newest row with the key | what is done |
|---|---|
| completed, whole, and its media still answer or are saved here | it is used |
| completed or past its time, and gone here and there | code 5, with the price; `--again expired` sends |
| open | it is followed |
| being sent by a living process | it is awaited, and then looked at again |
| claimed by a process that is gone | nothing had left: it is sent |
| being sent by a process that is gone, or unknown | it is looked up on the service; what is found there is adopted |
| … not found, where the listing is exact | it never arrived: it is sent |
| … not found otherwise | code 10, and it is named: never sent on a guess |
| failed for good: the input's fault, a refusal by policy | told again, free; `--again failed` sends |
| failed otherwise, cancelled, refused, not sent, older than AGE, none | it is sent |

A match of another account is told and never used.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from typing import NamedTuple

from fal_cli import jsontext, media
from fal_cli.api import queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import FieldError, Refused, RequestFailed, WaitEnded
from fal_cli.api.wire import Wire
from fal_cli.calls import admission, follow, identify, lookup, price, refs, stored
from fal_cli.calls.model import Call, Tracked
from fal_cli.calls.terms import Terms
from fal_cli.concurrency import in_parallel
from fal_cli.context import Context
from fal_cli.errors import CliError, NetworkFailure, NotFound, UsageError
from fal_cli.identity.digests import NoDigest
from fal_cli.identity.keys import Identity
from fal_cli.ledger import claims
from fal_cli.ledger.rows import Mark, Row, Search, State
from fal_cli.results import at_hand
from fal_cli.results.at_hand import NotHad
from fal_cli.results.money import cost_of
from fal_cli.results.outcome import Outcome
from fal_cli.terminal.times import seconds_ago
from fal_cli.urls import is_loopback

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_CHECKS = 4
_PASSING_STATUS = (408, 429, 499)
_PASSING_KINDS = ("file_download_error", "image_load_error")
_PASSING_BEGINNINGS = ("downstream_service_",)


class Fate(Enum):
    """What is done about a call, by the newest row with its key."""

    SEND = auto()
    USE = auto()
    FOLLOW = auto()
    AWAIT = auto()
    LOOK_UP = auto()
    TELL_FAILURE = auto()
    GONE = auto()


class Answered(NamedTuple):
    """A call that another stands for: its request while it runs, or its result, and the row of that call."""

    row: Row
    request: Tracked | None = None
    outcome: Outcome | None = None

    @property
    def request_id(self) -> str:
        return self.row.request_id


def answer(context: Context, call: Call, terms: Terms, mode: str, deadline: Deadline) -> Call | Answered:
    """The call to send, claimed for this process; or what stands for it.

    Raises `NotFound` if it is gone, `UnknownOutcome` if it may run, `RequestFailed` if it failed for good,
    and as `admission.claim`.
    """
    return _Search(context, _known(context, call), terms, mode, deadline).answer()


def fate_of(row: Row | None, terms: Terms, now: datetime, *, is_being_sent: bool) -> Fate:
    """What is done about a call by the newest row with its key. Pure."""
    if row is None or row.state in (State.REFUSED, State.NOT_SENT, State.CANCELLED):
        return Fate.SEND
    if row.state is State.SENDING:
        if is_being_sent:
            return Fate.AWAIT
        return Fate.SEND if row.mark is Mark.CLAIMED else Fate.LOOK_UP
    if row.state is State.UNKNOWN:
        return Fate.LOOK_UP
    if row.state in (State.ACCEPTED, State.RUNNING, State.ENDED):
        return Fate.FOLLOW if row.mode == "queue" else Fate.LOOK_UP
    # A clock that went back makes nothing old.
    age = max(0.0, (now - (row.ended_at or row.updated_at)).total_seconds())
    if terms.once is not None and age > terms.once:
        return Fate.SEND
    if row.state is State.FAILED:
        return Fate.TELL_FAILURE if failed_for_good(row.failure) and terms.again != "failed" else Fate.SEND
    return Fate.USE if row.state is State.COMPLETED else Fate.GONE


def failed_for_good(failure: Mapping[str, object]) -> bool:
    """Whether the same call would fail in the same way: it was the input's fault, or against a policy."""
    status = failure.get("status")
    fields = failure.get("fields")
    kinds = {str(field[2]) for field in fields if len(field) > 2} if isinstance(fields, list) else set()
    kinds.add(str(failure.get("error_type") or ""))
    if any(kind in _PASSING_KINDS or kind.startswith(_PASSING_BEGINNINGS) or "timeout" in kind for kind in kinds):
        return False
    return isinstance(status, int) and 400 <= status < 500 and status not in _PASSING_STATUS


def _known(context: Context, call: Call) -> Call:
    """The call with its identity. Raises `UsageError` for one that has none."""
    try:
        found = call.identity or identify.required_identity(context, call)
    except NoDigest as error:
        raise UsageError(f"--once: {error}", hint="Save it to a file first, and name the file.") from None
    except RecursionError:
        raise UsageError("--once: the input is nested too deeply to compare") from None
    if found is None:
        raise UsageError("--once is for paid calls; this one goes to an app on this machine")
    return call._replace(identity=found)


class _Search:
    """The way from a call to what stands for it, or to its own submit. Each round looks at the newest row anew."""

    def __init__(self, context: Context, call: Call, terms: Terms, mode: str, deadline: Deadline) -> None:
        assert call.identity is not None
        self._context = context
        self._call = call
        self._identity: Identity = call.identity
        self._terms = terms
        self._mode = mode
        self._deadline = deadline
        self._awaited = False

    def answer(self) -> Call | Answered:
        row = self._newest()
        pause = _FIRST_PAUSE
        while True:
            fate = fate_of(
                row, self._terms, datetime.now(UTC), is_being_sent=row is not None and lookup.is_being_sent(row)
            )
            if fate is Fate.AWAIT:
                assert row is not None
                self._await(row, pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
                row = self._newest()
                continue
            found = self._acted(fate, row)
            if isinstance(found, Call | Answered):
                return found
            row = found

    def _acted(self, fate: Fate, row: Row | None) -> Call | Answered | Row | None:
        """What a fate leads to: the end of the search, or the row to look at next, if there still is one."""
        if fate is Fate.SEND or row is None:
            return self._claimed(row)
        if fate is Fate.FOLLOW:
            return Answered(row, request=refs.of_row(self._context, row))
        if fate is Fate.LOOK_UP:
            return self._looked_up(row)
        if fate is Fate.TELL_FAILURE:
            raise self._failure(row)
        used = self._used(row) if fate is Fate.USE else None
        if used is not None:
            return used
        if self._terms.again == "expired":
            return self._claimed(row)
        raise self._gone(row)

    def _newest(self) -> Row | None:
        key = self._identity.once_key
        return self._context.journal.needed(lambda ledger: claims.newest(ledger, key), "--once")

    def _claimed(self, seen: Row | None) -> Call | Row:
        if seen is None:
            self._tell_of_others()
        return admission.claim(self._context, self._call, self._terms, self._mode, is_once=True, seen=seen)

    def _tell_of_others(self) -> None:
        known = self._identity
        other = self._context.journal.glance(lambda ledger: claims.elsewhere(ledger, known.content_key, known.scope))
        if other is not None:
            whose = f"profile {other.profile}" if other.profile else "another key or host"
            self._context.notify.note(f"{other.name} was the same call, but of {whose}; --once does not use its result")

    def _await(self, row: Row, pause: float) -> None:
        """Waits while another process uploads or sends the call. Raises `WaitEnded`."""
        if not self._awaited:
            self._awaited = True
            self._context.notify.note(f"another process is sending this call ({row.name}); waiting for it")
        if self._deadline.passes_within(pause):
            raise WaitEnded("timed out", request_id=row.name)
        time.sleep(pause)

    # -- what is there already

    def _used(self, row: Row) -> Answered | None:
        """The result of a completed call, if it is whole and its files can still be had; None if it is gone."""
        outcome = self._result(row)
        if outcome is None:
            return None
        if outcome.data is not jsontext.NOT_JSON and not self._have_files(row, outcome):
            return None
        outcome.reused = True
        return Answered(row, outcome=outcome)

    def _result(self, row: Row) -> Outcome | None:
        """A whole result: the ledger's, or the service's where that is cut, or names a sandbox at its port of then."""
        entry = self._context.journal.entry(row)
        kept = entry.kept() if row.has_result else None
        is_movable = kept is not None and row.mode == "queue" and _names_loopback(kept.body)
        if kept is not None and kept.is_whole and not is_movable:
            return stored.kept_here(row, entry)
        if not refs.is_in_queue(row):
            return None
        request = refs.of_row(self._context, row)
        try:
            result = queue.result(self._context.wire(account=request.account), request.handle)
        except (Refused, RequestFailed) as error:
            if error.status != 404:
                raise
            return stored.kept_here(row, entry) if kept is not None and kept.is_whole else None
        return follow.arrived(self._context, request, result, row.inference_seconds)

    def _have_files(self, row: Row, outcome: Outcome) -> bool:
        """Whether each file of a result answers, or is saved here as it was. Notes where the saved ones are."""
        files = at_hand.files(row, outcome.outline)
        saved = {one.file.url: one.path for one in files if one.path and not one.is_changed}
        outcome.saved = saved
        asked = [
            file.url for file in media.find(outcome.outline) if file.url.startswith("http") and file.url not in saved
        ]
        wire = self._context.reading_wire(outcome.account, maker=outcome.endpoint)
        return all(in_parallel([partial(_answers, wire.twin(), url) for url in asked], _CHECKS))

    def _gone(self, row: Row) -> CliError:
        expected = price.estimate(self._context, self._call)
        cost = cost_of(row)
        spent = f"It cost {cost}. " if cost else ""
        return NotFound(
            f"{row.name} was this call, {_ago(row)}, and its result is gone; nothing was sent",
            hint=f"{spent}To send it again: --again expired. That costs: {expected.text}",
        )

    def _failure(self, row: Row) -> RequestFailed:
        self._context.notify.note(
            f"{row.name} was this call, and failed {_ago(row)}; nothing was sent. To send it again: --again failed"
        )
        fields = tuple(FieldError(*map(str, field[:3])) for field in row.failure.get("fields", ()) if len(field) >= 3)
        status = row.failure.get("status")
        return RequestFailed(
            row.error,
            status=status if isinstance(status, int) else None,
            request_id=row.request_id,
            error_type=str(row.failure.get("error_type") or ""),
            fields=fields,
        )

    # -- what may be there

    def _looked_up(self, row: Row) -> Answered | Row | None:
        """The row of a call whose answer was lost, with what the service knows of it. Raises `UnknownOutcome`."""
        context = self._context
        entry, account = context.journal.entry(row), refs.account_of(context, row)
        lookup.check_listing(context, row, account)
        context.notify.note(f"{row.name} was this call, and its answer was lost; looking it up on the service")
        others = context.journal.search(Search(endpoint=row.endpoint, since=row.left_at - lookup.SKEW))
        taken = {other.request_id for other in others if other.local_id != row.local_id}
        try:
            listed = lookup.look_up(context.wire(account=account), row, self._deadline, taken.__contains__)
        except Refused as error:
            raise lookup.refused_lookup(context, row, error) from None
        for item in listed:
            handle = queue.handle_for(account.hosts, refs.endpoint_of(row), item.request_id)
            request_id = row.request_id or entry.adopted(handle)
            if not request_id:
                continue
            context.notify.essential(f"{row.name} is request {request_id}, which was accepted", request_id=request_id)
            if row.mode == "direct":
                return Answered(row, outcome=_reused(lookup.listed_output(row, entry, item)))
            return self._newest()
        now = context.journal.row(row.local_id)
        if now is not None and (now.state, now.request_id) != (row.state, row.request_id):
            return now  # another process was at it
        if not listed.is_exact:
            raise lookup.not_found(context, row)
        entry.ended(State.NOT_SENT, "the service lists all that it accepted, and not this")
        return self._newest()


def _ago(row: Row) -> str:
    return seconds_ago((datetime.now(UTC) - (row.ended_at or row.left_at)).total_seconds())


def tell(context: Context, found: Answered) -> None:
    """Says that nothing is sent, and what stands for the call."""
    row = found.row
    what = "joined" if found.request is not None else "reused"
    when = f"sent {_ago(row)}" if found.request is not None else f"made {_ago(row)}"
    context.notify.essential(f"{what} request {row.name}, {when}: nothing was sent (--once)", request_id=row.request_id)


def _reused(outcome: Outcome) -> Outcome:
    outcome.reused = True
    return outcome


def _answers(wire: Wire, url: str) -> bool:
    """Whether a file still exists. Raises `NetworkFailure` if its host cannot be asked."""
    try:
        at_hand.beginning(wire, media.MediaFile(url), count=1)
    except NotHad as error:
        if error.is_out_of_reach:
            raise NetworkFailure(f"cannot check whether {url} still exists: {error}; nothing was sent") from None
        return False
    return True


def _names_loopback(body: bytes) -> bool:
    value = jsontext.read(body, jsontext.NOT_JSON)
    return value is not jsontext.NOT_JSON and any(is_loopback(file.url) for file in media.find(value))
