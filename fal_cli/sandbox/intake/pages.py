"""Long answers in pages (§11.1).

A cursor holds the moment of the first page. All pages show things as they stood then, so that none is missed
or told twice whatever happens between two of them.
"""

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fal_cli.sandbox.intake.parameters import Parameters, invalid

USUAL_LIMIT = 50

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page:
    """Which page is asked for; `moment` is Unix seconds."""

    moment: float
    offset: int
    limit: int

    def document(self, name: str, items: Sequence[Item], show: Callable[[Item], Any]) -> dict[str, Any]:
        """The answer: this page of the items, under that name, and how to get the next."""
        end = self.offset + self.limit
        has_more = len(items) > end
        cursor = _encode(self.moment, end) if has_more else None
        return {name: [show(item) for item in items[self.offset : end]], "next_cursor": cursor, "has_more": has_more}


def read(parameters: Parameters, most: int) -> Page:
    """The page that `limit` and `cursor` ask for. Raises Refused."""
    limit = parameters.whole("limit", USUAL_LIMIT, most)
    text = parameters.one("cursor")
    if text is None:
        return Page(time.time(), 0, limit)
    try:
        moment, offset = _decode(text)
    except (ValueError, RecursionError) as error:
        raise invalid("cursor", "is none that an earlier page gave") from error
    return Page(moment, offset, limit)


def _encode(moment: float, offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment, offset]).encode()).decode()


def _decode(text: str) -> tuple[float, int]:
    found = json.loads(base64.b64decode(text, altchars="-_", validate=True))
    if not isinstance(found, list) or [type(part) for part in found] != [float, int] or found[1] < 1:
        raise ValueError(text)
    return found[0], found[1]
