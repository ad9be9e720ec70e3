"""How large each thing from outside may be, in bytes after decoding. One place, so that nobody forgets one.

What a caller wants kept (a result, a file) has no limit here: it goes to the disk in pieces. What is read into memory
has one, and the sender's word for its length is never believed. A body is in memory several times while it is read:
the bytes, their text, and what is made of it. Together that stays below a hundred megabytes.
"""

KIB, MIB = 1024, 1024 * 1024

ERROR = 1 * MIB
"""The body of an error answer. The rest is cut off: a sentence of it is shown."""

ANSWER = 24 * MIB
"""An answer of the service that is read whole: a status with its log lines, a page of a listing."""

SHORT = 256 * KIB
"""A short answer that many threads may await at once: to a submit or a cancel, a token, one status among many."""

SCHEMA = 8 * MIB
"""An endpoint's OpenAPI document. The largest real one has 0.4 MB."""

EVENT = 24 * MIB
"""One event of a stream, or one frame of a realtime session."""

HEAD = 64 * KIB
"""The lines before the body of an answer, and all that the other side says before a WebSocket is open."""

PARSED = 16 * MIB
"""A result that is drawn, picked from or searched for media, and a webhook."""

VALUES = 800_000
"""The values of any JSON that is read. A short text of brackets becomes a hundred times its size."""

SHORT_VALUES = 10_000
"""The values of a short answer."""

FRAME_VALUES = 500_000
"""The values of a msgpack frame. One byte of it can become an object of seventy."""

SCHEMA_VALUES = 400_000
"""The values of an OpenAPI document. Real ones have less than a tenth of it."""

ANSWER_SECONDS = 120.0
"""How long a body that is read into memory may take to come, however steadily it drips."""

NESTING = 400
"""Levels of an input: each costs Python two frames, and it has a thousand."""


def in_words(size: int) -> str:
    """A limit as a text."""
    return f"{size // MIB} MB" if size >= MIB else f"{size // KIB} kB"
