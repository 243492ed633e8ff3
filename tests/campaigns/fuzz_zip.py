"""Zip archives whose headers lie: byte by byte as APPNOTE has it, with a few fields that are wrong."""

import stat
import struct
import zlib
from dataclasses import dataclass, field

from fuzz_input import NUMBERS, Choices

_SIZES_32 = (*(number for number in NUMBERS if 0 <= number < 2**32), 0xFFFFFFFF, 7)
_SIZES_64 = tuple(number for number in NUMBERS if 0 <= number < 2**64)
_METHODS = (0, 8, 8, 1, 9, 12, 14, 93, 99)
_FLAGS = (0x1, 0x8, 0x20, 0x40, 0x800, 0x2000, 0xFFFF)
_MODES = (0o100644, 0o100755, 0o104755, 0o040755, 0o120777, 0o010644, 0o020644, 0o140644, 0)


@dataclass
class _Entry:
    """What both headers of a member say, before one of them lies."""

    name: bytes
    data: bytes
    plain: bytes
    method: int = 8
    flags: int = 0
    crc: int = 0
    size: int = 0
    offset: int = 0
    attributes: int = 0o100644 << 16
    extra: bytes = b""
    lies: dict[str, int | bytes] = field(default_factory=dict)

    def said(self, name: str) -> int | bytes:
        """What the central directory says of a field."""
        said: int | bytes = self.lies.get(name, getattr(self, name))
        return said


def hostile_zip(choices: Choices) -> bytes:
    """A zip archive of a few members."""
    body, entries = b"", list[_Entry]()
    for _ in range(choices.below(5)):
        entry = _entry(choices)
        entry.offset = len(body)
        entries.append(entry)
        body += _local(choices, entry) + entry.data
        if entry.flags & 8 and not choices.fault(20):
            descriptor = struct.pack("<3I", entry.crc, len(entry.data), entry.size)
            body += b"PK\7\x08" * choices.chance(70) + descriptor
        body += choices.bytes(3) if choices.fault(3) else b""
    for entry in entries:
        if choices.fault(4):
            entry.lies["offset"] = choices.pick((*(other.offset for other in entries), *_SIZES_32))
    directory = b"".join(_central(choices, entry) for entry in entries)
    return body + directory + _end(choices, len(entries), directory, len(body))


def _entry(choices: Choices) -> _Entry:
    name = f"{choices.pick(('', 'd/', './', 'd/e/'))}m{choices.below(100)}{'/' * choices.chance(10)}".encode()
    if choices.fault(15):
        name = choices.pick(("A", "é", "../x", "d/../../x", "/x", ".asset_info.json")).encode()
    if choices.fault(4):
        name = choices.text().encode("utf-8", "surrogatepass")[:65535]
    plain = choices.pick((b"", b"a", b"../..", b"text " * 300, bytes(100_000)))
    entry = _Entry(name, plain, plain, crc=zlib.crc32(plain), size=len(plain), method=choices.pick((0, 8)))
    if entry.method == 8:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        entry.data = compressor.compress(plain) + compressor.flush()
    if choices.fault(20):
        entry.attributes = choices.pick(_MODES) << 16
    if stat.S_ISLNK(entry.attributes >> 16):
        entry.plain = entry.data = choices.pick((b"a", b"../a", b"/etc/passwd", b"x/" * 3000, b"\xff", b""))
        entry.method, entry.size, entry.crc = 0, len(entry.data), zlib.crc32(entry.data)
    if choices.fault(8):
        entry.flags |= choices.pick(_FLAGS)
    if choices.fault(15):
        entry.extra = _extra(choices, entry)
    for _ in range(1 + choices.below(2) if choices.fault(35) else 0):
        _lie(choices, entry)
    return entry


def _lie(choices: Choices, entry: _Entry) -> None:
    match choices.below(7):
        case 0:
            entry.lies["name"] = choices.pick((b"b", b"../b", b"", b"a\0b", b"\\b", entry.name.upper()))
        case 1:
            entry.lies["size"] = choices.pick(_SIZES_32)
        case 2:
            entry.lies["packed_size"] = (
                choices.pick((*_SIZES_32, len(entry.data) - 1, len(entry.data) + 1)) & 0xFFFFFFFF
            )
        case 3:
            entry.lies["crc"] = choices.pick((0, 0xFFFFFFFF))
        case 4:
            entry.lies["method"] = choices.pick(_METHODS)
        case 5:
            entry.lies["flags"] = entry.flags ^ choices.pick(_FLAGS)
        case _:
            entry.data = entry.data[:-1] if choices.chance(50) else entry.data + choices.bytes(4)


def _extra(choices: Choices, entry: _Entry) -> bytes:
    match choices.below(5):
        case 0:  # zip64, whether or not a size asks for it
            numbers = [
                choices.pick((len(entry.data), entry.size, *_SIZES_64)) for _ in range(choices.below(4))
            ]
            content = struct.pack(f"<{len(numbers)}Q", *numbers) + choices.bytes(2) * choices.fault(20)
            if choices.chance(50):
                entry.lies["size"] = 0xFFFFFFFF
            return struct.pack("<2H", 1, len(content)) + content
        case 1:  # Info-ZIP's name in UTF-8
            content = (
                b"\1"
                + struct.pack("<I", zlib.crc32(entry.name))
                + choices.text().encode("utf-8", "replace")[:999]
            )
            return struct.pack("<2H", 0x7075, len(content)) + content
        case 2:  # Info-ZIP's times
            return struct.pack(
                "<2HBi",
                0x5455,
                choices.pick((5, 4, 0, 9, 65535)),
                choices.below(8),
                choices.below(2**32) - 2**31,
            )
        case 3:
            return choices.bytes(12)
        case _:
            return struct.pack("<2H", choices.below(2**16), choices.below(2**16))


def _local(choices: Choices, entry: _Entry) -> bytes:
    signature = choices.bytes(4).ljust(4, b"\0") if choices.fault(2) else b"PK\3\4"
    crc, packed_size, size = (0, 0, 0) if entry.flags & 8 else (entry.crc, len(entry.data), entry.size)
    date = choices.below(2**32) if choices.fault(10) else 0x511D_6353
    fields = struct.pack(
        "<5H3I2H", 20, entry.flags, entry.method, date & 0xFFFF, date >> 16,
        crc, packed_size, size, len(entry.name), len(entry.extra),
    )  # fmt: skip
    return signature + fields + entry.name + entry.extra


def _central(choices: Choices, entry: _Entry) -> bytes:
    name, comment = bytes(entry.said("name")), choices.bytes(5) * choices.fault(5)
    packed_size = entry.lies.get("packed_size", len(entry.data))
    date = choices.below(2**32) if choices.fault(10) else 0x511D_6353
    fields = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 3 << 8 | 20, choices.pick((20, 45, 63, 255)) if choices.fault(5) else 20,
        entry.said("flags"), entry.said("method"), date & 0xFFFF, date >> 16,
        entry.said("crc"), packed_size, entry.said("size"), len(name), len(entry.extra), len(comment),
        choices.below(2) if choices.fault(3) else 0, 0, entry.attributes, entry.said("offset"),
    )  # fmt: skip
    return fields + name + entry.extra + comment


def _end(choices: Choices, count: int, directory: bytes, offset: int) -> bytes:
    size = len(directory)
    comment = choices.pick((b"text", b"PK\5\6", b"\0" * 65535)) if choices.fault(5) else b""
    tail = b""
    if choices.chance(10):  # zip64, which says the rest
        numbers = [
            choices.pick((number, *_SIZES_64)) if choices.fault(20) else number
            for number in (count, count, size, offset)
        ]
        tail = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, *numbers)
        tail += struct.pack(
            "<4sIQI",
            b"PK\6\7",
            0,
            choices.pick((offset + size, *_SIZES_64)) if choices.fault(20) else offset + size,
            1,
        )
        count = size = offset = 0xFFFFFFFF
    numbers = [
        choices.pick((number, *_SIZES_32)) if choices.fault(1) else number
        for number in (count, count, size, offset)
    ]
    counts = [number & 0xFFFF for number in numbers[:2]]
    comment_size = choices.below(2**16) if choices.fault(3) else len(comment)
    return tail + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *counts, *numbers[2:], comment_size) + comment
