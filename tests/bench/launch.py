"""Starts a program and writes down what it took: `python -I -S launch.py REPORT TIMES AT_ONCE PROGRAM [WORD…]`.

A process of its own, and a small one: a child's peak memory is never below that of the process that started it.
The streams are the child's. Of several children the CPU times are added up, the largest peak counts, and so does
each that failed.
"""

import os
import sys
import time


class _Children:
    """Those that run, and what those took that have ended."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self.running = 0
        self.cpu = 0.0
        self.peak = 0
        self.failures = 0

    def start(self) -> None:
        os.posix_spawnp(self._argv[0], self._argv, os.environ)
        self.running += 1

    def reap(self) -> None:
        _, status, usage = os.wait4(-1, 0)
        self.running -= 1
        self.cpu += usage.ru_utime + usage.ru_stime
        self.peak = max(self.peak, usage.ru_maxrss)
        self.failures += status != 0


def _launch(report: str, times: int, at_once: int, argv: list[str]) -> None:
    children = _Children(argv)
    began = time.perf_counter()
    for _ in range(times):
        if children.running == at_once:
            children.reap()
        children.start()
    while children.running:
        children.reap()
    seconds = time.perf_counter() - began
    peak = children.peak * (1 if sys.platform == "darwin" else 1024)
    with open(report, "w", encoding="ascii") as file:
        file.write(f"{began} {seconds} {children.cpu} {peak} {children.failures}")


if __name__ == "__main__":
    _launch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
