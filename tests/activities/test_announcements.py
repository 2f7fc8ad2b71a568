"""What was announced and not made is known to the process that did not make it, and to no other."""

from datetime import timedelta

import pytest

from activities.announcements import Announcements, is_announced
from activities.transport_errors import LocalFault
from domain.outcomes import Attempt, Delivery, Failure
from tests.support.builders import NOW

EARLIER = Attempt(number=1, at=NOW, duration_ms=5, failure=Failure.CONNECTION)
LOST = Attempt(number=2, at=NOW, duration_ms=0, failure=Failure.UNKNOWN_OUTCOME)


async def taken_back(announcements: Announcements, key: str) -> None:
    async def carry(_answered: object) -> Delivery:
        raise LocalFault("no file descriptors")

    with pytest.raises(LocalFault):
        await announcements.carrying(key, [EARLIER, LOST], carry)(lambda: None)


async def test_a_request_that_was_not_made_is_not_of_unknown_outcome() -> None:
    announcements = Announcements()
    assert announcements.certain("k", [EARLIER, LOST]) == [EARLIER, LOST]
    await taken_back(announcements, "k")
    read = Attempt.model_validate(LOST.model_dump(mode="json", exclude_none=True))  # as Temporal gives it back
    assert announcements.certain("k", [EARLIER, read]) == [EARLIER]
    assert announcements.certain("k", [EARLIER]) == [EARLIER]
    assert announcements.certain("k", []) == []


async def test_what_another_process_announced_since_may_have_been_made() -> None:
    announcements = Announcements()
    await taken_back(announcements, "k")
    later = LOST.model_copy(update={"at": NOW + timedelta(microseconds=1)})
    assert is_announced(announcements.certain("k", [EARLIER, later]))
    assert is_announced(announcements.certain("another", [EARLIER, LOST]))


async def test_of_those_that_were_not_made_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.announcements.REMEMBERED", 2)
    announcements = Announcements()
    for key in "abc":
        await taken_back(announcements, key)
    known = [is_announced(announcements.certain(key, [EARLIER, LOST])) for key in "abc"]
    assert known == [True, False, False]
