"""How the options of a verb stand in its help: in groups, the common ones first.

By their shortest names. What is not listed stands last, as other options do.
"""

GROUPS: dict[str, tuple[str, ...]] = {
    "List": ("--rows", "--format", "--vary", "--repeat", "--limit", "--shard", "--name"),
    "Input": ("-i", "-t", "--from", "--inline", "--dry-run", "--no-validate"),
    "Money": ("--max-cost", "--budget", "--once", "--again", "--allow-unknown-cost"),
    "Batch": ("--yes", "--concurrency", "--max-failures", "--on-locked", "--adopt", "--attach"),
    "Queue": (
        "--webhook", "--private", "--no-store", "--expires", "--tag", "--priority", "--start-timeout", "--max-queue",
        "--no-server-retry", "--hint", "-H", "--method", "--path",
    ),
    "Waiting": ("--timeout", "--wait", "--on-timeout", "--on-interrupt", "--idle-timeout", "--logs", "--direct"),
    "Result": ("-o", "-d", "--overwrite", "--preview", "--open", "--sidecar"),
    "Output": ("--print", "--query", "--text", "--final", "--as"),
}  # fmt: skip
OTHERS = "Options"

_MOST_ALONE = 8


def grouped(names: "list[str]") -> "dict[str, list[str]]":
    """Options by the titles of their groups. A few stand together, and so do those that are mostly in no group."""
    found = {title: [name for name in listed if name in names] for title, listed in GROUPS.items()}
    others = [name for name in names if not any(name in listed for listed in found.values())]
    if len(names) <= _MOST_ALONE or len(others) > len(names) / 2:
        return {OTHERS: names}
    return {title: listed for title, listed in (found | {OTHERS: others}).items() if listed}
