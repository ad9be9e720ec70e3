"""What a lookup in the account's listing came to, in words; and results that come from elsewhere than the queue."""

import json
from datetime import UTC, datetime

from fal_cli.account import Account
from fal_cli.api.body import Body
from fal_cli.api.errors import Refused
from fal_cli.api.events import Result
from fal_cli.api.hosts import is_loopback
from fal_cli.api.platform import Listed
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit
from fal_cli.journal import Entry
from fal_cli.ledger import Row, State
from fal_cli.outcome import Outcome
from fal_cli.terminal.tally import duration

_OVER = {
    State.REFUSED: "was refused",
    State.NOT_SENT: "was never sent",
    State.FAILED: "failed",
    State.CANCELLED: "was cancelled",
    State.EXPIRED: "is past its time",
}


def kept_here(row: Row, entry: Entry) -> Outcome:
    """The result of a call outside the queue, which only the ledger has. Raises `CliError` if it has none."""
    kept = entry.kept()
    if kept is None:
        raise CliError(f"the result of {row.name} was not kept here", code=Exit.NOT_FOUND)
    result = Result(Body(kept.body), kept.content_type, row.request_id, row.billable_units)
    url = row.urls.get("response_url", "")
    return Outcome(result, row.endpoint, row.request_id or row.name, entry, url, row.inference_seconds)


def listed_output(row: Row, entry: Entry, item: Listed) -> Outcome:
    """The result of a direct call whose answer was lost, as the listing has it.

    Raises `CliError`: code 8 while it runs, 1 if it failed, 5 if the service kept no output.
    """
    if item.ended_at is None:
        raise CliError(f"{row.name} is still running as request {item.request_id}", code=Exit.NOT_FINISHED)
    if item.status is not None and item.status >= 400:
        entry.ended(State.FAILED, f"HTTP {item.status}")
        raise CliError(f"{row.name} ran as request {item.request_id} and failed (HTTP {item.status})")
    if item.output_json is None:
        entry.ended(State.EXPIRED)
        raise CliError(
            f"{row.name} ran as request {item.request_id}, but the service kept no output", code=Exit.NOT_FOUND
        )
    body = json.dumps(item.output_json, ensure_ascii=False).encode()
    result = Result(Body(body), "application/json", item.request_id)
    entry.completed(result, inference_seconds=item.seconds, request_id=item.request_id)
    return Outcome(result, row.endpoint, item.request_id, entry, inference_seconds=item.seconds)


def over(context: Context, row: Row, entry: Entry) -> CliError:
    """The error for a row that there is nothing to take up of."""
    if row.state in (State.SENDING, State.UNKNOWN):
        entry.ended(State.UNKNOWN, row.error or "its process was killed")
        entry.delivered()
        return CliError(
            f"{row.name} was a {row.mode} call to {row.endpoint} that was cut off: nothing of it can be fetched",
            hint="It may be billed as far as it ran.",
            code=Exit.UNKNOWN_OUTCOME,
        )
    if row.state is State.COMPLETED:
        entry.delivered()
        return CliError(
            f"the result of {row.name} was not kept here, and a {row.mode} call's cannot be fetched again",
            code=Exit.NOT_FOUND,
        )
    told = f": {row.error}" if row.error else ""
    return CliError(
        f"{row.name} {_OVER.get(row.state, row.state)}{told}; there is nothing to resume",
        hint=f"To send it again: {context.tool} rerun {row.name}",
        code=Exit.NOT_FOUND,
    )


def check_listing(context: Context, row: Row, account: Account) -> None:
    """Raises `CliError` (code 3) where the listing at hand is not the one that would have a call.

    Looked up elsewhere, or with another account's key, it would be taken for one that never arrived.
    """
    if context.in_sandbox:
        return
    if row.key_print and row.key_print != account.credential.key_print:
        raise CliError(
            f"{row.name} was sent with another key, and only that one's listing can have it",
            hint="Use the key that made the call.",
            code=Exit.CREDENTIALS,
        )
    hosts = context.hosts
    if row.host and not hosts.owns(row.host) and not (is_loopback(row.host) and is_loopback(hosts.queue)):
        raise CliError(
            f"{row.name} was sent to {row.host}, which is not configured now",
            hint="Set the hosts (FAL_QUEUE_RUN_HOST, FAL_RUN_HOST, FAL_API_HOST) as they were.",
            code=Exit.CREDENTIALS,
        )


def not_found(context: Context, row: Row) -> CliError:
    """The error for a call that the listing does not hold."""
    since = duration((datetime.now(UTC) - row.created_at).total_seconds())
    return CliError(
        f"the service lists no request like {row.name} ({row.endpoint}, sent {since} ago): it may never have arrived, "
        "or still waits in line",
        hint=f"Look again later: {context.tool} resume {row.name}\n"
        f"To send it again, at the risk of paying twice: {context.tool} resume {row.name} --retry-unknown",
        code=Exit.UNKNOWN_OUTCOME,
    )


def refused_lookup(context: Context, row: Row, error: Refused) -> CliError:
    """The error for a listing that the key may not see."""
    return CliError(
        f"what became of {row.name} cannot be looked up: the service refused its listing (HTTP {error.status}: "
        f"{error.message})",
        hint="Look at your requests on https://fal.ai/dashboard.\n"
        f"To send it again, at the risk of paying twice: {context.tool} resume {row.name} --retry-unknown",
        code=Exit.UNKNOWN_OUTCOME,
    )
