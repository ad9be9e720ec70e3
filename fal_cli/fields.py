"""Classes of named values with defaults, made without the code that `dataclasses` generates while it is imported.

That code takes about half a millisecond for each class, and every short command would pay it for each class on its
way. A `NamedTuple` costs as little and is the simpler choice where its values are never taken for a list.
"""

import inspect
from types import SimpleNamespace
from typing import Any, Self, dataclass_transform


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Fields(SimpleNamespace):
    """The annotated names of a class are its fields, and what they are set to there is their default.

    Made by keywords, and equal by their values. They are not to be changed: type checkers see a frozen dataclass. A
    default must be a value that nobody can change.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**{name: given.pop(name) if name in given else getattr(self, name) for name in self.names()})
        if given:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(given)}")
        self._check()

    def __hash__(self) -> int:  # type: ignore[override]  # what cannot be changed can be a key
        return hash(tuple(vars(self).values()))

    def _check(self) -> None:
        """Raises for values that cannot stand together; for classes that know of such."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields' names, those of a base class first."""
        return tuple(cls.annotations())

    @classmethod
    def annotations(cls) -> dict[str, Any]:
        """The fields' types by their names; a class that writes a name of its base again keeps its place."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Fields):
                found |= inspect.get_annotations(base)
        return found

    def but(self, **changes: Any) -> Self:
        """The same with other values for some fields."""
        return type(self)(**{**vars(self), **changes})
