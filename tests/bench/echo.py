"""A WebSocket that answers each frame with itself (RFC 6455), as little work as a service can do."""

import base64
import hashlib
from typing import BinaryIO

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _PING, _PONG = 8, 9, 10
_FINAL = 0x80
_SHORT, _MEDIUM = 125, 126


def accept_key(key: str) -> str:
    """What the handshake answers to the client's `Sec-WebSocket-Key`."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()


def converse(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers frames of less than 64 KiB until the client closes."""
    while head := source.read(2):
        opcode, payload = head[0] & 0x0F, _payload(source, head[1])
        answer = _PONG if opcode == _PING else opcode
        if opcode != _PONG:
            sink.write(_frame(answer, payload))
        if opcode == _CLOSE:
            return


def _payload(source: BinaryIO, second: int) -> bytes:
    length = second & 0x7F
    if length == _MEDIUM:
        length = int.from_bytes(source.read(2), "big")
    mask = source.read(4)
    masked = int.from_bytes(source.read(length), "big")
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return (masked ^ key).to_bytes(length, "big")


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    size = bytes([length]) if length <= _SHORT else bytes([_MEDIUM]) + length.to_bytes(2, "big")
    return bytes([_FINAL | opcode]) + size + payload
