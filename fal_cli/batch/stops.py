"""Why a batch stops before its end, and with which code it ends: the worst of what happened counts."""

import re
from collections import Counter, deque

from fal_cli.errors import Exit, UsageError

FIRST = 5
"""A batch whose first calls of an endpoint all fail is a wrong batch: it stops before it is paid ten thousand times."""
_LAST = 50
_FEWEST = 10
_USUAL_SHARE = 20.0
_LIMIT = re.compile(r"([0-9]{1,9})(%?)")
_WORST_FIRST = (
    Exit.OVER_BUDGET,
    Exit.LIMITED,
    Exit.UNKNOWN_OUTCOME,
    Exit.NOT_SAVED,
    Exit.STILL_RUNNING,
    Exit.FAILED,
)


def worst(codes: set[Exit]) -> int:
    """The code that a batch ends with."""
    return int(next((code for code in _WORST_FIRST if code in codes), Exit.DONE))


class Failures:
    """Counts how calls end, and says when there are too many failures."""

    def __init__(self, limit: str = "") -> None:
        """`limit` is a number of failures, or a share of the last fifty such as `20%`. Raises `UsageError`."""
        match = _LIMIT.fullmatch(limit) if limit else None
        if limit and not match:
            raise UsageError(f"--max-failures takes a number or a share, such as 100 or 20%, not {limit!r}")
        self._most = int(match[1]) if match and not match[2] else None
        self._share = float(match[1]) if match and match[2] else _USUAL_SHARE
        self._last: deque[bool] = deque(maxlen=_LAST)
        self._ended: Counter[str] = Counter()
        self._well: set[str] = set()
        self.failed = 0

    def ended(self, endpoint: str = "", *, well: bool) -> str:
        """Takes in how a call ended. Answers why no more are to be sent; "" if they are.

        `endpoint` is named where the batch has several: the good ones must not hide one that never works.
        """
        self._ended[endpoint] += 1
        self.failed += not well
        self._last.append(well)
        if well:
            self._well.add(endpoint)
            return ""
        if self._most is not None:
            return f"{self.failed:,} rows failed (--max-failures {self._most})" if self.failed > self._most else ""
        if self._ended[endpoint] == FIRST and endpoint not in self._well:
            return f"the first {FIRST} rows {f'of {endpoint} ' if endpoint else ''}all failed"
        recent = self._last.count(False)
        if recent > max(_FEWEST, _LAST * self._share / 100):
            return f"{recent} of the last {len(self._last)} rows failed"
        return ""
