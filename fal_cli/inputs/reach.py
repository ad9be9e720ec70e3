"""Which files the words of inputs may name: with `--files DIR` those in one folder, with `--literal` none.

Text of strangers is safe then: where it says `@/etc/passwd`, nothing is opened, and nobody learns whether it is there.
"""

import os
from pathlib import Path
from typing import NamedTuple

from fal_cli.errors import UsageError
from fal_cli.inputs.words import as_path

OUTSIDE = "outside_files"


class Reach(NamedTuple):
    """`is_literal`: `@`, `{{` and a guess mean nothing in a word. Files are within `folder`, if there is one."""

    is_literal: bool = False
    folder: Path | None = None

    def path(self, written: str) -> Path:
        """The path of a file that was named, its links resolved if files have to be in a folder.

        Raises `UsageError` for one outside of it, whether it is there or not.
        """
        return self.named(os.path.expanduser(as_path(written)))

    def named(self, written: str) -> Path:
        """The same for a word that a shell has expanded. Raises as `path`."""
        if self.folder is None:
            return Path(as_path(written))
        try:
            found = Path(os.path.realpath(as_path(written)))
        except ValueError as error:
            raise UsageError(f"cannot read {written}: {error}") from None
        if not found.is_relative_to(self.folder):
            raise UsageError(f"{written} is outside {self.folder}, the only folder that --files allows", kind=OUTSIDE)
        return found

    def file_there(self, text: str) -> str:
        """The text, if it names a file that may be looked at; "" if not."""
        if self.is_literal or not text:
            return ""
        try:
            return text if self.path(text).is_file() else ""
        except (UsageError, OSError, ValueError, RuntimeError):
            return ""


ANYWHERE = Reach()


def reach(folder: str, *, is_literal: bool) -> Reach:
    """What `--files` and `--literal` say together. Raises `UsageError` for a folder that is none."""
    if not folder:
        return Reach(is_literal)
    try:
        found = Path(os.path.realpath(os.path.expanduser(folder)))
        if found.is_dir():
            return Reach(is_literal, found)
    except (OSError, ValueError):
        pass  # as one that is not there
    raise UsageError(f"--files {folder}: it is not a folder")
