"""Which addresses a host has, as the system resolves it, and whether these may be dialled."""

import asyncio
import copy
import ipaddress
import socket
from typing import Any

from activities.background import retrieved
from activities.places import Place
from activities.transport_errors import BlockedAddress, NameNotResolved, TransportFault, check_own_means, own_fault
from domain.addresses import Address, AddressPolicy, is_loopback_host, literal, speaks_http
from domain.connection_words import NAME_NOT_FOUND

KEPT_SECONDS = 10  # of a name's addresses, from when they were told
MAX_KEPT = 1000  # names

Entry = tuple[Any, ...]  # of `socket.getaddrinfo`; the fifth part is the address


class GuardedAddresses:
    """Resolves hosts, and refuses one of which any address is refused.

    Args:
        policy: checked each time, whatever is kept.
    """

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._kept: dict[Place, tuple[float, list[Entry]]] = {}
        self._asking: dict[Place, asyncio.Task[list[Entry]]] = {}

    async def of(self, place: Place) -> list[Entry]:
        """The addresses to dial, one at least; the caller may change the list.

        Raises:
            BlockedAddress: the policy refuses one of them.
            NameNotResolved: there is none.
            LocalFault: this machine cannot ask.
        """
        address = literal(place.host)
        entries = [_entry(address, place.port)] if address is not None else await self._resolved(place)
        for entry in entries:
            self._check(place.host, entry[4])
        return list(entries)

    def check_behind_proxy(self, place: Place, *, proxy_host: str) -> None:
        """Check what can be told of a receiver that a proxy will dial: not its address, where it is named.

        Loopback is the proxy's own machine then, which is nobody's receiver unless it is this one.

        Raises:
            BlockedAddress: the policy refuses it.
        """
        address = literal(place.host)
        elsewhere = is_loopback_host(place.host) and not is_loopback_host(proxy_host)
        if elsewhere or (address is not None and not self._policy.allows(address, place.port, host=place.host)):
            raise BlockedAddress(place.host)

    def _check(self, host: str, sockaddr: tuple[Any, ...]) -> None:
        address, port = ipaddress.ip_address(sockaddr[0]), int(sockaddr[1])
        scoped = any(sockaddr[3:])  # an IPv6 address has its scope id there
        if scoped or not speaks_http(port) or not self._policy.allows(address, port, host=host):
            raise BlockedAddress(host)
        if port in self._policy.own_ports and _is_this_machine(address):
            raise BlockedAddress(host)

    async def _resolved(self, place: Place) -> list[Entry]:
        """What is known of a name, or what the system says; who asks meanwhile shares that."""
        kept = self._kept.get(place)
        if kept is not None and asyncio.get_running_loop().time() < kept[0]:
            return kept[1]
        if place not in self._asking:
            self._asking[place] = asking = asyncio.create_task(self._ask(place))
            asking.add_done_callback(retrieved)
        try:
            return await asyncio.shield(self._asking[place])  # who gives up does not take it from the others
        except TransportFault as fault:
            raise copy.copy(fault) from None  # each has one of its own

    async def _ask(self, place: Place) -> list[Entry]:
        try:
            found = await _told_by_system(place)
        finally:
            del self._asking[place]
        self._kept.pop(place, None)  # the latest is the last
        self._kept[place] = asyncio.get_running_loop().time() + KEPT_SECONDS, found
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return found


async def _told_by_system(place: Place) -> list[Entry]:
    loop, flags = asyncio.get_running_loop(), socket.AI_ADDRCONFIG
    try:
        found = await loop.getaddrinfo(
            place.host, place.port, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM, flags=flags
        )
    except (OSError, UnicodeError):
        try:
            check_own_means()
        except OSError as error:
            raise own_fault(error) or NameNotResolved(NAME_NOT_FOUND) from None
        raise NameNotResolved(NAME_NOT_FOUND) from None
    if not found:
        raise NameNotResolved(NAME_NOT_FOUND)
    return list(found)


def _entry(address: Address, port: int) -> Entry:
    if isinstance(address, ipaddress.IPv4Address):
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port)
    scope = address.scope_id is not None  # whichever it is: it makes the address one that is refused
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port, 0, int(scope))


def _is_this_machine(address: Address) -> bool:
    """Whether an interface of this machine has the address: one can only listen on such."""
    try:
        with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6) as probe:
            return _binds(probe, address)
    except OSError as error:
        if fault := own_fault(error):
            raise fault from None
        return False  # this machine has no such addresses at all


def _binds(probe: socket.socket, address: Address) -> bool:
    try:
        probe.bind((str(address), 0))
    except OSError:
        return False
    return True
