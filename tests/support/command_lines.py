"""The command lines that a page of Markdown shows."""

import re
from collections.abc import Iterator

_BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def command_lines(page: str) -> Iterator[str]:
    """Every command line of the page, in code or in a block of it."""
    for block in _BLOCKS.findall(page):
        yield from block.splitlines()
    yield from (code for code in re.findall(r"`([^`]+)`", _BLOCKS.sub("", page)) if code.startswith("fal "))
