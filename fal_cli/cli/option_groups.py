"""How the options of a verb stand in its help: in groups, the common ones first.

By their shortest names. What is not listed stands last, as other options do.
"""

GROUPS: dict[str, tuple[str, ...]] = {
    "Input": ("-i", "-t", "--from", "--inline", "--dry-run", "--no-validate"),
    "Queue": (
        "--webhook", "--private", "--no-store", "--expires", "--tag", "--priority", "--start-timeout", "--max-queue",
        "--no-server-retry", "--hint", "-H", "--method", "--path",
    ),
    "Money": ("--once", "--again", "--max-cost", "--budget", "--allow-unknown-cost"),
    "Waiting": ("--timeout", "--wait", "--on-timeout", "--on-interrupt", "--idle-timeout", "--logs", "--direct"),
    "Result": ("-o", "-d", "--overwrite", "--preview", "--open", "--sidecar"),
    "Output": ("--print", "--query", "--text", "--final", "--as"),
}  # fmt: skip
OTHERS = "Options"

_MOST_ALONE = 8
_MOST_OTHERS = 3


def grouped(names: "list[str]") -> "dict[str, list[str]]":
    """Options by the titles of their groups. A few stand together, and so do those that the groups hardly know."""
    found = {title: [name for name in listed if name in names] for title, listed in GROUPS.items()}
    others = [name for name in names if not any(name in listed for listed in found.values())]
    if len(names) <= _MOST_ALONE or len(others) > _MOST_OTHERS:
        return {OTHERS: names}
    return {title: listed for title, listed in (found | {OTHERS: others}).items() if listed}
