"""Where files live: `FAL_CLI_HOME`, or the platform's own places. Light, since completion asks too.

The names of the files that more than one room knows stand here.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_APP = "fal-cli"
PROJECT = "fal.toml"
NO_PROJECT = "FAL_NO_PROJECT"
"""The variable that turns it off."""
NOWHERE = os.path.join(os.devnull, "no-home")
"""In place of the home folder of a user that has none: nothing is there, and nothing can be made there."""
SANDBOX_KEYS = ("sandbox:", "sandbox-")
"""How keys begin that a sandbox takes, and nothing else does: what is called with one costs nothing."""
_XDG = {
    "config": ("XDG_CONFIG_HOME", "~/.config"),
    "state": ("XDG_STATE_HOME", "~/.local/state"),
    "cache": ("XDG_CACHE_HOME", "~/.cache"),
}


def expanded(path: str) -> str:
    """A path with `~` as the home folder, or below `NOWHERE` where there is none."""
    found = os.path.expanduser(path)
    return os.path.join(NOWHERE, found[2:]) if found == "~" or found.startswith(("~/", "~\\")) else found


def folder(kind: str, env: "Mapping[str, str]") -> str:
    """Our folder for `config`, `state` or `cache`."""
    if env.get("FAL_CLI_HOME"):
        return os.path.join(expanded(env["FAL_CLI_HOME"]), kind)
    if sys.platform in ("darwin", "win32"):
        import platformdirs

        return str(getattr(platformdirs, f"user_{kind}_dir")(_APP, appauthor=False))
    variable, usual = _XDG[kind]
    given = env.get(variable, "").strip()
    return os.path.join(given if os.path.isabs(given) else expanded(usual), _APP)


def sandbox(env: "Mapping[str, str]") -> str:
    """Where the sandbox keeps its requests and files, and we our ledger and profiles of them."""
    return os.path.join(folder("state", env), "sandbox")


def ledger(env: "Mapping[str, str]", *, in_sandbox: bool) -> str:
    """The file of the ledger; requests to a sandbox have one of their own."""
    return os.path.join(sandbox(env) if in_sandbox else folder("state", env), "ledger.db")


def profiles(env: "Mapping[str, str]", *, in_sandbox: bool) -> str:
    """The file of the profiles. A sandbox has its own, so that no play touches a real key."""
    return os.path.join(sandbox(env) if in_sandbox else folder("config", env), "profiles.toml")


def project(env: "Mapping[str, str]", folder: str = "") -> str:
    """The file of the project that this folder, or `folder`, is in: the first on the way up; "" if there is none."""
    if env.get(NO_PROJECT, "") not in ("", "0"):
        return ""
    try:
        folder = folder or os.getcwd()
    except OSError:  # the folder is gone
        return ""
    while True:
        path = os.path.join(folder, PROJECT)
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def state_folder(env: "Mapping[str, str]") -> "Path":
    """Where the ledger and the sandbox keep their state."""
    from pathlib import Path

    return Path(folder("state", env))


def cache_folder(env: "Mapping[str, str]") -> "Path":
    """Where what can be fetched again is kept."""
    from pathlib import Path

    return Path(folder("cache", env))


def config_folder(env: "Mapping[str, str]") -> "Path":
    """Where profiles and settings are kept."""
    from pathlib import Path

    return Path(folder("config", env))


def config_path(env: "Mapping[str, str]") -> "Path":
    """The file of settings."""
    return config_folder(env) / "config.toml"


def sandbox_folder(env: "Mapping[str, str]") -> "Path":
    """As `sandbox`."""
    from pathlib import Path

    return Path(sandbox(env))
