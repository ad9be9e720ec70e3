"""A span of a file on disk as an answer: read as it is sent, never held whole."""

from pathlib import Path

from starlette.types import Receive, Scope, Send

from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.replies import connection
from fal_cli.sandbox.replies.spoil import Spoilable

_PIECE_BYTES = 256 * 1024


class FileSpan(Spoilable):
    """`length` bytes from `first` on. Its faults: `truncate` (half of them), `cut-at:N` (N of them)."""

    def __init__(
        self, path: Path, first: int, length: int, status: int, headers: dict[str, str], content_type: str
    ) -> None:
        # As a header and not as a media type, to which a charset would be added: the type is the uploader's (§5.3).
        super().__init__(b"", status, {**headers, "Content-Type": content_type})
        self.headers["content-length"] = str(length)
        self._path = path
        self._first = first
        self._length = length
        self._cut_at: int | None = None

    def take(self, fault: Fault) -> bool:
        """Take a cut upon itself."""
        if fault.kind not in ("truncate", "cut-at"):
            return False
        self._cut_at = self._length // 2 if fault.kind == "truncate" else min(fault.count, self._length)
        # Also of nothing there must be something missing.
        self.headers["content-length"] = str(max(self._length, 1))
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            await self._send_bytes(scope, send, self._length if self._cut_at is None else self._cut_at)
        if self._cut_at is not None:
            await connection.close(scope, receive)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_bytes(self, scope: Scope, send: Send, left: int) -> None:
        with self._path.open("rb") as file:
            file.seek(self._first)
            while left and not connection.is_gone(scope):
                piece = file.read(min(left, _PIECE_BYTES))
                if not piece:
                    return
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
