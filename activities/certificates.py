"""Certificates, keys and trust stores: read and checked, and made into the TLS context of an HTTP client."""

import hashlib
import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from activities.transport_errors import check_own_means
from domain.http_client_errors import InvalidCertificateError
from domain.http_clients import CertificateFacts, TrustStore
from domain.naming import given_as

if TYPE_CHECKING:  # x509 takes 0.1 s to import, which every command would wait for
    from cryptography import x509

MAX_PEM_BYTES = 256 * 1024  # the system's own bundle of some 140 CAs is 220 KB


class CertifiedKey(NamedTuple):
    """A certificate with its chain and its key, both PEM; the key is open."""

    chain: str
    key: str
    facts: CertificateFacts

    def __repr__(self) -> str:
        return f"CertifiedKey({self.facts.subject})"


def read_certified_key(
    chain: str, key: str, passphrase: str | None, now: datetime, *, expired_too: bool = False
) -> CertifiedKey:
    """A certificate and its key, checked to belong together and to be valid at ``now``, or with ``expired_too`` before.

    Raises:
        InvalidCertificateError: for anything that a receiver would refuse as well, as far as it can be told here.
    """
    certificates = _read_chain(chain, "the certificate")
    own = certificates[0]
    with given_as("key"):
        opened = _read_key(key, passphrase)
        if own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != opened.public:
            raise InvalidCertificateError(what="the key", reason="it does not belong to the (first) certificate")
    if own.not_valid_after_utc <= now and not expired_too:
        raise InvalidCertificateError(
            what="the certificate", reason=f"it expired on {own.not_valid_after_utc:%Y-%m-%d}"
        )
    if own.not_valid_before_utc > now:
        raise InvalidCertificateError(
            what="the certificate", reason=f"it is valid from {own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on"
        )
    found = CertifiedKey(_pem(certificates), opened.pem, facts_of(own))
    tls_context(found, None)  # whatever else OpenSSL does not like, such as a key of 1024 bits
    return found


def read_trust(pem: str) -> TrustStore:
    """A trust store; raises `InvalidCertificateError`."""
    certificates = _read_chain(pem, "the trust store")
    return TrustStore(pem=_pem(certificates), certificates=tuple(facts_of(each) for each in certificates))


def facts_of(certificate: "x509.Certificate") -> CertificateFacts:
    """What may be known of a certificate."""
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_after=certificate.not_valid_after_utc,
        sha256=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    )


def facts_of_der(certificate: bytes) -> CertificateFacts:
    """The same, of a certificate as a TLS connection has it."""
    from cryptography import x509  # noqa: PLC0415 - see above

    return facts_of(x509.load_der_x509_certificate(certificate))


def tls_context(own: CertifiedKey | None, trust: TrustStore | None) -> ssl.SSLContext:
    """A context that verifies receivers, by a trust store or the system's, and shows a certificate where asked.

    Takes 20 ms and more, so it is made in a thread, and once.

    Raises:
        InvalidCertificateError: OpenSSL does not take the certificate.
        OSError: this machine cannot open the files that it takes.
    """
    context = ssl.create_default_context(cadata=trust.pem if trust else None)
    check_own_means()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if own is not None:
        try:
            with _key_file(own) as (path, passphrase):
                context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError as error:
            reason = f"OpenSSL refuses it ({error.reason or 'no reason given'})"
            raise InvalidCertificateError(what="the certificate", reason=reason) from None
    return context


@contextmanager
def _key_file(own: CertifiedKey) -> Iterator[tuple[str, str]]:
    """A file with key and chain, which ``ssl`` wants; in memory where there is such a thing, and gone at the end.

    The key in it is encrypted under a passphrase of this moment, so that not even a lost file would hold a key.
    """
    passphrase = secrets.token_hex(16)
    key = load_pem_private_key(own.key.encode(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    content = encrypted + own.chain.encode()
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("im-client-certificate"), "wb") as memory:  # noqa: PTH123 - a descriptor
            memory.write(content)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}", passphrase
    else:
        with tempfile.NamedTemporaryFile() as file:  # mode 0600
            file.write(content)
            file.flush()
            yield file.name, passphrase


class _OpenedKey(NamedTuple):
    pem: str
    public: bytes


def _read_key(pem: str, passphrase: str | None) -> _OpenedKey:
    try:
        key = load_pem_private_key(_bounded(pem, "the key"), passphrase.encode() if passphrase else None)
    except TypeError:
        if passphrase is None:
            need, does = "it is encrypted, and its passphrase is missing", "Give it: --key-passphrase (key_passphrase)."
        else:
            need, does = "it has no passphrase, but one was given", "Leave --key-passphrase (key_passphrase) out."
        raise InvalidCertificateError(what="the key", reason=need, fix=does) from None
    except (ValueError, UnsupportedAlgorithm):
        wrong = "it is no private key in PEM, or the passphrase is wrong" if passphrase else "it is no private key"
        raise InvalidCertificateError(what="the key", reason=wrong) from None
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _OpenedKey(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public)


def _read_chain(pem: str, what: str) -> "list[x509.Certificate]":
    from cryptography import x509  # noqa: PLC0415 - see above

    try:
        return x509.load_pem_x509_certificates(_bounded(pem, what))
    except ValueError:
        raise InvalidCertificateError(what=what, reason="it has no certificate in PEM, or a broken one") from None


def _bounded(pem: str, what: str) -> bytes:
    encoded = pem.encode()
    if len(encoded) > MAX_PEM_BYTES:
        raise InvalidCertificateError(what=what, reason=f"it is over {MAX_PEM_BYTES // 1024} KiB")
    return encoded


def _pem(certificates: "list[x509.Certificate]") -> str:
    """The certificates alone: whatever else was in the file, a key for instance, is not kept."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)
