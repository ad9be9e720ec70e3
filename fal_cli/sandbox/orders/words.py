"""The words of `faults`: on which routes there is which, and what follows it."""

CALL_ROUTES = ("submit", "run", "events", "realtime", "ws")
PLATFORM_ROUTES = (
    "models", "listing", "payloads", "pricing", "estimate", "billing", "analytics", "account",
)  # fmt: skip
"""Those of the platform API, which has an error shape of its own (§8.3)."""
ROUTES = (
    "token", "upload", "part", "complete", *CALL_ROUTES[2:], *PLATFORM_ROUTES, "openapi", "login", "jwks", "webhook",
    *CALL_ROUTES[:2], "status", "stream", "result", "cancel", "file", "any",
)  # fmt: skip
APP_ROUTES = ("submit", "run", "events")
"""Where an app can answer."""
PAID_ROUTES = (*CALL_ROUTES, "token", "upload", "complete")
"""What a locked account is refused (§1.7)."""
LOCKS = ("balance", "admin", "topup")

HTML_STATUSES = (502, 503, 504)
STATUS_OPTIONS = (
    "json",
    "user",
    "type=WORD",
    "retry-after=SECONDS",
    "retry-after=date+SECONDS",
    "reset=SECONDS",
    "location=URL",
)
RATE_OPTIONS = ("retry-after", "reset")
"""With a rate these two need no seconds: they are until the next call is let through."""

# What follows a word after the colon: `N` events, results or bytes, `S` seconds, `N[:CODE]`, `[404|503]`, `[KIND]`,
# `[N]`: so many, or all that there are.
_PLAIN_WORDS = {
    **dict.fromkeys(("cut-before", "cut-after", "reset-before", "reset-after", "truncate", "garbage"), ""),
    **dict.fromkeys(("stall", "stall-before"), "S"),
}  # fmt: skip
STREAM_WORDS = {
    "silent": "", "silent-after": "N", "cut": "", "cut-after": "N", "close-after": "N", "split": "",
}  # fmt: skip
EVENT_WORDS = {
    **STREAM_WORDS, "slow-first": "S", "error-after": "N", "error-chunk": "[N]", "error-event": "[N]", "done": "",
    "bad-json": "", "multi-line": "", "crlf": "", "cr": "", "bom": "",
}  # fmt: skip
REALTIME_WORDS = {
    "cut-before": "", "reset-before": "", "stall": "S", "stall-before": "S", "garbage": "",
    "cut-after": "N", "close-after": "N[:CODE]", "silent-after": "N", "unauthorized": "", "idle": "S",
}  # fmt: skip
# What the sandbox sends itself has words of its own alone: nothing arrives that could be answered wrongly.
WEBHOOK_WORDS = dict.fromkeys(("redeliver", "bad-signature", "old"), "")
_REFUSALS = {"locked": "[KIND]", "denied": ""}
_OF_ROUTE = {
    "stream": {**_PLAIN_WORDS, "refuse": "[404|503]", **STREAM_WORDS},
    "events": {**_PLAIN_WORDS, **EVENT_WORDS},
    "realtime": REALTIME_WORDS,
    "ws": {"cut-before": "", "reset-before": "", "stall-before": "S"},
    "file": {**_PLAIN_WORDS, "cut-at": "N"},
    "part": {**_PLAIN_WORDS, "cut-at": "N"},
    "upload": {**_PLAIN_WORDS, "cut-at": "N", "expires": "S"},
    "token": {**_PLAIN_WORDS, "expires": "S"},
    "login": {**_PLAIN_WORDS, "expires": "S"},
    "webhook": WEBHOOK_WORDS,
}


def words_of(route: str) -> dict[str, str]:
    """The words of a route beside statuses and pages, each with the form of what follows it."""
    words = _OF_ROUTE.get(route, _PLAIN_WORDS)
    if route in PAID_ROUTES:
        return {**words, **_REFUSALS}
    return {**words, "denied": ""} if route in PLATFORM_ROUTES else words
