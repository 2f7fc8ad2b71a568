"""The end of a process. Light to import: every command ends here."""

import contextlib
import os
import sys
from typing import NoReturn


def finish(code: int) -> NoReturn:
    """End the process now, output flushed.

    A process that used the Temporal SDK sometimes aborts while the interpreter shuts down, after correct work
    (sdk-python issue 300: 4 of 55 runs; ended like this, 0 of 30), so such processes skip that shutdown.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
