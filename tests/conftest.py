"""Fixtures that every kind of test may ask for."""

import os
import sys

import pytest


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
