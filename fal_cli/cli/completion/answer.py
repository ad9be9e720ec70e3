"""The reply to a TAB: candidates, before Typer is imported.

A call never fails, never writes to stderr and never touches the network.
"""

import os
import sys

TYPE_CHECKING = False  # `typing` takes as long to import as all of this
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fal_cli.cli.completion.asked import Candidate

_MOST = 2000


def main(words: "Sequence[str]") -> None:
    """Writes the reply to stdout, whatever becomes of it."""
    sys.stderr = None  # what anything has to say would stand in the user's line
    data = reply(words, os.environ).encode("utf-8", "surrogateescape")
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        pass


def reply(words: "Sequence[str]", env: "Mapping[str, str]") -> str:
    """What a shell's script reads: a line for each candidate, in the form of that shell; nothing where it fails.

    `words` are the shell's name and what it has. zsh: the words after the program's up to the cursor. fish: the same,
    the last as it is typed. bash: see `line.bash_reply`. `words`: as zsh, for programs.
    """
    try:
        lines = _reply(list(words), env)
    except Exception:  # a shell that completes has nowhere to show an error, and goes on without
        return ""
    return "".join(f"{line}\n" for line in lines[:_MOST])


def candidates(words: "Sequence[str]", env: "Mapping[str, str]") -> "list[Candidate]":
    """The words that may stand at the last of `words`, each with its description."""
    from fal_cli.cli.completion import values, walk

    *before, current = words or [""]
    return values.candidates(walk.place(before), current, env)


def _reply(words: list[str], env: "Mapping[str, str]") -> list[str]:
    shell, *given = words or [""]
    if shell == "bash":
        from fal_cli.cli.completion.line import bash_reply

        return bash_reply(given, lambda words: candidates(words, env))
    if shell == "fish" and given:
        from fal_cli.cli.completion.line import plain

        given[-1] = plain(given[-1], shell="fish")
    if shell not in ("zsh", "fish", "words"):
        return []
    return [f"{word}\t{text}" for word, text in candidates(given, env)]
