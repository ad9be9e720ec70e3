"""What was probably meant by words that mean nothing: the nearest command or option, or the right form of the call."""

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

from fal_cli.cli import programs, topics
from fal_cli.cli.registry import VERBS
from fal_cli.endpoint import InvalidEndpoint, parse_target

_NEAR_COMMAND = 0.6
_NEAR_OPTION = 0.8
_REQUEST = re.compile(r"@?last(?::\d+)?|@\d+|(?=.*\d)[0-9a-f]{6,8}(?:-[0-9a-f-]*)?|https?://\S+/requests/\S+")
_APP_CODE = re.compile(r"[^=\s]+\.py(?:::\w+)?|[\w./-]+::\w+")
_ITEM = re.compile(r"[\w.\[\]-]+:?=.*|\{.*", re.DOTALL)
_QUOTED_OPTION = re.compile(r"(--[A-Za-z][\w-]*)\s+(\S+)")

_VENDORS = {
    "deploy": "", "apps": "", "app": "", "runners": "", "runner": "", "secrets": "", "secret": "", "environments": "",
    "teams": "", "team": "", "create": "",
    "keys": "Make a key at https://fal.ai/dashboard/keys, then store it: {tool} auth login",
    "key": "To store a key: {tool} auth login", "profile": "To list the profiles: {tool} auth list",
    "profiles": "To list the profiles: {tool} auth list", "queue": "To list your requests: {tool} history",
    "files": "To upload a file: {tool} upload FILE", "file": "To upload a file: {tool} upload FILE",
}  # fmt: skip
"""Commands of the vendor's `fal`, each with what is nearest to it here."""

_OTHER_NAMES = {
    "": {
        "login": "auth login", "logout": "auth logout", "whoami": "auth status", "account": "auth status",
        "balance": "auth status", "switch": "auth switch", "api": "run", "call": "run", "generate": "run",
        "list": "history", "ls": "history", "log": "logs", "requests": "history", "ps": "history --state open",
        "search": "models", "find": "models", "model": "models", "info": "schema", "inspect": "schema",
        "describe": "schema", "openapi": "schema", "price": "pricing", "prices": "pricing", "costs": "cost",
        "show": "history show", "get": "result", "fetch": "result", "download": "result", "results": "result",
        "follow": "resume", "attach": "resume", "watch": "status --follow", "stop": "cancel", "kill": "cancel",
        "delete": "history rm", "rm": "history rm", "retry": "rerun", "repeat": "rerun", "settings": "config",
        "set": "config set", "get-config": "config get", "serve": "sandbox serve", "mock": "sandbox serve",
        "check": "doctor", "version": "--version", "ws": "realtime", "websocket": "realtime", "sse": "stream",
        "completions": "completion", "man": "help", "webhooks": "webhook",
    },
    "auth": {"whoami": "auth status", "show": "auth status", "add": "auth login", "use": "auth switch",
             "profiles": "auth list", "ls": "auth list", "rm": "auth logout"},
    "config": {"show": "config list", "ls": "config list", "rm": "config unset", "path": "doctor"},
    "history": {"list": "history", "ls": "history", "delete": "history rm", "remove": "history rm",
                "search": "history --search", "clean": "history clear", "prune": "history clear"},
    "sandbox": {"up": "sandbox start", "down": "sandbox stop", "run": "sandbox serve", "clear": "sandbox reset",
                "clean": "sandbox reset"},
    "webhook": {"check": "webhook verify", "receive": "webhook listen", "serve": "webhook listen",
                "deliver": "webhook send", "keys": "webhook jwks"},
    "completion": {"add": "completion install", "setup": "completion install", "pwsh": "completion powershell"},
}  # fmt: skip


class Suggestion(NamedTuple):
    """What to say after what was not understood, and what to do instead."""

    reason: str = ""
    hint: str = ""


def for_command(
    word: str, words: Sequence[str], group: str, known: Iterable[str], *, tool: str, env: Mapping[str, str]
) -> Suggestion:
    """What was meant by a `word` among `words` that is no command of `group` ("" for the program's own)."""
    if not group:
        found = _instead_of_command(word, words, tool, env)
        if found:
            return found
    other = _OTHER_NAMES.get(group, {}).get(word.lower())
    if other:
        return Suggestion(hint=f"Use: {tool} {other}")
    topic = topics.named(word) if not group else ""
    if topic:
        return Suggestion(": it is a topic", f"Use: {tool} help {topic}")
    near = get_close_matches(word.lower(), list(known), n=2, cutoff=_NEAR_COMMAND)
    if near:
        corrected = [near[0] if one == word else one for one in words]
        return Suggestion(f"; did you mean {' or '.join(near)}?", f"Perhaps: {_line(tool, corrected)}")
    return Suggestion(hint=f"Commands and topics: {tool} help" if not group else "")


def for_endpoint(text: str, env: Mapping[str, str] = os.environ) -> str:
    """A hint for what stands where an endpoint should: an app's own code is run by the vendor's tool."""
    if _APP_CODE.fullmatch(text):
        return (
            f"fal.ai's own CLI runs an app's code: {programs.vendors(env)} run {shlex.quote(text)}\n"
            "When it is deployed: fal run OWNER/APP\nWhen it runs on this machine: fal run http://localhost:8080"
        )
    return "" if "=" not in text else "The endpoint comes before its inputs: fal run ENDPOINT " + shlex.quote(text)


def for_option(option: str, words: Sequence[str], known: Iterable[str], *, takes_inputs: bool) -> Suggestion:
    """What was meant by an unknown option: one that is spelt almost so, or an input written as an option."""
    given = _whole_option(option, words)
    name = given.partition("=")[0]
    near = _near_option(name, known)
    hint = ""
    if takes_inputs and _is_text(given):
        hint = f"A text that begins with a dash is written as an input: {shlex.quote(f'prompt={given}')}"
    elif takes_inputs and len(name.lstrip("-")) > 1:
        hint = f"inputs are written {_as_input(given, words)}"
    return Suggestion(f"; did you mean {near}?" if near else "", hint)


def for_choice(value: str, choices: Iterable[str]) -> str:
    """The choice that is spelt most alike; "" if none is near."""
    return next(iter(get_close_matches(value.lower(), list(choices), n=1, cutoff=_NEAR_COMMAND)), "")


def _instead_of_command(word: str, words: Sequence[str], tool: str, env: Mapping[str, str]) -> Suggestion | None:
    """Words that are something else than a command: a request, an endpoint, an input, the vendor's business."""
    at = list(words).index(word) if word in words else 0
    before, rest = list(words[:at]), list(words[at:])
    if _REQUEST.fullmatch(word):
        look, have = (_line(tool, [*before, verb, *rest]) for verb in ("status", "result"))
        return Suggestion(": it names a request", f"To look at it: {look}\nTo get its result: {have}")
    if _APP_CODE.fullmatch(word):
        return Suggestion(": it is an app's code", for_endpoint(word, env))
    if word.lower() in _VENDORS:
        here = _VENDORS[word.lower()].format(tool=tool)
        theirs = f"To run that one: {programs.vendors(env)} {shlex.join(rest)}"
        reason = ": it is a command of fal.ai's own CLI, which deploys apps"
        return Suggestion(reason, f"{theirs}\n{here}" if here else theirs)
    if _is_endpoint(word):
        return Suggestion(": it is an endpoint", f"To call it: {_line(tool, [*before, 'run', *rest])}")
    if _ITEM.fullmatch(word):
        meant = _line(tool, [*before, "run", "ENDPOINT", *rest])
        return Suggestion(": it is an input", f"An endpoint comes before it: {meant}")
    return None


def _is_endpoint(word: str) -> bool:
    if "/" not in word or word.startswith((".", "/", "~")):
        return False
    try:
        parse_target(word)
    except InvalidEndpoint:
        return False
    return word.partition("/")[0] not in VERBS


def _near_option(name: str, known: Iterable[str]) -> str:
    """The long option that is spelt most alike; with `-name` as with `--name`."""
    wanted = f"--{name.lstrip('-')}"
    rated = [(SequenceMatcher(None, wanted, option).ratio(), option) for option in known if option.startswith("--")]
    ratio, option = max(rated, default=(0.0, ""))
    is_beginning = len(wanted) > 4 and option.startswith(wanted)
    return option if ratio >= _NEAR_OPTION or is_beginning else ""


def _whole_option(option: str, words: Sequence[str]) -> str:
    """The word that an unknown option stands in: of `-prompt` Typer complains about `-p`."""
    for word in words:
        if word == option or word.startswith(f"{option}="):
            return word
        if not option.startswith("--") and not word.startswith("--") and word.startswith(option) and len(word) > 2:
            return word
    return option


def _is_text(given: str) -> bool:
    """Whether a word that begins with a dash is a text: it has blanks, and more than a name before the first one."""
    name = given.partition("=")[0]
    return len(name.split()) > 1 and _QUOTED_OPTION.fullmatch(given) is None


def _as_input(given: str, words: Sequence[str]) -> str:
    """`--seed=7` or `--seed 7` as the input that was meant, also where it was quoted as one word."""
    quoted = _QUOTED_OPTION.fullmatch(given)
    name, equals, value = (quoted[1], "=", quoted[2]) if quoted else given.partition("=")
    following = list(words)[list(words).index(given) + 1 :] if given in words else []
    if not equals and following and not following[0].startswith("-"):
        value = following[0]
    return f"{name.lstrip('-').replace('-', '_')}={shlex.quote(value) if value else 'VALUE'}"


def _line(tool: str, words: Sequence[str]) -> str:
    return f"{tool} {shlex.join(words)}"
