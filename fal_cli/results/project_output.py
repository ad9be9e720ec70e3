"""Where a project has the files of its calls saved, if the command line does not say it."""

from pathlib import Path

from fal_cli.context import Context
from fal_cli.options import SaveFlags


def applied(
    context: Context, save: SaveFlags, *, alias: str, endpoint: str, is_private: bool
) -> tuple[SaveFlags, Path | None]:
    """The flags with the project's template, and the folder that files may not leave; as they were where none applies.

    Nothing is saved unasked of a private call. Raises `UsageError` for a `fal.toml` with what it may not hold.
    """
    project = context.project
    if project is None or save.output or save.directory or is_private:
        return save, None
    template = project.template(alias, endpoint)
    if not template:
        return save, None
    context.notify.note(f"files are saved as {template} in {project.folder} (set in its {project.path.name})")
    folder = str(project.folder).replace("{", "{{").replace("}", "}}")
    return save.but(directory=f"{folder}/{template}"), project.folder
