#!/usr/bin/env python3
"""Times how long a module takes from its bytes until it runs, on wplug and its peers, and what it holds in
memory meanwhile. scripts/bench.sh builds everything and calls this; README.md tells how to read what comes
out."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

import chart
import common
import wasm
from common import Engine, Samples

WPLUG = "wplug"
# Those that validate while loading and translate at the first call do what wplug does: with them it is
# compared.
ALIKE = ["wasmi2", "wasmi1", "stitch"]
PEERS = [
    *ALIKE,
    "wasm3",
    "wasm3-eager",
    "wasmi2-eager",
    "wasmi1-eager",
    "wamr",
    "tinywasm",
    "pulley",
    "cranelift",
]
COMPILERS = ["pulley", "cranelift"]  # seconds for a large module: measured once
BYTES_PER_PROCESS = 4_000_000

Results = dict[str, dict[str, Samples]]  # by module, by engine


def find_modules(build: pathlib.Path) -> dict[str, pathlib.Path]:
    """From small to large."""
    files = [*(build / "wplug/plugins").glob("*.wasm"), *(build / "modules").glob("*.wasm")]
    files += [build / "kernels" / f"{name}.wasm" for name in ["rust_json", "rust_regex", "go_words"]]
    present = [file for file in files if file.exists()]
    return {file.stem: file for file in sorted(present, key=lambda file: file.stat().st_size)}


def find_engines(build: pathlib.Path, peers: pathlib.Path | None, only: list[str]) -> list[Engine]:
    engines = [
        Engine(folder, build / folder / "bench/wplug_bench", WPLUG)
        for folder in [WPLUG, "wplug-gcc"]
        if (build / folder / "bench/wplug_bench").exists()
    ]
    if peers is not None:
        engines += [Engine(name, peers, name) for name in PEERS]
    return [engine for engine in engines if not only or engine.name in only]


def measure(modules: dict[str, pathlib.Path], engines: list[Engine], repetitions: int) -> Results:
    """As engine.py does: each engine once in a process of its own, in turn."""
    results: Results = {name: {engine.name: Samples() for engine in engines} for name in modules}
    for repetition in range(repetitions):
        for index, (name, file) in enumerate(modules.items()):
            repeats = min(20, max(2, BYTES_PER_PROCESS // file.stat().st_size))
            for engine in common.rotated(engines, repetition + index):
                samples = results[name][engine.name]
                slow = engine.name in COMPILERS
                if samples.unsupported or samples.failure or (slow and repetition > 0):
                    continue
                common.progress(f"{repetition + 1}/{repetitions} {name} on {engine.name}")
                samples.add(common.start(engine.command("load", file, 1 if slow else repeats)))
    common.progress("")
    return results


def comparison(
    results: Results, modules: dict[str, pathlib.Path], engines: list[Engine], word: str, unit: float
) -> str:
    """A table of one of the numbers, in units of `unit`, with how many times wplug's it is."""
    rows = [["module", "KB", *(engine.name for engine in engines)]]
    for name, file in modules.items():
        row = [name, f"{file.stat().st_size / 1000:.0f}"]
        ours = results[name][WPLUG].median(word) if WPLUG in results[name] else None
        for engine in engines:
            samples = results[name][engine.name]
            median = samples.median(word)
            if median is None:
                row.append(samples.why_not())
            elif engine.name == WPLUG or not ours:
                row.append(common.short(median / unit))
            else:
                row.append(f"{common.short(median / unit)} {median / ours:6.2f}")
        rows.append(row)
    if all(cell in "-!" for row in rows[1:] for cell in row[2:]):
        return ""
    return common.table(rows)


def targets(results: Results, modules: dict[str, pathlib.Path]) -> str:
    """Issue 4: loading takes no more time than wasmi's way to load that checks as much."""
    rows = [["module", "wplug against", "times as long", ""]]
    for name in modules:
        ours = results[name].get(WPLUG, Samples()).median("load")
        for peer in ["wasmi2", "wasmi1"]:
            theirs = results[name].get(peer, Samples()).median("load")
            if ours and theirs:
                rows.append([name, peer, f"{ours / theirs:.2f}", "met" if ours <= theirs else "missed"])
    return common.table(rows, left_columns=2) if len(rows) > 1 else ""


# ---- Translation: what a first call costs
# --------------------------------------------------------------------


def translation(
    build: pathlib.Path, modules: dict[str, pathlib.Path], repetitions: int
) -> tuple[str, dict[str, object]]:
    """Every function of a module translated one after the other, without being run."""
    rows = [["module", "functions", "KB of code", "ms", "us per KB", "us per function"]]
    kept: dict[str, object] = {}
    program = build / "wplug/bench/wplug_bench"
    with tempfile.TemporaryDirectory() as folder:
        for name, file in modules.items():
            exported = wasm.export_everything(file.read_bytes())
            changed = pathlib.Path(folder) / "module.wasm"
            changed.write_bytes(exported.module)
            samples = Samples()
            common.progress(f"translating {name}")
            for _ in range(repetitions):
                samples.add(common.start([str(program), "translate", str(changed), "5"]))
            first, again = samples.median("translate"), samples.median("again")
            kept[name] = {
                "code_bytes": exported.code_bytes,
                "functions": exported.functions,
                **samples.as_json(),
            }
            if first is None or again is None:
                rows.append([name, samples.why_not(), "", "", "", ""])
                continue
            microseconds = (first - again) / 1000
            rows.append(
                [
                    name,
                    str(exported.functions),
                    common.short(exported.code_bytes / 1000),
                    common.short(microseconds / 1000),
                    common.short(microseconds / (exported.code_bytes / 1000)),
                    common.short(microseconds / exported.functions),
                ]
            )
    common.progress("")
    return common.table(rows), kept


# ---- The library
# ---------------------------------------------------------------------------------------------


def library_sizes(build: pathlib.Path) -> dict[str, int]:
    """Of the shared library without its symbols, for each build that has it."""
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [WPLUG, "wplug-gcc"]:
            library = build / name / "lib/libwplug.so"
            stripped = pathlib.Path(folder) / "stripped.so"
            if library.exists():
                subprocess.run(["strip", "--strip-all", "-o", str(stripped), str(library)], check=True)
                sizes[name] = stripped.stat().st_size
    return sizes


def main() -> int:
    parser = common.options_for(__doc__, "one repetition")
    common.add_peers(parser)
    common.add_choice(parser, "--engine")
    options = parser.parse_args()

    modules = find_modules(options.build)
    engines = find_engines(options.build, options.peers, options.engine)
    repetitions = 1 if options.quick else options.repetitions
    head = common.header(dict.fromkeys(engine.program for engine in engines))
    head["measured"] = f"{repetitions} processes for each number" + (", quick" if options.quick else "")
    results = measure(modules, engines, repetitions)
    translated, translation_kept = translation(options.build, modules, repetitions)
    sizes = library_sizes(options.build)
    head["load average at the end"] = common.load_average()

    sections = [common.header_text(head)]
    for title, word, unit in [
        (
            "From bytes to ready to instantiate: median of processor time in ms; behind it, times wplug's.",
            "load",
            1e6,
        ),
        ("From there through instantiation to the end of _initialize or _start, in ms.", "first", 1e6),
        ("Memory that the loaded module holds, in KB.", "memory", 1e3),
    ]:
        compared = comparison(results, modules, engines, word, unit)
        if compared:
            sections.append(f"{title}\n\n{compared}")
    found = targets(results, modules)
    if found:
        sections.append(
            "Target: no longer than wasmi, which too validates everything while loading and translates at\n"
            "the first call.\n\n" + found
        )
    sections.append("Translating each function at its first call, wplug:\n\n" + translated)
    if sizes:
        sections.append(
            "Size of the stripped shared library: "
            + ", ".join(f"{size / 1000:.0f} KB ({name})" for name, size in sizes.items())
        )
    wrong = common.failures(results)
    if wrong:
        sections.append("Went wrong:\n  " + "\n  ".join(wrong))
    text = "\n\n".join(sections) + "\n"
    print(text)

    out = options.build / "load"
    out.with_suffix(".txt").write_text(text)
    kept = {
        "header": head,
        "modules": {
            name: {
                "bytes": file.stat().st_size,
                "engines": {engine: samples.as_json() for engine, samples in results[name].items()},
                "translation": translation_kept[name],
            }
            for name, file in modules.items()
        },
        "library": sizes,
    }
    out.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")
    canvas = chart.Canvas()
    for name, file in modules.items():
        medians = {engine.name: results[name][engine.name].median("load") for engine in engines}
        values = {
            engine: median / 1e6
            for engine, median in medians.items()
            if median is not None and engine not in COMPILERS
        }
        ordered = dict(sorted(values.items(), key=lambda item: item[1]))
        chart.bars(canvas, f"Loading {name}, {file.stat().st_size / 1000:.0f} KB", ordered, " ms")
    out.with_suffix(".svg").write_text(canvas.svg())
    print(f"Kept in {out}.txt, .json and .svg")
    return 1 if any(" on wplug" in line for line in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
