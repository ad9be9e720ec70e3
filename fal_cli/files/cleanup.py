"""What is to be removed when the program ends, however it ends. `atexit` is not asked: see `__main__._leave`."""

from collections.abc import Callable

_actions: list[Callable[[], None]] = []


def at_end(action: Callable[[], None]) -> None:
    """Has `action` called when the program ends; it may not raise."""
    _actions.append(action)


def run() -> None:
    """Does all that is to be done, the last first."""
    while _actions:
        _actions.pop()()
