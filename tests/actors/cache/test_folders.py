from pathlib import Path

import pytest

from openmas_assets.actors.cache.folders import make_folder, remove_empty_folders, remove_tree
from programs import Program
from unprivileged import unprivileged


def test_a_folder_is_made_although_another_process_keeps_removing_the_empty_ones(tmp_path: Path) -> None:
    code = """
        import contextlib, os, sys
        print("ready")
        while True:
            for folder in sys.argv[1:]:
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
    """
    lowest = tmp_path / "a" / "b" / "c"
    with Program(code, lowest, lowest.parent, lowest.parent.parent) as program:
        assert next(program.lines()) == "ready"
        for _ in range(2000):
            make_folder(lowest)


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_a_link_that_leads_nowhere_is_an_error_at_once_that_names_it(tmp_path: Path, depth: int) -> None:
    """As a cache folder is whose disk is not mounted."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError) as caught:
        make_folder(link.joinpath(*"abcd"[:depth]))
    assert caught.value.filename == str(link)


def test_a_link_to_a_folder_is_as_good_as_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    make_folder(tmp_path / "link")
    make_folder(tmp_path / "link" / "a" / "b")
    assert (tmp_path / "there" / "a" / "b").is_dir()


def test_a_tree_whose_folders_forbid_it_is_removed_all_the_same(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    inner.chmod(0)
    (tmp_path / "tree").chmod(0o500)
    unprivileged(lambda: remove_tree(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()


def test_a_tree_is_removed_to_its_end_although_somebody_else_removes_some_of_it_too(tmp_path: Path) -> None:
    code = """
        import contextlib, os, sys
        print("ready")
        while True:
            with contextlib.suppress(OSError):
                for name in os.listdir(sys.argv[1])[::-2]:
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(sys.argv[1], name))
    """
    tree = tmp_path / "tree"
    with Program(code, tree) as program:
        assert next(program.lines()) == "ready"
        for _ in range(40):
            tree.mkdir()
            for number in range(300):
                (tree / str(number)).touch()
            remove_tree(tree)
            assert not tree.exists()


def test_a_tree_that_may_not_even_be_looked_at_stays_without_an_error(tmp_path: Path) -> None:
    tree = tmp_path / "closed" / "tree"
    tree.mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    unprivileged(lambda: remove_tree(tree))
    (tmp_path / "closed").chmod(0o700)
    assert tree.is_dir()


def test_what_a_link_leads_to_is_not_removed_with_it(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir(mode=0o750)
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "link")
    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "precious" / "file").exists()
    assert (tmp_path / "precious").stat().st_mode & 0o777 == 0o750


def test_empty_folders_go_as_far_up_as_asked_and_not_beyond_the_first_that_is_not(
    tmp_path: Path,
) -> None:
    lowest = tmp_path / "a" / "b" / "c" / "d"
    lowest.mkdir(parents=True)
    remove_empty_folders(lowest, depth=2)
    assert (tmp_path / "a" / "b").is_dir()
    assert not (tmp_path / "a" / "b" / "c").exists()
    (tmp_path / "a" / "file").touch()
    remove_empty_folders(tmp_path / "a" / "b", depth=3)
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "file"]


def test_in_a_working_folder_that_is_gone_no_folder_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError):
        make_folder(Path("a/b"))


def test_what_is_no_folder_is_not_removed_as_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    remove_tree(tmp_path / "file")
    remove_tree(tmp_path / "file" / "below")
    assert (tmp_path / "file").exists()


def test_what_a_link_leads_to_keeps_its_permissions_where_those_of_the_tree_are_changed(
    tmp_path: Path,
) -> None:
    (tmp_path / "precious").mkdir(mode=0o500)
    closed = tmp_path / "tree" / "closed"
    closed.mkdir(parents=True)
    (closed / "link").symlink_to(tmp_path / "precious")
    closed.chmod(0o500)
    unprivileged(lambda: remove_tree(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "precious").stat().st_mode & 0o777 == 0o500
