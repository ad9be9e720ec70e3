"""What an endpoint takes and gives, read from its OpenAPI document (wire §11.3). Pure: documents in, values out.

`document` finds the schemas in a document, `reading` makes fields of them (`files`: which take the URL of a file),
`values` turns the text of `key=value` into what a field wants, `check` finds what is wrong with an input, by what a
service takes for what (`lax`) and how words are misspelt (`edits`), `report` says it in lines.
"""

from fal_cli.schema.check import Problem, missing, problems, undocumented
from fal_cli.schema.fields import Field, Schema
from fal_cli.schema.reading import read
from fal_cli.schema.values import find, placed, typed

__all__ = ["Field", "Problem", "Schema", "find", "missing", "placed", "problems", "read", "typed", "undocumented"]
