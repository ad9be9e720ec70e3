"""Which process wrote something down, so told that no other one is taken for it.

The number of a process comes again, and a clock may jump. So a process is known by its number together with when it
began, by a clock that nobody sets: the boot of its machine, and the ticks since then.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

_STATE, _STARTED = 0, 19


def own_beginning() -> str:
    """When this process began; "" where the system does not say."""
    return _kept_beginning(os.getpid())


def beginning(pid: int) -> str:
    """When the process of that number began; "" where the system does not say, or there is none."""
    boot, ticks = boot_id(), _fact(pid, _STARTED)
    return f"{boot} {ticks}" if boot and ticks else ""


def is_there(pid: int, began: str) -> bool:
    """Whether the process of that number which began then is still there; without a beginning, whether any is."""
    return is_alive(pid) and (not began or beginning(pid) in ("", began))


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number; False where it cannot be asked, and for one that has ended."""
    if os.name == "nt":
        return False  # there, asking would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_dead_but_named(pid)


def _is_dead_but_named(pid: int) -> bool:
    """Whether only its number is left, for a parent that has not asked how it ended: some containers never ask."""
    return _fact(pid, _STATE) in ("Z", "X")


def _fact(pid: int, place: int) -> str:
    """What Linux tells of a process at this place behind its name; "" where it does not."""
    with suppress(OSError, IndexError):
        # The name, which stands before the last parenthesis, may hold any character.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[place]
    return ""


@cache
def boot_id() -> str:
    """What tells one boot of this machine from another; "" where it does not say."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


@cache
def _kept_beginning(pid: int) -> str:
    return beginning(pid)
