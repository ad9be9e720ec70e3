"""Finds out what happened to a call whose answer was lost, by the account's listing (wire §9.3)."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fal_cli.api import clock, platform, queue
from fal_cli.api.body import Body
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import Refused, WaitEnded
from fal_cli.api.events import Result
from fal_cli.api.platform import Listed, Listing
from fal_cli.api.wire import Wire
from fal_cli.auth.accounts import Account
from fal_cli.context import Context
from fal_cli.endpoint import parse
from fal_cli.errors import CliError, CredentialRefused, NotFinished, NotFound, UnknownOutcome
from fal_cli.ledger.batches import is_dead_but_named
from fal_cli.ledger.journal import Entry
from fal_cli.ledger.rows import Mark, Row, State, fingerprint
from fal_cli.results.outcome import Outcome
from fal_cli.terminal.progress.tally import duration
from fal_cli.urls import is_loopback

SEARCH_SECONDS = 30.0
SKEW = timedelta(minutes=15)  # clocks differ, and a submit that was refused for rate is repeated for minutes
_CLOCK_TICK_SECONDS = 2.0
_SENDING = timedelta(minutes=15)
_PAUSES = (1.0, 2.0, 3.0, 5.0)


def is_being_sent(row: Row) -> bool:
    """Whether the process that sends a call may still be at it."""
    if row.state is not State.SENDING or not row.pid:
        return False
    if row.mode == "queue" and row.mark is not Mark.CLAIMED and datetime.now(UTC) - row.left_at > _SENDING:
        return False
    return _is_alive(row.pid) and not _began_after(row.pid, row.created_at)


def taker() -> str:
    """What a row says of the process that picked it up: its number, and when."""
    return f"{os.getpid()} {datetime.now(UTC).isoformat(timespec='milliseconds')}"


def is_followed(row: Row) -> bool:
    """Whether another process picked the request up and may still follow it."""
    pid, _, moment = row.taken_by.partition(" ")
    try:
        number, taken_at = int(pid), datetime.fromisoformat(moment)
    except ValueError:
        return False
    return number != os.getpid() and _is_alive(number) and not _began_after(number, taken_at)


class Listings:
    """The listings that several lookups share: each time that all of them look, the service is asked once."""

    def __init__(self, since: Mapping[str, datetime]) -> None:
        """`since` is, of each endpoint, when the first of its calls was sent."""
        self._since = since
        self._locks = {endpoint: threading.Lock() for endpoint in since}
        self._found: dict[tuple[str, int], Listing] = {}

    def of(self, wire: Wire, endpoint: str, turn: int, deadline: Deadline) -> Listing:
        """The listing of an endpoint as it is for the nth look of each. Raises as `platform.requests_of`."""
        with self._locks[endpoint]:
            if (endpoint, turn) not in self._found:
                start = self._since[endpoint] - SKEW
                self._found[endpoint, turn] = platform.requests_of(wire, endpoint, start=start, deadline=deadline)
                self._found.pop((endpoint, turn - 2), None)
            return self._found[endpoint, turn]


def look_up(
    wire: Wire, row: Row, deadline: Deadline, is_taken: Callable[[str], bool], listings: Listings | None = None
) -> Listing:
    """The listed requests that may be the row's, the likeliest first; none if it was looked for long enough.

    Of one that `is_exact` and names none the call never arrived. `is_taken` says of a request id that another row has
    it. `listings` are shared with other lookups. Raises as `platform.requests_of`: `Refused` with 403 where the key's
    scope does not allow it.
    """
    started = time.monotonic()
    knew_clock = clock.skew_seconds() is not None
    listings = listings or Listings({row.endpoint: min(sent_about(row))})
    for turn, pause in enumerate(_pauses()):
        about = sent_about(row)
        listed = listings.of(wire, row.endpoint, turn, deadline)
        found = _candidates(row, about, [item for item in listed if not is_taken(item.request_id)])
        likely = Listing(item for item in found if _is_of_its_kind(wire, row, item))
        likely.is_exact = listed.is_exact
        if likely or listed.is_exact:
            return likely
        if not knew_clock and sent_about(row) != about:
            knew_clock = True
            continue
        is_old = datetime.now(UTC) + clock.skew() - max(about) > SKEW
        if is_old or time.monotonic() - started > SEARCH_SECONDS:
            return Listing()
        if deadline.passes_within(pause):
            raise WaitEnded("timed out while looking for it", request_id=row.name)
        time.sleep(pause)
    return Listing()


def _is_of_its_kind(wire: Wire, row: Row, item: Listed) -> bool:
    """Whether a listed request is in the queue if the row's call was for the queue, and only then."""
    handle = queue.handle_for(wire.hosts, parse(row.endpoint), item.request_id)
    try:
        queue.status(wire, handle)
    except Refused as error:
        if error.status != 404:
            raise
        return row.mode != "queue"
    return row.mode == "queue"


def sent_about(row: Row) -> set[datetime]:
    """When a row's call was sent, by the service's clock: more than one moment where it is not known which.

    This machine's clock may be wrong, and may have been so already when the row was written.
    """
    if row.clock_skew is not None:
        return {row.left_at + timedelta(seconds=row.clock_skew)}
    minutes = round(clock.skew().total_seconds() / 60)
    return {row.left_at, row.left_at + timedelta(minutes=minutes)}


def _candidates(row: Row, about: set[datetime], listed: list[Listed]) -> list[Listed]:
    """Those with the row's input, nearest to its moment first; without payloads only one that is alone."""

    def distance(item: Listed) -> timedelta:
        return min((abs(item.sent_at - moment) for moment in about), default=SKEW) if item.sent_at else timedelta(0)

    if row.request_id:
        return [item for item in listed if item.request_id == row.request_id]
    listed = [item for item in listed if distance(item) <= SKEW]
    same = [item for item in listed if item.input_json is not None and _has_input(row, item.input_json)]
    if same:
        return sorted(same, key=distance)
    hidden = [item for item in listed if item.input_json is None]
    return hidden if len(hidden) == 1 and (row.is_private or "no_store" in row.options) else []


def _has_input(row: Row, input_json: object) -> bool:
    if not isinstance(input_json, dict):
        return False
    is_same = row.input_is_whole and _same(row.input_json, input_json)
    return is_same or (bool(row.input_sha256) and fingerprint(input_json) == row.input_sha256)


def _same(one: object, other: object) -> bool:
    """Whether two JSON values are equal: `1.0` is `1`, and `true` is not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _pauses() -> Iterator[float]:
    yield from _PAUSES
    while True:
        yield _PAUSES[-1]


def _began_after(pid: int, moment: datetime) -> bool:
    """Whether a process is younger than a moment: then the number was another's before. False where none can tell."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        stat = Path("/proc/stat").read_text()
        boot = next(int(line.split()[1]) for line in stat.splitlines() if line.startswith("btime "))
        return boot + ticks / os.sysconf("SC_CLK_TCK") > moment.timestamp() + _CLOCK_TICK_SECONDS
    except (OSError, ValueError, IndexError, StopIteration):
        return False


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        return False  # there, asking would end it; a lookup meanwhile does no harm
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not is_dead_but_named(pid)


_OVER = {
    State.REFUSED: "was refused",
    State.NOT_SENT: "was never sent",
    State.FAILED: "failed",
    State.CANCELLED: "was cancelled",
    State.EXPIRED: "has expired",
}


def listed_output(row: Row, entry: Entry, item: Listed) -> Outcome:
    """The result of a direct call whose answer was lost, as the listing has it.

    Raises `CliError`: code 8 while it runs, 1 if it failed, 5 if the service has no output.
    """
    if item.ended_at is None:
        raise NotFinished(f"{row.name} is still running as request {item.request_id}", next=("resume", row.name))
    if item.status is not None and item.status >= 400:
        entry.ended(State.FAILED, f"HTTP {item.status}")
        raise CliError(f"{row.name} ran as request {item.request_id} and failed (HTTP {item.status})")
    if item.output_json is None:
        entry.ended(State.EXPIRED)
        raise NotFound(f"{row.name} ran as request {item.request_id}, but the service has no output for it")
    body = json.dumps(item.output_json, ensure_ascii=False).encode()
    result = Result(Body(body), "application/json", item.request_id)
    entry.completed(result, inference_seconds=item.seconds, request_id=item.request_id)
    return Outcome(result, row.endpoint, item.request_id, entry, inference_seconds=item.seconds)


def over(context: Context, row: Row, entry: Entry) -> CliError:
    """The error for a row that cannot be resumed."""
    if row.state in (State.SENDING, State.UNKNOWN):
        entry.ended(State.UNKNOWN, row.error or "its process was killed")
        entry.delivered()
        return UnknownOutcome(
            f"{row.name} was a {row.mode} call to {row.endpoint} that was cut off: its output cannot be fetched",
            hint="It may be billed for the part that ran.",
            kind="stream_cut",
        )
    if row.state is State.COMPLETED:
        entry.delivered()
        return NotFound(
            f"the result of {row.name} is not stored here, and a {row.mode} call's result cannot be fetched again",
        )
    detail = f": {row.error}" if row.error else ""
    return NotFound(
        f"{row.name} {_OVER.get(row.state, row.state)}{detail}; there is nothing to resume",
        hint=f"To send it again: {context.tool} rerun {row.name}",
        next=("rerun", row.name),
    )


def check_listing(context: Context, row: Row, account: Account) -> None:
    """Raises `CliError` (code 3) where the listing at hand is not the one that would have a call.

    Looked up elsewhere, or with another account's key, it would be taken for one that never arrived.
    """
    if context.in_sandbox:
        return
    if row.key_print and row.key_print != account.credential.key_print:
        raise CredentialRefused(
            f"{row.name} was sent with another key, and only that key can look it up",
            hint="Use that key: --profile NAME, or FAL_KEY.",
        )
    hosts = context.accounts.hosts
    if row.host and not hosts.owns(row.host) and not (is_loopback(row.host) and is_loopback(hosts.queue)):
        raise CredentialRefused(
            f"{row.name} was sent to {row.host}, which is not configured now",
            hint="Set the hosts (FAL_QUEUE_RUN_HOST, FAL_RUN_HOST, FAL_API_HOST) as they were.",
        )


def not_found(context: Context, row: Row) -> CliError:
    """The error for a call that the listing does not hold."""
    since = duration(max(0.0, (datetime.now(UTC) + clock.skew() - max(sent_about(row))).total_seconds()))
    return UnknownOutcome(
        f"the service lists no request like {row.name} ({row.endpoint}, sent {since} ago): it may never have arrived, "
        "or may still be queued",
        hint=f"Look again later: {context.tool} resume {row.name}\n"
        f"To send it again, at the risk of paying twice: {context.tool} resume {row.name} --retry-unknown",
        next=("resume", row.name),
    )


def refused_lookup(context: Context, row: Row, error: Refused) -> CliError:
    """The error for a listing that the key may not see."""
    return UnknownOutcome(
        f"{row.name} cannot be looked up: the service refused to list your requests (HTTP {error.status}: "
        f"{error.message})",
        hint="See your requests: https://fal.ai/dashboard\n"
        f"To send it again, at the risk of paying twice: {context.tool} resume {row.name} --retry-unknown",
    )
