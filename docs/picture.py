"""Draws `docs/run.svg`, the picture of the README: what a terminal shows of a call while it runs, and after.

python -m docs.picture [FOLDER]      in a clone with the extras `dev`

The program runs against the sandbox in a pseudo-terminal; every cell of the picture was on that screen.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from pyte.screens import Char

from tests.support.pseudo_terminal import Screen

CALL = ["run", "fal-ai/flux/dev", "prompt=a cat", "seed=7", "-o", "cat.png", "--preview", "--print", "none"]
TYPED = 'fal run fal-ai/flux/dev prompt="a cat" seed=7 -o cat.png --preview --print none'
ORDERS = ["sandbox.queue=1", "sandbox.run=4"]
"""Not shown: how long the sandbox is to take."""

COLUMNS = 84
WIDE, HIGH, MARGIN = 8.4, 18.0, 16.0
BACKGROUND, FOREGROUND = "#16181d", "#d7dae0"
_NAMED = {
    "black": "#3b4048", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b", "yellow": "#e5c07b",
    "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#d7dae0",
}  # fmt: skip
_UPPER_HALF, _LOWER_HALF = "▀", "▄"

_HALF_DONE = re.compile(r"running +[5-7]\d%")

Line = list[Char]


def captured() -> tuple[list[Line], list[Line]]:
    """The screen while the call runs, and all lines after it has ended."""
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "FAL_CLI_HOME": home, "FAL_SANDBOX": "1", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        env |= {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        screen = Screen([sys.executable, "-m", "fal_cli", *CALL, *ORDERS], env, columns=COLUMNS, cwd=Path(home))
        screen.until(lambda text: _HALF_DONE.search(text) is not None)
        live = screen.cells
        if screen.finish():
            raise SystemExit(screen.text)
        return live, screen.cells


def drawn(frames: list[list[Line]]) -> str:
    """Frames one below the other, a rule between them, as SVG."""
    rows = sum(map(len, frames)) + len(frames) - 1
    width, height = COLUMNS * WIDE + 2 * MARGIN, rows * HIGH + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">',
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{BACKGROUND}"/>',
    ]
    row = 0
    for number, frame in enumerate(frames):
        if number:
            y = MARGIN + (row - 0.5) * HIGH
            parts.append(f'<line x1="0" x2="{width:g}" y1="{y:g}" y2="{y:g}" stroke="#3b4048"/>')
        for line in frame:
            parts += _line(line, MARGIN + row * HIGH)
            row += 1
        row += 1
    return "\n".join([*parts, "</svg>", ""])


def _line(line: Line, y: float) -> Iterator[str]:
    at = 0
    while at < len(line):
        end = at + 1
        while end < len(line) and _style(line[end]) == _style(line[at]):
            end += 1
        yield from _run(line[at:end], MARGIN + at * WIDE, y)
        at = end


def _run(cells: Line, x: float, y: float) -> Iterator[str]:
    """Cells of one style: what is behind them, and their text."""
    text = "".join(cell.data for cell in cells)
    width = len(cells) * WIDE
    front, back = _colors(cells[0])
    if set(text) <= {_UPPER_HALF, _LOWER_HALF}:
        upper, lower = (front, back) if text[0] == _UPPER_HALF else (back, front)
        yield _rectangle(x, y, width, HIGH / 2, upper)
        yield _rectangle(x, y + HIGH / 2, width, HIGH / 2, lower)
        return
    if back != BACKGROUND:
        yield _rectangle(x, y, width, HIGH, back)
    if text.strip():
        weight = ' font-weight="bold"' if cells[0].bold else ""
        yield (
            f'<text x="{x:.2f}" y="{y + 0.75 * HIGH:.2f}" fill="{front}"{weight} textLength="{width:.2f}" '
            f'xml:space="preserve">{escape(text)}</text>'
        )


def _rectangle(x: float, y: float, width: float, height: float, color: str) -> str:
    # A little larger, so that no gap shows between neighbours.
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width + 0.4:.2f}" height="{height + 0.4:.2f}" fill="{color}"/>'


def _style(cell: Char) -> tuple[Any, ...]:
    return cell.fg, cell.bg, cell.bold, cell.reverse, cell.data in (_UPPER_HALF, _LOWER_HALF) and cell.data


def _colors(cell: Char) -> tuple[str, str]:
    front, back = _color(cell.fg, FOREGROUND), _color(cell.bg, BACKGROUND)
    return (back, front) if cell.reverse else (front, back)


def _color(name: str, usual: str) -> str:
    return usual if name == "default" else _NAMED.get(name.removeprefix("bright"), f"#{name}")


def main(words: list[str]) -> int:
    """Draws it into a folder, or beside this file."""
    folder = Path(words[0]) if words else Path(__file__).parent
    live, ended = captured()
    (folder / "run.svg").write_text(drawn([[[Char(one) for one in f"$ {TYPED}"], *live], ended]), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
