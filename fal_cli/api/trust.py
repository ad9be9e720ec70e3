"""Which certificates are trusted: one TLS context for the process, the same for HTTP, WebSocket and `doctor`.

1. the variables that curl, requests and OpenSSL know (`VARIABLES`), a file or a folder each
2. the system's own store: a certificate that a company installed works by itself
3. certifi's list, where the system has none

Reading a list of 145 certificates takes 25 ms, so it is read once; a hashed folder is read as far as it is needed.
"""

import os
import re
import ssl
import sys
from functools import lru_cache
from typing import NamedTuple

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_HASHED = r"[0-9a-fA-F]{8}\.[0-9]+"
# Where systems keep their list if OpenSSL was built to look elsewhere.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Unusable(Exception):
    """The certificates that are to be trusted cannot be read."""


class Store(NamedTuple):
    """Where trusted certificates are: files, hashed folders, or (with neither) the system's own way to them."""

    name: str
    variable: str = ""
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def context() -> ssl.SSLContext:
    """The context of this process. Raises `Unusable`."""
    return _context(store())


def store() -> Store:
    """The certificates that are trusted, by the environment and the system."""
    return _named() or _of_system() or _packaged()


def _named() -> Store | None:
    variable = next((name for name in VARIABLES if os.environ.get(name)), "")
    if not variable:
        return None
    found = _at(variable, os.environ[variable])
    if variable == "SSL_CERT_FILE" and os.environ.get("SSL_CERT_DIR"):  # OpenSSL reads both
        return found._replace(folders=(*found.folders, *_at("SSL_CERT_DIR", os.environ["SSL_CERT_DIR"]).folders))
    return found


def _at(variable: str, value: str) -> Store:
    if variable == "SSL_CERT_DIR":
        return Store(f"{variable}: {value}", variable, folders=tuple(filter(None, value.split(os.pathsep))))
    is_folder = os.path.isdir(value)
    return Store(f"{variable}: {value}", variable, () if is_folder else (value,), (value,) if is_folder else ())


def _of_system() -> Store | None:
    if sys.platform in ("darwin", "win32"):
        return Store("the system's store")
    usual = ssl.get_default_verify_paths()
    if usual.capath and _is_hashed(usual.capath):
        return Store(f"the system's store ({usual.capath})", folders=(usual.capath,))
    file = next((path for path in (usual.cafile, *_SYSTEM_FILES) if path and os.path.isfile(path)), "")
    return Store(f"the system's store ({file})", files=(file,)) if file else None


def _is_hashed(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(re.fullmatch(_HASHED, entry.name) for entry in entries)
    except OSError:
        return False


def _packaged() -> Store:
    import certifi

    return Store("the packaged list (certifi)", files=(certifi.where(),))


@lru_cache(maxsize=4)
def _context(trusted: Store) -> ssl.SSLContext:
    if not trusted.files and not trusted.folders:
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    from urllib3.util.ssl_ import create_urllib3_context

    made = create_urllib3_context()
    for place in (*trusted.files, *trusted.folders):
        try:
            made.load_verify_locations(**{"capath" if place in trusted.folders else "cafile": _existing(place)})
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Unusable(f"the certificates of {trusted.name} cannot be used ({reason})") from None
    return made


def _existing(place: str) -> str:
    os.stat(place)  # OpenSSL says nothing of a folder that is not there
    return place
