"""Runs campaigns: thousands of faults, chosen at random, and a count of what was tried and what survived.

    python tests/campaigns/campaign.py                        all of them, at length
    python tests/campaigns/campaign.py crash --rounds 50      one of them, as long as you like
    python tests/campaigns/campaign.py --short --seed 7       a few rounds of each, as the tests do

The same seed makes the same choices; threads, processes and clocks make each run a little different all the
same. A line of the table is a campaign; the exit status says whether all promises held.
"""

import argparse
import importlib
import logging
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

sys.path.insert(0, str(Path(__file__).parents[1] / "parts"))

from tally import Tally

CAMPAIGNS = ("crash", "faulty_server", "disk_faults", "crowd", "actor_deaths", "load", "fuzzing")
"""Each is a module beside this one."""

_LINE = "{:<14} {:>8}  {:<28} {:>8} {:>8} {:>8}"


class Campaign(Protocol):
    """What the module of a campaign has.

    Attributes:
        ROUND: What a round is, in the plural: "processes killed".
        SHORT: How many rounds the tests run.
        LONG: How many rounds are run by default.
    """

    ROUND: str
    SHORT: int
    LONG: int

    def run(self, rounds: int, seed: int, tally: Tally) -> None:
        """Run it in a folder of its own, which is removed.

        Args:
            rounds: How many.
            seed: Of the random choices.
            tally: Counts.
        """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names, and print what came of it.

    Args:
        arguments: Of the command line.

    Returns:
        The exit status: 0 if all promises held.
    """
    options = _options(arguments)
    # What the library has to say of so many faults would bury the table.
    logging.getLogger("openmas_assets").addHandler(logging.NullHandler())
    table = [_LINE.format("campaign", "rounds", "of", "survived", "failures", "seconds")]
    is_failed = False
    for name in options.names or CAMPAIGNS:
        started, tally = time.monotonic(), Tally()
        campaign = cast("Campaign", importlib.import_module(name))
        rounds = options.rounds or (campaign.SHORT if options.short else campaign.LONG)
        try:
            campaign.run(rounds, options.seed, tally)
        except Exception:  # noqa: BLE001 - a campaign that breaks has failed, and the others go on
            tally.fail(f"the campaign itself broke\n{traceback.format_exc()}")
        print(f"== {name}", *tally.lines(), *tally.failures, "", sep="\n", flush=True)  # noqa: T201
        counted = (tally.rounds, campaign.ROUND, tally.survived, len(tally.failures))
        table.append(_LINE.format(name, *counted, f"{time.monotonic() - started:.0f}"))
        is_failed = is_failed or bool(tally.failures) or tally.rounds < rounds
    print(*table, sep="\n")  # noqa: T201
    return int(is_failed)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="CAMPAIGN", help=f"of {', '.join(CAMPAIGNS)}")
    parser.add_argument("--rounds", type=int, help="how many of each; by default what suits each")
    parser.add_argument("--short", action="store_true", help="as few as the tests run")
    parser.add_argument("--seed", type=int, default=1, help="1 by default")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in CAMPAIGNS]:
        parser.error(f"no such campaign: {', '.join(unknown)}; there are {', '.join(CAMPAIGNS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("give 1 round or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
