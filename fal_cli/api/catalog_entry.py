"""An entry of the service's catalogue. Plain values, apart from what asks for them, since completion reads them."""

import re
from typing import NamedTuple

DEPRECATED = "deprecated"
# An endpoint in a text, where the words before it say that it is the one to use.
_NAMED = re.compile(
    r"\b(?:use|try|see|prefer|to|by|with|is|favou?r of)\s+[`\"'\[(]?([a-z0-9][\w-]*/[\w~][\w./~-]*)", re.IGNORECASE
)


class Model(NamedTuple):
    """One model as the catalogue has it. Its `metadata` may be missing altogether, so any text may be empty (§11.2)."""

    endpoint: str
    title: str = ""
    category: str = ""
    status: str = ""
    description: str = ""
    updated_at: str = ""
    license: str = ""

    @property
    def successor(self) -> str:
        """The endpoint that the description of a deprecated one names to be used in its place; "" if it names none."""
        if self.status != DEPRECATED:
            return ""
        named = [name.rstrip("./") for name in _NAMED.findall(self.description)]
        return next((name for name in named if name != self.endpoint), "")


class Search(NamedTuple):
    """Which models are asked for; without a `limit` all of them."""

    query: str = ""
    category: str = ""
    status: str = ""
    limit: int | None = None

    @property
    def is_for_all(self) -> bool:
        return self == Search()
