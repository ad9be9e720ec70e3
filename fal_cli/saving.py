"""`-o FILE.json`: the result's bytes into a file, which appears whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from fal_cli.api.events import Result
from fal_cli.errors import CliError, Exit, UsageError


def checked(name: str) -> Path | None:
    """The file to save to, or None. Raises `UsageError` before anything is sent if it cannot be one."""
    if not name:
        return None
    path = Path(os.path.expanduser(name))
    if path.suffix.lower() != ".json":
        raise UsageError(f"-o saves the result's JSON: name a .json file, not {name!r}")
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"cannot save to {name}: " + ("it is a folder" if path.is_dir() else "its folder is missing"))
    return path


def save(path: Path | None, result: Result) -> None:
    """Writes beside the target and renames when whole. Raises `CliError` (code 11): the result was printed."""
    if path is None:
        return
    try:
        _replace(path, result.body)
    except OSError as error:
        raise CliError(f"cannot save {path}: {error.strerror or error}", code=Exit.NOT_SAVED) from None


def _replace(path: Path, data: bytes) -> None:
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp made it 0600; a result is as public as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(part, 0o666 & ~umask)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
