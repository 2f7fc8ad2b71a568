"""What watches goes on when Temporal is back."""

import pytest

from cli.patience import LONGEST, Patience
from domain.errors import InvalidRequestError, UnavailableError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def away(patience: Patience) -> None:
    with patience.bearing():
        raise UnavailableError(reason="Temporal is away")


def test_an_absence_is_said_once_and_again_when_there_is_another(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    patience = Patience(clock)
    away(patience)
    clock.now += LONGEST
    away(patience)
    with patience.bearing():
        pass
    clock.now += LONGEST
    away(patience)
    assert capsys.readouterr().err.count("Temporal is away; it goes on here when that is back") == 2


def test_what_stays_away_is_raised() -> None:
    clock = Clock()
    patience = Patience(clock)
    away(patience)
    clock.now += LONGEST + 1
    with pytest.raises(UnavailableError):
        away(patience)


def test_what_was_refused_is_raised_at_once() -> None:
    with pytest.raises(InvalidRequestError), Patience().bearing():
        raise InvalidRequestError(reason="no")
