"""How large each thing from outside may be, in bytes after decoding. One place, so that nobody forgets one.

What a caller wants kept (a result, a file) has no limit here: it goes to the disk in pieces. What is read into memory
has one, and the sender's word for its length is never believed.
"""

KIB, MIB = 1024, 1024 * 1024

ERROR = 1 * MIB
"""The body of an error answer. The rest is cut off: a sentence of it is shown."""

ANSWER = 64 * MIB
"""An answer of the service that is read whole: a status with its log lines, a page of a listing."""

SCHEMA = 8 * MIB
"""An endpoint's OpenAPI document. The largest real one has 0.4 MB."""

EVENT = 64 * MIB
"""One event of a stream, or one frame of a realtime session."""

HANDSHAKE = 64 * KIB
"""All that the other side says before a WebSocket is open."""

PARSED = 64 * MIB
"""A result that is drawn, picked from or searched for media: parsing takes several times its size."""

ANSWER_SECONDS = 120.0
"""How long a body that is read into memory may take to come, however steadily it drips."""
NESTING = 400
"""Levels of an input: each costs Python two frames, and it has a thousand."""
