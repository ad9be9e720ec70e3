"""Sounds, made from a recipe: the same recipe gives the same bytes."""

import hashlib
import math
import wave
from array import array
from io import BytesIO
from typing import Any

RATE = 8000
_LOUDNESS = 9000
_NOTES = (262, 294, 330, 392, 440, 523)
_NOTE_SECONDS = 0.25


def play(recipe: dict[str, Any]) -> bytes:
    """A tune of so many `seconds` about a `text`, as a WAV file."""
    digest = hashlib.sha256(recipe["text"].encode()).digest()
    samples = array("h", (_sample(digest, number) for number in range(int(recipe["seconds"] * RATE))))
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(samples.itemsize)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def _sample(digest: bytes, number: int) -> int:
    moment = number / RATE
    note = _NOTES[digest[int(moment / _NOTE_SECONDS) % len(digest)] % len(_NOTES)]
    return int(_LOUDNESS * math.sin(2 * math.pi * note * moment))
