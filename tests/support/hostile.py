"""Texts that strangers write to be taken for something else: a file, an expression, JSON, an option, a path."""

import random
from collections.abc import Iterator

_BEGINNINGS = ("", "@", "@@", "\\@", "{{", "\\{{", "=@", ":=", ":=@", "@-", "-", "--", "file://", "data:", "~/", "../")
_MIDDLES = (
    "{path}", "{{{{images[0].url}}}}", "{{{{{path}}}}}", '"{path}"', "'{path}'", '{{"a": "@{path}"}}', "[1, 2]",
    '["@{path}"]', "007", "1e5", "null", "true", "NaN", "12345678901234567890", "{path}.json", "a=b", "a:=1",
    "a@{path}", "$(cat {path})", "`{path}`", "%s", "{path}\0", "\u202e{path}", "\r\n@{path}", "\t", "é📸",
    "x" * 300, "", "\\", '"',
)  # fmt: skip
_ENDS = ("", "}}", " ", "\n", "\0", "@", "\\", "}", "]", "\ud800", "\r\n", "/../../etc/passwd")


def texts(count: int, path: str, *, seed: int = 7) -> Iterator[str]:
    """So many, the same for the same seed; `path` is that of a file which nobody may read."""
    chance = random.Random(seed)
    for _ in range(count):
        middle = "".join(chance.choice(_MIDDLES).format(path=path) for _ in range(chance.randint(1, 2)))
        yield chance.choice(_BEGINNINGS) + middle + chance.choice(_ENDS)
