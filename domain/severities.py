"""Which severities a subscriber is told of: a choice among the events that state one, as all of an incident do.

Who chose none is told of all of them. An event that states none, such as an alarm, is not held back by a choice.
"""

from collections.abc import Sequence

from domain.errors import InvalidRequestError
from domain.incidents import Severity
from domain.likeness import nearest
from domain.naming import given_as

ALL = "all"


@given_as("severities")
def check_severities(given: Sequence[str]) -> tuple[str, ...]:
    """The severities of a choice, the worst first, without repeats; none where all are chosen.

    Args:
        given: ``SEV-1`` to ``SEV-4`` in any case, or ``all``.

    Raises:
        InvalidRequestError: there is no such severity, or none is given where one is.
    """
    known, chosen = [each.value for each in Severity], {each.strip().upper() for each in given}
    if chosen == {ALL.upper()}:
        return ()
    if unknown := [each for each in given if each.strip().upper() not in known]:
        reason = f"{unknown[0].strip()!r} is no severity to choose: give some of {', '.join(known)}, or {ALL} alone"
        raise InvalidRequestError(reason=reason, close=nearest(unknown[0].strip(), [*known, ALL]))
    found = tuple(each for each in known if each in chosen)
    return () if len(found) == len(known) else found


def admits(chosen: Sequence[str], severity: str | None) -> bool:
    """Whether somebody with a choice is told of an event that states a severity, or none."""
    return not chosen or severity is None or severity in chosen
