"""An entry of the service's catalogue. Plain values, apart from what asks for them, since completion reads them."""

from typing import NamedTuple

DOCUMENT_BYTES = 8 * 1024 * 1024
DOCUMENT_VALUES = 400_000
"""How large an endpoint's document may be. Real ones have less than a tenth of it."""


class Model(NamedTuple):
    """One model as the catalogue has it. Its `metadata` may be missing altogether, so any text may be empty (§11.2)."""

    endpoint: str
    title: str = ""
    category: str = ""
    status: str = ""
    description: str = ""
    updated_at: str = ""
    license: str = ""


class Search(NamedTuple):
    """Which models are asked for; without a `limit` all of them."""

    query: str = ""
    category: str = ""
    status: str = ""
    limit: int | None = None

    @property
    def is_for_all(self) -> bool:
        return self == Search()
