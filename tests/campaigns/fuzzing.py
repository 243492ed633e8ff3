"""Feeds what we read with what nobody should write, and looks at what comes out.

    python tests/campaigns/campaign.py fuzzing --rounds 100000      all targets in turn
    python tests/campaigns/fuzzing.py archives --minutes 10         one of them
    python tests/campaigns/fuzzing.py archives --input 0a31…        one input again, as a failure names it

An input is a string of bytes that a target makes an archive, a file or a call of. Inputs that reach a line
of ours for the first time, or bring an outcome that is new, are kept, and most inputs are changes of those.
Each ends in a right answer or an error of our tree (`fuzz_oracle.py`), soon, in bounded memory, and no error
or log shows the secret that is strewn everywhere.
"""

import argparse
import contextlib
import faulthandler
import itertools
import logging
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Protocol

sys.path.insert(0, str(Path(__file__).parents[1] / "parts"))

from fuzz_archives import ArchiveTarget
from fuzz_cli import CommandTarget
from fuzz_coverage import Coverage
from fuzz_headers import HeaderTarget
from fuzz_input import Choices
from fuzz_metadata import MetadataTarget
from fuzz_oracle import BrokenPromiseError, check, check_error, logs_watched
from fuzz_parts import PartTarget
from fuzz_plugins import PluginTarget
from fuzz_project import ProjectTarget
from fuzz_references import ReferenceTarget, StoreTarget
from openmas_assets.messages.errors import AssetError
from tally import Tally

ROUND = "inputs"
SHORT = 500
LONG = 100_000


class Target(Protocol):
    """Something that reads what others have written."""

    def run(self, choices: Choices) -> str:
        """Make an input of choices, and say in words what came of it.

        Raises:
            AssetError: It was refused.
            BrokenPromiseError: That must not come of it.
        """

    def close(self) -> None: ...


# What makes each, in an empty folder, and how many of a hundred inputs it gets: those that take a process's
# work get fewer.
TARGETS: dict[str, tuple[Callable[[Path], Target], int]] = {
    "project": (ProjectTarget, 18),
    "metadata": (MetadataTarget, 6),
    "parts": (PartTarget, 6),
    "archives": (ArchiveTarget, 20),
    "references": (lambda _: ReferenceTarget(), 12),
    "store": (lambda _: StoreTarget(), 10),
    "plugins": (PluginTarget, 12),
    "commands": (CommandTarget, 4),
    "headers": (lambda _: HeaderTarget(), 12),
}

_MAX_CPU_SECONDS = 5.0
_HANG_SECONDS = 300
_MAX_MEMORY_BYTES = 2 << 30
_MAX_SHOWN = 3
_FRESH_SHARE = 0.25


class HungError(BaseException):
    """An input takes forever. No target may catch it."""


class Outcome(NamedTuple):
    """What came of an input.

    Attributes:
        said: For the table.
        kind: For telling whether it is new.
    """

    said: str
    kind: str


class Fuzzer:
    """The inputs of one target.

    Args:
        name: Of the target.
        seed: The same seed makes the same inputs, as far as threads let it.
        folder: An empty folder.
        tally: Counts.
    """

    def __init__(self, name: str, seed: object, folder: Path, tally: Tally) -> None:
        self._name = name
        self._generator = random.Random(f"{seed} {name}")
        self._folder = folder
        self._tally = tally
        self._target: Target | None = None
        self._corpus: list[bytes] = []
        self._failures = Counter[str]()
        self._kinds = set[str]()
        self._coverage = Coverage()
        self._slowest_seconds = 0.0

    def round(self) -> None:
        """Try one input."""
        choices = Choices(self._data(), self._generator)
        lines_before = self._coverage.lines
        try:
            with self._coverage:
                outcome, seconds = self._attempt(choices)
            if seconds > _MAX_CPU_SECONDS:  # watching slows it down
                _, seconds = self._attempt(Choices(bytes(choices.taken)))
                check(seconds <= _MAX_CPU_SECONDS, f"took {seconds:.1f} s")
            self._slowest_seconds = max(seconds, self._slowest_seconds)
        except (Exception, HungError) as error:  # noqa: BLE001 - that is what is looked for
            outcome = self._failure(error, bytes(choices.taken))
        self._tally.count("what came of it", f"{self._name}: {outcome.said}")
        if self._coverage.lines > lines_before or outcome.kind not in self._kinds:
            self._kinds.add(outcome.kind)
            self._corpus.append(bytes(choices.taken))

    def close(self) -> None:
        """Close the target. The next input gets a new one."""
        if self._target is not None:
            self._target.close()
            self._target = None

    def again(self, data: bytes) -> str:
        """Try an input that is known, and let through what it raises."""
        return self._opened().run(Choices(data))

    def figure(self) -> str:
        """What of it is worth a line."""
        return (
            f"{self._name}: {len(self._kinds):,} distinct outcomes, {self._coverage.lines:,} lines reached, "
            f"{len(self._corpus):,} inputs kept, the slowest took {self._slowest_seconds:.2f} s"
        )

    def _opened(self) -> Target:
        if self._target is None:
            self._target = TARGETS[self._name][0](Path(tempfile.mkdtemp(dir=self._folder)))
        return self._target

    def _attempt(self, choices: Choices) -> tuple[Outcome, float]:
        """What comes of an input, and how many seconds of the processor that takes."""
        target, started = self._opened(), time.process_time()
        with limits(), logs_watched():
            try:
                said = target.run(choices)
                outcome = Outcome(said, said)
            except AssetError as error:
                outcome = Outcome(f"refused with {type(error).__name__}", check_error(error))
        return outcome, time.process_time() - started

    def _failure(self, error: BaseException, data: bytes) -> Outcome:
        frames = traceback.extract_tb(error.__traceback__)
        places = "; ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-3:])
        what = str(error) if isinstance(error, BrokenPromiseError) else f"{error!a:.300} at {places}"
        kind = (
            f"FAILED {type(error).__name__} {what[:40] if isinstance(error, BrokenPromiseError) else places}"
        )
        self._failures[kind] += 1
        if self._failures[kind] <= _MAX_SHOWN:
            again = f"{Path(__file__).name} {self._name} --input {data.hex()}"
            self._tally.fail(f"{self._name}: {what}\n    again with: {again}")
        with contextlib.suppress(Exception):  # it may be the target that is broken now
            self.close()
        self._target = None
        return Outcome("FAILED", kind)

    def _data(self) -> bytes:
        """The bytes of an input: none, for one of chance only, or those of an old one with changes."""
        generator = self._generator
        if not self._corpus or generator.random() < _FRESH_SHARE:
            return b""
        # The newest are where something is new.
        index = max(generator.randrange(len(self._corpus)) for _ in range(2))
        data = bytearray(self._corpus[index])
        for _ in range(generator.choice((1, 1, 2, 4))):
            position = generator.randrange(len(data) + 1)
            match generator.randrange(5):
                case 0:
                    data[position:] = b""
                case 1:
                    other = generator.choice(self._corpus)
                    data[position:] = other[generator.randrange(len(other) + 1) :]
                case 2:
                    del data[position : position + generator.randrange(1, 9)]
                case 3:
                    data[position:position] = generator.randbytes(generator.randrange(1, 5))
                case _:
                    data[position : position + 1] = generator.randbytes(1)
        return bytes(data)


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """No input may take much memory, or forever."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise HungError(f"after {_HANG_SECONDS} s")

    limit_bytes, hard_bytes = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    allowed_bytes = pages * resource.getpagesize() + _MAX_MEMORY_BYTES
    old_handler = signal.signal(signal.SIGALRM, stop)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (allowed_bytes, hard_bytes))
        signal.alarm(_HANG_SECONDS)
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old_handler)
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, hard_bytes))


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    _run(list(TARGETS), seed, tally, lambda: tally.rounds >= rounds)


def _run(names: list[str], seed: int, tally: Tally, is_over: Callable[[], bool]) -> None:
    order = [name for name in names for _ in range(TARGETS[name][1])]
    random.Random(seed).shuffle(order)
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as folder, contextlib.ExitStack() as stack:
        fuzzers = {name: Fuzzer(name, seed, Path(folder), tally) for name in names}
        for fuzzer in fuzzers.values():
            stack.callback(fuzzer.close)
        stack.callback(faulthandler.cancel_dump_traceback_later)
        for number, name in enumerate(itertools.cycle(order)):
            if is_over():
                break
            if number % 10 == 0:  # where no Python code runs, no handler of a signal does
                faulthandler.dump_traceback_later(2 * _HANG_SECONDS, exit=True)
            fuzzers[name].round()
            tally.end_round()
        tally.figures += [fuzzer.figure() for fuzzer in fuzzers.values()]
        tally.figures.append(
            f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MiB at most"
        )


def main() -> int:
    """Fuzz one target, or try one input again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=bytes.fromhex, help="try this one again")
    options = parser.parse_args()
    logging.getLogger("openmas_assets").addHandler(logging.NullHandler())
    tally = Tally()
    if options.input is not None:
        with tempfile.TemporaryDirectory(prefix="fuzzing-") as folder:
            print(Fuzzer(options.target, 0, Path(folder), tally).again(options.input))  # noqa: T201
        return 0
    end = time.monotonic() + 60 * options.minutes
    _run([options.target], options.seed, tally, lambda: time.monotonic() > end)
    print(*tally.lines(), *tally.failures, f"{tally.rounds:,} inputs", sep="\n")  # noqa: T201
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
