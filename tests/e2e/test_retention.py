"""The retention is a number that can be read and set; what it ended is said to be gone."""

import secrets
from datetime import UTC, datetime, timedelta

from domain.event_ids import RANDOM_BITS, event_id
from tests.support.platform import Platform


async def test_the_retention_is_shown_and_set(platform: Platform) -> None:
    before = await platform.gateway.retention.get()
    try:
        ran = await platform.im("retention", "set", "14d")
        assert ran.code == 0, ran.err
        shown = await platform.im("retention")
        assert (shown.code, shown.out) == (0, "14d\n")
        assert (await platform.api.get("/api/v1/retention")).json()["seconds"] == 14 * 86400
        assert (await platform.im("retention", "set", "12h")).code == 1
    finally:
        await platform.gateway.retention.set(timedelta(seconds=before.seconds))


async def test_an_event_older_than_what_is_kept_is_gone_and_others_are_not_known(platform: Platform) -> None:
    now = datetime.now(UTC)
    old, fresh = (event_id(at, secrets.randbits(RANDOM_BITS)) for at in (now - timedelta(days=40), now))
    gone = await platform.api.get(f"/api/v1/events/{old}")
    assert (gone.status_code, gone.json()["code"]) == (410, "event_gone")
    assert (now - timedelta(days=40)).date().isoformat() in gone.json()["detail"]
    for unknown in (fresh, "order-1"):
        assert (await platform.api.get(f"/api/v1/events/{unknown}")).status_code == 404
    ran = await platform.im("event", "resend", old)
    assert ran.code == 1
    assert "im retention set" in ran.err
