"""The backup domains of the service (wire §1.1): tried once, and only where no connection came about."""

from urllib.parse import urlsplit, urlunsplit

_HOSTS = {"fal.run": "falrun.com", "queue.fal.run": "queue.falrun.com"}
_in_use: set[str] = set()


def of(url: str) -> str:
    """The same URL at the backup of its host; "" if it has none. A host that a user named has none."""
    parts = urlsplit(url)
    backup = _HOSTS.get(parts.hostname or "") if parts.scheme in ("https", "wss") else None
    if backup is None:
        return ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{backup}{port}", parts.path, parts.query, parts.fragment))


def current(url: str) -> str:
    """Where a URL is asked for now: at the backup once its host could not be reached and the backup could."""
    return of(url) if _in_use and urlsplit(url).hostname in _in_use else url


def use(url: str) -> None:
    """From here on the backup of a URL's host is asked first, so that the wait for the host is paid once."""
    _in_use.add(urlsplit(url).hostname or "")


def original(url: str) -> str:
    """The URL at the host that a backup stands for; the URL itself if it is at none."""
    if "falrun.com" not in url:
        return url
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return url
    name = next((name for name, backup in _HOSTS.items() if backup == parts.hostname), "")
    return urlunsplit((parts.scheme, f"{name}{port}", parts.path, parts.query, parts.fragment)) if name else url
