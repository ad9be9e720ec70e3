"""What an app does with the inputs of a realtime session: the modes of the framework (§7.5)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from fal_cli.sandbox.models import RealtimeRules
from fal_cli.sandbox.orders.failures import OrderError
from fal_cli.sandbox.orders.orders import Orders, check_orders, take_orders
from fal_cli.sandbox.replies.codec import Codec
from fal_cli.sandbox.replies.routes import Endpoint
from fal_cli.sandbox.services.inbox import Inbox, Outbox

IDLE_SECONDS = 10.0
DEFAULT_RESULTS = 3


@dataclass(frozen=True)
class Input:
    """One frame: its bytes, the input in it without orders, and the orders in force."""

    frame: bytes
    payload: Any
    orders: Orders


class Line(Protocol):
    """The socket as a conversation needs it."""

    async def begin(self, first: Input) -> None:
        """Hear of the first input."""

    async def emit(self, result: bytes) -> None:
        """Send a result."""

    async def tell(self, control: dict[str, Any]) -> None:
        """Send a control object."""

    @property
    def idle(self) -> float | None:
        """How long an input may be awaited, in seconds, if that was ordered for the server."""


Compute = Callable[[Orders, Any], dict[str, Any]]


class Conversation:
    """Answers the inputs of an inbox until none comes in time. `compute` makes a result, on a thread of its own."""

    def __init__(
        self, inbox: Inbox, socket: Line, endpoint: Endpoint, rules: RealtimeRules, codec: Codec, compute: Compute
    ) -> None:
        self._inbox = inbox
        self._socket = socket
        self._endpoint = endpoint
        self._rules = rules
        self._codec = codec
        self._compute = compute
        self._outbox = Outbox(socket.emit, rules.buffering)
        self._orders = Orders()

    async def hold(self) -> None:
        """The whole of it. Raises what the framework would."""
        try:
            await self._hold()
        finally:
            await self._outbox.flush()

    async def _hold(self) -> None:
        first = await self._next()
        if first is None:
            return
        await self._socket.begin(first)
        modes = {
            "unary": self._answer_each,
            "server_streaming": self._answer_often,
            "client_streaming": self._answer_all,
            "bidi": self._answer_each,
        }
        await modes[self._mode(first)](first)

    def _mode(self, message: Input) -> str:
        return message.orders.mode or self._rules.mode

    async def _answer_each(self, message: Input | None) -> None:
        """An answer to each input or to each batch of them, of several results in the bidi mode."""
        while message is not None:
            if message.orders.frame:
                await self._tell_ordered(message)
            elif (most := message.orders.batch or self._rules.max_batch_size) > 1:
                await self._answer_batch(message, most)
            else:
                await self._answer_one(message)
            message = await self._next()

    async def _answer_one(self, message: Input) -> None:
        results = _count(message.orders, 1) if self._mode(message) == "bidi" else 1
        for number in range(results):
            await self._answer(message, _numbered(message, number + 1) if results > 1 else message.payload)
            await self._tell_timings(message.orders)

    async def _answer_batch(self, message: Input, most: int) -> None:
        """One result for what has piled up."""
        batch = [message]
        while len(batch) < most and not self._inbox.is_empty():
            following = await self._next()
            if following is None:
                break
            if following.orders.frame:
                await self._tell_ordered(following)
            else:
                batch.append(following)
        await self._answer(batch[-1], {"inputs": [each.payload for each in batch], "count": len(batch)})
        await self._tell_timings(batch[-1].orders)

    async def _answer_often(self, message: Input) -> None:
        """Exactly one input, many results."""
        for number in range(_count(message.orders, DEFAULT_RESULTS)):
            await self._answer(message, _numbered(message, number + 1))
        await self._tell_ordered(message)
        await self._tell_timings(message.orders)

    async def _answer_all(self, message: Input | None) -> None:
        """Inputs until none comes, one result."""
        inputs: list[Any] = []
        last = message
        while message is not None:
            if message.orders.frame:
                await self._tell_ordered(message)
            else:
                inputs.append(message.payload)
            last = message
            message = await self._next()
        if last is not None:
            await self._answer(last, {"inputs": inputs, "count": len(inputs)})
            await self._tell_timings(last.orders)

    async def _answer(self, message: Input, payload: Any) -> None:
        delay = message.orders.delay
        await asyncio.sleep(self._rules.delay if delay is None else delay)
        result = self._codec.encode(await asyncio.to_thread(self._compute, message.orders, payload))
        await (self._outbox.put(result) if message.orders.overtake else self._socket.emit(result))

    async def _tell_ordered(self, message: Input) -> None:
        """Control objects that were ordered in place of a result; the session goes on."""
        for control in message.orders.frame:
            await self._socket.tell(control)

    async def _tell_timings(self, orders: Orders) -> None:
        """Where the app emits them: after each result, of a server's stream once at the end."""
        if orders.timings:
            seconds = round(time.perf_counter() - self._began, 6)
            await self._socket.tell({"type": "x-fal-message", "action": "timings", "timing": seconds})

    async def _next(self) -> Input | None:
        """The next input; None if none came in time.

        Orders hold until a message brings others, but for control objects, which are one message's own.
        """
        if self._inbox.is_empty():
            await self._outbox.flush()
        try:
            # Not wait_for(), which in Python 3.11 loses a cancel that comes together with a frame.
            async with asyncio.timeout(self._idle_seconds):
                frame = await self._inbox.get()
        except TimeoutError:
            return None
        payload = self._codec.decode(frame["bytes"])  # KeyError 'bytes' for a text frame (§15 #6)
        try:
            rest, orders = take_orders(payload)
            check_orders(payload, self._endpoint)
        except OrderError as error:
            raise ValueError(f"{'.'.join(error.path)}: {error}") from error
        if rest is not payload:
            self._obey(orders)
        found = Input(frame["bytes"], rest, self._orders)
        self._orders = replace(self._orders, frame=())
        self._began = time.perf_counter()
        return found

    def _obey(self, orders: Orders) -> None:
        self._orders = orders
        if orders.buffering is not None:
            self._inbox.bound(orders.buffering)

    @property
    def _idle_seconds(self) -> float:
        """As ordered by a message, for the server, or by the app's own rules."""
        for seconds in (self._orders.idle, self._socket.idle, self._rules.session_timeout):
            if seconds is not None:
                return seconds
        return IDLE_SECONDS


def _count(orders: Orders, usual: int) -> int:
    return orders.events if isinstance(orders.events, int) else usual


def _numbered(message: Input, number: int) -> Any:
    payload = message.payload
    return {**payload, "event": number} if isinstance(payload, dict) else payload
