#!/usr/bin/env python3
"""Compares the engine with the prototype of the other design in bench/window: processor time, and what cachegrind counts,
machine instructions and indirect jumps (dispatches), both for each WebAssembly instruction. scripts/bench.sh builds
everything and calls this."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

import common
import engine
from common import Engine, Samples

MEASURED = ["sha256", "crc32", "matrix_f64", "fib", "calls", "sort_ints", "sieve", "json", "interpreter", "mandelbrot"]
MEASURED += ["nbody"]
PROTOTYPES = ["stack_plain", "stack", "stack_unseen", "locals_plain", "locals", "locals_unseen"]

Counts = dict[str, float]


def cachegrind(one: Engine, module: pathlib.Path, rounds: int, out: str = "/dev/null") -> dict[str, int]:
    """Of a whole process: machine instructions, indirect jumps; and what one call of run(rounds) costs in fuel, which is
    the number of WebAssembly instructions."""
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=yes", f"--cachegrind-out-file={out}"]
    process = subprocess.run(
        [*tool, *one.command("run", module, rounds, 1)], capture_output=True, text=True, check=True
    )
    fuel = re.search(r"fuel (\d+)", process.stdout)
    instructions = re.search(r"I\s+refs:\s+([\d,]+)", process.stderr)
    jumps = re.search(r"Branches:.*?([\d,]+) ind\)", process.stderr)
    if not fuel or not instructions or not jumps:
        sys.exit(f"error: cachegrind said nothing of {one.name}")
    found = {"fuel": fuel[1], "instructions": instructions[1], "jumps": jumps[1]}
    return {key: int(text.replace(",", "")) for key, text in found.items()}


def count(one: Engine, module: pathlib.Path) -> Counts:
    """The difference of a call with two rounds and one with one: what loads and translates is in neither."""
    common.progress(f"counting {module.stem} on {one.name}")
    first, second = cachegrind(one, module, 1), cachegrind(one, module, 2)
    units = second["fuel"] - first["fuel"]
    return {key: (second[key] - first[key]) / units for key in ("instructions", "jumps")} | {"fuel": units}


def hottest(one: Engine, kernels: list[engine.Kernel], folder: pathlib.Path, number: int) -> str:
    """The handlers that are dispatched most, each kernel counting the same; with the steps of the prototype's."""
    shares: dict[str, float] = {}
    out = folder / "cachegrind.out"
    for kernel in kernels:
        cachegrind(one, kernel.module, 3, str(out))
        jumps: dict[str, int] = {}
        name = ""
        for line in out.read_text().splitlines():
            if line.startswith("fn="):
                name = line[3:]
            elif line[:1].isdigit():
                jumps[name] = jumps.get(name, 0) + int((line.split() + ["0"] * 5)[4])
        for name, jumped in jumps.items():
            shares[name] = shares.get(name, 0) + jumped / sum(jumps.values()) / len(kernels)
    out.unlink()
    steps: dict[str, str] = {}
    header = folder / "wplug/window" / one.name / "window_handlers.h"
    if header.exists():
        found = re.findall(r"/\* (.*) \*/\nHANDLER\((s\d+)_0\)", header.read_text())
        steps = {name: text for text, name in found}
    rows = [["handler", "% of dispatches", ""]]
    for name, share in sorted(shares.items(), key=lambda item: -item[1])[:number]:
        rows.append([name.removeprefix("handle_"), f"{100 * share:.1f}", steps.get(name.split("_")[0], "")])
    return f"{one.name}:\n\n{common.table(rows, left_columns=3)}"


def main() -> int:
    if sys.argv[1:2] == ["--is-measured"]:
        return 0 if sys.argv[2] in MEASURED else 1
    parser = common.options_for(__doc__, "one repetition, a sixth of the rounds")
    common.add_choice(parser, "--kernel")
    options = parser.parse_args()
    kernels = engine.read_kernels(options.build / "kernels", options.kernel or MEASURED)
    repetitions, divisor = (1, engine.QUICK_DIVISOR) if options.quick else (options.repetitions, 1)
    folder = options.build / "wplug/bench"
    engines = [Engine(engine.WPLUG, folder / "wplug_bench", engine.WPLUG)]
    engines.append(Engine("wplug-unseen", options.build / "wplug-unseen/bench/wplug_bench", engine.WPLUG))
    engines += [Engine(name, folder / f"window/window_{name}", "window") for name in PROTOTYPES]
    head = common.header([engines[0].program])
    head["measured"] = f"{repetitions} processes for each time" + (", quick" if options.quick else "")

    times: engine.Times = {kernel.name: {one.name: Samples() for one in engines} for kernel in kernels}
    for repetition in range(repetitions):
        for index, kernel in enumerate(kernels):
            for one in common.rotated(engines, repetition + index):
                common.progress(f"{repetition + 1}/{repetitions} {kernel.name} on {one.name}")
                times[kernel.name][one.name].add(engine.measure_once(one, kernel, max(1, kernel.rounds // divisor)))
    wrong = common.failures(times)
    for kernel in kernels:
        fuel = {name: samples.numbers.get("fuel", [0])[-1] for name, samples in times[kernel.name].items()}
        if len(set(fuel.values())) > 1:
            wrong.append(f"{kernel.name}: not the same fuel: {fuel}")
    if wrong:
        sys.exit("Went wrong:\n  " + "\n  ".join(wrong))
    counts: dict[str, dict[str, Counts]] = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # nobody looks at the clock now
        for kernel in kernels:
            found = pool.map(count, engines, [kernel.module] * len(engines))
            counts[kernel.name] = {one.name: numbers for one, numbers in zip(engines, found, strict=True)}
    common.progress("")

    head["load average at the end"] = common.load_average()
    sections = [
        common.header_text(head),
        "Median of processor time in ms; behind it, how many times as long as wplug.\n\n"
        + engine.main_table(times, kernels, engines),
        engine.means_table(times, kernels, engines),
    ]
    for key, text in (("instructions", "Machine instructions"), ("jumps", "Dispatches (indirect jumps)")):
        rows = [["kernel", *(one.name for one in engines)]]
        for kernel in kernels:
            rows.append([kernel.name, *(f"{counts[kernel.name][one.name][key]:.3f}" for one in engines)])
        means = [sum(counts[kernel.name][one.name][key] for kernel in kernels) / len(kernels) for one in engines]
        rows.append(["mean", *(f"{mean:.3f}" for mean in means)])
        sections.append(f"{text} for each WebAssembly instruction:\n\n{common.table(rows)}")
    sections += [hottest(one, kernels, options.build, 8) for one in engines if one.name in ("wplug", "stack", "locals")]
    text = "\n\n".join(sections) + "\n"
    print(text)
    results = options.build / "designs"
    results.with_suffix(".txt").write_text(text)
    samples = {name: {one: found_of.as_json() for one, found_of in row.items()} for name, row in times.items()}
    document = {"header": head, "kernels": samples, "counts": counts}
    results.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    print(f"Kept in {results}.txt and .json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
