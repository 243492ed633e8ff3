import hashlib

from project_folder import ProjectFolder

NO_CHECKSUM = "verified (no checksum declared; same as when downloaded)"


def test_verify_says_a_line_for_each_asset_and_fails_if_one_differs(project: ProjectFolder) -> None:
    checksum = "sha256:" + hashlib.sha256(b"data").hexdigest()
    project.declare(
        project.local("sure", checksum=checksum),
        project.local("plain"),
        project.local("bad"),
        project.local("no"),
    )
    project.invoke("download", "sure", "plain", "bad")
    result = project.invoke("verify")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "sure: verified",
        f"plain: {NO_CHECKSUM}",
        f"bad: {NO_CHECKSUM}",
        "no: not cached",
    ]

    project.asset_path("bad").write_bytes(b"date")
    result = project.invoke("verify")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:3] == [
        f"plain: {NO_CHECKSUM}",
        "bad: failed: bad.bin has other bytes",
    ]
    # It is handed out no more, and healed.
    assert project.invoke("download", "bad").exit_code == 0
    assert project.asset_path("bad").read_bytes() == b"data"


def test_verify_looks_at_the_named_assets_only(project: ProjectFolder) -> None:
    project.declare(project.local("a"), project.local("b"))
    project.invoke("download", "--all")
    project.asset_path("b").write_bytes(b"date")
    result = project.invoke("verify", "a")
    assert (result.exit_code, result.stdout) == (0, f"a: {NO_CHECKSUM}\n")
    result = project.invoke("verify", "bb", "a")
    assert (result.exit_code, result.stdout) == (1, f"a: {NO_CHECKSUM}\n")
    assert "asset 'bb': no asset of that name" in result.stderr


def test_what_is_not_cached_is_no_failure(project: ProjectFolder) -> None:
    project.declare(project.local("a"))
    result = project.invoke("verify", "a")
    assert (result.exit_code, result.stdout) == (0, "a: not cached\n")


def test_verify_of_a_project_without_assets_says_so(project: ProjectFolder) -> None:
    result = project.invoke("verify")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "The project declares no assets." in result.stderr
