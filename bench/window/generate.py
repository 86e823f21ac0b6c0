#!/usr/bin/env python3
"""Writes the handlers of the window design as C: one for each fused sequence and state of the window.

    generate.py handlers OPTIONS [SEQUENCES]     to standard output
    generate.py choose OPTIONS EXACT ALIKE PROFILE...  chooses sequences by what programs ran

OPTIONS is W,I,F: registers of the window (of each class), registers for integer locals, for float locals. README.md
explains the design, window.c what the handlers are written in."""

from __future__ import annotations

import collections
import dataclasses
import heapq
import itertools
import pathlib
import re
import sys
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONGEST = 16  # steps in a sequence
COMPARISONS = ("EQ", "NE", "LT", "GT", "LE", "GE")
WIDTH = {"h": 2, "w": 4, "q": 8}


@dataclasses.dataclass(frozen=True)
class Step:
    """One instruction of the stack machine: what it takes and leaves (i: integer register, f: vector register),
    its immediates by width, and its C text: {0}, {1} are the operands, {r} the result, {k0} the immediates."""

    takes: str
    leaves: str
    immediates: str
    text: str
    ends: bool = False  # nothing may follow it in a handler
    alone: bool = False  # it is never fused


def steps(integers: int, floats: int) -> dict[str, Step]:
    all_steps = {
        "ENTER": Step("", "", "hhhhw", "ENTER({k0}, {k1}, {k2}, {k3}, {k4});"),
        "LG": Step("", "i", "h", "{r} = fp[{k0}];"),
        "LGF": Step("", "f", "h", "{r} = READ_FLOAT(fp + {k0});"),
        "LS": Step("i", "", "h", "fp[{k0}] = {0};"),
        "LSF": Step("f", "", "h", "WRITE_FLOAT(fp + {k0}, {0});"),
        "LT": Step("i", "i", "h", "fp[{k0}] = {r} = {0};"),
        "LTF": Step("f", "f", "h", "{r} = {0}; WRITE_FLOAT(fp + {k0}, {r});"),
        "GG": Step("", "i", "h", "{r} = ex->globals[{k0}];"),
        "GGF": Step("", "f", "h", "{r} = READ_FLOAT(ex->globals + {k0});"),
        "GS": Step("i", "", "h", "ex->globals[{k0}] = {0};"),
        "GSF": Step("f", "", "h", "WRITE_FLOAT(ex->globals + {k0}, {0});"),
        "KI": Step("", "i", "w", "{r} = {k0};"),
        "KL": Step("", "i", "w", "{r} = (uint64_t)(int64_t)(int32_t){k0};"),
        "KQ": Step("", "i", "q", "{r} = {k0};"),
        "KF": Step("", "f", "w", "{r} = FLOAT_OF_BITS32({k0});"),
        "KD": Step("", "f", "q", "{r} = FLOAT_OF_BITS64({k0});"),
        "DROP": Step("i", "", "", "(void){0};"),
        "DROPF": Step("f", "", "", "(void){0};"),
        "SELECT": Step("iii", "i", "", "{r} = (uint32_t){2} ? {0} : {1};"),
        "SELECTF": Step("ffi", "f", "", "{r} = (uint32_t){2} ? {0} : {1};"),
        "I32_EQZ": Step("i", "i", "", "{r} = (uint32_t){0} == 0;"),
        "I64_EQZ": Step("i", "i", "", "{r} = {0} == 0;"),
        "SIZE": Step("", "i", "", "{r} = ex->memory_size >> 16;"),
        "GROW": Step("i", "i", "", "{r} = window_grow(ex, {0}); RELOAD_MEMORY;", alone=True),
        "FILL": Step("", "", "h", "BULK(window_fill, {k0});", ends=True, alone=True),
        "COPY": Step("", "", "h", "BULK(window_copy, {k0});", ends=True, alone=True),
        "BR": Step("", "", "ww", "TAKE({k0}, {k1});", ends=True),
        "BRNZ": Step("i", "", "ww", "if ((uint32_t){0}) TAKE({k0}, {k1});"),
        "BRZ": Step("i", "", "ww", "if (!(uint32_t){0}) TAKE({k0}, {k1});"),
        "BRNZ1": Step("ii", "i", "ww", "if ((uint32_t){1}) TAKE({k0}, {k1});", ends=True),
        "BRNZ1F": Step("fi", "f", "ww", "if ((uint32_t){1}) TAKE({k0}, {k1});", ends=True),
        "TABLE": Step("i", "", "w", "CHOOSE((uint32_t){0}, {k0});", ends=True),
        "TABLE1": Step("ii", "i", "w", "CHOOSE((uint32_t){1}, {k0});", ends=True),
        "TABLE1F": Step("fi", "f", "w", "CHOOSE((uint32_t){1}, {k0});", ends=True),
        "RET": Step("", "", "hw", "RETURN({k0}, {k1});", ends=True),
        "RETI": Step("i", "", "hw", "t0 = {0}; RETURN({k0}, {k1});", ends=True),
        "RETF": Step("f", "", "hw", "x0 = {0}; RETURN({k0}, {k1});", ends=True),
        "CALL": Step("", "", "q", "CALL({k0});", ends=True),
        "CALLI": Step("i", "", "hw", "CALL_TABLE((uint32_t){0}, {k0}, {k1});", ends=True),
        "UNREACHABLE": Step("", "", "", "TRAP(UNREACHABLE);", ends=True),
        "COUNTER": Step("", "", "q", "++*(uint64_t *)(uintptr_t){k0};", alone=True),
    }
    for below in "if":
        for top in "if":
            # The second of two entries: taken from memory, put there, thrown away.
            read = "READ_FLOAT(fp + {k0})" if below == "f" else "fp[{k0}]"
            write = "WRITE_FLOAT(fp + {k0}, {0});" if below == "f" else "fp[{k0}] = {0};"
            pair = f"_{below}{top}"
            all_steps["UNDER_GET" + pair] = Step(top, below + top, "h", "{r} = " + read + "; {q} = {0};")
            all_steps["UNDER_SET" + pair] = Step(below + top, top, "h", write + " {r} = {1};")
            all_steps["NIP" + pair] = Step(below + top, top, "", "(void){0}; {r} = {1};")
    for suffix, count, kind, register in (("", integers, "i", "l"), ("F", floats, "f", "y")):
        for n in range(count):
            name, local = f"{suffix}{n}", f"{register}{n}"
            memory = "READ_FLOAT(fp + {k0})" if suffix else "fp[{k0}]"
            save = "WRITE_FLOAT(fp + {k0}, " + local + ");" if suffix else "fp[{k0}] = " + local + ";"
            all_steps["RG" + name] = Step("", kind, "", "{r} = " + local + ";")
            all_steps["RS" + name] = Step(kind, "", "", local + " = {0};")
            all_steps["RT" + name] = Step(kind, kind, "", local + " = {r} = {0};")
            all_steps["SAVE" + name] = Step("", "", "h", save)
            all_steps["RESTORE" + name] = Step("", "", "h", f"{local} = {memory};")
            all_steps["ZERO" + name] = Step("", "", "", local + " = " + ("ZERO_FLOAT;" if suffix else "0;"))
    text = (ROOT / "src/engine/opcodes.def").read_text()
    for number, name, _, signature in re.findall(r'OP\((0x\w+), (\w+), "(.*?)",\s*\w+, "(.*?)"', text):
        code = int(number, 16)
        takes, leaves = (re.sub("[im]", "i", side.lower()) for side in signature.split(":"))
        if name in all_steps or not (0x28 <= code <= 0x3E or 0x46 <= code <= 0xC4 or 0x100 <= code <= 0x107):
            continue
        if code <= 0x35:  # an unsigned load has one text for both widths
            same = re.sub("I64_(LOAD8|LOAD16|LOAD32)_U", r"I32_\1_U", name).replace("LOAD32_U", "LOAD")
            all_steps[name] = Step("i", leaves, "w", f"LOAD_FROM(OP_{same}, {{r}}, {{0}}, {{k0}});")
        elif code <= 0x3E:
            family = "STORE_" + name[:3] if takes[1] == "f" else "STORE" + (re.sub(r".*STORE", "", name) or name[1:3])
            macro = "STORE_FLOAT" if takes[1] == "f" else "STORE_INTEGER"
            all_steps[name] = Step(takes, "", "w", f"{macro}(OP_{family}, {{0}}, {{1}}, {{k0}});")
        else:
            macro = ("UNARY" if len(takes) == 1 else "BINARY") + "_" + takes[0] + leaves
            operands = ", ".join(f"{{{n}}}" for n in range(len(takes)))
            all_steps[name] = Step(takes, leaves, "", f"{macro}(OP_{name}, {{r}}, {operands});")
    return all_steps


@dataclasses.dataclass
class Sequence:
    """Steps that share a handler, and what they take from the window and leave there together."""

    names: tuple[str, ...]
    takes: str = ""
    leaves: str = ""

    def __init__(self, names: tuple[str, ...], known: dict[str, Step]):
        self.names = names
        stack: list[str] = []
        takes = ""
        for name in names:
            step = known[name]
            for kind in reversed(step.takes):
                if stack:
                    stack.pop()
                else:
                    takes = kind + takes
            stack += step.leaves
        self.takes, self.leaves = takes, "".join(stack)


def handler(sequence: Sequence, known: dict[str, Step], window: int, state: int) -> tuple[str, int]:
    """The body, and the bytes of the instruction. `state` is the register of the deepest operand."""
    register = {"i": "t", "f": "x"}
    lines: list[str] = []
    count = 0

    def new(kind: str, value: str = "") -> str:
        nonlocal count
        count += 1
        lines.append(("uint64_t" if kind == "i" else "V") + f" v{count}" + (f" = {value}" if value else "") + ";")
        return f"v{count}"

    stack = [new(kind, f"{register[kind]}{(state + n) % window}") for n, kind in enumerate(sequence.takes)]
    offset, bodies = 8, []
    for name in sequence.names:
        step = known[name]
        words = {}
        for n, width in enumerate(step.immediates):
            size = WIDTH[width]
            offset = (offset + size - 1) // size * size
            words[f"k{n}"] = f"U{8 * size}({offset})"
            offset += size
        operands = stack[len(stack) - len(step.takes) :]
        del stack[len(stack) - len(step.takes) :]
        results = [new(kind) for kind in step.leaves]
        stack += results
        if step.text.find("{1}") >= 0 and step.text.find("{r}") < 0 and step.leaves:
            lines.append(f"{results[0]} = {operands[0]};")  # a branch that leaves the value below its condition
        if step.ends:
            for n, (kind, value) in enumerate(zip(sequence.leaves, stack, strict=True)):
                lines.append(f"{register[kind]}{(state + n) % window} = {value};")
        for key, value in zip("rq", results, strict=False):
            words[key] = value
        lines.append(step.text.format(*operands, **words))
    size = (offset + 7) // 8 * 8
    if not known[sequence.names[-1]].ends:
        for n, (kind, value) in enumerate(zip(sequence.leaves, stack, strict=True)):
            lines.append(f"{register[kind]}{(state + n) % window} = {value};")
    if known[sequence.names[-1]].text.startswith(("TAKE", "TRAP")) is False:
        lines.append("NEXT(SIZE);")
    body = f"enum {{ SIZE = {size} }};\n    " + "\n    ".join(line for line in lines if line)
    return body, size


def write_handlers(window: int, integers: int, floats: int, path: str | None) -> None:
    known = steps(integers, floats)
    sequences = [Sequence((name,), known) for name in known]
    if path:
        lines = pathlib.Path(path).read_text().splitlines()
        sequences += [Sequence(tuple(line.split()), known) for line in lines if line.strip()]
    out = ["/* Written by generate.py. */", "#ifndef HANDLER", f"#define WINDOW {window}", "enum {"]
    out += [f"    STEP_{name}," for name in known] + ["    STEP_COUNT", "};"]
    out.append(f"#define WINDOW_REGISTER_LOCALS {int(integers + floats > 0)}")
    if integers + floats:
        out.append(f"enum {{ STEP_FIRST_OF_REGISTERS = STEP_RG{'' if integers else 'F'}0 }};")
    out.append("static const window_step step_table[] = {")
    for name, step in known.items():
        out.append(f'    {{"{name}", "{step.takes}", "{step.leaves}", "{step.immediates}"}},')
    out.append("};")
    parameters = [f"uint64_t t{n}" for n in range(window)] + [f"uint64_t l{n}" for n in range(integers)]
    parameters += [f"V x{n}" for n in range(window)] + [f"V y{n}" for n in range(floats)]
    names = [one.split()[1] for one in parameters]
    kept = [f"ex->{'floats' if n[0] in 'xy' else 'integers'}[{int(n[1]) + (window if n[0] in 'ly' else 0)}]" for n in names]
    saves = [f"{to} = {name}{'[0]' if 'floats' in to else ''};" for name, to in zip(names, kept, strict=True)]
    loads = [f"(V){{{to}, 0}}" if "floats" in to else to for to in kept]
    out.append(f"#define WINDOW_PARAMETERS {', '.join(parameters)}")
    out.append(f"#define WINDOW_REGISTERS {', '.join(names)}")
    out.append(f"#define WINDOW_SAVE {' '.join(saves)}")
    out.append(f"#define WINDOW_SAVED {', '.join(loads)}")
    out.append(f"enum {{ INTEGER_LOCALS = {integers}, FLOAT_LOCALS = {floats} }};")
    out.append("#else")
    rows = []
    for n, sequence in enumerate(sequences):
        states = window if sequence.takes or sequence.leaves else 1
        size = 0
        for state in range(states):
            body, size = handler(sequence, known, window, state)
            # A name one can find in a disassembly.
            out.append(f"/* {' '.join(sequence.names)} */\nHANDLER(s{n}_{state}) {{\n    {body}\n}}")
        columns = ", ".join(f"s{n}_{state % states}" for state in range(window))
        ids = ", ".join(f"STEP_{name}" for name in sequence.names)
        takes, leaves = len(sequence.takes), len(sequence.leaves)
        rows.append(f"    {{{len(sequence.names)}, {takes}, {leaves}, {size}, {{{ids}}}, {{{columns}}}}},")
    out += ["static const window_sequence sequence_table[] = {", *rows, "};"]
    out.append("#endif")
    sys.stdout.write("\n".join(out) + "\n")


Token = tuple[str, ...]
Runs = list[tuple[list[Token], list[float]]]


def read_profiles(paths: list[str]) -> Runs:
    """What programs ran in straight lines: steps, and how often each ran. A line is NUMBER STEP ... NUMBER STEP ..., a
    number before every step that ran less often than the one before it. Every program counts the same."""
    runs: Runs = []
    for path in paths:
        program = []
        for line in pathlib.Path(path).read_text().splitlines():
            tokens, weights, weight = [], [], 0.0
            for word in line.split():
                if word.isdigit():
                    weight = float(word)
                else:
                    tokens.append((word,))
                    weights.append(weight)
            program.append((tokens, weights))
        total = sum(sum(weights) for _, weights in program)
        runs += [(tokens, [w / total for w in weights]) for tokens, weights in program if tokens]
    return runs


def merge(runs: Runs, number: int, allowed: Callable[[Token], bool]) -> list[tuple[float, Token]]:
    """Byte-pair encoding: again and again the two neighbours that run one after the other most often become one, in the
    runs too. Answers what was made, and how many dispatches each saved."""
    saved: dict[tuple[Token, Token], float] = collections.Counter()
    where = collections.defaultdict(set)
    for r, (tokens, weights) in enumerate(runs):
        for i in range(len(tokens) - 1):
            saved[tokens[i], tokens[i + 1]] += weights[i + 1]
            where[tokens[i], tokens[i + 1]].add(r)
    queue = [(-weight, pair) for pair, weight in saved.items()]
    heapq.heapify(queue)
    made: dict[Token, float] = collections.Counter()
    while queue and len(made) < number:
        weight, pair = heapq.heappop(queue)
        if abs(-weight - saved[pair]) > 1e-12:  # its neighbours were merged since
            if -weight > saved[pair] > 1e-9:
                heapq.heappush(queue, (-saved[pair], pair))
            continue
        both = pair[0] + pair[1]
        if saved[pair] < 1e-9 or not allowed(both):
            continue
        made[both] += saved[pair]
        changed = set()
        for r in where.pop(pair):
            tokens, weights = runs[r]
            for i in range(len(tokens) - 1):
                saved[tokens[i], tokens[i + 1]] -= weights[i + 1]
            i = 0
            while i < len(tokens) - 1:
                if (tokens[i], tokens[i + 1]) == pair:
                    tokens[i] = both
                    del tokens[i + 1], weights[i + 1]
                i += 1
            for i in range(len(tokens) - 1):
                near = (tokens[i], tokens[i + 1])
                saved[near] += weights[i + 1]
                where[near].add(r)
                changed.add(near)
        saved[pair] = 0
        for near in changed:
            heapq.heappush(queue, (-saved[near], near))
    return [(weight, token) for token, weight in made.items()]


def class_of(name: str) -> tuple[str, str]:
    """Steps that stand for one another (what one program does with an addition, another does with a subtraction), and
    which of the two widths this one has; an empty width where there is but one."""
    constants = {"KI": ("I:K", "32"), "KL": ("I:K", "64"), "KF": ("F:K", "32"), "KD": ("F:K", "64")}
    if name in constants:
        return constants[name]
    if re.match(r"R[GST]|SAVE|RESTORE|ZERO", name):
        return name.rstrip("0123456789"), ""
    found = re.match(r"([IF])(\d\d)_(EQ(?!Z)|NE(?!A|G)|LT|GT|LE|GE|LOAD|STORE|ADD|SUB|MUL|DIV|REM|AND|OR|XOR|SH|ROT)", name)
    if not found:
        return name, ""
    kind = found[3] if found[3] in ("LOAD", "STORE") else "COMPARE" if found[3][:2] in COMPARISONS else "ARITHMETIC"
    return f"{found[1]}:{kind}", found[2]


def choose(window: int, integers: int, floats: int, exact: int, alike: int, paths: list[str]) -> None:
    """Sequences that the programs ran most often (`exact`), and those that programs like them would run (`alike`):
    sequences of classes of steps, filled with the members of each class as often as those occur."""
    known = steps(integers, floats)

    def legal(token: Token, longest: int = LONGEST) -> bool:
        for first, second in itertools.pairwise(token):
            if known[first].ends or known[first].alone or known[second].alone or second == "ENTER":
                return False
        both = Sequence(token, known)
        return len(token) <= longest and len(both.takes) <= window and len(both.leaves) <= window

    runs = read_profiles(paths)
    shares: dict[tuple[str, str], dict[str, float]] = collections.defaultdict(collections.Counter)
    for name in known:
        shares[class_of(name)][name] += 1e-5
    for tokens, weights in runs:
        for token, weight in zip(tokens, weights, strict=True):
            shares[class_of(token[0])][token[0]] += weight
    members = {
        kind: sorted(((w / sum(of.values()), name) for name, w in of.items()), reverse=True) for kind, of in shares.items()
    }

    def filled(kinds: Token, weight: float) -> Iterator[tuple[float, Token]]:
        """The most likely members of a sequence of classes, all integers of one width, and all floats."""
        for widths in itertools.product(("32", "64") if any(":" in k for k in kinds) else ("",), repeat=2):
            partial: list[tuple[float, Token]] = [(weight, ())]
            for kind in kinds:
                width = "" if ":" not in kind else widths[kind[0] == "F"]
                partial = [(w * share, (*token, name)) for w, token in partial for share, name in members[kind, width]]
                partial = heapq.nlargest(alike // 2, partial)
            yield from partial

    by_class = [([(class_of(token[0])[0],) for token in tokens], list(weights)) for tokens, weights in runs]
    example = {kind: of[0][1] for (kind, _), of in members.items()}
    found: dict[Token, float] = {}
    for weight, kinds in merge(by_class, 300, lambda kinds: legal(tuple(example[k] for k in kinds), 6)):
        for likely, token in filled(kinds, weight):
            found[token] = max(found.get(token, 0), likely)
    chosen = set(heapq.nlargest(alike, found, key=lambda token: found[token]))
    merge(runs, 3 * exact, legal)
    use: dict[Token, float] = collections.Counter()
    for tokens, weights in runs:  # what is left when all is merged; parts of it alone are dropped
        for token, weight in zip(tokens, weights, strict=True):
            use[token] += weight * (len(token) - 1)
    chosen |= {token for token, _ in use.most_common(exact) if len(token) > 1}
    for token in sorted(chosen):
        print(" ".join(token))


def main() -> None:
    window, integers, floats = map(int, sys.argv[2].split(","))
    if window < 3:
        sys.exit("error: select takes three operands from the window")
    if sys.argv[1] == "handlers":
        write_handlers(window, integers, floats, sys.argv[3] if len(sys.argv) > 3 else None)
    else:
        choose(window, integers, floats, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])


if __name__ == "__main__":
    main()
