#!/usr/bin/env python3
"""Chooses the pairs of instructions that get a handler together, and prints the text of pairs.def:

    choose.py COUNTS PAIRS_DEF

COUNTS has a folder for each kind of program, with one file a program as count_pairs.h writes it. The comment
at the top is taken from PAIRS_DEF; how the choice differs from that file is said on standard error."""

from __future__ import annotations

import collections
import itertools
import pathlib
import re
import sys
from typing import NamedTuple

# A pair is chosen for its share of the dispatches, in per cent: on average, or in a single program.
AVERAGE_SHARE = 0.03
SINGLE_SHARE = 1.5
# The same of two steps on vectors, which few programs have many of.
SINGLE_VECTOR_SHARE = 0.8
VECTOR_FAMILIES = {"VECTORS", "FLOAT_VECTORS", "SHIFT", "VECTOR", "TEST"}
# Two of one type's look for NaNs once: FLOAT_PAIR.
FLOAT_ARITHMETIC = re.compile("(F32|F64|F32X4|F64X2)_(ADD|SUB|MUL|DIV)")
# How much a program counts in the average, by its folder. Most kernels are C, and plugins are not kernels.
WEIGHTS = {"c": 1, "rust": 2, "plugins": 2, "go": 4}


class Step(NamedTuple):
    family: str
    operation: str
    shape: str
    destination: str


Pair = tuple[Step, Step]

def read_shares(file: pathlib.Path) -> dict[Pair, float]:
    """The pairs of a program, in per cent of its dispatches."""
    head, *lines = file.read_text().splitlines()
    dispatches = int(head.removeprefix("dispatches "))
    shares = {}
    for line in lines:
        count, _, steps = line.partition(" ")
        first, second = (Step(*step.split(", ")) for step in steps.split(" | "))
        shares[first, second] = 100 * int(count) / dispatches
    return shares


def enough(pair: Pair, average: float, highest: float) -> bool:
    vectors = all(step.family in VECTOR_FAMILIES for step in pair)
    return average >= AVERAGE_SHARE or highest >= (SINGLE_VECTOR_SHARE if vectors else SINGLE_SHARE)


def choose(counts: pathlib.Path) -> dict[Pair, float]:
    """The chosen pairs and their average shares."""
    average: collections.Counter[Pair] = collections.Counter()
    highest: collections.defaultdict[Pair, float] = collections.defaultdict(float)
    programs = [(WEIGHTS[file.parent.name], read_shares(file)) for file in sorted(counts.glob("*/*"))]
    if not programs:
        sys.exit(f"error: no counts in {counts}")
    whole = sum(weight for weight, _ in programs)
    for weight, shares in programs:
        for pair, share in shares.items():
            average[pair] += share * weight / whole
            highest[pair] = max(highest[pair], share)
    chosen = {p: s for p, s in average.items() if enough(p, s, highest[p])}
    share = sum(chosen.values())
    print(f"{len(programs)} programs; {len(chosen)} pairs, {share:.1f} % of what runs", file=sys.stderr)
    return chosen


def kind_of(first: Step, second: Step) -> str:
    types = [match and match[1] for match in map(FLOAT_ARITHMETIC.fullmatch, (first.operation, second.operation))]
    return "FLOAT_PAIR" if types[0] and types[0] == types[1] else "PAIR"


def text_of(pairs: dict[Pair, float]) -> list[str]:
    """Grouped by the first step: moves, then the others by name."""
    lines = []
    ordered = sorted(pairs, key=lambda pair: (pair[0].family != "MOVE", pair))
    for first, group in itertools.groupby(ordered, key=lambda pair: pair[0]):
        lines.append(f"PAIRS_OF({', '.join(first)})")
        for _, second in group:
            lines.append(f"{kind_of(first, second)}({', '.join((*first, *second))})")
    return lines


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: choose.py COUNTS PAIRS_DEF")
    present = pathlib.Path(sys.argv[2]).read_text().splitlines()
    comment = list(itertools.takewhile(lambda line: not line.startswith("PAIR"), present))
    lines = comment + text_of(choose(pathlib.Path(sys.argv[1]))) + ["#undef FLOAT_PAIR"]
    print("\n".join(lines))
    gone, new = len(set(present) - set(lines)), len(set(lines) - set(present))
    differ = f"{len(present)} lines, of which {gone} would go; {new} would be new"
    print(f"{sys.argv[2]}: {differ}", file=sys.stderr)


if __name__ == "__main__":
    main()
