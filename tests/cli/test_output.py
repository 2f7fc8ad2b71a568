"""An error that is not of standard output leaves it alone."""

import errno
from typing import Any

import pytest

from cli import main
from cli.run import end_after
from service import process

OTHERS = [
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    OSError("without a number"),
    OSError(errno.ENOSPC, "no space", "state.json"),
]


@pytest.mark.parametrize("error", OTHERS)
def test_no_line_break_is_written_before_the_traceback_of_another_error(
    error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(main, "app", fails)
    monkeypatch.setattr(process, "finish", pytest.fail)
    with pytest.raises(OSError, match=str(error.args[-1])) as of_a_command:
        main.run([])
    with pytest.raises(OSError, match=str(error.args[-1])) as of_a_host:
        end_after(fails)
    assert (of_a_command.value, of_a_host.value) == (error, error)
    assert capsys.readouterr().out == ""
