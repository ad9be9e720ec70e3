"""Files for completion, the same in every shell: what may follow what was typed."""

import os

_MOST = 1000


def paths(typed: str, *, only_folders: bool = False) -> list[str]:
    """The paths that begin with `typed`, folders with a slash; hidden ones only if their dot was typed.

    What cannot be read holds nothing. A `~` stays as it was typed.
    """
    folder, slash, name = typed.rpartition("/")
    if typed == "~":
        return ["~/"]
    found = []
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:
            for entry in entries:
                if entry.name.startswith(name) and (name.startswith(".") or not entry.name.startswith(".")):
                    is_folder = entry.is_dir()
                    if is_folder or not only_folders:
                        found.append(f"{folder}{slash}{entry.name}{'/' if is_folder else ''}")
    except (OSError, ValueError):
        return []
    return sorted(found)[:_MOST]
