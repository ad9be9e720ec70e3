"""A result on its way from the service, or from the ledger, to where it is wanted."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

from fal_cli import jsontext, limits
from fal_cli.api import data_uri
from fal_cli.api.body import IN_MEMORY_BYTES, turn
from fal_cli.api.events import Result
from fal_cli.auth.accounts import Account
from fal_cli.errors import CliError, NotSaved
from fal_cli.ledger.journal import Entry

_HINT = "Save it as it is: --print result > FILE, or its files: -d FOLDER/"


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
        account: Account | None = None,
    ) -> None:
        """`account` is the one that made the call, where it may be another than this command's own."""
        self.result = result
        self.endpoint = endpoint
        self.request_id = request_id
        self.entry = entry
        self.url = url
        self.inference_seconds = inference_seconds
        self.account = account
        self.reused = False
        """Whether it was made for an earlier call that is the same."""
        self.saved: Mapping[str, Path] = {}
        """Files of it that are on this machine already, by their URLs."""

    @cached_property
    def data(self) -> Any:
        """The result as JSON, read once; `jsontext.NOT_JSON` where it is not. Raises `CliError` if it is too large."""
        body = self.result.body
        if len(body) > limits.PARSED:
            raise CliError(
                f"the result has {len(body) // limits.MIB:,} MB, which is too large to read at once",
                hint=_HINT,
            )
        if body.is_crowded and body.looks_like_json:
            raise CliError(f"the result has more than {limits.VALUES:,} values, which are too many to read", hint=_HINT)
        return jsontext.read(body.read(), jsontext.NOT_JSON)

    @cached_property
    def is_json(self) -> bool:
        """Whether the result may be given to a program as JSON."""
        return self.result.body.is_json

    @cached_property
    def outline(self) -> Any:
        """The same for looking for files: in a large result a reference stands for each that is embedded in it."""
        return self.data if len(self.result.body) <= IN_MEMORY_BYTES else self.outlined()

    def turn(self) -> AbstractContextManager[None]:
        """A block in which `outlined` is used, where others do so at the same time (`body.turn`)."""
        return turn(self._outline_size[0])

    def outlined(self) -> Any:
        """The `outline`, read anew each time: it is kept nowhere. Raises `NotSaved` if it is too large."""
        body = self.result.body
        size, values = self._outline_size
        if size > limits.PARSED:
            raise NotSaved(f"the result has more than {limits.PARSED // limits.MIB} MB without its files")
        if values > limits.VALUES:
            raise NotSaved(f"the result has more than {limits.VALUES:,} values, which are too many to read")
        pieces = body.chunks() if len(body) <= IN_MEMORY_BYTES else data_uri.outline(body)
        return jsontext.read(b"".join(pieces), jsontext.NOT_JSON)

    @cached_property
    def _outline_size(self) -> tuple[int, int]:
        """The bytes of the outline, and the values that it may have, as far as they have to be counted."""
        body, size, values = self.result.body, 0, 0
        if len(body) <= IN_MEMORY_BYTES:
            return len(body), 0
        for piece in data_uri.outline(body):
            size += len(piece)
            values += jsontext.values_in(piece)
            if size > limits.PARSED:
                break
        return size, values
