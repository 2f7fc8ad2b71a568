"""Egress proxies: by way of which requests go, what stays checked here, and what a proxy can refuse."""

import base64
import ipaddress
import socket
import ssl

import pytest
import trustme

from activities.dialling import _proxys_fault
from activities.transport_errors import CertificateRefused, LocalFault, TlsNotVerified, TransportFault
from domain.addresses import AddressPolicy
from domain.outcomes import Failure
from tests.support.authorities import make_http_client, server_tls
from tests.support.client_senders import ClientSender
from tests.support.proxy import EgressProxyServer
from tests.support.sink import Sink, SlowAnswer

SERVERS = trustme.CA()
CREDENTIALS = "im:proxy-password-of-the-tests"


async def test_a_request_goes_by_way_of_the_proxy(sink: Sink, by_client: ClientSender) -> None:
    async with EgressProxyServer() as proxy:
        by_client.have(make_http_client(proxy=proxy.url))
        assert (await by_client.send(sink.url("/hook"))).status == 200
    assert proxy.asked == [f"POST {sink.url('/hook')} HTTP/1.1"]


async def test_tls_through_a_tunnel_is_verified_by_name(by_client: ClientSender) -> None:
    async with Sink(server_tls(SERVERS, "receiver.example")) as receiver:
        async with EgressProxyServer(("127.0.0.1", receiver.port)) as proxy:
            by_client.have(make_http_client(proxy=proxy.url, trust=SERVERS))
            right = await by_client.send(f"https://receiver.example:{receiver.port}/hook")
            wrong = await by_client.send(f"https://other.example:{receiver.port}/hook")
        assert proxy.asked[0] == f"CONNECT receiver.example:{receiver.port} HTTP/1.1"
        assert right.status == 200
        assert (wrong.failure, wrong.status) == (Failure.TLS, None)
        assert len(receiver.received) == 1


async def test_an_https_proxy_is_verified_too(by_client: ClientSender) -> None:
    async with Sink(server_tls(SERVERS, "receiver.example")) as receiver:
        url = f"https://receiver.example:{receiver.port}/hook"
        async with EgressProxyServer(("127.0.0.1", receiver.port), tls=server_tls(SERVERS)) as proxy:
            by_client.have(make_http_client(proxy=proxy.url, trust=SERVERS))
            assert (await by_client.send(url)).status == 200
            by_client.have(make_http_client("other", proxy=proxy.url, trust=trustme.CA()))
            assert (await by_client.send(url, "other")).failure is Failure.TLS
        assert len(receiver.received) == 1


async def test_credentials_are_for_the_proxy_alone(by_client: ClientSender) -> None:
    async with Sink(server_tls(SERVERS, "receiver.example")) as receiver:
        async with EgressProxyServer(("127.0.0.1", receiver.port), credentials=CREDENTIALS) as proxy:
            by_client.have(make_http_client(proxy=proxy.url, proxy_credentials=CREDENTIALS, trust=SERVERS))
            for _ in range(3):
                attempt = await by_client.send(f"https://receiver.example:{receiver.port}/hook")
                assert attempt.status == 200
        assert receiver.connections == 1, "a tunnel is used again"
        assert proxy.authorizations == [f"Basic {base64.b64encode(CREDENTIALS.encode()).decode()}"]
        assert "proxy-authorization" not in receiver.received[0].headers


async def test_a_plain_request_has_the_proxys_credentials_too(sink: Sink, by_client: ClientSender) -> None:
    async with EgressProxyServer(credentials=CREDENTIALS) as proxy:
        by_client.have(make_http_client(proxy=proxy.url, proxy_credentials=CREDENTIALS))
        assert (await by_client.send(sink.url("/hook"))).status == 200


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_refuses_is_named_and_asked_again(status: int, by_client: ClientSender) -> None:
    async with EgressProxyServer(refuses=status) as proxy:
        by_client.have(make_http_client(proxy=proxy.url))
        attempt = await by_client.send("https://receiver.example/hook")
    assert (attempt.failure, attempt.status, attempt.retryable) == (Failure.CONNECTION, None, True)
    assert f"the proxy answered HTTP {status}" in (attempt.error or "")


@pytest.mark.parametrize("tls", [None, server_tls(SERVERS)], ids=["http", "https"])
async def test_a_tunnel_that_closes_at_once_is_waited_for_no_longer(
    tls: ssl.SSLContext | None, by_client: ClientSender
) -> None:
    async with EgressProxyServer(refuses=200, tls=tls) as proxy:
        by_client.have(make_http_client(proxy=proxy.url, trust=SERVERS))
        attempt = await by_client.send("https://receiver.example/hook")
    assert (attempt.failure, attempt.retryable) == (Failure.CONNECTION, True)
    assert attempt.duration_ms < 5000, "the 10 s of the whole attempt"


@pytest.mark.parametrize(
    "fault", [CertificateRefused("it asks for one"), TlsNotVerified("expired"), LocalFault("none")]
)
def test_what_is_no_fault_of_the_proxys_keeps_its_class(fault: TransportFault) -> None:
    with pytest.raises(type(fault)), _proxys_fault("the proxy makes no tunnel"):
        raise fault


async def test_a_proxy_that_is_away_is_named(by_client: ClientSender) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        by_client.have(make_http_client(proxy=f"http://127.0.0.1:{taken.getsockname()[1]}"))
        attempt = await by_client.send("https://receiver.example/hook")
    assert (attempt.failure, attempt.error) == (Failure.CONNECTION, "the proxy is not reached: connection refused")


@pytest.mark.parametrize("proxy", ["http://10.0.0.1:3128", "http://169.254.169.254:80", "https://[fd00::1]:3128"])
async def test_a_proxy_at_a_private_address_is_not_dialled(proxy: str, sink: Sink, by_client: ClientSender) -> None:
    by_client.have(make_http_client(proxy=proxy))
    assert (await by_client.send("https://receiver.example/hook")).failure is Failure.BLOCKED_ADDRESS


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://169.254.169.254/", "https://[fd00::1]/"])
async def test_a_private_address_is_refused_behind_a_proxy_as_well(url: str, by_client: ClientSender) -> None:
    async with EgressProxyServer() as proxy:
        by_client.have(make_http_client(proxy=proxy.url))
        assert (await by_client.send(url)).failure is Failure.BLOCKED_ADDRESS
        assert proxy.asked == []


async def test_loopback_behind_a_proxy_elsewhere_is_the_proxys_own_machine_and_refused() -> None:
    policy = AddressPolicy(allowed_networks=(ipaddress.ip_network("10.0.0.0/8"),))
    by_client = ClientSender(policy)
    by_client.have(make_http_client(proxy="http://10.0.0.1:3128", token_url="http://localhost/token"))
    for url in ("http://localhost/hook", "https://127.0.0.1/hook"):
        assert (await by_client.send(url)).failure is Failure.BLOCKED_ADDRESS
    await by_client.sender.aclose()


async def test_connecting_has_a_time_limit_of_its_own(by_client: ClientSender) -> None:
    async with Sink() as silent:  # speaks no TLS
        silent.script(SlowAnswer(5))
        by_client.have(make_http_client(connect_seconds=0.2))
        attempt = await by_client.send(silent.url().replace("http:", "https:"))
    assert (attempt.failure, attempt.retryable) == (Failure.TIMEOUT, True)
    assert attempt.error == "timeout: no connection within the HTTP client's connect timeout"
    assert attempt.duration_ms < 8000, "the 10 s of the whole attempt"
