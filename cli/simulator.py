"""An exporter that does not exist: posts a simulated cluster's records, tries again what was not taken, restarts."""

import asyncio
import json
import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

import httpx

from cli.run import Format, exit_status, say, write
from cli.simulated_cluster import Mix, SimulatedCluster
from cli.simulated_records import Record
from cli.simulation import Plan, Told, summary, summary_text
from domain.errors import InvalidRequestError, UnavailableError
from domain.source_errors import AccessDeniedError

RECORDS_PATH = "/api/v1/zeebe/records"
REQUEST_SECONDS = 10
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 5.0
REPORT_SECONDS = 5
PATIENCE_SECONDS = 30  # past the end of the plan, while the API does not take what is left
REMEMBERED = 10_000  # records that a restart can send again
GIVE_IT = "Give the cluster's token: --token - < FILE. A new one: im zeebe cluster update NAME --generate-token."
WHERE = (
    "Start the API there (im serve; on a laptop im dev), or name where it is: --url http://HOST:PORT, or IM_API_PORT."
)
AWAY = frozenset({408, 425, 429, 500, 502, 503, 504})  # as against refusals, which another try does not change


class _NotTakenError(Exception):
    """Records that were not taken although time is up."""


class Exporter:
    """Posts records in their order, one request at a time, and goes on only when the last one was taken.

    Args:
        plan: how.
        cluster: whose records.
        chance: decides which requests are sent again.
        stop: set when somebody wants it to end.
        tell: says something to whoever watches.
    """

    def __init__(
        self,
        plan: Plan,
        cluster: SimulatedCluster,
        *,
        chance: Random,
        stop: asyncio.Event,
        tell: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._cluster = cluster
        self._chance = chance
        self._stop = stop
        self._tell = tell
        self._since_restart: deque[Record] = deque(maxlen=REMEMBERED)
        self._began = self._reported = self._restarted = time.monotonic()
        self.told = Told()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    async def run(self) -> None:
        """Post until the plan, or somebody, ends it; what is open is resolved at last.

        Raises:
            AccessDeniedError: nobody has that token.
            InvalidRequestError: the API refused the records otherwise.
            UnavailableError: the first request found nobody to connect to: most often that is the wrong port.
        """
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if self._plan.token:
            headers["Authorization"] = f"Bearer {self._plan.token}"
        async with httpx.AsyncClient(headers=headers, timeout=REQUEST_SECONDS, trust_env=False) as http:
            self._http = http
            try:
                while not self._over():
                    await self._step()
                for batch in _batches(self._cluster.ending(_now_ms()), max(self._plan.batch, 100)):
                    await self._send(batch)
            except _NotTakenError:
                self.told.unsent += sum(1 for _ in self._cluster.ending(_now_ms()))
                self._tell(f"{self.told.unsent} records were not taken in the end")

    async def _step(self) -> None:
        if due := self._due():
            await self._send([self._cluster.next(_now_ms()) for _ in range(due)])
        else:
            await self._pause(1 / (self._plan.rate or 1))
        if self._plan.restart_every and time.monotonic() - self._restarted >= self._plan.restart_every:
            await self._restart()
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._reported = time.monotonic()
            self._tell(self._progress())

    def _due(self) -> int:
        """How many records are to be sent now."""
        plan, sent = self._plan, self._cluster.count
        by_rate = plan.batch if plan.rate is None else int(self.seconds * plan.rate) + 1 - sent
        left = plan.batch if plan.records is None else plan.records - sent
        return max(0, min(plan.batch, by_rate, left))

    def _over(self) -> bool:
        plan = self._plan
        done = plan.records is not None and self._cluster.count >= plan.records
        return self._stop.is_set() or done or (plan.duration is not None and self.seconds >= plan.duration)

    async def _restart(self) -> None:
        """Send again what came after the position that a broker has saved: here, the later half since the last time."""
        again = list(self._since_restart)[len(self._since_restart) // 2 :]
        self._tell(f"restart: the last {len(again)} records are sent again")
        for batch in _batches(again, self._plan.batch):
            await self._post(batch, again=True)
        self._since_restart.clear()
        self._restarted = time.monotonic()

    async def _send(self, records: Sequence[Record]) -> None:
        await self._post(records)
        self._since_restart.extend(records)
        if self._chance.random() < self._plan.repeats:
            await self._post(records, again=True)

    async def _post(self, records: Sequence[Record], *, again: bool = False) -> None:
        body = json.dumps(records[0] if len(records) == 1 else records, ensure_ascii=False).encode()
        wait, trouble = FIRST_WAIT_SECONDS, ""
        while (reason := await self._try(body)) is not None:
            if reason != trouble:
                trouble = reason
                self._tell(f"not taken: {reason}; trying again until it is")
            if self._stop.is_set() or self.seconds >= (self._plan.duration or math.inf) + PATIENCE_SECONDS:
                self.told.unsent += len(records)
                raise _NotTakenError
            self.told.tried_again += 1
            await self._pause(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        self.told.sent_again += len(records) if again else 0
        if trouble:
            self._tell("taken again")

    async def _try(self, body: bytes) -> str | None:
        """Post once; returns None when the records were taken, or why the next try may be luckier."""
        began = time.monotonic()
        params = {"cluster": self._plan.cluster} if self._plan.cluster else {}
        try:
            answer = await self._http.post(self._plan.url.rstrip("/") + RECORDS_PATH, content=body, params=params)
        except httpx.TransportError as error:
            if isinstance(error, httpx.ConnectError) and not (self.told.requests or self.told.tried_again):
                reason = f"cannot connect to {self._plan.url}: {str(error).lower() or type(error).__name__}"
                raise UnavailableError(reason=reason, fix=WHERE) from None
            return f"{type(error).__name__} at {self._plan.url}"
        self.told.requests += 1
        if answer.status_code in AWAY:
            return f"{answer.status_code} {_problem(answer)[0]}"
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer)
        self.told.latencies.append(time.monotonic() - began)
        receipt = answer.json()
        self.told.answered.update({name: receipt[name] for name in ("raised", "resolved", "beats", "ignored")})
        self.told.answered["bad"] += len(receipt["bad"])
        return None

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _progress(self) -> str:
        cluster = self._cluster
        return (
            f"{self.seconds:5.0f} s: {cluster.count} records, {cluster.raised} incidents raised, "
            f"{cluster.resolved} resolved, {cluster.beats} beats; {self.told.latency_text()}"
        )


def run_simulation(plan: Plan, mix: Mix, output: Format) -> int:
    """Simulate until the plan or Ctrl-C ends it, and print what came of it; returns the exit status."""
    return asyncio.run(_simulate(plan, mix, output))


async def _simulate(plan: Plan, mix: Mix, output: Format) -> int:
    stop = asyncio.Event()
    _stop_on_signal(stop)
    chance = Random()  # noqa: S311 - nothing is secret here
    cluster = SimulatedCluster(chance, mix, _now_ms())
    exporter = Exporter(plan, cluster, chance=chance, stop=stop, tell=say)
    say(f"posting to {plan.url}{RECORDS_PATH}; Ctrl-C ends it")
    await exporter.run()
    result = summary(cluster, exporter.told, exporter.seconds)
    write(output, result, summary_text(result, exporter.told.latency_text()))
    return exit_status(UnavailableError(reason="")) if exporter.told.unsent else 0


def _stop_on_signal(stop: asyncio.Event) -> None:
    """End in order at the first signal, and at once at the second."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)


def _refusal(answer: httpx.Response) -> AccessDeniedError | InvalidRequestError:
    detail = _problem(answer)
    if answer.status_code == httpx.codes.UNAUTHORIZED:  # whose hint is for exporters
        return AccessDeniedError(reason=detail, fix=GIVE_IT)
    return InvalidRequestError(reason=f"the API refused the records with {answer.status_code}: {detail}")


def _problem(answer: httpx.Response) -> str:
    """The detail of an answer, where it is a problem of ours."""
    try:
        problem: dict[str, Any] = answer.json()
        return str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
