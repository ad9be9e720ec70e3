"""The programs named `fal` on this machine: ours, the vendor's, which deploys apps, and others."""

import os
import sys
from collections.abc import Mapping
from typing import Literal, NamedTuple

_READ_BYTES = 4096
_SUFFIXES = (".exe", ".bat", ".cmd", "") if os.name == "nt" else ("",)

Owner = Literal["ours", "vendor", "unknown"]


class Executable(NamedTuple):
    """A program that is found under one of our names, and whose it is."""

    path: str
    owner: Owner


def on_path(env: Mapping[str, str], name: str = "fal") -> list[Executable]:
    """The programs of that name, in the order in which a shell looks: the first is the one that it starts."""
    found: dict[str, Executable] = {}
    for folder in env.get("PATH", "").split(os.pathsep):
        for suffix in _SUFFIXES:
            path = os.path.join(folder or os.curdir, name + suffix)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                found.setdefault(os.path.realpath(path), Executable(path, owner_of(path)))
    return list(found.values())


def vendors(env: Mapping[str, str]) -> str:
    """How the vendor's `fal` is called here: where it is on the path, else as pipx runs it."""
    found = [one.path for one in on_path(env) if one.owner == "vendor"]
    return found[0] if found else "pipx run fal"


def owner_of(path: str) -> Owner:
    """Whose a program is: a launcher of Python names the module that it starts. What cannot be read is unknown."""
    try:
        if os.path.realpath(path) == os.path.realpath(sys.argv[0]):
            return "ours"
        with open(path, "rb") as stream:
            text = stream.read(_READ_BYTES) + _tail(stream.fileno())
    except OSError:
        return "unknown"
    if b"fal_cli" in text:
        return "ours"
    return "vendor" if b"from fal." in text or b"from fal import" in text or b"fal.cli" in text else "unknown"


def _tail(descriptor: int) -> bytes:
    """The end of a file: a launcher for Windows has its script there."""
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, max(0, size - _READ_BYTES), os.SEEK_SET)
    return os.read(descriptor, _READ_BYTES)
