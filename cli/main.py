"""The entry point `im`: arguments in, exit status out. Light to import, because `im --help` waits for it."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import TextIO

from cli.app import app
from cli.output import discard_output, lost, unwritable, unwritten
from cli.run import report, say
from domain.errors import ImError
from service.process import collect_rarely, finish

_ENABLED = {"--enabled=true": "--enabled", "--enabled=false": "--no-enabled"}


def run(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line (the process's own by default) and return the exit status."""
    output = _output()
    try:
        words = normalised(sys.argv[1:] if argv is None else argv)
        if wrong := next((word for word in _of_subscriber(words) if word.startswith("--enabled=")), None):
            say(f"Error: {wrong}: --enabled takes true or false, and without a value it is true")
            return 2
        app(words, prog_name="im")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
        if sys.stdout is not output:  # by Click, which ends with 1 for a reader who has gone
            status = _of_lost(output, end)
    except ImError as error:
        status = report(error)
    except OSError as error:
        status = _of_lost(output, error)
    except KeyboardInterrupt:
        status = 130
    return _flushed(status)


def _output() -> TextIO:
    """Standard output, made ready with standard error."""
    if sys.stdout is None:  # closed (>&-): a command that has nothing to write there works, and others say so
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 gets a ?, not a traceback
    return sys.stdout


def _of_lost(output: TextIO, error: BaseException) -> int:
    """The exit status where output cannot be written; raises the error where that is not why."""
    if (fault := lost(output, error)) is None:
        raise error
    return unwritten(fault)


def normalised(argv: Sequence[str]) -> list[str]:
    """The arguments with ``--enabled=false`` and ``--enabled=true``, as the guide writes them, made plain flags.

    Click gives a flag no value. Only `im subscriber` has that flag, and what follows ``--`` is not an option.
    """
    mine = _of_subscriber(argv)
    return [_ENABLED.get(word.lower(), word) for word in mine] + list(argv[len(mine) :])


def _of_subscriber(argv: Sequence[str]) -> list[str]:
    """The arguments of `im subscriber` among which there may be options."""
    if list(argv[:1]) != ["subscriber"]:
        return []
    return list(argv[: argv.index("--")] if "--" in argv else argv)


def _flushed(status: int) -> int:
    """The same status, output written; 1 for 0 where it cannot be, as on a full disk.

    Whoever reads may have gone (``im event list | head``): that is no error.
    """
    if (fault := unwritable(sys.stdout)) is None:
        return status
    if status:
        discard_output()
    return status or unwritten(fault)


def main() -> None:
    """The console script: `run`, and an end of the process that the Temporal SDK cannot spoil."""
    collect_rarely()
    try:
        status = run()
        _end_on_sigint()
    except KeyboardInterrupt:  # one more, while the first was being dealt with: `timeout -s INT` sends two
        _end_on_sigint()
        status = 130
    if "temporalio" in sys.modules:
        finish(status)
    sys.exit(status)


def _end_on_sigint() -> None:
    """From here on SIGINT ends the process at once, without a traceback; where it was ignored it still is."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
