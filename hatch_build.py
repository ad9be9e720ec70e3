"""Makes the man pages of the command tree when a wheel is built, so that `man fal` knows what is installed."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):
    """Puts them where `man` looks beside the folder of programs."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is put together."""
        sys.path.insert(0, self.root)
        try:
            from fal_cli.cli import manpages

            self._folder = tempfile.TemporaryDirectory()
            for path in manpages.write(Path(self._folder.name)):
                build_data["shared_data"][str(path)] = f"share/man/man{path.suffix[1:]}/{path.name}"
        finally:
            sys.path.remove(self.root)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the wheel is there."""
        self._folder.cleanup()
