#!/usr/bin/env python3
"""Measures what suspending a run and resuming it costs, as the difference between a run in slices and the
same without a stop. scripts/bench.sh builds everything and calls this; README.md tells how to read what comes
out."""

from __future__ import annotations

import json
import statistics
import sys

import common
import engine as kernels_of

SLICES = [100, 1_000, 100_000]
# Many suspensions, so that they can be told from noise. Long slices have too few for it.
PRECISE_SLICE = 1_000
KERNELS = ["fib", "sha256", "json", "sort_compare", "matrix_f64", "interpreter", "strings", "regex_nfa"]
TARGET_NS = 100
TARGET_SLICE = 100_000
TARGET_PERCENT = 1.0
REPEATS = 3  # in each process


def main() -> int:
    parser = common.options_for(__doc__, "one repetition, a sixth of the rounds")
    common.add_choice(parser, "--kernel")
    options = parser.parse_args()

    kernels = kernels_of.read_kernels(options.build / "kernels", options.kernel or KERNELS)
    builds = {name: options.build / name / "bench/wplug_bench" for name in ["wplug", "wplug-gcc"]}
    builds = {name: program for name, program in builds.items() if program.exists()}
    repetitions, divisor = (1, kernels_of.QUICK_DIVISOR) if options.quick else (options.repetitions, 1)
    head = common.header(builds.values())
    head["measured"] = f"{repetitions} processes of {REPEATS} pairs for each number" + (
        ", quick" if options.quick else ""
    )

    measured: dict[tuple[str, str, int], common.Samples] = {}
    for repetition in range(repetitions):
        for kernel in kernels:
            for units in SLICES:
                for name, program in builds.items():
                    common.progress(f"{repetition + 1}/{repetitions} {kernel.name} in slices of {units}")
                    rounds = max(1, kernel.rounds // divisor)
                    command = [
                        str(program),
                        "suspend",
                        str(kernel.module),
                        str(rounds),
                        str(units),
                        str(REPEATS),
                    ]
                    measured.setdefault((name, kernel.name, units), common.Samples()).add(
                        common.start(command)
                    )
    common.progress("")
    head["load average at the end"] = common.load_average()

    rows = [["build", "kernel", "slice", "suspensions", "whole ms", "sliced ms", "ns each", "percent"]]
    each: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    wrong = []
    for (name, kernel_name, units), samples in measured.items():
        if samples.failure:
            rows.append([name, kernel_name, str(units), "!", "", "", "", ""])
            wrong.append(f"{kernel_name} on {name}: {samples.failure}")
            continue
        count = samples.numbers["suspensions"][0]
        whole, sliced = samples.numbers["whole"], samples.numbers["sliced"]
        # A pair is of one moment: the median of the differences, not the difference of the medians.
        cost = statistics.median(after - before for before, after in zip(whole, sliced, strict=True))
        usual = statistics.median(whole)
        if units == PRECISE_SLICE:
            long_slice = usual / (count * units) * TARGET_SLICE
            each.setdefault(name, []).append(cost / count)
            shares.setdefault(name, []).append(100 * cost / count / long_slice)
        rows.append(
            [
                name,
                kernel_name,
                str(units),
                str(count),
                common.short(usual / 1e6),
                common.short(statistics.median(sliced) / 1e6),
                f"{cost / count:.0f}",
                f"{100 * cost / usual:.2f}",
            ]
        )
    lines = []
    for name, costs in each.items():
        nanoseconds, percent = statistics.median(costs), statistics.median(shares[name])
        lines.append(
            f"{name}: {nanoseconds:.0f} ns for stopping and going on, in slices of {PRECISE_SLICE} units "
            f"(target under {TARGET_NS}: {'met' if nanoseconds < TARGET_NS else 'missed'}),"
        )
        lines.append(
            f"  {percent:.3f} % of a slice of {TARGET_SLICE} "
            f"(target under {TARGET_PERCENT:g} %: {'met' if percent < TARGET_PERCENT else 'missed'})"
        )
    text = (
        f"{common.header_text(head)}\n\n{common.table(rows, left_columns=2)}\n\n"
        "Medians over the kernels:\n  " + "\n  ".join(lines) + "\n"
    )
    if wrong:
        text += "\nWent wrong:\n  " + "\n  ".join(wrong) + "\n"
    print(text)
    out = options.build / "suspend"
    out.with_suffix(".txt").write_text(text)
    kept = [
        {"build": name, "kernel": kernel_name, "slice": units, **samples.as_json()}
        for (name, kernel_name, units), samples in measured.items()
    ]
    out.with_suffix(".json").write_text(json.dumps({"header": head, "runs": kept}, indent=1) + "\n")
    print(f"Kept in {out}.txt and .json")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
