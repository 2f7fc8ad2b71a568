"""The storm, on a fiftieth of its work: nothing is lost, and it says what it saw."""

import asyncio
import re
import sys
from pathlib import Path

import bench

ROOT = Path(bench.__file__).parents[1]


async def test_a_storm_is_measured() -> None:
    command = [sys.executable, "-m", "bench.storm", "--events", "200", "--after", "1"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert said.startswith("200 events to the failing one were accepted within ")
    arrived = re.search(r"^(\d+) single events arrived: p50 \d+ ms, p99 \d+ ms, worst \d+ ms$", said, re.MULTILINE)
    assert arrived, said
    assert int(arrived[1]) >= 10
    assert "\n0 single events did not arrive\n" in said
    assert re.search(r"the failing one was asked \d+ times a second$", said.strip())
