"""One platform for all end-to-end tests: starting it takes longer than most of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from service.devserver import DevServer
from tests.support.alert_receivers import AlertReceivers
from tests.support.browser import Hook, Tab, running_browser, tab
from tests.support.platform import TOKEN, Platform, temporal_dev_server
from tests.support.sink import Sink


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    async with temporal_dev_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def alerts() -> AsyncIterator[AlertReceivers]:
    """What the platform takes for PagerDuty, Pushover and Twilio."""
    async with AlertReceivers() as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(
    temporal: DevServer, alerts: AlertReceivers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    state: Path = tmp_path_factory.mktemp("state")
    found = await Platform.over(temporal, state)
    async with (
        found.process("serve", **alerts.environment) as process,
        httpx.AsyncClient(base_url=process.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as api,
    ):
        found.api = api
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def desk(browser: Browser, platform: Platform) -> AsyncIterator[Tab]:
    """A tab that is logged in with everything allowed."""
    async with tab(browser) as found:
        await found.log_in(f"{platform.api.base_url}", TOKEN)
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def hook(platform: Platform) -> AsyncIterator[Hook]:
    found = Hook(platform)
    yield found
    await platform.im("subscriber", "remove", found.name, "--cancel-waiting")
