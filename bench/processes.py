"""CPU and memory of groups of processes, a group being a process and all that descend from it. Linux's /proc."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

TICKS = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"  # proc(5): resets VmHWM


class Used(BaseModel):
    """What a group has used so far.

    Attributes:
        cpu_seconds: of all cores together.
        rss_bytes: resident now; pages that several processes share count for each.
        peak_bytes: resident at most since `reset_peaks`, the peaks of its processes added up.
    """

    cpu_seconds: float = 0.0
    rss_bytes: int = 0
    peak_bytes: int = 0


def tree(root: int) -> list[int]:
    """A process and all that descend from it and live."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def used(root: int) -> Used:
    """What a group has used so far."""
    total = Used()
    for pid in tree(root):
        with contextlib.suppress(OSError):
            user, system = _stat(pid)[11:13]
            sizes = _sizes(pid)
            total.cpu_seconds += (int(user) + int(system)) / TICKS
            total.rss_bytes += sizes["VmRSS"]
            total.peak_bytes += sizes["VmHWM"]
    return total


def reset_peaks(roots: Iterable[int]) -> None:
    """Begin anew with the peaks of these groups."""
    for root in roots:
        for pid in tree(root):
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: state, ppid, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _sizes(pid: int) -> dict[str, int]:
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    sizes = {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[0] in {"VmRSS:", "VmHWM:"}}
    return {"VmRSS": 0, "VmHWM": 0} | sizes
