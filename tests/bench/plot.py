"""The measured rows as one picture: a panel a row, a bar a program, and the limit that holds for ours."""

import math
import textwrap
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.row import FAL, Measured

COLUMNS = 4
_WIDTH, _HEIGHT = 5.2, 1.9  # inches of a panel
_OURS, _THEIRS, _LIMIT, _WHISKER = "#7a3cff", "#b9bdc7", "#d62828", "#444444"
_UNITS = {"seconds": "seconds", "cpu": "CPU seconds", "peak_mib": "peak MiB", "requests": "HTTP requests"}


def draw(rows: Sequence[Measured], title: str, path: Path) -> None:
    """Writes the PNG; needs matplotlib, which the extra `bench` brings."""
    import_module("matplotlib").use("Agg")
    plt = import_module("matplotlib.pyplot")
    shown = [measured for measured in rows if measured.medians]
    height = max(math.ceil(len(shown) / COLUMNS), 1)
    figure, grid = plt.subplots(
        height, COLUMNS, figsize=(COLUMNS * _WIDTH, height * _HEIGHT + 0.8), squeeze=False, layout="constrained"
    )
    panels = list(grid.flat)
    for panel, measured in zip(panels, shown, strict=False):
        _panel(panel, measured)
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(panel: Any, measured: Measured) -> None:
    """A row by the figure that its first limit is about, and from the least run to the greatest a line."""
    verdicts = [verdict for verdict in measured.verdicts if verdict.at_most]
    metric = verdicts[0].limit.metric if verdicts else "seconds"
    taken = {name: [sample[metric] for sample in samples] for name, samples in _with(measured, metric)}
    medians = [measured.medians[name][metric] for name in taken]
    colors = [_OURS if name == FAL else _THEIRS for name in taken]
    labels = [f"{name}  {value:.3g}" for name, value in zip(taken, medians, strict=True)]
    panel.barh(labels, medians, color=colors, height=0.7)
    for place, values in enumerate(taken.values()):
        panel.plot([min(values), max(values)], [place, place], color=_WHISKER, linewidth=1)
    for verdict in verdicts:
        if verdict.limit.metric == metric:
            panel.axvline(verdict.at_most, color=_LIMIT, linestyle="--", linewidth=1)
    panel.invert_yaxis()
    panel.set_xlim(0, max([*medians, *(verdict.at_most or 0 for verdict in verdicts[:1])]) * 1.2 or 1)
    panel.tick_params(labelsize=7)
    panel.set_title(textwrap.shorten(f"{measured.row.name} · {_UNITS.get(metric, metric)}", 60), fontsize=9, loc="left")
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _with(measured: Measured, metric: str) -> list[tuple[str, list[dict[str, float]]]]:
    """The programs for which this figure was counted."""
    return [(name, samples) for name, samples in measured.samples.items() if samples and metric in samples[0]]
