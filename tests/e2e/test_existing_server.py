"""A server that an earlier version registered its search attributes on: `im serve` adds what is missing."""

from pathlib import Path

import pytest

from domain.alarms import AlarmSeverity, Identity
from service import search_attributes
from service.alarms import AlarmFilter
from tests.support.eventually import eventually
from tests.support.platform import Platform, temporal_dev_server
from workflows import names

OF_ALARMS = (names.ALARM_SEVERITY, names.ALARM_TYPE, names.ALARM_RESOURCE)


async def test_alarms_are_raised_and_found_on_a_server_that_knew_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tuple(key for key in names.SEARCH_ATTRIBUTES if key not in OF_ALARMS)
    monkeypatch.setattr(search_attributes, "SEARCH_ATTRIBUTES", known)
    async with temporal_dev_server(tmp_path) as temporal:
        platform = await Platform.over(temporal, tmp_path)
        async with platform.process("serve"):
            alarms = platform.gateway.alarms
            identity = Identity(alarm_type="a", resource_type="b", resource_id="c")
            assert (await alarms.upsert(identity, AlarmSeverity.MAJOR)).outcome == "raised"

            async def found() -> bool:
                page = await alarms.find(AlarmFilter(severity=AlarmSeverity.MAJOR, alarm_type="a", resource_id="c"))
                return len(page.rows) == 1

            assert await eventually(found, 20)
