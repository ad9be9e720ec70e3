"""Long answers in pages (§11.1).

A cursor holds the moment of the first page, and the place of the last entry of the page before. All pages show things
as they stood then, so that none is missed or told twice whatever happens between two of them.
"""

import base64
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from fal_cli.sandbox.intake.parameters import Parameters, invalid

USUAL_LIMIT = 50

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page:
    """Which page is asked for; `moment` is Unix seconds, `place` None for the first page."""

    moment: float
    place: tuple[Any, ...] | None
    limit: int

    def document(
        self, name: str, found: Iterable[tuple[Sequence[Any], Item]], show: Callable[[Item], Any]
    ) -> dict[str, Any]:
        """The answer: as many of the items as fit, each with its place, under that name, and how to get the rest."""
        taken = list(islice(found, self.limit + 1))
        has_more = len(taken) > self.limit
        shown = taken[: self.limit]
        cursor = _encode(self.moment, shown[-1][0]) if has_more else None
        return {name: [show(item) for _, item in shown], "next_cursor": cursor, "has_more": has_more}


def read(parameters: Parameters, most: int, *shape: type) -> Page:
    """The page that `limit` and `cursor` ask for, of places of that shape. Raises Refused."""
    limit = parameters.whole("limit", USUAL_LIMIT, most)
    text = parameters.one("cursor")
    if text is None:
        return Page(time.time(), None, limit)
    try:
        moment, place = _decode(text, shape)
    except (ValueError, RecursionError) as error:
        raise invalid("cursor", "is none that an earlier page gave") from error
    return Page(moment, place, limit)


def _encode(moment: float, place: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment, *place]).encode()).decode()


def _decode(text: str, shape: tuple[type, ...]) -> tuple[float, tuple[Any, ...]]:
    found = json.loads(base64.b64decode(text, altchars="-_", validate=True))
    if not isinstance(found, list) or [type(part) for part in found] != [float, *shape]:
        raise ValueError(text)
    return found[0], tuple(found[1:])
