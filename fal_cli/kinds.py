"""The kinds of errors: words that programs go by. They are a promise: none goes, and none changes its code.

`fal help errors --json` prints them, and with `--json` an error names its own.
"""

from typing import Literal, NamedTuple

Again = Literal["no", "fixed", "later", "resume"]

AGAIN: dict[Again, str] = {
    "no": "it would fail again, or cost twice",
    "fixed": "after you fix what the message names; nothing was sent",
    "later": "later; no request is left running",
    "resume": "a paid request is still there: run `next` instead",
}
"""What each answer to "may I run it again?" means."""


class Kind(NamedTuple):
    """The exit code of an error, whether the command may be run again, and what it means."""

    code: int
    again: Again
    meaning: str


KINDS: dict[str, Kind] = {
    "failed": Kind(1, "no", "another failure; see the message"),
    "unexpected": Kind(1, "no", "an unexpected failure"),
    "request_failed": Kind(1, "no", "the request ran and failed"),
    "request_cancelled": Kind(1, "later", "the request was cancelled"),
    "start_timeout": Kind(1, "later", "the request did not start before --start-timeout"),
    "refused": Kind(1, "no", "the service refused the call"),
    "usage": Kind(2, "fixed", "the command line is not valid"),
    "unknown_command": Kind(2, "fixed", "no such command"),
    "unknown_option": Kind(2, "fixed", "no such option"),
    "malformed_input": Kind(2, "fixed", "an input is malformed"),
    "outside_files": Kind(2, "fixed", "--files or --literal does not allow this file"),
    "no_ledger": Kind(2, "fixed", "the call could not be recorded, and --require-ledger is set"),
    "no_key": Kind(3, "fixed", "no key to call with"),
    "other_key": Kind(3, "fixed", "the request needs a different key"),
    "key_refused": Kind(3, "fixed", "the service refused the key"),
    "no_permission": Kind(3, "fixed", "the key is valid but lacks the permission"),
    "model_denied": Kind(3, "fixed", "your team's access list does not allow the model"),
    "input_refused": Kind(4, "fixed", "the input was refused; `fields` says where"),
    "not_found": Kind(5, "fixed", "no such endpoint, request, result or price"),
    "endpoint_not_found": Kind(5, "fixed", "no such endpoint"),
    "request_not_found": Kind(5, "fixed", "no such request"),
    "network": Kind(6, "later", "nothing was accepted, or a read was cut off"),
    "service_unavailable": Kind(6, "later", "the service is not available now"),
    "still_running": Kind(7, "resume", "accepted, and waiting ended (--timeout)"),
    "not_finished": Kind(8, "later", "not there yet; ask again"),
    "rate_limited": Kind(9, "later", "refused for rate or quota, after retries"),
    "account_locked": Kind(9, "later", "the account is locked"),
    "answer_lost": Kind(10, "resume", "a paid call was sent and its answer was lost"),
    "stream_cut": Kind(10, "no", "a paid stream or session was cut; its events cannot be fetched later"),
    "not_saved": Kind(11, "resume", "the result is printed, but a file could not be saved"),
    "over_budget": Kind(12, "fixed", "beyond --max-cost or a budget; nothing was sent"),
    "interrupted": Kind(130, "resume", "interrupted (130, or 143 by SIGTERM); a request goes on"),
    "interrupted_spent": Kind(130, "no", "interrupted (130, or 143); the call may be billed, nothing goes on"),
    "interrupted_unsent": Kind(
        130, "later", "interrupted (130, or 143 by SIGTERM); nothing was sent, or all of it is done"
    ),
}
"""Every kind by its word, in the order of the codes."""
