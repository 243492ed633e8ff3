"""The archives of the table, made by the standard library."""

import io
import random
import tarfile
import zipfile
from pathlib import Path

_WORDS_SEED = 5
_BLOCK_BYTES = 8 << 20
_MEMBER_BYTES = 64 << 20


def make_zip(path: Path, count: int) -> None:
    """Write a zip of files of 4 KB, 100 to a folder.

    Args:
        path: Where it is written.
        count: How many files.
    """
    text = _text(4096 + count)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            # Each starts elsewhere in the text, so that no two are alike.
            archive.writestr(f"folder-{number // 100}/file-{number}.txt", text[number : number + 4096])


def make_tar_gz(path: Path, size_bytes: int) -> None:
    """Write a tar.gz of files of 64 MiB at the most, which compress about as text does.

    Args:
        path: Where it is written.
        size_bytes: How much they are in all.
    """
    # Equal blocks compress no better for being equal: deflate looks back 32 KiB only.
    member = (_text(_BLOCK_BYTES) * (_MEMBER_BYTES // _BLOCK_BYTES))[:size_bytes]
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for number in range(size_bytes // len(member)):
            info = tarfile.TarInfo(f"model-{number}.bin")
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member))


def _text(size_bytes: int) -> bytes:
    """Words in random order, of random letters; always the same ones."""
    numbers = random.Random(_WORDS_SEED)  # noqa: S311 - data, no secret
    words = [numbers.randbytes(numbers.randint(1, 5)).hex() for _ in range(5_000)]
    text = " ".join(numbers.choices(words, k=size_bytes // 4))
    return text.encode()[:size_bytes]
