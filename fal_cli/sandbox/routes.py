"""From a path to what is asked: which route, of which endpoint, for which request (§2.1, §2.2, §4.1)."""

import re
from dataclasses import dataclass

NAMESPACES = ("workflows", "comfy")

_FILE = re.compile(r"^/files/b/([0-9a-f]+)/([^/]+)$")
# What may follow `…/requests/{rid}`, the route that it means, and its method.
_REQUEST_TAILS: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {
    (): ("result", ("GET",)),
    ("response",): ("result", ("GET",)),
    ("status",): ("status", ("GET",)),
    ("status", "stream"): ("stream", ("GET",)),
    ("cancel",): ("cancel", ("PUT",)),
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint id: `app` is `[namespace/]owner/alias`, `path` what follows (may be empty)."""

    app: str
    path: str

    @property
    def id(self) -> str:
        """The full id with its sub-path."""
        return f"{self.app}/{self.path}" if self.path else self.app


@dataclass(frozen=True)
class Route:
    """`name` is a fault route (`submit`, `run`, `status`, `stream`, `result`, `cancel`, `file`)."""

    name: str
    methods: tuple[str, ...]
    endpoint: Endpoint | None = None
    request_id: str = ""
    file_id: str = ""

    @property
    def counter(self) -> str:
        """The name under which exchanges on this route are counted."""
        return "status_stream" if self.name == "stream" else self.name


def parse_endpoint(segments: list[str]) -> Endpoint | None:
    """The endpoint that the segments of a path name; None if they are too few or one is empty."""
    length = 3 if segments and segments[0] in NAMESPACES else 2
    if len(segments) < length or "" in segments:
        return None
    return Endpoint("/".join(segments[:length]), "/".join(segments[length:]))


def match(service: str, path: str) -> Route | None:
    """What `path` means on `service` (`run`, `queue` or `cdn`); None for nothing at all."""
    if service == "cdn":
        found = _FILE.match(path)
        return Route("file", ("GET", "HEAD"), file_id=found[1]) if found else None
    if service == "run":
        endpoint = parse_endpoint(path.removeprefix("/").rstrip("/").split("/"))
        return Route("run", ("POST", "GET"), endpoint) if endpoint else None
    return _match_queue(path.removeprefix("/").removesuffix("/").split("/"))


def _match_queue(segments: list[str]) -> Route | None:
    endpoint = parse_endpoint(segments)
    if endpoint is None:
        return None
    head = endpoint.app.count("/") + 1
    if "requests" in segments[head:]:
        return _match_request(segments, segments.index("requests", head))
    return Route("submit", ("POST", "GET"), endpoint)


def _match_request(segments: list[str], at: int) -> Route | None:
    endpoint = parse_endpoint(segments[:at])
    tail = _REQUEST_TAILS.get(tuple(segments[at + 2 :]))
    if endpoint is None or tail is None or len(segments) < at + 2:
        return None
    name, methods = tail
    return Route(name, methods, endpoint, request_id=segments[at + 1])
