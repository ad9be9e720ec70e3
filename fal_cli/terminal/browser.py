"""Opening what can be looked at: in the browser, or in the program that the system has for it."""

from collections.abc import Mapping


def is_web(url: str) -> bool:
    """Whether a browser may be given this URL: http or https, and nothing in it that is read in two ways."""
    from fal_cli.urls import origin

    scheme, host, _ = origin(url)
    return scheme in ("http", "https") and bool(host) and url.isascii()


def in_browser(env: Mapping[str, str], url: str) -> bool:
    """Whether a browser, or for a file what the system opens it with, took the URL.

    One that would draw in this terminal is left alone.
    """
    import sys
    import webbrowser

    has_screen = sys.platform in ("win32", "darwin") or env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")
    if not (has_screen or env.get("BROWSER")):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
