"""Services that only Apprise knows (``slack://``, ``ntfys://``, ...): told by its library, in a guarded thread.

The library is an optional extra and opens its connections itself, out of the sight of `activities.transport`. So its
threads are guarded by an audit hook (PEP 578), which sees every connection, file and process before it is made, and
refuses what the address policy refuses, and every file and process.
"""

import asyncio
import functools
import importlib
import ipaddress
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from activities.parcels import AppriseParcel
from activities.transport_errors import check_own_means, own_fault
from domain.addresses import AddressPolicy, is_loopback_host, literal
from domain.errors import BlockedAddressError
from domain.outcomes import Failure
from domain.targets.base import Verdict
from domain.targets.catalogue import AppriseTarget, meant_scheme
from domain.targets.errors import AppriseMissingError, InvalidNotifyError

THREADS = 16  # told at once; threads of their own, because the loop's default ones resolve names for everybody
SOCKET_SECONDS = 4.0  # to connect, and between bytes of an answer: a thread that is given up soon ends by itself

_FORBIDDEN = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "syslog.", "shutil.")
_FORBIDDEN_SOCKET = frozenset({"socket.bind", "socket.sendto", "socket.sendmsg"})
_LOGGERS = ("urllib3", "requests", "requests_oauthlib", "oauthlib")
_STATUS = re.compile(r"error=(\d{3})\b")
_OF_PYTHON = (sys.prefix, sys.base_prefix, sys.exec_prefix)  # modules are still loaded, and the list of CAs is read

_preparing = threading.Lock()
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")


class _Guard(threading.local):
    """What the thread at hand may do; without a policy it is none of ours."""

    policy: AddressPolicy | None = None
    host: str = ""
    refused: str = ""
    status: str = ""


_guard = _Guard()


def check_apprise(target: AppriseTarget, policy: AddressPolicy) -> None:
    """Refuse a notify URL that Apprise cannot use, or that im does not let it use.

    Raises:
        AppriseMissingError: the extra is not installed in this process.
        InvalidNotifyError, BlockedAddressError: as they say.
    """
    apprise = _load(target.scheme)
    with _guarded(policy):
        _plugin(apprise, target, policy)


async def tell_by_apprise(parcel: AppriseParcel, policy: AddressPolicy, seconds: float) -> Verdict:
    """Tell a message within so many seconds. A thread past that is left to end by itself, and may still tell it.

    Raises:
        AppriseMissingError, InvalidNotifyError, BlockedAddressError: as `check_apprise` does.
        LocalFault: this machine could not make the request.
    """
    told = asyncio.get_running_loop().run_in_executor(_threads, _tell, parcel, policy)
    try:
        return await asyncio.wait_for(told, seconds)
    except TimeoutError:
        return Verdict(Failure.TIMEOUT, f"timeout: {parcel.target.scheme}:// did not answer within {seconds:g} s")


def _tell(parcel: AppriseParcel, policy: AddressPolicy) -> Verdict:
    try:
        check_own_means()  # also for what is loaded once: the library leaves out what it could not open
        verdict = _told(parcel, policy)
        if verdict.failure is Failure.CONNECTION and not _guard.status:
            check_own_means()
    except OSError as error:
        raise own_fault(error) or error from None
    return verdict


def _told(parcel: AppriseParcel, policy: AddressPolicy) -> Verdict:
    apprise = _load(parcel.target.scheme)
    with _guarded(policy):
        plugin = _plugin(apprise, parcel.target, policy)
        try:
            delivered = bool(plugin.notify(title=parcel.title, body=parcel.body or parcel.title))
        except Exception:  # noqa: BLE001 - a plugin may fail in any way; its words may hold the URL
            delivered = False
        if delivered:
            return Verdict()
        if _guard.refused:
            return Verdict(Failure.BLOCKED_ADDRESS, _guard.refused)
        why = f"it answered HTTP {_guard.status}" if _guard.status else "no connection, or no answer it understood"
        return Verdict(Failure.CONNECTION, f"Apprise could not tell {parcel.target.scheme}://: {why}")


def _load(scheme: str) -> Any:
    try:
        with _preparing:
            return _prepared()
    except ImportError:
        raise AppriseMissingError(scheme=scheme, close=meant_scheme(scheme)) from None


@functools.cache
def _prepared() -> Any:
    """The library, all loggers silenced (they repeat URLs), the audit hook in place; ImportError without it.

    Everything is loaded here, unguarded: as they are loaded, urllib3 tries out sockets and plugins look for tools.
    """
    logging.getLogger("apprise").addFilter(_keep_status)
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of modules that the library uses and Python is about to drop
        apprise = importlib.import_module("apprise")
        apprise.Apprise.instantiate("json://localhost")
    sys.addaudithook(_audit)
    return apprise


def _keep_status(record: logging.LogRecord) -> bool:
    """A filter that drops whatever Apprise logs, and keeps of a refusal the HTTP status alone."""
    found = _STATUS.search(record.getMessage())
    if found:
        _guard.status = found[1]
    return False


def _plugin(apprise: Any, target: AppriseTarget, policy: AddressPolicy) -> Any:
    """Apprise's object for a URL, if it speaks HTTP or SMTP alone, and over TLS beyond this machine."""
    # No file of its own between messages, no redirects (they would lead past the checks), no attempts of its own.
    asset = apprise.AppriseAsset(app_id="im", app_desc="im", storage_mode="memory", http_redirects=False)
    plugin = apprise.Apprise.instantiate(target.url, asset=asset)
    if plugin is None:
        raise InvalidNotifyError(
            reason=f"Apprise knows no such service, cannot read this {target.scheme}:// URL, or needs a file for it",
            close=meant_scheme(target.scheme),
        )
    if not _speaks_over_the_network(type(plugin)):
        raise InvalidNotifyError(
            reason=f"{target.scheme}:// speaks neither HTTP nor SMTP, which is all that im lets Apprise do"
        )
    if not plugin.verify_certificate:
        raise InvalidNotifyError(reason="certificates are always verified; leave out verify=no")
    host = plugin.host if isinstance(plugin.host, str) else ""
    if _is_plain(plugin, target.scheme) and not all(map(is_loopback_host, _hosts(plugin))):
        raise InvalidNotifyError(
            reason=f"{target.scheme}:// is not encrypted, which is for localhost and loopback addresses only; "
            "use the service's form with TLS, which mostly ends in s"
        )
    address = literal(host)
    if address is not None and not policy.allows(address, plugin.port or 443, host=host):
        raise BlockedAddressError(host=host)
    plugin.redirects = False
    plugin.socket_connect_timeout = plugin.socket_read_timeout = SOCKET_SECONDS
    _guard.host = host
    return plugin


def _speaks_over_the_network(kind: type) -> bool:
    """Whether it is written over ``requests`` or ``smtplib``; desktops, system logs and devices are not."""
    modules = [sys.modules[base.__module__] for base in kind.__mro__]
    return any(hasattr(module, name) for module in modules for name in ("requests", "smtplib"))


def _is_plain(plugin: Any, scheme: str) -> bool:
    """Whether it would speak without TLS: by its scheme, or because mail was told to."""
    plain = type(plugin).protocol or ()
    by_scheme = scheme in ((plain,) if isinstance(plain, str) else plain)
    return by_scheme or str(getattr(plugin, "secure_mode", "")).lower() == "insecure"


def _hosts(plugin: Any) -> list[str]:
    """What it would connect to: mail has a server besides the host of the URL."""
    return [name for name in (plugin.host, getattr(plugin, "smtp_host", None)) if isinstance(name, str)] or [""]


@contextmanager
def _guarded(policy: AddressPolicy) -> Iterator[None]:
    _guard.policy, _guard.host, _guard.refused, _guard.status = policy, "", "", ""
    try:
        yield
    finally:
        _guard.policy = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Called by Python before each audited act of any thread; raising keeps it from being done."""
    policy = _guard.policy
    if policy is None:
        return
    if event == "socket.connect":
        _check_connection(policy, args[1])
    elif event == "open":
        path = str(args[0])
        if not path.startswith(_OF_PYTHON):
            raise PermissionError("im lets Apprise open no file")
    elif event in _FORBIDDEN_SOCKET or event.startswith(_FORBIDDEN):
        _guard.refused = "Apprise wanted to do more than connect to the service, which im does not let it"
        raise PermissionError(_guard.refused)


def _check_connection(policy: AddressPolicy, address: object) -> None:
    if isinstance(address, tuple) and len(address) in {2, 4}:
        found = ipaddress.ip_address(str(address[0]))
        if not any(address[3:]) and policy.allows(found, int(address[1]), host=_guard.host):
            return
    error = BlockedAddressError(host=_guard.host or "the service")
    _guard.refused = f"{error}. {error.advice}"
    raise PermissionError(str(error))
