"""A few rounds of each campaign; `make campaign` runs them at length."""

import re
from pathlib import Path

import pytest

from programs import Program

CAMPAIGN = Path(__file__).parent / "campaigns" / "campaign.py"
# What each must have met for its survival to say anything.
AIMS = {
    # Whether a transfer came to several connections before its end is a matter of speed;
    # test_http_parallel.py kills one that has.
    "crash": ("a transfer", "an unpacking", "cached", "resumed"),
    "actor_deaths": (
        "workers",
        "a head",
        "InspectorActor crashed",
        "forks, which leave all actors behind",
        "AssetPath",
        "AssetError: crashed",
        "4",  # downloaders in the end
        "told the cause at once",
        "a hit was handed out",
    ),
    "load": ("hits", "misses", "failures that were to be", "objects deleted", "plugin calls"),
    "faulty_server": (
        "the right bytes, in spite of troubles",
        "the right bytes, as nothing went wrong",
        "AssetDownloadError",
        "a part that was gone on with",
        "stalled in the body",
    ),
    # A trick that takes a disk of its own may be counted as left out.
    "disk_faults": (
        "a full disk",
        "no inode left",
        "a file-size limit",
        "a folder without permission",
        "a folder that vanishes",
        "a clock that is set",
        "times of whole seconds",
        "right bytes",
        "an error: the file is larger than the disk or a limit allows",
    ),
    "crowd": ("paused while others waited for it", "killed", "right bytes", "no locks"),
    "fuzzing": (
        *("project: refused with AssetConfigurationError", "archives: refused with AssetUnpackError"),
        *("metadata: the metadata was taken for corrupt, the asset is right", "parts: a part was dropped"),
        *("references: a reference was read", "store: refused with AssetRefError"),
        *("plugins: refused with AssetConfigurationError", "commands: with any arguments, exit 2"),
        "headers: no validator, no range",
    ),
}


@pytest.mark.untraced  # fuzzing is guided by a tracer of its own, and all of them take their time
@pytest.mark.parametrize("name", AIMS)
def test_a_short_campaign_survives_and_has_met_what_it_aims_at(name: str) -> None:
    with Program(CAMPAIGN, name, "--short") as campaign:
        done = campaign.wait(timeout_seconds=110)
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    for what in AIMS[name]:
        assert re.search(rf"[1-9][0-9,]*  {re.escape(what)}$", done.stdout, re.MULTILINE), done.stdout
