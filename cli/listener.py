"""What `im listen` runs: registers a subscriber, receives, and removes the subscriber whatever ends it."""

import asyncio
import os
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from cli.listener_server import Arrival, Behaviour, Receiver
from cli.output import unwritten
from cli.render_arrivals import printer
from cli.run import Format, report, say, warn
from domain.errors import ConfigurationError, ImError
from domain.listeners import HOST, listener_name, listener_prefix
from domain.outcomes import DeliveryState
from service.gateway import Gateway
from service.server import until_stopped
from service.subscriber_views import Changed, SubscriberView

KNOCK_SECONDS = 0.5
MAX_HOST_NAME = 30
GONE = 410


@dataclass(frozen=True)
class Plan:
    """How to listen.

    Attributes:
        port: 0 for a free one.
        statuses: what each event is answered, in turn; None for 200, or what ``forward_to`` answers.
        delay: seconds before each answer.
        secret: to sign with; None for one that is made.
    """

    port: int
    types: list[str] | None
    forward_to: str | None
    statuses: Sequence[int] | None
    delay: float
    verify: bool
    secret: str | None
    output: Format


class _Lines:
    """What shows arrivals, until that cannot be written any more: whoever sent them has an answer all the same.

    Attributes:
        fault: why it could not.
        lost: done when it could not.
    """

    def __init__(self, show: Callable[[Arrival], None]) -> None:
        self._show = show
        self.fault: OSError | None = None
        self.lost = asyncio.Event()

    def __call__(self, arrival: Arrival) -> None:
        """Show one."""
        if self.fault is not None:
            return
        try:
            self._show(arrival)
        except OSError as error:
            self.fault = error
            self.lost.set()


LEFT_BEHIND = "ended at once: its subscriber may be left; see im subscriber list, and im subscriber remove NAME"


async def listening(im: Gateway, plan: Plan) -> int:
    """Listen until SIGINT or SIGTERM, or until nothing can be shown any more; returns the exit status."""
    stopped = asyncio.create_task(until_stopped(LEFT_BEHIND))
    await asyncio.sleep(0)  # from here on a signal ends it in order
    await _tell_of_leftovers(im)
    name = listener_name(_host_name(), secrets.token_hex(3))
    behaviour = Behaviour(plan.forward_to, plan.statuses, plan.delay)
    lines = _Lines(printer(plan.output))
    receiver = Receiver(name, behaviour, lines)
    await _open(receiver, plan)
    try:
        added = await _register(im, plan, receiver)
        try:
            _tell_of(added, plan, receiver)
            await _first_done(im, receiver, stopped, asyncio.create_task(lines.lost.wait()))
        finally:
            status = await _remove(im, name)
    finally:
        await receiver.close()
    return status or (unwritten(lines.fault) if lines.fault else 0)


async def _open(receiver: Receiver, plan: Plan) -> None:
    try:
        receiver.open(HOST, plan.port)
    except OSError as error:
        raise ConfigurationError(
            reason=f"cannot listen on {HOST}:{plan.port}: {os.strerror(error.errno or 0).lower()}",
            fix="Stop what uses the port, or leave out --port for a free one.",
        ) from None
    if plan.forward_to and urlsplit(plan.forward_to).port == receiver.port:
        await receiver.close()
        raise ConfigurationError(reason="--forward-to is this very receiver", fix="Name another port.")


async def _first_done(im: Gateway, receiver: Receiver, *ends: asyncio.Task[object]) -> None:
    """Wait for the first end, while the way to the receiver is checked."""
    checking = asyncio.create_task(_check_way(im, receiver))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        checking.cancel()


async def _register(im: Gateway, plan: Plan, receiver: Receiver) -> Changed:
    made = plan.secret is None
    added = await im.subscribers.add(
        receiver.name,
        f"http://{HOST}:{receiver.port}/",
        types=plan.types,
        secret=plan.secret,
        generate_secret=made,
    )
    secret = added.secret if made else plan.secret
    receiver.secret = secret if plan.verify else None
    return added


def _tell_of(added: Changed, plan: Plan, receiver: Receiver) -> None:
    say(f"{receiver.name} listens on {HOST}:{receiver.port} for {','.join(added.subscriber.types)}; Ctrl-C ends it")
    if plan.forward_to:
        say(f"each request is sent on to {plan.forward_to}")
        if added.secret:
            say(f"the application there verifies with this secret, valid until the end: {added.secret}")
    for warning in added.warnings:
        warn(warning)
    if plan.statuses and GONE in plan.statuses:
        warn("410 pauses a subscriber, so nothing comes after it until it is resumed")


async def _check_way(im: Gateway, receiver: Receiver) -> None:
    """Send the receiver a test event: what keeps events away is better said now than wondered about."""
    try:
        trial = await im.trials.run(receiver.name)
    except ImError as error:
        warn(f"no event will arrive for now: {error}. {error.advice}".rstrip())
        return
    if trial.state is DeliveryState.DELIVERED:
        say("a test event arrived: ready")
    elif not receiver.reached:
        reason = (trial.delivery.error if trial.delivery else None) or "nothing came within 12 s"
        warn(f"a test event did not arrive ({reason}): im listen works where the worker runs on this machine")


async def _remove(im: Gateway, name: str) -> int:
    try:
        await im.subscribers.remove(name, cancel_waiting=True)
    except ImError as error:
        status = report(error)
        say(f"{name} is still registered; remove it later: im subscriber remove {name}")
        return status
    say(f"removed {name}")
    return 0


async def _tell_of_leftovers(im: Gateway) -> None:
    """Say what an `im listen` that was killed left behind: the subscribers of this machine that nobody answers for."""
    mine = listener_prefix(_host_name())
    found = [one for one in await im.subscribers.all() if one.name.startswith(mine)]
    answered = await asyncio.gather(*(_is_answered(one) for one in found))
    for one, answers in zip(found, answered, strict=True):
        if not answers:
            said = f"{one.name} was left behind by an im listen that was killed"
            warn(f"{said}; remove it: im subscriber remove {one.name}")


async def _is_answered(subscriber: SubscriberView) -> bool:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(HOST, subscriber.port)
        writer.close()
        return True
    return False


def _host_name() -> str:
    """The name of this machine, as far as a subscriber's name may hold it."""
    return re.sub("[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")[:MAX_HOST_NAME] or "host"
