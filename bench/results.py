"""What `bench.run` writes and the report and the plots read."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from bench.figures import Figures, Summary, summary
from service.devserver import Synchronous, TemporalCli

GIT_SECONDS = 10


class Machine(BaseModel):
    """Where and with what was measured."""

    at: datetime
    cpus: int
    processor: str
    memory_bytes: int
    system: str
    python: str
    temporal: str
    commit: str
    changed: bool
    load_average: float


class Options(BaseModel):
    """How was measured."""

    repeat: int
    scale: float
    workers: int
    synchronous: Synchronous


class CaseResult(BaseModel):
    """Every run of a case."""

    title: str
    runs: list[Figures] = []
    summary: dict[str, Summary] = {}

    def add(self, run: Figures) -> None:
        """Take another run in."""
        self.runs.append(run)
        self.summary = summary(self.runs)


class Results(BaseModel):
    """One call of `bench.run`.

    Attributes:
        growth: by what grows, a row of figures for each size; ``size`` among them.
    """

    machine: Machine
    options: Options
    cases: dict[str, CaseResult] = {}
    growth: dict[str, list[Figures]] = {}

    @property
    def incomplete(self) -> list[str]:
        """What was lost or never accepted, in words; empty when all went well."""
        return [
            f"{name}: {run[what]:.0f} {what}"
            for name, case in self.cases.items()
            for run in case.runs
            for what in ("lost", "unaccepted")
            if run[what]
        ]


def read(path: Path) -> Results:
    """What `bench.run` wrote; ends the process with a sentence when that is something else."""
    try:
        return Results.model_validate_json(path.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path} is not what bench.run writes: {str(error).splitlines()[0]}") from None


def this_machine(cli: TemporalCli) -> Machine:
    """The facts of here and now."""
    return Machine(
        at=datetime.now(UTC),
        cpus=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        temporal=_said(str(cli.path), "--version"),
        commit=_said("git", "rev-parse", "--short=10", "HEAD"),
        changed=bool(_said("git", "status", "--porcelain", "--untracked-files=no")),
        load_average=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), sys.platform)


def _said(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False, cwd=Path(__file__).parent
        )
    except OSError:
        return ""
    return done.stdout.strip()
