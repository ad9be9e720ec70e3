"""A row of the table: programs at the same work, what they took side by side, and the limits that hold for ours."""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.measure import ProgramFailed, Sample

FAL = "fal"
PYTHON = "python -c pass"
CLIENT = "fal-client"
JAVASCRIPT = "@fal-ai/client"
CURL = "curl"
VENDOR = "vendor's fal"

RUNS = 11
FEW_RUNS = 3
"""For rows of a minute or a gigabyte."""

Program = Callable[[], Sample]
"""One run of a program at a row's work."""


class Missing(str):
    """Why a program cannot be measured here."""


@dataclass(frozen=True)
class Limit:
    """What `metric` of ours may be: `factor` times the least of `peers`, plus `plus`; without peers `plus` alone."""

    metric: str
    factor: float = 0.0
    peers: tuple[str, ...] = ()
    plus: float = 0.0

    def at_most(self, medians: Mapping[str, Sample]) -> float | None:
        """The limit as a number; None if no yardstick was measured."""
        if not self.peers:
            return self.plus
        found = [medians[peer][self.metric] for peer in self.peers if peer in medians]
        return self.factor * min(found) + self.plus if found else None

    def __str__(self) -> str:
        yardstick = [f"{self.factor:g} × {' or '.join(self.peers)}"] if self.peers else []
        plus = [f"{self.plus:.4g}"] if self.plus or not self.peers else []
        return f"{self.metric} ≤ {' + '.join(yardstick + plus)}"


@dataclass(frozen=True)
class Verdict:
    """A limit held against the medians; `reached` is None where it cannot be."""

    limit: Limit
    measured: float | None
    at_most: float | None

    @property
    def reached(self) -> bool | None:
        if self.measured is None or self.at_most is None:
            return None
        return self.measured <= self.at_most


@dataclass(frozen=True)
class Row:
    """What is to be measured. `runs` is the usual number of runs; the first program is ours."""

    name: str
    programs: Mapping[str, Program | Missing]
    limits: tuple[Limit, ...] = ()
    runs: int = RUNS


@dataclass
class Measured:
    """What a row's programs took, run by run, and the system's load average before the first."""

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    load: float = 0.0

    @property
    def medians(self) -> dict[str, Sample]:
        return {program: median(taken) for program, taken in self.samples.items() if taken}

    @property
    def ratios(self) -> dict[str, Sample]:
        """Ours over each other program's, for each figure that both have."""
        medians = self.medians
        ours = medians.get(FAL, {})
        return {
            program: {metric: ours[metric] / taken[metric] for metric in ours if taken.get(metric)}
            for program, taken in medians.items()
            if program != FAL
        }

    @property
    def verdicts(self) -> list[Verdict]:
        medians = self.medians
        return [
            Verdict(limit, medians.get(FAL, {}).get(limit.metric), limit.at_most(medians)) for limit in self.row.limits
        ]


def median(taken: Sequence[Sample]) -> Sample:
    """The median of each figure by itself."""
    return {metric: statistics.median(sample[metric] for sample in taken) for metric in taken[0]}


def measured(row: Row, runs: int) -> Measured:
    """Runs the programs in turn, `runs` times each; short work once more before, which is not counted.

    One that fails is left out from there on.
    """
    result = Measured(row, load=os.getloadavg()[0])
    result.missing = {name: str(program) for name, program in row.programs.items() if isinstance(program, Missing)}
    result.samples = {name: [] for name in row.programs if name not in result.missing}
    for number in range(-1 if runs > FEW_RUNS else 0, runs):
        for name, program in row.programs.items():
            if name in result.missing or isinstance(program, Missing):
                continue
            try:
                sample = program()
            except ProgramFailed as error:
                result.missing[name] = f"it failed: {error}"
                del result.samples[name]
                continue
            if number >= 0:
                result.samples[name].append(sample)
    return result
