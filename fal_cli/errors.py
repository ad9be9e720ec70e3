"""Exit codes, the program's own errors, and the one table from any error to sentence, hint and code.

CliError                       1   a failure that the program explains itself
├── UsageError                 2   what was typed cannot be done; nothing was sent
│   └── MalformedInput         2   one word of it, with a caret
├── NoCredentials              3   there is no key to call with
├── CredentialRefused          3   there is one, and it is not the right one
├── InputRefused               4   the endpoint's schema says no; nothing was sent
├── NotFound                   5   no such endpoint, request, result or price
├── NetworkFailure             6   nothing was accepted, or a read did not come whole
├── StillRunning               7   waiting ended, the request lives on
├── NotFinished                8   not there yet
├── UnknownOutcome            10   a paid call whose answer was lost
├── NotSaved                  11   the result is there, a file is not
└── Retold                     *   another error in other words; keeps its code

The request layer raises the other family: `api.errors`.
"""

import unicodedata
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.api.errors import (
    AnswerLost,
    ApiError,
    FieldError,
    NotReached,
    NotReady,
    NotSent,
    PartRefused,
    Phase,
    Refused,
    RequestFailed,
    StreamCut,
    StreamIdle,
    Unavailable,
    WaitEnded,
)
from fal_cli.kinds import KINDS, Again

if TYPE_CHECKING:
    from fal_cli.api.locks import Lock

_UNLOCKED: "dict[Lock, str]" = {
    "balance": "The balance is used up. Top it up: https://fal.ai/dashboard/billing.",
    "admin": "fal.ai has locked it, whatever its balance, and only its support can lift that: support@fal.ai.",
    "topup": "A top-up is due. Pay it: https://fal.ai/dashboard/billing.",
    "other": "See https://fal.ai/dashboard/billing.",
}
_STILL_THERE = "Results you paid for can still be fetched: {tool} resume, or {tool} result ID."
_LONGEST_MESSAGE = 500
_LONGEST_FIELD = 200
_CARET_WIDTH = 70
_INPUT_REFUSED = (400, 405, 409, 413, 415, 422)


class Exit(IntEnum):
    """Exit codes answer one question above all: may I run it again? `EXIT_CODES` explains each."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CREDENTIALS = 3
    INPUT_REFUSED = 4
    NOT_FOUND = 5
    NETWORK = 6
    STILL_RUNNING = 7
    NOT_FINISHED = 8
    LIMITED = 9
    UNKNOWN_OUTCOME = 10
    NOT_SAVED = 11
    OVER_BUDGET = 12


EXIT_CODES: tuple[tuple[str, str, str], ...] = (
    ("0", "done", ""),
    ("1", "the request ran and failed, or an unexpected failure", "after reading the message"),
    ("2", "usage: unknown option, malformed input, unreadable file; nothing was sent", "after fixing it"),
    ("3", "no credentials, or they were refused", "yes"),
    ("4", "the input was refused, with a line per field", "after fixing the input"),
    ("5", "no such endpoint or request", "yes"),
    ("6", "network: nothing was accepted, or a read was cut off", "yes"),
    ("7", "accepted, but we stopped waiting (--timeout); the request goes on", "no: fal resume ID"),
    ("8", "not finished yet (status --exit-status, result without --wait)", "ask again"),
    ("9", "refused for quota, balance or rate, after retries", "later"),
    ("10", "a paid call was sent and its answer was lost; it may be running", "no: fal resume"),
    ("11", "the result is printed, but a file could not be saved", "no: fal result ID -d DIR"),
    ("12", "refused by your own budget or --max-cost: nothing was sent", "with a larger one"),
    ("130, 143", "interrupted; the id, if there is one, is shown", "no: fal resume ID"),
)


class FieldFault(NamedTuple):
    """What is wrong with one input, for a program.

    `got` is the value that was given, `expected` what the schema says of it, `nearest` the right value (or name) that
    was probably meant; None where that is not known.
    """

    path: str
    kind: str
    message: str
    got: Any = None
    expected: Any = None
    nearest: Any = None


class CliError(Exception):
    """A failure that the program explains itself: one sentence, details under it, a hint, an exit code.

    `kind` is its word in `KINDS`, `next` the words of a command that helps, after the program's own (`resume ID`).
    """

    code = Exit.FAILED
    kind = "failed"

    def __init__(
        self,
        message: str,
        *,
        lines: tuple[str, ...] = (),
        hint: str = "",
        kind: str = "",
        next: tuple[str, ...] = (),
        fields: tuple[FieldFault, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.lines = lines
        self.hint = hint
        self.kind = kind or type(self).kind
        self.next = next
        self.fields = fields


class UsageError(CliError):
    """What was typed cannot be done. Nothing was sent."""

    code = Exit.USAGE
    kind = "usage"


class MalformedInput(UsageError):
    """An input word that cannot be read; `at` is the character that the caret points to."""

    kind = "malformed_input"

    def __init__(self, message: str, word: str, at: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.word = word
        self.at = at


class NoCredentials(CliError):
    """There is no key, or it cannot be a key."""

    code = Exit.CREDENTIALS
    kind = "no_key"


class CredentialRefused(CliError):
    """This needs a different key."""

    code = Exit.CREDENTIALS
    kind = "other_key"


class InputRefused(CliError):
    """The endpoint's schema rejects the input. Nothing was sent."""

    code = Exit.INPUT_REFUSED
    kind = "input_refused"


class NotFound(CliError):
    """There is no such endpoint, request, result or price."""

    code = Exit.NOT_FOUND
    kind = "not_found"


class NetworkFailure(CliError):
    """Nothing was accepted, or a read was cut off."""

    code = Exit.NETWORK
    kind = "network"


class StillRunning(CliError):
    """Waiting ended before the request did; the request goes on."""

    code = Exit.STILL_RUNNING
    kind = "still_running"


class NotFinished(CliError):
    """The result is not there yet."""

    code = Exit.NOT_FINISHED
    kind = "not_finished"


class UnknownOutcome(CliError):
    """A paid call was sent, and its outcome is unknown."""

    code = Exit.UNKNOWN_OUTCOME
    kind = "answer_lost"


class NotSaved(CliError):
    """The result is there, but one of its files could not be saved."""

    code = Exit.NOT_SAVED
    kind = "not_saved"


class OverBudget(CliError):
    """The call exceeds a budget or --max-cost. Nothing was sent."""

    code = Exit.OVER_BUDGET
    kind = "over_budget"


class Retold(CliError):
    """Another error in other words; its code stays."""

    def __init__(self, told: "Report", *, message: str = "", hint: str) -> None:
        super().__init__(message or told.message, hint=hint, kind=told.kind)
        self.code = Exit(told.code)


class Report(NamedTuple):
    """An error, ready to be shown: `lines` are details under the message.

    With `pointed`, a word and a place in it, they are that word and a caret below it: `caret` makes them narrower.
    `kind` is its word in `KINDS`, `next` a whole command that goes on from here.
    """

    code: int
    message: str
    lines: tuple[str, ...] = ()
    hint: str = ""
    request_id: str = ""
    error_type: str = ""
    status: int | None = None
    pointed: tuple[str, int] | None = None
    kind: str = "unexpected"
    next: tuple[str, ...] = ()
    fields: tuple[FieldFault, ...] = ()

    @property
    def again(self) -> Again:
        """Whether the same command may be run again."""
        return KINDS[self.kind].again


def report(error: Exception, *, tool: str = "fal", lost: str = "", asked: str = "") -> Report:
    """The sentence, hint and exit code of any error that this program raises.

    `lost` names the call whose answer was lost, so that it can be looked up. `asked` are words for a command that goes
    on: what was to become of the result (` -o cat.png`).
    """
    if isinstance(error, MalformedInput):
        message, pointed = f"malformed input: {error.message}", (error.word, error.at)
        return Report(error.code, message, caret(*pointed), error.hint, pointed=pointed, kind=error.kind)
    if isinstance(error, CliError):
        words = (*tool.split(), *error.next) if error.next else ()
        told = Report(error.code, error.message, error.lines, error.hint)
        return told._replace(kind=error.kind, next=words, fields=error.fields)
    if isinstance(error, ApiError):
        return _api_report(error, _Ways(tool, lost, asked))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return Report(Exit.FAILED, f"{where}{error.strerror}", kind="failed")
    return Report(
        Exit.FAILED,
        f"unexpected failure: {type(error).__name__}: {_cut(str(error), _LONGEST_MESSAGE)}",
        hint=f"FAL_DEBUG=1 {tool} … shows where it happened.",
    )


class _Ways(NamedTuple):
    """How to call this program again."""

    tool: str
    lost: str
    asked: str

    def resume(self, ref: str) -> str:
        return f"{self.tool} resume {ref}{self.asked}"

    def argv(self, *words: str) -> tuple[str, ...]:
        """A command as a tuple of words."""
        return (*self.tool.split(), *words)

    def resume_argv(self, ref: str) -> tuple[str, ...]:
        import shlex

        return self.argv("resume", ref, *shlex.split(self.asked)) if ref else ()


class _Told(NamedTuple):
    """The kind, message and hint for an error of the request layer."""

    kind: str
    message: str
    hint: str = ""
    next: tuple[str, ...] = ()


def _api_report(error: ApiError, ways: _Ways) -> Report:
    told = _sentence(error, ways)
    return Report(
        KINDS[told.kind].code,
        _cut(told.message, _LONGEST_MESSAGE),
        tuple(_field_line(entry) for entry in error.fields),
        told.hint,
        error.request_id,
        error.error_type,
        error.status,
        kind=told.kind,
        next=told.next,
        fields=tuple(_field_fault(entry) for entry in error.fields),
    )


def _sentence(error: ApiError, ways: _Ways) -> _Told:
    """Kind, message and hint, most specific kind first."""
    if isinstance(error, PartRefused):
        told = _sentence(error.cause, ways)
        return told._replace(message=f"part {error.number} of the upload: {told.message}")
    if isinstance(error, StreamCut | StreamIdle):
        hint = "It is billed for the part that ran. Its events cannot be fetched later."
        return _Told("stream_cut", error.message, hint)
    if isinstance(error, AnswerLost):
        return _lost(error, ways)
    if isinstance(error, Unavailable):
        return _Told(
            "service_unavailable",
            f"the service cannot answer now (HTTP {error.status}): {error.message}",
            "Run the command again later.",
        )
    if isinstance(error, NotReached):
        nothing = "Nothing was accepted. " if isinstance(error, NotSent) else ""
        return _Told(
            "network",
            f"network: {error.message}",
            f"{nothing}{error.way_out or f'Run the command again, or find the cause: {ways.tool} doctor'}",
        )
    if isinstance(error, NotReady):
        waiting = ways.argv("wait", error.request_id) if error.request_id else ()
        return _Told("not_finished", error.message, "Add --wait to wait for it.", waiting)
    if isinstance(error, WaitEnded):
        return _Told(
            "still_running",
            f"{error.message}; the request goes on",
            f"To pick it up: {ways.resume(error.request_id)}",
            ways.resume_argv(error.request_id),
        )
    if isinstance(error, RequestFailed):
        return _failed(error)
    if isinstance(error, Refused):
        return _refused(error, ways)
    return _Told("failed", error.message)


def _lost(error: AnswerLost, ways: _Ways) -> _Told:
    look_up = ways.resume(ways.lost) if ways.lost else ""
    broken = error.phase == Phase.ANSWERED and error.status is not None and error.status >= 400
    detail = f"came back as a failure on the way (HTTP {error.status}: {error.message})" if broken else "was lost"
    reason = "" if broken else f" ({error.message})"
    return _Told(
        "answer_lost",
        f"the call was sent, but its answer {detail}{reason}",
        "It may be running and may be billed, so it was not sent again. "
        + (f"To look it up: {look_up}" if look_up else "Check https://fal.ai/dashboard before you repeat it."),
        ways.resume_argv(ways.lost),
    )


def _failed(error: RequestFailed) -> _Told:
    if error.headers.get("x-fal-request-timeout-type") == "user":
        return _Told(
            "start_timeout",
            "the request did not start before its --start-timeout",
            "It did not run; submit it again.",
        )
    if error.error_type == "client_cancelled" or error.status == 499:
        return _Told("request_cancelled", f"the request was cancelled: {error.message}")
    if error.status in _INPUT_REFUSED and not any(entry.type.startswith("downstream") for entry in error.fields):
        return _Told("input_refused", _http("the input was refused", error))
    return _Told("request_failed", _http("the request failed", error))


def _refused(error: Refused, ways: _Ways) -> _Told:
    from fal_cli.api import locks

    status = error.status
    if lock := locks.lock_of(error):
        hint = f"{_UNLOCKED[lock]}\n{_STILL_THERE.format(tool=ways.tool)}"
        return _Told("account_locked", f"the account is locked: {error.message}", hint, ways.argv("resume"))
    if locks.lacks_permission(error):
        return _Told(
            "no_permission",
            _http("the key is valid, but lacks the permission for this", error),
            "Use a key that has it, or make one: https://fal.ai/dashboard/keys",
        )
    if locks.is_denied(error):
        return _Told(
            "model_denied",
            _http("your team's access list does not allow this model, or the key may not do this", error),
            "Neither the key nor the balance is wrong. Ask an admin of the team to allow it: https://fal.ai/dashboard",
        )
    if status in (401, 403):
        return _Told(
            "key_refused",
            _http("the key was refused", error),
            f"Check the key: {ways.tool} auth status",
            ways.argv("auth", "status"),
        )
    if status == 404:
        return _Told("not_found", _http("no such endpoint or request", error))
    if status == 429:
        return _Told(
            "rate_limited", _http("refused for now", error), "Nothing was accepted. Run the command again later."
        )
    if status in _INPUT_REFUSED:
        return _Told("input_refused", _http("the input was refused", error))
    return _Told("refused", _http("the service refused the call", error))


def _http(lead: str, error: ApiError) -> str:
    told = error.message if error.message != "the input was refused" else ""
    kind = f", {error.error_type}" if error.error_type and not error.fields else ""
    lead = f"{lead} (HTTP {error.status}{kind})" if error.status else lead
    return f"{lead}: {told}" if told else lead


def _field_fault(entry: FieldError) -> FieldFault:
    place = "" if entry.location == "body" else entry.location.removeprefix("body.")
    kind = entry.type or "refused"
    got = None if kind == "missing" else short(entry.given)  # for a missing input, services send the whole object
    return FieldFault(place, kind, _cut(entry.message, _LONGEST_FIELD), got=got)


def short(value: Any) -> Any:
    """A value as an error shows it: long texts are cut; None stands for a long list or object."""
    if isinstance(value, str):
        return _cut(value, _LONGEST_FIELD)
    return value if len(repr(value)) <= _LONGEST_FIELD else None


def _field_line(entry: FieldError) -> str:
    kind = f" ({entry.type})" if entry.type else ""
    place = "" if entry.location == "body" else entry.location.removeprefix("body.")
    where = f"{place}: " if place else ""
    return f"{where}{_cut(entry.message, _LONGEST_FIELD)}{kind}"


def caret(word: str, at: int, width: int = _CARET_WIDTH) -> tuple[str, str]:
    """The word and a caret under one of its characters, cut to a window around it, of at most `width` cells."""
    width = min(width, _CARET_WIDTH)
    after = _fitting(word[at:], width * 2 // 7)
    before = _fitting(reversed(word[:at]), width - max(sum(map(_cells, after)), 1))[::-1]
    shown = "".join(character if character.isprintable() else " " for character in before + after)
    return shown, " " * sum(map(_cells, before)) + "^"


def _fitting(characters: Iterable[str], room: int) -> str:
    """As many of the characters as a terminal shows in so many cells."""
    found = ""
    for character in characters:
        room -= _cells(character)
        if room < 0:
            break
        found += character
    return found


def _cells(character: str) -> int:
    """How many columns a terminal gives to a character."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
