"""Wires for many threads, each used by one at a time and then by another: connections are kept, not made anew."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from fal_cli.api.wire import Wire


class Wires:
    """Twins of one wire. There are never more than threads that used one at once."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._free: queue.SimpleQueue[Wire] = queue.SimpleQueue()

    @contextmanager
    def one(self) -> Iterator[Wire]:
        """A block with a wire of one's own."""
        try:
            wire = self._free.get_nowait()
        except queue.Empty:
            wire = self._wire.twin()
        try:
            yield wire
        finally:
            self._free.put(wire)
