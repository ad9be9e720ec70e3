"""The terminal that stdout is."""

import shutil
from collections.abc import Iterable

from fal_cli.terminal.output import Output


class Screen:
    """How wide the terminal is and whether it is coloured; writes what was drawn for it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.width = shutil.get_terminal_size().columns
        self.color = output.color

    def write(self, lines: Iterable[str]) -> None:
        """Writes lines that hold nothing of a stranger's that was not made visible. Raises `ReaderGone`."""
        self._output.data("".join(f"{line}\n" for line in lines).encode())
