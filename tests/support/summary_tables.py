"""What tests measured or observed, as tables after the run. A test adds a row with `record_property(TABLE, row)`."""

import json
from collections.abc import Sequence

import pytest

MATRIX = "matrix"
FIGURES = "figures"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what the tests of this run recorded, wherever xdist ran them."""
    reports = [report for found in terminalreporter.stats.values() for report in found if hasattr(report, "nodeid")]
    recorded = [pair for report in reports for pair in getattr(report, "user_properties", ()) if report.when == "call"]
    cells = [json.loads(row) for name, row in recorded if name == MATRIX]
    if cells:
        terminalreporter.section("faults by commands: submits accepted, exit code, ledger, what resume gives")
        for line in matrix(cells):
            terminalreporter.write_line(line)
    for name, row in recorded:
        if name == FIGURES:
            terminalreporter.write_line(row)


def matrix(cells: Sequence[dict[str, str]]) -> list[str]:
    """Cells of `row`, `column` and `text`, each with its `order`, as lines."""
    ordered = sorted(cells, key=lambda cell: cell["order"])
    rows = list(dict.fromkeys(cell["row"] for cell in ordered))
    columns = list(dict.fromkeys(cell["column"] for cell in ordered))
    texts = {(cell["row"], cell["column"]): cell["text"] for cell in ordered}
    table = [["", *columns], *([row, *(texts.get((row, column), "") for column in columns)] for row in rows)]
    widths = [max(len(line[at]) for line in table) for at in range(len(columns) + 1)]
    return [" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in table]
