import re
from pathlib import Path

from programs import Program

CAMPAIGN = Path(__file__).parent / "campaigns" / "kill9.py"


def test_after_kill9_the_old_asset_the_new_one_or_nothing_stands_there_and_the_next_run_heals() -> None:
    with Program(CAMPAIGN, "--rounds", "25", "--seed", "1") as campaign:
        done = campaign.wait(timeout_seconds=110)
    assert done.stderr == ""
    assert done.stdout.startswith("25 rounds, 0 failures\n"), done.stdout
    assert done.returncode == 0
    # The campaign has hit what it aims at. (Whether a transfer came to several connections before its end is
    # a matter of speed; test_http_parallel.py kills one that has.)
    for what in ("a transfer", "an unpacking", "cached", "resumed"):
        assert re.search(rf"[1-9][0-9]*  {what}$", done.stdout, re.MULTILINE), done.stdout
