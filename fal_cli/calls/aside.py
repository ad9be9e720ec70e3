"""What is good to know of a request while it runs: how long such requests wait, and what a unit of it costs.

Asked beside the request, on connections of their own. Neither is ever waited for while there is something else to do,
and what cannot be had is left out.
"""

import threading
from contextlib import suppress

from fal_cli.api import catalog
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.wire import Wire
from fal_cli.calls import price
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.results.money import NOT_KNOWN, cost_of
from fal_cli.terminal.progress.tally import Tally
from fal_cli.urls import is_loopback

_PATIENCE_SECONDS = 5.0


class Aside:
    """Asks as soon as it is made. Sets the usual wait on `tally`."""

    def __init__(self, context: Context, wire: Wire, endpoint: str, tally: Tally) -> None:
        self._context = context
        self._wire = wire.twin()
        self._wire.notify = lambda event: None
        self._endpoint = endpoint
        self._tally = tally
        self._thread = threading.Thread(target=self._ask, name="aside", daemon=True)
        if _is_of_one_place(wire):
            self._thread.start()

    def settle(self, request: Tracked, units: str) -> str:
        """Records what a request cost and answers that as text; "" where no bill names units."""
        if not units or not _is_of_one_place(self._wire):
            return ""
        self._thread.join(price.PATIENCE_SECONDS)
        price.settle(self._context, self._wire, request.entry, request.endpoint, units)
        return str(cost_of(request.entry.row()) or NOT_KNOWN)

    def _ask(self) -> None:
        deadline = Deadline(_PATIENCE_SECONDS)
        if self._context.streams.stderr_is_terminal:  # a person waits, and wants to know for how long
            self._ask_wait(deadline)
        with suppress(ApiError, CliError):
            price.unit_price(self._context, self._wire, self._endpoint, deadline)

    def _ask_wait(self, deadline: Deadline) -> None:
        with suppress(ApiError, CliError):
            self._tally.usual_wait = catalog.usual_wait(self._wire, self._endpoint, deadline)


def _is_of_one_place(wire: Wire) -> bool:
    """Whether the API that is asked is the same service's as the queue: a local one's calls are not fal's to price."""
    return is_loopback(wire.hosts.queue) == is_loopback(wire.hosts.api)
