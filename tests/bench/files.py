"""Files and streams beside the vendor's Python client and curl: `python -m tests.bench.files [--runs N]`.

Each row alternates the programs and prints medians: seconds, CPU seconds and peak memory of the whole process.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
FAL = (sys.executable, "-m", "fal_cli")
VENDOR = (sys.executable, "-m", "tests.bench.vendor")


@dataclass(frozen=True)
class Figures:
    """What one whole process took."""

    seconds: float
    cpu: float
    peak_mib: float


def measure(argv: Sequence[str], env: Mapping[str, str]) -> Figures:
    """Runs a process to its end, its output discarded."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{argv} ended with {process.returncode}"
    scale = 1 if sys.platform == "darwin" else 1024
    return Figures(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / MIB)


def row(name: str, programs: Mapping[str, Sequence[str]], env: Mapping[str, str], runs: int) -> dict[str, Figures]:
    """Medians of each program over `runs` alternating runs, printed as a row of the table."""
    taken: dict[str, list[Figures]] = {program: [] for program in programs}
    for _ in range(runs):
        for program, argv in programs.items():
            taken[program].append(measure(argv, env))
    medians = {program: _median(figures) for program, figures in taken.items()}
    ours = medians["fal"]
    for program, figures in medians.items():
        ratios = (ours.seconds / figures.seconds, ours.cpu / figures.cpu, ours.peak_mib / figures.peak_mib)
        told = " ".join(f"{ratio:6.2f}" for ratio in ratios)
        print(f"{name:22} {program:14} {figures.seconds:8.2f} {figures.cpu:8.2f} {figures.peak_mib:8.1f}  {told}")
    return medians


def _median(taken: list[Figures]) -> Figures:
    return Figures(
        statistics.median(figures.seconds for figures in taken),
        statistics.median(figures.cpu for figures in taken),
        statistics.median(figures.peak_mib for figures in taken),
    )


def latency(env: Mapping[str, str]) -> float:
    """Median milliseconds from the server's write of an event to our line on a pipe."""
    argv = (*FAL, "stream", "slow/app")
    process = subprocess.Popen(argv, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    late = [time.time_ns() - json.loads(line)["at"] for line in process.stdout]
    process.wait()
    return statistics.median(late) / 1e6


@contextmanager
def sink() -> Iterator[str]:
    """The discarding service as a process of its own; its base URL."""
    process = subprocess.Popen((sys.executable, "-m", "tests.bench.sink"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--mib", type=int, default=1024, help="size of the file")
    chosen = options.parse_args()
    with sink() as base, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.bin"
        with file.open("wb") as stream:
            for _ in range(chosen.mib):
                stream.write(os.urandom(MIB))
        hosts = dict.fromkeys(
            ("FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_REST_HOST", "FAL_CDN_HOST", "BENCH_SINK"), base
        )
        env = {**os.environ, **hosts, "FAL_KEY": "bench:key", "FAL_CLI_HOME": f"{folder}/fal"}
        print(f"{'row':22} {'program':14} {'seconds':>8} {'cpu s':>8} {'peak MiB':>8}  fal / program (s, cpu, peak)")
        floor = row("--version", {"fal": (*FAL, "--version"), "python": (sys.executable, "-c", "pass")}, env, 5)
        row(
            f"upload {chosen.mib} MiB",
            {"fal": (*FAL, "upload", str(file)), **peers(folder, "upload", str(file))},
            env,
            chosen.runs,
        )
        url = f"{base}/{chosen.mib * MIB}"
        download(folder, url, env, chosen)
        row(
            "100,000 events",
            {"fal": (*FAL, "stream", "100000/app"), **peers(folder, "stream", "100000")},
            env,
            max(chosen.runs, 3),
        )
        print(f"event to line on a pipe: {latency(env):.2f} ms (median)")
        print(f"peak of fal --version: {floor['fal'].peak_mib:.1f} MiB")


def peers(folder: str, *words: str) -> dict[str, Sequence[str]]:
    """The vendor's clients at the same work; the JavaScript one where node and the registry can be had."""
    found: dict[str, Sequence[str]] = {"fal_client": (*VENDOR, *words)}
    script = Path(folder) / "vendor.mjs"
    if shutil.which("node") and shutil.which("npm"):
        if not script.exists():
            shutil.copy(Path(__file__).with_name("vendor.mjs"), script)
            package = Path(__file__).parents[1] / "interop" / "javascript" / "package.json"
            shutil.copy(package, folder)
            install = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
            subprocess.run(install, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if (Path(folder) / "node_modules" / "@fal-ai").exists():
            found["@fal-ai/client"] = ("node", str(script), *words)
    return found


def download(folder: str, url: str, env: Mapping[str, str], chosen: argparse.Namespace) -> None:
    """The download room alone, since a result would need a queue, beside curl."""
    code = (
        "import sys\n"
        "from fal_cli.api.hosts import Hosts\nfrom fal_cli.api.media import Download, fetch\n"
        "from fal_cli.api.wire import Wire\nfrom fal_cli.saving import write_whole\nfrom pathlib import Path\n"
        "write_whole(Path(sys.argv[2]), fetch(Wire(Hosts(), ''), Download(sys.argv[1])), overwrite=True)\n"
    )
    programs: dict[str, Sequence[str]] = {"fal": (sys.executable, "-c", code, url, f"{folder}/ours.bin")}
    if shutil.which("curl"):
        programs["curl"] = ("curl", "-s", "-o", f"{folder}/curl.bin", url)
    row(f"download {chosen.mib} MiB", programs, env, chosen.runs)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
