"""A place without anything: no home, no name for its user, nothing that can be written, no folder for temporary files.

A root of its own that holds the system's programs, Python and this program, for reading only; and outside of it a user
whom nobody knows.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/dev", "/proc")
_NOBODY = "54321"
_MAKE_ROOT = """
set -e
root=$1; shift
mount -t tmpfs none "$root"
for folder in $FOLDERS; do mkdir -p "$root$folder"; mount --rbind "$folder" "$root$folder"; done
mount -o remount,ro "$root"
unset FOLDERS
exec chroot "$root" "$@"
"""


def can_be_made() -> bool:
    """Whether the system lets this user make roots."""
    return _runs(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"])


def can_change_user() -> bool:
    """Whether a program can be run as another user here, who can read this one."""
    python = [sys.executable, "-c", "import fal_cli, typer"]
    return _runs(["setpriv", "--reuid", _NOBODY, "--clear-groups", *python], {"PYTHONPATH": str(_REPOSITORY)})


def in_a_bare_root(words: list[str], root: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Runs the program in a root that holds nothing else."""
    folders = [*_SYSTEM, sys.prefix, sys.base_prefix, str(_REPOSITORY)]
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MAKE_ROOT, "sh", str(root)]
    python = [sys.executable, "-m", "fal_cli", *words]
    given = {**env, "FOLDERS": " ".join(dict.fromkeys(one for one in folders if os.path.isdir(one)))}
    return _run([*argv, *python], given, Path("/"))


def as_nobody(words: list[str], folder: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Runs the program as a user without a name and a home."""
    python = [sys.executable, "-m", "fal_cli", *words]
    return _run(["setpriv", "--reuid", _NOBODY, "--regid", _NOBODY, "--clear-groups", *python], env, folder)


def _run(argv: list[str], env: Mapping[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    plain = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(_REPOSITORY)}
    environment = plain | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(env)
    return subprocess.run(
        argv, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def _runs(argv: list[str], env: Mapping[str, str] | None = None) -> bool:
    if not shutil.which(argv[0]):
        return False
    return subprocess.run(argv, env=os.environ | dict(env or {}), capture_output=True, check=False).returncode == 0
