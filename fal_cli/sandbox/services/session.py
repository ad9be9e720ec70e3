"""A realtime session as the vendor's framework holds it: binary frames in and out, control in text (§7.3, §7.5)."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from fal_cli.sandbox.intake import planning
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.models import Model, Refusal
from fal_cli.sandbox.orders.failures import OrderError
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.orders.orders import Orders, check_orders, take_orders
from fal_cli.sandbox.orders.words import REALTIME_WORDS
from fal_cli.sandbox.replies import connection
from fal_cli.sandbox.replies.codec import Codec
from fal_cli.sandbox.replies.routes import Endpoint
from fal_cli.sandbox.replies.spoil import Spoilable

IDLE_SECONDS = 10.0
DEFAULT_RESULTS = 3
UNAUTHORIZED_CODE = 1008
_GARBAGE = b"\xc1 garbled by the sandbox"  # 0xc1 is the one byte that begins nothing in msgpack
_HANDSHAKE_WORDS = ("cut-before", "reset-before", "stall-before", "unauthorized")

Pick = Callable[[bytes, tuple[Fault, ...]], Fault | None]


class _Broken(Exception):
    """The session has ended as a fault ordered: nothing more is to be said."""


@dataclass(frozen=True)
class Input:
    """One frame: its bytes, the input in it without orders, and the orders in force."""

    frame: bytes
    payload: Any
    orders: Orders


class Session(Spoilable):
    """The answer to a handshake: the whole session. `known` is whether its token is good.

    `own_fault` picks, of the faults that a message orders, the one that is to happen.
    """

    def __init__(
        self,
        context: Context,
        endpoint: Endpoint,
        model: Model,
        codec: Codec,
        request_id: str,
        own_fault: Pick,
        *,
        known: bool,
    ) -> None:
        super().__init__()
        self._context = context
        self._endpoint = endpoint
        self._model = model
        self._codec = codec
        self._request_id = request_id
        self._own_fault = own_fault
        self._known = known
        self._fault: Fault | None = None
        self._frames: asyncio.Queue[Message] = asyncio.Queue()
        self._orders = Orders()
        self._sent = 0

    def take(self, fault: Fault) -> bool:
        """Take upon itself what happens after the handshake."""
        if fault.kind == "truncate":
            fault = replace(fault, kind="cut-after", count=1)
        elif fault.kind not in REALTIME_WORDS or (fault.route == "any" and fault.kind == "cut-after"):
            return False
        self._fault = fault
        self._known = self._known and fault.kind != "unauthorized"
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to hold the session; whoever of the two sides ends it, ends it all."""
        self._scope, self._send = scope, send
        headers = [(b"x-fal-request-id", self._request_id.encode())]
        await receive()
        await send({"type": "websocket.accept", "headers": headers})
        tasks = {asyncio.create_task(self._read(receive)), asyncio.create_task(self._work())}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, receive: Receive) -> None:
        """Take frames in until the client leaves; what is in work is then dropped (§7.5)."""
        while (message := await receive())["type"] == "websocket.receive":
            self._frames.put_nowait(message)

    async def _work(self) -> None:
        try:
            if not self._known:
                await self._tell({"status": "error", "error": "Unauthorized"})
                await self._close(UNAUTHORIZED_CODE)
                return
            await self._converse()
        except _Broken:
            return
        except OSError:
            return  # the client has left in the middle of a frame
        except Refusal as refusal:
            await self._end("INTERNAL_ERROR", _complaint(refusal))
        except Exception as error:
            await self._end("INTERNAL_ERROR", str(error))
        else:
            await self._end("TIMEOUT", "no inputs, reconnect when needed!")

    async def _converse(self) -> None:
        first = await self._next()
        if first is None:
            return
        await self._take_own_fault(first)
        modes = {
            "unary": self._answer_each,
            "server_streaming": self._answer_often,
            "client_streaming": self._answer_all,
            "bidi": self._answer_each,
        }
        await modes[first.orders.mode or "unary"](first)

    async def _answer_each(self, message: Input | None) -> None:
        """An answer to each input, of several results in the bidi mode."""
        while message is not None:
            results = _count(message.orders, 1) if message.orders.mode == "bidi" else 1
            for number in range(results):
                await self._answer(message, _numbered(message, number + 1) if results > 1 else message.payload)
                await self._tell_timings(message.orders)
            message = await self._next()

    async def _answer_often(self, message: Input) -> None:
        """Exactly one input, many results."""
        for number in range(_count(message.orders, DEFAULT_RESULTS)):
            await self._answer(message, _numbered(message, number + 1))
        await self._tell_timings(message.orders)

    async def _answer_all(self, message: Input | None) -> None:
        """Inputs until none comes, one result."""
        inputs: list[Any] = []
        last = message
        while message is not None:
            inputs.append(message.payload)
            last = message
            message = await self._next()
        if last is not None:
            await self._answer(last, {"inputs": inputs, "count": len(inputs)})
            await self._tell_timings(last.orders)

    async def _answer(self, message: Input, payload: Any) -> None:
        await asyncio.sleep(message.orders.delay)
        result = await asyncio.to_thread(self._result, message.orders, payload)
        await self._misbehave_before()
        await self._send({"type": "websocket.send", "bytes": self._codec.encode(result)})
        self._sent += 1
        await self._misbehave_after()

    async def _tell_timings(self, orders: Orders) -> None:
        """Where the app emits them: after each result, of a server's stream once at the end (§7.5)."""
        if orders.timings:
            seconds = round(time.perf_counter() - self._began, 6)
            await self._tell({"type": "x-fal-message", "action": "timings", "timing": seconds})

    def _result(self, orders: Orders, payload: Any) -> dict[str, Any]:
        task = planning.make_task(orders, 0.0, self._context.store)
        result = self._model.load().realtime(self._endpoint.id, payload, task)
        if not orders.values:
            return result
        from fal_cli.sandbox.models.echo import odd_values

        return {**result, "values": odd_values(orders.values)}

    async def _next(self) -> Input | None:
        """The next input; None if none came in time. Raises what the framework would (§7.5).

        Orders hold until a message brings others.
        """
        try:
            # Not wait_for(), which in Python 3.11 loses a cancel that comes together with a frame.
            async with asyncio.timeout(self._idle_seconds):
                frame = await self._frames.get()
        except TimeoutError:
            return None
        payload = self._codec.decode(frame["bytes"])  # KeyError 'bytes' for a text frame (§15 #6)
        try:
            rest, orders = take_orders(payload)
            check_orders(payload, self._endpoint)
        except OrderError as error:
            raise ValueError(f"{'.'.join(error.path)}: {error}") from error
        if rest is not payload:
            self._orders = orders
        self._began = time.perf_counter()
        return Input(frame["bytes"], rest, self._orders)

    @property
    def _idle_seconds(self) -> float:
        return IDLE_SECONDS if self._orders.idle is None else self._orders.idle

    async def _take_own_fault(self, first: Input) -> None:
        faults = first.orders.faults
        if any(fault.kind in _HANDSHAKE_WORDS or fault.kind not in REALTIME_WORDS for fault in faults):
            raise ValueError("sandbox.fault: the handshake is over; order this one with --fault")
        self._fault = self._own_fault(first.frame, faults) or self._fault
        await self._misbehave_after()

    async def _misbehave_before(self) -> None:
        """What a fault does before the first result."""
        if self._fault is None or self._sent:
            return
        if self._fault.kind == "stall":
            await asyncio.sleep(self._fault.seconds)
        elif self._fault.kind == "garbage":
            await self._send({"type": "websocket.send", "bytes": _GARBAGE})

    async def _misbehave_after(self) -> None:
        """What a fault does after so many results, none included."""
        if self._fault is None or self._sent != self._fault.count:
            return
        if self._fault.kind == "cut-after":
            connection.drop(self._scope)
            raise _Broken
        if self._fault.kind == "close-after":
            await self._close(self._fault.code)
            raise _Broken
        if self._fault.kind == "silent-after":
            await asyncio.Event().wait()

    async def _end(self, error: str, reason: str) -> None:
        """Every end looks like this, the good one too (§15 #2, #3)."""
        try:
            await self._tell({"type": "x-fal-error", "error": error, "reason": reason})
            await self._close(1000)
        except OSError:
            return

    async def _tell(self, control: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(control)})

    async def _close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})


def _count(orders: Orders, usual: int) -> int:
    return orders.events if isinstance(orders.events, int) else usual


def _numbered(message: Input, number: int) -> Any:
    payload = message.payload
    return {**payload, "event": number} if isinstance(payload, dict) else payload


def _complaint(refusal: Refusal) -> str:
    """A refusal as the text of an exception, in the manner of the real validator's."""
    entries = refusal.entries
    head = f"{len(entries)} validation error{'' if len(entries) == 1 else 's'} for input"
    lines = [f"{'.'.join(map(str, entry['loc'][1:]))}\n  {entry['msg']} [type={entry['type']}]" for entry in entries]
    return "\n".join([head, *lines])
