#!/usr/bin/env python3
"""Measures the host: calls in fresh sandboxes against other plugin frameworks, calls of the host, many calls
that sleep at once, two threads, a long run, long messages. scripts/bench.sh builds everything and calls this;
README.md tells how to read what comes out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
import tempfile

import common
from common import Engine, Samples

WPLUG = "wplug"
RUST, EXTISM = "wasmi-plugin", "extism"
FIGURES = ["ping", "echo", "suspended", "threads", "soak", "big"]

ECHOES = 200
CALLS = {WPLUG: 2_000, RUST: 200, EXTISM: 500}  # of ping, in one process
ECHO_CALLS = {WPLUG: 60, RUST: 10, EXTISM: 200}  # of many_echo
# Few calls in a process, and many processes: what disturbs the machine shall disturb one pair, not all calls
# that are compared.
ECHO_PAIRS, PAIR_CALLS = 10, 12
SUSPENDED = 100_000
SOAK = 1_000_000
BIG_BYTES = 100_000_000
THREAD_ROUNDS, THREAD_ROUND_MS = 3, 1_000
QUICK_DIVISOR = 10
LONG_S = 7_200  # for what is one long process

# What the project set itself.
PING_NS, PING_RUST, PING_EXTISM = 15_000, 30, 10
ECHO_NS, ECHO_RUST = 1_000, 20
SUSPENDED_BYTES = 100_000
THREADS_RATIO = 1.9
COPIES = 2

# What is still called flat: noise of the allocator and of the counters of resident pages.
FLAT_BYTES = 1 << 20
FUEL_TOLERANCE = 0.001
ENOUGH_SHARE = 0.9  # of a processor for each thread


@dataclasses.dataclass
class Figure:
    name: str
    target: str
    reached: str
    met: bool | None  # None: cannot be said
    why_not: str = "not measured"

    def row(self) -> list[str]:
        words = {True: "met", False: "MISSED", None: self.why_not}
        return [self.name, self.target, self.reached, words[self.met]]


@dataclasses.dataclass
class Bench:
    """The programs and plugins, and all samples by measurement and framework."""

    build: pathlib.Path
    frameworks: list[Engine]
    quick: bool
    samples: dict[str, dict[str, Samples]] = dataclasses.field(default_factory=dict)

    @property
    def folder(self) -> pathlib.Path:
        return self.build / "wplug/bench"

    @property
    def test_plugin(self) -> pathlib.Path:
        return self.build / "wplug/plugins/test-plugin.wasm"

    @property
    def bench_plugin(self) -> pathlib.Path:
        return self.folder / "host/plugin.wasm"

    def plugin_for(self, framework: str) -> pathlib.Path:
        return self.folder / "host/extism_plugin.wasm" if framework == EXTISM else self.test_plugin

    def amount(self, number: int) -> int:
        return max(1, number // QUICK_DIVISOR) if self.quick else number

    def of(self, measurement: str, who: str = WPLUG) -> Samples:
        return self.samples.setdefault(measurement, {}).setdefault(who, Samples())

    def run(self, measurement: str, who: str, command: list[str], timeout_s: int = common.TIMEOUT_S) -> None:
        samples = self.of(measurement, who)
        if samples.unsupported or samples.failure:
            return
        common.progress(f"{measurement} {who}")
        samples.add(common.start(command, timeout_s))

    def program(self, name: str, *words: object) -> list[str]:
        return [str(self.folder / name), *map(str, words)]


# ---- Measuring ---------------------------------------------------------------------------------------------


def measure_ping(bench: Bench, repetition: int) -> None:
    for framework in common.rotated(bench.frameworks, repetition):
        calls = bench.amount(CALLS[framework.name])
        bench.run("ping", framework.name, framework.command("ping", bench.plugin_for(framework.name), calls))


def measure_echo(bench: Bench, repetition: int, lines: pathlib.Path) -> None:
    """Then, in pairs, with and without a host, once and twice as many host calls, so that what one more costs
    can be told."""
    for framework in common.rotated(bench.frameworks, repetition):
        calls = bench.amount(ECHO_CALLS[framework.name])
        plugin = bench.plugin_for(framework.name)
        bench.run("echo", framework.name, framework.command("echo", plugin, ECHOES, calls))
    for _ in range(bench.amount(ECHO_PAIRS)):
        for echoes in [ECHOES, 2 * ECHOES]:
            words = ["echo", WPLUG, bench.test_plugin, echoes, PAIR_CALLS]
            bench.run(f"with host {echoes}", WPLUG, bench.program("host_bench", *words))
            words = ["replay", bench.test_plugin, lines / str(echoes), PAIR_CALLS]
            bench.run(f"without {echoes}", WPLUG, bench.program("wplug_bench", *words))


def record_echoes(bench: Bench, lines: pathlib.Path) -> None:
    for echoes in [ECHOES, 2 * ECHOES]:
        file = lines / str(echoes)
        bench.run("record", WPLUG, bench.program("host_bench", "record", bench.test_plugin, echoes, file))


def measure(bench: Bench, figures: list[str], repetitions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder)
        if "echo" in figures:
            record_echoes(bench, lines)
        for repetition in range(repetitions):
            if "ping" in figures:
                measure_ping(bench, repetition)
            if "echo" in figures:
                measure_echo(bench, repetition, lines)
            if "threads" in figures:
                words = ["threads", bench.test_plugin, bench.amount(THREAD_ROUND_MS), THREAD_ROUNDS]
                bench.run("threads", WPLUG, bench.program("host_bench", *words))
            if "big" in figures:
                size = bench.amount(BIG_BYTES)
                bench.run("big", WPLUG, bench.program("host_big", bench.bench_plugin, size, 1))
    # Once: each is long, and bytes are not noisy.
    if "suspended" in figures:
        words = ["suspended", bench.test_plugin, bench.amount(SUSPENDED)]
        bench.run("suspended", WPLUG, bench.program("host_bench", *words), LONG_S)
    if "soak" in figures:
        words = ["soak", bench.test_plugin, bench.bench_plugin, bench.amount(SOAK)]
        bench.run("soak", WPLUG, bench.program("host_bench", *words), LONG_S)
    common.progress("")


# ---- What the numbers say ----------------------------------------------------------------------------------


def ratio(bench: Bench, measurement: str, framework: str) -> float | None:
    """How many times wplug's processor time the framework takes."""
    ours, theirs = (bench.of(measurement, who).median("cpu_median") for who in [WPLUG, framework])
    return theirs / ours if ours and theirs else None


def times_figure(bench: Bench, name: str, measurement: str, framework: str, target: float) -> Figure:
    found = ratio(bench, measurement, framework)
    reached = f"{found:.1f} times" if found else ""
    return Figure(name, f"{target:g} times as fast", reached, found >= target if found else None)


def calls_table(bench: Bench, measurement: str) -> str:
    rows = [["", "us", "best", "on the clock", "p99", "times wplug"]]
    for framework in bench.frameworks:
        samples = bench.of(measurement, framework.name)
        row = [framework.name]
        numbers = [
            samples.median("cpu_median"),
            samples.best("cpu_median"),
            samples.median("wall_median"),
            samples.median("wall_p99"),
        ]
        for number in numbers:
            row.append(samples.why_not() if number is None else common.short(number / 1e3))
        found = ratio(bench, measurement, framework.name)
        rows.append([*row, f"{found:.2f}" if found else ""])
    return common.table(rows)


def report_ping(bench: Bench) -> tuple[str, list[Figure]]:
    ours = bench.of("ping")
    text = f"ping, microseconds, each call in a new sandbox\n\n{calls_table(bench, 'ping')}"
    answer, load, first = (ours.median(word) for word in ["answer_median", "load", "first"])
    if answer and load and first:
        text += (
            f"\n\nwplug's answer is there after {common.short(answer / 1e3)} us on the clock. "
            f"Loading the plugin takes {common.short(load / 1e3)} us, "
            f"the very first call {common.short(first / 1e3)} us."
        )
    median = ours.median("cpu_median")
    reached = f"{common.short(median / 1e3)} us" if median else ""
    return text, [
        times_figure(bench, "ping against the Rust framework", "ping", RUST, PING_RUST),
        times_figure(bench, "ping against Extism", "ping", EXTISM, PING_EXTISM),
        Figure(
            "ping", f"under {PING_NS / 1e3:g} us", reached, median < PING_NS if median is not None else None
        ),
    ]


def each_echo(bench: Bench, measurement: str, word: str) -> list[float]:
    """What one host call more takes, pair by pair."""
    few, many = (bench.of(f"{measurement} {echoes}").numbers.get(word, []) for echoes in [ECHOES, 2 * ECHOES])
    return [(more - less) / ECHOES for less, more in zip(few, many, strict=False)]


def quickest_echo(bench: Bench, measurement: str) -> float:
    """The same of the quickest run of each length: what disturbs a run makes it longer, never shorter."""
    few, many = (
        min(bench.of(f"{measurement} {echoes}").numbers["cpu_min"]) for echoes in [ECHOES, 2 * ECHOES]
    )
    return (many - few) / ECHOES


def keep_best_replays(bench: Bench) -> None:
    """A process of `replay` prints each run; the best one of each is what compares with cpu_min."""
    for echoes in [ECHOES, 2 * ECHOES]:
        samples = bench.of(f"without {echoes}")
        runs = samples.numbers.get("run", [])
        starts = range(0, len(runs), PAIR_CALLS)
        samples.numbers["cpu_min"] = [min(runs[start : start + PAIR_CALLS]) for start in starts]


def check_replay(bench: Bench) -> None:
    """The replay must run the instructions that ran with the host, which adds a few units of fuel for each
    message that it moves."""
    with_host, without = (each_echo(bench, measurement, "fuel") for measurement in ["with host", "without"])
    if not with_host or not without:
        return
    if abs(with_host[0] - without[0]) > FUEL_TOLERANCE * with_host[0]:
        bench.of(
            f"without {ECHOES}"
        ).failure = f"a host call took {without[0]:.1f} units of fuel instead of {with_host[0]:.1f}"


def report_echo(bench: Bench) -> tuple[str, list[Figure]]:
    keep_best_replays(bench)
    check_replay(bench)
    text = (
        f"many_echo({ECHOES}), microseconds, {ECHOES} calls of the host in a new sandbox\n\n"
        f"{calls_table(bench, 'echo')}"
    )
    with_host, guest = (each_echo(bench, measurement, "cpu_min") for measurement in ["with host", "without"])
    reached, met = "", None
    if with_host and guest:
        beyond = [a - b for a, b in zip(with_host, guest, strict=False)]
        quickest = [quickest_echo(bench, measurement) for measurement in ["with host", "without"]]
        quickest.append(quickest[0] - quickest[1])
        rows = [["one host call more, nanoseconds", "quickest", "median", "least", "most"]]
        names = ["with the host", "the guest's own work", "beyond that"]
        for name, best, pairs in zip(names, quickest, [with_host, guest, beyond], strict=True):
            numbers = [best, statistics.median(pairs), min(pairs), max(pairs)]
            rows.append([name, *(f"{number:.0f}" for number in numbers)])
        fuel = each_echo(bench, "with host", "fuel")[0]
        text += (
            f"\n\n{common.table(rows)}\n\n"
            f"Of {len(beyond)} pairs. The guest runs {fuel:.0f} units of fuel for each."
        )
        reached, met = f"{quickest[2]:.0f} ns", quickest[2] < ECHO_NS
    return text, [
        Figure("host call beyond the guest's work", f"under {ECHO_NS} ns", reached, met),
        times_figure(bench, "many_echo against the Rust framework", "echo", RUST, ECHO_RUST),
    ]


def megabytes(number: float) -> str:
    return common.short(number / 1e6)


def report_suspended(bench: Bench) -> tuple[str, list[Figure]]:
    samples, count = bench.of("suspended"), bench.amount(SUSPENDED)
    names = ["asleep at once", "memory of one", "order of waking", "memory afterwards"]
    targets = [f"{count}", f"under {SUSPENDED_BYTES / 1e3:g} KB", "as they are due", "as before"]
    if not samples.numbers.get("rss_freed"):
        return "", [Figure(name, target, "", None) for name, target in zip(names, targets, strict=True)]
    number = {word: numbers[0] for word, numbers in samples.numbers.items()}
    asleep = number["suspended"]
    rows = [["megabytes", "before", "peak", "after", "freed", "KB each"]]
    for word, name in [("rss", "resident"), ("tables", "page tables"), ("allocated", "from the allocator")]:
        cells = [number[f"{word}_{when}"] for when in ["before", "peak", "after", "freed"]]
        each = (cells[1] - cells[0]) / max(1, asleep)
        rows.append([name, *map(megabytes, cells), f"{each / 1e3:.1f}"])
    # A page table belongs to the call whose memory it maps as much as the memory does.
    each = sum(number[f"{word}_peak"] - number[f"{word}_before"] for word in ["rss", "tables"]) / max(
        1, asleep
    )
    left = max(number[f"{word}_after"] - number[f"{word}_before"] for word in ["rss", "allocated"])
    grown = number["rss_peak"] - number["rss_before"]
    flat = left <= max(FLAT_BYTES, grown // 100)
    text = f"{asleep} calls of sleep at once\n\n{common.table(rows)}\n\n"
    if "refused" in number:
        text += (
            f"No more than {asleep} of {count}: the next one was refused with status {number['refused']}.\n"
        )
    if asleep:
        text += (
            f"Starting one takes {common.short(number['start_cpu'] / 1e3)} us. They ended\n"
            f"{common.short(number['late_median'] / 1e6)} ms after they were due at the median, "
            f"{common.short(number['late_max'] / 1e6)} ms at most; {number['disorder']} ended before "
            f"one that was due earlier, {number['early']} before they were due.\n"
            f"One has {number['guest'] // 1024} KiB of linear memory."
        )
    in_order = number.get("disorder", 1) == 0 and number.get("early", 1) == 0
    return text, [
        Figure(names[0], targets[0], f"{asleep}", asleep >= count),
        Figure(names[1], targets[1], f"{each / 1e3:.1f} KB", 0 < each < SUSPENDED_BYTES),
        Figure(names[2], targets[2], "as they are due" if in_order else "not always", in_order),
        Figure(names[3], targets[3], f"{left / 1e6:+.2f} MB of {megabytes(grown)} MB", flat),
    ]


def rate_rows(samples: Samples, way: str, name: str) -> list[list[str]]:
    rows = []
    for threads in ["one", "two"]:
        rate, cpu, share = (
            samples.median(f"{way}{threads}_{word}") or 0 for word in ["rate", "cpu", "share"]
        )
        rows.append([f"{name}, {threads}", f"{rate:.0f}", common.short(cpu / 1e3), f"{share / 10:.0f} %"])
    return rows


def report_threads(bench: Bench) -> tuple[str, list[Figure]]:
    samples, target = bench.of("threads"), f"{THREADS_RATIO:g} times one"
    rows = [["threads", "calls a second", "us of processor time each", "share of a processor"]]
    figures, remarks = [], []
    ratios: dict[str, float] = {}
    for way, name in {"": "a runtime each", "pool_": "a pool", "apart_": "a process each"}.items():
        rates = [samples.numbers.get(f"{way}{threads}_rate", []) for threads in ["one", "two"]]
        if not all(rates):
            if not way:
                figures.append(Figure(f"two threads, {name}", target, "", None))
            continue
        rows += rate_rows(samples, way, name)
        on_clock = statistics.median(two / one for one, two in zip(*rates, strict=False))
        times = [samples.numbers[f"{way}{threads}_cpu"] for threads in ["one", "two"]]
        by_processor = statistics.median(2 * one / two for one, two in zip(*times, strict=False))
        remarks.append(f"{name}: {on_clock:.2f} times on the clock, {by_processor:.2f} by processor time")
        ratios[name] = on_clock
        if way == "apart_":
            continue  # not threads of ours, but what the machine gives to two at once
        met: bool | None = on_clock >= THREADS_RATIO
        shares = [samples.median(f"{way}{threads}_share") or 0 for threads in ["one", "two"]]
        if not met and min(shares) < 1000 * ENOUGH_SHARE:
            met = None
        reached = f"{on_clock:.2f} times"
        figures.append(Figure(f"two threads, {name}", target, reached, met, "too busy a machine"))
    if not remarks:
        return "", figures
    if "a process each" in ratios:
        given = ratios.pop("a process each")
        remarks += [f"{name}, of what two processes reach: {100 * ratio / given:.0f} %" for name, ratio in ratios.items()]
    text = (
        f"ping on one thread and on two\n\n{common.table(rows)}\n\n"
        f"Two threads, of {len(samples.numbers['one_rate'])} pairs:\n  " + "\n  ".join(remarks)
    )
    return text, figures


def report_soak(bench: Bench) -> tuple[str, list[Figure]]:
    samples, calls = bench.of("soak"), bench.amount(SOAK)
    rss, descriptors = (samples.numbers.get(word, []) for word in ["rss", "descriptors"])
    if not rss or not samples.numbers.get("cpu"):
        return "", [
            Figure(f"memory over {calls} calls", "flat", "", None),
            Figure(f"descriptors over {calls} calls", "none leaked", "", None),
        ]
    # The first tenth fills what the allocator keeps.
    steady = rss[len(rss) // 10 :]
    growth = max(steady) - steady[0]
    ends = ["answered", "errors", "trapped", "left", "cancelled", "limited"]
    counts = ", ".join(f"{samples.numbers[word][0]} {word}" for word in ends)
    text = (
        f"{calls} calls: {counts}\n\n"
        f"Resident megabytes, each twentieth of the way: {' '.join(megabytes(one) for one in rss)}\n"
        f"Descriptors: {' '.join(map(str, descriptors))}\n"
        f"A call takes {common.short(samples.numbers['cpu'][0] / 1e3)} us of processor time."
    )
    flat = growth <= FLAT_BYTES
    leaked = max(descriptors) - descriptors[0]
    return text, [
        Figure(f"memory over {calls} calls", "flat", f"{growth / 1e6:+.2f} MB after the first tenth", flat),
        Figure(f"descriptors over {calls} calls", "none leaked", f"{leaked} leaked", leaked == 0),
    ]


def report_big(bench: Bench) -> tuple[str, list[Figure]]:
    samples, size = bench.of("big"), bench.amount(BIG_BYTES)
    ways = {"take": "way in", "make": "way out", "give_back": "both"}
    if not samples.numbers.get("copy_cpu"):
        return "", [Figure(f"copies, {ways[one]}", f"at most {COPIES}", "", None) for one in ["take", "make"]]
    rows = [["", "ms", "on the clock", "copies", "moved", "allocated", "guest"]]
    copies = {}
    for one, name in ways.items():
        number = {
            word: samples.median(f"{one}_{word}") or 0
            for word in ["cpu", "wall", "copied", "moved", "allocated", "guest"]
        }
        copies[one] = number["copied"] / size
        rows.append(
            [
                name,
                common.short(number["cpu"] / 1e6),
                common.short(number["wall"] / 1e6),
                *(f"{number[word] / size:.2f}" for word in ["copied", "moved", "allocated", "guest"]),
            ]
        )
    copy = samples.median("copy_cpu") or 0
    text = (
        f"A message of {megabytes(size)} MB; all but times in multiples of that\n\n{common.table(rows)}\n\n"
        f"Copying that much once takes {common.short(copy / 1e6)} ms."
    )
    return text, [
        # A whole number of copies, and pieces of the message's frame.
        Figure(f"copies, {ways[one]}", f"at most {COPIES}", f"{copies[one]:.2f}", copies[one] < COPIES + 0.1)
        for one in ["take", "make"]
    ]


REPORTS = {
    "ping": report_ping,
    "echo": report_echo,
    "suspended": report_suspended,
    "threads": report_threads,
    "soak": report_soak,
    "big": report_big,
}


def parse_options() -> argparse.Namespace:
    parser = common.options_for(__doc__, "one repetition, a tenth of the calls")
    common.add_peers(parser)
    common.add_choice(parser, "--figure")
    options = parser.parse_args()
    unknown = set(options.figure) - set(FIGURES)
    if unknown:
        sys.exit(f"error: no such figures: {' '.join(sorted(unknown))}; there are {' '.join(FIGURES)}")
    return options


def main() -> int:
    options = parse_options()
    host_bench = options.build / "wplug/bench/host_bench"
    frameworks = [Engine(WPLUG, host_bench, WPLUG)]
    if options.peers is not None:
        frameworks += [Engine(name, options.peers, name) for name in [RUST, EXTISM]]
    repetitions = 1 if options.quick else options.repetitions
    head = common.header(dict.fromkeys(framework.program for framework in frameworks))
    head["measured"] = f"{repetitions} processes for each number" + (", quick" if options.quick else "")

    bench = Bench(options.build, frameworks, options.quick)
    figures = [one for one in FIGURES if not options.figure or one in options.figure]
    measure(bench, figures, repetitions)
    head["load average at the end"] = common.load_average()

    texts, rows = [], [["figure", "target", "reached", ""]]
    for one in figures:
        text, reached = REPORTS[one](bench)
        texts += [text] if text else []
        rows += [figure.row() for figure in reached]
    text = "\n\n\n".join([common.header_text(head), *texts, common.table(rows, left_columns=4)]) + "\n"
    wrong = common.failures(bench.samples)
    if wrong:
        text += "\nWent wrong:\n  " + "\n  ".join(wrong) + "\n"
    print(text)
    out = options.build / "host"
    out.with_suffix(".txt").write_text(text)
    runs = {
        measurement: {who: samples.as_json() for who, samples in row.items()}
        for measurement, row in bench.samples.items()
    }
    kept = {"header": head, "runs": runs, "figures": rows[1:]}
    out.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")
    print(f"Kept in {out}.txt and .json")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
