"""The caller's own limit on waiting, by the monotonic clock."""

import time


class Deadline:
    """A moment after which waiting ends; or never."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @classmethod
    def never(cls) -> "Deadline":
        return cls(None)

    def left(self) -> float | None:
        """Seconds left, at least 0; None if there is no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.left() == 0.0

    def passes_within(self, seconds: float) -> bool:
        left = self.left()
        return left is not None and left <= seconds

    def cut(self, seconds: float) -> float:
        """`seconds`, or what is left if that is less."""
        left = self.left()
        return seconds if left is None else min(seconds, left)
