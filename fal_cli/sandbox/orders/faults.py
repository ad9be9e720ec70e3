"""The words that order misbehaviour: `ROUTE=FAULT[*TIMES]`.

    submit=429*2                  status=503:retry-after=2      any=html-502
    submit=cut-after              stream=silent-after:3         file=truncate*1
    part:3=500*1                  events=close-after:2          realtime=close-after:1:1011
    run=app-429                   run=gateway-429

A status is the gateway's answer; `gateway-429` says the same in full. `app-429` is the app's own, of a request that
was accepted: what `run` and `events` answer, and how what is submitted ends.

    submit=429@2                  submit=429:retry-after@2/10   submit=429:reset@0.5*3
    locked                        locked:topup:6                submit=locked:admin*2       run=denied

With `@RATE[/BURST]` so many a second are let through, BURST at once if there was a pause, and the others get the
fault; `retry-after` and `reset` tell then how long it is until the next. `locked[:KIND][:SECONDS]` without a route
locks the account (§1.7): from the start of the sandbox on, or, ordered by a call, from that call on.

The words are in `words.py`. A fault's effect is in `misbehave.py` and in the answers that take faults upon themselves
(`spoil.py`).
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from fal_cli.sandbox.orders.words import (
    APP_ROUTES,
    CALL_ROUTES,
    HTML_STATUSES,
    LOCKS,
    RATE_OPTIONS,
    ROUTES,
    STATUS_OPTIONS,
    words_of,
)

_TIMES = re.compile(r"^(.*)\*([0-9]+)$", re.DOTALL)
_RATE = re.compile(r"^(.*)@([0-9]+(?:\.[0-9]+)?)(?:/([0-9]{1,6}))?$", re.DOTALL)
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_COUNT = re.compile(r"[0-9]{1,15}")
_APP = re.compile(r"app-([45][0-9]{2})")
_COUNT_CODE = re.compile(r"([0-9]{1,15})(?::([1-4][0-9]{3}))?")
_CLOSE_CODE = 1011
AT_THE_END = 10**15


@dataclass(frozen=True)
class Fault:
    """One ordered fault; `times` None means always.

    `kind` is `status`, `html`, `app` or one of the words above. `status` is set for the first three and `refuse`,
    `seconds` for the words that take seconds, `count` for those that take a number of events, results or
    bytes, `code` for the close of a socket. `number` is the part that it is meant for, 0 for any.
    `retry_after` is text for that header: seconds, or `date+SECONDS` for an HTTP date; `reset` is one for
    `x-ratelimit-reset`; with a `rate` (a second) and a `burst` both may be "next". `lock` is a kind of lock. A fault
    without a route locks the account.
    """

    text: str
    route: str
    kind: str
    times: int | None = None
    status: int = 0
    seconds: float = 0.0
    count: int = 0
    code: int = _CLOSE_CODE
    number: int = 0
    retry_after: str | None = None
    reset: str | None = None
    error_type: str | None = None
    location: str | None = None
    user_timeout: bool = False
    rate: float = 0.0
    burst: int = 0
    lock: str = ""

    @property
    def locks_account(self) -> bool:
        """Whether it locks the whole account, not only refuses a call."""
        return not self.route

    def matches(self, route: str, number: int = 0) -> bool:
        """Whether the fault is meant for an exchange on `route`, about the part of that number."""
        if self.locks_account:
            return route in CALL_ROUTES
        is_meant = self.route == route or (self.route == "any" and route != "webhook")
        return is_meant and self.number in (0, number)


def parse_fault(text: str) -> Fault:
    """Read `ROUTE=FAULT[@RATE[/BURST]][*TIMES]`. Raises ValueError naming the bad part and the allowed words."""
    if text == "locked" or text.startswith("locked:"):
        return _account_lock(text)
    route, equals, rest = text.partition("=")
    if not equals:
        raise ValueError(f"fault {text!r}: expected ROUTE=FAULT, such as submit=429*2")
    route, number = _split_number(text, route)
    if route not in ROUTES:
        raise ValueError(f"fault {text!r}: unknown route {route!r}; one of {', '.join(ROUTES)}")
    word, times = _split_times(text, rest)
    word, rate, burst = _split_rate(text, word)
    name, _, argument = word.removeprefix("gateway-").partition(":")
    if route == "webhook":
        kind, options = _word_fault(text, route, name, argument)
    elif name.startswith("app-"):
        kind, options = "app", _app_fault(text, route, name, argument)
    elif name.isascii() and name.isdigit():
        kind, options = "status", _status_fault(text, name, argument, has_rate=rate > 0)
    elif name.startswith("html-"):
        kind, options = "html", _html_fault(text, name, argument)
    else:
        kind, options = _word_fault(text, route, name, argument)
    if rate and kind not in ("status", "html"):
        raise ValueError(f"fault {text!r}: only a status or a page can have a rate")
    return Fault(text, route, kind, times, number=number, rate=rate, burst=burst, **options)


def _account_lock(text: str) -> Fault:
    """`locked[:KIND][:SECONDS]`."""
    parts = text.split(":")[1:]
    kind = parts.pop(0) if parts and parts[0] in LOCKS else LOCKS[0]
    if len(parts) > 1 or not all(_SECONDS.fullmatch(part) for part in parts):
        raise ValueError(f"fault {text!r}: expected locked[:KIND][:SECONDS], KIND one of {', '.join(LOCKS)}")
    seconds = float(parts[0]) if parts else math.inf
    return Fault(text, "", "locked", 1, seconds=seconds, lock=kind)


def _split_number(text: str, route: str) -> tuple[str, int]:
    name, colon, number = route.partition(":")
    if not colon or name != "part":
        return route, 0
    if not _COUNT.fullmatch(number) or int(number) == 0:
        raise ValueError(f"fault {text!r}: after part: comes a part's number, such as part:3")
    return name, int(number)


def _split_times(text: str, rest: str) -> tuple[str, int | None]:
    match = _TIMES.match(rest)
    if match is None:
        if "*" in rest:
            raise ValueError(f"fault {text!r}: after * comes a whole number, such as *2")
        return rest, None
    if int(match[2]) == 0:
        raise ValueError(f"fault {text!r}: *0 would never happen; the least is *1")
    return match[1], int(match[2])


def _split_rate(text: str, word: str) -> tuple[str, float, int]:
    """A word without its rate, so many a second, and how many at once."""
    match = _RATE.match(word)
    if match is None:
        return word, 0.0, 0
    rate = float(match[2])
    burst = int(match[3]) if match[3] else max(1, math.ceil(rate))
    if rate == 0 or burst == 0:
        raise ValueError(f"fault {text!r}: after @ comes how many a second, such as @0.5 or @2/10")
    return match[1], rate, burst


def _status_fault(text: str, name: str, argument: str, *, has_rate: bool) -> dict[str, Any]:
    status = int(name)
    options = _status_options(text, argument, has_rate=has_rate)
    if status // 100 == 3 and options.get("location") is None:
        raise ValueError(f"fault {text!r}: a redirect needs location=URL")
    if not 300 <= status <= 599:
        raise ValueError(f"fault {text!r}: {name} is no HTTP error status (300 to 599)")
    return {"status": status, **options}


def _status_options(text: str, argument: str, *, has_rate: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for option in argument.split(",") if argument else []:
        key, _, value = option.partition("=")
        if option == "user":
            options["user_timeout"] = True
        elif option in RATE_OPTIONS and has_rate:
            options[option.replace("-", "_")] = "next"
        elif key == "reset" and _SECONDS.fullmatch(value):
            options["reset"] = value
        elif key == "retry-after" and re.fullmatch(r"(date\+)?[0-9]+(\.[0-9]+)?", value):
            options["retry_after"] = value
        elif key == "type" and re.fullmatch(r"[a-z_]+", value):
            options["error_type"] = value
        elif key == "location" and re.fullmatch(r"[!-~]+", value):
            options["location"] = value
        elif option != "json":
            raise ValueError(
                f"fault {text!r}: unknown option {option!r} of a status; one of {', '.join(STATUS_OPTIONS)}"
            )
    return options


def _app_fault(text: str, route: str, name: str, argument: str) -> dict[str, Any]:
    if route not in APP_ROUTES:
        raise ValueError(f"fault {text!r}: an app answers on {', '.join(APP_ROUTES)} only")
    match = _APP.fullmatch(name)
    if match is None or argument:
        raise ValueError(f"fault {text!r}: after app- comes a status from 400 to 599, such as app-429")
    return {"status": int(match[1])}


def _html_fault(text: str, name: str, argument: str) -> dict[str, Any]:
    allowed = [f"html-{status}" for status in HTML_STATUSES]
    if name not in allowed or argument:
        raise ValueError(f"fault {text!r}: unknown page {name!r}; one of {', '.join(allowed)}")
    return {"status": int(name.removeprefix("html-"))}


def _word_fault(text: str, route: str, name: str, argument: str) -> tuple[str, dict[str, Any]]:
    form = words_of(route).get(name)
    if form is None:
        raise ValueError(f"fault {text!r}: unknown fault {name!r}; {_allowed_words(route)}")
    options = _argument(text, name, form, argument)
    return ("cut-after", {"count": 1}) if name == "cut" else (name, options)


def _argument(text: str, name: str, form: str, argument: str) -> dict[str, Any]:
    """What follows a word, read by its form."""
    if form == "":
        if argument:
            raise ValueError(f"fault {text!r}: {name} takes no argument")
        return {}
    if form == "S":
        if not _SECONDS.fullmatch(argument):
            raise ValueError(f"fault {text!r}: {name} needs seconds, such as {name}:2")
        return {"seconds": float(argument)}
    if form == "N":
        if not _COUNT.fullmatch(argument):
            raise ValueError(f"fault {text!r}: {name} needs a number, such as {name}:2")
        return {"count": int(argument)}
    if form == "[N]":
        if not _COUNT.fullmatch(argument or "0"):
            raise ValueError(f"fault {text!r}: {name} takes a number of events, such as {name}:2, or none")
        return {"count": int(argument) if argument else AT_THE_END}
    if form == "N[:CODE]":
        match = _COUNT_CODE.fullmatch(argument)
        if match is None:
            raise ValueError(f"fault {text!r}: {name} needs a number and perhaps a code, such as {name}:2:1011")
        return {"count": int(match[1]), "code": int(match[2] or _CLOSE_CODE)}
    if form == "[KIND]":
        if argument not in ("", *LOCKS):
            raise ValueError(f"fault {text!r}: {name} takes one of {', '.join(LOCKS)}, not {argument!r}")
        return {"lock": argument or LOCKS[0]}
    if argument not in ("", "404", "503"):
        raise ValueError(f"fault {text!r}: {name} takes 404 or 503, not {argument!r}")
    return {"status": int(argument or 404)}


def _allowed_words(route: str) -> str:
    words = [f"{word}:{form}" if form else word for word, form in words_of(route).items()]
    if route != "webhook":
        app = ["app-429"] if route in APP_ROUTES else []
        words = ["an HTTP status such as 429", *app, *(f"html-{status}" for status in HTML_STATUSES), *words]
    return "one of " + ", ".join(words)
