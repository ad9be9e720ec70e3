"""The kinds of errors: words that programs go by. They are a promise: none goes, and none changes its code.

`fal help errors --json` prints them, and with `--json` an error names its own.
"""

from typing import Literal, NamedTuple

Again = Literal["no", "fixed", "later", "resume"]

AGAIN: dict[Again, str] = {
    "no": "the same command would end the same, or cost twice",
    "fixed": "once what is named is fixed; nothing was sent",
    "later": "the same command, later; nothing lives on",
    "resume": "not the same command: a paid call lives on, and `next` goes on with it",
}
"""What each answer to "may I run it again?" means."""


class Kind(NamedTuple):
    """The exit code of an error, whether the command may be run again, and what it means."""

    code: int
    again: Again
    meaning: str


KINDS: dict[str, Kind] = {
    "failed": Kind(1, "no", "a failure that the message explains"),
    "unexpected": Kind(1, "no", "a failure that nobody thought of"),
    "request_failed": Kind(1, "no", "the request ran and failed"),
    "request_cancelled": Kind(1, "later", "the request was cancelled"),
    "start_timeout": Kind(1, "later", "the request did not start before --start-timeout"),
    "refused": Kind(1, "no", "the service refused the call"),
    "usage": Kind(2, "fixed", "what was typed cannot be done"),
    "unknown_command": Kind(2, "fixed", "there is no such command"),
    "unknown_option": Kind(2, "fixed", "there is no such option"),
    "malformed_input": Kind(2, "fixed", "an input that cannot be read"),
    "outside_files": Kind(2, "fixed", "a file that --files or --literal does not allow"),
    "no_ledger": Kind(2, "fixed", "the call could not be recorded, and --require-ledger is set"),
    "no_key": Kind(3, "fixed", "there is no key to call with"),
    "other_key": Kind(3, "fixed", "the request needs another key than the one at hand"),
    "key_refused": Kind(3, "fixed", "the service refused the key"),
    "no_permission": Kind(3, "fixed", "the key is good, but may not do this"),
    "model_denied": Kind(3, "fixed", "the access list of the team does not allow the model"),
    "input_refused": Kind(4, "fixed", "the input was refused; `fields` says where"),
    "not_found": Kind(5, "fixed", "there is no such endpoint, request, result or price"),
    "endpoint_not_found": Kind(5, "fixed", "there is no such endpoint"),
    "request_not_found": Kind(5, "fixed", "there is no such request"),
    "network": Kind(6, "later", "nothing was accepted, or a read did not come whole"),
    "service_unavailable": Kind(6, "later", "the service cannot answer a free call now"),
    "still_running": Kind(7, "resume", "accepted, and waiting ended (--timeout)"),
    "not_finished": Kind(8, "later", "not there yet; ask again"),
    "rate_limited": Kind(9, "later", "refused for rate or quota, after retries"),
    "account_locked": Kind(9, "later", "the account is locked, for its balance say"),
    "answer_lost": Kind(10, "resume", "a paid call was sent, and what became of it is not known"),
    "stream_cut": Kind(10, "no", "a paid stream or session was cut; what is gone cannot be fetched"),
    "not_saved": Kind(11, "resume", "the result is there, a file could not be saved"),
    "over_budget": Kind(12, "fixed", "it does not fit --max-cost or a budget; nothing was sent"),
    "interrupted": Kind(130, "resume", "interrupted (130, or 143 by SIGTERM); a request lives on"),
    "interrupted_spent": Kind(130, "no", "interrupted (130, or 143); what was sent may be billed, nothing lives on"),
    "interrupted_unsent": Kind(
        130, "later", "interrupted (130, or 143 by SIGTERM); nothing was sent, or all of it is done"
    ),
}
"""Every kind by its word, in the order of the codes."""
