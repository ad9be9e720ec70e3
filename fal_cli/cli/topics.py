"""The topics of `fal help`: pages of the manual, a Markdown file each in `manual`, read when they are asked for.

Cheap to import: help is answered before Typer or Rich are there.
"""

import os

SUMMARIES: dict[str, str] = {
    "start": "try it, log in, the commands for a request",
    "inputs": "write inputs: key=value, files, JSON, stdin",
    "output": "choose what is printed, and where",
    "files": "save results, upload files",
    "requests": "name a request, look it up, find it again",
    "money": "prices, budgets, cost, and never paying twice",
    "batch": "many calls from one list, each paid for once",
    "scripting": "loops, pipes, polling, CI",
    "programs": "JSON for programs",
    "agents": "a skill and an MCP server for coding agents",
    "streams": "events as they come, sessions over a WebSocket",
    "galleries": "look at results in the terminal or the browser",
    "webhooks": "verify, receive and send webhooks",
    "testing": "the sandbox, and failures to order from it",
    "environment": "variables, files and settings",
    "exit-codes": "each exit code: may I run it again?",
    "errors": "the kinds of errors that programs read with --json",
    "other-fal": "beside fal.ai's own CLI",
    "troubleshooting": "symptoms and fixes",
}
"""The topics in the order in which they are listed."""

ALIASES: dict[str, str] = {
    "refs": "requests",
    "json": "programs",
    "sessions": "streams",
    "skills": "agents",
    "faults": "testing",
    "offline": "testing",
    "profiles": "start",
    "env": "environment",
}
"""Other names that lead to a topic."""

OF_COMMAND: dict[str, tuple[str, ...]] = {
    "run": ("inputs", "files", "output", "money", "exit-codes"),
    "submit": ("inputs", "requests", "money", "scripting"),
    "batch": ("batch", "money", "exit-codes"),
    "stream": ("streams", "inputs"),
    "realtime": ("streams",),
    "upload": ("files",),
    "status": ("requests", "scripting"),
    "logs": ("requests",),
    "result": ("requests", "files", "output"),
    "wait": ("requests", "scripting"),
    "resume": ("requests", "files"),
    "rerun": ("requests", "inputs"),
    "cancel": ("requests",),
    "history": ("requests",),
    "show": ("galleries", "requests"),
    "gallery": ("galleries",),
    "cost": ("money",),
    "pricing": ("money",),
    "schema": ("inputs",),
    "auth": ("start", "environment"),
    "config": ("environment", "money"),
    "skill": ("agents",),
    "mcp": ("agents", "money"),
    "doctor": ("troubleshooting", "environment"),
    "sandbox": ("testing",),
    "webhook": ("webhooks",),
}
"""The topics to read on about a command."""

ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("FAL_KEY", "your key, from https://fal.ai/dashboard/keys; overrides stored keys"),
    ("FAL_KEY_ID, FAL_KEY_SECRET", "the key in two parts"),
    ("FAL_PROFILE", "the profile to use, as --profile"),
    ("FAL_FORCE_AUTH_BY_USER", "1: ignore keys in the environment; only --profile or the login of fal.ai's own CLI"),
    ("FAL_SANDBOX", "1: every command as with --sandbox"),
    ("FAL_SANDBOX_FAULT", "failures to order from the sandbox, e.g. submit=429*2"),
    ("FAL_SANDBOX_SETTINGS", "the sandbox's account, e.g. concurrency=2"),
    ("FAL_PRIVATE", "1: every call as with --private"),
    ("FAL_NO_PROJECT", "1: no fal.toml of a folder is read"),
    ("FAL_BUDGET", "what calls may cost, e.g. 5/day; --budget and the profile's own apply too"),
    ("FAL_LITERAL, FAL_FILES", "as --literal and --files DIR, for untrusted text"),
    ("FAL_REQUIRE_LEDGER", "1: as --require-ledger"),
    ("FAL_ON_INTERRUPT", "detach or cancel: what Ctrl-C does to a request"),
    ("FAL_RUN_HOST, FAL_QUEUE_RUN_HOST, FAL_REST_HOST, FAL_CDN_HOST, FAL_API_HOST", "the hosts to call; http:// only "
     "for this machine"),
    ("FAL_CLI_HOME", "one folder for config, state and cache"),
    ("FAL_CONFIG_PATH, FAL_HOME_DIR", "where the files of fal.ai's own CLI are, if not in ~/.fal"),
    ("FAL_DEBUG", "1: show where an unexpected failure happened"),
    ("NO_COLOR", "no colour; TERM=dumb does the same"),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "the proxy; never used for this machine"),
    ("REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE", "the certificates to trust; the first that is set"),
)  # fmt: skip
"""Variables and their effects; the page `environment` holds them as a table."""

_FOLDER = os.path.join(os.path.dirname(__file__), "manual")


def named(words: str) -> str:
    """The topic of that name, in whatever case and with spaces or hyphens; "" if there is none."""
    name = "-".join(words.lower().split())
    name = ALIASES.get(name, name)
    return name if name in SUMMARIES else ""


def markdown(name: str) -> str:
    """The page of a topic of `SUMMARIES`, as Markdown."""
    with open(os.path.join(_FOLDER, f"{name}.md"), encoding="utf-8") as file:
        return file.read()
