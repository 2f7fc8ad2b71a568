"""Which addresses may be dialled (the SSRF guard's table) and which URLs may be registered.

The deny list is our own rather than ``ipaddress.is_global``, whose answer for multicast, 6to4, NAT64 and others
changes between Python patch releases. Blocks are from the IANA special-purpose registries (RFC 6890 and successors);
of IPv6, public addresses are in 2000::/3 alone (RFC 4291, 2.4).
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from domain.errors import BlockedAddressError, InvalidUrlError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
        "::/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1"
    ).split()
)
# RFC 5214, 6.1: an interface identifier that a tunnel takes the IPv4 address behind it from, whatever the prefix.
_ISATAP = 0x00005EFE
_ISATAP_MASK = 0xFCFFFFFF  # without the bits for "universal" and "group"
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
# Ports of protocols that are not HTTP (https://fetch.spec.whatwg.org/#port-blocking, without tcpmux, which nobody
# runs), and of stores and control planes, which might take a request for an order.
_OTHER_PORTS = frozenset(
    map(
        int,
        (
            "7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 "
            "123 135 137 139 143 161 179 389 427 445 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 "
            "636 873 989 990 993 995 1433 1521 1719 1720 1723 2049 2181 2375 2376 2377 2379 2380 3306 3389 3659 4045 "
            "4190 5060 5061 5432 5672 5900 6000 6379 6566 6665 6666 6667 6668 6669 6679 6697 7233 7234 7235 7239 8500 "
            "9042 9092 9200 9300 10080 10250 11211 27017 27018"
        ).split(),
    )
)
# Listeners that only this platform's own processes use take their ports from here, so that every process knows those
# of all others without asking: the SDK's metrics, and those of the dev server. IANA has assigned none of them.
INTERNAL_PORTS = range(29200, 29900)
MAX_URL_LENGTH = 2048
# What to do instead.
NO_CREDENTIALS = (
    "Leave them out of the URL, where everybody sees them. Of a webhook they go into a header (--header "
    "'Authorization=Basic ...') or an HTTP client (im http-client add NAME --user USER --password -), whose values are "
    "sealed."
)
WITH_TLS = (
    "Events go to other machines over TLS alone: write https://, and where the receiver has none, put a reverse proxy "
    "with TLS before it."
)
ELSEWHERE = (
    "Nobody is told there. Give the port on which the receiver itself listens, or have it listen on another one; for a "
    "receiver to try things out with: im listen."
)
_BRACKETED = re.compile(r"\[[0-9a-f:.%]+\](:\d*)?", re.IGNORECASE)
MAX_HOST_LENGTH = 253  # RFC 1035, 2.3.4
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|\d+)")


class AddressPolicy(BaseModel):
    """Decides on one concrete address at a time.

    Attributes:
        allowed_networks: CIDR blocks the deployment allows on top (``IM_ALLOWED_NETWORKS``).
        own_ports: ports of this deployment's own listeners and of Temporal, refused on this machine's addresses;
            `INTERNAL_PORTS` are refused on loopback besides.
    """

    model_config = ConfigDict(frozen=True)

    allowed_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    own_ports: frozenset[int] = frozenset()

    def allows(self, address: Address, port: int, *, host: str) -> bool:
        """Whether ``address:port``, which ``host`` resolved to, may be dialled.

        Loopback is allowed only when the URL itself says so (localhost or a loopback literal), never when a
        name merely resolves to it. An address with a scope id is never allowed. One that maps or tunnels IPv4 is
        judged as the address within.
        """
        if isinstance(address, ipaddress.IPv6Address):
            if address.scope_id:
                return False
            address = address.ipv4_mapped or address
        if _within(address, _LOOPBACK):
            ours = port in self.own_ports or port in INTERNAL_PORTS
            return not ours and (is_loopback_host(host) or _within(address, self.allowed_networks))
        if _within(address, self.allowed_networks):
            return True
        embedded = _isatap(address)
        return not _within(address, _DENIED) and (embedded is None or self.allows(embedded, port, host=host))


def _isatap(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a tunnel would send to; None where the address names none."""
    found = isinstance(address, ipaddress.IPv6Address) and int(address) >> 32 & _ISATAP_MASK == _ISATAP
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if found else None


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host names this machine: ``localhost``, ``*.localhost`` or a loopback literal."""
    host = host.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = literal(host)
    return address is not None and _within(address, _LOOPBACK)


def literal(host: str) -> Address | None:
    """The address that a host spells out, or None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def speaks_http(port: int) -> bool:
    """Whether a port is one to make HTTP requests to: none that is known for a service of another kind."""
    return port not in _OTHER_PORTS


def check_url(url: str, policy: AddressPolicy) -> str:
    """The same URL, if events may be delivered to it.

    Names are not resolved here: the address is checked again, resolved, at every attempt.

    Raises:
        InvalidUrlError: not absolute https (http for loopback), with user name, fragment, control characters,
            an odd spelling of an address (decimal, octal, hexadecimal, trailing dot), a bad port, or one that is
            known for a service of another kind.
        BlockedAddressError: a literal address that the policy refuses.
    """
    if len(url) > MAX_URL_LENGTH or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise InvalidUrlError(
            reason="it has white space, control, non-ASCII characters or backslashes, or is over 2048 long"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidUrlError(reason=str(error)) from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"https", "http"} or not host:
        raise InvalidUrlError(reason="it is not an absolute https:// URL")
    if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc.rpartition("@")[2]):
        raise InvalidUrlError(reason="brackets are for an IPv6 address alone")
    if parts.username is not None or parts.password is not None:
        raise InvalidUrlError(reason="it carries a user name or password", fix=NO_CREDENTIALS)
    if "#" in url:
        raise InvalidUrlError(reason="it has a fragment, which is never sent")
    if port == 0:
        raise InvalidUrlError(reason="port 0 cannot be connected to")
    _check_host(host)
    if parts.scheme == "http" and not is_loopback_host(host):
        raise InvalidUrlError(reason="http:// is allowed for localhost and loopback addresses only", fix=WITH_TLS)
    _check_address(host, port or (443 if parts.scheme == "https" else 80), policy)
    if port and not speaks_http(port):
        raise InvalidUrlError(reason=f"port {port} is known for a service that takes no webhooks")
    return url


def check_proxy_url(url: str, policy: AddressPolicy) -> str:
    """``http(s)://host:port`` of an egress proxy, if it may be dialled; plain http is for any proxy.

    Raises:
        InvalidUrlError: anything else than scheme, host and port, or what `check_url` refuses.
        BlockedAddressError: a literal address that the policy refuses.
    """
    scheme, separator, place = url.rstrip("/").partition("://")
    if scheme not in {"http", "https"} or not separator or re.search(r"[/?#@]", place):
        raise InvalidUrlError(reason="a proxy is http(s)://host:port alone; its credentials are given apart")
    try:
        port = urlsplit(f"{scheme}://{place}").port
    except ValueError as error:
        raise InvalidUrlError(reason=str(error)) from None
    if port is None:
        raise InvalidUrlError(reason="a proxy needs its port: http(s)://host:port")
    check_url(f"https://{place}", policy)
    return f"{scheme}://{place}"


def _check_address(host: str, port: int, policy: AddressPolicy) -> None:
    address = literal(host)
    if is_loopback_host(host) and (port in policy.own_ports or port in INTERNAL_PORTS):
        raise BlockedAddressError(host=host, reason=f"im itself, or its Temporal, has port {port} there", fix=ELSEWHERE)
    if address is not None and not policy.allows(address, port, host=host):
        raise BlockedAddressError(host=host)


def _check_host(host: str) -> None:
    if literal(host) is not None:
        if "%" in host:
            raise InvalidUrlError(reason="an IPv6 zone id has no meaning beyond this machine")
        return
    if not _HOST.fullmatch(host) or len(host) > MAX_HOST_LENGTH or not _is_decodable(host):
        raise InvalidUrlError(reason=f"{host[:80]!r} is not a host name")
    if _NUMERIC_LABEL.fullmatch(host.rsplit(".", 1)[-1]):
        raise InvalidUrlError(reason=f"{host!r} is not a plain IPv4 address")


def _is_decodable(host: str) -> bool:
    """Whether every internationalised label (``xn--``) says something."""
    try:
        return all(label.encode().decode("idna") for label in host.split(".") if label.startswith("xn--"))
    except UnicodeError:
        return False
