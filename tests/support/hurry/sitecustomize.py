"""Found on its PYTHONPATH, a child process waits for less, and decides as ever.

A repetition comes at once, which is one of the waits that its jitter may draw; a lookup looks once, a batch thrice.
Of more requests than can be followed the listing is looked at each second.
A submit waits for its answer as long as FAL_TESTS_SUBMIT_SECONDS says, a status stream may be silent for
FAL_TESTS_SILENCE_SECONDS. Its clock is off by as many seconds as the file FAL_TESTS_CLOCK says at each moment.
"""

import datetime
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

HURRIED: dict[str, dict[str, Any]] = {
    "fal_cli.api.wire": {"random": SimpleNamespace(uniform=lambda low, high: low)},
    "fal_cli.calls.lookup": {"SEARCH_SECONDS": 0.0},
    "fal_cli.calls.opens": {"_SWEEP_SECONDS": 1.0},
    "fal_cli.batch.lost": {"_LOOK_PAUSES": (0.0, 0.3, 1.0)},
}
if "FAL_TESTS_SUBMIT_SECONDS" in os.environ:
    HURRIED["fal_cli.api.queue"] = {"SUBMIT_SECONDS": float(os.environ["FAL_TESTS_SUBMIT_SECONDS"])}

if "FAL_TESTS_SILENCE_SECONDS" in os.environ:
    HURRIED["fal_cli.api.follow"] = {
        "SILENCE_SECONDS": float(os.environ["FAL_TESTS_SILENCE_SECONDS"]),
        "FIRST_BYTE_SECONDS": 0.5,
    }


def _put_clock_off(told: Path, right: Callable[[], float] = time.time) -> None:
    """Has the clock of this process be off by what a file says; the steady clocks of the system go on as ever."""

    def off() -> float:
        return float(told.read_text()) if told.exists() else 0.0

    class Off(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Off":
            return cls.fromtimestamp(time.time(), tz)

    time.time = lambda: right() + off()
    datetime.datetime = Off  # type: ignore[misc]


if "FAL_TESTS_CLOCK" in os.environ:
    _put_clock_off(Path(os.environ["FAL_TESTS_CLOCK"]))


class _Changed(Loader):
    """Loads a module and then sets values in it."""

    def __init__(self, loader: Loader, values: Mapping[str, Any]) -> None:
        self._loader = loader
        self._values = values

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        for name, value in self._values.items():
            assert hasattr(module, name), f"{module.__name__} has no {name} any more"
            setattr(module, name, value)


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in HURRIED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        spec.loader = _Changed(spec.loader, HURRIED[name])
        return spec


sys.meta_path.insert(0, _Finder())
