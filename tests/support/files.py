"""A process that can open no more files."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def out_of_files() -> Iterator[None]:
    """This process has the files that it has, and can open no other."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
