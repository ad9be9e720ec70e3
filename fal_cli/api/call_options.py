"""Everything that can be asked of a call beside its input, as the headers and query of the wire (§4.2, §4.3)."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from fal_cli.fields import Fields

EXPIRES_SECONDS: dict[str, int | None] = {
    "never": None,  # an explicit null: leaving it out would mean the account's default
    "immediate": 60,  # 0 would mean no expiry to the service
    "1h": 3600,
    "1d": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
    "1y": 31_536_000,
}
METHODS = ("post", "get", "put", "patch", "delete")

_TAG_KEY = re.compile(r"[a-z0-9._-]{1,64}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_MOST_DIGITS = 12
_MOST_TOLD = 40
_NONE: Mapping[str, str] = MappingProxyType({})
_OWN_HEADERS = ("authorization", "content-length", "transfer-encoding", "host")


class InvalidOption(ValueError):
    """A value that the service would refuse or silently ignore; the message names the option."""


class CallOptions(Fields):
    """Options of one call.

    `start_timeout` is in seconds from receipt to the start of work; `expires` is a word of
    `EXPIRES_SECONDS` or seconds; `tags` label the request. Raises `InvalidOption` when made of values that
    the service would drop without a word.
    """

    priority: str = ""
    hint: str = ""
    start_timeout: float | None = None
    webhook: str = ""
    max_queue: int | None = None
    no_server_retry: bool = False
    no_store: bool = False
    expires: str = ""
    tags: Mapping[str, str] = _NONE
    headers: Mapping[str, str] = _NONE
    method: str = "post"

    def _check(self) -> None:
        for name, value in self.headers.items():
            _check_header(name, value)
        _check_value("--hint", self.hint)
        _check_value("--webhook", self.webhook)
        _check_tags(self.tags)
        if self.start_timeout is not None and not 1 < self.start_timeout < 1e9:
            raise InvalidOption("--start-timeout must be more than 1 second, and finite")
        if self.max_queue is not None and self.max_queue < 0:
            raise InvalidOption("--max-queue must not be negative")
        if self.webhook and not self.webhook.startswith(("https://", "http://")):
            raise InvalidOption(f"--webhook takes a URL, not {self.webhook!r}")
        if self.method not in METHODS:
            raise InvalidOption(f"--method is one of {', '.join(METHODS)}, not {self.method!r}")
        expiry_seconds(self.expires)

    def as_kept(self) -> dict[str, object]:
        """The options that were given, for sending the call again; a header of the user's own may be a secret."""
        given = {name: value for name, value in vars(self).items() if value != getattr(CallOptions, name)}
        if "headers" in given:
            given["headers"] = sorted(self.headers)
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items()}

    @classmethod
    def from_kept(cls, kept: Mapping[str, Any]) -> "CallOptions":
        """The options of an earlier call, but for the headers. Raises `InvalidOption`."""
        names = {*cls.names()} - {"headers"}
        return cls(**{name: value for name, value in kept.items() if name in names})

    def wire_headers(self) -> dict[str, str]:
        """The request headers. Named options win over the user's own headers of the same name."""
        named = {
            "X-Fal-Queue-Priority": self.priority,
            "X-Fal-Runner-Hint": self.hint,
            "X-Fal-No-Retry": "1" if self.no_server_retry else "",
            "X-Fal-Store-IO": "0" if self.no_store else "",
            "X-Fal-Tags": ",".join(f"{key}={value}" for key, value in self.tags.items()),
            "X-Fal-Object-Lifecycle-Preference": _lifecycle(self.expires),
        }
        if self.start_timeout is not None:
            # The service reads the newer name first; releases before it know only the older one.
            named["X-Fal-Request-Start-Timeout"] = named["X-Fal-Request-Timeout"] = _plain_number(self.start_timeout)
        overridden = {name.lower() for name, value in named.items() if value}
        own = {name: value for name, value in self.headers.items() if name.lower() not in overridden}
        return own | {name: value for name, value in named.items() if value}

    def query(self) -> dict[str, str]:
        """The query parameters of a submit."""
        pairs = {"fal_webhook": self.webhook}
        if self.max_queue is not None:
            pairs["fal_max_queue_length"] = str(self.max_queue)
        return {name: value for name, value in pairs.items() if value}


def body_and_query(input_json: Mapping[str, object], options: CallOptions) -> tuple[bytes | None, str]:
    """What carries the input: a JSON body, or with `--method get` the query string (§2.3).

    The query comes without its `?` and includes the options' own parameters.
    """
    pairs = options.query()
    if options.method == "get":
        pairs |= {name: _as_query_text(value) for name, value in input_json.items()}
        return None, urlencode(pairs)
    return encoded(input_json), urlencode(pairs)


def encoded(input_json: Mapping[str, object]) -> bytes:
    """The input as it goes onto the wire: compact UTF-8 JSON, never wrapped in `input` (§3)."""
    return json.dumps(input_json, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def expiry_seconds(expires: str) -> int | None:
    """Seconds until a file expires; None for never. Raises `InvalidOption`."""
    if not expires or expires in EXPIRES_SECONDS:
        return EXPIRES_SECONDS.get(expires)
    if expires.isascii() and expires.isdigit() and len(expires) <= _MOST_DIGITS and int(expires) > 0:
        return int(expires)
    told = repr(expires if len(expires) <= _MOST_TOLD else f"{expires[:_MOST_TOLD]}…")
    raise InvalidOption(f"--expires is one of {', '.join(EXPIRES_SECONDS)} or a number of seconds, not {told}")


def _lifecycle(expires: str) -> str:
    if not expires:
        return ""
    return json.dumps({"expiration_duration_seconds": expiry_seconds(expires)}, separators=(",", ":"))


def _as_query_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise InvalidOption(f"-H: {name!r} is not a header name")
    _check_value(f"-H: {name}", value)
    if name.lower() in _OWN_HEADERS:
        raise InvalidOption(f"-H: {name} is set by fal itself")


def _check_value(option: str, value: str) -> None:
    if value != value.strip():
        raise InvalidOption(f"{option}: a header's value cannot begin or end with a space")
    if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in value):
        raise InvalidOption(f"{option}: the value contains a control character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidOption(f"{option}: the value is not valid UTF-8 text") from None


def _plain_number(seconds: float) -> str:
    """Seconds without an exponent and without digits lost: `30`, `1.5`, `1080000`."""
    return str(int(seconds)) if seconds == int(seconds) else repr(seconds)


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > 10:
        raise InvalidOption("--tag: a request has at most 10 tags")
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key) or key.startswith("fal."):
            raise InvalidOption(
                f"--tag: {key!r} is not a tag name (a-z, 0-9, '.', '_', '-', not beginning with 'fal.')"
            )
        if not value.isprintable() or "," in value or len(value) > 256:
            raise InvalidOption(f"--tag: the value of {key} must be printable, without commas, at most 256 characters")
    if len(",".join(f"{key}={value}" for key, value in tags.items()).encode()) > 1024:
        raise InvalidOption("--tag: all tags together are longer than 1024 bytes")
