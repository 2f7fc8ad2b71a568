"""Replays and the retention in memory: one replay, which is remembered as it was asked for."""

from collections.abc import Callable
from datetime import datetime, timedelta

from api.operation_examples import RETENTION
from api.replay_examples import REPLAY, ROW, SURVEY
from domain.replay_errors import ReplayNotFoundError
from domain.replays import ReplayReport, Stage, Survey
from domain.retention import Retention, check_retention
from service.idempotency import Once
from service.replay_views import ReplayOptions, ReplayPageView, ReplayView


class Replays:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self.asked: list[ReplayOptions] = []
        self.once: list[Once | None] = []
        self.before: datetime | None = None
        self.older: datetime | None = None

    async def start(self, options: ReplayOptions, once: Once | None = None) -> ReplayView:
        self._called()
        self.once.append(once)
        self.asked.append(options)
        return ReplayView.model_validate(REPLAY)

    async def survey(self, options: ReplayOptions) -> Survey:
        self._called()
        self.asked.append(options)
        return Survey.model_validate(SURVEY)

    async def find(self, *, limit: int = 100, before: datetime | None = None) -> ReplayPageView:
        self._called()
        self.before = before
        return ReplayPageView(rows=[ReplayReport.model_validate(ROW)][:limit], older=self.older)

    async def get(self, replay_id: str) -> ReplayView:
        self._called()
        if replay_id != REPLAY["id"]:
            raise ReplayNotFoundError(replay_id=replay_id)
        return ReplayView.model_validate(REPLAY)

    async def cancel(self, replay_id: str) -> ReplayView:
        return (await self.get(replay_id)).model_copy(update={"stage": Stage.CANCELLED})


class Retentions:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called

    async def get(self) -> Retention:
        self._called()
        return Retention.model_validate(RETENTION)

    async def set(self, time: timedelta) -> Retention:
        self._called()
        seconds = int(check_retention(time).total_seconds())
        return Retention(namespace="default", retention=f"{seconds // 86400}d", seconds=seconds)
