"""From a path to what is asked: which route, of which endpoint, request or file (§2.1, §2.2, §4.1, §5, §7, §11.2)."""

import re
from dataclasses import dataclass

NAMESPACES = ("workflows", "comfy")

_FILE = re.compile(r"^/files/b/([0-9a-f]+)/([^/]+)$")
_PAYLOADS = re.compile(r"^/v1/models/requests/([^/]+)/payloads$")
_STEP = r"/([0-9a-f]+)/([1-9][0-9]{0,5}|complete)$"
_MULTIPART = re.compile(r"^/files/b/([0-9a-f]+)/[^/]+/multipart" + _STEP)
_REST_MULTIPART = re.compile(r"^/storage/upload/multipart/([0-9a-f]+)" + _STEP)
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
    def owner(self) -> str:
        """Whose application it is, with the namespace that stands before."""
        return self.app.rpartition("/")[0]

    @property
    def id(self) -> str:
        """The full id with its sub-path."""
        return f"{self.app}/{self.path}" if self.path else self.app


@dataclass(frozen=True)
class Route:
    """`name` is a fault route (`faults.ROUTES`), `action` which of those that share a name.

    `credential` is what lets one in: `key`, `API` or `ADMIN` (a key of that scope, §1.2), `optional` (any key or
    none), `cdn` (a CDN token), `signed` (a signature in the query), `upload` (either of these two) or nothing.
    `number` is a part's.
    """

    name: str
    methods: tuple[str, ...]
    endpoint: Endpoint | None = None
    request_id: str = ""
    file_id: str = ""
    action: str = ""
    credential: str = "key"
    upload_id: str = ""
    number: int = 0

    @property
    def counter(self) -> str:
        """The name under which exchanges on this route are counted."""
        return "status_stream" if self.name == "stream" else self.name


_POST = ("POST",)
# What the gateway passes on to an app; whether the app takes it is for the app to say.
_CALLS = ("POST", "GET", "PUT", "PATCH", "DELETE")
_CDN_ROUTES = {
    "/files/upload": Route("upload", _POST, action="post", credential="cdn"),
    "/files/upload/multipart": Route("upload", _POST, action="begin", credential="cdn"),
}
_REST_ROUTES = {
    "/storage/auth/token": Route("token", _POST, action="cdn_token"),
    "/storage/upload/initiate": Route("upload", _POST, action="initiate"),
    "/storage/upload/initiate-multipart": Route("upload", _POST, action="initiate_multipart"),
    "/tokens": Route("token", _POST, action="bare_token"),
    "/tokens/realtime": Route("token", _POST, action="realtime_token"),
    "/oauth/token": Route("login", _POST, credential=""),
    "/.well-known/jwks.json": Route("jwks", ("GET",), credential=""),
}
_API_ROUTES = {
    # In reality of another host, fal.ai itself (§11.3).
    "/api/openapi/queue/openapi.json": Route("openapi", ("GET",), credential=""),
    "/v1/models": Route("models", ("GET",), credential="optional"),
    "/v1/models/requests/by-endpoint": Route("listing", ("GET",), credential="API"),
    "/v1/models/pricing": Route("pricing", ("GET",), credential="API"),
    "/v1/models/pricing/estimate": Route("estimate", _POST, credential="API"),
    "/v1/models/billing-events": Route("billing", ("GET",), credential="ADMIN"),
    "/v1/models/analytics": Route("analytics", ("GET",), credential="API"),
    "/v1/account/billing": Route("account", ("GET",), credential="ADMIN"),
}
_RUN_TAILS = {"stream": "events", "realtime": "realtime"}


def parse_endpoint(segments: list[str]) -> Endpoint | None:
    """The endpoint that the segments of a path name; None if they are too few or one is empty."""
    length = 3 if segments and segments[0] in NAMESPACES else 2
    if len(segments) < length or "" in segments:
        return None
    return Endpoint("/".join(segments[:length]), "/".join(segments[length:]))


def parse_id(endpoint_id: str) -> Endpoint:
    """A well-formed id taken apart."""
    endpoint = parse_endpoint(endpoint_id.split("/"))
    assert endpoint is not None
    return endpoint


def match(service: str, path: str, method: str = "GET") -> Route | None:
    """What `path` means on `service`; None for nothing at all."""
    if service == "cdn":
        return _match_cdn(path, method)
    if service == "rest":
        return _match_rest(path)
    if service == "api":
        return _match_api(path)
    if service == "run":
        return _match_run(path)
    return _match_queue(path.removeprefix("/").removesuffix("/").split("/"))


def match_socket(service: str, path: str) -> Route | None:
    """What a socket on `path` means: of the run host a realtime session or a bare one, of the queue's HTTP inside."""
    endpoint = parse_endpoint(path.removeprefix("/").rstrip("/").split("/"))
    if endpoint is None or service not in ("run", "queue"):
        return None
    route = _match_run(path)
    if service == "run" and route is not None and route.name == "realtime":
        return route
    return Route("ws", (), endpoint, action="connect" if service == "run" else "tunnel")


def _match_api(path: str) -> Route | None:
    found = _PAYLOADS.match(path)
    if found:
        return Route("payloads", ("DELETE",), request_id=found[1], credential="ADMIN")
    return _API_ROUTES.get(path)


def _match_cdn(path: str, method: str) -> Route | None:
    found = _FILE.match(path)
    if found and method == "PUT":
        return Route("upload", ("PUT",), file_id=found[1], action="put", credential="signed")
    if found:
        return Route("file", ("GET", "HEAD"), file_id=found[1], credential="")
    step = _MULTIPART.match(path)
    return _step(step, "PUT", "part", "upload") if step else _CDN_ROUTES.get(path)


def _match_rest(path: str) -> Route | None:
    step = _REST_MULTIPART.match(path)
    return _step(step, "POST", "sign_part", "key") if step else _REST_ROUTES.get(path.removesuffix("/"))


def _step(found: re.Match[str], method: str, action: str, credential: str) -> Route:
    """A part of a multipart upload, or its completion (§5.5, §5.6)."""
    file_id, upload_id, last = found.groups()
    if last == "complete":
        return Route("complete", _POST, file_id=file_id, upload_id=upload_id, credential=credential)
    name = "part" if action == "part" else "upload"
    return Route(
        name, (method,), file_id=file_id, upload_id=upload_id, number=int(last), action=action, credential=credential
    )


def _match_run(path: str) -> Route | None:
    endpoint = parse_endpoint(path.removeprefix("/").rstrip("/").split("/"))
    if endpoint is None:
        return None
    rest, _, tail = endpoint.path.rpartition("/")
    if tail not in _RUN_TAILS:
        return Route("run", _CALLS, endpoint)
    # HTTP on a path that only takes sockets is the wrong method, whichever it is.
    methods = _CALLS if tail == "stream" else ()
    return Route(_RUN_TAILS[tail], methods, Endpoint(endpoint.app, rest))


def _match_queue(segments: list[str]) -> Route | None:
    endpoint = parse_endpoint(segments)
    if endpoint is None:
        return None
    head = endpoint.app.count("/") + 1
    if "requests" in segments[head:]:
        return _match_request(segments, segments.index("requests", head))
    return Route("submit", _CALLS, endpoint)


def _match_request(segments: list[str], at: int) -> Route | None:
    endpoint = parse_endpoint(segments[:at])
    tail = _REQUEST_TAILS.get(tuple(segments[at + 2 :]))
    if endpoint is None or tail is None or len(segments) < at + 2:
        return None
    name, methods = tail
    return Route(name, methods, endpoint, request_id=segments[at + 1])
