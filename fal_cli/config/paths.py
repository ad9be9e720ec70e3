"""Where files live: `FAL_CLI_HOME`, or the platform's own places."""

import os
from collections.abc import Mapping
from pathlib import Path

_APP = "fal-cli"


def state_folder(env: Mapping[str, str]) -> Path:
    """Where the ledger and the sandbox keep their state."""
    if env.get("FAL_CLI_HOME"):
        return Path(os.path.expanduser(env["FAL_CLI_HOME"])) / "state"
    from platformdirs import user_state_path

    return user_state_path(_APP, appauthor=False)


def cache_folder(env: Mapping[str, str]) -> Path:
    """Where what can be fetched again is kept."""
    if env.get("FAL_CLI_HOME"):
        return Path(os.path.expanduser(env["FAL_CLI_HOME"])) / "cache"
    from platformdirs import user_cache_path

    return user_cache_path(_APP, appauthor=False)


def config_folder(env: Mapping[str, str]) -> Path:
    """Where profiles and settings are kept."""
    if env.get("FAL_CLI_HOME"):
        return Path(os.path.expanduser(env["FAL_CLI_HOME"])) / "config"
    from platformdirs import user_config_path

    return user_config_path(_APP, appauthor=False)


def config_path(env: Mapping[str, str]) -> Path:
    """The file of settings."""
    return config_folder(env) / "config.toml"


def sandbox_folder(env: Mapping[str, str]) -> Path:
    """Where the sandbox keeps its requests and files, and we our ledger of them."""
    return state_folder(env) / "sandbox"
