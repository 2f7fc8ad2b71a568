"""What `im http-client test` finds out."""

from pydantic import BaseModel

from domain.http_clients import CertificateFacts
from domain.outcomes import Failure


class PeerFacts(BaseModel):
    """The TLS connection to the receiver.

    Attributes:
        tls: version, such as ``TLSv1.3``.
        certificate: the receiver's; valid for another ``days_left``.
    """

    tls: str
    cipher: str | None = None
    certificate: CertificateFacts
    days_left: int


class HttpClientTrial(BaseModel):
    """What came of a test.

    Attributes:
        method: of the request: HEAD, or GET where the receiver knows no HEAD.
        status: that the receiver answered with; any one means that it was reached.
        failure: why there is none, classed as for a delivery; ``error`` says it in words.
        peer: None where no TLS connection was made.
        token_seconds: life of the token that was fetched; None without OAuth2, or if none was got.
    """

    http_client: str
    url: str
    method: str = "HEAD"
    status: int | None = None
    answer: str | None = None
    failure: Failure | None = None
    error: str | None = None
    duration_ms: int = 0
    peer: PeerFacts | None = None
    token_seconds: int | None = None
