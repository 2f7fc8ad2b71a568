"""Fixtures that every kind of test may ask for."""

import os
import signal
import sys
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# How fast examples are made and run says something of the machine alone.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# Files of over a minute. Begun last, one of them would go on for minutes while the other processes have nothing to do.
_LONG = """
    e2e/test_pauses faults/test_kills e2e/test_schema_fuzz e2e/test_readme e2e/test_limits e2e/test_page_reach
    e2e/test_heartbeats e2e/test_zeebe_cli faults/test_entities faults/test_outages
""".split()
_WAITING = ("faults", "e2e")  # whose tests wait for other processes; the last to begin are those of seconds


@pytest.fixture(autouse=True)
def _no_logs() -> None:
    """Undo what an earlier test set up: what sets no logs up writes none, so that a command's output is data alone."""
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=lambda item: _turn(item.path))


def _turn(path: Path) -> int:
    name = f"{path.parent.name}/{path.stem}"
    if name in _LONG:
        return _LONG.index(name)
    return len(_LONG) + (path.parent.name not in _WAITING)


def pytest_configure(config: pytest.Config) -> None:
    """Have the processes of the tests take SIGINT: what a shell begins in the background ignores it by inheritance.

    And have pytest-xdist keep the order of the files; its own begins with those of the most tests, which are short.
    """
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End at once when this process ran a Temporal worker: it sometimes aborts at interpreter exit, tests long done."""
    if "temporalio.worker" in sys.modules and hasattr(config, "im_exit_status"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.im_exit_status)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the status for `pytest_unconfigure`."""
    session.config.im_exit_status = int(exitstatus)  # type: ignore[attr-defined]
