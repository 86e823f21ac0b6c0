#!/usr/bin/env python3
"""Times the kernels on wplug and its peers, and says how they compare. scripts/bench.sh builds everything and
calls this; README.md tells how to read what comes out."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import statistics
import sys

import chart
import common
from common import Engine, Samples

# The columns. Those that some build or peer lacks are left out.
WPLUG = "wplug"
INTERPRETERS = [
    "wasm3",
    "wasmi2",
    "wasmi2-fuel",
    "wasmi1",
    "wasmi1-fuel",
    "stitch",
    "wamr",
    "tinywasm",
    "pulley",
]
REFERENCES = ["cranelift", "native"]
BEST_OF = ["wasm3", "wasmi2"]  # no kernel should be slower than the better of these

QUICK_DIVISOR = 6


@dataclasses.dataclass(frozen=True)
class Kernel:
    name: str
    language: str
    rounds: int
    simd: bool
    module: pathlib.Path

    @property
    def scalar_twin(self) -> str:
        return self.name.removesuffix("_simd")


def read_kernels(folder: pathlib.Path, only: list[str]) -> list[Kernel]:
    """Those in kernels.txt that were built."""
    kernels = []
    for line in (common.ROOT / "bench/kernels/kernels.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, language, rounds, simd, _ = line.split(maxsplit=4)
        module = folder / f"{name}.wasm"
        if not module.exists():
            print(f"{name}: not built", file=sys.stderr)
        elif not only or name in only:
            kernels.append(Kernel(name, language, int(rounds), simd == "simd", module))
    unknown = set(only) - {kernel.name for kernel in kernels}
    if unknown:
        sys.exit(f"error: no such kernels: {' '.join(sorted(unknown))}")
    return kernels


def find_engines(build: pathlib.Path, peers: pathlib.Path | None, only: list[str]) -> list[Engine]:
    engines = []
    for folder in ["wplug", "wplug-gcc", "wplug-switch", "wplug-unmetered"]:
        program = build / folder / "bench/wplug_bench"
        if program.exists():
            engines.append(Engine(folder, program, WPLUG))
    if peers is not None:
        engines += [Engine(name, peers, name) for name in [*INTERPRETERS, "cranelift"]]
    engines.append(Engine("native", build / "native", "native"))
    if only:
        engines = [engine for engine in engines if engine.name in only]
    return engines


def measure_once(engine: Engine, kernel: Kernel, rounds: int) -> common.Result:
    if engine.name == "native":
        program = engine.program / kernel.name
        if not program.exists():
            return common.Result({}, unsupported="wasm2c has no program for it")
        engine = dataclasses.replace(engine, program=program)
    return common.start(engine.command("run", kernel.module, rounds, 1))


Times = dict[str, dict[str, Samples]]  # by kernel, by engine


def measure(kernels: list[Kernel], engines: list[Engine], repetitions: int, divisor: int) -> Times:
    """Repetition by repetition, kernel by kernel, each engine once in a process of its own, beginning with
    another one each time: what disturbs the machine for a while disturbs all."""
    times: Times = {kernel.name: {engine.name: Samples() for engine in engines} for kernel in kernels}
    for repetition in range(repetitions):
        for index, kernel in enumerate(kernels):
            for engine in common.rotated(engines, repetition + index):
                samples = times[kernel.name][engine.name]
                if samples.unsupported or samples.failure:
                    continue
                common.progress(f"{repetition + 1}/{repetitions} {kernel.name} on {engine.name}")
                samples.add(measure_once(engine, kernel, max(1, kernel.rounds // divisor)))
    common.progress("")
    return times


# ---- What the numbers say ----------------------------------------------------------------------------------


def ratio(times: Times, kernel: str, engine: str, to: str = WPLUG, best: bool = False) -> float | None:
    """How many times as long as `to` the engine takes: by the medians, or by the best samples."""
    ours, theirs = times[kernel].get(to), times[kernel].get(engine)
    if ours is None or theirs is None:
        return None
    of_ours, of_theirs = (one.best("run") if best else one.median("run") for one in (ours, theirs))
    return of_theirs / of_ours if of_ours and of_theirs else None


def ratios(
    times: Times, kernels: list[Kernel], engine: str, to: str = WPLUG, best: bool = False
) -> list[float]:
    found = (ratio(times, kernel.name, engine, to, best) for kernel in kernels)
    return [one for one in found if one is not None]


def main_table(times: Times, kernels: list[Kernel], engines: list[Engine]) -> str:
    rows = [["kernel", *(engine.name for engine in engines)]]
    for kernel in kernels:
        row = [kernel.name]
        for engine in engines:
            samples = times[kernel.name][engine.name]
            median, relative = samples.median("run"), ratio(times, kernel.name, engine.name)
            if median is None:
                row.append(samples.why_not())
            elif relative is None or engine.name == WPLUG:
                row.append(common.short(median / 1e6))
            else:
                row.append(f"{common.short(median / 1e6)} {relative:5.2f}")
        rows.append(row)
    return common.table(rows)


def means_table(times: Times, kernels: list[Kernel], engines: list[Engine]) -> str:
    scalar = [kernel for kernel in kernels if not kernel.simd]
    rows = [["engine", "mean", "of best", "least", "most", "spread", "kernels"]]
    for engine in engines:
        found = ratios(times, scalar, engine.name)
        mean = common.geometric_mean(found)
        of_best = common.geometric_mean(ratios(times, scalar, engine.name, best=True))
        if mean is None or of_best is None:
            continue
        rows.append(
            [
                engine.name,
                f"{mean:.3f}",
                f"{of_best:.3f}",
                f"{min(found):.2f}",
                f"{max(found):.2f}",
                f"{spread(times, scalar, engine.name):.1f} %",
                str(len(found)),
            ]
        )
    return common.table(rows)


def spread(times: Times, kernels: list[Kernel], engine: str) -> float:
    """By how much the samples of a kernel lie apart: the median, over the kernels, of how far the slower
    half's median is above the best, in percent."""
    distances = []
    for kernel in kernels:
        numbers = sorted(times[kernel.name][engine].numbers.get("run", []))
        if numbers:
            distances.append(100 * (statistics.median(numbers[len(numbers) // 2 :]) / numbers[0] - 1))
    return statistics.median(distances) if distances else 0.0


def simd_table(times: Times, kernels: list[Kernel]) -> str:
    names = {kernel.name for kernel in kernels}
    rows = [["kernel", "scalar ms", "simd ms", "times faster", ""]]
    for kernel in kernels:
        if not kernel.simd or kernel.scalar_twin not in names:
            continue
        scalar = times[kernel.scalar_twin].get(WPLUG, Samples()).median("run")
        simd = times[kernel.name].get(WPLUG, Samples()).median("run")
        if scalar and simd:
            verdict = "met" if scalar / simd >= SIMD_TARGET else "missed"
            milliseconds = [common.short(scalar / 1e6), common.short(simd / 1e6)]
            rows.append([kernel.name, *milliseconds, f"{scalar / simd:.2f}", verdict])
    return common.table(rows) if len(rows) > 1 else ""


def slower_kernels(times: Times, kernels: list[Kernel]) -> list[str]:
    """Those on which wplug takes longer than the better of wasm3 and wasmi 2."""
    lines = []
    for kernel in kernels:
        found = {name: ratio(times, kernel.name, name) for name in BEST_OF}
        known = {name: value for name, value in found.items() if value is not None}
        if known and min(known.values()) < 1:
            best = min(known, key=lambda name: known[name])
            lines.append(f"{kernel.name}: {best} takes {known[best]:.2f} of wplug's time")
    return lines


@dataclasses.dataclass(frozen=True)
class Target:
    text: str
    engine: str
    to: str
    at_least: float | None = None
    at_most: float | None = None


# Issue 4 sets these. All are geometric means over the scalar kernels.
TARGETS = [
    Target("wasm3 takes at least 1.9 times as long as wplug", "wasm3", WPLUG, at_least=1.9),
    Target("wasmi 2 without fuel at least 1.3 times", "wasmi2", WPLUG, at_least=1.3),
    Target("wasmi 1 with fuel at least 2.2 times", "wasmi1-fuel", WPLUG, at_least=2.2),
    Target("metering costs at most 3 %", WPLUG, "wplug-unmetered", at_most=1.03),
    Target("built by gcc it takes at most 1.25 times as long", "wplug-gcc", WPLUG, at_most=1.25),
]


SIMD_TARGET = 2.0  # each kernel with vectors against its twin without


def targets_table(times: Times, kernels: list[Kernel]) -> str:
    scalar = [kernel for kernel in kernels if not kernel.simd]
    rows = [["target", "measured", ""]]
    for target in TARGETS:
        mean = common.geometric_mean(ratios(times, scalar, target.engine, target.to))
        if mean is None:
            continue
        missed = (target.at_least is not None and mean < target.at_least) or (
            target.at_most is not None and mean > target.at_most
        )
        rows.append([target.text, f"{mean:.3f}", "missed" if missed else "met"])
    return common.table(rows) if len(rows) > 1 else ""


def draw(times: Times, kernels: list[Kernel], engines: list[Engine]) -> str:
    scalar = [kernel for kernel in kernels if not kernel.simd]
    means = {}
    for engine in engines:
        mean = common.geometric_mean(ratios(times, scalar, engine.name))
        if mean is not None and engine.name not in REFERENCES:
            means[engine.name] = mean
    canvas = chart.Canvas()
    ordered = dict(sorted(means.items(), key=lambda item: item[1]))
    chart.bars(canvas, "Time relative to wplug, geometric mean: shorter is faster", ordered, "")
    rows = {}
    shown = ["wasm3", "wasmi2", "wasmi1-fuel", "stitch"]
    for kernel in kernels:
        found = {name: ratio(times, kernel.name, name) for name in shown}
        rows[kernel.name] = {name: value for name, value in found.items() if value is not None}
    chart.dots(
        canvas, "Time relative to wplug, kernel by kernel: right of 1 is slower than wplug", rows, shown
    )
    return canvas.svg()


def main() -> int:
    parser = common.options_for(__doc__, "one repetition, a sixth of the rounds")
    common.add_peers(parser)
    common.add_choice(parser, "--kernel")
    common.add_choice(parser, "--engine")
    options = parser.parse_args()

    kernels = read_kernels(options.build / "kernels", options.kernel)
    engines = find_engines(options.build, options.peers, options.engine)
    repetitions, divisor = (1, QUICK_DIVISOR) if options.quick else (options.repetitions, 1)
    programs = dict.fromkeys(engine.program for engine in engines if engine.name != "native")
    head = common.header(programs)
    head["measured"] = f"{repetitions} processes for each number" + (", quick" if options.quick else "")
    times = measure(kernels, engines, repetitions, divisor)
    head["load average at the end"] = common.load_average()

    sections = [
        common.header_text(head),
        "Median of processor time in ms; behind it, how many times as long as wplug. -: cannot run it.\n"
        "!: went wrong.\n\n" + main_table(times, kernels, engines),
        "Relative to wplug over the kernels without vectors: geometric mean by medians and by the best\n"
        "samples, the lowest and the highest ratio; how far a slow sample lies above the fastest.\n\n"
        + means_table(times, kernels, engines),
    ]
    targets = targets_table(times, kernels)
    if targets:
        sections.append("Targets:\n\n" + targets)
    slower = slower_kernels(times, kernels)
    sections.append(
        "Slower than the better of wasm3 and wasmi 2: "
        + ("none" if not slower else "\n  ".join(["", *slower]))
    )
    simd = simd_table(times, kernels)
    if simd:
        sections.append(f"Vectors on wplug (the target is {SIMD_TARGET:g} times):\n\n" + simd)
    wrong = common.failures(times)
    if wrong:
        sections.append("Went wrong:\n  " + "\n  ".join(wrong))
    text = "\n\n".join(sections) + "\n"
    print(text)

    results = options.build / "engine"
    results.with_suffix(".txt").write_text(text)
    results.with_suffix(".svg").write_text(draw(times, kernels, engines))
    samples = {
        kernel: {engine: one.as_json() for engine, one in row.items()} for kernel, row in times.items()
    }
    results.with_suffix(".json").write_text(json.dumps({"header": head, "kernels": samples}, indent=1) + "\n")
    print(f"Kept in {results}.txt, .json and .svg")
    return 1 if any(" on wplug" in line for line in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
