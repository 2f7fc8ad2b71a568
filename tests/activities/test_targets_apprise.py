"""Services that Apprise tells: what it may do, what its answers mean, and that it gives nothing away."""

import asyncio
import errno
import itertools
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from activities import apprise_library, targets_apprise
from activities.apprise_library import check_apprise
from activities.sender import Sender
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.errors import BlockedAddressError
from domain.outcomes import OWN_FAULT, Attempt, Failure
from domain.targets.catalogue import AppriseTarget, parse_notify
from domain.targets.errors import AppriseMissingError, InvalidNotifyError
from tests.support.builders import make_event, make_keyring, make_target
from tests.support.files import out_of_files
from tests.support.sink import Answer, Hang, Redirect, Sink

TOKEN = "hush-hush-token"


@pytest_asyncio.fixture
async def far() -> AsyncIterator[Sink]:
    """Another receiver, to which nothing may lead."""
    async with Sink() as running:
        yield running


def check(url: str, policy: AddressPolicy | None = None) -> None:
    target = parse_notify(url)
    assert isinstance(target, AppriseTarget)
    check_apprise(target, policy or AddressPolicy())


async def send(url: str, policy: AddressPolicy | None = None) -> Attempt:
    policy = policy or AddressPolicy()
    sender = Sender(GuardedTransport(policy), make_keyring(), policy)
    try:
        return await sender.send(make_event(), make_target(url), 1)
    finally:
        await sender.aclose()


def url_of(sink: Sink, scheme: str = "json", path: str = f"/{TOKEN}") -> str:
    return f"{scheme}://127.0.0.1:{sink.port}{path}"


@pytest.mark.parametrize("scheme", ["json", "ntfy", "gotify"])
async def test_a_service_of_apprises_is_told(sink: Sink, scheme: str) -> None:
    attempt = await send(url_of(sink, scheme))
    assert (attempt.failure, attempt.error) == (None, None)
    (request,) = sink.received
    assert b"[SEV-2] INC-12345 declared: Production API latency spike" in request.body + str(request.headers).encode()


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_refusal_is_tried_again_and_says_its_status(sink: Sink, status: int) -> None:
    sink.script(Answer(status, TOKEN.encode()))
    attempt = await send(url_of(sink))
    assert (attempt.failure, attempt.retryable) == (Failure.CONNECTION, True)
    assert attempt.error == f"Apprise could not tell json://: it answered HTTP {status}"


async def test_a_service_that_hangs_is_a_timeout(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.sender.TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(apprise_library, "SOCKET_SECONDS", 0.6)
    sink.script(Hang())
    attempt = await send(url_of(sink))
    assert (attempt.failure, attempt.retryable) == (Failure.TIMEOUT, True)


async def test_a_machine_without_file_descriptors_tells_nobody_and_says_nothing_of_the_service(sink: Sink) -> None:
    with pytest.raises(LocalFault, match=f"{OWN_FAULT}: Too many open files"), out_of_files():
        await send(url_of(sink))
    assert sink.received == []


async def test_one_that_runs_out_of_them_before_it_connects_is_at_fault(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    with ExitStack() as taken:

        def starved(*args: Any, **options: Any) -> Any:
            taken.enter_context(out_of_files())
            return resolve(*args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", starved)
        with pytest.raises(LocalFault):
            await send(url_of(sink))
    assert sink.received == []


async def test_a_service_that_answered_is_taken_at_its_word_by_a_machine_that_runs_out_of_them(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count(1)

    def look() -> None:
        if next(looks) > 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(targets_apprise, "check_own_means", look)
    sink.script(Answer(500))
    attempt = await send(url_of(sink))
    assert attempt.error == "Apprise could not tell json://: it answered HTTP 500"


async def test_redirects_are_not_followed(sink: Sink, far: Sink) -> None:
    sink.script(Redirect(far.url()))
    for url in (url_of(sink), f"{url_of(sink)}?redirect=yes"):
        assert (await send(url)).failure is Failure.CONNECTION
    assert far.received == []


async def test_a_refused_address_is_not_dialled(sink: Sink) -> None:
    own = AddressPolicy(own_ports=frozenset({sink.port}))
    with pytest.raises(BlockedAddressError):
        check("jsons://10.0.0.1/x")
    attempt = await send(f"json://localhost:{sink.port}/x", own)
    assert (attempt.failure, sink.received) == (Failure.BLOCKED_ADDRESS, [])


async def test_a_name_that_leads_to_a_refused_address_is_not_dialled(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket.getaddrinfo("127.0.0.1", sink.port, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    attempt = await send(f"jsons://rebound.example.com:{sink.port}/x")
    assert (attempt.failure, sink.connections) == (Failure.BLOCKED_ADDRESS, 0)
    assert "rebound.example.com" in (attempt.error or "")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nosuch://x", "knows no such service"),
        ("slack://bad", "cannot read"),
        ("syslog://", "knows no such service"),
        ("rsyslog://127.0.0.1", "neither HTTP nor SMTP"),
        ("irc://localhost/x", "neither HTTP nor SMTP"),
        ("dbus://", "knows no such service"),
        ("gnome://", "knows no such service"),
        ("macosx://", "knows no such service"),
        ("windows://", "knows no such service"),
        ("json://example.com/x", "not encrypted"),
        ("mailto://a:b@example.com", "not encrypted"),
        ("jsons://example.com/x?verify=no", "verify=no"),
        ("mailtos://u:p@example.com?smtp=127.0.0.1&mode=insecure", "not encrypted"),
    ],
)
def test_what_apprise_may_not_do_is_refused_at_once(url: str, reason: str) -> None:
    with pytest.raises(InvalidNotifyError, match=reason) as refused:
        check(url)
    assert "example.com" not in str(refused.value)


@pytest.mark.parametrize(
    ("scheme", "meant"),
    [("pagerdty", "pagerduty"), ("pushover", "pover"), ("twillio", "twilio"), ("nosuch", None), ("slack", None)],
)
@pytest.mark.parametrize("installed", [True, False])
def test_a_scheme_close_to_one_that_is_built_in_is_answered_with_that(
    scheme: str, meant: str | None, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        uninstall(monkeypatch)
    with pytest.raises(InvalidNotifyError if installed else AppriseMissingError) as refused:
        check(f"{scheme}://bad")
    advice = refused.value.advice
    assert advice.startswith(f"Did you mean {meant}://? ") if meant else "Did you mean" not in advice


@pytest.mark.parametrize("url", ["slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "mailtos://a:b@example.com"])
def test_services_with_tls_are_accepted(url: str) -> None:
    check(url)


def test_the_guard_refuses_files_processes_and_datagrams_and_only_there() -> None:
    check("jsons://example.com/x")  # puts the guard in place
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_UNIX) as local:
        attempts: tuple[Callable[[], object], ...] = (
            lambda: Path("/etc/hostname").read_bytes(),
            lambda: subprocess.run(["true"], check=True),
            lambda: os.system("true"),  # noqa: S605
            lambda: datagrams.sendto(b"x", ("127.0.0.1", 9)),
            lambda: local.connect("/tmp/none"),
        )
        for attempt in attempts:
            with apprise_library._guarded(AddressPolicy()), pytest.raises(PermissionError):
                attempt()
    subprocess.run(["true"], check=True)


async def test_nothing_of_a_url_is_logged(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    sink.script(Answer(500))
    with caplog.at_level(logging.DEBUG):
        await send(url_of(sink))
        with pytest.raises(InvalidNotifyError):
            await asyncio.to_thread(check, f"slack://{TOKEN}")
    assert TOKEN not in caplog.text


def uninstall(monkeypatch: pytest.MonkeyPatch) -> None:
    absent: dict[str, ModuleType | None] = {"apprise": None}
    monkeypatch.setattr(sys, "modules", {**sys.modules, **absent})
    monkeypatch.setattr(apprise_library, "_prepared", apprise_library._prepared.__wrapped__)


async def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch)
    with pytest.raises(AppriseMissingError) as missing:
        check("slack://a/b/c")
    assert "pip install 'incidents-platform[apprise]'" in missing.value.advice
    attempt = await send("slack://a/b/c")
    assert (attempt.failure, attempt.retryable) == (Failure.UNUSABLE_TARGET, True)
    assert "pip install" in (attempt.error or "")
