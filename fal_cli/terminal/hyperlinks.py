"""Links that a terminal opens on a click (OSC 8), where the terminal is known to know them."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

_PROGRAMS = ("iterm.app", "wezterm", "vscode", "ghostty", "hyper", "tabby", "rio", "warpterminal")
_VARIABLES = ("KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "ALACRITTY_WINDOW_ID")
_FIRST_VTE = 5000  # 0.50; earlier ones crashed on some links
_SCHEMES = ("https://", "http://", "file://")


def are_known(env: Mapping[str, str]) -> bool:
    """Whether the terminal of this environment shows links. `FORCE_HYPERLINK` decides, as it does elsewhere."""
    forced = env.get("FORCE_HYPERLINK", "")
    if forced:
        return forced != "0"
    if "TMUX" in env or env.get("TERM", "").startswith(("screen", "dumb")):
        return False
    vte = env.get("VTE_VERSION", "")
    is_new_vte = vte.isascii() and vte.isdigit() and int(vte) >= _FIRST_VTE
    is_named = env.get("TERM_PROGRAM", "").lower() in _PROGRAMS
    return is_new_vte or is_named or any(env.get(name) for name in _VARIABLES)


def linked(text: str, url: str) -> str:
    """`text` as a link to `url`, or as it is if the URL could say anything else to a terminal."""
    if not url.startswith(_SCHEMES) or not (url.isascii() and url.isprintable()) or " " in url:
        return text
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"


def file_url(path: str) -> str:
    """The URL of a local file."""
    return "file://" + quote(str(Path(os.path.abspath(path))))


def as_typed(path: str) -> str:
    """A path as one would type it here, if that is shorter."""
    try:
        return min(path, os.path.relpath(path), key=len)
    except ValueError:  # on another drive
        return path
