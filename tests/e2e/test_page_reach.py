"""The page for everybody: on a phone, by keyboard, with a screen reader, without the script."""

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, Page, expect

from tests.support.browser import MISSING, Hook, at, chromium, focused, tab
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, unique_type
from tests.support.sink import Answer, Sink

pytestmark = pytest.mark.skipif(chromium() is None, reason=MISSING)

# Of a fault as the page of the login says it: an attempt that is refused would count.
GAP_BELOW_FAULT = """() => {
  const form = document.querySelector(".login form")
  form.insertAdjacentHTML("beforebegin", '<div class="fault"><p>refused</p></div>')
  return form.getBoundingClientRect().top - form.previousElementSibling.getBoundingClientRect().bottom
}"""
PHONE = {"width": 360, "height": 740}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_passes_axe_and_fits_a_phone(
    browser: Browser, platform: Platform, sink: Sink, hook: Hook, scheme: str
) -> None:
    sink.script(Answer(400, b"x" * 2000))
    await hook.add(sink)
    event_id = await platform.emit(hook.type, {"long": "y" * 500})
    incident = await platform.api.post(
        "/api/v1/incidents", json={"title": "z" * 300, "severity": "SEV-1", "actor": "me"}
    )
    await platform.ended(event_id)
    paths = ["/", "/ui/events", "/ui/incidents", f"/ui/incident?id={incident.json()['id']}", "/ui/nothing"]
    paths += [f"/ui/subscriber?name={hook.name}", f"/ui/event?id={event_id}"]
    paths += [f"/ui/why?id={event_id}&subscriber={hook.name}"]
    async with tab(browser, viewport=PHONE, color_scheme=scheme, bypass_csp=True) as phone:
        page = phone.page
        await page.goto(at(platform, "/ui/login"))
        await judge(page, "/ui/login")
        assert await page.evaluate(GAP_BELOW_FAULT) >= 8
        await phone.log_in(at(platform, "/"), TOKEN)
        for path in paths:
            await page.goto(at(platform, path))
            for details in await page.query_selector_all("details"):
                await details.evaluate("each => each.open = true")
            await judge(page, path)
            if path.startswith("/ui/event?"):
                await page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a dictionary with the members of one
                label = "getComputedStyle(document.querySelector('.attempts tbody th'), '::before').content"
                assert await page.evaluate(label) == '"Request"'


async def test_the_id_of_an_incident_stays_on_one_line(browser: Browser, platform: Platform) -> None:
    event_type = unique_type(".".join(["long"] * 40))
    await platform.emit(event_type, extensions={"imincidentid": "INC-1234567"})
    async with tab(browser, viewport={"width": 1200, "height": 900}) as desk:
        await desk.log_in(at(platform, f"/ui/events?type={event_type}"), TOKEN)

        async def lines() -> int:
            await desk.page.reload()
            return int(await desk.page.evaluate("document.querySelector('td bdi')?.getClientRects().length ?? 0"))

        assert await eventually(lines) == 1


async def judge(page: Page, path: str) -> None:
    """WCAG 2.2 AA as far as axe can tell, on a phone and at a desk, and no scrolling sideways."""
    await page.add_script_tag(path=AXE_FILE_PATH)
    for size in (PHONE, {"width": 1280, "height": 900}):
        await page.set_viewport_size(size)  # type: ignore[arg-type]  # a dictionary with the members of one
        wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], f"{path} scrolls sideways at {size['width']}: {wide}"
        found = await page.evaluate("axe.run()")
        told = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]]
        assert not told, f"{path} at {size['width']}: {told}"


async def test_the_keyboard_alone_logs_in_and_resends(
    browser: Browser, platform: Platform, sink: Sink, hook: Hook
) -> None:
    await hook.add(sink)
    event_id = await platform.emit(hook.type)
    await platform.ended(event_id)
    async with tab(browser) as found:
        page = found.page
        await page.goto(at(platform, f"/ui/event?id={event_id}"))
        await page.keyboard.type(TOKEN)  # the field has the focus
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#runs")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Skip to the content"
        await page.keyboard.press("Enter")
        for _ in range(20):
            await page.keyboard.press("Tab")
            if (await focused(page)).startswith("Resend"):
                break
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Sent again.")).to_be_visible()
        await sink.wait_for(2)
        assert not found.faults


async def test_everything_works_without_the_script(
    browser: Browser, platform: Platform, sink: Sink, hook: Hook
) -> None:
    await hook.add(sink)
    event_id = await platform.emit(hook.type)
    await platform.ended(event_id)
    async with tab(browser, java_script_enabled=False) as found:
        await found.log_in(at(platform, f"/ui/event?id={event_id}"), TOKEN)
        await found.page.get_by_role("button", name=f"Resend to {hook.name}").click()
        await expect(found.page.get_by_text("Sent again.")).to_be_visible()
        await sink.wait_for(2)

        async def delivered() -> bool:
            await found.page.reload()
            return await found.page.get_by_role("heading", name="Resent delivered").is_visible()

        await eventually(delivered, 30)
