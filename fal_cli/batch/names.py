"""Where the files of each row go: one template for all rows, `run`'s placeholders and those of the row.

`{row}` is the row's own number, given when it is first seen, and `{row.COLUMN}` what its column holds. Two rows whose
files would have one name are an error before anything is sent.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fal_cli.errors import UsageError
from fal_cli.files import names as filenames
from fal_cli.results import destination
from fal_cli.results.naming import as_text

DEFAULT_NAME = "{row}-{index}.{ext}"
DEFAULT_OF_SEVERAL = "{row}-{endpoint}-{index}.{ext}"
"""The same in a batch of several endpoints: rows are told apart by their numbers, and people by the model."""
_OF_RESULT = ("index", "ext", "name", "id", "seed", "date")


class Names:
    """The template of a batch. Raises `UsageError` for one that cannot be used."""

    def __init__(self, directory: str, name: str, *, endpoints: int = 1) -> None:
        self.template = _template(directory, name, DEFAULT_OF_SEVERAL if endpoints > 1 else DEFAULT_NAME)
        self._fields = filenames.fields_of(self.template)
        self.is_unique = "row" in self._fields or "id" in self._fields
        self._is_of_several = endpoints > 1

    @property
    def way_out(self) -> str:
        """What makes the names of all rows different."""
        if self._is_of_several and "endpoint" not in self._fields:
            return "Add {endpoint} to the name, or {row}: it is different for each."
        return "Add {row} to the name: it is different for each."

    @property
    def folder(self) -> Path:
        """The deepest folder that holds the files of all rows."""
        fixed = self.template.replace("{{", "\0").partition("{")[0].replace("\0", "{").replace("}}", "}")
        return Path(fixed.rpartition("/")[0] or ("/" if fixed.startswith("/") else "."))

    def values(
        self, row: int, cells: Mapping[str, Any], input_json: Mapping[str, Any], endpoint: str
    ) -> dict[str, str]:
        """The fields that are known before the call. Raises `UsageError` for one that the row lacks."""
        found = {"row": str(row), "endpoint": endpoint}
        for field in self._fields:
            kind, dot, key = field.partition(".")
            if dot:
                there: Mapping[str, Any] = cells if kind == "row" else input_json
                if key not in there:
                    what = "the row has no column" if kind == "row" else "the input has no"
                    raise UsageError(f"-d: no {{{field}}}: {what} {key!r}")
                found[field] = as_text(there[key])
        return found

    def shown(self, values: Mapping[str, str]) -> str:
        """The name of a row's first file as far as it is known."""
        text = filenames.filled(self.template, {**dict.fromkeys(_OF_RESULT, "_"), "index": "0", **values})
        return text if text.rpartition(".")[2] != "_" else f"{text[:-1]}…"

    def target(self, values: Mapping[str, str]) -> str:
        """What tells one row's files from another's: the name as far as it is known, as any file system has it."""
        if self.is_unique:
            return ""
        kept = dict.fromkeys(_OF_RESULT, "_")
        return filenames.filled(self.template, {**kept, **values}).casefold()


def _template(directory: str, name: str, default: str) -> str:
    if not directory:
        return f"{name}/{default}"
    fields, families = (*destination.FIELDS, "row"), ("input.KEY", "row.COLUMN")
    return destination.template(directory, fields=fields, families=families, default=default)
