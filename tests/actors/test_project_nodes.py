"""Plain data comes out of YAML, or a problem with its place and the fix."""

from pathlib import Path

import pytest

from openmas_assets.actors.project import load_project
from project_problems import asset, problems_in

ONE_PROBLEM = {
    "a key that is there twice": (
        asset("retries: 1", "retries: 2"),
        "line 5: assets[0].retries: the key is there twice, first on line 4",
        "remove one of the two",
    ),
    "a Python object": (
        "a: !!python/object/apply:os.system [echo]\n",
        "line 1: a: has a YAML tag (!) that makes it more than plain data",
        "remove the tag",
    ),
    "a number of 5,000 digits": (
        f"a: {'1' * 5000}\n",
        "line 1: a: cannot be read as the number",
        "in quotes",
    ),
    "a day that is none": ("a: 2023-02-30\n", "line 1: a: cannot be read as the number or date", "in quotes"),
    "a tag that its text does not fit": (
        "a: !!int ''\n",
        "line 1: a: cannot be read as the number",
        "in quotes",
    ),
    "a list as a key": ("? [a]\n: b\n", "line 1: ?: a list or mapping stands where a key belongs", "as text"),
    "a merge of no mapping": ("a: 1\nb:\n  <<: x\n", "line 3: b: a merge (<<) names something", "anchor"),
    "an alias inside of itself": (
        "a: &a\n  b: *a\n",
        "line 1: an alias (*) stands inside",
        "write the value out",
    ),
}


@pytest.mark.parametrize(("content", "start", "fix"), ONE_PROBLEM.values(), ids=ONE_PROBLEM)
def test_what_is_wrong_is_told_with_its_place_and_the_fix(
    tmp_path: Path, content: str | bytes, start: str, fix: str
) -> None:
    (problem,) = problems_in(tmp_path, content)

    assert problem.startswith(start)
    assert fix in problem.removeprefix(start)


def test_aliases_merges_and_a_byte_order_mark_are_ordinary_yaml(tmp_path: Path) -> None:
    path = tmp_path / "openmas_project.yml"
    path.write_text(
        """\
templates:
  - &retry {retries: 3, retry_delay_seconds: 1}
  - &quiet {progress_report: false, retries: 9}
assets:
- {name: a, source: &source {type: local, path: a.bin}, <<: [*retry, *quiet]}
- {name: b, source: {<<: *source, path: b.bin}, <<: *quiet, retries: 1}
""",
        "utf-8-sig",
    )

    a, b = load_project(path).config.assets

    assert (a.retries, a.retry_delay_seconds, a.progress_report, a.source.shown) == (3, 1.0, False, "a.bin")
    assert (b.retries, b.retry_delay_seconds, b.progress_report, b.source.shown) == (1, 5.0, False, "b.bin")


def test_what_belongs_to_the_framework_may_hold_anything_that_is_plain(tmp_path: Path) -> None:
    path = tmp_path / "openmas_project.yml"
    path.write_text(
        "x: {1: a, 2.5: b, null: c, true: d, 2020-01-01: e}\ny: !!set {a, b}\nz: !!omap [a: 1]\n=: =\n"
    )

    assert load_project(path).config.assets == ()
