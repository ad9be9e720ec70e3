"""The words that order misbehaviour: `ROUTE=FAULT[*TIMES]`.

    submit=429*2                  status=503:retry-after=2      any=html-502
    submit=cut-after              stream=silent-after:3         file=truncate*1

A fault's effect is in `misbehave.py` and, for the status stream, in `stream.py`.
"""

import re
from dataclasses import dataclass
from typing import Any

ROUTES = ("submit", "run", "status", "stream", "result", "cancel", "file", "any")
HTML_STATUSES = (502, 503, 504)
PLAIN_WORDS = ("cut-before", "cut-after", "reset-before", "reset-after", "truncate", "garbage")
SECONDS_WORDS = ("stall", "stall-before")
STREAM_WORDS = ("refuse", "silent", "silent-after", "cut", "cut-after", "close-after", "split")
EVENTS_WORDS = ("silent-after", "cut-after", "close-after")
STATUS_OPTIONS = (
    "json",
    "user",
    "type=WORD",
    "retry-after=SECONDS",
    "retry-after=date+SECONDS",
    "location=URL",
)

_TIMES = re.compile(r"^(.*)\*([0-9]+)$", re.DOTALL)


@dataclass(frozen=True)
class Fault:
    """One ordered fault; `times` None means always.

    `kind` is `status`, `html` or one of the words above. `status` is set for the first two and `refuse`,
    `seconds` for the stalls, `events` for the `…-after:N` words of a stream. `retry_after` is text for
    that header: seconds, or `date+SECONDS` for an HTTP date.
    """

    text: str
    route: str
    kind: str
    times: int | None = None
    status: int = 0
    seconds: float = 0.0
    events: int = 0
    retry_after: str | None = None
    error_type: str | None = None
    location: str | None = None
    user_timeout: bool = False

    def matches(self, route: str) -> bool:
        """Whether the fault is meant for an exchange on `route`."""
        return self.route in ("any", route)


def parse_fault(text: str) -> Fault:
    """Read `ROUTE=FAULT[*TIMES]`. Raises ValueError naming the bad part and the allowed words."""
    route, equals, rest = text.partition("=")
    if not equals:
        raise ValueError(f"fault {text!r}: expected ROUTE=FAULT, such as submit=429*2")
    if route not in ROUTES:
        raise ValueError(f"fault {text!r}: unknown route {route!r}; one of {', '.join(ROUTES)}")
    word, times = _split_times(text, rest)
    name, _, argument = word.partition(":")
    if name.isascii() and name.isdigit():
        return _status_fault(text, route, times, name, argument)
    if name.startswith("html-"):
        return _html_fault(text, route, times, name, argument)
    if route == "stream" and name in STREAM_WORDS:
        return _stream_fault(text, times, name, argument)
    return _plain_fault(text, route, times, name, argument)


def _split_times(text: str, rest: str) -> tuple[str, int | None]:
    match = _TIMES.match(rest)
    if match is None:
        if "*" in rest:
            raise ValueError(f"fault {text!r}: after * comes a whole number, such as *2")
        return rest, None
    if int(match[2]) == 0:
        raise ValueError(f"fault {text!r}: *0 would never happen; the least is *1")
    return match[1], int(match[2])


def _status_fault(text: str, route: str, times: int | None, name: str, argument: str) -> Fault:
    status = int(name)
    options = _status_options(text, argument)
    if status // 100 == 3 and options.get("location") is None:
        raise ValueError(f"fault {text!r}: a redirect needs location=URL")
    if not 300 <= status <= 599:
        raise ValueError(f"fault {text!r}: {name} is no HTTP error status (300 to 599)")
    return Fault(text, route, "status", times, status, **options)


def _status_options(text: str, argument: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for option in argument.split(",") if argument else []:
        key, _, value = option.partition("=")
        if option == "user":
            options["user_timeout"] = True
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


def _html_fault(text: str, route: str, times: int | None, name: str, argument: str) -> Fault:
    allowed = [f"html-{status}" for status in HTML_STATUSES]
    if name not in allowed or argument:
        raise ValueError(f"fault {text!r}: unknown page {name!r}; one of {', '.join(allowed)}")
    return Fault(text, route, "html", times, int(name.removeprefix("html-")))


def _stream_fault(text: str, times: int | None, name: str, argument: str) -> Fault:
    if name in EVENTS_WORDS:
        if not (argument.isascii() and argument.isdigit()):
            raise ValueError(f"fault {text!r}: {name} needs a number of events, such as {name}:2")
        return Fault(text, "stream", name, times, events=int(argument))
    if name == "refuse":
        if argument not in ("", "404", "503"):
            raise ValueError(f"fault {text!r}: refuse takes 404 or 503, not {argument!r}")
        return Fault(text, "stream", name, times, int(argument or 404))
    if argument:
        raise ValueError(f"fault {text!r}: {name} takes no argument")
    if name == "cut":
        return Fault(text, "stream", "cut-after", times, events=1)
    return Fault(text, "stream", name, times)


def _plain_fault(text: str, route: str, times: int | None, name: str, argument: str) -> Fault:
    if name in SECONDS_WORDS:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", argument):
            raise ValueError(f"fault {text!r}: {name} needs seconds, such as {name}:2")
        return Fault(text, route, name, times, seconds=float(argument))
    if name not in PLAIN_WORDS:
        raise ValueError(f"fault {text!r}: unknown fault {name!r}; {_allowed_words(route)}")
    if argument:
        raise ValueError(f"fault {text!r}: {name} takes no argument")
    return Fault(text, route, name, times)


def _allowed_words(route: str) -> str:
    words = ["an HTTP status such as 429", *(f"html-{status}" for status in HTML_STATUSES), *PLAIN_WORDS]
    words += [f"{word}:SECONDS" for word in SECONDS_WORDS]
    if route == "stream":
        words += [f"{word}:N" if word in EVENTS_WORDS else word for word in STREAM_WORDS]
    return "one of " + ", ".join(words)
