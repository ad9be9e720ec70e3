"""What waits on either side of a session's worker: inputs that have come, and results that are to go (§7.5, §15)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from starlette.types import Message

_USUAL_CAPACITY = 2


class Inbox:
    """Inputs that have come. If their number is bounded, the oldest of them is dropped for a new one."""

    def __init__(self, limit: int | None) -> None:
        self._frames: asyncio.Queue[Message] = asyncio.Queue()
        self._limit = limit

    def bound(self, limit: int | None) -> None:
        """Bound it from now on."""
        self._limit = limit
        self._trim()

    def put(self, frame: Message) -> None:
        """Take one in."""
        self._frames.put_nowait(frame)
        self._trim()

    def is_empty(self) -> bool:
        """Whether none waits."""
        return self._frames.empty()

    async def get(self) -> Message:
        """The oldest, as soon as there is one."""
        return await self._frames.get()

    def _trim(self) -> None:
        while self._limit is not None and self._frames.qsize() > self._limit:
            self._frames.get_nowait()


class Outbox:
    """Results that are to go. Beyond what it holds, later ones overtake them (§15 #7)."""

    def __init__(self, emit: Callable[[bytes], Awaitable[None]], buffering: int | None) -> None:
        self._emit = emit
        self._capacity = 2 * buffering if buffering else _USUAL_CAPACITY
        self._held: deque[bytes] = deque()

    async def put(self, result: bytes) -> None:
        """Hold it, or send it past those that are held."""
        if len(self._held) < self._capacity:
            self._held.append(result)
        else:
            await self._emit(result)

    async def flush(self) -> None:
        """Send what is held."""
        while self._held:
            await self._emit(self._held.popleft())
