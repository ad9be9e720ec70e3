"""The protocol: tools listed and called by the official SDK, each call in a thread of its own.

The loop runs beside the main thread, which is left to signals: an interruption ends the server at once, but for a
submit whose answer is on its way.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from pydantic import ValidationError

from fal_cli import __version__
from fal_cli.commands.mcp.answers import Answer, refusal
from fal_cli.commands.mcp.arguments import LONGEST_WAIT, schema_of
from fal_cli.commands.mcp.session import Event, Session, Tell
from fal_cli.commands.mcp.tools import INSTRUCTIONS, TOOLS, Tool
from fal_cli.terminal.sanitize import visible

Call = Callable[[Session, Tell], Answer]

_MOST_AT_ONCE = 16
_LOOK_SECONDS = 0.5
_STATES = {"queued": "in the queue", "inprogress": "running", "completed": "completed"}


def serve(session: Session) -> None:
    """Serves stdin and stdout until the client is gone. Requests go on without it."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_served(session))
        except BaseException as error:
            failed.append(error)

    session.context.standing.leave = session.left
    loop = threading.Thread(target=run, name="mcp", daemon=True)
    loop.start()
    while loop.is_alive():  # with a limit, because without one Windows lets no signal through
        loop.join(_LOOK_SECONDS)
    session.settle()
    if failed:
        raise failed[0]


async def _served(session: Session) -> None:
    at_once = anyio.CapacityLimiter(_MOST_AT_ONCE)

    async def list_tools(
        context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools())

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        answer = await _called(session, context, at_once, params.name, params.arguments or {})
        return _as_result(answer)

    server: Server[Any] = Server(
        "fal", version=__version__, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def tools() -> list[types.Tool]:
    """The tools as clients are told of them."""
    return [_told(name, tool) for name, tool in TOOLS.items()]


def _told(name: str, tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        title=f"fal {name}" + (" (costs money)" if tool.pays else ""),
        read_only_hint=tool.reads,
        destructive_hint=tool.pays or tool.deletes,
        idempotent_hint=tool.repeats,
        open_world_hint=name not in ("history",),
    )
    return types.Tool(name=name, description=tool.description, input_schema=schema_of(tool.takes), annotations=hints)


async def _called(
    session: Session,
    context: ServerRequestContext[Any],
    at_once: anyio.CapacityLimiter,
    name: str,
    given: dict[str, Any],
) -> Answer:
    """One call: checked, run in a thread, its progress told as it comes."""
    call = called_with(name, given)
    if isinstance(call, Answer):
        return call
    loop = asyncio.get_running_loop()
    send, receive = anyio.create_memory_object_stream[Event](float("inf"))

    def tell(event: Event) -> None:
        with contextlib.suppress(RuntimeError, anyio.ClosedResourceError):  # nobody is there any more
            loop.call_soon_threadsafe(_put, send, event)

    answer: Answer | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_report, context, receive)
        with anyio.move_on_after(LONGEST_WAIT):
            answer = await anyio.to_thread.run_sync(call, session, tell, abandon_on_cancel=True, limiter=at_once)
        send.close()
    return answer or Answer(
        {"state": "at work", "next": "it takes longer than a call may, and goes on here: see history, or call it again"}
    )


def called_with(name: str, given: dict[str, Any]) -> Call | Answer:
    """What is to be run, or what is wrong with what was asked."""
    tool = TOOLS.get(name)
    if tool is None:
        return refusal("usage", f"there is no tool {name!r}; there are {', '.join(TOOLS)}")
    try:
        arguments = tool.takes.model_validate(given)
    except ValidationError as error:
        return refusal("usage", "; ".join(_fault(fault) for fault in error.errors(include_url=False)))
    return lambda session, tell: tool.call(session, arguments, tell)


def _put(send: Any, event: Event) -> None:
    with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        send.send_nowait(event)


async def _report(context: ServerRequestContext[Any], events: MemoryObjectReceiveStream[Event]) -> None:
    """Tells the client how a request stands, if it asked for that."""
    count = 0
    async with events:
        async for event in events:
            text = _in_words(event)
            if text:
                count += 1
                await context.session.report_progress(count, None, visible(text))


def _in_words(event: Event) -> str:
    """An event for a person; "" for what is not told."""
    kind = str(event.get("event"))
    if kind == "request":
        return f"request {event.get('request_id')}"
    if kind == "queued" and event.get("position") is not None:
        return f"in the queue, {event['position']} before it"
    if kind == "progress":
        return f"{event.get('percent')} %"
    if kind in ("log", "warning", "notice"):
        return str(event.get("message"))
    return _STATES.get(kind, "")


def _as_result(answer: Answer) -> types.CallToolResult:
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=answer.text)]
    if answer.picture:
        import base64

        data = base64.b64encode(answer.picture).decode()
        content.append(types.ImageContent(type="image", data=data, mime_type="image/jpeg"))
    return types.CallToolResult(content=content, is_error=answer.is_error)


def _fault(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
