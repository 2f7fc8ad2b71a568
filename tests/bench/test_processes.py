"""CPU and memory are those of a process and of all that it started, as `im serve --workers` does."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest_asyncio

from bench.processes import reset_peaks, tree, used
from tests.support.eventually import eventually

# It computes without needing more memory for it, so that what is read one after the other can be compared.
_CHILD = "import time; x = bytearray(60_000_000); del x; print('up', flush=True); sum(range(10**7)); time.sleep(600)"
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])"


@pytest_asyncio.fixture(loop_scope="session")
async def parent() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    await process.stdout.readline()
    pids = tree(process.pid)
    yield process.pid
    for pid in pids:
        await (await asyncio.create_subprocess_exec("kill", str(pid))).wait()
    await process.wait()


async def test_the_child_counts_with_its_parent(parent: int) -> None:
    pids = tree(parent)
    assert len(pids) == 2
    together, child = used(parent), used(pids[1])
    assert together.rss_bytes > child.rss_bytes > 1_000_000
    await eventually(lambda: used(parent).cpu_seconds > 0.1)


async def test_peaks_begin_anew_with_a_case(parent: int) -> None:
    assert used(parent).peak_bytes > 60_000_000
    reset_peaks([parent])
    assert used(parent).peak_bytes < 60_000_000
