"""The measured rows as text for people and as JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.measure import Sample
from tests.bench.row import FAL, Measured, Verdict

FIGURES = ("seconds", "cpu", "peak_mib")
_PARTING = "  "
_HEADS = (
    ("row", 24), ("program", 22), ("seconds", 9), ("cpu s", 8), ("peak MiB", 8),
    ("fal/it", 7), ("cpu", 6), ("peak", 6), ("limit", 44), ("reached", 12), ("more", 0),
)  # fmt: skip
_WORDS = {True: "yes", False: "NO", None: "not measured"}


def head() -> str:
    """The line above the rows."""
    return _line([name for name, _ in _HEADS])


def lines(measured: Measured) -> Iterable[str]:
    """A row of the table: a line a program, ours first, and one for each further limit."""
    name = measured.row.name
    medians, ratios = measured.medians, measured.ratios
    waiting = list(measured.verdicts)
    for program in measured.row.programs:
        verdicts = [verdict for verdict in waiting if (*verdict.limit.peers, FAL)[0] == program]
        waiting = [verdict for verdict in waiting if verdict not in verdicts]
        yield _program(name, program, measured, medians, ratios.get(program, {}), verdicts[:1])
        yield from (_line(["", "", *[""] * 6, *_told(verdict)]) for verdict in verdicts[1:])
        name = ""


def as_json(rows: Iterable[Measured], about: Mapping[str, Any]) -> dict[str, Any]:
    """Every sample, the medians, ratios and limits."""
    return {**about, "rows": [_document(measured) for measured in rows]}


def write(path: Path, rows: Iterable[Measured], about: Mapping[str, Any]) -> None:
    """Writes the JSON file."""
    path.write_text(json.dumps(as_json(rows, about), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _program(
    name: str,
    program: str,
    measured: Measured,
    medians: Mapping[str, Sample],
    ratios: Sample,
    verdicts: list[Verdict],
) -> str:
    if program in measured.missing:
        reason = " ".join(measured.missing[program].split())
        return f"{_line([name, program])}{_PARTING}not measured: {reason}"
    taken = medians[program]
    figures = [_number(taken[metric]) for metric in FIGURES]
    compared = [f"{ratios[metric]:.2f}" if metric in ratios else "" for metric in FIGURES]
    verdict = _told(verdicts[0]) if verdicts else ["", ""]
    return _line([name, program, *figures, *compared, *verdict, _more(taken)])


def _told(verdict: Verdict) -> list[str]:
    limit = str(verdict.limit)
    if verdict.at_most is not None and verdict.limit.peers:
        limit += f" ({_number(verdict.at_most)})"
    return [limit, _WORDS[verdict.reached]]


def _more(taken: Sample) -> str:
    return ", ".join(f"{metric} {_number(value)}" for metric, value in taken.items() if metric not in FIGURES)


def _number(value: float) -> str:
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def _line(cells: list[str]) -> str:
    padded = []
    for cell, (name, width) in zip(cells, _HEADS, strict=False):
        is_text = name in ("row", "program", "limit", "reached", "more")
        padded.append(cell.ljust(width) if is_text else cell.rjust(width))
    return _PARTING.join(padded).rstrip()


def _document(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.row.name,
        "load_average": measured.load,
        "samples": measured.samples,
        "medians": measured.medians,
        "ratios": measured.ratios,
        "not_measured": measured.missing,
        "limits": [
            {
                "limit": str(verdict.limit),
                "metric": verdict.limit.metric,
                "factor": verdict.limit.factor,
                "peers": verdict.limit.peers,
                "plus": verdict.limit.plus,
                "measured": verdict.measured,
                "at_most": verdict.at_most,
                "reached": verdict.reached,
            }
            for verdict in measured.verdicts
        ],
    }
