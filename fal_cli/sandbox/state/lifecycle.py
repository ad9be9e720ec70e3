"""How long a file lives and who may read it: the lifecycle header (§5.7)."""

import json
from dataclasses import dataclass
from typing import Any

UPLOAD_HEADER = "x-fal-object-lifecycle"
PREFERENCE_HEADER = "x-fal-object-lifecycle-preference"
DECISIONS = ("allow", "forbid", "hide")


@dataclass(frozen=True)
class Lifecycle:
    """`seconds` from the file's completion to its end (None: no end); `acl` is what others get."""

    seconds: float | None = None
    acl: str = "allow"


def parse(text: str | None) -> Lifecycle:
    """Read the header's value. Raises ValueError naming the mistake."""
    if text is None:
        return Lifecycle()
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("expected an object")
    return Lifecycle(_seconds(data.get("expiration_duration_seconds")), _decision(data.get("initial_acl")))


def lenient(text: str | None) -> Lifecycle:
    """The same, but what cannot be read counts as absent."""
    try:
        return parse(text)
    except ValueError:
        return Lifecycle()


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError("expiration_duration_seconds must be a positive number")
    return float(value) or None  # 0 means no expiry (§5.7)


def _decision(acl: Any) -> str:
    if acl is None:
        return "allow"
    if not isinstance(acl, dict):
        raise ValueError("initial_acl must be an object")
    decision = acl.get("default") or "allow"
    if decision not in DECISIONS:
        raise ValueError(f"initial_acl.default must be one of {', '.join(DECISIONS)}")
    # Rules name other users, of whom the sandbox has none: dropped silently, as the service does.
    return str(decision)
