"""The paid calls that have arrived and of which it is not known yet whether they are accepted."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# In which whatever has reached this machine is read too.
_ARRIVAL_SECONDS = 0.05
_PATIENCE_SECONDS = 5.0


class Taking:
    """One such call, until `done`."""

    def __init__(self) -> None:
        self._known = asyncio.Event()

    def done(self) -> None:
        """It is written down, or never will be."""
        self._known.set()

    async def known(self) -> None:
        """Wait for that."""
        await self._known.wait()


class Calls:
    """All of them; used by one event loop."""

    def __init__(self) -> None:
        self._open: set[Taking] = set()

    @contextmanager
    def taking(self) -> Iterator[Taking]:
        """A call from its arrival on, at most until this block ends."""
        call = Taking()
        self._open.add(call)
        try:
            yield call
        finally:
            call.done()
            self._open.discard(call)

    async def settle(self) -> bool:
        """Wait until of each call that has arrived is known whether it is accepted; False if that takes too long."""
        await asyncio.sleep(_ARRIVAL_SECONDS)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                for call in tuple(self._open):
                    await call.known()
        except TimeoutError:
            return False
        return True
