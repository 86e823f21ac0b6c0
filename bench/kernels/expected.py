#!/usr/bin/env python3
"""Where the kernels' expected values come from that are neither published vectors nor invariants.

Each function here computes one kernel's values independently of it, with what Python brings, and yields them as they are
written in the kernel's source. Run without arguments it looks all of them up there:

    python3 bench/kernels/expected.py [NAME...]

and exits with 1 where a source has another one."""

import hashlib
import math
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
MASK32 = 0xFFFFFFFF


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


def hex_bytes(data: bytes) -> str:
    return ", ".join(f"0x{byte:02X}" for byte in data)


def is_prime(n: int) -> bool:
    return n >= 2 and all(n % d for d in range(2, math.isqrt(n) + 1))


def single(x: float) -> float:
    """Rounded to single precision. A sum or product of two singles, rounded to double first, gives the same."""
    return struct.unpack("f", struct.pack("f", x))[0]


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
    yield f"m.registers[2] != {sum(is_prime(n) for n in range(4096))}"


KERNELS: list[Callable[[], Iterator[str]]] = [sha256, crc32, sieve, mandelbrot, interpreter]


def main() -> int:
    wrong = 0
    for kernel in KERNELS:
        name = kernel.__name__
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        source = " ".join((HERE / f"{name}.c").read_text().split())
        for literal in kernel():
            found = literal in source
            wrong += not found
            print(f"{'ok' if found else 'NOT IN THE SOURCE'} {name}: {literal}")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
