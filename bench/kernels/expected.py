#!/usr/bin/env python3
"""Where the kernels' expected values come from that are neither published vectors nor invariants.

Each function here computes one kernel's values independently of it, with what Python brings, and yields them
as they are written in the kernel's source. This looks them up there:

    python3 bench/kernels/expected.py [NAME...]

and exits with 1 where a source has another one."""

import functools
import heapq
import hashlib
import html
import itertools
import math
import re
import struct
import sys
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF


def random_numbers(seed: int) -> Iterator[int]:
    """kernel_random of kernel.h."""
    while True:
        seed ^= seed << 13 & MASK32
        seed ^= seed >> 17
        seed ^= seed << 5 & MASK32
        yield seed


def random_bytes(size: int, seed: int) -> bytes:
    """kernel_random_bytes of kernel.h."""
    numbers = random_numbers(seed)
    return bytes(next(numbers) >> 24 for _ in range(size))


def kernel_hash(data: bytes) -> int:
    """kernel_hash of kernel.h."""
    result = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<Q", data):
        result = (result ^ word) * 0x100000001B3 & MASK64
    return result


def hex_bytes(data: bytes) -> str:
    return ", ".join(f"0x{byte:02X}" for byte in data)


def is_prime(n: int) -> bool:
    return n >= 2 and all(n % d for d in range(2, math.isqrt(n) + 1))


def single(x: float) -> float:
    """Rounded to single precision. Sums and products of singles may have been rounded to double before."""
    return float(struct.unpack("f", struct.pack("f", x))[0])


def sha256() -> Iterator[str]:
    yield hex_bytes(hashlib.sha256(random_bytes(20000, 1)).digest()[:8])


def crc32() -> Iterator[str]:
    message = random_bytes(60000, 2)
    yield f"crc != 0x{zlib.crc32(message):08X}"
    yield f"!= 0x{zlib.crc32(message[:15000]):08X} ? 3"


def sieve() -> Iterator[str]:
    yield str(sum(is_prime(n) for n in range(200000)))


def mandelbrot() -> Iterator[str]:
    pitch = single(0.046875)
    inside = total = 0
    for row in range(48):
        for column in range(64):
            cx = single(single(-2.25) + single(column * pitch))
            cy = single(single(-1.125) + single(row * pitch))
            zx = zy = 0.0
            count = 0
            while count < 50:
                xx, yy, xy = single(zx * zx), single(zy * zy), single(zx * zy)
                if not single(xx + yy) <= 4:
                    break
                count += 1
                zx, zy = single(single(xx - yy) + cx), single(single(xy + xy) + cy)
            inside += count == 50
            total += count
    yield f"inside != {inside}"
    yield f"total != {total}"


def interpreter() -> Iterator[str]:
    def steps(n: int) -> int:
        count = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            count += 1
        return count

    longest = max(range(1, 1000), key=steps)
    yield f"m.registers[2] != {longest} || m.registers[3] != {steps(longest)}"
    yield f"m.registers[1] != {math.gcd(1071, 462)} || m.registers[6] != {math.lcm(1071, 462)}"
    yield f"m.registers[2] != {sum(is_prime(n) for n in range(4096))}"


def blake2s() -> Iterator[str]:
    message = random_bytes(20000, 6)
    yield f"plain[8] = {{{hex_bytes(hashlib.blake2s(message).digest()[:8])}}}"
    yield f"keyed[8] = {{{hex_bytes(hashlib.blake2s(message, key=b'a key of the kernel').digest()[:8])}}}"


def rotate64(x: int, n: int) -> int:
    return (x << n | x >> 64 - n) & MASK64


def siphash() -> Iterator[str]:
    def siphash24(key: bytes, message: bytes) -> int:
        k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
        v0, v1, v2, v3 = (
            k ^ int.from_bytes(text, "big")
            for k, text in zip((k0, k1, k0, k1), (b"somepseu", b"dorandom", b"lygenera", b"tedbytes"))
        )
        padded = message + bytes(-(len(message) + 1) % 8) + bytes([len(message) % 256])
        words: list[tuple[int | None, int]] = [(word, 2) for (word,) in struct.iter_unpack("<Q", padded)]
        for word, count in [*words, (None, 4)]:
            if word is None:
                v2 ^= 0xFF
            else:
                v3 ^= word
            for _ in range(count):
                v0 = v0 + v1 & MASK64
                v1 = rotate64(v1, 13) ^ v0
                v0 = rotate64(v0, 32)
                v2 = v2 + v3 & MASK64
                v3 = rotate64(v3, 16) ^ v2
                v0 = v0 + v3 & MASK64
                v3 = rotate64(v3, 21) ^ v0
                v2 = v2 + v1 & MASK64
                v1 = rotate64(v1, 17) ^ v2
                v2 = rotate64(v2, 32)
            if word is not None:
                v0 ^= word
        return v0 ^ v1 ^ v2 ^ v3

    counting = bytes(range(16))
    assert siphash24(counting, counting[:15]) == 0xA129CA6149BE45E5
    message = random_bytes(32000, 7)
    yield f"MESSAGE_SIZE) != UINT64_C(0x{siphash24(message[:16], message):016X})"
    total = sum(siphash24(counting, message[i * 20 : i * 20 + i % 20]) for i in range(1500))
    yield f"sum != UINT64_C(0x{total & MASK64:016X})"


def xxhash64() -> Iterator[str]:
    p1, p2, p3, p4, p5 = (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )

    def lane_round(lane: int, word: int) -> int:
        return rotate64(lane + word * p2 & MASK64, 31) * p1 & MASK64

    def xxh64(data: bytes, seed: int) -> int:
        done = len(data) - len(data) % 32
        result = seed + p5
        if done:
            lanes = [seed + p1 + p2 & MASK64, seed + p2 & MASK64, seed, seed - p1 & MASK64]
            for stripe in struct.iter_unpack("<4Q", data[:done]):
                lanes = [lane_round(lane, word) for lane, word in zip(lanes, stripe)]
            result = sum(rotate64(lane, n) for lane, n in zip(lanes, (1, 7, 12, 18)))
            for lane in lanes:
                result = (result ^ lane_round(0, lane)) * p1 + p4 & MASK64
        result = result + len(data) & MASK64
        rest = data[done:]
        while len(rest) >= 8:
            (word,) = struct.unpack("<Q", rest[:8])
            result = rotate64(result ^ lane_round(0, word), 27) * p1 + p4 & MASK64
            rest = rest[8:]
        if len(rest) >= 4:
            (word,) = struct.unpack("<I", rest[:4])
            result = rotate64(result ^ word * p1 & MASK64, 23) * p2 + p3 & MASK64
            rest = rest[4:]
        for byte in rest:
            result = rotate64(result ^ byte * p5 & MASK64, 11) * p1 & MASK64
        result = (result ^ result >> 33) * p2 & MASK64
        result = (result ^ result >> 29) * p3 & MASK64
        return result ^ result >> 32

    assert (xxh64(b"", 0), xxh64(b"abc", 0)) == (0xEF46DB3751D8E999, 0x44BC2CF5AD770999)
    message = random_bytes(60000, 8)
    yield f"9) != UINT64_C(0x{xxh64(message[:-1], 9):016X})"
    total = sum(xxh64(message[i * 100 : i * 100 + i % 100], i) for i in range(500))
    yield f"sum != UINT64_C(0x{total & MASK64:016X})"


def base64() -> Iterator[str]:
    data = random_bytes(24000, 9)
    yield f"size) != UINT64_C(0x{kernel_hash(b64encode(data)):016X})"
    yield f"SIZE) != UINT64_C(0x{kernel_hash(data):016X})"


def chacha20() -> Iterator[str]:
    def rotate32(x: int, n: int) -> int:
        return (x << n | x >> 32 - n) & MASK32

    def block(key: bytes, nonce: bytes, counter: int) -> bytes:
        start = struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce)
        x = list(start)
        columns = [(i, i + 4, i + 8, i + 12) for i in range(4)]
        diagonals = [(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12) for i in range(4)]
        for a, b, c, d in (columns + diagonals) * 10:
            for to, other, changed, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[to] = x[to] + x[other] & MASK32
                x[changed] = rotate32(x[changed] ^ x[to], n)
        return struct.pack("<16I", *(a + b & MASK32 for a, b in zip(x, start)))

    def crypt(key: bytes, nonce: bytes, counter: int, data: bytes) -> bytes:
        stream = b"".join(block(key, nonce, counter + i & MASK32) for i in range((len(data) + 63) // 64))
        return bytes(a ^ b for a, b in zip(data, stream))

    key, nonce = bytes(range(32)), bytes([0, 0, 0, 0, 0, 0, 0, 0x4A, 0, 0, 0, 0])
    assert crypt(key, nonce, 1, b"Ladies and Gentl").hex() == "6e2e359a2568f98041ba0728dd0d6981"
    yield f"SIZE) != UINT64_C(0x{kernel_hash(crypt(key, nonce, 0xFFFFFFF0, random_bytes(16384, 10))):016X})"


def strings() -> Iterator[str]:
    names = ("Fish & Chips", "<b>bold</b>", 'say "yes"', "plain words", "a > b")
    numbers = random_numbers(16)
    page = "<table>\n"
    for row in range(120):
        r, second = next(numbers), next(numbers)
        cents = (second - (second >> 31 << 32)) * (row % 7 + 1)
        money = f"{abs(cents) // 100:,}.{abs(cents) % 100:02}"
        page += f'<tr><td>{row}</td><td class="name">{html.escape(names[r % 5])}</td>'
        page += f"<td>0x{r:08x}</td><td>{'-' if cents < 0 else ''}{money}</td></tr>\n"
    text = (page + "</table>\n").replace("td>", "TD >").encode()
    text += b"\n" * (-len(text) % 8)
    yield f"size != {len(text)}"
    yield f"hash != UINT64_C(0x{kernel_hash(text):016X})"


def regex_nfa() -> Iterator[str]:
    levels = ("INFO", "WARN", "ERROR", "DEBUG")
    parts = (
        "user=ada@example.org",
        "took 35 ms",
        "GET /index.html",
        "retry 3 of 5",
        "0x7fe0",
        "id=a1b2-c3d4",
        "aaaaaaaab",
        "connection to 10.0.0.7 lost",
    )
    numbers = random_numbers(20)
    log = []
    for _ in range(150):
        r = next(numbers) >> 8
        line = f"2024-11-22 {levels[r % 4]} {parts[r // 4 % 8]}; {parts[r // 32 % 8]}"
        log.append(line + ("." if r // 256 % 3 == 0 else ""))
    for pattern in (
        r"ERROR|WARN",
        r"[a-z]+@[a-z]+\.(org|com)$",
        r"\d+\.\d+\.\d+\.\d+ lost",
        r"^[^ ]+ (INFO|DEBUG) .*ms",
        r"(a|aa)+b",
        r"^took|took\s\d+\sms$",
        r"(x*)*y|0x[0-9a-f]+\.?$",
    ):
        found = sum(re.search(pattern, line) is not None for line in log)
        yield f'{{"{pattern}", {found}}}'.replace("\\", "\\\\")


def levenshtein() -> Iterator[str]:
    numbers = random_numbers(22)
    words = []
    for _ in range(60):
        size = 6 + (next(numbers) >> 8) % 19
        words.append("".join(chr(ord("a") + (next(numbers) >> 8) % 6) for _ in range(size)))

    def distance(a: str, b: str) -> int:
        @functools.cache
        def prefixes(i: int, j: int) -> int:
            if i == 0 or j == 0:
                return i + j
            changed = prefixes(i - 1, j - 1) + (a[i - 1] != b[j - 1])
            return min(changed, prefixes(i - 1, j) + 1, prefixes(i, j - 1) + 1)

        return prefixes(len(a), len(b))

    table = {(a, b): distance(a, b) for a, b in itertools.combinations(words, 2)}
    yield f"(total != {2 * sum(table.values())}"
    yield f"nearest_total != {sum(min(d for pair, d in table.items() if word in pair) for word in words)}"


def bignum() -> Iterator[str]:
    numbers = random_numbers(24)
    modulus, message = (sum(next(numbers) << 32 * i for i in range(16)) for _ in range(2))
    modulus |= 1 | 1 << 511
    message &= (1 << 511) - 1
    yield f"UINT64_C(0x{kernel_hash(pow(message, message, modulus).to_bytes(64, 'little')):016X})"


def pi_digits() -> Iterator[str]:
    """Pi as six times the arcsine of 1/2, with guard digits."""
    scale = 10**480
    term = total = 3 * scale
    n = 0
    while term > 0:
        n += 1
        term = term * (2 * n - 1) // (8 * n)
        total += term // (2 * n + 1)
    digits = total // 10 ** (480 - 450)
    limbs = [digits // 10 ** (9 * i) % 10**9 for i in reversed(range(51))]
    result = 0
    for limb in limbs:
        result = result * 31 + limb & MASK32
    yield f"sum != {result}"


def huffman() -> Iterator[str]:
    numbers = random_numbers(14)
    text = []
    for _ in range(15001):
        r = next(numbers) >> 8
        text.append((r & 63) * (r >> 6 & 63) * (r >> 12 & 63) >> 10)
    weights = list(Counter(text).values())
    heapq.heapify(weights)
    bits = 0
    while len(weights) > 1:
        both = heapq.heappop(weights) + heapq.heappop(weights)
        bits += both
        heapq.heappush(weights, both)
    yield f"bits != {bits}"


def image_filter() -> Iterator[str]:
    width, height = 96, 64
    numbers = random_numbers(27)
    image = [
        [
            (200 if (x - 40) ** 2 + (y - 30) ** 2 < 400 else x + y // 2) + (next(numbers) >> 8) % 32
            for x in range(width)
        ]
        for y in range(height)
    ]

    def convolve(pixels: list[list[int]], weights: list[list[int]]) -> list[list[int]]:
        reach = len(weights) // 2

        def at(x: int, y: int) -> int:
            return pixels[min(max(y, 0), height - 1)][min(max(x, 0), width - 1)]

        return [
            [
                sum(
                    w * at(x + i - reach, y + j - reach)
                    for j, row in enumerate(weights)
                    for i, w in enumerate(row)
                    if w
                )
                for x in range(width)
            ]
            for y in range(height)
        ]

    taps = (1, 4, 6, 4, 1)
    sums = convolve(image, [[a * b for a in taps] for b in taps])
    blurred = [[(s + 128) // 256 for s in row] for row in sums]
    dx = convolve(blurred, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    dy = convolve(blurred, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    edges = [[min(abs(a) + abs(b), 255) for a, b in zip(*rows)] for rows in zip(dx, dy)]
    for name, rows in (("blurred", blurred), ("edges", edges)):
        yield f"sizeof {name}) != UINT64_C(0x{kernel_hash(bytes(itertools.chain(*rows))):016X})"


def gray() -> Iterator[str]:
    data = random_bytes(48000, 28)
    pixels = zip(data[0::3], data[1::3], data[2::3])
    result = bytes(math.floor((77 * r + 150 * g + 29 * b) / 256 + 0.5) for r, g, b in pixels)
    yield f"UINT64_C(0x{kernel_hash(result):016X})"


def blend() -> Iterator[str]:
    bottom = bytearray(random_bytes(32000, 30))
    bottom[3::4] = bytes([255]) * 8000
    numbers = random_numbers(29)
    result = bytearray()
    for i in range(0, 32000, 4):
        r = next(numbers)
        alpha = (0, 255, r & 255, r & 255)[r >> 30]
        top = [(next(numbers) >> 24) * (alpha or 255) // 255 for _ in range(3)] + [alpha]
        result += bytes(
            min(a + round(Fraction(b * (255 - alpha), 255)), 255) for a, b in zip(top, bottom[i : i + 4])
        )
    yield f"UINT64_C(0x{kernel_hash(bytes(result)):016X})"


def memory() -> Iterator[str]:
    source = random_bytes(4096, 34)
    numbers = random_numbers(35)
    text = b""
    for i in range(60):
        at = next(numbers) % (len(text) + 1)
        amount = (next(numbers) >> 8) % 600
        if i % 4 == 3:
            text = text[:at] + text[at + amount :]
        else:
            amount = min(amount, 16384 - len(text))
            start = (next(numbers) >> 8) % (4096 - 600)
            text = text[:at] + source[start : start + amount] + text[at:]
    yield f"size != {len(text)}"
    yield f"TEXT_SIZE) != UINT64_C(0x{kernel_hash(text.ljust(16384, bytes(1))):016X})"

    width, height = 320, 120
    screen = [[0] * width for _ in range(height)]
    numbers = random_numbers(36)
    for i in range(40):
        (x, y, w, h), (to_x, to_y, _, _) = (
            [
                (next(numbers) >> 8) % limit + offset
                for limit, offset in ((width - 100, 0), (height - 40, 0), (100, 1), (40, 1))
            ]
            for _ in range(2)
        )
        before = [list(row) for row in screen]
        for j, k in itertools.product(range(h), range(w)):
            if i % 2 == 0:
                screen[y + j][x + k] = i + 1
            else:
                screen[to_y + j][to_x + k] = before[y + j][x + k]
    yield f"sizeof screen) != UINT64_C(0x{kernel_hash(bytes(itertools.chain(*screen))):016X})"


def vtable() -> Iterator[str]:
    numbers = random_numbers(23)
    areas = borders = 0
    for _ in range(600):
        *points, side = [next(numbers) % 2001 - 1000 for _ in range(7)]
        a, b, c = (complex(*points[i : i + 2]) for i in (0, 2, 4))
        kind = (next(numbers) >> 8) % 3
        if kind == 0:
            corners = [0, side + 1001, (1 + 1j) * (side + 1001), 1j * (side + 1001)]
        elif kind == 1:
            corners = [a, complex(b.real, a.imag), b, complex(a.real, b.imag)]
        else:
            corners = [a, b, c]
        edges = [(p, q) for p, q in zip(corners, corners[1:] + corners[:1])]
        areas += abs(round(sum((p.conjugate() * q).imag for p, q in edges)))  # the shoelace formula
        borders += round(sum(abs((q - p).real) + abs((q - p).imag) for p, q in edges))
    yield f"direct_areas != INT64_C({areas}) || direct_borders != INT64_C({borders})"


def core_mix() -> Iterator[str]:
    crc = 0

    def fold(value: int) -> None:
        nonlocal crc
        for byte in (value & MASK32).to_bytes(4, "little"):
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1

    def signed(value: int, bits: int) -> int:
        return (value + (1 << bits - 1) & (1 << bits) - 1) - (1 << bits - 1)

    def find_all(values: list[int]) -> int:
        low = [value & 63 for value in values]
        return sum(low.index(value) if value in low else -1 for value in range(64))

    mantissa = r"[+-]?(\d+|\d*\.\d+)"
    states = (
        "",
        r"[+-]",
        r"[+-]?\d+",
        r"[+-]?\d*\.",
        r"[+-]?\d*\.\d+",
        mantissa + "e",
        mantissa + "e[+-]",
        mantissa + r"e[+-]?\d+",
    )

    def state(text: str) -> int:
        return next((i for i, pattern in enumerate(states) if re.fullmatch(pattern, text)), 8)

    for i in range(1, 11):
        numbers = random_numbers(i)
        items = [(next(numbers) >> 20, place) for place in range(60)]
        fold(find_all([value for value, _ in items]))
        by_value = sorted(items, key=lambda item: item[0])
        for value, place in by_value:
            fold(value << 16 | place)
        fold(find_all([value for value, _ in reversed(by_value)]))
        for value, place in items:
            fold(value << 16 | place)

        size = range(12)
        numbers = random_numbers(i + 100)
        cells = [(signed(next(numbers) >> 16, 16), next(numbers) >> 24) for _ in range(144)]
        a, b = ([[cells[12 * j + k][which] for k in size] for j in size] for which in (0, 1))
        for some_bits in (False, True):
            if some_bits:
                a = [[signed(cell + i * 1000, 16) for cell in row] for row in a]
            c = []
            for row, column in itertools.product(a, zip(*b)):
                products = [x * y & MASK32 for x, y in zip(row, column)]
                if some_bits:
                    products = [(p // 4 % 16) * (p // 32 % 128) for p in products]
                c.append(signed(sum(products), 32))
            fold(sum(c))
            fold(max(c))

        text = list("5012,1.5,-874,+122,3.7e12,-.123,x,110e-3,0..5,7e,12a,+,-0.0,55e+2,")
        text[i * 3 % len(text)] = ","
        tokens = "".join(text)[:-1].split(",")
        ends = [state(token) for token in tokens]
        visits = [state(token[: k + 1]) for token in tokens for k in range(len(token))]
        for s in range(9):
            fold(ends.count(s) << 16 | visits.count(s))
    yield f"crc != 0x{crc:04X}"


def expression() -> Iterator[str]:
    source = (HERE / "expression.c").read_text()
    names = {"sqrt": math.sqrt, "abs": abs, "min": min, "max": max, "floor": math.floor}
    names["when"] = lambda condition, a, b: a if condition else b
    for text in re.findall(r'^ +\{"(.*)", ', source, re.MULTILINE):
        code = compile(text.replace("^", "**").replace("=", "==").replace("if(", "when("), text, "eval")
        total = 0.0
        for k in range(100):
            total += eval(code, names, {"x": k * 0.25, "y": 3 - k * 0.25})
        yield f'{{"{text}", {total!r}}}'


KERNELS: list[Callable[[], Iterator[str]]] = [
    base64,
    bignum,
    blake2s,
    blend,
    chacha20,
    core_mix,
    crc32,
    expression,
    gray,
    huffman,
    image_filter,
    interpreter,
    levenshtein,
    mandelbrot,
    memory,
    pi_digits,
    regex_nfa,
    sha256,
    sieve,
    siphash,
    strings,
    vtable,
    xxhash64,
]


def main() -> int:
    wrong = 0
    for kernel in KERNELS:
        name = kernel.__name__
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        source = " ".join((HERE / f"{name}.c").read_text().split())
        for literal in kernel():
            found = re.search(rf"(?<!\w){re.escape(literal)}(?!\w)", source) is not None
            wrong += not found
            print(f"{'ok' if found else 'NOT IN THE SOURCE'} {name}: {literal}")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
