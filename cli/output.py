"""Standard output that cannot be written: a full disk, a reader who has gone (``| head``), a closed descriptor."""

import errno
import os
import sys
from typing import TextIO

import typer

UNWRITTEN = "standard output cannot be written: {reason}; what was written is incomplete"
HINT = "What the command changed stays changed; replace a token or secret that it was to show."
# An error that names a file is none of a write to what is open already.
_OF_WRITES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE, errno.EBADF, errno.EIO, errno.EAGAIN)


def unwritten(fault: OSError) -> int:
    """Say why standard output cannot be written, and write nothing more there; returns the exit status.

    That whoever reads has gone is no error, and not said.
    """
    discard_output()
    if isinstance(fault, BrokenPipeError):
        return 0
    typer.echo(f"error: {UNWRITTEN.format(reason=fault.strerror)}\nhint: {HINT}", err=True)
    return 1


def discard_output() -> None:
    """What is buffered for standard output, and whatever comes, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unwritable(output: TextIO) -> OSError | None:
    """Why an output does not take what is buffered for it still."""
    try:
        output.flush()
    except OSError as error:
        return error
    return None


def lost(output: TextIO, error: BaseException) -> OSError | None:
    """Why an output takes nothing any more, not even a line break; None where the error must be of something else.

    The line break is tried only where the error may be of a write: else it would stand before a traceback.
    """
    fault = unwritable(output)
    if fault or (isinstance(error, OSError) and (error.errno not in _OF_WRITES or error.filename is not None)):
        return fault
    try:
        output.write("\n")
    except OSError as refusal:
        return refusal
    return unwritable(output)
