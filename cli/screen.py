"""Standard output as Rich writes it."""

import errno
import os

from rich.console import Console


class Screen(Console):
    """A console that leaves it to its caller what becomes of a reader who has gone; Rich ends the process with 1."""

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Raises `BrokenPipeError`."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
