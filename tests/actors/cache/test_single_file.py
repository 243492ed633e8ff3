"""The one file of an unpacked archive."""

from pathlib import Path

import pytest

from openmas_assets.actors.cache.unpack import single_file
from openmas_assets.messages.errors import AssetUnpackError


def test_the_one_file_is_found_however_deep_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "b" / "model.bin").touch()
    assert single_file(tmp_path) == tmp_path / "a" / "b" / "model.bin"


def test_links_are_no_candidates(tmp_path: Path) -> None:
    (tmp_path / "model-1.bin").touch()
    (tmp_path / "model.bin").symlink_to("model-1.bin")
    (tmp_path / "loop").symlink_to(".")
    assert single_file(tmp_path) == tmp_path / "model-1.bin"


def test_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AssetUnpackError, match="holds no file"):
        single_file(tmp_path)


def test_several_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "a.txt", "sub/c.txt"):
        (tmp_path / name).touch()
    with pytest.raises(AssetUnpackError, match=r"holds 3 files.*: 'a.txt', 'b.txt', 'sub/c.txt'\. Set"):
        single_file(tmp_path)


def test_what_macos_leaves_behind_counts(tmp_path: Path) -> None:
    (tmp_path / "__MACOSX").mkdir()
    for name in ("model.bin", "__MACOSX/._model.bin"):
        (tmp_path / name).touch()
    with pytest.raises(AssetUnpackError, match=r"__MACOSX/\._model\.bin"):
        single_file(tmp_path)


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, " and 1 more"), (500, " and 490 more")])
def test_no_more_than_ten_are_listed(count: int, more: str, tmp_path: Path) -> None:
    for number in range(count):
        (tmp_path / f"{number:03}").touch()
    with pytest.raises(AssetUnpackError) as caught:
        single_file(tmp_path)
    assert caught.value.problem.endswith(f"'009'{more}")
