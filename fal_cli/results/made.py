"""The line that tells what was made: `✓ cat.jpg  1024×768  48 kB · 3.2 s · $0.025 · seed 7`. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fal_cli.files.facts import MediaFacts
from fal_cli.terminal.cells import cells, cut
from fal_cli.terminal.hyperlinks import linked
from fal_cli.terminal.progress.tally import clock, duration
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint

_INDENT = "  "
_NEAR, _FAR = "  ", " · "
_UNITS = ("B", "kB", "MB", "GB", "TB")
_FEWEST_CELLS = 8


class Made(NamedTuple):
    """A saved file, as the line describes it. Unknown facts are left out.

    `name` may be untrusted text; `url` is where a click on it leads. `took` are seconds, `cost` and `seed` are texts.
    """

    name: str
    facts: MediaFacts
    url: str = ""
    took: float | None = None
    cost: str = ""
    seed: str = ""


def of_all(of_call: Made, files: Sequence[MediaFacts]) -> Made:
    """A line about all files of a call, which tells once what they have in common."""
    weights = [facts.bytes for facts in files if facts.bytes is not None]
    weight = sum(weights) if len(weights) == len(files) else None
    return of_call._replace(name=f"{len(files)} files", facts=MediaFacts("unknown", bytes=weight), url="")


def lines(made: Made, *, width: int, color: bool = False, links: bool = False, mark: str = "✓") -> list[str]:
    """The line, or as many as a terminal of `width` cells needs: a piece is never broken, but for a long name."""
    room = max(width, _FEWEST_CELLS) - len(_INDENT)
    name = cut(visible(made.name), room, keeps_end=True)
    shown = linked(name, made.url) if links and made.url else name
    found, used = [f"{paint(mark, 'green' if color else '')} {shown}"], cells(name)
    for gap, piece in _pieces(made):
        if used + cells(gap) + cells(piece) <= room:
            found[-1] += paint(gap, "dim" if color and gap == _FAR else "") + piece
            used += cells(gap) + cells(piece)
        else:
            found.append(_INDENT + cut(piece, room))
            used = min(cells(piece), room)
    return found


def seed_of(answer: Any, inputs: Mapping[str, Any]) -> int | str | None:
    """The seed that a result names, else that of the input."""
    for value in (answer, inputs):
        seed = value.get("seed") if isinstance(value, Mapping) else None
        if isinstance(seed, int | str) and not isinstance(seed, bool) and seed != "":
            return seed
    return None


def pixels(facts: MediaFacts) -> str:
    """The size of a picture: `1024×768`; "" if unknown."""
    return f"{facts.width}×{facts.height}" if facts.width and facts.height else ""


def playing_time(seconds: float | None) -> str:
    """A duration as players show it: `0:05`, `1:02:03`. At least a second."""
    return clock(max(1, round(seconds))) if seconds else ""


def weight(count: int | None) -> str:
    """Bytes in the unit that people use: `812 B`, `48 kB`, `2.1 MB`; "" if they are not known."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while round(value, 0 if value >= 10 else 1) >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit > 1 and value < 9.95 else f"{value:.0f} {_UNITS[unit]}"


def _pieces(made: Made) -> Iterator[tuple[str, str]]:
    """The facts after the name, each with its separator."""
    near = [pixels(made.facts), playing_time(made.facts.seconds), weight(made.facts.bytes)]
    far = ["" if made.took is None else duration(made.took), visible(made.cost), made.seed and f"seed {made.seed}"]
    yield from ((_NEAR, piece) for piece in near if piece)
    yield from ((_FAR, visible(piece)) for piece in far if piece)
