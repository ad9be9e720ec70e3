"""Which proxy a call goes through: the environment's, by the usual variables, and never for this machine."""

from urllib.parse import SplitResult, urlsplit

import requests

from fal_cli.urls import is_loopback

VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def for_url(url: str) -> dict[str, str]:
    """The proxies of a call as requests takes them; empty where there is none, or `NO_PROXY` spares the host.

    requests itself would send even 127.0.0.1 to one.
    """
    return {} if is_loopback(url) else requests.utils.get_environ_proxies(url)


def chosen(url: str) -> SplitResult | None:
    """The one proxy that a call to this URL goes through."""
    found = requests.utils.select_proxy(url, for_url(url))
    return as_url(found) if found else None


def as_url(text: str) -> SplitResult:
    """A proxy as a variable names it, which may leave out `http://`."""
    return urlsplit(text if "://" in text else f"http://{text}")
