"""Log lines as a model's runner writes them: loading, a progress bar, a last word."""

import json
from collections.abc import Iterable

from fal_cli.sandbox.state.timeline import LogLine

_BAR_CELLS = 10
_PARTIAL_CELLS = " ▏▎▍▌▋▊▉"
_LOADED_AT = 0.15  # share of the run that passes before the first step
_STEPS_DONE_AT = 0.95


def progress_bar(step: int, steps: int, elapsed: float) -> str:
    """A tqdm line such as `" 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]"`."""
    share = step / steps
    full, rest = divmod(int(share * _BAR_CELLS * 8), 8)
    bar = "█" * full + (_PARTIAL_CELLS[rest] if full < _BAR_CELLS else "")
    if step == 0 or elapsed <= 0:
        left, rate = "?", "?it/s"
    else:
        speed = step / elapsed
        left, rate = _clock((steps - step) / speed), f"{speed:5.2f}it/s"
    return f"{share:4.0%}|{bar:<{_BAR_CELLS}}| {step}/{steps} [{_clock(elapsed)}<{left}, {rate}]"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def runner_logs(run: float, *, name: str, steps: int) -> list[LogLine]:
    """The lines of a run of `run` seconds with `steps` steps; offsets count from the start of the run."""
    first, last = run * _LOADED_AT, run * _STEPS_DONE_AT
    lines = [
        LogLine(0.0, f"Loading {name} (sandbox, no weights)"),
        LogLine(first * 0.6, f"Loaded {name} in {first * 0.6:.2f}s"),
    ]
    for step in range(steps + 1):
        elapsed = (last - first) * step / steps
        lines.append(LogLine(first + elapsed, progress_bar(step, steps, elapsed), "STDERR"))
    lines.append(LogLine(run * 0.98, f"Inference finished in {run:.2f}s"))
    return lines


def ordered_logs(run: float, messages: Iterable[str]) -> list[LogLine]:
    """The lines that a caller asked for, verbatim, spread evenly over the run."""
    texts = list(messages)
    return [
        LogLine(run * (index + 1) / (len(texts) + 1), text, "STDOUT", (("ordered", "true"),))
        for index, text in enumerate(texts)
    ]


def traceback_log(run: float, text: str) -> LogLine:
    """How the platform logs an exception that escapes an app: one line of JSON (§4.5)."""
    return LogLine(run * 0.99, json.dumps({"traceback": text}), "ERROR")
