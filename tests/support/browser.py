"""A real headless Chromium, where one is installed."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Sink

PATIENCE_MS = 90_000  # of what a browser does or shows: a loaded machine once took over 30 s
_NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium is installed (Debian: apt-get install chromium), so nobody looks at the page"


def chromium() -> str | None:
    """The path of a Chromium; None where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """A browser for the duration of a block."""
    path = chromium()
    assert path is not None, MISSING
    expect.set_options(timeout=PATIENCE_MS)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments, timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """A tab with cookies of its own.

    Attributes:
        faults: what should not happen in it: dialogs, errors of scripts, violations of the policy, failed requests.
    """

    page: Page
    faults: list[str] = field(default_factory=list)

    async def log_in(self, url: str, token: str) -> None:
        """Open a page by way of the login."""
        await self.page.goto(url)
        await self.page.get_by_label("API token").fill(token)
        await self.page.get_by_role("button", name="Log in").click()
        try:
            await self.page.wait_for_selector("nav")
        except PlaywrightTimeoutError as error:
            raise AssertionError(f"not logged in: {self.page.url} says {await self._said()!r}") from error

    async def _said(self) -> str:
        return await self.page.inner_text("body")


@asynccontextmanager
async def tab(browser: Browser, **options: Any) -> AsyncIterator[Tab]:
    """A tab for the duration of a block; options are those of a context, such as its viewport."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    found = Tab(await context.new_page())
    page = found.page

    async def on_dialog(dialog: Any) -> None:
        found.faults.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    page.on("dialog", on_dialog)
    page.on("pageerror", lambda error: found.faults.append(f"script: {error}"))
    page.on("console", lambda said: found.faults.append(said.text) if said.type == "error" else None)
    try:
        yield found
    finally:
        await context.close()


class Hook:
    """A subscriber of one test, and an event type that it alone wants."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.name, self.type = unique_name("page"), unique_type("page")

    async def add(self, sink: Sink, *options: str) -> None:
        """Add it."""
        added = await self._platform.im(
            *("subscriber", "add", "--name", self.name, "--url", sink.url("/page"), "--types", self.type), *options
        )
        assert added.code == 0, added.err


def at(platform: Platform, path: str) -> str:
    """The address of a page."""
    return f"{str(platform.api.base_url).rstrip('/')}{path}"


async def focused(page: Page) -> str:
    """The text of what has the focus."""
    return str(await page.evaluate("document.activeElement.textContent.trim()"))
