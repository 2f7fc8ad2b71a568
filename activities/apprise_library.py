"""Apprise's library as im uses it: loaded when it is needed, each URL checked, its threads guarded.

The library is an optional extra and opens its connections itself, out of the sight of `activities.transport`. So its
threads are guarded by an audit hook (PEP 578), which sees every connection, file and process before it is made, and
refuses what the address policy refuses, and every file and process.
"""

import functools
import importlib
import ipaddress
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from domain.addresses import AddressPolicy, is_loopback_host, literal
from domain.errors import BlockedAddressError
from domain.targets.catalogue import AppriseTarget, meant_scheme
from domain.targets.errors import AppriseMissingError, InvalidNotifyError

SOCKET_SECONDS = 4.0  # to connect, and between bytes of an answer: a thread that is given up soon ends by itself

_FORBIDDEN = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "syslog.", "shutil.")
_FORBIDDEN_SOCKET = frozenset({"socket.bind", "socket.sendto", "socket.sendmsg"})
_LOGGERS = ("urllib3", "requests", "requests_oauthlib", "oauthlib")
_STATUS = re.compile(r"error=(\d{3})\b")
_OF_PYTHON = (sys.prefix, sys.base_prefix, sys.exec_prefix)  # modules are still loaded, and the list of CAs is read

_preparing = threading.Lock()


class _Guard(threading.local):
    """What the thread at hand may do; without a policy it is none of ours.

    Attributes:
        refused: why the guard refused something last; empty: it did not.
        status: of HTTP, with which the service refused the message last; empty: none is known.
    """

    policy: AddressPolicy | None = None
    host: str = ""
    refused: str = ""
    status: str = ""


guard = _Guard()


def check_apprise(target: AppriseTarget, policy: AddressPolicy) -> None:
    """Refuse a notify URL that Apprise cannot use, or that im does not let it use.

    Raises:
        AppriseMissingError: the extra is not installed in this process.
        InvalidNotifyError, BlockedAddressError: as they say.
    """
    with plugin_of(target, policy):
        pass


@contextmanager
def plugin_of(target: AppriseTarget, policy: AddressPolicy) -> Iterator[Any]:
    """Apprise's object for a URL, for the duration of a block in which this thread is guarded.

    Raises:
        AppriseMissingError, InvalidNotifyError, BlockedAddressError: as `check_apprise` does.
    """
    apprise = _load(target.scheme)
    with _guarded(policy):
        yield _plugin(apprise, target, policy)


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
        guard.status = found[1]
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
    guard.host = host
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
    guard.policy, guard.host, guard.refused, guard.status = policy, "", "", ""
    try:
        yield
    finally:
        guard.policy = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Called by Python before each audited act of any thread; raising keeps it from being done."""
    policy = guard.policy
    if policy is None:
        return
    if event == "socket.connect":
        _check_connection(policy, args[1])
    elif event == "open":
        path = str(args[0])
        if not path.startswith(_OF_PYTHON):
            raise PermissionError("im lets Apprise open no file")
    elif event in _FORBIDDEN_SOCKET or event.startswith(_FORBIDDEN):
        guard.refused = "Apprise wanted to do more than connect to the service, which im does not let it"
        raise PermissionError(guard.refused)


def _check_connection(policy: AddressPolicy, address: object) -> None:
    if isinstance(address, tuple) and len(address) in {2, 4}:
        found = ipaddress.ip_address(str(address[0]))
        if not any(address[3:]) and policy.allows(found, int(address[1]), host=guard.host):
            return
    error = BlockedAddressError(host=guard.host or "the service")
    guard.refused = f"{error}. {error.advice}"
    raise PermissionError(str(error))
