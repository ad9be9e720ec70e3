"""`-o` and `-d`: where a result and its files are saved. Decided and checked before anything is sent.

`-o FILE.json` saves the result, `-o FILE` with any other extension its media; `-d FOLDER/` (or an existing folder)
saves every file there, `-d TEMPLATE` names them, `-d -` writes their bytes to stdout.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_cli.errors import CliError, NotSaved, UsageError
from fal_cli.files import names as filenames
from fal_cli.files.atomic import Part
from fal_cli.terminal.hyperlinks import as_typed

if TYPE_CHECKING:
    from fal_cli.context import Context

DEFAULT_NAME = "{endpoint}-{id}-{index}.{ext}"
FIELDS = ("endpoint", "id", "index", "name", "ext", "seed", "date")
STDOUT = "-"
_ONE_OF = "Save the files (-d FOLDER/), or leave --json out."


@dataclass(frozen=True)
class Saving:
    """What to save where: the result to `result_file`, media by `template`, or their bytes to stdout.

    Media leave the folder `within` by no link, if there is one.
    """

    result_file: Path | None = None
    template: str = ""
    to_stdout: bool = False
    overwrite: bool = False
    within: Path | None = None

    @property
    def saves(self) -> bool:
        """Whether files are written."""
        return self.result_file is not None or bool(self.template)


def checked(output: str, folder: str, *, overwrite: bool = False, is_json: bool = False) -> Saving:
    """What `-o` and `-d` ask for. Raises `UsageError` for what cannot be done, with `is_json` for bytes on stdout."""
    if output and folder:
        raise UsageError("give either -o or -d")
    if folder == STDOUT:
        if is_json:
            raise UsageError("-d - writes the bytes of files to stdout, which --json keeps for JSON", hint=_ONE_OF)
        return Saving(to_stdout=True)
    if folder:
        return Saving(template=template(folder), overwrite=overwrite)
    if not output:
        return Saving()
    path = Path(os.path.expanduser(output))
    if path.is_dir() or output.endswith("/"):
        raise UsageError(f"cannot save to {output}: it is a folder", hint=f"To save into a folder: -d {output}")
    if not path.parent.is_dir():
        raise UsageError(f"cannot save to {output}: its folder does not exist")
    if path.suffix.lower() == ".json":
        return Saving(result_file=path)
    if not path.suffix:
        raise UsageError(f"-o {output}: give it an extension: .json saves the result, .png and others its media")
    return Saving(template=str(path).replace("{", "{{").replace("}", "}}"), overwrite=overwrite)


def single_file(saving: Saving) -> Path | None:
    """The file that `-o` names for media, if the template is only its name."""
    if not saving.template or filenames.fields_of(saving.template):
        return None
    return Path(filenames.filled(saving.template, {}))


def tell_taken(context: "Context", saving: Saving, wanted: Path, saved: Path) -> None:
    """Says that a file has another name than `-o` gave it, since one of that name was there."""
    if saved != wanted and single_file(saving) is not None:
        context.notify.note(
            f"{as_typed(str(wanted))} exists, so it is saved as {saved.name}; to replace it: --overwrite"
        )


def extension_of(saving: Saving) -> str:
    """The extension that a template ends with as it stands (`.png`), or ""."""
    last = saving.template.rpartition("}")[2] if not saving.template.endswith("}}") else ""
    return Path(f"x{last}").suffix if "." in last else ""


def check_fields(saving: Saving, inputs: Mapping[str, Any]) -> None:
    """Raises `UsageError` if the template names an input that the call does not have."""
    for name in filenames.fields_of(saving.template):
        if name.startswith("input.") and name.removeprefix("input.") not in inputs:
            raise UsageError(f"-d: no {{{name}}}, since the input has no {name.removeprefix('input.')!r}")


def check_within(saving: Saving, target: Path) -> None:
    """Raises `NotSaved` for a file that would land outside of the folder that it may not leave."""
    if saving.within and not target.parent.resolve().is_relative_to(saving.within.resolve()):
        raise NotSaved(f"cannot save {target}: a link leads out of {saving.within}")


def save_result(path: Path, chunks: Iterable[bytes]) -> None:
    """Writes a result over an existing file. Raises `CliError` (code 11)."""
    write_whole(path, chunks, overwrite=True)


def write_whole(path: Path, chunks: Iterable[bytes], *, overwrite: bool) -> Path:
    """Writes a file whole or not at all and returns its path, a free one unless it may replace what is there.

    Raises `CliError` (code 11) for what the disk refuses, and what `chunks` raises.
    """
    try:
        with Part(path) as part:
            for chunk in chunks:
                part.write(chunk)
            return part.place(path, overwrite=overwrite)
    except OSError as error:
        raise not_saved(path, error) from None


def not_saved(path: Path, error: OSError) -> CliError:
    """The error for a file that could not be written, after the result was printed."""
    return NotSaved(f"cannot save {path}: {error.strerror or error}")


def template(
    folder: str,
    *,
    fields: Sequence[str] = FIELDS,
    families: Sequence[str] = ("input.KEY",),
    default: str = DEFAULT_NAME,
) -> str:
    """What `-d` asks for as a template of paths.

    `families` are kinds of fields, such as those of inputs; `default` names files in a folder. Raises `UsageError` for
    a file in the folder's place, and for fields that do not exist.
    """
    expanded = os.path.expanduser(folder)
    if "{" not in expanded or os.path.isdir(expanded):
        if os.path.exists(expanded) and not os.path.isdir(expanded):
            raise UsageError(f"-d {folder}: it is a file, not a folder")
        return os.path.join(expanded.replace("{", "{{").replace("}", "}}"), default)
    try:
        names = filenames.fields_of(expanded)
    except ValueError as error:
        raise UsageError(f"-d {folder}: {error}") from None
    prefixes = tuple(family.partition(".")[0] + "." for family in families)
    for name in names:
        if name not in fields and not name.startswith(prefixes):
            known = ", ".join(f"{{{field}}}" for field in (*fields, *families))
            raise UsageError(f"-d {folder}: no {{{name}}}", hint=f"Choose from: {known}")
    return expanded
