"""A second Ctrl-C ends a process that is stopping, and says what becomes of what was under way."""

import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio
from service.server import until_stopped

async def main():
    stopped = asyncio.create_task(until_stopped())
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stopped
    print("stopping", flush=True)
    await asyncio.sleep(30)

asyncio.run(main())
"""


def test_a_second_ctrl_c_says_what_it_does() -> None:
    here = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here) as process:
        assert process.stdout
        assert process.stderr
        for said in ("ready\n", "stopping\n"):
            assert process.stdout.readline() == said
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "ended at once: Temporal has what was under way done again" in process.stderr.read()
