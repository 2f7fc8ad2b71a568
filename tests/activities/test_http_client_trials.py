"""What `im http-client test` says of receivers that end the connection."""

import trustme

from activities.http_client_trials import try_out
from domain.addresses import AddressPolicy
from domain.http_client_trials import HttpClientTrial
from domain.http_clients import HttpClient
from domain.outcomes import Failure
from tests.support.authorities import make_http_client, server_tls
from tests.support.builders import make_keyring
from tests.support.tls_door import TlsDoor

SERVERS, CLIENTS, STRANGERS = trustme.CA(), trustme.CA(), trustme.CA()


async def _tried(client: HttpClient, door: TlsDoor) -> HttpClientTrial:
    return await try_out(client, door.url, make_keyring(), AddressPolicy())


async def test_why_a_certificate_is_refused_is_told_even_if_the_request_crosses_the_alert() -> None:
    with TlsDoor(server_tls(SERVERS, clients=CLIENTS), hasty=True) as receiver:
        trials = [await _tried(make_http_client(trust=SERVERS), receiver) for _ in range(10)]
        stranger = make_http_client(trust=SERVERS, certificate=STRANGERS.issue_cert("im"))
        trials += [await _tried(stranger, receiver) for _ in range(10)]
    assert {trial.failure for trial in trials} == {Failure.CLIENT_CERTIFICATE}
    assert [trials[0].error, trials[-1].error] == [
        "client certificate refused: it asks for a client certificate",
        "client certificate refused: it does not know the CA of the client certificate",
    ]


async def test_of_a_reset_after_the_handshake_is_told_what_it_may_mean() -> None:
    with TlsDoor(server_tls(SERVERS), wordless=True) as receiver:
        without = await _tried(make_http_client(trust=SERVERS), receiver)
        having = await _tried(make_http_client(trust=SERVERS, certificate=CLIENTS.issue_cert("im")), receiver)
    assert (without.failure, having.failure) == (Failure.CONNECTION, Failure.CONNECTION)
    assert "just after the handshake: the receiver may want a client certificate" in (without.error or "")
    assert having.error in {"connection reset", "connection closed before the request"}


async def test_a_receiver_that_answers_is_asked_once() -> None:
    with TlsDoor(server_tls(SERVERS)) as receiver:
        trial = await _tried(make_http_client(trust=SERVERS), receiver)
    assert (trial.failure, trial.status, len(receiver.received)) == (None, 200, 1)
