"""What the measurements share: the programs they start, the table they print, the header above it."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT_S = 300


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine under one name, and the program that it is in."""

    name: str
    program: pathlib.Path
    in_program: str  # its name there

    def command(self, verb: str, *words: object) -> list[str]:
        return [str(self.program), verb, self.in_program, *map(str, words)]


@dataclasses.dataclass
class Result:
    """What a process printed: a list of numbers for each word; and why it did not print more."""

    numbers: dict[str, list[int]]
    unsupported: str = ""
    failure: str = ""


def options_for(description: str | None, quick: str) -> argparse.ArgumentParser:
    """Those that the measurements have in common; `quick` says what --quick leaves."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="where scripts/bench.sh built")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def add_peers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--peers", type=pathlib.Path, help="the program peers; without it only wplug is timed"
    )


def add_choice(parser: argparse.ArgumentParser, option: str) -> None:
    parser.add_argument(
        option, action="append", default=[], metavar="NAME", help="only this one (repeatable)"
    )


def start(command: Sequence[str], timeout_s: int = TIMEOUT_S) -> Result:
    """Runs a measuring program. Its lines are a word and a number each."""
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return Result({}, failure=f"not done after {timeout_s} s")
    # A panic says where in its first line, and what in the second; a backtrace may follow.
    errors = " ".join([line for line in process.stderr.splitlines() if line.strip()][:2])
    numbers: dict[str, list[int]] = {}
    for line in process.stdout.splitlines():
        word, number = line.split()
        numbers.setdefault(word, []).append(int(number))
    if process.returncode == 3:
        return Result(numbers, unsupported=errors)
    if process.returncode != 0:
        return Result(numbers, failure=f"exit status {process.returncode}: {errors}")
    return Result(numbers)


@dataclasses.dataclass
class Samples:
    """All numbers of one engine with one module, over all processes; and why there are not more."""

    numbers: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    unsupported: str = ""
    failure: str = ""

    def add(self, result: Result) -> None:
        for word, numbers in result.numbers.items():
            self.numbers.setdefault(word, []).extend(numbers)
        self.unsupported = self.unsupported or result.unsupported
        self.failure = self.failure or result.failure

    def median(self, word: str) -> float | None:
        if word not in self.numbers:
            return None
        return statistics.median(self.numbers[word])

    def best(self, word: str) -> float | None:
        if word not in self.numbers:
            return None
        return min(self.numbers[word])

    def why_not(self) -> str:
        """What stands in a table where there is no number: it lacks something, or it went wrong."""
        return "!" if self.failure else "-"

    def as_json(self) -> dict[str, object]:
        out: dict[str, object] = dict(self.numbers)
        if self.unsupported:
            out["unsupported"] = self.unsupported
        if self.failure:
            out["failure"] = self.failure
        return out


def failures(samples_of: Mapping[str, Mapping[str, Samples]]) -> list[str]:
    """What went wrong, by module and engine."""
    return [
        f"{module} on {engine}: {samples.failure}"
        for module, row in samples_of.items()
        for engine, samples in row.items()
        if samples.failure
    ]


def rotated(items: Sequence[Engine], by: int) -> list[Engine]:
    """So that it is not always the same one that runs first."""
    by %= max(1, len(items))
    return [*items[by:], *items[:by]]


def geometric_mean(numbers: Iterable[float]) -> float | None:
    logarithms = [math.log(number) for number in numbers]
    return math.exp(statistics.fmean(logarithms)) if logarithms else None


def table(rows: Sequence[Sequence[str]], left_columns: int = 1) -> str:
    """Aligned columns; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for index, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column < left_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if index == 0:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def short(number: float) -> str:
    """Three digits or a little more."""
    if number >= 100:
        return f"{number:.0f}"
    if number >= 10:
        return f"{number:.1f}"
    return f"{number:.2f}"


# ---- The header --------------------------------------------------------------------------------------------


def output_of(*command: str) -> str:
    """The first line that a command prints; nothing where it is not there."""
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError:
        return ""
    return (process.stdout.splitlines() or [""])[0].strip()


def processor() -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def load_average() -> str:
    """How many processes wanted to run: over the last minute, five and fifteen minutes."""
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def header(programs: Iterable[pathlib.Path]) -> dict[str, str]:
    """What one has to know of the machine and of what was compared."""
    changed = output_of("git", "status", "--porcelain", "--untracked-files=no")
    revision = output_of("git", "log", "-1", "--format=%h of %cs")
    lines = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "revision": revision + (", with changes that are not committed" if changed else ""),
        "processor": f"{processor()}, {os.cpu_count()} of them",
        "system": f"{platform.system()} {platform.release()}",
        "load average at the start": load_average(),
        "clang": output_of("clang-19", "--version"),
        "gcc": output_of("gcc", "--version"),
        "rustc": output_of("rustc", "--version"),
    }
    for program in programs:
        process = subprocess.run([str(program), "list"], capture_output=True, text=True, check=True)
        for line in process.stdout.splitlines():
            name, version, about = line.split("\t")
            if name == "wplug":
                name = f"wplug in {program.parent.parent.name}"
            lines[name] = f"{version}: {about}"
    return {name: text for name, text in lines.items() if text}


def header_text(lines: dict[str, str]) -> str:
    width = max(map(len, lines))
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in lines.items())


def progress(text: str) -> None:
    """One line that is written over, where somebody looks at it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
