"""Endpoint ids: parse, compare, turn into paths. Pure.

    id        = [ namespace "/" ] owner "/" alias [ "/" path ]
    namespace = "workflows" | "comfy"            only as the very first segment
    legacy    = digits "-" alias                 one segment; the digits are the owner

This is §2.1 of the wire's grammar. The vendor's clients differ on what they check; `fal` refuses
what no client could send, before anything is sent.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from fal_cli.urls import is_loopback

NAMESPACES = ("workflows", "comfy")

_LEGACY = re.compile(r"([0-9]+)-([a-zA-Z0-9-]+)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SEGMENT = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~-]*")
_PAGE = r"https?://(?:www\.)?fal\.ai/models/([^?#]+)|https://(?:queue\.)?fal\.run/([^?#]+)"  # compiled at first use
_PAGE_TABS = ("/playground", "/api", "/llms.txt", "/examples")


class InvalidEndpoint(ValueError):
    """A text that is no endpoint id; the message says what is wrong and how one looks."""


class EndpointId(NamedTuple):
    """`[namespace/]owner/alias[/path]`."""

    owner: str
    alias: str
    path: str = ""
    namespace: str = ""

    @property
    def app(self) -> str:
        """The id without its sub-path: what status, result and cancel are asked under (§2.2)."""
        return "/".join(part for part in (self.namespace, self.owner, self.alias) if part)

    def __str__(self) -> str:
        return f"{self.app}/{self.path}" if self.path else self.app

    def joined(self, path: str) -> "EndpointId":
        """This id with `path` appended, unless it already ends with it (§2.3).

        Raises `InvalidEndpoint` for a path with an empty or hostile segment.
        """
        extra = path.strip("/")
        if not extra or self.path == extra or self.path.endswith(f"/{extra}"):
            return self
        return parse(f"{self}/{extra}")


class LocalApp(NamedTuple):
    """An app that its author serves on this machine with the vendor's local mode: no owner, no queue, no key."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def root(self) -> str:
        """The address without a path, where its document is."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def joined(self, path: str) -> "LocalApp":
        """This app's URL with `path` appended, unless it already ends with it."""
        extra = path.strip("/")
        if not extra or self.url.rstrip("/").endswith(f"/{extra}"):
            return self
        return LocalApp(f"{self.url.rstrip('/')}/{extra}")


Target = EndpointId | LocalApp


def url_on(base: str, target: Target) -> str:
    """Where a call of `target` goes: on the service's host `base`, or to the local app itself."""
    return target.url if isinstance(target, LocalApp) else f"{base}/{target}"


def parse_target(text: str) -> Target:
    """An endpoint, or the URL of a local app: `http://localhost:8080[/path]`. Raises `InvalidEndpoint`."""
    if "://" not in text or re.match(_PAGE, text):
        return parse(text)
    if not text.startswith("http://") or not is_loopback(text):
        raise InvalidEndpoint(f"{text!r} is not an app on this machine: use http://localhost or http://127.0.0.1")
    if not text.isprintable() or any(character in text for character in " ?#\\@"):
        raise InvalidEndpoint(f"{text!r} is not the plain URL of an app, like http://localhost:8080")
    # The slash at the end of a prefix is part of it: some apps answer with a redirect where it is missing.
    return LocalApp(text if urlsplit(text).path.strip("/") else text.rstrip("/"))


def parse(text: str) -> EndpointId:
    """Reads an endpoint id, its legacy form, or the address of its page on fal.ai.

    Raises `InvalidEndpoint`.
    """
    segments = _without_page(text.strip()).strip("/").split("/")
    if len(segments) == 1:
        return _legacy(segments[0])
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise InvalidEndpoint(f"{text!r} is not an endpoint: {_complaint(segment)}")
    namespace = segments.pop(0) if segments[0] in NAMESPACES else ""
    if len(segments) < 2:
        raise InvalidEndpoint(f"{text!r} is not an endpoint: after {namespace}/ comes owner/name")
    return EndpointId(segments[0], segments[1], "/".join(segments[2:]), namespace)


def looks_like_endpoint(word: str) -> bool:
    """Whether a word beside a request id names an endpoint: it holds a `/` or is of the legacy form."""
    return "/" in word or bool(_LEGACY.fullmatch(word) and not _UUID.fullmatch(word))


def _without_page(text: str) -> str:
    page = re.match(_PAGE, text)
    if not page:
        return text
    path = (page.group(1) or page.group(2)).rstrip("/")
    for tab in _PAGE_TABS:
        path = path.removesuffix(tab)
    return path


def _legacy(word: str) -> EndpointId:
    match = _LEGACY.fullmatch(word)
    if not match or _UUID.fullmatch(word) or not _SEGMENT.fullmatch(match[2]):
        raise InvalidEndpoint(f"{word!r} is not an endpoint: endpoints look like owner/name, as in fal-ai/flux/dev")
    return EndpointId(match.group(1), match.group(2))


def _complaint(segment: str) -> str:
    if not segment:
        return "it has an empty part between two slashes"
    if segment in (".", ".."):
        return f"{segment!r} cannot be a part of it"
    return f"{segment!r} contains a character that is not allowed in an endpoint"
