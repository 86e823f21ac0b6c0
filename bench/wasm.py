"""As much of WebAssembly's binary format as it takes to export every function of a module."""

from __future__ import annotations

import dataclasses

TYPE_FUNC = 0
SECTION_IMPORT, SECTION_FUNCTION, SECTION_EXPORT, SECTION_CODE = 2, 3, 7, 10
HEADER = b"\0asm\1\0\0\0"
# Sections stand in the order of their numbers, but for the tags (13), which come before the globals (6), and
# the count of data segments (12), which comes before the code.
ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]


def unsigned(number: int) -> bytes:
    """A number in LEB128."""
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


@dataclasses.dataclass
class Reader:
    data: bytes
    at: int = 0

    def number(self) -> int:
        result = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def limits(self) -> None:
        flags = self.number()
        self.number()
        if flags & 1:
            self.number()

    def done(self) -> bool:
        return self.at >= len(self.data)


def imported_functions(section: bytes) -> int:
    """How many of the imports are functions. Types are one byte each: modules with others are not needed
    here."""
    reader = Reader(section)
    functions = 0
    for _ in range(reader.number()):
        reader.take(reader.number())
        reader.take(reader.number())
        kind = reader.number()
        if kind == TYPE_FUNC:
            functions += 1
            reader.number()
        elif kind == 1:  # a table
            reader.take(1)
            reader.limits()
        elif kind == 2:  # a memory
            reader.limits()
        else:  # a global or a tag
            reader.take(1)
            reader.number()
    return functions


@dataclasses.dataclass(frozen=True)
class Exported:
    module: bytes
    functions: int
    code_bytes: int  # of all bodies together


def export_everything(module: bytes) -> Exported:
    """The module with another export for each function that it defines: names that begin with `every
    function`."""
    if not module.startswith(HEADER):
        raise ValueError("not a WebAssembly module")
    reader = Reader(module, len(HEADER))
    sections: dict[int, bytes] = {}
    while not reader.done():
        number = reader.number()
        content = reader.take(reader.number())
        if number != 0:  # custom sections are not needed to run
            sections[number] = content
    first = imported_functions(sections.get(SECTION_IMPORT, b"\0"))
    functions = Reader(sections[SECTION_FUNCTION]).number()

    old = Reader(sections.get(SECTION_EXPORT, b"\0"))
    count = old.number()
    exports = bytearray(old.data[old.at :])
    for index in range(first, first + functions):
        name = f"every function {index}".encode()
        exports += unsigned(len(name)) + name + bytes([TYPE_FUNC]) + unsigned(index)
    sections[SECTION_EXPORT] = unsigned(count + functions) + bytes(exports)

    code = Reader(sections[SECTION_CODE])
    code_bytes = 0
    for _ in range(code.number()):
        size = code.number()
        code_bytes += size
        code.take(size)

    out = bytearray(HEADER)
    for number in ORDER:
        if number in sections:
            out += bytes([number]) + unsigned(len(sections[number])) + sections[number]
    return Exported(bytes(out), functions, code_bytes)
