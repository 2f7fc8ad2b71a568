"""How the rooms that commands load write log lines: through structlog, which is loaded with the first one.

It takes Rich along, 80 ms of every command. A process that has set no logs up (`service.logs`) writes none: a command
says itself what there is to say, and its standard output is data.
"""

from typing import Any


class Logger:
    """Writes lines of one component: a message, and facts by name.

    Args:
        component: as it is shown in each line, and filtered by in ``im logs --component``.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._lines: Any = None

    def debug(self, message: str, **facts: object) -> None:
        """What is of use to somebody who looks for a fault."""
        self._write("debug", message, facts)

    def info(self, message: str, **facts: object) -> None:
        """What happened, as it should."""
        self._write("info", message, facts)

    def warning(self, message: str, **facts: object) -> None:
        """What did not go well, and is seen to."""
        self._write("warning", message, facts)

    def error(self, message: str, **facts: object) -> None:
        """What somebody has to see to."""
        self._write("error", message, facts)

    def _write(self, level: str, message: str, facts: dict[str, object]) -> None:
        import structlog  # noqa: PLC0415 - see above

        if structlog.is_configured():
            self._lines = self._lines or structlog.get_logger(self._component)
            getattr(self._lines, level)(message, **facts)
