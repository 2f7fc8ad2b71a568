"""What may be registered, and what is then dialled: a table of URLs, through the client that deliveries use.

Nothing leaves this machine: the event loop's own connecting is replaced, and tells which address it was asked for.
Hosts that glibc reads as addresses (decimal, octal, hexadecimal) are resolved by glibc, names by the table.
"""

import asyncio
import ipaddress
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import Url

from activities.exchange import Request
from activities.failures import in_words
from activities.transport import GuardedTransport, _target
from activities.transport_errors import BlockedAddress, TransportFault
from domain.addresses import INTERNAL_PORTS, AddressPolicy, check_url, literal
from domain.errors import BlockedAddressError, InvalidUrlError

POLICY = AddressPolicy(own_ports=frozenset({8080, 7233}))
PUBLIC = "93.184.216.34"
TAKEN, INVALID, BLOCKED = "taken", "invalid", "blocked"  # verdicts at add
REFUSED = "refused"  # the verdict at dialling; otherwise the address that is dialled

# url, what its name resolves to at the attempt, verdict at add, verdict at dialling
ROWS: list[tuple[str, tuple[str, ...], str, str]] = [
    # public
    ("https://ok.example/", (PUBLIC,), TAKEN, f"{PUBLIC}:443"),
    ("https://OK.Example/", (PUBLIC,), TAKEN, f"{PUBLIC}:443"),
    ("https://ok.example:8443/a?b=c", (PUBLIC,), TAKEN, f"{PUBLIC}:8443"),
    ("https://ok.example:/", (PUBLIC,), TAKEN, f"{PUBLIC}:443"),
    ("https://1.1.1.1/", (), TAKEN, "1.1.1.1:443"),
    ("https://[2606:4700::1111]/", (), TAKEN, "2606:4700::1111:443"),
    ("https://[2606:4700:0:0:0:0:0:1111]:8443/", (), TAKEN, "2606:4700::1111:8443"),
    ("https://xn--mnchen-3ya.example/", (PUBLIC,), TAKEN, f"{PUBLIC}:443"),
    ("https://ok.example/@169.254.169.254/", (PUBLIC,), TAKEN, f"{PUBLIC}:443"),
    ("https://ok.example/?next=http://127.0.0.1", (PUBLIC,), TAKEN, f"{PUBLIC}:443"),
    # names that resolve to what is not public, at once or after they were registered (DNS rebinding)
    *(
        ("https://rebound.example/", (address,), TAKEN, REFUSED)
        for address in (
            "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1",
            "169.254.169.254", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "192.88.99.1", "::",
            "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
            "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fc00::1",
            "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "5f00::1", "::ffff:0:10.0.0.1", "1::1",
            "4000::1", "2a00::5efe:a00:1", "2a00::200:5efe:a9fe:a9fe",
        )
    ),
    ("https://both.example/", (PUBLIC, "10.0.0.1"), TAKEN, REFUSED),
    ("https://both.example/", ("10.0.0.1", PUBLIC), TAKEN, REFUSED),
    ("https://both.example/", (PUBLIC, "::1"), TAKEN, REFUSED),
    ("https://127.0.0.1.nip.example/", ("127.0.0.1",), TAKEN, REFUSED),
    ("https://localhost.example/", ("127.0.0.1",), TAKEN, REFUSED),
    ("https://metadata.google.internal/", ("169.254.169.254",), TAKEN, REFUSED),
    # loopback, where the URL says so, but for our own listeners and Temporal's
    ("http://localhost:9000/", ("127.0.0.1",), TAKEN, "127.0.0.1:9000"),
    ("http://app.localhost:9000/", ("127.0.0.1",), TAKEN, "127.0.0.1:9000"),
    ("http://127.0.0.1:9000/", (), TAKEN, "127.0.0.1:9000"),
    ("http://127.9.9.9:9000/", (), TAKEN, "127.9.9.9:9000"),
    ("http://[::1]:9000/", (), TAKEN, "::1:9000"),
    ("http://[0:0:0:0:0:0:0:1]:9000/", (), TAKEN, "::1:9000"),
    ("http://localhost:9000/", ("10.0.0.1",), TAKEN, REFUSED),
    ("http://localhost:8080/", ("127.0.0.1",), BLOCKED, REFUSED),
    ("http://app.localhost:8080/", ("127.0.0.1",), BLOCKED, REFUSED),
    ("http://127.0.0.2:8080/", (), BLOCKED, REFUSED),
    ("http://[::1]:7233/", (), BLOCKED, REFUSED),
    (f"http://localhost:{INTERNAL_PORTS.start}/", ("127.0.0.1",), BLOCKED, REFUSED),
    (f"http://127.0.0.1:{INTERNAL_PORTS.stop - 1}/", (), BLOCKED, REFUSED),
    ("http://[::ffff:127.0.0.1]:9000/", (), INVALID, REFUSED),
    ("http://0.0.0.0:9000/", (), INVALID, REFUSED),
    ("http://[::]:9000/", (), INVALID, REFUSED),
    ("http://localhost.:9000/", ("127.0.0.1",), INVALID, REFUSED),
    # literals that are not public
    *(
        (f"https://{host}/", (), BLOCKED, REFUSED)
        for host in (
            "0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.31.255.255", "192.168.1.1", "192.0.2.1",
            "198.51.100.1", "203.0.113.1", "240.0.0.1", "255.255.255.255", "[::]", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]",
            "[2002:7f00:1::]", "[2001::1]", "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]", "[100::1]", "[3fff::1]",
            "[::ffff:0:10.0.0.1]", "[1::1]", "[4000::1]", "[2a00::5efe:10.0.0.1]", "[2a00::200:5efe:169.254.169.254]",
        )
    ),
    # odd spellings of 127.0.0.1 and of 169.254.169.254
    *(
        (f"https://{host}/", (), INVALID, REFUSED)
        for host in (
            "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "017700000001", "127.1", "127.0.1", "0",
            "127.0.0.1.", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0xA9.254.0251.0376",
            "1.1.1.1.", "127.0.0.1%00", "127%2E0%2E0%2E1", "%31%32%37.0.0.1", "[::1%25lo]", "[fe80::1%25eth0]",
            "[::1%lo]", "[127.0.0.1]", "\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1",
            "127\u30020\u30020\u30021", "loc\u0430lhost",
        )
    ),
    # who is asked is not who is named
    *(
        (url, (PUBLIC,), INVALID, REFUSED)
        for url in (
            "https://ok.example@127.0.0.1/", "https://127.0.0.1@ok.example/", "https://ok.example:443@127.0.0.1/",
            "https://ok.example\\@127.0.0.1/", "https://127.0.0.1\\@ok.example/", "https://ok.example#@127.0.0.1/",
            "https://127.0.0.1#@ok.example/", "https://ok.example\t@127.0.0.1/", "https://ok.example%40127.0.0.1/",
            "https://ok.example:443:80/", "https:ok.example", "https:/127.0.0.1/", "https:///127.0.0.1/",
            "//127.0.0.1/", "https://ok.example\r\nHost: 127.0.0.1/", "https://[::1].ok.example/", "https://ok.example[::1]/",
        )
    ),
    # schemes and ports
    *(
        (url, (PUBLIC,), INVALID, REFUSED)
        for url in (
            "http://ok.example/", "http://1.1.1.1/", "ftp://ok.example/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_",
            "unix:///run/docker.sock", "dict://127.0.0.1:11211/", "ws://ok.example/", "https://ok.example:0/",
            "https://ok.example:65536/", "https://ok.example:22/", "https://ok.example:25/", "https://ok.example:6379/",
            "https://ok.example:7233/", "https://ok.example:9200/", "https://ok.example:10250/", "http://localhost:6379/",
            "http://127.0.0.1:25/",
        )
    ),
]  # fmt: skip


def at_add(url: str) -> str:
    try:
        check_url(url, POLICY)
    except InvalidUrlError:
        return INVALID
    except BlockedAddressError:
        return BLOCKED
    return TAKEN


async def dialled(url: str, addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the transport by itself would connect to, no URL having been checked before it."""
    loop, asked = asyncio.get_running_loop(), []

    async def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except OSError:
            found = [socket.getaddrinfo(address, port, type=socket.SOCK_STREAM) for address in addresses]
            if not found:
                raise
            return [entry for entries in found for entry in entries]

    async def connect(_sock: socket.socket, address: tuple[Any, ...]) -> None:
        asked.append(f"{ipaddress.ip_address(address[0])}:{address[1]}")
        raise ConnectionRefusedError

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    monkeypatch.setattr(loop, "sock_connect", connect)
    transport = GuardedTransport(POLICY)
    try:
        await transport.send(Request("POST", url))
    except (TransportFault, httpx.InvalidURL, ValueError):
        pass
    finally:
        await transport.aclose()
    return asked[0] if asked else REFUSED


@pytest.mark.parametrize(("url", "addresses", "add", "dial"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
async def test_what_is_taken_and_what_is_dialled(
    url: str, addresses: tuple[str, ...], add: str, dial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_add(url) == add
    found = await dialled(url, addresses, monkeypatch)
    if add == TAKEN:
        assert found == dial
    else:  # the check of the URL would not let it come here; the guard behind it dials nothing inside either
        assert found == REFUSED or found.startswith((f"{PUBLIC}:", "1.1.1.1:", "127.0.0.1:"))


async def test_a_refusal_says_how_to_allow_and_not_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return socket.getaddrinfo("10.1.2.3", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    transport = GuardedTransport(POLICY)
    with pytest.raises(BlockedAddress) as caught:
        await transport.send(Request("POST", "https://inside.example/"))
    await transport.aclose()
    said = in_words(caught.value, 10)
    assert "inside.example" in said
    assert "IM_ALLOWED_NETWORKS" in said
    assert "10.1.2.3" not in said


async def test_own_ports_are_refused_on_every_address_of_this_machine() -> None:
    machine = _an_address_of_this_machine()
    everything = (ipaddress.ip_network("0.0.0.0/0"),)
    with socket.create_server((machine, 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        policy = AddressPolicy(allowed_networks=everything, own_ports=frozenset({port}))
        assert policy.allows(ipaddress.ip_address("10.9.9.9"), port, host="x.example")  # another's may have that port
        transport = GuardedTransport(policy)
        with pytest.raises(BlockedAddress):
            await transport.send(Request("POST", f"https://{machine}:{port}/"))
        await transport.aclose()
        with pytest.raises(TimeoutError):
            listener.accept()


def _an_address_of_this_machine() -> str:
    """Of an interface that is not loopback; of loopback where there is no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((PUBLIC, 9))  # chooses a route; a datagram socket sends nothing here
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


# Parts of URLs that parsers are known to disagree on, mixed at random.
_PARTS = [
    "https://", "http://", "https:", "//", "/", "\\", "@", ":", "#", "?", "%", "%40", "%2f", "%00", ".", "..", "[",
    "]", "::1", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1", "localhost", "ok.example", "OK.example",
    "169.254.169.254", "0x7f.1", "xn--", "xn--mnchen-3ya", "user", "443", "8080", "80", "0", "65536", "\t", "\n", " ",
    "\u3002", "\uff0e", "\xad", "ß", "%25", "-", "_", "~", ";", "&", "=", "a", "\u212a", "*", "|", "^", "`", "{",
    "}", "<", ">", '"', "'",
]  # fmt: skip
_HOSTS = ["ok.example", "a_b.example", "xn--mnchen-3ya.example", "1.1.1.1", "[2606:4700::1]", "localhost", "127.0.0.1"]
_URLS = st.one_of(
    st.tuples(
        st.sampled_from(["https://", "http://", "HTTPS://"]),
        st.one_of(st.sampled_from(_HOSTS), st.from_regex(r"[a-z0-9_-]{1,8}(\.[a-z0-9_-]{1,8}){0,2}", fullmatch=True)),
        st.sampled_from(["", "", ":", ":443", ":80", ":9000", ":09000", ":65535"]),
        st.lists(st.sampled_from(_PARTS), max_size=6).map(lambda parts: "/" + "".join(parts)),
    ).map("".join),
    st.lists(st.sampled_from(_PARTS), max_size=10).map("".join),
    st.lists(st.sampled_from(_PARTS), max_size=8).map(lambda parts: "https://" + "".join(parts)),
    st.tuples(st.sampled_from(["https://", "http://"]), st.text(max_size=30)).map("".join),
)


@settings(max_examples=1000)
@given(_URLS)
def test_the_host_that_is_dialled_is_the_one_that_was_checked(url: str) -> None:
    try:
        check_url(url, POLICY)
    except (InvalidUrlError, BlockedAddressError):
        return
    checked, public, target = urlsplit(url), httpx.URL(url), _target(url)
    host = (checked.hostname or "").lower()
    port = checked.port or {"https": 443, "http": 80}[checked.scheme]
    hosts, ports = [public.raw_host.decode(), target.place.host], [public.port or port, target.place.port]
    with suppress(ValueError):  # browsers know names that cannot be
        browsers = Url(url)
        hosts.append((browsers.host or "").strip("[]"))
        ports.append(browsers.port or 0)
    for other in hosts:
        assert literal(other) == literal(host)
        assert literal(host) is not None or other == host
    assert set(ports) == {port}
    assert target.place.tls == (public.scheme == "https") == (checked.scheme == "https")
    assert public.scheme == checked.scheme
    assert "@" not in target.place.host_field
