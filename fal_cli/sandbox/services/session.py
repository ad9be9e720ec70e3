"""A realtime session as the vendor's framework holds it: binary frames in and out, control in text (§7.3, §7.5)."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.types import Receive, Scope, Send

from fal_cli.sandbox.intake import planning
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.models import Module, RealtimeRules, Refusal
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.orders.orders import Orders
from fal_cli.sandbox.orders.words import REALTIME_WORDS
from fal_cli.sandbox.replies import connection
from fal_cli.sandbox.replies.codec import Codec
from fal_cli.sandbox.replies.routes import Endpoint
from fal_cli.sandbox.replies.spoil import Spoilable
from fal_cli.sandbox.services.conversation import Conversation, Input
from fal_cli.sandbox.services.inbox import Inbox

UNAUTHORIZED_CODE = 1008
_GARBAGE = b"\xc1 garbled by the sandbox"  # 0xc1 is the one byte that begins nothing in msgpack
_HANDSHAKE_WORDS = ("cut-before", "reset-before", "stall-before", "unauthorized")

Pick = Callable[[bytes, tuple[Fault, ...]], Fault | None]


class _Broken(Exception):
    """The session has ended as a fault ordered: nothing more is to be said."""


class Session(Spoilable):
    """The answer to a handshake: the whole session. `is_known` is whether its token is good.

    `own_fault` picks, of the faults that a message orders, the one that is to happen.
    """

    def __init__(
        self,
        context: Context,
        endpoint: Endpoint,
        module: Module,
        rules: RealtimeRules,
        codec: Codec,
        request_id: str,
        own_fault: Pick,
        *,
        is_known: bool,
    ) -> None:
        super().__init__()
        self._context = context
        self._endpoint = endpoint
        self._module = module
        self._request_id = request_id
        self._own_fault = own_fault
        self._is_known = is_known
        self._fault: Fault | None = None
        self._inbox = Inbox(rules.buffering)
        self._conversation = Conversation(self._inbox, self, endpoint, rules, codec, self._compute)
        self._sent = 0

    def take(self, fault: Fault) -> bool:
        """Take upon itself what happens after the handshake."""
        if fault.kind == "truncate":
            fault = replace(fault, kind="cut-after", count=1)
        elif fault.kind not in REALTIME_WORDS or (fault.route == "any" and fault.kind == "cut-after"):
            return False
        self._fault = fault
        self._is_known = self._is_known and fault.kind != "unauthorized"
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
            self._inbox.put(message)

    async def _work(self) -> None:
        try:
            if not self._is_known:
                await self.tell({"status": "error", "error": "Unauthorized"})
                await self._close(UNAUTHORIZED_CODE)
                return
            await self._conversation.hold()
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

    # -- what the conversation needs

    async def begin(self, first: Input) -> None:
        """Take the fault that the first message orders."""
        faults = first.orders.faults
        if any(fault.kind in _HANDSHAKE_WORDS or fault.kind not in REALTIME_WORDS for fault in faults):
            raise ValueError("sandbox.fault: the handshake is over; order this one with --fault")
        self._fault = self._own_fault(first.frame, faults) or self._fault
        await self._misbehave_after()

    async def emit(self, result: bytes) -> None:
        """Send a result, as the fault has it."""
        await self._misbehave_before()
        await self._send({"type": "websocket.send", "bytes": result})
        self._sent += 1
        await self._misbehave_after()

    async def tell(self, control: dict[str, Any]) -> None:
        """Send a control object."""
        await self._send({"type": "websocket.send", "text": json.dumps(control)})

    @property
    def idle(self) -> float | None:
        """The seconds of an idle cut that was ordered for the server."""
        return self._fault.seconds if self._fault is not None and self._fault.kind == "idle" else None

    def _compute(self, orders: Orders, payload: Any) -> dict[str, Any]:
        task = planning.make_task(orders, 0.0, self._context.store)
        result = self._module.realtime(self._endpoint.id, payload, task)
        if not orders.values:
            return result
        from fal_cli.sandbox.models.echo import odd_values

        return {**result, "values": odd_values(orders.values)}

    # -- faults and ends

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
            await self.tell({"type": "x-fal-error", "error": error, "reason": reason})
            await self._close(1000)
        except OSError:
            return

    async def _close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})


def _complaint(refusal: Refusal) -> str:
    """A refusal as the text of an exception, in the manner of the real validator's."""
    entries = refusal.entries
    head = f"{len(entries)} validation error{'' if len(entries) == 1 else 's'} for input"
    lines = [f"{'.'.join(map(str, entry['loc'][1:]))}\n  {entry['msg']} [type={entry['type']}]" for entry in entries]
    return "\n".join([head, *lines])
