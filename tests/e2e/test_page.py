"""The page in a real browser, over the whole platform."""

import re
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import MISSING, Hook, Tab, at, chromium, focused, tab
from tests.support.elsewhere import ELSEWHERE
from tests.support.platform import Platform, unique_name
from tests.support.sink import Answer, Sink

pytestmark = pytest.mark.skipif(chromium() is None, reason=MISSING)

EVIL = (
    "<script>document.title='owned';alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>"
    "\x1b[31mred\x1b[0m{{7*7}}</pre></template><iframe srcdoc='<script>alert(4)</script>'></iframe>"
)
MARKS = "\u202e\u200f" * 200 + "\u200f" * 400


async def story(desk: Tab, platform: Platform, event_id: str) -> Page:
    await desk.page.goto(at(platform, f"/ui/event?id={event_id}&source=/tests"))
    return desk.page


async def test_a_failure_is_seen_resent_and_delivered_without_reloading(
    desk: Tab, platform: Platform, sink: Sink, hook: Hook
) -> None:
    sink.script(Answer(500, b"out of order"))
    await hook.add(sink, "--max-attempts", "1")
    page = desk.page
    await page.goto(at(platform, f"/ui/events?type={hook.type}"))
    await expect(page.get_by_text("No event is like that")).to_be_visible()
    await platform.emit(hook.type)
    row = page.get_by_role("row").filter(has_text=hook.type)
    await expect(row.get_by_text("failed", exact=True)).to_be_visible()  # put in by the stream of changes
    await expect(row.get_by_text(hook.name)).to_be_visible()
    await row.get_by_role("link", name=hook.type).click()
    await expect(page.get_by_text("HTTP 500").first).to_be_visible()
    await page.get_by_text("Body", exact=True).click()
    await expect(page.get_by_text("out of order")).to_be_visible()
    sink.script(Answer(200))
    await page.get_by_role("button", name=f"Resend to {hook.name}").click()
    await expect(page.get_by_text("Sent again.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Resent delivered")).to_be_visible()
    assert not desk.faults


async def test_events_are_filtered_by_type_incident_subscriber_and_failure(
    desk: Tab, platform: Platform, sink: Sink, hook: Hook
) -> None:
    sink.script(Answer(200), Answer(400))
    await hook.add(sink)
    good, bad = await platform.emit(hook.type, subject="one"), await platform.emit(hook.type)
    await platform.ended(good)
    await platform.ended(bad)
    page = desk.page
    await page.goto(at(platform, "/ui/events"))
    await page.get_by_label("Type or pattern").fill(hook.type)
    await page.get_by_label("Subscriber").select_option(hook.name)
    await page.get_by_role("button", name="Filter").click()
    rows = page.get_by_role("row").filter(has_text=hook.type)
    await expect(rows).to_have_count(2)
    await page.get_by_label("Failed only").check()
    await page.get_by_role("button", name="Filter").click()
    await expect(rows).to_have_count(1)
    await page.get_by_label("Incident").fill("INC-404")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_text("No incident 'INC-404' is known")).to_be_visible()
    assert not desk.faults


async def test_a_subscriber_is_paused_and_resumed_and_says_what_waits(
    desk: Tab, platform: Platform, sink: Sink, hook: Hook
) -> None:
    await hook.add(sink)
    page = desk.page
    await page.goto(at(platform, f"/ui/subscriber?name={hook.name}"))
    await page.get_by_label("Reason").fill("database migration")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused. Events for it wait")).to_be_visible()
    event_id = await platform.emit(hook.type)
    await expect(page.get_by_text("database migration. 1 waits")).to_be_visible()
    await page.goto(at(platform, "/"))
    figure = page.locator(".sums div").filter(has_text="Held by a pause").locator("dd")
    await expect(figure).to_have_text(re.compile(r"[1-9]\d*"))  # one figure a tile
    await expect(page.locator(".sums div").filter(has_text="Retrying now")).to_be_visible()
    await (await story(desk, platform, event_id)).get_by_role("link", name="Why?").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("paused")
    await page.goto(at(platform, f"/ui/subscriber?name={hook.name}"))
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_text("Resumed.")).to_be_visible()
    assert (await platform.ended(event_id))[hook.name]["state"] == "delivered"
    assert not desk.faults


async def test_a_disabled_subscriber_is_enabled(desk: Tab, platform: Platform, sink: Sink, hook: Hook) -> None:
    await hook.add(sink, "--no-enabled")
    page = desk.page
    await page.goto(at(platform, f"/ui/subscriber?name={hook.name}"))
    await expect(page.get_by_text("It is told of nothing until it is enabled.")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    await page.get_by_role("button", name="Enable").click()
    await expect(page.get_by_text("Enabled. It is told of events from now on")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    event_id = await platform.emit(hook.type)
    assert (await platform.ended(event_id))[hook.name]["state"] == "delivered"
    assert not desk.faults


async def test_hostile_text_is_shown_and_nothing_of_it_runs(
    desk: Tab, platform: Platform, sink: Sink, hook: Hook
) -> None:
    sink.script(Answer(404, (EVIL + MARKS).encode()))
    await hook.add(sink)
    event_id = await platform.emit(hook.type, {"title": EVIL, "marks": MARKS}, subject=EVIL.replace("\x1b", ""))
    await platform.ended(event_id)
    page = await story(desk, platform, event_id)
    for details in await page.query_selector_all("details"):
        await details.evaluate("each => each.open = true")
    await expect(page.locator(".attempts pre")).to_contain_text("<script>document.title='owned'")
    await expect(page.locator(".attempts pre")).to_contain_text(">red{{7*7}}")
    await expect(page.locator(".attempts pre")).to_contain_text("<U+202E U+200F>×")
    declared = await platform.api.post(
        "/api/v1/incidents", json={"title": EVIL.replace("\x1b", ""), "severity": "SEV-4", "actor": "<b>me</b>"}
    )
    await page.goto(at(platform, f"/ui/incident?id={declared.json()['id']}"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
    await expect(page.get_by_text("<b>me</b>")).to_be_visible()
    assert await page.title() != "owned"
    assert await page.locator("main script, main iframe, main img, main svg[onload]").count() == 0
    assert not desk.faults


async def test_the_focus_and_what_is_open_stay_where_they_are_when_news_come(
    desk: Tab, platform: Platform, sink: Sink, hook: Hook
) -> None:
    sink.script(Answer(400, b"a body"))
    await hook.add(sink)
    event_id = await platform.emit(hook.type)
    await platform.ended(event_id)
    page = await story(desk, platform, event_id)
    await page.get_by_text("Body", exact=True).click()
    await page.get_by_role("button", name=f"Resend to {hook.name}").focus()
    await platform.api.post(f"/api/v1/events/{event_id}/resend", json={"subscriber": hook.name})
    await expect(page.get_by_role("heading", name="Resent")).to_be_visible()
    assert await focused(page) == f"Resend to {hook.name}"
    await expect(page.get_by_text("a body").last).to_be_visible()
    assert not desk.faults


async def test_logging_out_ends_what_is_seen(desk: Tab, platform: Platform) -> None:
    page = desk.page
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_text("You are logged out.")).to_be_visible()
    await page.goto(at(platform, "/ui/events"))
    await expect(page.get_by_label("API token")).to_be_visible()
    assert not desk.faults


async def test_a_revoked_token_is_out_without_doing_anything(browser: Browser, platform: Platform) -> None:
    name = unique_name("page")
    made = await platform.im("token", "create", name, "--scope", "read", "--format", "json")
    async with tab(browser) as found:
        await found.log_in(at(platform, "/"), made.json["token"])
        await expect(found.page.get_by_text(name)).to_be_visible()
        assert (await platform.im("token", "revoke", name)).code == 0
        await expect(found.page.get_by_label("API token")).to_be_visible()


async def test_a_link_from_another_site_does_not_ask_for_a_login_again(
    desk: Tab, platform: Platform, sink: Sink
) -> None:
    link = at(platform, "/ui/incidents")
    page_of_others = f"<a href='{link}'>incidents</a>".encode()
    sink.script(Answer(200, page_of_others, {"Content-Type": "text/html"}))
    await desk.page.goto(sink.url("/chat").replace("127.0.0.1", "localhost"))
    await desk.page.get_by_role("link").click()
    await expect(desk.page.get_by_role("heading", name="Incidents")).to_be_visible()


async def test_a_crafted_link_to_the_login_leads_to_no_other_site(desk: Tab, platform: Platform) -> None:
    for after in ELSEWHERE:
        await desk.page.goto(at(platform, f"/ui/login?next={quote(after, safe='')}"))
        assert desk.page.url == at(platform, "/"), repr(after)
