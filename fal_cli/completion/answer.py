"""The reply to a TAB: candidates from the generated table, before Typer is imported.

A call never fails, never writes to stderr and never touches the network.
"""

from fal_cli.completion.table import TABLE

Candidate = tuple[str, str]
"""A word and its description."""


def answer(words: list[str]) -> list[str]:
    """Lines of `word<TAB>description` that may stand at the last of `words`, which may be empty.

    `words` are those after the program's name, up to the cursor.
    """
    if not words:
        words = [""]
    *before, current = words
    return [f"{word}\t{text}" for word, text in _candidates(before, current) if word.startswith(current)]


def _candidates(before: list[str], current: str) -> list[Candidate]:
    path, waiting = _walk(before)
    node = TABLE[path]
    if waiting is not None:
        return [(choice, "") for choice in node["options"][waiting]["choices"]]
    name, equals, _ = current.partition("=")
    if current.startswith("--") and equals:
        choices = node["options"].get(name, {}).get("choices", ())
        return [(f"{name}={choice}", "") for choice in choices]
    if current.startswith("-"):
        return [(option, facts["help"]) for option, facts in node["options"].items()]
    return list(node["commands"].items()) + [(choice, "") for choice in node["arguments"]]


def _walk(before: list[str]) -> tuple[str, str | None]:
    """The command that the words lead to, and the option that still waits for its value."""
    path, waiting = "", None
    for word in before:
        node = TABLE[path]
        if waiting is not None:
            waiting = None
        elif word in node["options"]:
            waiting = word if node["options"][word]["takes_value"] else None
        elif f"{path} {word}".strip() in TABLE:
            path = f"{path} {word}".strip()
    return path, waiting
