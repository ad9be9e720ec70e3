"""`--sidecar`: beside a saved file the call that made it, from which any machine can make it again.

`cat.jpg.json` beside `cat.jpg`. The mark `fal` is the number of the format; it grows when something in it changes its
meaning.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fal_cli import jsontext
from fal_cli.files import atomic
from fal_cli.files.digest import sha256
from fal_cli.ledger.rows import stored_input
from fal_cli.results import made, money
from fal_cli.results.outcome import Outcome

FORMAT = 1
MARK = "fal"
SUFFIX = ".json"


def path_of(file: Path) -> Path:
    """Where the sidecar of a file is."""
    return file.with_name(file.name + SUFFIX)


def write(file: Path, outcome: Outcome, inputs: Mapping[str, Any]) -> Path:
    """Writes the sidecar of a saved file, in place of an earlier one, and returns its path.

    Raises `OSError`, and `FileExistsError` where something else has its name.
    """
    path = path_of(file)
    if path.exists() and not is_one(path):
        raise FileExistsError(f"{path} exists, and is not a sidecar")
    text = json.dumps(facts(file, outcome, inputs), ensure_ascii=False, indent=2)
    atomic.write(path, (text + "\n").encode("utf-8", "backslashreplace"))
    return path


def is_one(path: Path) -> bool:
    """Whether a file is a sidecar."""
    found = jsontext.read(path.read_bytes(), None)
    return isinstance(found, dict) and MARK in found and "endpoint" in found


def facts(file: Path, outcome: Outcome, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a sidecar; unknown values are null."""
    row = outcome.entry.row()
    kept, is_whole = stored_input(inputs, outcome.entry.hidden)
    cost = money.cost_of(row) if row else None
    return {
        MARK: FORMAT,
        "file": file.name,
        "sha256": sha256(file),
        "endpoint": outcome.endpoint,
        "input": None if kept is None else json.loads(kept),
        "input_is_whole": is_whole,
        "seed": made.seed_of(outcome.outline, inputs),
        "request_id": outcome.request_id or None,
        "mode": row.mode if row else "queue",
        "created_at": row.created_at.isoformat(timespec="seconds") if row else None,
        "seconds": row.took if row else outcome.inference_seconds,
        "cost": {"amount": str(cost.amount), "currency": cost.currency} if cost else None,
        "billable_units": outcome.result.billable_units or None,
    }
