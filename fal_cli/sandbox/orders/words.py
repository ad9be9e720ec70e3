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
PLAIN_WORDS = {
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
    "stream": {**PLAIN_WORDS, "refuse": "[404|503]", **STREAM_WORDS},
    "events": {**PLAIN_WORDS, **EVENT_WORDS},
    "realtime": REALTIME_WORDS,
    "ws": {"cut-before": "", "reset-before": "", "stall-before": "S"},
    "file": {**PLAIN_WORDS, "cut-at": "N"},
    "part": {**PLAIN_WORDS, "cut-at": "N"},
    "upload": {**PLAIN_WORDS, "cut-at": "N", "expires": "S"},
    "token": {**PLAIN_WORDS, "expires": "S"},
    "login": {**PLAIN_WORDS, "expires": "S"},
    "webhook": WEBHOOK_WORDS,
}


def words_of(route: str) -> dict[str, str]:
    """The words of a route beside statuses and pages, each with the form of what follows it."""
    words = _OF_ROUTE.get(route, PLAIN_WORDS)
    if route in PAID_ROUTES:
        return {**words, **_REFUSALS}
    return {**words, "denied": ""} if route in PLATFORM_ROUTES else words


MEANINGS = {
    ("cut-before", ""): "the connection closes without an answer; nothing is recorded",
    ("cut-after", ""): "the same, after the job was recorded",
    ("reset-before", ""): "the connection is reset without an answer; nothing is recorded",
    ("reset-after", ""): "the same, after the job was recorded",
    ("truncate", ""): "half an answer; the job is recorded",
    ("garbage", ""): "an answer that is not JSON; the job is recorded",
    ("stall", "S"): "the answer comes late; the job is recorded at once",
    ("stall-before", "S"): "the answer comes late, and so does the job",
    ("denied", ""): "the key lacks the permission",
    ("locked", "[KIND]"): f"the account is locked; KIND is {', '.join(LOCKS)}",
    ("refuse", "[404|503]"): "no status stream",
    ("silent", ""): "the stream opens and stays silent",
    ("silent-after", "N"): "it falls silent after N events",
    ("cut", ""): "the stream is cut in the middle of its first event",
    ("cut-after", "N"): "it is cut after N events",
    ("close-after", "N"): "it ends in order after N events",
    ("close-after", "N[:CODE]"): "the socket closes after N results, with this code",
    ("split", ""): "events arrive in pieces",
    ("slow-first", "S"): "the first event comes late",
    ("error-after", "N"): "an error event after N events",
    ("error-chunk", "[N]"): "after N events, or all, the last one again with an error in it",
    ("error-event", "[N]"): "after N events, or all, an event of the type error",
    ("done", ""): "[DONE] follows the last event",
    ("bad-json", ""): "it begins with an event that is not JSON",
    ("multi-line", ""): "data in several lines",
    ("crlf", ""): "lines end with CR LF",
    ("cr", ""): "lines end with CR",
    ("bom", ""): "the stream begins with a byte order mark",
    ("unauthorized", ""): "the session is refused",
    ("idle", "S"): "the session ends when nothing was said for so long",
    ("cut-at", "N"): "the connection is cut after N bytes",
    ("expires", "S"): "the token, the signed URL or the login is short-lived",
    ("redeliver", ""): "delivered twice",
    ("bad-signature", ""): "signed wrongly",
    ("old", ""): "its time stamp is long past",
}
"""What each word does, by the form of what follows it."""
