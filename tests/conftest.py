"""Fixtures that every kind of test may ask for."""

import os
import signal
import sys

import pytest
import structlog
from hypothesis import HealthCheck, settings

# How fast examples are made and run says something of the machine alone.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(autouse=True)
def _no_logs() -> None:
    """Undo what an earlier test set up: what sets no logs up writes none, so that a command's output is data alone."""
    structlog.reset_defaults()


def pytest_configure() -> None:
    """Have the processes of the tests take SIGINT: what a shell begins in the background ignores it by inheritance."""
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
