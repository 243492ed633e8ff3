"""Tar archives whose headers lie, with checksums that are right all the same."""

import bz2
import gzip
import tarfile

from archives import TAR_END, pax_header, pax_record, tar_header
from fuzz_input import NUMBERS, Choices

_TYPES = tuple(bytes([kind]) for kind in b"0005213467SgxXLKVM\0\xff")
_GOOD_TYPES = (b"0", b"0", b"0", b"0", b"5", b"2", b"1", b"\0", b"7")
_NAMES = (
    *("A", "M1", "é", "c/", "../x", "../outside/x", "d/../../x", "d/..", "/x", "/tmp/x", "a" * 100, "m1/x"),
    *(".asset_info.json", "", "..", "../m1"),
)
_KEYS = (
    *("path", "linkpath", "size", "mtime", "uid", "hdrcharset", "GNU.sparse.map", "GNU.sparse.major"),
    *("SCHILY.xattr.x", "a=b"),
)
# Not the empty one, which takes back what was said: Python alone takes it for the name.
_VALUES = (
    *("a", "../x", "/x", "7", "-1", "1.5", "nan", "inf", "1e400", "9" * 30, "0x7", "é", "x/" * 2100),
    *("BINARY", "\uff10"),
)


def hostile_tar(choices: Choices, archive_format: str) -> bytes:
    """A tar archive of a few members, compressed as the format says."""
    names = ["m"]
    data = b"".join(_member(choices, names) for _ in range(choices.below(6)))
    match choices.below(8) if choices.fault(15) else 9:
        case 0:
            data += b""  # without an end
        case 1:
            data += TAR_END + choices.bytes(3) + bytes(600)
        case 2:
            data += TAR_END[:512] + _member(choices, names)
        case _:
            data += TAR_END
    if archive_format == "tar":
        return data
    compress = gzip.compress if archive_format == "tar.gz" else bz2.compress
    if choices.chance(20):  # several streams, which are one
        return (
            compress(data[:700])
            + compress(data[700:])
            + choices.pick((b"", b"\0" * 5, b"x", b"\x1f\x8b", b"BZh9"))
        )
    return compress(data)


def _member(choices: Choices, names: list[str]) -> bytes:
    before = b"".join(_extension(choices) for _ in range(_count(choices, 15, (1, 1, 1, 2, 17))))
    kind = choices.pick(_TYPES if choices.fault(10) else _GOOD_TYPES)
    name, target = _name(choices, len(names)), choices.pick(names)
    if choices.fault(40 if kind == b"2" else 5):
        target = choices.pick(_NAMES)
    names.append(name)
    data = choices.pick((b"", b"data", b"x" * 512, bytes(5000))) if kind in {b"0", b"\0", b"7"} else b""
    header = _header(name, kind, len(data), target, choices.pick((0o644, 0o755, 0o4755)))
    header = _with_lies(choices, header) if choices.fault(25) else header
    return before + header + data + bytes(-len(data) % 512)


def _count(choices: Choices, percent: int, counts: tuple[int, ...]) -> int:
    return choices.pick(counts) if choices.fault(percent) else 0


def _name(choices: Choices, number: int) -> str:
    if choices.fault(20):
        return choices.pick(_NAMES) if choices.chance(80) else choices.text()[:120]
    return f"{choices.pick(('', 'd/', './', 'd/e/'))}m{number}"


def _header(name: str, kind: bytes, size: int, target: str = "", mode: int = 0o644) -> bytes:
    try:
        return tar_header(name, kind, size, linkname=target, mode=mode)[-512:]
    except UnicodeEncodeError:
        return tar_header("surrogate", kind, size, mode=mode)


def _with_lies(choices: Choices, header: bytes) -> bytes:
    lied = bytearray(header)
    match choices.below(6):
        case 0:  # the size, in base 256, which may be negative
            lied[124:136] = (choices.pick(NUMBERS[:-1]) % 2**96).to_bytes(12, "big")
            lied[124] |= choices.pick((0x80, 0xFF))
        case 1:
            lied[124:136] = choices.pick(
                (
                    b"7" * 11 + b"\0",
                    b"-1".ljust(12, b"\0"),
                    b" " * 12,
                    b"1_0".ljust(12, b"\0"),
                    b"\0" * 12,
                    b"9" * 12,
                )
            )
        case 2:
            lied[136:148] = choices.pick((b"\xff" * 12, b"\x80" + b"\xff" * 11, b"7" * 12, b"x" * 12))
        case 3:
            lied[257:265] = choices.pick((b"ustar\00000", b"ustar  \0", b"\0" * 8, b"ustar\0xx"))
        case 4:
            lied[345:500] = choices.pick((b"../..", b"a" * 155, b"/", b"\xff\xfe", b"a\0b")).ljust(155, b"\0")
        case _:
            position = choices.below(500)
            piece = choices.bytes(8)[: 500 - position]
            lied[position : position + len(piece)] = piece
    if not choices.fault(5):
        lied[148:156] = b" " * 8
        lied[148:156] = b"%06o\0 " % sum(lied)
    return bytes(lied)


def _extension(choices: Choices) -> bytes:
    match choices.below(5):
        case 0:  # GNU's long names
            content = choices.pick(
                (b"long/" * 60 + b"\0", b"\0", b"", b"../x\0", b"a\0b\0", b"\xff\0", b"x" * 5000)
            )
            header = _header(
                "././@LongLink",
                choices.pick((tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)),
                len(content),
            )
            return header + content + bytes(-len(content) % 512)
        case 1:
            content = choices.bytes(40)
            return pax_header(content, choices.pick((b"x", b"g")))
        case 2:
            return _with_lies(choices, _header("PaxHeader", b"x", choices.pick((0, 1, 512, 2**21))))
        case _:
            records = b"".join(
                pax_record(choices.pick(_KEYS), choices.pick(_VALUES)) for _ in range(1 + choices.below(3))
            )
            if choices.fault(15):
                records = records.replace(b" ", choices.pick((b"", b"9 ", b"  ", b" 0")), 1)
            return pax_header(records, choices.pick((b"x", b"x", b"g", b"X")))
