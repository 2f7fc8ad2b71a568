"""What the README tells people to type works: `im demo`, `im dev`, and every command in its bash blocks."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.eventually import eventually, within
from tests.support.plain_http import is_ready
from tests.support.platform import IM, clean_environment
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


class Laptop:
    """A running `im dev`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in ("temporal", "ui", "api")}
        self.env = clean_environment() | {
            "IM_STATE_DIR": str(folder / "state"),
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.ports['temporal']}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    async def start(self) -> asyncio.subprocess.Process:
        options = [
            "--temporal-port",
            self.ports["temporal"],
            "--ui-port",
            self.ports["ui"],
            "--port",
            self.ports["api"],
        ]
        with (self.folder / "dev.log").open("wb") as log:
            return await asyncio.create_subprocess_exec(
                IM,
                "dev",
                *map(str, options),
                env=self.env | {"ENABLE_EVENT_PUBLISHING": "true", "IM_API_HOSTNAMES": "im.example.com"},  # has a token
                stderr=log,
                stdout=log,
            )

    async def ready(self) -> bool:
        return await is_ready(f"http://127.0.0.1:{self.ports['api']}")

    async def bash(self, script: str) -> tuple[int, str]:
        script = script.replace("localhost:8080", f"localhost:{self.ports['api']}")
        script = script.replace("~/.local/state/im", str(self.folder / "state"))
        process = await asyncio.create_subprocess_exec(
            "bash", "-euxo", "pipefail", "-c", script, env=self.env, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await within(60, process.communicate())
        return process.returncode or 0, out.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def laptop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laptop]:
    found = Laptop(tmp_path_factory.mktemp("laptop"))
    (found.folder / "secret.txt").write_text("a-secret-of-the-readme\n")
    process = await found.start()
    await eventually(found.ready, 30)
    yield found
    process.send_signal(signal.SIGINT)
    assert await within(30, process.wait()) == 0
    assert "Traceback" not in (found.folder / "dev.log").read_text()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_every_command_of_the_readme_works(laptop: Laptop, number: int) -> None:
    code, said = await laptop.bash(BLOCKS[number])
    assert code == 0, said
    assert "Traceback" not in said


async def test_an_incident_of_the_quick_start_is_listed_with_its_events(laptop: Laptop) -> None:
    code, said = await laptop.bash("im incident show INC-1 && im event list --incident INC-1 && im logs --level warn")
    assert code == 0, said
    assert said.count("im.incident.") >= 3
    assert "connection refused" in said


async def test_the_demo_ends_by_itself_with_a_healthy_and_a_recovered_subscriber(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        IM, "demo", env=clean_environment() | {"HOME": str(tmp_path)}, cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await within(40, process.communicate())
    said = out.decode()
    assert process.returncode == 0, said
    assert re.search(r"flaky +2 +0 +100% +healthy", said), said
    assert re.search(r"healthy +2 +0 +100% +healthy", said), said
    assert re.search(r"Temporal Web UI.*http://127.0.0.1:\d+", said)
    assert "WRONG" not in said
    assert not list(tmp_path.iterdir()), "the demo leaves nothing behind"
