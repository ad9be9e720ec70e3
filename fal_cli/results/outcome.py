"""A result on its way from the service, or from the ledger, to where it is wanted."""

from functools import cached_property
from typing import Any

from fal_cli import jsontext
from fal_cli.api.events import Result
from fal_cli.ledger.journal import Entry


class Outcome:
    """A result, what names it, and its record."""

    def __init__(
        self,
        result: Result,
        endpoint: str,
        request_id: str,
        entry: Entry,
        url: str = "",
        inference_seconds: float | None = None,
    ) -> None:
        self.result = result
        self.endpoint = endpoint
        self.request_id = request_id
        self.entry = entry
        self.url = url
        self.inference_seconds = inference_seconds

    @cached_property
    def data(self) -> Any:
        """The result as JSON, read once; `jsontext.NOT_JSON` where it is not."""
        return jsontext.read(self.result.body.read(), jsontext.NOT_JSON)
