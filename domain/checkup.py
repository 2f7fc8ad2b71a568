"""What a check-up of the deployment finds: each finding with what to do about it."""

from collections import Counter
from enum import StrEnum

from pydantic import BaseModel

from domain.errors import ImError


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  # cannot be checked from here, or is as it is
    WARNING = "warning"
    ERROR = "error"


class Finding(BaseModel):
    """One thing that was looked at.

    Attributes:
        check: what was looked at, such as ``temporal`` or ``keys``.
        fix: what to do about it; empty where nothing is to be done.
    """

    check: str
    level: Level
    message: str
    fix: str = ""


class Checkup(BaseModel):
    """Every finding, in the order in which to read them: what fails first makes others fail."""

    findings: list[Finding] = []

    @property
    def worst(self) -> Level:
        """The level of the worst finding."""
        order = list(Level)
        return max((finding.level for finding in self.findings), key=order.index, default=Level.OK)

    @property
    def summary(self) -> str:
        """How many findings there are to do something about, such as ``1 error, 3 warnings``."""
        counts = Counter(finding.level for finding in self.findings)
        told = [number(counts[level], level.value) for level in (Level.ERROR, Level.WARNING) if counts[level]]
        return ", ".join(told) or "nothing is to be done"


def number(count: int, noun: str) -> str:
    """``1 warning``, ``2 warnings``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def ok(check: str, message: str) -> Finding:
    """A finding of nothing wrong."""
    return Finding(check=check, level=Level.OK, message=message)


def note(check: str, message: str, fix: str = "") -> Finding:
    """A finding that is to be known."""
    return Finding(check=check, level=Level.NOTE, message=message, fix=fix)


def warning(check: str, message: str, fix: str) -> Finding:
    """A finding that will be an error one day, or is one for somebody."""
    return Finding(check=check, level=Level.WARNING, message=message, fix=fix)


def error(check: str, message: str, fix: str) -> Finding:
    """A finding that keeps the platform from doing its work."""
    return Finding(check=check, level=Level.ERROR, message=message, fix=fix)


def from_error(check: str, found: ImError) -> Finding:
    """A check that could not be made."""
    return error(check, str(found), found.advice)
