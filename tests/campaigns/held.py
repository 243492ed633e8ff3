"""What this process holds: memory, objects, threads and file descriptors. Of Linux, by /proc."""

import contextlib
import gc
import os
import threading
from collections import Counter
from pathlib import Path

# As gate.py has it.
_MAX_GATES = 16


def our_objects() -> Counter[str]:
    """How many objects of our classes are alive, by the names of these."""
    gc.collect()
    kinds = Counter(type(each) for each in gc.get_objects())
    return Counter(
        {
            kind.__qualname__: count
            for kind, count in kinds.items()
            if str(kind.__module__).startswith("openmas")
        }
    )


def threads_and_descriptors() -> Counter[str]:
    """How many threads run, by their names, and how many `descriptors` are open, but those that are kept."""
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it was the one that lists them
            targets.append(str(descriptor.readlink()))
    # Gates at which threads have waited stay for the next ones.
    kept = min(_MAX_GATES, sum("eventfd" in target for target in targets))
    threads = Counter(thread.name for thread in threading.enumerate())
    return threads + Counter(descriptors=len(targets) - kept)


def resident_bytes() -> int:
    """How much of this process is in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
